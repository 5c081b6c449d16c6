"""Which cameras stand together, from their photos alone: a pair facing each other fires in the same minute.

Cameras that are not a pair also share a minute now and then. How often is known: by their numbers of photos,
and by how often they would share one if the clock of one ran whole days off, which keeps the hours at which
both are busy and any time-lapse schedule. A pair is claimed where chance explains its shared minutes too
badly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

from reid.photos.stations import natural
from reid.tables import STATIONS, from_rows

__all__ = ["infer_pairs"]

LEVEL = 0.01
"""Chance that a survey without pairs gives any, at most."""
EVENT_MINUTES = 10
"""Photos of one camera within this time of an event's first are the same event."""
TOLERANCE_MINUTES = 1
SHORTEST_MINUTES = 30 * 1440
"""Two cameras with few photos were active for longer than these tell."""
SHIFT_DAYS = 7


def infer_pairs(photos: pd.DataFrame) -> pd.DataFrame:
    """Find the cameras that stand together as pairs.

    For each two cameras the number of events at most one minute apart is compared with the number to expect
    by chance (Poisson, corrected for the number of pairs tried, at the level of 1 %). Two cameras are a pair
    where each is the other's best partner; a camera with two equally good partners gets none.

    Args:
        photos: Columns `camera` and `date`; rows without a date say nothing.

    Returns:
        A STATIONS table of all cameras in natural order; both cameras of a pair get the station `A+B` and
        the source "inferred", every other camera its own name and "path".
    """
    cameras = sorted(photos["camera"].dropna().astype(str).unique(), key=natural)
    dated = photos[photos["date"].notna() & photos["camera"].notna()]
    minutes = dated["date"].to_numpy("datetime64[m]").astype(np.int64)
    events = {
        str(camera): _events(minutes[rows])
        for camera, rows in dated.reset_index(drop=True).groupby("camera").indices.items()
    }
    station = {camera: camera for camera in cameras}
    paired = _pairs(events, len(cameras) * (len(cameras) - 1) // 2)
    for pair in paired:
        for camera in pair:
            station[camera] = "+".join(pair)
    inferred = {camera for pair in paired for camera in pair}
    return from_rows(
        [{"camera": c, "station": station[c], "source": "inferred" if c in inferred else "path"} for c in cameras],
        STATIONS,
    )


def _events(minutes: np.ndarray) -> np.ndarray:
    """First minutes of a camera's events, ascending."""
    starts: list[int] = []
    for minute in np.unique(minutes):
        if not starts or minute - starts[-1] >= EVENT_MINUTES:
            starts.append(int(minute))
    return np.array(starts, dtype=np.int64)


def _pairs(events: dict[str, np.ndarray], tried: int) -> list[tuple[str, str]]:
    """Pairs of cameras, each in natural order."""
    from scipy.special import gammainc  # gammainc(k, x) is the chance of k or more where x are expected

    width = 2 * TOLERANCE_MINUTES + 1
    chance: dict[tuple[str, str], float] = {}
    for (a, b), together in sorted(_coincidences(events).items()):
        span = int(max(events[a][-1], events[b][-1]) - min(events[a][0], events[b][0]))
        expected = len(events[a]) * len(events[b]) * width / max(span, SHORTEST_MINUTES)
        if gammainc(together, expected) * tried < LEVEL:
            # the second estimate costs more and can only raise the first
            expected = max(expected, _expected_by_shift(events[a], events[b], span))
            chance[a, b] = float(gammainc(together, expected) * tried)
    return _mutual_best({pair: p for pair, p in chance.items() if p < LEVEL})


def _coincidences(events: dict[str, np.ndarray]) -> Counter[tuple[str, str]]:
    """How many events each two cameras share within the tolerance."""
    stream = sorted((int(minute), camera) for camera, minutes in events.items() for minute in minutes)
    counts: Counter[tuple[str, str]] = Counter()
    oldest = 0
    for here, (minute, camera) in enumerate(stream):
        while stream[oldest][0] < minute - TOLERANCE_MINUTES:
            oldest += 1
        for _, other in stream[oldest:here]:
            counts[_ordered(camera, other)] += 1
    return counts


def _ordered(a: str, b: str) -> tuple[str, str]:
    return (a, b) if natural(a) < natural(b) else (b, a)


def _expected_by_shift(a: np.ndarray, b: np.ndarray, span: int) -> float:
    """Mean number of shared events with one clock moved by whole days; for overlap lost it is scaled up."""
    shares = []
    for days in range(1, SHIFT_DAYS + 1):
        lost = days * 1440
        if lost * 2 > span:
            break
        for shift in (-lost, lost):
            nearest = np.searchsorted(b, a + shift - TOLERANCE_MINUTES)
            inside = nearest < len(b)
            hits = b[nearest[inside]] <= a[inside] + shift + TOLERANCE_MINUTES
            shares.append(float(hits.sum()) * span / (span - lost))
    return float(np.mean(shares)) if shares else 0.0


def _mutual_best(chance: dict[tuple[str, str], float]) -> list[tuple[str, str]]:
    best: dict[str, list[str]] = {}
    for camera in {camera for pair in chance for camera in pair}:
        mine = {_other(pair, camera): p for pair, p in chance.items() if camera in pair}
        best[camera] = [other for other, p in mine.items() if p == min(mine.values())]
    return _sorted_pairs(pair for pair in chance if best[pair[0]] == [pair[1]] and best[pair[1]] == [pair[0]])


def _other(pair: tuple[str, str], camera: str) -> str:
    return pair[1] if pair[0] == camera else pair[0]


def _sorted_pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(pairs, key=lambda pair: (natural(pair[0]), natural(pair[1])))

"""A season as capture histories: occasions chosen, cameras' days counted, each flank by itself, encounters for the draws."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations
from math import ceil

import numpy as np
import pandas as pd

from reid.abundance.effort import effort_days, places
from reid.abundance.histories import History, capture_history, occasions_between
from reid.abundance.identities import Labels, draw_by_links
from reid.abundance.settings import PopulationSettings
from reid.abundance.times import local_times
from reid.counts import encounter_flanks
from reid.errors import TableError
from reid.tables import UNKNOWN

__all__ = ["FLANKS", "Captured", "capture_season"]

FLANKS = ("left", "right")


@dataclass(frozen=True)
class Captured:
    """A season, laid out.

    Attributes:
        named: Captures of named animals, by flank.
        encounters: Captures with a row for each encounter, by flank.
        rows: Which encounter of `draw` each row of `encounters` is, by flank.
        draw: Draws a name for each encounter of the season.
        without_place: Why there are no coordinates; empty where there are.
        cautions: What was assumed or left out on the way, in sentences.
    """

    named: dict[str, History]
    encounters: dict[str, History]
    rows: dict[str, list[int]]
    draw: Labels
    start: pd.Timestamp
    occasion_days: float
    occasions: int
    without_place: str
    cautions: tuple[str, ...]

    def names(self, draws: int, seed: int) -> list[list[str | None]]:
        """Names of all encounters, drawn so many times: for every model the same."""
        random = np.random.default_rng(seed)
        return [self.draw(random) for _ in range(draws)]

    def labels(self, flank: str, names: list[list[str | None]]) -> Labels:
        """The names of those encounters that show a flank, one draw after another."""
        left = iter(names)
        return lambda random: [drawn[i] for drawn in [next(left)] for i in self.rows[flank]]


def capture_season(
    sightings: pd.DataFrame,
    links: pd.DataFrame,
    stations: pd.DataFrame,
    period: tuple[pd.Timestamp, pd.Timestamp] | None,
    settings: PopulationSettings,
    apart: Iterable[Collection[str]] = (),
) -> Captured:
    """Lay a season out.

    Args:
        sightings: SIGHTINGS table.
        links: LINKS table of the same season.
        stations: STATIONS table.
        period: First and last photo, of animals or not; the first and last sighting if None.
        settings: Occasions.
        apart: Pairs of encounters that are two animals, besides those of one photo.

    Raises:
        TableError: no sighting has a date, or the tables do not belong together.
    """
    dated = local_times(sightings["date"])
    if not dated.notna().any():
        raise TableError("no sighting has a date, so that there are no occasions; `reid scan --help` says where times are sought.")  # fmt: skip
    first, last = period if period is not None and pd.notna(period[0]) else (dated.min(), dated.max())
    start = pd.Timestamp(settings.start) if settings.start else pd.Timestamp(min(first, dated.min())).normalize()
    end = max(last, dated.max())
    days = settings.occasion_days or max(1.0, float(ceil((end - start) / pd.Timedelta(days=1) / 10)))
    # the last instant belongs to an occasion, too
    occasions = settings.occasions or occasions_between(start, end + pd.Timedelta(seconds=1), days)
    stations = stations.dropna(subset=["station"])
    effort = effort_days(stations, start, days, occasions)
    cautions = _about_effort(stations)
    try:
        coordinates, without = places(stations, list(effort.index)), ""
    except TableError as error:
        coordinates, without = None, str(error)

    def laid(rows: pd.DataFrame, flank: str) -> History:
        return capture_history(rows, days, start, occasions, effort, coordinates, flank)

    known = sightings[(sightings["identity"] != UNKNOWN) & (sightings["decision"] != "unsure")]
    as_encounters = sightings.assign(identity=sightings["encounter"])
    named = {flank: laid(known, flank) for flank in FLANKS}
    encounters = {flank: laid(as_encounters, flank) for flank in FLANKS}
    order, draw = draw_by_links(
        _named(sightings), encounter_flanks(sightings), links, _unsure(sightings), [*_of_one_photo(sightings), *apart]
    )
    at = {name: i for i, name in enumerate(order)}
    rows = {flank: [at[name] for name in encounters[flank].animals] for flank in FLANKS}
    cautions += _about_rest(named)
    return Captured(named, encounters, rows, draw, start, float(days), int(occasions), without, tuple(cautions))


def _named(sightings: pd.DataFrame) -> dict[str, str]:
    rows = sightings[(sightings["identity"] != UNKNOWN) & (sightings["decision"] != "unsure")]
    return {str(e): str(name) for e, name in zip(rows["encounter"], rows["identity"], strict=True)}


def _unsure(sightings: pd.DataFrame) -> set[str]:
    return set(sightings["encounter"].astype(str)) - set(_named(sightings))


def _of_one_photo(sightings: pd.DataFrame) -> list[tuple[str, str]]:
    """Two animals stand on one photo: two encounters, and never one animal."""
    there: dict[str, set[str]] = {}
    for path, name in zip(sightings["path"].tolist(), sightings["encounter"].astype(str).tolist(), strict=True):
        there.setdefault(path, set()).add(name)
    return sorted({pair for names in there.values() for pair in combinations(sorted(names), 2)})


def _about_effort(stations: pd.DataFrame) -> list[str]:
    undated = stations["start"].isna() | stations["end"].isna()
    if undated.all():
        return ["When the cameras worked is not known: all are taken to have worked from the first photo to the last."]
    if undated.any():
        return [f"{int(undated.sum())} of {len(stations)} cameras have no first or last day and are taken to have worked throughout."]  # fmt: skip
    return []


def _about_rest(named: dict[str, History]) -> list[str]:
    """Sightings of a flank that fit no cell, by reason."""
    out: dict[str, int] = {}
    for flank, history in named.items():
        if history.left_out is not None and len(history.left_out):
            rest = history.left_out[~history.left_out["reason"].str.startswith("not the")]
            for reason, count in rest[rest["orientation"] == flank]["reason"].value_counts().items():
                out[str(reason)] = out.get(str(reason), 0) + int(count)
    return [f"{count} sightings of a flank are in no capture: {reason}." for reason, count in sorted(out.items())]

"""Several seasons together: who is known, who came, stayed and is gone, how fast the number grew, and who lives where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from reid.abundance.growth import growth
from reid.abundance.result import Estimate
from reid.abundance.seasons import discovery, fates, known_by_season, presence, residency
from reid.errors import TableError

__all__ = ["GROWTH", "Seasons", "follow_seasons", "in_order"]

GROWTH = ("from", "to", "years", "first", "last", "of", "ratio", "low", "high", "annual", "annual_low", "annual_high", "basis")  # fmt: skip
YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Seasons:
    """What the seasons say together; see `reid.abundance.seasons` for the tables.

    Attributes:
        known: By season.
        fates: By individual, with `sex` and `age` where they are known.
        discovery: By encounter.
        residency: By individual and station.
        growth: Columns `GROWTH`, from each season to the next, and from the first to the last.
        middles: The middle date of each season.
    """

    known: pd.DataFrame
    fates: pd.DataFrame
    discovery: pd.DataFrame
    residency: pd.DataFrame
    growth: pd.DataFrame
    middles: dict[str, pd.Timestamp]


def in_order(sightings: pd.DataFrame) -> list[str]:
    """Seasons by their median date; those without any date come last, by name."""
    dates = sightings.dropna(subset=["date"]).groupby("season")["date"].median()
    undated = sorted(set(sightings["season"].astype(str)) - set(dates.index.astype(str)))
    return [str(name) for name in dates.sort_values(kind="stable").index] + undated


def follow_seasons(
    sightings: pd.DataFrame,
    traits: pd.DataFrame | None = None,
    estimates: Mapping[str, Estimate] | None = None,
    confidence: float = 0.95,
    order: Sequence[str] = (),
) -> Seasons:
    """Follow individuals over seasons.

    Args:
        sightings: `identity`, `season`, `date`, `station`, `encounter`; encounters of two seasons have two names.
        traits: `identity`, `sex`, `age`, where they are known.
        estimates: Of the population by season, where there are any.
        confidence: Of the growth's interval.
        order: Seasons, the earliest first; by their dates if not given.

    Raises:
        TableError: nobody was met in any season, or a season is missing from `order`.
    """
    order = list(order) or in_order(sightings)
    missing = sorted(set(sightings["season"].astype(str)) - set(order))
    if missing:
        raise TableError(f"the order of the seasons lacks {', '.join(missing)}; name every season once.")
    rows = sightings.assign(season=pd.Categorical(sightings["season"].astype(str), order, ordered=True))
    met = presence(rows.assign(season=rows["season"].cat.codes))
    met.columns = pd.Index([order[int(i)] for i in met.columns], name="season")
    table = fates(met)
    if traits is not None:
        said = traits.set_index("identity")[["sex", "age"]]
        table = table.join(said, on="identity")
    lives = residency(sightings)
    home = lives.sort_values(["identity", "encounters", "station"], ascending=[True, False, True], kind="stable")
    home = home.drop_duplicates("identity").set_index("identity")["station"]
    table["station"] = table["identity"].map(home)
    known = known_by_season(met)
    dated = sightings.dropna(subset=["date"]).groupby("season")["date"]
    middles = {str(name): low + (high - low) / 2 for name, low, high in zip(dated.min().index, dated.min(), dated.max(), strict=True)}  # fmt: skip
    return Seasons(
        known, table, discovery(sightings), lives, _grown(known, middles, estimates or {}, confidence), middles
    )


def _grown(
    known: pd.DataFrame, middles: Mapping[str, pd.Timestamp], estimates: Mapping[str, Estimate], confidence: float
) -> pd.DataFrame:
    seasons = [str(name) for name in known.index if str(name) in middles]
    steps = list(pairwise(seasons))
    if len(seasons) > 2:
        steps.append((seasons[0], seasons[-1]))
    rows = []
    for a, b in steps:
        years = (middles[b] - middles[a]) / pd.Timedelta(days=YEAR_DAYS)
        counts = tuple(float(n) for n in known["met"].loc[[a, b]])
        kinds: list[tuple[str, Estimate | float, Estimate | float]] = []
        if min(counts) > 0:
            kinds.append(("animals met", counts[0], counts[1]))
        pair = estimates.get(a), estimates.get(b)
        if pair[0] is not None and pair[1] is not None and pair[0].defined and pair[1].defined:
            kinds.append(("estimates", pair[0], pair[1]))
        for kind, first, last in kinds:
            if years <= 0:
                continue
            g = growth(first, last, years, confidence)
            ends = [x.n if isinstance(x, Estimate) else x for x in (first, last)]
            rows.append(dict(zip(GROWTH, (a, b, round(years, 2), *ends, kind, g.ratio, g.low, g.high, g.annual, g.annual_low, g.annual_high, g.basis), strict=True)))  # fmt: skip
    return pd.DataFrame(rows, columns=list(GROWTH))

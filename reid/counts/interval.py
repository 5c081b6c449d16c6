"""How many animals, and how sure: the count of a season with its interval."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid.counts.bounds import BOTH, LEFT, NEITHER, RIGHT, sides_of
from reid.counts.draws import draw_counts
from reid.counts.evidence import PRIOR
from reid.counts.season import build_season
from reid.counts.settings import CountSettings
from reid.errors import TableError
from reid.tables import LINKS, UNKNOWN, check

__all__ = ["Count", "count", "encounter_flanks"]


@dataclass(frozen=True)
class Count:
    """The number of animals of a season.

    The four counts by flank add up to `best`. They go by every flank an animal is known from: those seen this
    season, and those in the catalogue.
    """

    best: int
    """Individuals with a name: an animal known from one side only counts once, as it was named; unsure ones
    do not count."""
    low: int
    high: int
    confidence: float
    """Share of the draws that lie between `low` and `high`, at least."""
    left_only: int
    right_only: int
    both: int
    neither: int
    unsure_encounters: int


def encounter_flanks(crops: pd.DataFrame) -> dict[str, frozenset[str]]:
    """The flanks seen in each encounter, of a CROPS table: `left`, `right`, and `other` for every other
    value.

    >>> crops = pd.DataFrame({"encounter": ["e1", "e1", "e2"], "orientation": ["left", "front", "unknown"]})
    >>> {name: sorted(flanks) for name, flanks in encounter_flanks(crops).items()}
    {'e1': ['left', 'other'], 'e2': ['other']}
    """
    seen: dict[str, set[str]] = {}
    for encounter, flank in zip(crops["encounter"], crops["orientation"], strict=True):
        if not pd.isna(encounter):
            seen.setdefault(str(encounter), set()).add(flank if flank in ("left", "right") else "other")
    return {encounter: frozenset(seen[encounter]) for encounter in sorted(seen)}


def count(
    groups: Mapping[str, str],
    flanks: Mapping[str, Collection[str]],
    links: pd.DataFrame,
    unsure: Collection[str] = (),
    cannot: Iterable[Collection[str]] = (),
    joined: Iterable[Collection[str]] = (),
    known_flanks: Mapping[str, Collection[str]] | None = None,
    confidence: float = 0.9,
    draws: int = 2000,
    seed: int = 0,
    prior: float = PRIOR,
) -> Count:
    """Count the animals of a season.

    `best` is the number of different names in `groups`. The interval comes from `draws` random draws. In
    each, every open link holds or not, with its probability:

    - An animal of several encounters is held together by its strongest links, each with a second to stand in
      for it; where both fail, it splits.
    - Two animals with candidate links between them become one with the probability of the strongest. Animals
      of several encounters need several: the mean log-odds of the best links between distinct encounters that
      show a common side, so that one false link among many good comparisons does not speak for all. Nor does a
      link that others of the same two contradict. Where links between animals are seldom true, as their own evidence
      has it, each counts less (see `reid.counts.evidence.weigh_again`).
    - A link of at most 1 % is taken as false, and one of at least 99 % as true.
    - An unsure encounter becomes one of the animals it has links with, or stays a stranger. One with no link
      at all may be anyone: nothing at the low end, an animal at the high end.
    - Nothing joins encounters that `cannot` keeps apart, nor two individuals of the catalogue. Where links
      exclude one another, the more probable one is drawn first.

    Each draw is counted twice. At the low end, animals known from the left only are the same as those known
    from the right only, as far as possible, and those known from neither side are among the others. At the
    high end they are all different. `low` is the lower quantile of the first, `high` the upper quantile of
    the second, both widened to hold `best`.

    Args:
        groups: Name of the animal by encounter; those named "unknown" count as unsure.
        flanks: By encounter, what was seen: `left`, `right`, and others; see `encounter_flanks`.
        links: A LINKS table: candidate links with calibrated probabilities, whether they were followed or
            not.
        unsure: Encounters without a name.
        cannot: Pairs of encounters that are two animals.
        joined: Pairs of encounters that were joined by something other than a link, such as a pair of cameras
            or a person. They are certain. Encounters of one name that nothing else holds together are taken
            as certain too.
        known_flanks: By name, the flanks that the catalogue holds of its individuals.
        confidence: Share of the draws that the interval spans.
        draws: How many draws.
        seed: Of the draws.
        prior: Share of compared pairs that are one animal, for which the links' probabilities were made.

    Raises:
        ConfigError: `confidence`, `draws` or `seed` is outside what it may be.
        TableError: `links` is no LINKS table; an encounter is named and unsure at once; a link or a
            constraint names an encounter that is neither.

    >>> from reid.tables import empty
    >>> result = count({"e1": "A", "e2": "B"}, {"e1": {"left"}, "e2": {"right"}}, empty(LINKS))
    >>> result.best, result.low, result.high
    (2, 1, 2)
    """
    CountSettings(confidence=confidence, draws=draws, seed=seed)
    links = check(links, LINKS, extra=True)
    twice = sorted(name for name in unsure if groups.get(name, UNKNOWN) != UNKNOWN)
    if twice:
        raise TableError(
            f"the encounter {twice[0]!r} is named {groups[twice[0]]!r} and is unsure as well; give it once."
        )
    undecided = {*unsure, *(encounter for encounter, name in groups.items() if name == UNKNOWN)}
    named = {encounter: name for encounter, name in groups.items() if name != UNKNOWN}
    catalogue = dict(known_flanks or {})
    rows = zip(links["encounter"], links["other"], links["kind"], links["probability"], strict=True)
    season = build_season(named, undecided, flanks, rows, cannot, joined, catalogue, prior)
    fewest, most = draw_counts(season, draws, seed)

    sides = {name: sides_of(catalogue.get(name, ())) for name in named.values()}
    for encounter, name in named.items():
        sides[name] |= sides_of(flanks.get(encounter, ()))
    by_side = [sum(value == side for value in sides.values()) for side in (LEFT, RIGHT, BOTH, NEITHER)]
    tail = (1 - confidence) / 2
    return Count(
        best=len(sides),
        low=min(len(sides), int(np.quantile(fewest, tail, method="lower"))),
        high=max(len(sides), int(np.quantile(most, 1 - tail, method="higher"))),
        confidence=float(confidence),
        left_only=by_side[0],
        right_only=by_side[1],
        both=by_side[2],
        neither=by_side[3],
        unsure_encounters=len(undecided),
    )

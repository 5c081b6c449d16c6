"""Random draws of who is who, where that is undecided: one name for every encounter, and each draw another answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from reid.counts.draws import Animals
from reid.counts.evidence import root_of
from reid.counts.season import build_season
from reid.errors import TableError
from reid.tables import LINKS, UNKNOWN, check

__all__ = ["Labels", "draw_by_links", "draw_by_table"]

Labels = Callable[[np.random.Generator], list[str | None]]
"""Draws a name for each encounter, in their order; None for one that stays out."""


def draw_by_table(encounters: Sequence[str], alternatives: pd.DataFrame) -> Labels:
    """Names drawn from what each encounter may be.

    Args:
        encounters: In the order in which names are wanted.
        alternatives: Columns `encounter`, `identity`, `probability`, any number of rows for one encounter. What its
            probabilities leave to 1 is the chance of an animal of its own. Encounters without a row stay out.

    Raises:
        TableError: a column is missing, a probability lies outside 0 to 1, or those of one encounter exceed 1.

    >>> table = pd.DataFrame({"encounter": ["e1", "e2"], "identity": ["A", "A"], "probability": [1.0, 0.5]})
    >>> names = draw_by_table(["e1", "e2"], table)
    >>> sorted({tuple(names(np.random.default_rng(i))) for i in range(20)})
    [('A', 'A'), ('A', 'new: e2')]
    """
    missing = [name for name in ("encounter", "identity", "probability") if name not in alternatives.columns]
    if missing:
        raise TableError(f"the alternatives lack {', '.join(missing)}; needed are encounter, identity, probability.")
    values = alternatives["probability"].to_numpy(float)
    sums = alternatives.groupby("encounter")["probability"].sum()
    if not ((values >= 0) & (values <= 1)).all() or (sums > 1 + 1e-9).any():
        wrong = sums.idxmax() if len(sums) else ""
        raise TableError(f"probabilities lie between 0 and 1, and so does their sum by encounter; look at {wrong!r}.")
    by_encounter = {str(name): rows for name, rows in alternatives.groupby("encounter", sort=True)}
    choice: list[tuple[list[str | None], np.ndarray]] = []
    for name in encounters:
        rows = by_encounter.get(str(name))
        if rows is None:
            choice.append(([None], np.ones(1)))
            continue
        choice.append(([*rows["identity"].astype(str), f"new: {name}"], np.cumsum(rows["probability"].to_numpy(float))))

    def draw(random: np.random.Generator) -> list[str | None]:
        at = random.random(len(choice))
        return [
            names[0] if len(names) == 1 else names[int(np.searchsorted(edges, u, side="right"))]
            for (names, edges), u in zip(choice, at, strict=True)
        ]

    return draw


def draw_by_links(
    groups: Mapping[str, str],
    flanks: Mapping[str, Collection[str]],
    links: pd.DataFrame,
    unsure: Collection[str] = (),
    cannot: Iterable[Collection[str]] = (),
    joined: Iterable[Collection[str]] = (),
    known_flanks: Mapping[str, Collection[str]] | None = None,
) -> tuple[list[str], Labels]:
    """Names drawn from the links of a season, by the rules of `reid.counts.count`, whose arguments these are.

    An unsure encounter joins one of the animals it has links with or stays an animal of its own; one without any link
    may be anyone, and stays out.

    Returns:
        The encounters, sorted, and what draws a name for each.

    Raises:
        TableError: `links` is no LINKS table, or names an encounter that is in neither `groups` nor `unsure`.
    """
    links = check(links, LINKS, extra=True)
    named = {encounter: name for encounter, name in groups.items() if name != UNKNOWN}
    undecided = {*unsure, *(encounter for encounter, name in groups.items() if name == UNKNOWN)} - set(named)
    rows = list(zip(links["encounter"], links["other"], links["kind"], links["probability"], strict=True))
    season = build_season(named, undecided, flanks, rows, cannot, joined, dict(known_flanks or {}))
    encounters = sorted({*named, *undecided})
    compared = {end for a, b, kind, p in rows if p > 0 for end in ((a, b) if kind == "encounter" else (a,))}
    stays_out = [name in undecided and name not in compared for name in encounters]
    probability = np.array([edge.probability for edge in season.edges])

    def draw(random: np.random.Generator) -> list[str | None]:
        animals = Animals(season)
        for k in np.flatnonzero(random.random(len(season.edges)) < probability):
            animals.join(season.edges[k])
        roots = [root_of(animals.parent, i) for i in range(len(encounters))]
        return [None if out else f"animal {root}" for root, out in zip(roots, stays_out, strict=True)]

    return encounters, draw

"""Random draws of which links of a season hold, and how many animals each draw leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reid.counts.bounds import Animal, fewest
from reid.counts.evidence import Edge, root_of
from reid.counts.season import Season

__all__ = ["Animals", "draw_counts", "without_certain"]


class Animals:
    """Nodes joined so far; what a root holds is true of its whole animal."""

    def __init__(self, season: Season) -> None:
        self.parent = list(range(len(season.encounter)))
        self.seen = list(season.encounter)
        self.named = list(season.named)
        self.catalogued = list(season.catalogued)
        self.sides = list(season.sides)
        self.members = list(season.members)
        self.forbidden = list(season.forbidden)

    def join(self, edge: Edge) -> None:
        """Join both ends, unless something forbids it."""
        a, b = root_of(self.parent, edge.a), root_of(self.parent, edge.b)
        if (
            a == b
            or (self.catalogued[a] and self.catalogued[b])  # two individuals of the catalogue stay two
            or (edge.unsure and self.named[a] and self.named[b])
            or self.members[a] & self.forbidden[b]
        ):
            return
        self.parent[b] = a
        self.seen[a] |= self.seen[b]
        self.named[a] |= self.named[b]
        self.catalogued[a] |= self.catalogued[b]
        self.sides[a] |= self.sides[b]
        self.members[a] |= self.members[b]
        self.forbidden[a] |= self.forbidden[b]

    def counted(self) -> list[Animal]:
        return [
            Animal(self.sides[i], self.members[i], self.forbidden[i])
            for i, parent in enumerate(self.parent)
            if parent == i and self.seen[i]
        ]


def draw_counts(season: Season, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw which links hold, and count the animals.

    Returns:
        Two integer arrays of length `draws`: the fewest animals that each draw allows (see `fewest`), and the
        most, where everything that no link joins is an animal of its own.
    """
    season = without_certain(season)
    probability = np.array([edge.probability for edge in season.edges])
    random = np.random.default_rng(seed)
    low, high = np.empty(draws, dtype=np.int64), np.empty(draws, dtype=np.int64)
    for i in range(draws):
        animals = Animals(season)
        for k in np.flatnonzero(random.random(len(season.edges)) < probability):
            animals.join(season.edges[k])
        counted = animals.counted()
        low[i], high[i] = fewest(counted), len(counted)
    return low, high


def without_certain(season: Season) -> Season:
    """The season with its certain edges followed, once for all draws: a node for each animal so far.

    The edges that are left keep their order.
    """
    animals = Animals(season)
    for edge in season.edges:
        if edge.probability >= 1:
            animals.join(edge)
    roots = [i for i, parent in enumerate(animals.parent) if i == parent]
    number = {root: k for k, root in enumerate(roots)}

    def renamed(node: int) -> int:
        return number[root_of(animals.parent, node)]

    return Season(
        encounter=tuple(animals.seen[i] for i in roots),
        named=tuple(animals.named[i] for i in roots),
        catalogued=tuple(animals.catalogued[i] for i in roots),
        sides=tuple(animals.sides[i] for i in roots),
        members=tuple(animals.members[i] for i in roots),
        forbidden=tuple(animals.forbidden[i] for i in roots),
        edges=tuple(
            replace(edge, a=renamed(edge.a), b=renamed(edge.b)) for edge in season.edges if edge.probability < 1
        ),
    )

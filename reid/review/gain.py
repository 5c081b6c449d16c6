"""How much the answer to a question would settle the count.

The number of animals is a random quantity as long as links are open: each holds or not, with its probability, as
`reid.counts.count` draws them. The law of total variance says by how much the variance of that number falls, on
average, once it is known whether one link holds: by the variance of the number's mean given the answer. For a link of
probability p, with the mean m1 where it holds and m0 where it does not, that is p (1 - p) (m1 - m0)^2, the first-order
index of Sobol (1993). A person who is right a times in a hundred tells less: by the covariance of answer and truth,

    gain = (2a - 1)^2 p^2 (1 - p)^2 (m1 - m0)^2 / (q (1 - q)),  q = a p + (1 - a) (1 - p).

Links that are not connected do not touch each other's animals, so the means are taken over each connected part alone:
over all its states where it has few links. Where it has many they are drawn, and the step m1 - m0 is the mean of what
one link more would change in the draws without it, which is far less noisy than the difference of two means.

The number of animals of a state lies between the fewest and the most that it allows, since a left side and a right
side may be one animal; its value is the middle of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import erf, sqrt

import numpy as np

from reid.counts.bounds import LEFT, RIGHT
from reid.counts.draws import Animals, without_certain
from reid.counts.evidence import Edge, root_of
from reid.counts.season import Season

__all__ = ["Gains", "told"]

EXACT = 9
"""A part of so many open links is gone through state by state, up to 512 of them."""
DRAWS = 300
"""A larger part is drawn so often."""

Part = tuple[tuple[object, ...], tuple[Edge, ...]]
"""What a connected part is made of: its nodes' facts, and its edges by the nodes' places in it."""


@dataclass(frozen=True)
class _Moments:
    """Of one part: how the numbers of animals by side come out.

    Attributes:
        mean: (4,) of animals known from neither side, the left, the right, both.
        step: (edges, 4): how these means change from a link that does not hold to one that does.
        spread: Variance of the left-only less the right-only ones.
    """

    mean: np.ndarray
    step: np.ndarray
    spread: float


class Gains:
    """Gains of links; parts that an answer did not touch are remembered."""

    def __init__(self) -> None:
        self._known: dict[Part, _Moments] = {}

    def of(self, season: Season, reviewer: float) -> list[tuple[Edge, float]]:
        """Every open edge of a season with its gain.

        Args:
            season: As `reid.counts.season.build_season` makes it.
            reviewer: How often a person is right, above 0.5.
        """
        contracted = without_certain(season)
        original = [edge for edge in season.edges if edge.probability < 1]
        parts = _parts(contracted)
        known, found = self._known, []
        self._known = {}
        touched: set[int] = set()
        for nodes, edges in parts:
            touched.update(nodes)
            part = _part(contracted, nodes, edges)
            self._known[part] = known.get(part) or _moments(part)
            found.append((edges, self._known[part]))
        weight = _left_weight(contracted, touched, [moments for _, moments in found])
        value = np.array([0.5, 0.5 + 0.5 * weight, 1 - 0.5 * weight, 1.0])
        gains = []
        for edges, moments in found:
            for row, edge in enumerate(edges):
                step = float(moments.step[row] @ value)
                gains.append((original[edge], told(original[edge].probability, reviewer) * step**2))
        return gains


def told(probability: float, reviewer: float) -> float:
    """Share of a unit step's variance that an answer takes away: p (1 - p) for a reviewer who is always right.

    >>> round(told(0.5, 1.0), 3), round(told(0.5, 0.96), 3), told(0.0, 0.96)
    (0.25, 0.212, 0.0)
    """
    p, a = probability, reviewer
    yes = a * p + (1 - a) * (1 - p)
    return ((2 * a - 1) * p * (1 - p)) ** 2 / (yes * (1 - yes)) if 0 < yes < 1 else 0.0


def _parts(season: Season) -> list[tuple[list[int], list[int]]]:
    """Nodes and edges, by number, of each part that open links connect."""
    parent = list(range(len(season.encounter)))
    for edge in season.edges:
        a, b = root_of(parent, edge.a), root_of(parent, edge.b)
        parent[max(a, b)] = min(a, b)
    edges: dict[int, list[int]] = {}
    for number, edge in enumerate(season.edges):
        edges.setdefault(root_of(parent, edge.a), []).append(number)
    nodes: dict[int, list[int]] = {}
    for node in range(len(parent)):
        root = root_of(parent, node)
        if root in edges:
            nodes.setdefault(root, []).append(node)
    return [(nodes[root], edges[root]) for root in sorted(edges)]


def _part(season: Season, nodes: Sequence[int], edges: Sequence[int]) -> Part:
    """A part by itself. Bits of encounters that cannot be one are kept as they are: only their overlap counts."""
    place = {node: n for n, node in enumerate(nodes)}
    facts = tuple(
        (season.encounter[i], season.named[i], season.catalogued[i], season.sides[i], season.members[i], season.forbidden[i])
        for i in nodes
    )  # fmt: skip
    own = tuple(
        Edge(place[edge.a], place[edge.b], edge.probability, edge.unsure) for edge in (season.edges[n] for n in edges)
    )
    return facts, own


def _moments(part: Part) -> _Moments:
    facts, edges = part
    season = Season(*zip(*facts, strict=True), edges=edges)  # type: ignore[misc]
    p = np.array([edge.probability for edge in edges])
    if len(edges) > EXACT:
        return _drawn(season, p)
    held = np.array(list(product((False, True), repeat=len(edges))))
    weights = np.where(held, p, 1 - p).prod(axis=1)
    tallies = np.array([_tally(_joined(season, state)) for state in held], dtype=float)
    step = np.empty((len(edges), 4))
    for row in range(len(edges)):
        with_it, without = (weights * (held[:, row] == holds) for holds in (True, False))
        step[row] = with_it @ tallies / with_it.sum() - without @ tallies / without.sum()
    return _Moments(weights @ tallies, step, _spread(tallies, weights))


def _drawn(season: Season, p: np.ndarray) -> _Moments:
    random = np.random.default_rng(len(p))
    one, other = (np.array([getattr(edge, end) for edge in season.edges]) for end in ("a", "b"))
    unsure = np.array([edge.unsure for edge in season.edges])
    total, counted, tallies = np.zeros((len(p), 4)), np.zeros(len(p)), np.empty((DRAWS, 4))
    for draw in range(DRAWS):
        held = random.random(len(p)) < p
        animals = _joined(season, held)
        tallies[draw] = _tally(animals)
        off = np.flatnonzero(~held)
        counted[off] += 1
        root = np.array([root_of(animals.parent, i) for i in range(len(animals.parent))])
        a, b = root[one[off]], root[other[off]]
        named, catalogued = np.array(animals.named), np.array(animals.catalogued)
        free = (a != b) & ~(catalogued[a] & catalogued[b]) & ~(unsure[off] & named[a] & named[b])
        apart = [k for k in np.flatnonzero(free) if animals.members[a[k]] & animals.forbidden[b[k]]]
        free[apart] = False
        off, a, b = off[free], a[free], b[free]
        seen, sides = np.array(animals.seen), np.array(animals.sides)
        np.add.at(total, (off, sides[a]), -1.0 * seen[a])
        np.add.at(total, (off, sides[b]), -1.0 * seen[b])
        np.add.at(total, (off, sides[a] | sides[b]), 1.0 * (seen[a] | seen[b]))
    return _Moments(
        tallies.mean(axis=0), total / np.maximum(counted, 1)[:, None], _spread(tallies, np.full(DRAWS, 1 / DRAWS))
    )


def _spread(tallies: np.ndarray, weights: np.ndarray) -> float:
    lead = tallies[:, LEFT] - tallies[:, RIGHT]
    return float(weights @ lead**2 - (weights @ lead) ** 2)


def _joined(season: Season, state: np.ndarray) -> Animals:
    """The animals of one state of the links."""
    animals = Animals(season)
    for n in np.flatnonzero(state):
        animals.join(season.edges[n])
    return animals


def _tally(animals: Animals) -> list[int]:
    """How many animals there are, by the sides that they are known from."""
    out = [0, 0, 0, 0]
    for i, parent in enumerate(animals.parent):
        if parent == i and animals.seen[i]:
            out[animals.sides[i]] += 1
    return out


def _left_weight(season: Season, touched: set[int], parts: Sequence[_Moments]) -> float:
    """Probability that more animals are known from the left only than from the right only: only the more numerous
    of the two decide the fewest that there can be."""
    sides = [season.sides[i] for i in range(len(season.sides)) if i not in touched and season.encounter[i]]
    lead = float(sides.count(LEFT) - sides.count(RIGHT))
    lead += sum(float(part.mean[LEFT] - part.mean[RIGHT]) for part in parts)
    spread = sum(part.spread for part in parts)
    if spread <= 0:
        return 0.5 + 0.5 * float(np.sign(lead))
    return 0.5 * (1 + erf(lead / sqrt(2 * spread)))

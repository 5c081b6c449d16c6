"""Which links of a season are worth drawing.

Inside a named animal, these are the strongest links that hold it together, and the next strongest that would
do so in their place. Between two animals, it is one link, as strong as the evidence for their being one. The
many other links of the same two animals are no independent evidence, and are not drawn.

The links between animals are what is left once those that are one have been joined, so that fewer of them are true than
the calibration expects of any pair. How many fewer, their own evidence says: see `weigh_again`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

__all__ = ["PRIOR", "Edge", "between", "inside", "root_of", "settle", "weigh_again"]

SETTLED = 0.01
"""A link at most so probable is taken as false, and one so close to 1 as true. A season has so many of these
that their sum, the least certain part of any calibration, would decide the count."""

FLOOR = 1e-3
"""Probability of a pair that was never found worth comparing."""

PRIOR = 0.05
"""Share of pairs that are one animal, for which a calibration is made that says nothing else."""

PSEUDO = 50
"""The calibration's share counts like so many links between animals."""


@dataclass(frozen=True)
class Edge:
    """A link that is drawn: two nodes, and the probability that both are one animal."""

    a: int
    b: int
    probability: float
    unsure: bool
    """Whether one end is an unsure encounter. Such a link never joins two named animals."""


def inside(
    owner: Sequence[str | None], candidates: list[tuple[int, int, float]], sure: list[tuple[int, ...]]
) -> list[Edge]:
    """The links that hold each named animal together, and the pairs joined without a link.

    Each merge rests on its strongest link and, where there is one, on a second that closes the gap if it
    fails.
    """
    links = sorted(
        ((p, a, b) for a, b, p in candidates if owner[a] is not None and owner[a] == owner[b]),
        key=lambda link: (-link[0], link[1], link[2]),
    )
    first: dict[str, int] = {}
    alike = [(first.setdefault(name, i), i) for i, name in enumerate(owner) if name is not None]
    unsure = [name is None for name in owner]
    certain = [(1.0, a, b) for a, b in sorted(sure)]
    # Named alike with no link to draw: taken as certain, after all links.
    chosen = _forest([*certain, *links, *((1.0, a, b) for a, b in alike)], len(owner))
    used = set(chosen)
    chosen += _forest([link for link in links if link not in used], len(owner))
    return [Edge(min(a, b), max(a, b), p, unsure[a] or unsure[b]) for p, a, b in chosen]


def _forest(links: Iterable[tuple[float, int, int]], nodes: int) -> list[tuple[float, int, int]]:
    """Those links, taken in order, that join what the earlier ones did not."""
    parent = list(range(nodes))
    chosen = []
    for p, a, b in links:
        root_a, root_b = root_of(parent, a), root_of(parent, b)
        if root_a != root_b:
            parent[max(root_a, root_b)] = min(root_a, root_b)
            chosen.append((p, a, b))
    return chosen


def between(owner: Sequence[str | None], sides: Sequence[int], candidates: list[tuple[int, int, float]]) -> list[Edge]:
    """One link between every two animals; an unsure encounter stands for itself."""
    keys = [f"unsure {i}" if name is None else f"named {name}" for i, name in enumerate(owner)]
    found: dict[tuple[str, str], dict[tuple[int, int], float]] = {}
    for a, b, p in candidates:
        if keys[a] != keys[b] and p > 0:
            if keys[b] < keys[a]:
                a, b = b, a
            seen = found.setdefault((keys[a], keys[b]), {})
            seen[a, b] = max(p, seen.get((a, b), 0.0))
    # How many encounters of each animal show each combination of sides.
    shown: dict[str, Counter[int]] = {}
    for key, side in zip(keys, sides, strict=True):
        shown.setdefault(key, Counter())[side] += 1
    edges = []
    for (key_a, key_b), links in found.items():
        ranked = sorted((-p, a, b) for (a, b), p in links.items())
        _, a, b = ranked[0]
        witnesses = min(_comparable(shown[key_a], shown[key_b]), _comparable(shown[key_b], shown[key_a]))
        probability = min(_evidence(ranked, witnesses), _all_links(ranked))
        edges.append(Edge(min(a, b), max(a, b), probability, owner[a] is None or owner[b] is None))
    return edges


def _comparable(these: Counter[int], those: Counter[int]) -> int:
    """How many of these encounters show a side that one of those shows too."""
    other = 0
    for side in those:
        other |= side
    return sum(n for side, n in these.items() if side & other)


def _evidence(ranked: list[tuple[float, int, int]], witnesses: int) -> float:
    """The mean, in log-odds, of the best links between distinct encounters.

    So one false link among many good comparisons does not speak for all.

    Args:
        ranked: The links' negative probabilities and their two ends, the strongest first.
        witnesses: How many such links there could be; one that is missing counts as `FLOOR`.
    """
    chosen: list[float] = []
    used: set[int] = set()
    for p, a, b in ranked:
        if not {a, b} & used:
            used |= {a, b}
            chosen.append(-p)
    missing = max(0, witnesses - len(chosen))
    if len(chosen) + missing == 1:
        return chosen[0]
    clipped = [min(max(p, FLOOR), 1 - FLOOR) for p in chosen + [FLOOR] * missing]
    mean = sum(log(p / (1 - p)) for p in clipped) / len(clipped)
    return 1 / (1 + exp(-mean))


def _all_links(ranked: list[tuple[float, int, int]]) -> float:
    """What all links of two animals say: their mean odds. One that others contradict is weaker than it looks."""
    if len(ranked) == 1:
        return -ranked[0][0]
    clipped = [min(max(-p, FLOOR), 1 - FLOOR) for p, _, _ in ranked]
    odds = sum(p / (1 - p) for p in clipped) / len(clipped)
    return odds / (1 + odds)


def weigh_again(edges: Sequence[Edge], prior: float) -> list[Edge]:
    """Links between animals, weighed for the share of them that is true rather than for that among all pairs.

    The share is the most probable one given the links' likelihood ratios, by expectation and maximisation (Saerens,
    Latinne and Decaestecker 2002, Adjusting the outputs of a classifier to new a priori probabilities, Neural
    Computation 14), with `PSEUDO` links at the calibration's share, so that a handful of links changes little. It never
    rises above that.

    Args:
        edges: One for every two animals that were compared.
        prior: Share of pairs that are one animal, for which the probabilities were made.
    """
    if not edges:
        return []
    said = np.array([edge.probability for edge in edges])
    open_ = said < 1
    ratio = said[open_] / (1 - said[open_]) * (1 - prior) / prior
    share = prior
    for _ in range(500):
        true = ratio * share / (1 - share + ratio * share)
        known = float(true.sum()) + int((~open_).sum())
        after = min(prior, (known + PSEUDO * prior) / (len(said) + PSEUDO))
        if abs(after - share) < 1e-7:
            break
        share = after
    if share == prior:
        return list(edges)
    weighed = said.copy()
    weighed[open_] = ratio * share / (1 - share + ratio * share)
    return [replace(edge, probability=float(p)) for edge, p in zip(edges, weighed, strict=True)]


def settle(edges: Iterable[Edge]) -> Iterable[Edge]:
    """The edges without those that are as good as false, and with certainty for those as good as true."""
    for edge in edges:
        if edge.probability >= 1 - SETTLED:
            yield replace(edge, probability=1.0)
        elif edge.probability > SETTLED:
            yield edge


def root_of(parent: list[int], i: int) -> int:
    """The root of a node in a forest of parents, whose paths are shortened on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i

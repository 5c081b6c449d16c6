"""Grouping: which encounters, and which known individuals, are one animal."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import exp, log

import pandas as pd

from reid.tables import records

__all__ = ["Group", "group_encounters"]

FLOOR = 1e-3
"""Probability of a pair that was compared without success or never shortlisted; also bounds how sure a link can be."""

WITNESSES = 3
"""How many links must speak for joining two groups that each hold so many encounters."""

LEFT, RIGHT, BOTH = 1, 2, 3


@dataclass(frozen=True)
class Group:
    """Encounters taken for one animal, and its name in the catalogue if it has one."""

    encounters: tuple[str, ...]
    individual: str | None


@dataclass
class _Animal:
    """Nodes joined so far.

    Attributes:
        nodes: Their numbers.
        apart: Nodes that are other animals.
        sides: Bits of the flanks that they show.
        bridged: Whether one of them shows both flanks, or something else but spots joined them.
        catalogued: Whether an individual of the catalogue is among them.
        links: Links to other animals, by the number of each: log-odds and the two ends, the own one first.
        version: How often it changed, to tell which entries of the queue are of the past.
    """

    nodes: set[int]
    apart: set[int] = field(default_factory=set)
    sides: int = 0
    bridged: bool = False
    catalogued: bool = False
    links: dict[int, list[tuple[float, int, int]]] = field(default_factory=dict)
    version: int = 0


def group_encounters(
    encounters: Collection[str],
    links: pd.DataFrame,
    accept: float,
    cannot: Iterable[frozenset[str]] = (),
    individuals: Collection[str] = (),
    must: Iterable[tuple[str, str, str]] = (),
    flanks: Mapping[str, Collection[str]] | None = None,
) -> list[Group]:
    """Join what is one animal with the highest probability first, as long as nothing forbids it.

    Two encounters join on one link of at least `accept`. Groups need as many witnesses as the smaller of them holds
    encounters that the other could be compared with, up to three: the mean log-odds of the best links between distinct
    encounters must pass, so one false link cannot chain two animals into one. Animals seen in one frame, and two
    individuals of the catalogue, never join. Nor do a left and a right flank, unless one encounter, or the catalogue, shows
    both.

    Args:
        encounters: All encounters of the season.
        links: Links table.
        accept: Least probability of a join.
        cannot: Pairs of encounters, or of an encounter and an individual, that are two animals.
        individuals: Names in the catalogue.
        must: What is one animal without asking the spots: an encounter, `encounter` or `individual`, and the other end.
            `cannot` is stronger.
        flanks: `left`, `right` or both, as each encounter or individual shows for sure; one that is not named here may show
            either.

    Returns:
        Groups in the order of `encounters`; every encounter is in one. Individuals without an encounter are left out.
    """
    node = {("encounter", name): n for n, name in enumerate(encounters)}
    first_individual = len(node)
    node.update({("individual", name): first_individual + n for n, name in enumerate(individuals)})
    names = {n: name for (_, name), n in node.items()}
    shown = {n: _sides((flanks or {}).get(name, ())) for n, name in names.items()}
    animals = {
        n: _Animal({n}, sides=shown[n], bridged=shown[n] == BOTH, catalogued=n >= first_individual)
        for n in node.values()
    }
    home = {n: n for n in animals}
    for pair in cannot:
        ends = [node.get(("encounter", name), node.get(("individual", name))) for name in sorted(pair)]
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None:
            animals[ends[0]].apart.add(ends[1])
            animals[ends[1]].apart.add(ends[0])
    threshold = _log_odds(accept)
    for row in records(links):
        a, b = node["encounter", row.encounter], node[row.kind, row.other]
        value = _log_odds(row.probability)
        animals[a].links.setdefault(b, []).append((value, a, b))
        animals[b].links.setdefault(a, []).append((value, b, a))
    for one, kind, other in must:
        a, b = home[node["encounter", one]], home[node[kind, other]]
        if a != b and _allowed(animals[a], animals[b], told=True):
            _join(animals, home, a, b).bridged = True
    _grow(animals, home, threshold, shown)
    return _groups(animals, names, first_individual)


def _grow(animals: dict[int, _Animal], home: dict[int, int], threshold: float, shown: Mapping[int, int]) -> None:
    """Join what may be joined, the best witnessed two first; a join may make others possible, or impossible."""
    queue: list[tuple[float, int, int, int, int, int, int]] = []

    def ask(a: int, b: int) -> None:
        one, other = animals[a], animals[b]
        if _allowed(one, other):
            value = _witnessed(one, other, b, shown)
            if value >= threshold:
                first, second = sorted((min(one.nodes), min(other.nodes)))
                heapq.heappush(queue, (-value, first, second, a, b, one.version, other.version))

    for a in sorted(animals):
        for b in sorted(animals[a].links):
            if a < b:
                ask(a, b)
    while queue:
        *_, a, b, version_a, version_b = heapq.heappop(queue)
        if a not in animals or b not in animals:
            continue
        if (animals[a].version, animals[b].version) != (version_a, version_b):
            continue
        _join(animals, home, a, b)
        root = home[a]
        for other in sorted(animals[root].links):
            ask(root, other)


def _allowed(one: _Animal, other: _Animal, told: bool = False) -> bool:
    """Whether nothing forbids that two are one; `told` if something else than spots says that they are."""
    if one.catalogued and other.catalogued:
        return False
    small, large = sorted((one, other), key=lambda animal: len(animal.nodes))
    if not small.nodes.isdisjoint(large.apart):
        return False
    return told or one.bridged or other.bridged or one.sides | other.sides != BOTH


def _join(animals: dict[int, _Animal], home: dict[int, int], a: int, b: int) -> _Animal:
    """Make one of two; the one with fewer links goes into the other. Returns what they became."""
    if sum(map(len, animals[a].links.values())) < sum(map(len, animals[b].links.values())):
        a, b = b, a
    one, other = animals[a], animals.pop(b)
    one.nodes |= other.nodes
    one.apart |= other.apart
    one.sides |= other.sides
    one.bridged |= other.bridged
    one.catalogued |= other.catalogued
    one.version += 1
    one.links.pop(b, None)
    for c, found in other.links.items():
        if c != a:
            one.links.setdefault(c, []).extend(found)
            animals[c].links.setdefault(a, []).extend(animals[c].links.pop(b))
    for n in other.nodes:
        home[n] = a
    return one


def _groups(animals: Mapping[int, _Animal], names: Mapping[int, str], first_individual: int) -> list[Group]:
    groups = []
    for animal in sorted(animals.values(), key=lambda animal: min(animal.nodes)):
        own = tuple(names[n] for n in sorted(animal.nodes) if n < first_individual)
        known = [names[n] for n in animal.nodes if n >= first_individual]
        if own:
            groups.append(Group(own, known[0] if known else None))
    return groups


def _sides(flanks: Collection[str]) -> int:
    return LEFT * ("left" in flanks) + RIGHT * ("right" in flanks)


def _log_odds(probability: float) -> float:
    p = min(max(probability, FLOOR), 1 - FLOOR)
    return log(p / (1 - p))


def _witnessed(one: _Animal, other: _Animal, b: int, shown: Mapping[int, int]) -> float:
    """Log-odds that two animals are one: the lower of what their best witnesses and what all their links say.

    The witnesses' is the mean log-odds of the best links between distinct members, one missing counting as `FLOOR`. That
    of all links is their mean odds, as in `reid.identify.vote`: a link is weaker the more others contradict it.
    """
    needed = min(_comparable(one, other, shown), _comparable(other, one, shown), WITNESSES)
    links = sorted(one.links[b], reverse=True)
    found: list[float] = []
    used: set[int] = set()
    for value, x, y in links:
        if x not in used and y not in used:
            used |= {x, y}
            found.append(value)
            if len(found) >= needed:
                break
    missing = max(0, needed - len(found))
    witnesses = (sum(found) + missing * _log_odds(FLOOR)) / (len(found) + missing)
    everybody = log(sum(exp(value) for value, _, _ in links) / len(links))
    return min(witnesses, everybody)


def _comparable(one: _Animal, other: _Animal, shown: Mapping[int, int]) -> int:
    """How many of one's members show a side that the other shows too, up to as many as are needed."""
    count = 0
    for n in one.nodes:
        if not shown[n] or not other.sides or shown[n] & other.sides:
            count += 1
            if count == WITNESSES:
                break
    return max(1, count)

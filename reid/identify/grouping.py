"""Grouping: which encounters, and which known individuals, are one animal."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import exp, log
from typing import NamedTuple

import pandas as pd

from reid.tables import records

__all__ = ["Group", "group_encounters"]

FLOOR = 1e-3
"""Probability of a pair that was compared without success or never shortlisted; also bounds how much a link can say."""

SMALLEST = 1e-6
"""Probabilities are kept to six digits; no link is surer than that."""

CONSISTENT = 0.95
"""What all that speaks for or against a join must come to, where the threshold for a single link is stricter."""

WITNESSES = 3
"""How many links must speak for joining two groups that each hold so many encounters."""

LEFT, RIGHT, BOTH = 1, 2, 3

SUPPORTED, PLAIN, LAST, UNSURE = range(4)
"""Kinds of links, in the order in which they join; the unsure ones begin nothing."""


@dataclass(frozen=True)
class Group:
    """Encounters taken for one animal, and its name in the catalogue if it has one."""

    encounters: tuple[str, ...]
    individual: str | None


class _Link(NamedTuple):
    """A link between two nodes, the own one first, and what it counts among all links of two animals."""

    value: float
    own: int
    other: int
    odds: float
    kind: int


@dataclass
class _Animal:
    """Nodes joined so far.

    Attributes:
        nodes: Their numbers.
        apart: Nodes that are other animals.
        sides: Bits of the flanks that they show.
        bridged: Whether one of them shows both flanks, or something else but spots joined them.
        individual: The one of the catalogue that is among them; -1 for none.
        links: Links to other animals, by the number of each, in any order.
        version: How often it changed, to tell which entries of the queue are of the past.
    """

    nodes: set[int]
    apart: set[int] = field(default_factory=set)
    sides: int = 0
    bridged: bool = False
    individual: int = -1
    links: dict[int, list[_Link]] = field(default_factory=dict)
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
    """Join what is one animal, as long as nothing forbids it.

    Two encounters join on one sure link, of at least `accept`: first by links whose ends share a third, which one of them
    is surely linked with and the other more probably than not; then by those that nothing contradicts; and last by those
    whose ends each have other sure links, but nobody in common. Of each kind, the best comes first. Groups need as many
    witnesses as the smaller of them holds encounters that the other could be compared with, up to three: the mean
    log-odds of the best links between distinct encounters must pass. So one false link, however sure, cannot chain two
    animals into one. Animals seen in one frame, and two individuals of the catalogue, never join. Nor do a left and a
    right flank, unless one encounter, or the catalogue, shows both.

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
        n: _Animal({n}, sides=shown[n], bridged=shown[n] == BOTH, individual=n if n >= first_individual else -1)
        for n in node.values()
    }
    home = {n: n for n in animals}
    for pair in cannot:
        ends = [node.get(("encounter", name), node.get(("individual", name))) for name in sorted(pair)]
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None:
            animals[ends[0]].apart.add(ends[1])
            animals[ends[1]].apart.add(ends[0])
    threshold = _log_odds(accept)
    said: dict[tuple[int, int], list[float]] = {}
    for row in records(links):
        a, b = node["encounter", row.encounter], node[row.kind, row.other]
        said.setdefault((min(a, b), max(a, b)), []).append(_log_odds(row.probability))
    kinds = _kinds(animals, said, threshold)
    for (a, b), values in said.items():
        for value in values:
            odds, kind = exp(_bounded(value)), kinds.get((a, b), UNSURE)
            animals[a].links.setdefault(b, []).append(_Link(value, a, b, odds, kind))
            animals[b].links.setdefault(a, []).append(_Link(value, b, a, odds, kind))
    for one, kind_of, other in must:
        a, b = home[node["encounter", one]], home[node[kind_of, other]]
        if a != b and _allowed(animals[a], animals[b], told=True):
            _join(animals, home, a, b).bridged = True
    for kind in (SUPPORTED, PLAIN, LAST):
        _grow(animals, home, threshold, shown, kind)
    return _groups(animals, names, first_individual)


def _grow(
    animals: dict[int, _Animal],
    home: dict[int, int],
    threshold: float,
    shown: Mapping[int, int],
    kind: int,
) -> None:
    """Join what links up to this kind may join, the best witnessed two first; a join may make others possible."""
    queue: list[tuple[float, int, int, int, int, int, int]] = []
    least = min(threshold, _log_odds(CONSISTENT))

    def ask(a: int, b: int) -> None:
        one, other = animals[a], animals[b]
        if any(link.kind <= kind for link in one.links[b]) and _allowed(one, other):
            value = _witnessed(one, other, b, shown)
            if value >= least:
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


def _kinds(
    animals: Mapping[int, _Animal], said: Mapping[tuple[int, int], list[float]], threshold: float
) -> dict[tuple[int, int], int]:
    """Of each sure link between two nodes, by its ends: whether others support it, or contradict it."""
    sure: dict[int, set[int]] = {n: set() for n in animals}
    likely: dict[int, set[int]] = {n: set() for n in animals}
    for (a, b), values in said.items():
        for friends, least in ((sure, threshold), (likely, 0.0)):
            if values[0] >= least:
                friends[a].add(b)
                friends[b].add(a)
    found = {}
    for a, b in said:
        if b in sure[a]:
            lives = _lives(animals[a], b, sure[a]) and _lives(animals[b], a, sure[b])
            supported = sure[a] & likely[b] or likely[a] & sure[b]
            found[a, b] = SUPPORTED if supported else LAST if lives else PLAIN
    return found


def _lives(animal: _Animal, other: int, friends: set[int]) -> bool:
    """Whether a node is somebody without the other: surely linked elsewhere, or in the catalogue."""
    return animal.individual >= 0 or bool(friends - {other})


def _allowed(one: _Animal, other: _Animal, told: bool = False) -> bool:
    """Whether nothing forbids that two are one; `told` if something else than spots says that they are."""
    if one.individual >= 0 and other.individual >= 0:
        return False
    small, large = (one, other) if len(one.nodes) <= len(other.nodes) else (other, one)
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
    one.individual = max(one.individual, other.individual)
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


def _log_odds(probability: float, least: float = SMALLEST) -> float:
    p = min(max(probability, least), 1 - least)
    return log(p / (1 - p))


BOUND = -_log_odds(FLOOR)


def _bounded(value: float) -> float:
    """Log-odds as far as a single link may speak."""
    return min(max(value, -BOUND), BOUND)


def _witnessed(one: _Animal, other: _Animal, b: int, shown: Mapping[int, int]) -> float:
    """Log-odds that two animals are one: the lower of what their best witnesses and what all their links say.

    The witnesses' is the mean log-odds of the best links between distinct members, one missing counting as `FLOOR`. An
    individual of the catalogue is the other end of several, of as many as it was compared with. That of all links is
    their mean odds, as in `reid.identify.vote`: a link is weaker the more others contradict it.
    """
    links = one.links[b]
    links.sort(reverse=True)  # in place: what joins add later is merged in
    person = max(one.individual, other.individual)
    again = max(0, sum(person in (link.own, link.other) for link in links) - 1) if person >= 0 else 0
    least = min(_comparable(one, other, shown), _comparable(other, one, shown)) + again
    needed = min(least, len(one.nodes if other.individual >= 0 else other.nodes) if again else least, WITNESSES)
    found: list[float] = []
    used: set[int] = set()
    for value, x, y, _, _ in links:
        if x not in used and y not in used:
            used |= {x, y} - {person}
            found.append(_bounded(value))
            if len(found) >= needed:
                break
    missing = max(0, needed - len(found))
    witnesses = (sum(found) + missing * -BOUND) / (len(found) + missing)
    everybody = log(sum([link.odds for link in links]) / len(links))
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

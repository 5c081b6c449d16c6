"""Grouping: which encounters, and which known individuals, are one animal."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import product
from math import log

import pandas as pd

from reid.tables import records

__all__ = ["Group", "group_encounters"]

FLOOR = 1e-3
"""Probability of a pair that was compared without success or never shortlisted; also bounds how sure a link can be."""

WITNESSES = 3
"""How many links must speak for joining two groups that each hold so many encounters."""


@dataclass(frozen=True)
class Group:
    """Encounters taken for one animal, and its name in the catalogue if it has one."""

    encounters: tuple[str, ...]
    individual: str | None


def group_encounters(
    encounters: Collection[str],
    links: pd.DataFrame,
    accept: float,
    cannot: Iterable[frozenset[str]] = (),
    individuals: Collection[str] = (),
) -> list[Group]:
    """Join the most probable links first, as long as nothing forbids it.

    Two encounters join on one link of at least `accept`. Groups need as many witnesses as the smaller of them holds
    encounters, up to three: the mean log-odds of the best links between distinct encounters must pass, so one false
    link cannot chain two animals into one. Animals seen in one frame, and two individuals of the catalogue, never join.

    Args:
        encounters: All encounters of the season.
        links: Links table.
        accept: Least probability of a join.
        cannot: Pairs of encounters that are two animals.
        individuals: Names in the catalogue.

    Returns:
        Groups in the order of `encounters`; every encounter is in one. Individuals without an encounter are left out.
    """
    node = {("encounter", name): n for n, name in enumerate(encounters)}
    node.update({("individual", name): len(node) + n for n, name in enumerate(individuals)})
    first_individual = len(encounters)
    members: dict[int, set[int]] = {n: {n} for n in node.values()}
    home = {n: n for n in node.values()}
    odds: dict[tuple[int, int], float] = {}
    for row in records(links):
        a, b = node[("encounter", row.encounter)], node[(row.kind, row.other)]
        odds[min(a, b), max(a, b)] = _log_odds(row.probability)
    apart = {frozenset(node[("encounter", name)] for name in pair) for pair in cannot}
    threshold = _log_odds(accept)

    def allowed(a: set[int], b: set[int]) -> bool:
        if sum(n >= first_individual for n in a | b) > 1:
            return False
        return not any(frozenset((x, y)) in apart for x, y in product(a, b))

    # a join that lacked witnesses may find them once one of its groups has grown: repeat until nothing changes
    changed = True
    while changed:
        changed = False
        for (x, y), value in sorted(odds.items(), key=lambda item: (-item[1], item[0])):
            if value < threshold:
                break
            a, b = home[x], home[y]
            if a == b or not allowed(members[a], members[b]):
                continue
            if _witnessed(members[a], members[b], odds) < threshold:
                continue
            members[a] |= members.pop(b)
            for n in members[a]:
                home[n] = a
            changed = True
    names = {n: name for (_, name), n in node.items()}
    groups = []
    for group in sorted(members.values(), key=min):
        own = tuple(names[n] for n in sorted(group) if n < first_individual)
        known = [names[n] for n in group if n >= first_individual]
        if own:
            groups.append(Group(own, known[0] if known else None))
    return groups


def _log_odds(probability: float) -> float:
    p = min(max(probability, FLOOR), 1 - FLOOR)
    return log(p / (1 - p))


def _witnessed(a: set[int], b: set[int], odds: dict[tuple[int, int], float]) -> float:
    """Mean log-odds of the best links between two groups, each of their members a witness once."""
    needed = min(len(a), len(b), WITNESSES)
    found: list[float] = []
    used: set[int] = set()
    pairs = sorted(((odds.get((min(p), max(p)), _log_odds(FLOOR)), p) for p in product(a, b)), reverse=True)
    for value, (x, y) in pairs:
        if x not in used and y not in used:
            used |= {x, y}
            found.append(value)
            if len(found) == needed:
                break
    return sum(found) / needed

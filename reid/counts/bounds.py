"""The fewest animals that a set of sightings allows, when some were seen from one side only.

Two sightings of the same side were compared, and named apart or together. Nobody compared a left side with a
right side. So an animal known from the left only may be one known from the right only, and an animal known
from neither side may be any of the others, unless something forbids it, such as both standing in one frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["BOTH", "LEFT", "NEITHER", "RIGHT", "Animal", "fewest", "sides_of"]

NEITHER, LEFT, RIGHT, BOTH = 0, 1, 2, 3


class Animal(NamedTuple):
    """What sets one animal apart from the others."""

    sides: int
    """`NEITHER`, `LEFT`, `RIGHT` or `BOTH`: the flanks it is known from."""
    members: int = 0
    """Bits of its encounters, among those that a constraint names."""
    forbidden: int = 0
    """Bits of the encounters that cannot be this animal."""


def sides_of(flanks: Iterable[str]) -> int:
    """The flanks that tell animals apart, as bits.

    >>> sides_of({"left", "front"}) == LEFT, sides_of({"left", "right"}) == BOTH
    (True, True)
    """
    flanks = set(flanks)
    return LEFT * ("left" in flanks) + RIGHT * ("right" in flanks)


def fewest(animals: Sequence[Animal]) -> int:
    """The fewest animals that these can be.

    Left-only ones are paired with right-only ones, as many as the constraints allow. Those known from neither
    side add nothing, except that there is an animal at all, and that animals which exclude one another are as
    many as they are. The result never exceeds the true minimum.

    >>> fewest([Animal(BOTH), Animal(LEFT), Animal(LEFT), Animal(RIGHT), Animal(NEITHER)])
    3
    """
    if not animals:
        return 0
    left = [animal for animal in animals if animal.sides == LEFT]
    right = [animal for animal in animals if animal.sides == RIGHT]
    both = sum(animal.sides == BOTH for animal in animals)
    least = both + len(left) + len(right) - _most_pairs(left, right)
    return max(least, _exclusive([animal for animal in animals if animal.forbidden]), 1)


def _apart(a: Animal, b: Animal) -> bool:
    return bool(a.members & b.forbidden or b.members & a.forbidden)


def _most_pairs(left: Sequence[Animal], right: Sequence[Animal]) -> int:
    most = min(len(left), len(right))
    if not most or not any(animal.forbidden for animal in left) or not any(animal.forbidden for animal in right):
        return most
    allowed = np.array([[not _apart(a, b) for b in right] for a in left])
    if allowed.all():
        return most
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    return int((maximum_bipartite_matching(csr_matrix(allowed), perm_type="column") >= 0).sum())


def _exclusive(animals: Sequence[Animal]) -> int:
    """Size of a set of animals that all exclude one another, grown greedily from each: a bound from below."""
    best = 0
    for start in animals:
        chosen = [start]
        for other in animals:
            if other is not start and all(_apart(other, one) for one in chosen):
                chosen.append(other)
        best = max(best, len(chosen))
    return best

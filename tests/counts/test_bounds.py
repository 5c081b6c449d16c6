"""The fewest animals, against worked examples and against trying every way to merge."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.counts.bounds import BOTH, LEFT, NEITHER, RIGHT, Animal, fewest, sides_of


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ([], 0),
        ([NEITHER], 1),
        ([NEITHER, NEITHER], 1),
        ([LEFT, LEFT, LEFT], 3),
        ([LEFT, RIGHT], 1),
        ([LEFT, LEFT, RIGHT], 2),
        ([BOTH, BOTH, LEFT, RIGHT, RIGHT, NEITHER], 4),
    ],
)
def test_without_constraints_it_is_both_plus_the_larger_side(sides: list[int], expected: int) -> None:
    assert fewest([Animal(side) for side in sides]) == expected


def test_a_left_and_a_right_side_in_one_frame_are_two_animals() -> None:
    left, right = Animal(LEFT, members=1, forbidden=2), Animal(RIGHT, members=2, forbidden=1)
    assert fewest([left, right]) == 2
    assert fewest([left, right, Animal(RIGHT)]) == 2  # the other right side may be the left one's
    assert fewest([left, right, Animal(BOTH)]) == 3


def test_animals_in_one_frame_are_as_many_as_they_are_whatever_side_they_show() -> None:
    trio = [Animal(NEITHER, members=1 << i, forbidden=0b111 ^ (1 << i)) for i in range(3)]
    assert fewest(trio) == 3
    assert fewest([*trio, *[Animal(BOTH)] * 5]) == 5


def test_flanks_other_than_left_and_right_tell_nothing_apart() -> None:
    assert [sides_of(f) for f in ([], ["front", "back", "unknown", "other"], ["left"], ["right", "left"])] == [
        NEITHER,
        NEITHER,
        LEFT,
        BOTH,
    ]


def _by_trying_all(animals: list[Animal]) -> int:
    """The true minimum: every partition in which no part holds one side twice or two that exclude one
    another."""

    def fits(part: list[Animal]) -> bool:
        return all(
            not (a.sides & b.sides) and not (a.members & b.forbidden or b.members & a.forbidden)
            for a, b in itertools.combinations(part, 2)
        )

    def place(rest: list[Animal], parts: list[list[Animal]]) -> int:
        if not rest:
            return len(parts)
        head, tail = rest[0], rest[1:]
        joined = [
            place(tail, [*parts[:i], [*part, head], *parts[i + 1 :]])
            for i, part in enumerate(parts)
            if fits([*part, head])
        ]
        return min([*joined, place(tail, [*parts, [head]])])

    return place(animals, [])


@given(
    st.lists(st.sampled_from([NEITHER, LEFT, RIGHT, BOTH]), min_size=1, max_size=6),
    st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=5),
)
@settings(max_examples=150, deadline=None)
def test_it_never_exceeds_the_true_minimum_and_meets_it_for_sided_animals(
    sides: list[int], pairs: set[tuple[int, int]]
) -> None:
    forbidden = [0] * 6
    for a, b in pairs:
        if a != b:
            forbidden[a] |= 1 << b
            forbidden[b] |= 1 << a
    animals = [Animal(side, 1 << i, forbidden[i]) for i, side in enumerate(sides)]
    truth = _by_trying_all(animals)
    assert fewest(animals) <= truth
    if NEITHER not in sides:
        assert fewest(animals) == truth

"""Shortlists: sides never meet, encounters never meet themselves, and the nearest come first."""

from __future__ import annotations

import sys
from unittest.mock import patch

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.match import IndexSettings, representatives, shortlist
from reid.match.shortlist import comparable, nearest, sides

module = sys.modules["reid.match.shortlist"]  # its name in reid.match is the function's


def crops_of(orientations: list[str], sure: list[float], encounters: list[str], areas: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "crop_id": [f"c{n:02d}" for n in range(len(orientations))],
            "orientation": orientations,
            "orientation_probability": sure,
            "encounter": encounters,
            "bbox": [[0.0, 0.0, area, 1.0] for area in areas],
            "confidence": 0.5,
        }
    )


crop = st.tuples(
    st.sampled_from(["left", "right", "front", "back", "unknown"]),
    st.sampled_from([0.5, 0.95, 1.0]),
    st.sampled_from(["e1", "e2", "e3", "e4"]),
    st.integers(1, 9),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(crop, min_size=1, max_size=14), st.integers(1, 4), st.integers(0, 99), st.sampled_from([2, 512]))
def test_shortlist_equals_a_plain_loop(
    rows: list[tuple[str, float, str, int]], k: int, seed: int, at_once: int
) -> None:
    crops = crops_of(*(list(column) for column in zip(*rows, strict=True)))
    vectors = np.random.default_rng(seed).normal(size=(len(crops), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with patch.object(module, "AT_ONCE", at_once):
        found = shortlist(crops, vectors, crops, vectors, "f", IndexSettings(candidates=k))
    side = sides(crops, 0.9)
    expected = set()
    for a in range(len(crops)):
        allowed = [
            b
            for b in range(len(crops))
            if crops["encounter"][a] != crops["encounter"][b] and comparable(side[a], side[b])
        ]
        for b in sorted(allowed, key=lambda b: -float(vectors[a] @ vectors[b]))[:k]:
            expected.add(frozenset((crops["crop_id"][a], crops["crop_id"][b])))
    pairs = [frozenset(pair) for pair in zip(found["query"], found["candidate"], strict=True)]
    assert set(pairs) == expected
    assert len(pairs) == len(set(pairs))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from([0.0, 0.5, 1.0, float("nan")])),
        max_size=30,
        unique_by=lambda row: frozenset(row[:2]),
    ),
    st.integers(1, 4),
)
def test_a_pair_goes_on_if_it_is_among_the_best_of_either_end(
    rows: list[tuple[int, int, float]], candidates: int
) -> None:
    rows = [row for row in rows if row[0] != row[1]]
    pairs = pd.DataFrame([(f"c{a}", f"c{b}", s) for a, b, s in rows], columns=["query", "candidate", "coat"])
    expected = set()
    for crop_number in range(7):
        mine = [n for n, row in enumerate(rows) if crop_number in row[:2]]
        # of equal ones the first, and at last what has no score
        mine.sort(key=lambda n: (np.isnan(rows[n][2]), -rows[n][2] if rows[n][2] == rows[n][2] else 0, n))
        expected |= set(mine[:candidates])
    assert set(np.flatnonzero(nearest(pairs, "coat", candidates))) == expected


def test_an_unsure_flank_meets_every_side() -> None:
    crops = crops_of(["left", "right", "right", "front"], [1.0, 1.0, 0.6, 1.0], ["a", "b", "c", "d"], [1, 1, 1, 1])
    assert sides(crops, 0.9).tolist() == ["left", "right", "", ""]


def test_representatives_are_the_largest_of_each_side() -> None:
    crops = crops_of(["left"] * 4 + ["right"], [1.0] * 5, ["e"] * 5, [3, 9, 1, 5, 2])
    assert representatives(crops, 2, 0.9).tolist() == [1, 3, 4]
    assert representatives(crops.iloc[:0], 2, 0.9).tolist() == []


def test_an_approximate_index_sorts_sides_out_as_the_exact_one_does() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(600, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    crops = pd.DataFrame(
        {
            "crop_id": [str(n) for n in range(600)],
            "encounter": [str(n) for n in range(600)],
            "orientation": np.array(["left", "right", "unknown"])[np.arange(600) % 3],
            "orientation_probability": 1.0,
        }
    )
    exact = shortlist(crops, vectors, crops, vectors, "f", IndexSettings(factory="Flat", candidates=5))
    settings = IndexSettings(factory="IVF4,Flat", candidates=5, recall=1.0)
    found = shortlist(crops, vectors, crops, vectors, "f", settings)
    pairs, wanted = (set(zip(table["query"], table["candidate"], strict=True)) for table in (found, exact))
    assert not any({int(a) % 3, int(b) % 3} == {0, 1} for a, b in pairs)
    assert len(pairs & wanted) / len(wanted) >= 0.97

"""Which pairs go on from the vectors to the spots: by the likeness of their coats where it says something, and by the vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reid.tables import PROBLEMS, empty
from reid.verbs.compare import _most_alike, _with_coats


class Given:
    """Coats whose likeness is known."""

    def __init__(self, likeness: dict[tuple[str, str], float]) -> None:
        self.likeness = likeness
        self.asked: list[str] = []

    def prepare(self, crop_ids: list[str], beside: object = None) -> pd.DataFrame:
        self.asked = list(crop_ids)
        return empty(PROBLEMS)

    def compare(self, pairs: pd.DataFrame) -> np.ndarray:
        return np.array(
            [self.likeness.get(pair, np.nan) for pair in zip(pairs["query"], pairs["candidate"], strict=True)]
        )


def lists(seed: int, usual: float) -> tuple[list[pd.DataFrame], dict[tuple[str, str], float]]:
    rng = np.random.default_rng(seed)
    made, likeness = [], {}
    for number in range(2):
        rows = [(f"q{a}", f"c{number}{b}") for a in range(6) for b in range(9)]
        pairs = pd.DataFrame(rows, columns=["query", "candidate"])
        made.append(pairs.assign(similarity=rng.uniform(-1, 1, len(pairs))))
        likeness.update({row: float(usual * rng.uniform(0.7, 1.3)) for row in rows})
    return made, likeness


def best(pairs: pd.DataFrame, score: str, most: int) -> set[tuple[str, str]]:
    """The best of each crop's pairs, by a plain loop."""
    kept = set()
    for column in ("query", "candidate"):
        for name in set(pairs[column]):
            own = pairs[pairs[column] == name].sort_values(score, ascending=False).head(most)
            kept |= set(zip(own["query"], own["candidate"], strict=True))
    return kept


def names(pairs: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(pairs["query"], pairs["candidate"], strict=True))


def test_the_most_alike_and_the_nearest_go_on_with_their_relative_likeness() -> None:
    made, likeness = lists(0, 0.4)
    lost: Any = ("q0", "c00")
    del likeness[lost]
    coats = Given(likeness)
    scored, _ = _with_coats(made, coats)  # type: ignore[arg-type]
    kept = [_most_alike(pairs, 4) for pairs in scored]
    assert coats.asked == sorted(
        {name for pairs in made for column in ("query", "candidate") for name in pairs[column]}
    )
    middle = np.median(list(likeness.values()))
    for before, after in zip(made, kept, strict=True):
        given = before.assign(
            own=[likeness.get(row, np.nan) for row in zip(before["query"], before["candidate"], strict=True)]
        )
        given = given.dropna()
        assert names(after) == best(given, "own", 4) | best(given, "similarity", 1)
        expected = [likeness[row] / middle for row in zip(after["query"], after["candidate"], strict=True)]
        np.testing.assert_allclose(after["coat"], expected, atol=1e-5)


def test_where_all_are_alike_the_vectors_choose() -> None:
    made, likeness = lists(0, 0.8)
    scored, _ = _with_coats(made, Given(likeness))  # type: ignore[arg-type]
    kept = [_most_alike(pairs, 4) for pairs in scored]
    for before, after in zip(made, kept, strict=True):
        assert names(after) == best(before, "similarity", 4)
        assert after["coat"].isna().all()


def test_no_pairs_at_all() -> None:
    none = pd.DataFrame(columns=["query", "candidate", "similarity"])
    scored, problems = _with_coats([none], Given({}))  # type: ignore[arg-type]
    assert not len(_most_alike(scored[0], 4)) and not len(problems)

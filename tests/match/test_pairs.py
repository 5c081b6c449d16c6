"""Pairs are verified once, in batches or alone with the same bytes, and a kill costs little."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reid.match import MatcherSettings, PairVerifier, make_matcher
from reid.match.local import Features, nothing
from reid.match.pairs import PART


class Batched:
    """Matches spot n with spot n; counts how it is asked, and may be killed."""

    name, fingerprint, longest, seeks = "batched", "batched-2", 64, "batched"

    def __init__(self, dies_after: int = 10**9) -> None:
        self.calls: list[int] = []
        self.left = dies_after

    def extract(self, picture: np.ndarray) -> Features:
        seed = int(picture[0, 0, 0])
        points = np.random.default_rng(seed).uniform(0, 60, (seed % 7, 2)).astype(np.float32)
        return Features(points, np.ones((len(points), 4), np.float16), picture.shape[:2])

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        count = min(len(query.points), len(candidate.points))
        if not count:
            return nothing()
        return np.repeat(np.arange(count)[:, None], 2, axis=1), np.full(count, 1 / 3)

    def match_many(self, pairs: Sequence[tuple[Features, Features]]) -> list[tuple[np.ndarray, np.ndarray]]:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        self.calls.append(len(pairs))
        return [self.match(*pair) for pair in pairs]


def verifier(matcher: Any, cache: Path | None, crops: int = 18) -> PairVerifier:
    rows = {
        f"crop-{n}": {"content_hash": f"hash-{n}", "bbox": [0.0, 0.0, 64.0, 48.0], "camera": None, "path": f"{n}.jpg"}
        for n in range(crops)
    }
    return PairVerifier(
        matcher,
        rows,
        lambda crop_id, longest: np.full((48, 64, 3), int(crop_id.split("-")[1]), np.uint8),
        lambda crop_id: (64.0, 48.0),
        cache,
    )


PAIRS = [(f"crop-{a}", f"crop-{b}") for a in range(18) for b in range(a)]


def test_pairs_come_in_parts_and_a_kill_costs_one(tmp_path: Path) -> None:
    assert len(PAIRS) > 2 * PART
    with pytest.raises(KeyboardInterrupt):
        verifier(Batched(dies_after=1), tmp_path).verify_all(PAIRS)
    again = Batched()
    resumed = verifier(again, tmp_path).verify_all(PAIRS)
    assert sum(again.calls) == len(PAIRS) - PART
    assert max(again.calls) == PART
    pd.testing.assert_frame_equal(resumed, verifier(Batched(), None).verify_all(PAIRS))
    third = Batched()
    pd.testing.assert_frame_equal(verifier(third, tmp_path).verify_all(PAIRS), resumed)
    assert not third.calls
    assert resumed["matches"].tolist() == [min(int(a[5:]) % 7, int(b[5:]) % 7) for a, b in PAIRS]
    assert np.isfinite(resumed.to_numpy()).all()


def test_a_pair_named_twice_is_compared_once() -> None:
    matcher = Batched()
    found = verifier(matcher, None).verify_all([PAIRS[20], PAIRS[7], PAIRS[20]])
    assert found.iloc[0].equals(found.iloc[2])
    assert found["matches"].tolist() == [
        min(int(a[5:]) % 7, int(b[5:]) % 7) for a, b in (PAIRS[20], PAIRS[7], PAIRS[20])
    ]
    assert matcher.calls == [2]
    assert verifier(Batched(), None).verify_all([]).columns.tolist() == ["matches", "inliers", "local_score"]


def test_spots_serve_every_way_of_matching_and_pairs_one(tmp_path: Path) -> None:
    verifier(Batched(), tmp_path).verify_all(PAIRS[:30])
    other = Batched()
    other.fingerprint = "batched-3"
    changed = verifier(other, tmp_path)
    changed.picture = lambda crop_id, longest: pytest.fail("the spots were sought again")
    changed.verify_all(PAIRS[:30])
    assert other.calls == [30]


def test_one_photo_twice_is_one_animal(paint_coat: Any) -> None:
    """Nothing moved between a photo and its copy, and yet that is no background."""
    row = {"content_hash": "same", "bbox": [0.0, 0.0, 240.0, 150.0], "camera": "west"}
    rows = {name: {**row, "path": f"{name}.jpg"} for name in ("a", "copy")} | {
        "later": {**row, "content_hash": "other", "path": "later.jpg"}
    }
    matcher = make_matcher(MatcherSettings("sift", points=128, longest=256))
    own = PairVerifier(matcher, rows, lambda crop_id, longest: paint_coat(1), lambda crop_id: (240.0, 150.0))
    found = own.verify_all([("a", "copy"), ("a", "later")])
    assert found["inliers"][0] > 50
    assert found["matches"][1] <= 3

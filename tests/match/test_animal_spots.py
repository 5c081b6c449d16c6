"""Spots beside the torso, and beside the mask, are dropped, by OpenCV's word on which those are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from reid.embed.torso import WHOLE
from reid.errors import ConfigError, InputError
from reid.match import MatcherSettings, make_matcher
from reid.match.animal import GROWN, in_mask, on_torso
from reid.match.features import FeatureStore
from reid.match.local import Features


def test_kept_are_those_inside_the_grown_torso() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, (320, 200), (400, 2)).astype(np.float32)
    spots = Features(points, np.arange(400, dtype=np.float16)[:, None], (200, 320))
    torso = np.array([0.55, 0.45, 0.25, 0.1, -0.05, 0.2])
    middle, along, down = torso.reshape(3, 2) * (320, 200)
    along, down = along * (1 + GROWN), down * (1 + GROWN)
    corners = np.array([middle + a * along + b * down for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))], np.float32)
    expected = [cv2.pointPolygonTest(corners, (float(x), float(y)), False) >= 0 for x, y in points]
    kept = on_torso(spots, torso)
    assert 0 < kept.sum() < 400
    np.testing.assert_array_equal(kept, expected)


def test_the_whole_crop_keeps_all_and_no_spots_stay_none() -> None:
    points = np.array([[0, 0], [320, 200], [100, 50]], np.float32)
    spots = Features(points, np.zeros((3, 4), np.float16), (200, 320))
    assert on_torso(spots, np.array(WHOLE)).all()
    assert len(on_torso(Features(points[:0], spots.descriptors[:0], (200, 320)), np.array(WHOLE))) == 0


def test_a_matcher_on_the_torso(jaguars: Path, tmp_path: Path) -> None:
    from reid.photos import read_photo

    picture = cv2.resize(read_photo(jaguars / "RL_5" / "20051003_1721.jpg"), (360, 240), interpolation=cv2.INTER_AREA)
    plain = make_matcher(MatcherSettings("sift", points=600, longest=256))
    torso = make_matcher(MatcherSettings("sift", points=300, longest=256, keep="torso"))
    few = make_matcher(MatcherSettings("sift", points=30, longest=256, keep="torso"))
    assert torso.name == plain.name
    assert FeatureStore(torso, tmp_path).key("hash", [0, 0, 1, 1]) != FeatureStore(plain, tmp_path).key(
        "hash", [0, 0, 1, 1]
    )
    every, kept = plain.extract(picture), torso.extract(picture)
    assert 0 < len(kept.points) < len(every.points)
    assert {tuple(p) for p in kept.points.tolist()} <= {tuple(p) for p in every.points.tolist()}
    assert 0 < len(few.extract(picture).points) <= 30
    pairs, confidences = torso.match(kept, kept)
    assert len(pairs) > 10
    np.testing.assert_array_equal(pairs[:, 0], pairs[:, 1])
    assert torso.match_many([(kept, kept)])[0][1].tobytes() == confidences.tobytes()


def test_kept_are_those_inside_the_grown_mask() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, (320, 200), (400, 2)).astype(np.float32)
    spots = Features(points, np.zeros((400, 1), np.float16), (200, 320))
    middle, radius = np.array([70.0, 50.0]), 30.0
    y, x = np.mgrid[:100, :160]
    solid = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 <= radius**2
    # half the crop's scale, grown by 3 of 160 pixels; those within a pixel of the rim may fall either way
    away = np.linalg.norm(points / 2 - middle, axis=1) - radius - 3
    clear = np.abs(away) > 1.5
    kept = in_mask(spots, solid)
    assert 0 < kept.sum() < 400
    np.testing.assert_array_equal(kept[clear], away[clear] < 0)
    assert len(in_mask(Features(points[:0], spots.descriptors[:0], (200, 320)), solid)) == 0


@pytest.fixture
def animal_before_rock() -> np.ndarray:
    """A bright spotted animal before a dark spotted wall."""
    noise = np.random.default_rng(1).integers(0, 40, (30, 45)).astype(np.uint8)
    picture = cv2.resize(noise, (360, 240), interpolation=cv2.INTER_NEAREST)
    picture[80:180, 60:300] += 190
    return np.stack([picture] * 3, axis=2)


def test_a_matcher_on_the_mask(bright: Path, tmp_path: Path, animal_before_rock: np.ndarray) -> None:
    plain = make_matcher(MatcherSettings("sift", points=800, longest=360))
    masked = make_matcher(MatcherSettings("sift", points=400, longest=360, keep="mask", masks=str(bright)))
    assert masked.name == plain.name
    keys = [FeatureStore(matcher, tmp_path).key("hash", [0, 0, 1, 1]) for matcher in (plain, masked)]
    assert keys[0] != keys[1]
    every, kept = plain.extract(animal_before_rock), masked.extract(animal_before_rock)
    x, y = every.points.T
    beside = (np.abs(x - 180) > 120 + 12) | (np.abs(y - 130) > 50 + 12)
    assert beside.sum() > 50  # there is something to drop
    x, y = kept.points.T
    assert len(kept.points) > 50 and (np.abs(x - 180) < 120 + 12).all() and (np.abs(y - 130) < 50 + 12).all()


def test_where_the_mask_says_nothing_the_whole_crop_counts(bright: Path, animal_before_rock: np.ndarray) -> None:
    matcher = make_matcher(MatcherSettings("sift", points=400, longest=360, keep="mask", masks=str(bright)))
    plain = make_matcher(MatcherSettings("sift", points=800, longest=360))
    unsure = np.repeat(
        np.linspace(0, 255, 360).astype(np.uint8)[None], 240, axis=0
    )  # half of it neither dark nor bright
    unsure = np.stack([np.where(animal_before_rock[..., 0] % 8 > 5, unsure // 2, unsure)] * 3, axis=2)
    assert len(matcher.extract(unsure).points) == min(400, len(plain.extract(unsure).points)) > 0
    assert len(matcher.extract(np.full((60, 60, 3), 90, np.uint8)).points) == 0
    assert len(matcher.extract(np.zeros((1, 1, 3), np.uint8)).points) == 0


def test_masks_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"matcher.masks=u2netp.onnx is of no use with matcher.keep=torso"):
        MatcherSettings("sift", keep="torso", masks="u2netp.onnx")
    with pytest.raises(InputError, match="there is no such file"):
        make_matcher(MatcherSettings("sift", keep="mask", masks=str(tmp_path / "u2netp.onnx")))

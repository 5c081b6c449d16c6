"""Spots beside the torso are dropped, by OpenCV's word on which those are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from reid.embed.torso import WHOLE
from reid.match import MatcherSettings, make_matcher
from reid.match.features import FeatureStore
from reid.match.local import Features
from reid.match.torso import GROWN, on_torso


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
    assert 0 < len(kept.points) < 400
    np.testing.assert_array_equal(kept.points, points[expected])
    np.testing.assert_array_equal(kept.descriptors[:, 0], np.flatnonzero(expected))


def test_the_whole_crop_keeps_all_and_no_spots_stay_none() -> None:
    points = np.array([[0, 0], [320, 200], [100, 50]], np.float32)
    spots = Features(points, np.zeros((3, 4), np.float16), (200, 320))
    assert len(on_torso(spots, np.array(WHOLE)).points) == 3
    assert len(on_torso(Features(points[:0], spots.descriptors[:0], (200, 320)), np.array(WHOLE)).points) == 0


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

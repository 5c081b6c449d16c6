"""Spots that follow a map are told from spots that do not, whatever finds the map."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from reid.match.geometry import GEOMETRIES, affine_inliers, agreeing


def flank(seed: int = 0, noise: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Forty spots moved by an affine map, and spots that are anywhere."""
    rng = np.random.default_rng(seed)
    here = rng.uniform(0, 1, (40, 2))
    there = here @ np.array([[0.9, 0.1], [-0.1, 0.9]]).T + 0.05 + rng.normal(0, 0.004, (40, 2))
    chance = rng.uniform(0, 1, (noise, 4))
    return np.concatenate([here, chance[:, :2]]), np.concatenate([there, chance[:, 2:]])


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("noise", [0, 20, 80])
def test_the_map_is_found_among_noise(geometry: str, noise: int) -> None:
    agree = agreeing(*flank(noise=noise), geometry)
    assert agree[:40].mean() > 0.9
    assert agree[40:].sum() <= 3
    assert np.array_equal(agree, agreeing(*flank(noise=noise), geometry))


def test_a_flank_seen_aslant_wants_a_homography() -> None:
    here = np.random.default_rng(1).uniform(0, 1, (60, 2))
    aslant = np.array([[1.0, 0.1, 0.0], [0.05, 0.9, 0.1], [0.9, 0.2, 1.0]])
    there = cv2.perspectiveTransform(here[None], aslant)[0]
    assert agreeing(here, there, "homography").all()
    assert agreeing(here, there, "affine-magsac").mean() < 0.9


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_nothing_agrees_where_nothing_can(geometry: str) -> None:
    here, there = flank()
    assert not agreeing(here[:3], there[:3], geometry).any()
    assert agreeing(np.zeros((0, 2)), np.zeros((0, 2)), geometry).shape == (0,)
    line = np.repeat(np.linspace(0, 1, 10)[:, None], 2, axis=1)
    assert not agreeing(line, line, geometry).any()
    assert not agreeing(np.full((10, 2), 0.5), line, geometry).any()


def test_the_affine_map_is_the_usual_one() -> None:
    assert np.array_equal(affine_inliers(*flank()), agreeing(*flank()))

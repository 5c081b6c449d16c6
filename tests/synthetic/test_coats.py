"""Coats: each its own, with a leopard's marks where a leopard has them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from reid.synthetic import plane
from reid.synthetic.coats import PATTERNS, Coat, draw_style, grow_coat
from reid.synthetic.noise import stream


def coat(pattern: str, seed: int) -> Coat:
    return grow_coat(draw_style(pattern, stream(0, 1)), stream(seed, 2))


def body(coat: Coat) -> np.ndarray:
    x, y = plane.centres(coat.skin.shape[:2])
    rows, columns = np.flatnonzero((y[:, 0] > 0.6) & (y[:, 0] < 0.95)), np.flatnonzero((x[0] > -0.5) & (x[0] < 0.4))
    return coat.skin[rows[0] : rows[-1], columns[0] : columns[-1]]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_coats_are_their_own(pattern: str) -> None:
    marks = [body(coat(pattern, seed))[..., 3] for seed in range(3)]
    for one, two in itertools.combinations(marks, 2):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.35
    np.testing.assert_array_equal(coat(pattern, 0).skin, coat(pattern, 0).skin)
    # marked, but neither bare nor black
    assert all(0.08 < one.mean() < 0.6 for one in marks)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_values_are_shares(pattern: str) -> None:
    skin = coat(pattern, 5).skin
    assert skin.dtype == np.float32
    assert skin.min() >= 0
    assert skin.max() <= 1


def test_rosettes_are_hollow_and_darker_inside() -> None:
    """Marks that almost close are rings; the fur that they enclose is darker than the fur between them."""
    from scipy import ndimage

    def enclosed(skin: np.ndarray) -> np.ndarray:
        marks = skin[..., 3] > 0.5
        return ndimage.binary_fill_holes(ndimage.binary_closing(marks, iterations=5)) & ~marks

    rosettes, spots = (body(coat(pattern, 1)) for pattern in ("rosettes", "spots"))
    assert enclosed(rosettes).mean() > 0.04
    assert enclosed(rosettes).mean() > 5 * enclosed(spots).mean()
    fur = rosettes[..., :3].mean(axis=2)
    inside = enclosed(rosettes)
    between = ~ndimage.binary_dilation(inside | (rosettes[..., 3] > 0.1), iterations=3)
    assert fur[inside].mean() < 0.95 * fur[between].mean()


def test_belly_is_paler_than_back() -> None:
    skin = coat("spots", 2).skin[..., :3].mean(axis=2)
    x, y = plane.centres(skin.shape)
    middle = (x[0] > -0.1) & (x[0] < 0.1)
    back, belly = (
        skin[np.ix_((y[:, 0] > low) & (y[:, 0] < high), middle)].mean() for low, high in ((0.9, 1.1), (0.2, 0.4))
    )
    assert belly > 1.4 * back


def test_plane_goes_there_and_back() -> None:
    x, y = plane.centres((round(plane.SHAPE[0] * plane.FINE), round(plane.SHAPE[1] * plane.FINE)))
    column, row = plane.to_pixels(x[0], y[:, 0])
    np.testing.assert_allclose(column, np.arange(len(column)), atol=1e-2)
    np.testing.assert_allclose(row, np.arange(len(row)), atol=1e-2)

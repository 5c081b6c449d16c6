"""Photos fitted into inputs, and boxes brought back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.detect.letterbox import FITS, Fit, fit_photo
from reid.errors import ConfigError


def painted(width: int, height: int, box: tuple[int, int, int, int]) -> np.ndarray:
    photo = np.zeros((height, width, 3), np.uint8)
    photo[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = 255
    return photo


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(FITS), st.integers(40, 700), st.integers(40, 700), st.booleans())
def test_a_white_box_comes_back_where_it_was(
    data: st.DataObject, how: str, width: int, height: int, tight: bool
) -> None:
    box = (*(data.draw(st.integers(0, n // 3)) for n in (width, height)), width // 2, height // 2)
    fit = Fit(224, 320, how, fill=0, tight=tight and how != "stretch")
    fitted = fit_photo(painted(width, height, box), (width, height), fit)  # type: ignore[arg-type]
    if fit.tight:
        assert all(n % 32 == 0 for n in fitted.pixels.shape[:2])
        assert fitted.pixels.shape[0] <= 224 and fitted.pixels.shape[1] <= 320
    else:
        assert fitted.pixels.shape == (224, 320, 3)
    rows, columns = (np.flatnonzero((fitted.pixels[..., 0] > 127).any(axis)) for axis in (1, 0))
    seen = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], float)
    # the edge of a scaled box lies within a pixel of the input
    pixel = max(1 / fitted.scale[0], 1 / fitted.scale[1])
    np.testing.assert_allclose(fitted.back(seen)[0], box, atol=1.6 * pixel)


def test_a_photo_that_was_decoded_small_gives_boxes_of_the_photo() -> None:
    fitted = fit_photo(np.zeros((60, 80, 3), np.uint8), (800, 600), Fit(64, 64))
    np.testing.assert_allclose(fitted.back(np.array([[0.0, 0, 64, 48]])), [[0, 0, 800, 600]])


def test_what_stands_beside_the_photo() -> None:
    fitted = fit_photo(np.zeros((10, 40, 3), np.uint8), (40, 10), Fit(64, 64, "centre", fill=7, enlarge=False))
    assert fitted.shift == (12.0, 27.0) and fitted.scale == (1.0, 1.0)
    assert fitted.pixels[0, 0].tolist() == [7, 7, 7] and fitted.pixels[27, 12].tolist() == [0, 0, 0]


def test_wrong_fits_are_refused() -> None:
    with pytest.raises(ConfigError, match="centre, corner, stretch"):
        Fit(64, 64, "middle")
    with pytest.raises(ConfigError, match="too small"):
        Fit(16, 64)
    with pytest.raises(ConfigError, match="between 0 and 255"):
        Fit(64, 64, fill=300)

"""Reaction and diffusion: the patterns have the size, the kind and the lie that they were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from reid.synthetic.growth import grow

SHAPE = (128, 160)


def noise(seed: int = 0) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).standard_normal(SHAPE)


def spectrum(pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    power = np.abs(np.fft.fft2(pattern - pattern.mean())) ** 2
    return power, np.fft.fftfreq(SHAPE[0])[:, None], np.fft.fftfreq(SHAPE[1])[None, :]


@pytest.mark.parametrize("wavelength", [6, 9, 14])
@pytest.mark.parametrize("curvature", [0.0, 0.8])
def test_wavelength(wavelength: float, curvature: float) -> None:
    power, down, across = spectrum(grow(wavelength, noise(), curvature=curvature))
    mean = np.sqrt((power * (down**2 + across**2)).sum() / power.sum())
    assert 1 / mean == pytest.approx(wavelength, rel=0.2)


def test_the_plain_equation_gives_the_same() -> None:
    """The same equation in small explicit steps, the inhibitor solved for at each."""
    wavelength, curvature, source, strength, d, c = 9, 0.7, -0.2, 0.4, 0.6, 3.0
    start = noise()[:64, :72]
    down, across = np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(72), indexing="ij")
    square = (down**2 + across**2) * wavelength**2
    u = start.copy()
    for _ in range(600):
        wave = np.fft.fft2(u)
        spread = np.fft.ifft2(-d * square * wave).real
        inhibitor = np.fft.ifft2(wave / (1 + c * square)).real
        rate = (strength + d * (2 + 1 / c)) * u - d * (1 + c) ** 2 / c * inhibitor
        u = u + 0.05 * (spread + rate + curvature * u**2 - u**3 + source)
    ours = grow(wavelength, start, source, curvature, strength=strength, steps=60)
    assert np.corrcoef(ours.ravel(), u.ravel())[0, 1] > 0.9


def test_spots_are_separate_and_stripes_are_not() -> None:
    spots, stripes = (grow(9, noise(), source, curve) > 0.2 for source, curve in ((-0.3, 0.7), (0.0, 0.0)))
    count_spots, count_stripes = (ndimage.label(marks)[1] for marks in (spots, stripes))
    area = SHAPE[0] * SHAPE[1] / 9**2
    assert 0.6 * area < count_spots < 1.5 * area
    assert count_stripes < count_spots / 2


@pytest.mark.parametrize(("lean", "upright"), [(0.4, True), (-0.4, False)])
def test_lean_turns_stripes(lean: float, upright: bool) -> None:
    across_down = [np.square(np.diff(grow(9, noise(), lean=lean), axis=axis)).sum() for axis in (1, 0)]
    assert (across_down[0] > 3 * across_down[1]) if upright else (across_down[1] > 3 * across_down[0])


def test_food_makes_marks() -> None:
    source = np.full(SHAPE, -0.9)
    source[:, 80:] = 0.0
    marks = grow(9, noise(), source, 0.7) > 0.2
    assert marks[:, 90:150].mean() > 0.2
    assert marks[:, 10:70].mean() < 0.02


def test_another_start_gives_another_pattern() -> None:
    one, two, again = grow(9, noise(1)), grow(9, noise(2)), grow(9, noise(1))
    np.testing.assert_array_equal(one, again)
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.15

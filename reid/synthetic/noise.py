"""Smooth random fields, the raw material of leaves, soil, fur and light."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["clouds", "grain", "smoothstep", "stream"]

GRAINS = (1 << 21) - 9
"""Length of the list of grain; odd, so that rows do not repeat."""


def stream(*numbers: int) -> np.random.Generator:
    """Random numbers of their own for everything that is drawn: nothing depends on what was drawn before it.

    >>> bool(stream(0, 1).random() == stream(0, 1).random()), bool(stream(0, 1).random() == stream(1, 0).random())
    (True, False)
    """
    return np.random.default_rng(np.random.SeedSequence(numbers))


def clouds(
    rng: np.random.Generator, shape: tuple[int, int], grain: float | tuple[float, float], octaves: int = 1
) -> np.ndarray:
    """A smooth field of mean about 0 and deviation about 1, float32.

    Args:
        rng: Where the numbers come from.
        shape: Rows and columns.
        grain: Size of a blob, in cells; down and across where they differ.
        octaves: How many finer fields are added, each half the size and half the height of the one before.
    """
    import cv2

    down, across = grain if isinstance(grain, tuple) else (grain, grain)
    total, power = np.zeros(shape, np.float32), 0.0
    for octave in range(octaves):
        rows = max(round(shape[0] / max(down / 2**octave, 1)), 1) + 3
        columns = max(round(shape[1] / max(across / 2**octave, 1)), 1) + 3
        coarse = rng.standard_normal((rows, columns), dtype=np.float32)
        size = (
            max(round(columns * max(across / 2**octave, 1)), shape[1]),
            max(round(rows * max(down / 2**octave, 1)), shape[0]),
        )
        field = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)[: shape[0], : shape[1]]
        total += field * np.float32(0.5**octave)
        power += 0.25**octave
    return total * np.float32(1.3 / np.sqrt(power))


@lru_cache(maxsize=1)
def _grains() -> np.ndarray:
    return stream(0).standard_normal(GRAINS, dtype=np.float32)


def grain(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers of mean 0 and deviation 1, float32, cut out of a long list: much quicker than drawing them."""
    count = int(np.prod(shape))
    start = int(rng.integers(GRAINS))
    if start + count <= GRAINS:
        return _grains()[start : start + count].reshape(shape)
    return np.take(_grains(), np.arange(start, start + count), mode="wrap").reshape(shape)


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, and a smooth slope between.

    >>> smoothstep(0, 2, np.array([-1.0, 0, 1, 2, 5])).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)

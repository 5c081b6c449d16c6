"""The plane on which a coat lies: the skin of one side of the animal, unrolled, standing at rest and facing right.

Lengths are in shoulder heights. `x` runs from tail to nose, 0 at mid-back; `y` runs up from the ground.
"""

from __future__ import annotations

import numpy as np

__all__ = ["BOTTOM", "CELL", "FINE", "LEFT", "SHAPE", "TEXEL", "centres", "to_pixels"]

LEFT, RIGHT, BOTTOM, TOP = -1.7, 1.3, -0.15, 1.35
SHAPE = (176, 352)
"""Rows and columns on which a coat grows."""
CELL = (RIGHT - LEFT) / SHAPE[1]
FINE = 2.5
"""How many times finer the painted coat is."""
TEXEL = CELL / FINE


def centres(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """`x` as a row and `y` as a column at the middle of each cell; the first row is the highest."""
    rows, columns = shape
    x = LEFT + (np.arange(columns, dtype=np.float32) + 0.5) * ((RIGHT - LEFT) / columns)
    y = TOP - (np.arange(rows, dtype=np.float32) + 0.5) * ((TOP - BOTTOM) / rows)
    return x[None, :], y[:, None]


def to_pixels(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where places of the plane lie on a painted coat, in pixels as OpenCV counts them (column, row)."""
    return (x - LEFT) / TEXEL - 0.5, (TOP - y) / TEXEL - 0.5

"""A photo fitted into a network's input, and boxes brought back to the photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.errors import ConfigError, choices

__all__ = ["FITS", "Fit", "Fitted", "fit_photo"]

FITS = ("corner", "centre", "stretch")
LINE = 32
"""A network that takes any size gets sides that are multiples of this."""


@dataclass(frozen=True)
class Fit:
    """How photos are fitted.

    Attributes:
        height: Of the input, pixels.
        width: Likewise.
        how: `corner`: scaled as a whole, in the upper left corner, the rest filled; `centre`: the same in the middle;
            `stretch`: to the input's shape.
        fill: Value of the filling, 0 to 255.
        tight: The input is no larger than the scaled photo needs, to multiples of 32; for networks that take any size.
        enlarge: Whether a photo smaller than the input is enlarged.

    Raises:
        ConfigError: a value is wrong.
    """

    height: int
    width: int
    how: str = "corner"
    fill: int = 114
    tight: bool = False
    enlarge: bool = True

    def __post_init__(self) -> None:
        if self.how not in FITS:
            raise ConfigError(f"the fit {self.how!r} is unknown; choose one of {choices(FITS)}.")
        if min(self.height, self.width) < 32:
            raise ConfigError(f"an input of {self.height} by {self.width} pixels is too small; use 32 or more.")
        if not 0 <= self.fill <= 255:
            raise ConfigError(f"the filling {self.fill} must lie between 0 and 255.")


@dataclass(frozen=True)
class Fitted:
    """A photo in an input: uint8 (height, width, 3), and what takes boxes back: photo = (input - shift) / scale."""

    pixels: np.ndarray
    scale: tuple[float, float]
    shift: tuple[float, float]

    def back(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) x1, y1, x2, y2 of the input as x, y, width, height of the photo."""
        photo = (boxes - np.tile(self.shift, 2)) / np.tile(self.scale, 2)
        return np.concatenate((photo[:, :2], photo[:, 2:] - photo[:, :2]), 1)


def fit_photo(photo: np.ndarray, size: tuple[int, int], fit: Fit) -> Fitted:
    """Fit a decoded photo.

    Args:
        photo: uint8 (rows, columns, 3); it may be decoded smaller than the photo is.
        size: Width and height of the photo itself, to which boxes come back.
        fit: How.
    """
    import cv2

    rows, columns = photo.shape[:2]
    if fit.how == "stretch":
        width, height = fit.width, fit.height
    else:
        scale = min(fit.width / size[0], fit.height / size[1])
        scale = scale if fit.enlarge else min(scale, 1.0)
        width, height = (max(round(n * scale), 1) for n in size)
    method = cv2.INTER_AREA if width * height < rows * columns else cv2.INTER_LINEAR
    pixels = photo if (height, width) == (rows, columns) else cv2.resize(photo, (width, height), interpolation=method)
    ratio = (width / size[0], height / size[1])
    if fit.how == "stretch":
        return Fitted(pixels, ratio, (0.0, 0.0))
    high, wide = (-(-height // LINE) * LINE, -(-width // LINE) * LINE) if fit.tight else (fit.height, fit.width)
    left, top = ((wide - width) // 2, (high - height) // 2) if fit.how == "centre" else (0, 0)
    canvas = np.full((high, wide, 3), fit.fill, np.uint8)
    canvas[top : top + height, left : left + width] = pixels
    return Fitted(canvas, ratio, (float(left), float(top)))

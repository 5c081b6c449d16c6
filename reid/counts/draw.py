"""A claimed match as a picture: two crops side by side, with lines from spot to spot."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["HEIGHT", "MOST_LINES", "draw_match", "line_colour"]

HEIGHT = 420
"""Pixels that both crops are scaled to, or less for long ones."""
MOST_LINES = 60
"""Only so many spots are drawn, the strongest ones; more would hide the coat."""
_WIDEST = 1.6
"""No crop becomes wider than so many times `HEIGHT`: both are scaled down further where one would."""
_GAP, _BAND, _FACTOR = 8, 30, 2


@lru_cache(maxsize=1)
def _colours() -> np.ndarray:
    """256 colours from teal (weak) to yellow (strong): the part of viridis that stands out from a dark
    coat."""
    from matplotlib import colormaps

    return (np.asarray(colormaps["viridis"](np.linspace(0.4, 1.0, 256)))[:, :3] * 255).round().astype(int)


def line_colour(weight: float) -> tuple[int, int, int]:
    """The colour of a spot's confidence, which is cut to 0 to 1."""
    red, green, blue = _colours()[round(255 * float(np.clip(np.nan_to_num(weight), 0, 1)))]
    return int(red), int(green), int(blue)


@lru_cache(maxsize=4)
def _font(size: int) -> Any:
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def draw_match(
    picture_a: np.ndarray,
    picture_b: np.ndarray,
    points_a: np.ndarray,
    points_b: np.ndarray,
    weights: np.ndarray,
    title_a: str = "",
    title_b: str = "",
) -> Image.Image:
    """Draw two crops and the spots that were matched between them.

    Args:
        picture_a: RGB, uint8, (height, width, 3).
        picture_b: Likewise; of any size.
        points_a: (n, 2) x and y in pixels of `picture_a`. With none, the crops stand side by side without
            lines.
        points_b: (n, 2) the same spots in `picture_b`.
        weights: (n,) confidence of each, 0 to 1. The strongest `MOST_LINES` are drawn, the strongest on top.
        title_a: Written above the first crop; with both titles empty there is no band for them.
        title_b: Above the second.

    Returns:
        An RGB image, `HEIGHT` pixels high at most, and the band of the titles.

    Raises:
        ValueError: the points and weights are not equally many.
    """
    import cv2

    points_a, points_b = (
        np.asarray(points_a, float).reshape(-1, 2),
        np.asarray(points_b, float).reshape(-1, 2),
    )
    weights = np.asarray(weights, float).reshape(-1)
    if not len(points_a) == len(points_b) == len(weights):
        raise ValueError(
            f"{len(points_a)} points, {len(points_b)} points and {len(weights)} weights; give equally many."
        )
    # OpenCV enlarges and reduces in a fifth of Pillow's time
    panels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(picture)).convert("RGB")) for picture in (picture_a, picture_b)
    ]
    height = _FACTOR * HEIGHT * min(1.0, *(_WIDEST * panel.shape[0] / panel.shape[1] for panel in panels))
    scales = [height / panel.shape[0] for panel in panels]
    sizes = [
        (max(1, round(panel.shape[1] * scale)), max(1, round(height)))
        for panel, scale in zip(panels, scales, strict=True)
    ]
    band = _BAND * _FACTOR if title_a or title_b else 0
    gap = _GAP * _FACTOR
    canvas = Image.new("RGB", (sizes[0][0] + gap + sizes[1][0], band + sizes[0][1]), "white")
    corners = []
    left = 0
    for panel, size in zip(panels, sizes, strict=True):
        corners.append((left, band))
        canvas.paste(Image.fromarray(cv2.resize(panel, size, interpolation=cv2.INTER_CUBIC)), corners[-1])
        left += size[0] + gap
    draw = ImageDraw.Draw(canvas)
    for title, corner, size in zip((title_a, title_b), corners, sizes, strict=True):
        if title:
            draw.text(
                (corner[0] + 2, 6),
                _shorten(title, size[0], draw),
                fill=(40, 40, 40),
                font=_font(15 * _FACTOR),
            )
    # Confidence, then position, so that equal weights always choose the same spots.
    order = np.lexsort((np.arange(len(weights)), -np.nan_to_num(weights)))[:MOST_LINES][::-1]
    for k in order:
        ends = [
            (corner[0] + point[0] * scale, corner[1] + point[1] * scale)
            for corner, point, scale in zip(corners, (points_a[k], points_b[k]), scales, strict=True)
        ]
        colour = line_colour(weights[k])
        edge = tuple(value // 4 for value in colour)  # a dark edge is seen on a pale coat
        draw.line(ends, fill=edge, width=5)
        draw.line(ends, fill=colour, width=3)
        for x, y in ends:
            draw.ellipse((x - 8, y - 8, x + 8, y + 8), outline=edge, width=5)
            draw.ellipse((x - 7, y - 7, x + 7, y + 7), outline=colour, width=3)
    small = (max(1, canvas.width // _FACTOR), max(1, canvas.height // _FACTOR))
    return Image.fromarray(cv2.resize(np.asarray(canvas), small, interpolation=cv2.INTER_AREA))


def _shorten(title: str, width: int, draw: ImageDraw.ImageDraw) -> str:
    font = _font(15 * _FACTOR)
    if draw.textlength(title, font=font) <= width:
        return title
    while title and draw.textlength(title + "…", font=font) > width:
        title = title[:-1]
    return title + "…"

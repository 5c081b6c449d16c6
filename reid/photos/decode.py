"""Pixels: any photo file to an upright RGB array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from reid.errors import InputError
from reid.photos.header import opened, orientation_of, photo_size

__all__ = ["photo_size", "read_photo"]

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What puts a picture of each EXIF orientation upright."""


def read_photo(path: str | Path, longest: int | None = None) -> np.ndarray:
    """Decode a photo, with its EXIF orientation applied.

    Grey becomes three equal channels, 16 bits become 8 over their full range, CMYK is converted without a
    colour profile, transparent pixels become black. Of a file of several pictures, the first is read.

    Args:
        path: JPEG, PNG, TIFF, WebP or BMP; the content decides, not the name.
        longest: If given, a large JPEG is decoded at a half, a quarter or an eighth of its size, which is
            several
            times faster: the smallest of these whose longer side still has at least this many pixels. Other
            formats come at full size. Boxes made for the full photo must be scaled by the shapes' ratio.

    Returns:
        uint8 array of shape (height, width, 3), RGB.

    Raises:
        InputError: it cannot be read, is no image, is truncated or damaged; the message is the reason alone,
            without the path. A JPEG without its end-of-image marker is truncated, even where a decoder would
            show part of it.
    """
    with opened(path) as image:
        if longest is not None and image.format in ("JPEG", "MPO"):
            _shrink(image, longest)
        orientation = orientation_of(image)
        image.load()
        if image.format == "TIFF":  # Pillow turns TIFF itself while loading, and then drops the tag
            orientation = orientation_of(image)
        rgb = _rgb(image)
        if orientation in UPRIGHT:
            rgb = rgb.transpose(UPRIGHT[orientation])
        return np.array(rgb)


def _shrink(image: Image.Image, longest: int) -> None:
    """Set a JPEG to decode at the smallest scale that keeps its longer side at `longest` pixels or more."""
    width, height = image.size
    for scale in (8, 4, 2):
        if -(-max(width, height) // scale) >= longest:
            image.draft(None, (max(width // scale, 1), max(height // scale, 1)))
            return


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise InputError("pixels are floating point numbers, expected 8 or 16 bits")
    if image.mode.startswith("I"):
        grey = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba).convert("RGB")
    return image.convert("RGB")

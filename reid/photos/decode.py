"""Pixels: any photo file to an upright RGB array."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from reid.errors import InputError
from reid.photos.header import opened, orientation_of, photo_size

__all__ = ["photo_size", "read_photo", "read_share"]

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
    if longest is None:
        return _read(path, lambda size: 1)[0]
    least = longest
    return _read(path, lambda size: _scale(lambda scale: -(-max(size) // scale) >= least))[0]


def read_share(path: str | Path, share: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode a photo at no more than the size that is needed.

    Args:
        path: As for `read_photo`.
        share: Of the full width and height, 0 to 1, that must be left at least. A JPEG comes at an eighth, a quarter, a half
            or at full size, other formats always at full size.

    Returns:
        The pixels as `read_photo` gives them; and height and width of the full photo, upright.

    Raises:
        InputError: as `read_photo`.
    """
    return _read(path, lambda size: _scale(lambda scale: scale * share <= 1))


def _scale(enough: Callable[[int], bool]) -> int:
    """The largest of JPEG's reductions that leaves enough."""
    return next((scale for scale in (8, 4, 2) if enough(scale)), 1)


def _read(path: str | Path, reduction: Callable[[tuple[int, int]], int]) -> tuple[np.ndarray, tuple[int, int]]:
    with opened(path) as image:
        scale = reduction(image.size) if image.format in ("JPEG", "MPO") else 1
        full = image.height, image.width
        orientation = orientation_of(image)
        pixels = _quickly(image) if scale == 1 and orientation not in UPRIGHT else None
        if pixels is None:
            if scale > 1:
                image.draft(None, (max(image.width // scale, 1), max(image.height // scale, 1)))
            image.load()
            if image.format == "TIFF":  # Pillow turns TIFF itself while loading, and then drops the tag
                orientation, full = orientation_of(image), (image.height, image.width)
            rgb = _rgb(image)
            if orientation in UPRIGHT:
                rgb = rgb.transpose(UPRIGHT[orientation])
            pixels = np.array(rgb)
        return pixels, full if orientation < 5 else (full[1], full[0])


def _quickly(image: Image.Image) -> np.ndarray | None:
    """A JPEG by OpenCV, which has the same library and hands its pixels over uncopied, in two thirds of the time.

    None for whatever is not quite plain, which Pillow then decodes, or says what is wrong with it.
    """
    import cv2

    file = getattr(image, "fp", None)
    if image.format != "JPEG" or image.mode != "RGB" or file is None:
        return None
    file.seek(0)
    data = np.frombuffer(file.read(), np.uint8)
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    return pixels if pixels is not None and pixels.shape == (image.height, image.width, 3) else None


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

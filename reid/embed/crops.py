"""Crops: boxes of the animals become rows, and rows become pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import ConfigError
from reid.photos import read_photo
from reid.tables import CROPS, UNKNOWN, check

__all__ = ["CropSettings", "crop_picture", "make_crops", "resize_crop", "squashed", "within"]


@dataclass(frozen=True)
class CropSettings:
    """How an animal is cut out.

    Attributes:
        margin: Added on each side, as a share of the box's width and height.
    """

    margin: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 1:
            raise ConfigError(f"crop.margin={self.margin} must lie between 0 and 1 (a share of the box).")


def make_crops(photos: pd.DataFrame, detections: pd.DataFrame, settings: CropSettings | None = None) -> pd.DataFrame:
    """A crops table, one row a detection, in the photos' order.

    Args:
        photos: Photos table.
        detections: Detections table of these photos.
        settings: How to cut.

    Returns:
        Crops table; the flank is `unknown` and the encounter null until they are found.
    """
    settings = settings or CropSettings()
    rows = detections.merge(photos, on="image_id", how="inner", validate="many_to_one")
    order = {image_id: n for n, image_id in enumerate(photos["image_id"])}
    rows = rows.sort_values("image_id", key=lambda ids: ids.map(order), kind="stable")
    bbox = [
        _grow(box, settings.margin, width, height)
        for box, width, height in zip(rows["bbox"], rows["width"], rows["height"], strict=True)
    ]
    frame = pd.DataFrame(
        {
            "crop_id": rows["detection_id"].to_numpy(),
            **{name: rows[name].to_numpy() for name in ("image_id", "path", "content_hash", "confidence")},
            "bbox": pd.Series(bbox, dtype="object"),
            "orientation": UNKNOWN,
            **{name: rows[name].to_numpy() for name in ("date", "camera", "station", "sequence")},
        }
    )
    return check(frame, CROPS)


def _grow(box: list[float], margin: float, width: int, height: int) -> list[float]:
    x, y, w, h = box
    left, top = max(0.0, x - margin * w), max(0.0, y - margin * h)
    right, bottom = min(float(width), x + w + margin * w), min(float(height), y + h + margin * h)
    return [round(v, 2) for v in (left, top, right - left, bottom - top)]


def crop_picture(
    root: Path, crop: Mapping[str, Any], longest: int | None = None, photo: np.ndarray | None = None
) -> np.ndarray:
    """Cut one crop out of its photo.

    Args:
        root: Folder that the crop's `path` is below.
        crop: A row of a crops table.
        longest: Reduce to at most this many pixels on the longest side; never enlarges.
        photo: The decoded upright photo at full size, if the caller has it already.

    Returns:
        uint8 RGB, (h, w, 3).

    Raises:
        InputError: the photo cannot be decoded.
    """
    x, y, w, h = crop["bbox"]
    if photo is None:
        photo = read_photo(root / crop["path"])
    left, top = int(np.floor(x)), int(np.floor(y))
    picture = photo[top : max(top + 1, round(y + h)), left : max(left + 1, round(x + w))]
    return np.ascontiguousarray(within(picture, longest) if longest else picture)


def within(picture: np.ndarray, longest: int) -> np.ndarray:
    """A picture (h, w, 3), reduced to at most `longest` pixels on its longest side; never enlarged."""
    if max(picture.shape[:2]) <= longest:
        return picture
    scale = longest / max(picture.shape[:2])
    return resize_crop(picture, max(1, round(picture.shape[0] * scale)), max(1, round(picture.shape[1] * scale)))


def resize_crop(picture: np.ndarray, height: int, width: int, interpolation: str = "area") -> np.ndarray:
    """Resize an RGB picture to exactly (height, width).

    `area` averages when it makes smaller and interpolates linearly when it makes larger, so nothing aliases.
    """
    import cv2

    flags = {"area": cv2.INTER_AREA, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
    shrink = picture.shape[0] >= height and picture.shape[1] >= width
    flag = flags[interpolation]
    if flag == cv2.INTER_AREA and not shrink:
        flag = cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=flag)


def squashed(pictures: Sequence[np.ndarray], height: int, width: int, batch: int = 0) -> np.ndarray:
    """Pictures of any size as one array, uint8 (B, 3, height, width), filled up with black to `batch`."""
    images = np.zeros((max(batch, len(pictures)), 3, height, width), np.uint8)
    for n, picture in enumerate(pictures):
        images[n] = resize_crop(picture, height, width).transpose(2, 0, 1)
    return images

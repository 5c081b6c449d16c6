"""Pictures for the report: reduced, compressed, and few enough that the report stays a file one can send."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from PIL import Image

from reid.tables import UNKNOWN

__all__ = ["Limits", "Picture", "choose_pictures", "jpeg_bytes", "jpeg_data_uri", "limits_for"]

Picture: TypeAlias = np.ndarray | bytes | Image.Image
"""RGB uint8 array (height, width, 3), the bytes of an image file, or a PIL image."""


@dataclass(frozen=True)
class Limits:
    """How large and how many the pictures of a report may be. Sides are in pixels, quality is JPEG's."""

    photo_side: int
    photo_quality: int
    match_width: int
    match_quality: int
    photos_each: int
    """Photos shown of one individual, at most."""
    matches_each: int


def limits_for(individuals: int, photos_each: int) -> Limits:
    """Picture sizes for a report: the more animals, the smaller and fewer.

    >>> limits_for(12, 12).photo_side, limits_for(300, 12).photo_side
    (480, 280)
    """
    if individuals * photos_each <= 360:
        return Limits(480, 80, 1000, 80, photos_each, min(photos_each, 12))
    if individuals * photos_each <= 1200:
        return Limits(320, 70, 720, 70, photos_each, min(photos_each, 6))
    most = max(2, 2400 // individuals)
    return Limits(280, 68, 640, 68, min(photos_each, most), min(photos_each, max(1, most // 3)))


def jpeg_bytes(picture: Picture, longest: int, quality: int) -> bytes:
    """The picture as JPEG, its longest side at most `longest` pixels. A JPEG that is small enough is left as
    it is."""
    if isinstance(picture, bytes):
        with Image.open(io.BytesIO(picture)) as image:
            if image.format == "JPEG" and max(image.size) <= longest:
                return picture
            image.load()
            decoded = image.convert("RGB")
    elif isinstance(picture, np.ndarray):
        decoded = Image.fromarray(np.ascontiguousarray(picture)).convert("RGB")
    else:
        decoded = picture.convert("RGB")
    if max(decoded.size) > longest:
        decoded.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    decoded.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def jpeg_data_uri(image: Picture, quality: int = 80, longest: int = 1000) -> str:
    """The picture as a `data:` address that a page can hold in itself."""
    return "data:image/jpeg;base64," + b64encode(jpeg_bytes(image, longest, quality)).decode("ascii")


def choose_pictures(sightings: pd.DataFrame, photos_per_individual: int) -> dict[str, list[str]]:
    """The crops that show each animal best, by name: over its flanks and encounters in turn, the surest boxes
    first.

    Args:
        sightings: A SIGHTINGS table.
        photos_per_individual: At most so many of each.

    Returns:
        By identity, `crop_id`s in the order of choice. Unsure encounters are chosen for one by one, under the
        name of the encounter.
    """
    chosen: dict[str, list[str]] = {}
    owner = sightings["identity"].where(sightings["identity"] != UNKNOWN, sightings["encounter"])
    order = {"left": 0, "right": 1}
    for name, seen in sightings.groupby(owner, sort=True):
        seen = seen.assign(
            side=seen["orientation"].map(lambda flank: order.get(flank, 2)),
            sure=-seen["confidence"].fillna(0.0),
        ).sort_values(["sure", "crop_id"], kind="stable")
        seen["turn"] = seen.groupby(["encounter", "orientation"]).cumcount()
        seen = seen.sort_values(["turn", "side", "sure", "crop_id"], kind="stable")
        # Left and right in turn, so that a short choice does not show one side alone.
        seen["round"] = seen.groupby("side").cumcount()
        seen = seen.sort_values(["round", "side", "crop_id"], kind="stable")
        chosen[str(name)] = [str(crop) for crop in seen["crop_id"].iloc[:photos_per_individual]]
    return chosen

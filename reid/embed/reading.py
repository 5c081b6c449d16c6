"""From a photo on disk to its crops, at the size that a network needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reid.embed.crops import crop_picture
from reid.embed.framing import ROOM, ahead
from reid.embed.network import NetworkSpec
from reid.errors import InputError
from reid.photos import read_photo, read_share

__all__ = ["needed", "read_crops"]


def read_crops(
    root: Path, crops: Sequence[Mapping[str, Any]], spec: NetworkSpec, decode: str
) -> list[np.ndarray] | list[str]:
    """The crops of one photo as `reid.embed.framing.ahead` gives them; or, of each, why the photo cannot be read.

    Args:
        root: Folder that the crops' path is below.
        crops: Rows of a crops table, all of one photo.
        spec: What the network expects.
        decode: `full`, or `reduced`: see `EngineSettings`.
    """
    path = root / crops[0]["path"]
    try:
        if decode == "full":
            photo = read_photo(path)
            return [ahead(crop_picture(root, crop, photo=photo), spec, crop["orientation"]) for crop in crops]
        photo, (height, width) = read_share(path, max(needed(crop["bbox"], spec) for crop in crops))
        scale = photo.shape[1] / width, photo.shape[0] / height
        smaller = [{**crop, "bbox": [side * scale[n % 2] for n, side in enumerate(crop["bbox"])]} for crop in crops]
        return [ahead(crop_picture(root, crop, photo=photo), spec, crop["orientation"]) for crop in smaller]
    except InputError as error:
        return [str(error)] * len(crops)


def needed(bbox: Sequence[float], spec: NetworkSpec) -> float:
    """The share of a photo's width and height at which a box is still as large as a network wants it; more than 1 for small boxes.

    >>> needed([0, 0, 448, 896], NetworkSpec()), needed([0, 0, 640, 320], NetworkSpec(frame="torso", height=160))
    (0.5, 0.7)
    """
    width, height = max(bbox[2], 1.0), max(bbox[3], 1.0)
    if spec.frame == "torso":  # where in the crop the torso lies is not known yet
        return ROOM * max(spec.height, spec.width) / max(width, height)
    sides = spec.width / width, spec.height / height
    return max(sides) if spec.resize == "squash" else min(sides)

"""A detector judged on photos whose animals are known: recall at so many false boxes, by light and size, and COCO's AP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.detect.coco import BoxPhoto
from reid.detect.protocol import Detector
from reid.errors import InputError
from reid.evaluate.boxes import Found, average_precision, judge_boxes
from reid.photos import read_photo
from reid.photos.files import image_id, inspect_all
from reid.tables import PHOTOS, from_rows, records

__all__ = ["AT_FALSE", "SIZES", "box_figures", "find_boxes", "is_grey", "photo_table"]

AT_FALSE = (0.05, 0.15, 0.5)
"""False boxes per photo at which recall is stated."""
SIZES = (("small", 0.0, 0.02), ("middle", 0.02, 0.15), ("large", 0.15, 1.01))
"""Kinds of true boxes by their share of the photo's area."""
GREY = 3.0
"""A photo whose colours differ by less than this many levels on the mean is infrared's."""


def photo_table(photos: Sequence[BoxPhoto]) -> tuple[pd.DataFrame, Path]:
    """The photos of a COCO file as a `PHOTOS` table, in their order, and the folder that its paths start from.

    Raises:
        InputError: one photo is listed twice.
    """
    paths = [photo.path.resolve() for photo in photos]
    if len(set(paths)) != len(paths):
        raise InputError(
            "the COCO file lists a photo twice; each photo can be judged once. Join its boxes under one entry."
        )
    root = Path(paths[0].anchor) if paths else Path("/")
    rows = []
    for path, fact in zip(paths, inspect_all(paths, stage="photos"), strict=True):
        name = path.relative_to(root).as_posix()
        rows.append(
            {
                "image_id": image_id(name, fact.content_hash), "path": name, "content_hash": fact.content_hash,
                "bytes": fact.bytes, "width": fact.width, "height": fact.height, "exif_orientation": fact.orientation,
                "camera": path.parent.name, "station": path.parent.name, "date": fact.taken,
                "date_source": "exif" if fact.taken else "none", "sequence": None, "error": fact.error,
            }
        )  # fmt: skip
    return from_rows(rows, PHOTOS), root


def find_boxes(detector: Detector, photos: Sequence[BoxPhoto], categories: Sequence[str] = ("animal",)) -> list[Found]:
    """What a detector finds on photos whose true boxes are known, of the categories asked for, at any confidence."""
    table, root = photo_table(photos)
    found, problems = detector.detect(table, root)
    if len(problems) and not len(found):
        raise InputError(f"the detector could not look at {problems['path'].iloc[0]}: {problems['reason'].iloc[0]}.")
    by_image: dict[str, list[Any]] = {}
    for row in records(found[found["category"].isin(list(categories))]):
        by_image.setdefault(row.image_id, []).append(row)
    out = []
    for key, photo in zip(table["image_id"], photos, strict=True):
        rows = by_image.get(key, [])
        boxes = np.array([row.bbox for row in rows], float).reshape(-1, 4)
        out.append(Found(boxes, np.array([row.confidence for row in rows], float), photo.boxes))
    return out


def is_grey(path: Path) -> bool:
    """Whether a photo was taken in infrared light: its three colours hardly differ."""
    photo = read_photo(path, longest=256).astype(np.int16)
    high = photo.shape[0]
    # cameras write in colour along the edges
    inner = photo[high // 8 : high - high // 8]
    return bool((inner.max(-1) - inner.min(-1)).mean() < GREY)


def box_figures(found: Sequence[Found], photos: Sequence[BoxPhoto]) -> dict[str, Any]:
    """The figures of one set of photos.

    Returns:
        `photos`, `boxes`, `empty_photos`; `recall` at each of `AT_FALSE` false boxes per photo, with the confidence that gives
        it; `false_per_empty_photo` at the same confidences; `AP` and `AP50`; and `recall_by`, at the confidence of the
        second of `AT_FALSE`, by `light` and `size`, each with its number of boxes. What is not defined is None.
    """
    every = judge_boxes(found)
    empty = [one for one in found if not len(one.truth)]
    out: dict[str, Any] = {"photos": len(found), "boxes": every.truths, "empty_photos": len(empty)}
    out["largest_confidence_on_empty"] = max((float(one.confidences.max(initial=0)) for one in empty), default=None)
    if not every.truths:
        return out
    at = {limit: every.confidence_at(limit) for limit in AT_FALSE}
    out["recall"] = {str(limit): every.recall(confidence) for limit, confidence in at.items()}
    out["confidence"] = {str(limit): min(confidence, 1.0) for limit, confidence in at.items()}
    if empty:
        blank = judge_boxes(empty)
        out["false_per_empty_photo"] = {str(limit): blank.false_per_photo(c) for limit, c in at.items()}
    out |= average_precision(found)
    chosen = at[AT_FALSE[1]]
    grey = [is_grey(photo.path) for photo in photos]
    kinds = {
        f"light: {name}": [np.full(len(photo.boxes), g == wanted) for photo, g in zip(photos, grey, strict=True)]
        for name, wanted in (("colour", False), ("infrared", True))
    }
    for name, low, high in SIZES:
        kinds[f"size: {name}"] = [_between(photo, low, high) for photo in photos]
    by = {}
    for name, masks in kinds.items():
        number = int(sum(mask.sum() for mask in masks))
        if number:
            by[name] = {"boxes": number, "recall": judge_boxes(found, chosen=masks).recall(chosen)}
    out["recall_by"] = by
    return out


def _between(photo: BoxPhoto, low: float, high: float) -> np.ndarray:
    share = photo.boxes[:, 2] * photo.boxes[:, 3] / (photo.size[0] * photo.size[1])
    return (share >= low) & (share < high)

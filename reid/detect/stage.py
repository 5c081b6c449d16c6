"""The detect stage: run the detector, and keep the boxes that are worth looking at."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from reid.detect.boxes import repeats
from reid.detect.bursts import believe_motion
from reid.detect.protocol import number_of, problem_row, tables
from reid.detect.settings import DetectorSettings, make_detector
from reid.tables import PHOTOS, check, records

__all__ = ["detect"]

SAME_BOX = 0.85
"""Two boxes of one category whose `iou` is above this are one box, written twice."""


def detect(
    photos: pd.DataFrame, root: str | Path, settings: DetectorSettings, cache: Path | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the animals on a season's photos.

    A box's number, the last part of its `detection_id`, is its place among all boxes of its photo before any
    was left out, so a changed threshold renames none. Where one box was written twice the more confident
    stays.

    Args:
        photos: A `PHOTOS` table; rows with an error are passed over.
        root: The folder that its paths start from.
        settings: Which detector, and which boxes to keep.
        cache: Folder that keeps what was found on each photo; a stopped run then goes on where it was.

    Returns:
        A `DETECTIONS` table, in the order of the photos and of the boxes' numbers; and a `PROBLEMS` table of
        photos and boxes that cannot be used. A photo on which nothing was found is in neither.

    Raises:
        ConfigError: the detector lacks a setting.
        InputError: its file cannot be read, or was made for other photos.
        FormatError: its file is of no known form.
        TableError: `photos` is no photos table.
    """
    photos = check(photos, PHOTOS)
    found, problems = make_detector(settings, cache).detect(photos, Path(root))
    found = believe_motion(found, photos, Path(root), settings.burst)
    found = found[found["category"].isin(settings.categories) & (found["confidence"] >= settings.confidence)]
    found = _in_order(found, photos)
    path_of = dict(zip(photos["image_id"], photos["path"], strict=True))
    kept, small = [], []
    for _, rows in groupby(records(found), key=lambda row: row.image_id):
        for row in _without_repeats(list(rows)):
            if min(row.bbox[2:]) < settings.min_side:
                small.append(problem_row(path_of[row.image_id], _too_small(row, settings.min_side)))
            else:
                kept.append(row._asdict())
    return tables(kept, [*(row._asdict() for row in records(problems)), *small])


def _in_order(found: pd.DataFrame, photos: pd.DataFrame) -> pd.DataFrame:
    place = {image: i for i, image in enumerate(photos["image_id"])}
    keys = [(place[image], number_of(key)) for image, key in zip(found["image_id"], found["detection_id"], strict=True)]
    return found.iloc[sorted(range(len(found)), key=keys.__getitem__)]


def _without_repeats(rows: list[Any]) -> list[Any]:
    """The rows of one photo without those that repeat another of their category."""
    dropped: set[str] = set()
    for category in {row.category for row in rows}:
        alike = [row for row in rows if row.category == category]
        again = repeats([row.bbox for row in alike], [row.confidence for row in alike], SAME_BOX)
        dropped.update(alike[i].detection_id for i in again)
    return [row for row in rows if row.detection_id not in dropped]


def _too_small(row: Any, min_side: int) -> str:
    width, height = row.bbox[2:]
    return (
        f"box {number_of(row.detection_id)} is too small to recognise anyone: "
        f"{width:g} by {height:g} pixels, the short side below {min_side}"
    )

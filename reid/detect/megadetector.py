"""Writing detections in the format of MegaDetector, which most camera-trap tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from reid.errors import OutputError, TableError
from reid.store import write_json
from reid.tables import DETECTIONS, PHOTOS, check, records

__all__ = ["write_megadetector"]

FORMAT = "1.6"
IDS = {"animal": "1", "person": "2", "vehicle": "3"}
"""MegaDetector's ids, which some tools take for granted; other names follow from 4 on."""

DECIMALS = 8
"""Of boxes in parts of the photo; a hundredth of a pixel survives on the largest photos."""


PASSED_OVER = ("box ", "listed more than once")
"""How problems begin that do not mean that a photo was not looked at."""


def write_megadetector(
    detections: pd.DataFrame, photos: pd.DataFrame, path: str | Path, problems: pd.DataFrame | None = None
) -> None:
    """Write detections as a MegaDetector file of format 1.6, whole or not at all.

    Every photo is listed: one without boxes with an empty list, one with an error as a failure with its
    reason. The format has no numbers for boxes: they are written by number, and those that were left out
    leave no gap.

    Args:
        detections: A `DETECTIONS` table.
        photos: The `PHOTOS` table that it was made from.
        path: The file to write; an existing one is replaced.
        problems: The `PROBLEMS` table of the detect stage: photos that it could not look at become failures too.

    Raises:
        TableError: a detection's photo is not among the photos, has an error, or its size is not known.
        OutputError: the file cannot be written.
    """
    photos, detections = check(photos, PHOTOS), check(detections, DETECTIONS)
    names = sorted(set(detections["category"]) - set(IDS))
    ids = {**IDS, **{name: str(i) for i, name in enumerate(names, start=len(IDS) + 1)}}
    boxes = dict(iter(detections.groupby("image_id", sort=False)))
    _refuse_strangers(boxes, photos)
    failures = _failures(problems)
    info = {"format_version": FORMAT}
    if len(detections):
        info["detector"] = ", ".join(sorted(set(detections["detector"])))
    content = {
        "info": info,
        "detection_categories": {i: name for name, i in ids.items()},
        "images": [_image(photo, boxes.get(photo.image_id), ids, failures) for photo in records(photos)],
    }
    try:
        write_json(content, path)
    except OSError as error:
        raise OutputError(
            f"the detections file {path} cannot be written: {error.strerror}. Name another place."
        ) from None


def _refuse_strangers(boxes: dict[Any, pd.DataFrame], photos: pd.DataFrame) -> None:
    good = photos[photos["error"].isna() & photos["width"].notna() & photos["height"].notna()]
    strangers = set(boxes) - set(good["image_id"])
    if strangers:
        raise TableError(
            f"the detections table has boxes on {min(strangers)!r}, which is not among the photos, "
            "has an error, or is of unknown size. Give the photos table that the detections were made from."
        )


def _failures(problems: pd.DataFrame | None) -> dict[str, str]:
    """Why photos were not looked at, by path."""
    if problems is None:
        return {}
    return {
        row.path: row.reason
        for row in records(problems[problems["stage"] == "detect"])
        if not row.reason.startswith(PASSED_OVER)
    }


def _image(photo: Any, rows: pd.DataFrame | None, ids: dict[str, str], failures: dict[str, str]) -> dict[str, Any]:
    file = photo.path.replace("\\", "/")
    failure = photo.error if not pd.isna(photo.error) else failures.get(photo.path) if rows is None else None
    if failure:
        return {"file": file, "detections": None, "failure": failure}
    size = (photo.width, photo.height, photo.width, photo.height)
    found = [] if rows is None else records(rows)
    return {
        "file": file,
        "detections": [
            {
                "category": ids[row.category],
                "conf": float(row.confidence),
                "bbox": [round(x / side, DECIMALS) for x, side in zip(row.bbox, size, strict=True)],
            }
            for row in found
        ],
    }

"""What every detector does, and the rows that every detector writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from reid.tables import DETECTIONS, PROBLEMS, from_rows

__all__ = [
    "Detector",
    "detection_id",
    "detection_row",
    "number_of",
    "problem_row",
    "tables",
    "usable",
]


@runtime_checkable
class Detector(Protocol):
    """Finds the animals on photos."""

    @property
    def name(self) -> str:
        """What the settings call it."""
        ...

    def detect(self, photos: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Find everything on the usable photos, those whose `error` is null.

        Nothing is left out for being unlikely or of another category: the stage does that, from the settings.

        Args:
            photos: A `PHOTOS` table.
            root: The folder that its paths start from.

        Returns:
            A `DETECTIONS` table, its boxes in pixels of the upright photo and inside it, numbered per photo;
            and a `PROBLEMS` table with a row for each photo and each box that could not be used.
        """
        ...


def detection_id(image_id: str, number: int) -> str:
    """Key of a box: its photo and its number there, counted from 0 over all that the detector found.

    >>> detection_id("A/1.jpg@0123456789ab", 2)
    'A/1.jpg@0123456789ab#2'
    """
    return f"{image_id}#{number}"


def number_of(detection: str) -> int:
    """The box's number on its photo, from its key.

    >>> number_of("odd#name.jpg@0123456789ab#12")
    12
    """
    return int(detection.rpartition("#")[2])


def detection_row(
    image_id: str, number: int, category: str, confidence: float, bbox: tuple[float, ...], detector: str
) -> dict[str, Any]:
    """One row of a `DETECTIONS` table; `bbox` is x, y, width, height in pixels of the upright photo."""
    return {
        "detection_id": detection_id(image_id, number),
        "image_id": image_id,
        "category": category,
        "confidence": confidence,
        "bbox": list(bbox),
        "detector": detector,
    }


def problem_row(path: str, reason: str) -> dict[str, str]:
    """One row of a `PROBLEMS` table."""
    return {"stage": "detect", "path": path, "reason": reason}


def tables(detections: list[dict[str, Any]], problems: list[dict[str, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Checked tables from rows: detections in the given order, problems by path, each once."""
    once = sorted({(row["path"], row["reason"]) for row in problems})
    return from_rows(detections, DETECTIONS), from_rows([problem_row(*row) for row in once], PROBLEMS)


def usable(photos: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `PHOTOS` table without an error."""
    return photos[photos["error"].isna()]

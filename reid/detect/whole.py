"""The detector for photos that are crops already: the whole photo is one animal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reid.detect.protocol import detection_row, problem_row, tables, usable
from reid.tables import records

__all__ = ["WholePhoto"]


@dataclass(frozen=True)
class WholePhoto:
    """One box a usable photo, as large as the photo: category "animal", confidence 1."""

    name: str = "whole"

    def detect(self, photos: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        """See `Detector.detect`."""
        found, problems = [], []
        for photo in records(usable(photos)):
            if pd.isna(photo.width) or pd.isna(photo.height):
                problems.append(problem_row(photo.path, "the size of the photo is not known"))
                continue
            box = (0.0, 0.0, float(photo.width), float(photo.height))
            found.append(detection_row(photo.image_id, 0, "animal", 1.0, box, self.name))
        return tables(found, problems)

"""Photos tables by hand, and detections files from Python values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reid.tables import PHOTOS, from_rows


def photos_table(sizes: dict[str, tuple[int, int] | str]) -> pd.DataFrame:
    """Photos by path: their size, or why they cannot be used."""
    rows: list[dict[str, Any]] = []
    for path, size in sizes.items():
        row: dict[str, Any] = {"image_id": f"{path}@0123456789ab", "path": path}
        if isinstance(size, str):
            row["error"] = size
        else:
            row |= {"width": size[0], "height": size[1], "exif_orientation": 1}
        rows.append(row)
    return from_rows(rows, PHOTOS)


@pytest.fixture
def photos() -> Callable[[dict[str, tuple[int, int] | str]], pd.DataFrame]:
    return photos_table


@pytest.fixture
def season() -> pd.DataFrame:
    """The photos that the golden files are about."""
    return photos_table({"A/1.jpg": (200, 100), "B/2.jpg": (400, 300), "C/3.jpg": (400, 300), "D/4.jpg": (50, 50)})


@pytest.fixture
def golden() -> Path:
    return Path(__file__).parent / "files"


@pytest.fixture
def lila(tmp_path: Path) -> Callable[..., Path]:
    """Write a MegaDetector file: by file name, lists of (category id, confidence, box), or whole entries."""

    def detection(given: Any) -> Any:
        return dict(zip(("category", "conf", "bbox"), given, strict=True)) if isinstance(given, tuple) else given

    def entry(file: str, given: Any) -> dict[str, Any]:
        return {
            "file": file,
            **({"detections": list(map(detection, given))} if isinstance(given, list) else given),
        }

    def write(listed: dict[str, Any], **others: Any) -> Path:
        content = {
            "info": {"format_version": "1.6"},
            "detection_categories": {"1": "animal", "2": "person"},
            "images": [entry(file, given) for file, given in listed.items()],
            **others,
        }
        path = tmp_path / "detections.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def iou_of() -> Callable[[Any, Any], float]:
    """Overlap of two boxes x1, y1, x2, y2, the plain way."""

    def overlap(a: Any, b: Any) -> float:
        wide = min(a[2], b[2]) - max(a[0], b[0])
        high = min(a[3], b[3]) - max(a[1], b[1])
        if wide <= 0 or high <= 0:
            return 0.0
        shared = wide * high
        return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))

    return overlap

"""Labelled crops for the head that tells the flank, read from the data sets it is trained and tested on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import InputError
from reid.photos import read_photo
from reid.tables import FLANKS, UNKNOWN

__all__ = ["FlankCrop", "background", "read_flank_crops"]

FRONT_POINTS = (0, 1, 2, 3, 5)
"""ATRW's body points on ears, nose and shoulders."""
BACK_POINTS = (7, 10, 13)
"""ATRW's body points on hips and tail."""
SIDEWAYS = 0.4
"""Least distance between front and rear of a tiger, as a share of its height, for its flank to be named."""

PEOPLED = ("0057", "0071", "0072", "0106", "0157")
"""Leopard photos with a part of an animal above its box."""


@dataclass(frozen=True)
class FlankCrop:
    """One animal on one photo, and the flank that it shows.

    Attributes:
        dataset: Name of the folder of the data set.
        path: The photo.
        bbox: x, y, width, height in pixels; None is the whole photo.
        orientation: One of `reid.tables.FLANKS`.
        group: What must not be split between training and test: the individual, or else the photo.
    """

    dataset: str
    path: Path
    bbox: tuple[float, float, float, float] | None
    orientation: str
    group: str


def read_flank_crops(data: Path, labels: Path, jaguars: Path) -> list[FlankCrop]:
    """All labelled crops: `nyala`, `atrw`, `amur_leopards` to train, `snow_leopards`, `jaguars` to test.

    Args:
        data: Folder that holds the data sets' folders.
        labels: CSV of flanks named by eye: dataset, path, box (number in the set's own boxes), orientation.
        jaguars: Folder of the sample photos, with `megadetector.json`.

    Raises:
        InputError: a data set is missing.
    """
    names = ("nyala", "atrw", "amur_leopards", "snow_leopards")
    missing = [str(folder) for folder in (*(data / name for name in names), jaguars) if not folder.is_dir()]
    if missing:
        raise InputError(
            f"the folder {missing[0]} is missing; the head for the flank is trained on {', '.join(names)}."
        )
    by_eye = pd.read_csv(labels, dtype={"box": "Int64"})
    eye = {
        name: [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]
        for name, rows in by_eye.groupby("dataset")
    }
    return [
        *_nyala(data / "nyala"),
        *_atrw(data / "atrw", {row["path"]: row["orientation"] for row in eye["atrw"]}),
        *_amur(data / "amur_leopards", eye["amur_leopards"]),
        *_snow(data / "snow_leopards"),
        *_jaguars(jaguars, eye["jaguars"]),
    ]


def _nyala(folder: Path) -> list[FlankCrop]:
    rows = pd.read_csv(folder / "annotations.csv").sort_values("path").to_dict("records")
    return [FlankCrop("nyala", folder / r["path"], None, r["orientation"], f"nyala {r['identity']}") for r in rows]


def _atrw(folder: Path, by_eye: dict[str, str]) -> list[FlankCrop]:
    """Facing from the body points; an entity is one side of one tiger, so a clear majority names the rest."""
    points = json.loads((folder / "keypoints.json").read_text(encoding="utf-8"))
    frame = pd.read_csv(folder / "annotations.csv").sort_values("path")
    frame["side"] = [_facing(points[Path(path).name]) for path in frame["path"]]
    crops = []
    for identity, rows in frame.groupby("identity"):
        sides = rows["side"][rows["side"].isin(("left", "right"))].value_counts()
        agreed = sides.index[0] if len(sides) and sides.iloc[0] >= 5 and sides.iloc[0] >= 0.95 * sides.sum() else None
        for path, side in zip(rows["path"], rows["side"], strict=True):
            side = by_eye.get(path, agreed if pd.isna(side) else side)
            if side in FLANKS:
                crops.append(FlankCrop("atrw", folder / path, None, side, f"atrw {identity}"))
    return crops


def _facing(flat: Sequence[float]) -> str | None:
    """`left`, `right`, `steep` (seen from the front, from behind or upright), or None without points."""
    x, y, seen = np.asarray(flat, float).reshape(15, 3).T
    front, back = ([k for k in part if seen[k]] for part in (FRONT_POINTS, BACK_POINTS))
    if not front or not back:
        return None
    ahead = (x[front].mean() - x[back].mean()) / max(float(np.ptp(y[seen > 0])), 1.0)
    return "steep" if abs(ahead) < SIDEWAYS else "left" if ahead < 0 else "right"


def _amur(folder: Path, by_eye: list[dict[str, Any]]) -> list[FlankCrop]:
    boxes = _amur_boxes(folder)
    return [
        FlankCrop(
            "amur_leopards",
            folder / r["path"],
            boxes[r["path"]][r["box"]],
            r["orientation"],
            f"amur {r['path']}",
        )
        for r in by_eye
    ]


def _amur_boxes(folder: Path) -> dict[str, dict[int, tuple[float, float, float, float]]]:
    coco = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    boxes: dict[str, dict[int, Any]] = {image["file_name"]: {} for image in coco["images"]}
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    for row in coco["annotations"]:
        boxes[names[row["image_id"]]][row["id"]] = tuple(row["bbox"])
    return boxes


def _snow(folder: Path) -> list[FlankCrop]:
    rows = pd.read_csv(folder / "crops.csv").to_dict("records")
    return [
        FlankCrop("snow_leopards", folder / r["path"], tuple(json.loads(r["bbox"])), r["orientation"], r["identity"])
        for r in rows
    ]


def _jaguars(folder: Path, by_eye: list[dict[str, Any]]) -> list[FlankCrop]:
    detected = json.loads((folder / "megadetector.json").read_text(encoding="utf-8"))
    boxes = {image["file"]: [found["bbox"] for found in image["detections"]] for image in detected["images"]}
    crops = []
    for row in by_eye:
        height, width = read_photo(folder / row["path"]).shape[:2]
        x, y, w, h = boxes[row["path"]][row["box"]]
        box = (x * width, y * height, w * width, h * height)
        crops.append(FlankCrop("jaguars", folder / row["path"], box, row["orientation"], row["path"]))
    return crops


def background(folder: Path, each: int = 4, seed: int = 0) -> list[FlankCrop]:
    """Boxes without an animal, at most `each` a photo of the leopards: `unknown`.

    They lie above every animal's box: many boxes hold the head alone, and the body lies below it.
    """
    rng = np.random.default_rng(seed)
    crops = []
    for name, boxes in sorted(_amur_boxes(folder).items()):
        height, width = read_photo(folder / name).shape[:2]
        above = min((box[1] for box in boxes.values()), default=height)
        if above < 0.12 * height or Path(name).stem in PEOPLED:
            continue
        for _ in range(each):
            w, h = rng.uniform(0.12, 0.6) * width, rng.uniform(0.1 * height, above)
            x, y = rng.uniform(0, width - w), rng.uniform(0, above - h)
            crops.append(FlankCrop("background", folder / name, (x, y, w, h), UNKNOWN, f"amur {name}"))
    return crops

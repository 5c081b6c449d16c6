"""Labelled crops for the head that tells the flank, the views it is shown of them, and their feature maps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.embed.network import EmbeddingNetwork
from reid.embed.preprocess import preprocess
from reid.errors import InputError
from reid.photos import read_photo
from reid.progress import track
from reid.store import digest
from reid.tables import FLANKS, UNKNOWN

__all__ = ["FlankCrop", "Maps", "background", "feature_maps", "read_flank_crops", "view"]

FRONT_POINTS = (0, 1, 2, 3, 5)
"""ATRW's body points on ears, nose and shoulders."""
BACK_POINTS = (7, 10, 13)
"""ATRW's body points on hips and tail."""
SIDEWAYS = 0.4
"""Least distance between front and rear of a tiger, as a share of its height, for its flank to be named."""


@dataclass(frozen=True)
class FlankCrop:
    """One animal on one photo, and the flank that it shows.

    Attributes:
        dataset: Name of the folder of the data set.
        path: The photo.
        bbox: x, y, width, height in pixels; None is the whole photo.
        orientation: One of `reid.tables.FLANKS`.
        group: What must not be split between training and test: the individual, or the photo where it is not known.
    """

    dataset: str
    path: Path
    bbox: tuple[float, float, float, float] | None
    orientation: str
    group: str


@dataclass(frozen=True)
class Maps:
    """Feature maps (n, C, h, w), float16, and row by row the flank's number, the crop's number and the view's.

    View 0 is the crop as it is; the others are changed at random, and half of them are mirrored, label and all.
    """

    features: np.ndarray
    flank: np.ndarray
    crop: np.ndarray
    view: np.ndarray


def read_flank_crops(data: Path, labels: Path, jaguars: Path) -> list[FlankCrop]:
    """All labelled crops: `nyala`, `atrw` and `amur_leopards` to train with, `snow_leopards` and `jaguars` to test.

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
        raise InputError(f"the folder {missing[0]} is missing; the head for the flank is trained on {', '.join(names)}.")
    by_eye = pd.read_csv(labels, dtype={"box": "Int64"})
    eye = {name: list(rows.to_dict("records")) for name, rows in by_eye.groupby("dataset")}
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
    """`left`, `right`, `steep` (too much from the front, from behind or upright to say), or None without points."""
    x, y, seen = np.asarray(flat, float).reshape(15, 3).T
    front, back = ([k for k in part if seen[k]] for part in (FRONT_POINTS, BACK_POINTS))
    if not front or not back:
        return None
    ahead = (x[front].mean() - x[back].mean()) / max(float(np.ptp(y[seen > 0])), 1.0)
    return "steep" if abs(ahead) < SIDEWAYS else "left" if ahead < 0 else "right"


def _amur(folder: Path, by_eye: list[dict[str, Any]]) -> list[FlankCrop]:
    boxes = _amur_boxes(folder)
    return [
        FlankCrop("amur_leopards", folder / r["path"], boxes[r["path"]][r["box"]], r["orientation"], f"amur {r['path']}") for r in by_eye
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
    return [FlankCrop("snow_leopards", folder / r["path"], tuple(json.loads(r["bbox"])), r["orientation"], r["identity"]) for r in rows]


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


def background(folder: Path, each: int = 2, seed: int = 0) -> list[FlankCrop]:
    """Boxes without an animal, from the photos of leopards in the wild: `unknown`. At most `each` a photo."""
    rng = np.random.default_rng(seed)
    crops = []
    for name, boxes in sorted(_amur_boxes(folder).items()):
        height, width = read_photo(folder / name).shape[:2]
        found = 0
        for _ in range(40):
            w, h = rng.uniform(0.12, 0.35, 2) * (width, height)
            x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
            free = all(x + w <= bx or bx + bw <= x or y + h <= by or by + bh <= y for bx, by, bw, bh in boxes.values())
            if free and found < each:
                found += 1
                crops.append(FlankCrop("background", folder / name, (x, y, w, h), UNKNOWN, f"amur {name}"))
    return crops


def view(photo: np.ndarray, bbox: Sequence[float] | None, rng: np.random.Generator | None = None) -> np.ndarray:
    """A crop as it is, or with `rng` changed as camera traps change them.

    The box is a little off or cuts a part of the animal away; the picture may be grey (infrared), dark or over-lit,
    of poor contrast, noisy, blurred, or have something standing before the animal. Never mirrored.

    Args:
        photo: uint8 RGB, (H, W, 3).
        bbox: x, y, width, height in pixels; None is the whole photo.
        rng: Source of the changes.

    Returns:
        uint8 RGB, (h, w, 3).
    """
    import cv2

    height, width = photo.shape[:2]
    x, y, w, h = bbox or (0, 0, width, height)
    sides = np.array([x, y, x + w, y + h], float)
    if rng is not None:
        sides += rng.uniform(-0.15, 0.15, 4) * (w, h, w, h)
        if rng.random() < 0.25:
            cut = rng.uniform(0.1, 0.5) * w
            sides += (cut, 0, 0, 0) if rng.random() < 0.5 else (0, 0, -cut, 0)
    left, top = max(0, int(sides[0])), max(0, int(sides[1]))
    right, bottom = min(width, round(sides[2])), min(height, round(sides[3]))
    picture = photo[top : max(top + 2, bottom), left : max(left + 2, right)]
    if rng is None:
        return picture
    picture = cv2.resize(picture, (224, 224), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    if rng.random() < 0.4:
        picture = np.repeat(picture @ np.array([0.299, 0.587, 0.114], np.float32), 3).reshape(picture.shape)
    mean = picture.mean()
    picture = (picture - mean) * rng.uniform(0.5, 1.4) + mean
    picture = np.clip(picture, 0, 1) ** np.exp(rng.uniform(-0.7, 0.9))
    if rng.random() < 0.25:
        picture = picture + rng.normal(0, rng.uniform(0.02, 0.12), picture.shape)
    if rng.random() < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 3))
    if rng.random() < 0.2:
        start, thick = int(rng.integers(0, 200)), int(rng.integers(10, 60))
        upright = rng.random() < 0.7
        (picture if upright else picture.swapaxes(0, 1))[:, start : start + thick] = rng.uniform(0, 1, 3)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def ruined(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture that shows nothing any more: too dark, or too blurred to tell head from tail."""
    import cv2

    if rng.random() < 0.5:
        dark = picture.astype(np.float32) * rng.uniform(0, 0.03) + rng.normal(0, 4, picture.shape)
        return np.clip(dark, 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(cv2.resize(picture, (224, 224)), (0, 0), float(rng.uniform(35, 60)))


def feature_maps(
    network: EmbeddingNetwork, crops: Sequence[FlankCrop], views: Sequence[int], cache: Path | None = None, seed: int = 0
) -> Maps:
    """Feature maps of the crops: each as it is, and `views` changed copies of each, half of them mirrored.

    Args:
        network: Whose feature map; nothing of it is trained.
        crops: n crops.
        views: Changed copies of each crop, n numbers; a negative one asks for that many ruined ones, as `unknown`,
            and not for the crop as it is.
        cache: Folder that keeps the result.
        seed: Of the changes.
    """
    import torch

    key = digest([(str(c.path), c.bbox, c.orientation) for c in crops], list(views), seed, network.spec.to_dict())
    kept = cache / f"flank-{key}.npz" if cache else None
    if kept and kept.is_file():
        with np.load(kept) as arrays:
            return Maps(arrays["features"], arrays["flank"], arrays["crop"], arrays["view"])
    rng = np.random.default_rng(seed)
    images: list[np.ndarray] = []
    rows: list[tuple[int, int, int]] = []
    features: list[np.ndarray] = []

    def flush() -> None:
        with torch.inference_mode():
            batch = network.normalised(torch.from_numpy(np.stack(images)))
            features.append(network.feature_map(batch).half().numpy())
        images.clear()

    for number, (crop, many) in enumerate(track(list(zip(crops, views, strict=True)), "features", unit="crop")):
        photo = read_photo(crop.path)
        for k in range(1 if many < 0 else 0, abs(many) + 1):
            picture = view(photo, crop.bbox, rng if k else None)
            name = crop.orientation
            if many < 0:
                picture, name = ruined(picture, rng), UNKNOWN
            image = preprocess(picture, network.spec)
            if k and rng.random() < 0.5:
                image, name = image[..., ::-1].copy(), {"left": "right", "right": "left"}.get(name, name)
            images.append(image)
            rows.append((FLANKS.index(name), number, k))
            if len(images) == 8:
                flush()
    if images:
        flush()
    flank, which, copy = np.array(rows).T
    maps = Maps(np.concatenate(features), flank, which, copy)
    if kept and cache:
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, features=maps.features, flank=flank, crop=which, view=copy)
    return maps

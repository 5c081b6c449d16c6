"""Write COCO files for training and judging the shipped detector, divided by source.

    python scripts/detector_data.py --data ../shared/data --output runs/detector-data

Writes train.json, which holds no source of the others; amur.json, snow.json, jaguars.json, others.json and blanks.json,
which nothing is trained on; amur_whole.json, the photos of amur.json with boxes of whole animals where the data set boxes a
head or a part; and all.json, every photo of a spotted cat. Photos stay where they are.

Sources: photos of the web are one source where their small grey pictures agree, or where they were seen to be of one
place (detector_sources.csv); snow leopards are held out by camera, jaguars by station. The boxes that no data set gives
were drawn by eye (detector_boxes.csv, in parts of the photo).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ALIKE = 0.7
"""Correlation of two grey pictures of 16 by 16 from which photos are taken to be one source."""
WANTED = 70
"""Boxes of the web's leopards to hold out, at least."""
HELD_OUT_CAMERAS = ("station05_camera1",)
HELD_OUT_STATIONS = ("RL_",)
SURE = 0.2
"""Confidence from which the jaguars' boxes, MegaDetector's, are taken for true."""

Photo = tuple[Path, list[list[float]], str]
"""A photo, its boxes (x, y, width, height in pixels), and its source."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, required=True, help="folder for the COCO files")
    chosen = parser.parse_args()
    given = list(csv.DictReader((HERE / "detector_boxes.csv").open()))
    amur = web_leopards(chosen.data / "amur_leopards")
    held = held_out_sources(amur)
    by_eye = [row for row in given if row["dataset"] == "amur_leopards"]
    whole = [photo for photo in with_whole_animals(amur, set(), by_eye) if photo[2] in held]
    amur = with_whole_animals(amur, held, by_eye)
    snow = snow_leopards(chosen.data / "snow_leopards", [row for row in given if row["dataset"] == "snow_leopards"])
    jaguars = jaguars_of(chosen.data / "samples" / "jaguars")
    others, blanks = camera_traps(chosen.data, [row for row in given if row["dataset"] == "camera_traps"])
    out_snow = {source for _, _, source in snow if source in HELD_OUT_CAMERAS}
    out_jaguars = {source for _, _, source in jaguars if source.startswith(HELD_OUT_STATIONS)}
    out = held | out_snow | out_jaguars
    every = amur + snow + jaguars
    sets = {
        "train": [photo for photo in every if photo[2] not in out],
        "all": every,
        "amur": [photo for photo in amur if photo[2] in out],
        "amur_whole": whole,
        "snow": [photo for photo in snow if photo[2] in out],
        "jaguars": [photo for photo in jaguars if photo[2] in out],
        "others": others,
        "blanks": blanks,
    }
    chosen.output.mkdir(parents=True, exist_ok=True)
    for name, photos in sets.items():
        write_coco(photos, chosen.output / f"{name}.json")
        boxes = sum(len(found) for _, found, _ in photos)
        print(f"{name}: {boxes} boxes on {len(photos)} photos of {len({s for _, _, s in photos})} sources")
    return 0


def web_leopards(folder: Path) -> list[Photo]:
    """The web's photos with the boxes of their COCO file, and the source that each belongs to."""
    import cv2

    coco = json.loads((folder / "annotations.json").read_text())
    rows = list(csv.DictReader((HERE / "detector_sources.csv").open()))
    seen = {row["path"]: row["source"] for row in rows if row["kind"] == "source"}
    boxes: dict[int, list[list[float]]] = {}
    for row in coco["annotations"]:
        boxes.setdefault(row["image_id"], []).append(row["bbox"])
    names = [image["file_name"] for image in coco["images"]]
    small = [
        cv2.resize(cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE), (224, 224), interpolation=3) for name in names
    ]
    flat = np.stack([cv2.resize(picture, (16, 16), interpolation=3).astype(float).ravel() for picture in small])
    flat = (flat - flat.mean(1, keepdims=True)) / flat.std(1, keepdims=True)
    alike = flat @ flat.T / flat.shape[1] >= ALIKE
    source = list(range(len(names)))

    def root(i: int) -> int:
        while source[i] != i:
            i = source[i]
        return i

    first: dict[str, int] = {}
    for i, name in enumerate(names):
        joined = [j for j in range(i) if alike[i, j]]
        if name in seen:
            joined.append(first.setdefault(seen[name], i))
        for j in joined:
            low, high = sorted((root(i), root(j)))
            source[high] = low
    return [
        (folder / name, boxes.get(image["id"], []), f"web-{names[root(i)]}")
        for i, (name, image) in enumerate(zip(names, coco["images"], strict=True))
    ]


def with_whole_animals(photos: list[Photo], held: set[str], given: list[dict[str, str]]) -> list[Photo]:
    """Where the web's boxes show a head or less than half of what is in sight, boxes drawn by eye; held-out sources keep theirs."""
    from reid.photos import photo_size

    mended: dict[str, list[dict[str, str]]] = {}
    for row in given:
        mended.setdefault(Path(row["path"]).name, []).append(row)
    return [
        (path, [drawn(row, photo_size(path)) for row in mended[path.name]], source)
        if path.name in mended and source not in held
        else (path, found, source)
        for path, found, source in photos
    ]


def held_out_sources(photos: Iterable[Photo]) -> set[str]:
    """Sources to hold out: the largest, which are cameras in the wild, then by a hash of their names until there are enough boxes."""
    boxes: dict[str, int] = {}
    size: dict[str, int] = {}
    for _, found, source in photos:
        boxes[source] = boxes.get(source, 0) + len(found)
        size[source] = size.get(source, 0) + 1
    order = sorted(boxes, key=lambda s: (size[s] < 10, sha256(s.encode()).hexdigest()))
    held: set[str] = set()
    for source in order:
        if sum(boxes[s] for s in held) >= WANTED:
            break
        held.add(source)
    return held


def snow_leopards(folder: Path, given: list[dict[str, str]]) -> list[Photo]:
    """The snow leopards' photos that have a box: from crops.csv, from a mask, or drawn by eye."""
    from reid.photos import photo_size

    crops = {row["path"]: json.loads(row["bbox"]) for row in csv.DictReader((folder / "crops.csv").open())}
    photos: list[Photo] = []
    for row in given:
        path, kind = row["path"], row["box"]
        if kind.startswith("left out"):
            continue
        size = photo_size(folder / path)
        box = {"crops.csv": lambda p=path: crops[p], "mask": lambda p=path: mask_box(folder, p)}.get(
            kind, lambda r=row, s=size: drawn(r, s)
        )()
        photos.append((folder / path, [box], path.split("/")[1]))
    return photos


def mask_box(folder: Path, path: str) -> list[float]:
    """The box of a mask's largest part, without the camera's own writing at the top and the bottom."""
    import cv2

    mask = cv2.imread(str(folder / path.replace("photos/", "masks/").replace(".jpg", ".png")), cv2.IMREAD_GRAYSCALE)
    photo = cv2.imread(str(folder / path))
    height, width = photo.shape[:2]
    solid = (cv2.resize(mask, (width, height)) > 127).astype(np.uint8)
    solid[:20], solid[int(height * 0.945) :] = 0, 0
    solid = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((13, 13), np.uint8))
    _, _, parts, _ = cv2.connectedComponentsWithStats(solid)
    return [float(value) for value in parts[1 + parts[1:, 4].argmax(), :4]]


def drawn(row: dict[str, str], size: tuple[int, int]) -> list[float]:
    left, top, right, bottom = (float(row[name]) for name in ("left", "top", "right", "bottom"))
    return [left * size[0], top * size[1], (right - left) * size[0], (bottom - top) * size[1]]


def jaguars_of(folder: Path) -> list[Photo]:
    from reid.detect import read_detections
    from reid.detect.boxes import clip, scale
    from reid.photos import photo_size

    photos: list[Photo] = []
    for entry in read_detections(folder / "megadetector.json").entries:
        size = photo_size(folder / entry.file)
        found = [scale(box.bbox, *size) for box in entry.boxes if box.category == "animal" and box.confidence >= SURE]
        inside = [list(box) for box in (clip(box, *size) for box in found) if box is not None]
        photos.append((folder / entry.file, inside, entry.file.split("/")[0]))
    return photos


def camera_traps(data: Path, given: list[dict[str, str]]) -> tuple[list[Photo], list[Photo]]:
    """Photos with animals of other species, and photos without any."""
    from reid.photos import photo_size

    others: dict[str, list[list[float]]] = {}
    for row in given:
        found = others.setdefault(row["path"], [])
        if row["box"] == "eye":
            found.append(drawn(row, photo_size(data / row["path"])))
    full = [(data / path, boxes, path) for path, boxes in others.items()]
    return [photo for photo in full if photo[1]], [photo for photo in full if not photo[1]]


def write_coco(photos: list[Photo], path: Path) -> None:
    from reid.photos import photo_size

    content: dict[str, Any] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "animal"}]}
    for i, (photo, boxes, source) in enumerate(photos):
        width, height = photo_size(photo)
        name = os.path.relpath(photo.resolve(), path.parent.resolve())
        content["images"].append({"id": i, "file_name": name, "width": width, "height": height, "source": source})
        for box in boxes:
            number = len(content["annotations"])
            content["annotations"].append(
                {"id": number, "image_id": i, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            )
    path.write_text(json.dumps(content))


if __name__ == "__main__":
    sys.exit(main())

"""COCO Camera Traps, and COCO as Wild Me writes it: one file that is both, in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from reid.errors import FormatError, InputError
from reid.formats import cells
from reid.formats.model import Note, Survey, make_survey
from reid.outside import LARGEST, is_plain, read_json
from reid.store import write_json
from reid.tables import UNKNOWN, records

__all__ = ["read_coco_survey", "write_coco"]

IDENTITY = ("identity", "individual", "individual_id", "individualID", "name")
FLANK = ("orientation", "viewpoint", "flank")
PEOPLE = {"person": "person", "human": "person", "homo sapiens": "person", "vehicle": "vehicle"}
NOTHING = {"empty", "blank", "none"}
KEPT = ("confidence", "encounter", "decision", "probability", "sex", "life_stage", "method", "by")
"""Further keys of annotations, which the formats allow: read back where they are there."""


def read_coco_survey(path: str | Path) -> Survey:
    """Read a COCO file of camera-trap photos.

    `location` is the camera, `datetime` or `date_captured` the time; an annotation's individual stands in `identity`,
    `individual`, `individual_id`, `individualID` or Wild Me's `name`, its flank in `orientation`, `viewpoint` or
    `flank`. Categories are species, but for person and vehicle; annotations of the category `empty` are none.

    Raises:
        InputError: there is no such file.
        FormatError: it is not COCO.
    """
    path = Path(path)
    try:
        content = read_json(path, LARGEST)
        images, annotations = content["images"], content["annotations"]
        names = {row["id"]: str(row["name"]) for row in content.get("categories", [])}
        listed = [(row["id"], str(row["file_name"])) for row in images]
        if not all(is_plain(key) for key, _ in listed):
            raise TypeError("the id of an image is no number and no text")
        if not isinstance(annotations, list) or not all(isinstance(row, dict) for row in annotations):
            raise TypeError("annotations is no list of objects")
    except OSError as error:
        raise InputError(
            f"no COCO file at {path}: {(error.strerror or '').lower()}. Name a JSON file with images and annotations."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is not a COCO file with images and annotations ({error!r}).") from None
    notes: list[Note] = []
    photos: dict[str, dict[str, Any]] = {}
    path_of = {}
    for number, ((key, file), row) in enumerate(zip(listed, images, strict=True)):
        path_of[key] = file = file.replace("\\", "/")
        if file in photos:
            notes.append(Note(path.name, number, "file_name", file, "kept", "listed before; its first entry is used"))
            continue
        photos[file] = _photo(row, file, number, path.name, notes)
    cameras = sorted({photo["camera"] for photo in photos.values() if photo["camera"]})
    animals = []
    for number, row in enumerate(annotations):
        if not is_plain(row.get("image_id")) or row.get("image_id") not in path_of:
            notes.append(
                Note(path.name, number, "image_id", str(row.get("image_id")), "left out", "no image has this id")
            )
            continue
        animal = _animal(row, number, path_of[row["image_id"]], names, path.name, notes)
        if animal:
            animals.append(animal)
    return make_survey(photos.values(), [{"camera": name} for name in cameras], animals, notes)


def _photo(row: dict[str, Any], file: str, number: int, name: str, notes: list[Note]) -> dict[str, Any]:
    written = str(row.get("datetime") or row.get("date_captured") or "")
    date = None if cells.is_missing(written) else cells.time(written)
    if date is None and not cells.is_missing(written):
        notes.append(Note(name, number, "datetime", written, "left out", "expected a time such as 2012-07-22 01:53:20"))
    camera = None if row.get("location") in (None, "") else str(row["location"])
    return {
        "path": file,
        "width": row.get("width") or None,
        "height": row.get("height") or None,
        "camera": camera,
        "station": camera,
        "date": None if date is None else pd.Timestamp(*date.timetuple()[:6]),
        "sequence": None if row.get("seq_id") in (None, "") else str(row["seq_id"]),
        "error": "corrupt, as the COCO file says" if row.get("corrupt") is True else row.get("error"),
    }


def _animal(
    row: dict[str, Any], number: int, path: str, names: dict[Any, str], name: str, notes: list[Note]
) -> dict[str, Any] | None:
    kind = names.get(row.get("category_id"), "animal") if is_plain(row.get("category_id")) else "animal"
    if kind.casefold() in NOTHING:
        return None
    box, unit = _box(row, number, name, notes)
    who = cells.identity(str(_said(row, IDENTITY) or ""))
    if who == UNKNOWN and row.get("decision") == "unsure":
        who = cells.identity(str(row.get("candidate") or ""))
    flank, known = cells.flank(str(_said(row, FLANK) or ""))
    if not known:
        notes.append(Note(name, number, "viewpoint", str(_said(row, FLANK)), "kept", "no flank that is known here; it counts as unknown"))  # fmt: skip
    category = PEOPLE.get(kind.casefold(), "animal")
    return {
        **{key: row.get(key) for key in KEPT},
        "animal_id": str(row.get("id", number)),
        "path": path,
        "bbox": box,
        "bbox_unit": unit,
        "category": category,
        "identity": who,
        "orientation": flank,
        "species": None if category != "animal" or kind == "animal" else kind,
    }


def _said(row: dict[str, Any], keys: tuple[str, ...]) -> Any:
    attributes = row.get("attributes")
    for place in (row, attributes if isinstance(attributes, dict) else {}):
        for key in keys:
            if place.get(key) not in (None, ""):
                return place[key]
    return None


def _box(row: dict[str, Any], number: int, name: str, notes: list[Note]) -> tuple[list[float] | None, str | None]:
    for key, unit in (("bbox", "pixel"), ("bbox_relative", "relative")):
        if row.get(key):
            box = cells.box(row[key])
            if box is not None:
                return box, unit
            notes.append(Note(name, number, key, str(row[key])[:60], "left out", "expected x, y, width, height"))
    return None, None


def write_coco(survey: Survey, path: str | Path, description: str = "") -> list[Note]:
    """Write a COCO file: the fields of COCO Camera Traps, with Wild Me's `name`, `viewpoint` and `segmentation`.

    An unknown individual is `____` in `name`, as Wild Me writes it, and `unknown` in `identity`; whom one left to a
    person may be stands in `candidate`. Boxes are in pixels, or `bbox_relative` where they are in parts of the photo.

    Returns:
        No notes: the format has a place for every photo and animal.
    """
    kinds = sorted({_kind(animal) for animal in records(survey.animals)} - {"empty"})
    number = {"empty": 0, **{kind: n for n, kind in enumerate(kinds, 1)}}
    images = [_image(photo) for photo in records(survey.photos)]
    key_of = dict(zip(survey.photos["path"], survey.photos["image_id"], strict=True))
    decided = set(survey.named["animal_id"])
    annotations = []
    for animal in records(survey.animals):
        row: dict[str, Any] = {
            "id": animal.animal_id,
            "image_id": key_of[animal.path],
            "category_id": number[_kind(animal)],
            "identity": animal.identity if animal.animal_id in decided else UNKNOWN,
            "name": animal.identity if animal.animal_id in decided else "____",
            "viewpoint": animal.orientation,
            **{key: getattr(animal, key) for key in KEPT if not pd.isna(getattr(animal, key))},
        }
        if animal.identity != UNKNOWN and animal.animal_id not in decided:
            row["candidate"] = animal.identity
        if animal.bbox is not None:
            row["bbox" if animal.bbox_unit == "pixel" else "bbox_relative"] = list(animal.bbox)
            if animal.bbox_unit == "pixel":
                x, y, w, h = animal.bbox
                row["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        annotations.append(row)
    content = {
        "info": {"version": "1.0", "description": description or "Camera-trap photos with individuals"},
        "images": images,
        "categories": [{"id": n, "name": kind} for kind, n in number.items()],
        "annotations": annotations,
    }
    write_json(content, path)
    return []


def _kind(animal: Any) -> str:
    return animal.category if animal.category != "animal" or pd.isna(animal.species) else animal.species


def _image(photo: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"id": photo.image_id, "file_name": photo.path}
    for key, value in (("width", photo.width), ("height", photo.height)):
        if not pd.isna(value):
            row[key] = int(value)
    for key, value in (("location", photo.camera), ("seq_id", photo.sequence), ("error", photo.error)):
        if not pd.isna(value):
            row[key] = value
    row["date_captured"] = "NA" if pd.isna(photo.date) else f"{photo.date:%Y-%m-%d %H:%M:%S}"
    if not pd.isna(photo.date):
        row["datetime"] = row["date_captured"]
    return row

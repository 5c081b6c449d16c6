"""MegaDetector batch results: any dialect in, format 1.6 with the individuals as classifications out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from reid.detect import read_detections
from reid.errors import OutputError
from reid.formats.cells import identity
from reid.formats.model import Note, Survey, make_survey, relative_box
from reid.outside import LARGEST, read_json
from reid.photos.stations import natural
from reid.store import write_json
from reid.tables import UNKNOWN, records

__all__ = ["read_megadetector", "write_identities"]

IDS = {"animal": "1", "person": "2", "vehicle": "3"}
DECIMALS = 8


def read_megadetector(path: str | Path) -> Survey:
    """Detections of any dialect that `reid.read_detections` knows, as a survey without times and places.

    A classification is taken for an individual's name only in files whose `info` says so, as those of
    `write_identities` do: in others it is a species.

    Raises:
        InputError, FormatError: it is no detections file.
    """
    recorded = read_detections(path)
    content = read_json(path, LARGEST)
    names = _classes(content)
    photos, animals, notes = [], [], []
    seen: set[str] = set()
    for number, entry in enumerate(recorded.entries):
        file = entry.file.replace("\\", "/")
        for reason in entry.broken:
            notes.append(Note(Path(path).name, number, "detections", file, "left out", reason))
        if file in seen:
            notes.append(
                Note(Path(path).name, number, "file", file, "left out", "listed before; its first entry is used")
            )
            continue
        seen.add(file)
        photos.append({"path": file, "error": entry.failure})
        for box in entry.boxes:
            who, sure = _named(content, number, box.number, names)
            if who is None:
                who = UNKNOWN
                notes.append(
                    Note(
                        Path(path).name,
                        number,
                        "classifications",
                        file,
                        "left out",
                        "expected a list of class and probability",
                    )
                )
            animals.append(
                {
                    "animal_id": f"{file}#{box.number}",
                    "path": file,
                    "bbox": list(box.bbox),
                    "bbox_unit": box.unit,
                    "category": box.category,
                    "confidence": box.confidence,
                    "identity": who,
                    "probability": sure,
                    "method": "machine" if who != UNKNOWN else None,
                    "by": recorded.detector,
                }
            )
    return make_survey(photos, (), animals, notes)


def _classes(content: Any) -> dict[str, str]:
    """Names of individuals by class id, of a file whose classes are individuals."""
    info = content.get("info") if isinstance(content, dict) else None
    if not isinstance(info, dict) or info.get("classifications_are") != "individuals":
        return {}
    classes = content.get("classification_categories")
    return {str(key): str(name) for key, name in classes.items()} if isinstance(classes, dict) else {}


def _named(content: Any, number: int, box: int, names: dict[str, str]) -> tuple[str | None, float | None]:
    """The name and its probability; None for a classification that cannot be read."""
    if not names:
        return UNKNOWN, None
    try:
        found = content["images"][number]["detections"][box].get("classifications") or []
        if not found or str(found[0][0]) not in names:
            return UNKNOWN, None
        sure = float(found[0][1])
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
        return None, None
    return (identity(names[str(found[0][0])]), sure) if 0 <= sure <= 1 else (None, None)


def write_identities(survey: Survey, path: str | Path) -> list[Note]:
    """Write a MegaDetector file of format 1.6 in which the individuals are classifications, for Timelapse.

    Every photo is listed: without animals with an empty list, with an error as a failure. An animal without a box is
    written as a box over the whole photo. Of a name without a probability the classification's is 1.

    Args:
        survey: Boxes in pixels need the sizes of their photos.
        path: The file to write; an existing one is replaced.

    Returns:
        Notes on animals whose photo's size is not known.

    Raises:
        OutputError: the file cannot be written.
    """
    categories = sorted(set(survey.animals["category"]) - set(IDS))
    ids = {**IDS, **{name: str(n) for n, name in enumerate(categories, len(IDS) + 1)}}
    people = {name: str(n) for n, name in enumerate(sorted(set(survey.named["identity"]), key=natural), 1)}
    named = set(survey.named["animal_id"])
    on_photo: dict[str, list[Any]] = {}
    for animal in records(survey.animals):
        on_photo.setdefault(animal.path, []).append(animal)
    notes: list[Note] = []
    images = []
    for photo in records(survey.photos):
        file = photo.path.replace("\\", "/")
        if not pd.isna(photo.error):
            images.append({"file": file, "detections": None, "failure": photo.error})
            notes += [Note("photos", None, "error", file, "left out", f"an animal of a photo that failed: {photo.error}")
                      for _ in on_photo.get(photo.path, [])]  # fmt: skip
            continue
        found = []
        for animal in on_photo.get(photo.path, []):
            box = relative_box(animal, photo)
            if animal.bbox is not None and box is None:
                notes.append(Note("photos", None, "bbox", file, "left out", "the size of the photo is not known; say photos=FOLDER"))  # fmt: skip
                continue
            found.append(_detection(animal, box, ids, people if animal.animal_id in named else {}))
        images.append({"file": file, "detections": found})
    content = {
        "info": {"format_version": "1.6", "detector": _detector(survey), "classifier": "reid", "classifications_are": "individuals"},
        "detection_categories": {number: name for name, number in ids.items()},
        "classification_categories": {number: name for name, number in people.items()},
        "images": images,
    }  # fmt: skip
    try:
        write_json(content, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Name another folder.") from None
    return notes


def _detector(survey: Survey) -> str:
    return ", ".join(sorted(set(survey.animals["by"].dropna()))) or "not stated"


def _detection(animal: Any, box: list[float] | None, ids: dict[str, str], people: dict[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "category": ids[animal.category],
        "conf": 1.0 if pd.isna(animal.confidence) else float(animal.confidence),
        "bbox": [round(value, DECIMALS) for value in box or (0.0, 0.0, 1.0, 1.0)],
    }
    if animal.identity in people:
        sure = 1.0 if pd.isna(animal.probability) else float(animal.probability)
        out["classifications"] = [[people[animal.identity], sure]]
    return out

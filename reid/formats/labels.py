"""Labelled CSV tables: wildlife-datasets in and out; MiewID's and MatchyPatchy's in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from reid.errors import FormatError
from reid.formats import cells
from reid.formats.files import csv_text, write_text
from reid.formats.model import Note, Survey, make_survey, pixel_box
from reid.formats.places import put_right
from reid.formats.sheet import Row, Sheet, read_sheet
from reid.tables import records

__all__ = ["DIALECTS", "dialect_of", "read_labels", "write_wildlife"]

Columns = Mapping[str, tuple[str, ...]]

WILDLIFE: Columns = {
    "path": ("path",),
    "identity": ("identity",),
    "animal_id": ("image_id", "label_id"),
    "bbox": ("bbox",),
    "orientation": ("orientation", "position"),
    "date": ("date", "datetime", "timestamp"),
    "species": ("species",),
    "encounter": ("encounter",),
    "camera": ("camera", "trap_id"),
    "station": ("station", "location"),
    "confidence": ("confidence",),
}
MIEWID: Columns = {
    "path": ("file_path", "file_name"),
    "identity": ("name",),
    "orientation": ("viewpoint",),
    "species": ("species",),
}
MATCHYPATCHY: Columns = {
    "path": ("filepath", "file_path", "file path", "path"),
    "identity": ("individual",),
    "animal_id": ("external_id", "external id"),
    "orientation": ("viewpoint",),
    "date": ("timestamp",),
    "species": ("species",),
    "sequence": ("sequence", "sequence_id"),
    "camera": ("camera", "station"),
    "station": ("station",),
}
DIALECTS: Mapping[str, Columns] = {"wildlife": WILDLIFE, "miewid": MIEWID, "matchypatchy": MATCHYPATCHY}

OUT = ("image_id", "identity", "path", "bbox", "date", "orientation", "species", "encounter", "camera", "station",
       "latitude", "longitude")  # fmt: skip


def dialect_of(sheet: Sheet) -> str:
    """Which of the tables this is, by its columns.

    Raises:
        FormatError: it is none of them.
    """
    if sheet.has("file_path", "name", "viewpoint") or sheet.has("file_name", "name", "theta"):
        return "miewid"
    if any(sheet.has(name) for name in MATCHYPATCHY["path"]) and sheet.has("individual"):
        return "matchypatchy"
    if sheet.has("path"):
        return "wildlife"
    raise FormatError(
        f"{sheet.name} is no table of labels that is known: it needs path and identity (wildlife-datasets), file_path, "
        "name and viewpoint (MiewID), or filepath and individual (MatchyPatchy)."
    )


def read_labels(path: str | Path, dialect: str = "", encoding: str = "", order: str = "") -> Survey:
    """Read a labelled table, also after a spreadsheet has saved it.

    A photo may stand in several rows, one an animal. `latitude` and `longitude` make a deployment of each camera.
    Columns that are not known are left where they are.

    Args:
        path: The CSV.
        dialect: `wildlife`, `miewid` or `matchypatchy`; empty to tell by the columns.
        encoding: Where it is not UTF-8.
        order: Of day and month, see `read_sheet`.

    Raises:
        InputError, FormatError: it cannot be read.
        TableError: it has no column of paths.
    """
    sheet = read_sheet(path, encoding, order)
    columns = DIALECTS[dialect or dialect_of(sheet)]
    present = {name: tuple(c for c in found if c in sheet.columns) for name, found in columns.items()}
    if not present["path"]:
        sheet.need(columns["path"][:1])
    photos: dict[str, dict[str, Any]] = {}
    places: dict[str, dict[str, Any]] = {}
    lines: dict[str, int] = {}
    animals: list[dict[str, Any]] = []
    keys: set[str] = set()
    for row in sheet.rows:
        file = row.text(*present["path"]).replace("\\", "/")
        if not file:
            row.lost(present["path"][0], "a path; the row is left out")
            continue
        photo = _photo(row, file, present)
        _same_photo(row, photos.setdefault(file, photo), photo)
        camera = photo["camera"]
        if camera and camera not in places:
            places[camera] = {"camera": camera, "station": photo["station"] or camera, "latitude": row.number("latitude"), "longitude": row.number("longitude")}  # fmt: skip
            lines[camera] = row.line
        animals.append(_animal(row, file, present, keys))
    notes = [*sheet.notes, *put_right(list(places.values()), sheet.name, list(lines.values()))]
    if not sheet.has("latitude"):
        notes = [note for note in notes if note.reason != "the deployment has no coordinates"]
    return make_survey(photos.values(), places.values(), animals, notes)


def _photo(row: Row, file: str, present: Columns) -> dict[str, Any]:
    texts = {name: row.text(*present.get(name, ())) or None for name in ("camera", "station", "sequence")}
    dated = next((column for column in present.get("date", ()) if row.text(column)), "")
    date = row.time(dated) if dated else None
    return {
        "path": file,
        "date": None if date is None else pd.Timestamp(*date.timetuple()[:6]),
        **texts,
        "camera": texts["camera"] or texts["station"],
        "station": texts["station"] or texts["camera"],
    }


def _same_photo(row: Row, first: dict[str, Any], photo: dict[str, Any]) -> None:
    """Note where two rows of one photo disagree about it; the first counts."""
    for name in ("date", "camera", "station"):
        if photo[name] is not None and first[name] is not None and photo[name] != first[name]:
            row.sheet.note(row.line, name, str(photo[name]), "kept", f"an earlier row of this photo says {first[name]}, which counts")  # fmt: skip


def _animal(row: Row, file: str, present: Columns, keys: set[str]) -> dict[str, Any]:
    key = row.text(*present.get("animal_id", ())) or str(row.line)
    if key in keys:
        row.sheet.note(
            row.line, "image_id", key, "repaired", f"stands in an earlier row; the row is called {key}/{row.line}"
        )
        key = f"{key}/{row.line}"
    keys.add(key)
    return {
        "animal_id": key,
        "path": file,
        "bbox": _box(row),
        "bbox_unit": "pixel",
        "confidence": row.number(present["confidence"][0], 0, 1) if present.get("confidence") else None,
        "identity": row.identity(*present["identity"]) if present.get("identity") else "unknown",
        "orientation": row.flank(*present["orientation"]) if present.get("orientation") else "unknown",
        "species": row.text(*present.get("species", ())) or None,
        "encounter": row.text(*present.get("encounter", ())) or None,
        "method": None,
    }


def _box(row: Row) -> list[float] | None:
    if row.text("bbox"):
        box = cells.box(row.text("bbox").strip("[]() ").replace(",", " ").split())
    elif row.text("w") and row.text("h"):
        box = cells.box([row.number(name) for name in ("x", "y", "w", "h")])
        if row.number("theta"):
            row.sheet.note(
                row.line, "theta", row.text("theta"), "kept", "boxes are not turned; the upright one is used"
            )
    else:
        return None
    if box is None:
        row.lost("bbox", "four numbers [x, y, width, height] in pixels; the whole photo counts")
    return box


def write_wildlife(survey: Survey, path: str | Path) -> list[Note]:
    """Write a CSV with the columns of wildlife-datasets, and after them encounter, camera, station and coordinates.

    An animal whose name is left to a person is `unknown`, as is one that nobody knows.

    Returns:
        Notes on animals whose box cannot be given in pixels.
    """
    photo_of = {photo.path: photo for photo in records(survey.photos)}
    place_of = {place.camera: place for place in records(survey.deployments)}
    named = set(survey.named["animal_id"])
    rows: list[tuple[object, ...]] = [OUT]
    notes = []
    for number, animal in enumerate(records(survey.animals), 1):
        photo = photo_of[animal.path]
        if animal.category != "animal":
            notes.append(Note("animals", number, "category", animal.category, "left out", "no animal"))
            continue
        box = pixel_box(animal, photo)
        if animal.bbox is not None and box is None:
            notes.append(Note("animals", number, "bbox", animal.path, "left out", "the size of the photo is not known; say photos=FOLDER"))  # fmt: skip
            continue
        place = place_of.get(photo.camera)
        values = (
            animal.animal_id,
            animal.identity if animal.animal_id in named else "unknown",
            animal.path,
            "" if box is None else "[" + ", ".join(repr(float(x)) for x in box) + "]",
            "" if pd.isna(photo.date) else f"{photo.date:%Y-%m-%d %H:%M:%S}",
            animal.orientation,
            *(_text(value) for value in (animal.species, animal.encounter, photo.camera, photo.station)),
            *(_text(getattr(place, name, None)) for name in ("latitude", "longitude")),
        )
        rows.append(values)
    write_text(csv_text(rows), path)
    return notes


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)

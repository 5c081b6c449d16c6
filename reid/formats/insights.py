"""Wildlife Insights: a download in, the same images table with `individual_id` filled out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from reid.errors import ConfigError, InputError
from reid.formats.cells import identity
from reid.formats.files import csv_text, write_text
from reid.formats.model import Note, Survey, make_survey
from reid.formats.places import put_right
from reid.formats.sheet import Row, read_sheet
from reid.tables import UNKNOWN, records

__all__ = ["Download", "is_insights", "read_insights", "write_insights"]

AGES = {"adult": "adult", "subadult": "subadult", "juvenile": "juvenile", "young": "juvenile"}


@dataclass(frozen=True)
class Download:
    """The images tables as they were: name, columns, and rows with the animal that each one is."""

    tables: tuple[tuple[str, tuple[str, ...], tuple[tuple[str | None, dict[str, str]], ...]], ...]


def is_insights(path: str | Path) -> bool:
    """Whether a folder holds a download: `images*.csv` and `deployments.csv`."""
    return bool(sorted(Path(path).glob("images*.csv"))) and (Path(path) / "deployments.csv").is_file()


def read_insights(folder: str | Path, encoding: str = "", order: str = "") -> Survey:
    """Read a download of Wildlife Insights.

    A photo's path is `deployment_id/filename`, or its `location` where that name stands for two. Each row of an animal
    is one; its identification is a person's where `identified_by` names somebody. Boxes are left where they are: the
    download does not say in which order their numbers stand.

    Raises:
        InputError: the folder holds no download.
        FormatError, TableError: a table cannot be read.
    """
    folder = Path(folder)
    if not is_insights(folder):
        raise InputError(
            f"{folder} holds no download of Wildlife Insights: images*.csv and deployments.csv are expected."
        )
    sheet = read_sheet(folder / "deployments.csv", encoding, order)
    sheet.need(["deployment_id", "placename", "latitude", "longitude"])
    places: dict[str, dict[str, Any]] = {}
    lines = []
    for row in sheet.rows:
        name = row.text("deployment_id")
        if not name or name in places:
            sheet.note(
                row.line, "deployment_id", name, "left out", "stands in an earlier row" if name else "has no name"
            )
            continue
        places[name] = _deployment(row, name)
        lines.append(row.line)
    notes = [*sheet.notes, *put_right(list(places.values()), sheet.name, lines)]
    found = _Found(places)
    tables = []
    for file in sorted(folder.glob("images*.csv")):
        images = read_sheet(file, encoding, order)
        images.need(["deployment_id", "image_id", "filename", "timestamp"])
        rows = tuple((_image(row, found), row.values) for row in images.rows)
        tables.append((file.name, tuple(images.columns), rows))
        notes += images.notes
    return make_survey(
        found.photos.values(), places.values(), found.animals.values(), notes, {"insights": Download(tuple(tables))}
    )


def _deployment(row: Row, name: str) -> dict[str, Any]:
    return {
        "camera": name,
        "station": row.text("placename") or name,
        "latitude": row.number("latitude"),
        "longitude": row.number("longitude"),
        "start": _stamp(row.time("start_date")),
        "end": _stamp(row.time("end_date", last=True)),
        "camera_id": row.text("camera_id") or None,
    }


def _stamp(time: Any) -> Any:
    return None if time is None else pd.Timestamp(*time.timetuple()[:6])


@dataclass
class _Found:
    """What the rows of the images tables add up to."""

    places: dict[str, dict[str, Any]]
    photos: dict[str, dict[str, Any]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """The image_id that each path stands for."""
    animals: dict[str, dict[str, Any]] = field(default_factory=dict)


def _image(row: Row, found: _Found) -> str | None:
    """Enter one row's photo and animal; returns the animal's key, None for a row that is none."""
    camera, key = row.text("deployment_id"), row.text("image_id")
    path = f"{camera}/{row.text('filename')}"
    if not row.text("filename") or found.owners.setdefault(path, key) != key:
        path = row.text("location") or f"{camera}/{key}"
        found.owners[path] = key
    if path not in found.photos:
        place = found.places.get(camera)
        if place is None:
            row.sheet.note(row.line, "deployment_id", camera, "kept", "deployments.csv has no such deployment; the photo has no camera")  # fmt: skip
        found.photos[path] = {
            "path": path,
            "camera": camera if place else None,
            "station": place["station"] if place else None,
            "date": _stamp(row.time("timestamp")),
            "sequence": row.text("sequence_id") or None,
        }
        if found.photos[path]["date"] is None:
            row.sheet.note(row.line, "timestamp", row.values.get("timestamp"), "kept", "the photo has no time")
    if row.text("is_blank").casefold() in ("1", "1.0", "true") or row.text("common_name").casefold() == "blank":
        return None
    name = key
    if name in found.animals:
        name = f"{key}/{row.line}"
    if name in found.animals:  # of another table of images, on the same line
        name = f"{key}/{row.sheet.name}/{row.line}"
    kind = " ".join(part for part in (row.text("genus"), row.text("species")) if part)
    person = row.text("identified_by")
    found.animals[name] = {
        "animal_id": name,
        "path": path,
        "category": "person" if kind.casefold() == "homo sapiens" else "animal",
        "identity": row.identity("individual_id"),
        "encounter": row.text("sequence_id") or None,
        "species": kind or None,
        "sex": row.choice("sex", ("female", "male")),
        "life_stage": AGES.get(row.text("age").casefold()),
        "confidence": row.number("cv_confidence", 0, 1),
        "method": "machine" if person == "Computer vision" else "human" if person else None,
        "by": person or None,
    }
    return name


def write_insights(survey: Survey, folder: str | Path) -> list[Note]:
    """Write the download's images tables again, with `individual_id` filled and nothing else changed.

    Returns:
        Notes on names that have no row in the download.

    Raises:
        ConfigError: the survey did not come from a download.
    """
    download = survey.source.get("insights")
    if not isinstance(download, Download):
        raise ConfigError(
            "to=insights writes a download again, so that source=FOLDER must be one of Wildlife Insights."
        )
    named = dict(zip(survey.named["animal_id"], survey.named["identity"], strict=True))
    placed: set[str] = set()
    for name, columns, rows in download.tables:
        header = columns if "individual_id" in columns else (*columns, "individual_id")
        out = [header]
        for key, values in rows:
            filled = dict(values)
            before = identity(values.get("individual_id", ""))
            if key is not None and named.get(key, UNKNOWN) != before:
                filled["individual_id"] = named.get(key, "")
            placed.add(key or "")
            out.append(tuple(filled.get(column, "") for column in header))
        write_text(csv_text(out), Path(folder) / name)
    why = "the download has no row for a second animal on this photo"
    return [
        Note("animals", None, "animal_id", f"{animal.identity} {animal.path}", "left out", why)
        for animal in records(survey.named)
        if animal.animal_id not in placed
    ]

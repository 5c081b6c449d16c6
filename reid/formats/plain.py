"""Plain CSV: everything a survey holds, and reid's own tables of labels and stations; and the same read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from reid.errors import InputError
from reid.formats import cells
from reid.formats.files import csv_text, write_text
from reid.formats.individuals import individuals_of
from reid.formats.model import ANIMALS, DEPLOYMENTS, Note, Survey, make_survey, pixel_box
from reid.formats.sheet import Row, read_sheet
from reid.tables import PHOTOS, UNKNOWN, Table, records

__all__ = ["is_plain", "read_plain", "write_plain"]

FILES = {"photos": PHOTOS, "deployments": DEPLOYMENTS, "animals": ANIMALS}
STATION_COLUMNS = ("camera", "station", "latitude", "longitude", "start", "end", "clock_shift_s", "time_zone")
LABEL_COLUMNS = ("path", "identity", "bbox", "orientation", "date", "station", "camera", "encounter", "confidence")


def write_plain(survey: Survey, folder: str | Path) -> list[Note]:
    """Write `photos.csv`, `deployments.csv`, `animals.csv` and `individuals.csv`, whole; and for reid's own verbs
    `labels.csv` (named animals with boxes in pixels, paths as they are) and `stations.csv`.

    Returns:
        Notes on animals whose box cannot be given in pixels.
    """
    folder = Path(folder)
    for name, table in FILES.items():
        write_text(csv_text(_rows(getattr(survey, name), table.names)), folder / f"{name}.csv")
    people = individuals_of(survey)
    write_text(csv_text(_rows(people, list(people.columns))), folder / "individuals.csv")
    write_text(csv_text(_rows(survey.deployments, list(STATION_COLUMNS))), folder / "stations.csv")
    labels, notes = _labels(survey)
    write_text(csv_text([LABEL_COLUMNS, *labels]), folder / "labels.csv")
    return notes


def _rows(frame: pd.DataFrame, names: list[str]) -> list[list[str]]:
    return [names, *([_cell(value) for value in row] for row in frame[names].itertuples(index=False))]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return json.dumps(value)
    if value is None or pd.isna(value):
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, pd.Timestamp) else str(value)


def _labels(survey: Survey) -> tuple[list[list[str]], list[Note]]:
    photo_of = {photo.path: photo for photo in records(survey.photos)}
    named = set(survey.named["animal_id"])
    rows, notes = [], []
    for number, animal in enumerate(records(survey.animals), 1):
        photo = photo_of.get(animal.path)
        if animal.category != "animal":
            continue
        box = pixel_box(animal, photo)
        if animal.bbox is not None and box is None:
            notes.append(Note("labels.csv", None, "bbox", f"animal {number}, {animal.path}", "left out", "the size of the photo is not known; say photos=FOLDER"))  # fmt: skip
            continue
        values = [animal.path, animal.identity if animal.animal_id in named else UNKNOWN, box, animal.orientation]
        values += [getattr(photo, name, None) for name in ("date", "station", "camera")]
        rows.append([_cell(value) for value in (*values, animal.encounter, animal.confidence)])
    return rows, notes


def is_plain(path: str | Path) -> bool:
    """Whether a folder was written by `write_plain`."""
    return all((Path(path) / f"{name}.csv").is_file() for name in FILES)


def read_plain(folder: str | Path, encoding: str = "", order: str = "") -> Survey:
    """Read what `write_plain` wrote, also after a spreadsheet has saved it.

    Raises:
        InputError: a file is missing.
        FormatError, TableError: one cannot be read; the message names row and column.
    """
    folder = Path(folder)
    if not is_plain(folder):
        raise InputError(
            f"{folder} lacks one of {', '.join(f'{name}.csv' for name in FILES)}; `reid convert to=csv` writes all of them."
        )
    tables, notes = {}, []
    for name, table in FILES.items():
        sheet = read_sheet(folder / f"{name}.csv", encoding, order)
        sheet.need(column.name for column in table.columns if column.required)
        tables[name] = [_values(row, table) for row in sheet.rows]
        notes += sheet.notes
    return make_survey(tables["photos"], tables["deployments"], tables["animals"], notes)


def _values(row: Row, table: Table) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for column in table.columns:
        text = row.values.get(column.name, "")
        if not text:
            out[column.name] = None
        elif column.kind == "bbox":
            out[column.name] = _box(row, column.name)
        elif column.kind in ("float", "int"):
            out[column.name] = row.number(column.name, column.low, column.high)
        elif column.kind == "time":
            found = row.time(column.name, last=column.name == "end")
            out[column.name] = None if found is None else pd.Timestamp(*found.timetuple()[:6])
        else:
            out[column.name] = text
    return out


def _box(row: Row, column: str) -> list[float] | None:
    box = cells.box(row.values[column].strip("[] ").split(","))
    if box is None:
        row.lost(column, "four numbers [x, y, width, height]")
    return box

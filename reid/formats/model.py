"""What every format is read into and written from: photos, deployments, animals, and what had to be done to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from reid.detect.boxes import clip, scale
from reid.errors import InputError
from reid.photos.files import image_id, inspect_all
from reid.tables import (
    DETECTIONS,
    FLANKS,
    PHOTOS,
    STATIONS,
    UNKNOWN,
    Column,
    Table,
    check,
    empty,
    from_rows,
    records,
)

__all__ = [
    "ANIMALS",
    "DEPLOYMENTS",
    "NOTES",
    "Note",
    "Survey",
    "detections_of",
    "make_survey",
    "notes_table",
    "pixel_box",
    "relative_box",
    "with_files",
]

DEPLOYMENTS = Table(
    "deployments",
    ("camera",),
    (
        *STATIONS.columns,
        Column("camera_id", "str", "the device, which may have had several deployments one after the other"),
        Column("utc_offset", "str", "of the camera's times, +05:30"),
    ),
)
"""One camera at one place for one stretch of time: what a stations table calls a camera."""

ANIMALS = Table(
    "animals",
    ("animal_id",),
    (
        Column("animal_id", "str", "one animal on one photo", True),
        Column("path", "str", "the photo, as in the photos table", True),
        Column("bbox", "bbox", "x, y, width, height; null for the whole photo"),
        Column("bbox_unit", "str", "pixels of the upright photo, or parts of it", values=("pixel", "relative")),
        Column("category", "str", "animal, or another name of the detector's", True),
        Column("confidence", "float", "of the detection", low=0, high=1),
        Column("identity", "str", "the individual's name, or 'unknown'", True),
        Column("orientation", "str", "the flank it shows", True, values=FLANKS),
        Column("encounter", "str", "one animal at one station in one burst"),
        Column("decision", "str", "of reid on the encounter", values=("known", "new", "unsure")),
        Column("probability", "float", "that the name is right", low=0, high=1),
        Column("species", "str", "scientific name"),
        Column("sex", "str", "female or male", values=("female", "male")),
        Column("life_stage", "str", "adult, subadult or juvenile", values=("adult", "subadult", "juvenile")),
        Column("method", "str", "who named it", values=("human", "machine")),
        Column("by", "str", "the person or the program that named it"),
    ),
)

NOTES = Table(
    "notes",
    (),
    (
        Column("file", "str", "where it stands", True),
        Column("row", "int", "line of that file, the header being 1; place in its list for JSON", low=0),
        Column("column", "str", "column or key"),
        Column("found", "str", "what stood there"),
        Column("done", "str", "what was done about it", True, values=("repaired", "left out", "kept")),
        Column("reason", "str", "by which rule", True),
    ),
)


@dataclass(frozen=True)
class Note:
    """One thing that was repaired, left out, or kept although it looks wrong."""

    file: str
    row: int | None
    column: str | None
    found: str | None
    done: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """A season as the formats know it."""

    photos: pd.DataFrame
    """A PHOTOS table; `camera` is the deployment. Where no photo was opened, the sizes may be unknown and the
    image_id has no hash."""
    deployments: pd.DataFrame
    """A DEPLOYMENTS table."""
    animals: pd.DataFrame
    """An ANIMALS table."""
    notes: tuple[Note, ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict)
    """What the format holds besides, by the format's name, for writing it again without loss."""

    def noted(self, notes: Iterable[Note]) -> Survey:
        """The same with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    @property
    def named(self) -> pd.DataFrame:
        """The animals that have a name: not unknown, and not left to a person."""
        decided = self.animals["decision"].fillna("known") != "unsure"
        return self.animals[(self.animals["identity"] != UNKNOWN) & decided]


def make_survey(
    photos: Iterable[Mapping[str, Any]],
    deployments: Iterable[Mapping[str, Any]] = (),
    animals: Iterable[Mapping[str, Any]] = (),
    notes: Iterable[Note] = (),
    source: Mapping[str, Any] | None = None,
) -> Survey:
    """A survey from rows; what a row does not say is unknown.

    Raises:
        TableError: a value is outside its limits, or a key stands twice.
    """
    shots = [{"image_id": image_id(row["path"], row.get("content_hash")), "date_source": _dated(row), **row} for row in photos]  # fmt: skip
    places = [{"station": row["camera"], "source": "table", **row} for row in deployments]
    seen = [{"category": "animal", "identity": UNKNOWN, "orientation": UNKNOWN, **row} for row in animals]
    return Survey(
        from_rows(sorted(shots, key=lambda row: row["path"]), PHOTOS),
        from_rows(places, DEPLOYMENTS),
        from_rows(seen, ANIMALS),
        tuple(notes),
        dict(source or {}),
    )


def _dated(row: Mapping[str, Any]) -> str:
    date = row.get("date")
    return "none" if date is None or pd.isna(date) else "exif"


def notes_table(notes: Iterable[Note]) -> pd.DataFrame:
    """Notes as a NOTES table, in their order."""
    rows = [vars(note) for note in notes]
    return from_rows(rows, NOTES) if rows else empty(NOTES)


def with_files(survey: Survey, root: str | Path, cache: str | Path | None = None) -> Survey:
    """Look the photos up in a folder: content hash, size and EXIF orientation from the files themselves.

    A photo that is missing or broken gets the reason as its `error`; it keeps its size where the source said one.

    Raises:
        InputError: the folder holds none of the photos.
    """
    root = Path(root)
    paths = survey.photos["path"].tolist()
    facts = inspect_all([root / path for path in paths], cache, "read")
    if paths and all(fact.content_hash is None for fact in facts):
        raise InputError(
            f"photos={root} holds none of the {len(paths)} photos, for example {paths[0]!r}. Name the folder that these names begin in."
        )
    rows: list[dict[str, Any]] = [dict(row) for row in survey.photos.to_dict("records")]  # type: ignore[arg-type]
    for row, fact in zip(rows, facts, strict=True):
        row.update(content_hash=fact.content_hash, bytes=fact.bytes, error=fact.error)
        row["image_id"] = image_id(str(row["path"]), fact.content_hash)
        if fact.width is not None:
            row.update(width=fact.width, height=fact.height, exif_orientation=fact.orientation)
        if pd.isna(row["date"]) and fact.taken is not None:
            row.update(date=fact.taken, date_source="exif")
    return replace(survey, photos=from_rows(rows, PHOTOS))


def relative_box(animal: Any, photo: Any) -> list[float] | None:
    """An animal's box in parts of its photo; None where it has none or the photo's size is not known."""
    if animal.bbox is None or animal.bbox_unit == "relative":
        return animal.bbox
    if photo is None or pd.isna(photo.width) or pd.isna(photo.height):
        return None
    sides = (photo.width, photo.height) * 2
    return [float(x) / float(side) for x, side in zip(animal.bbox, sides, strict=True)]


def pixel_box(animal: Any, photo: Any) -> list[float] | None:
    """An animal's box in pixels of its upright photo; None where it has none or the photo's size is not known."""
    if animal.bbox is None or animal.bbox_unit == "pixel":
        return animal.bbox
    if photo is None or pd.isna(photo.width) or pd.isna(photo.height):
        return None
    return list(scale(animal.bbox, float(photo.width), float(photo.height)))


def detections_of(survey: Survey) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """The survey's boxes as a DETECTIONS table, a whole photo as one box; and what could not be placed."""
    photo_of = {photo.path: photo for photo in records(survey.photos)}
    number: dict[str, int] = {}
    rows, notes = [], []
    for place, animal in enumerate(records(survey.animals), 1):
        photo = photo_of.get(animal.path)
        n = number[animal.path] = number.get(animal.path, -1) + 1
        if photo is None or pd.isna(photo.width) or pd.isna(photo.height):
            notes.append(Note("animals", place, "bbox", animal.path, "left out", "the size of the photo is not known"))
            continue
        whole = (0.0, 0.0, float(photo.width), float(photo.height))
        box = clip(pixel_box(animal, photo) or whole, whole[2], whole[3])
        if box is None:
            notes.append(Note("animals", place, "bbox", str(animal.bbox), "left out", "the box lies outside its photo"))
            continue
        rows.append(
            {
                "detection_id": f"{photo.image_id}#{n}",
                "image_id": photo.image_id,
                "category": animal.category,
                "confidence": 1.0 if pd.isna(animal.confidence) else animal.confidence,
                "bbox": list(box),
                "detector": "table" if pd.isna(animal.by) else animal.by,
            }
        )
    return check(pd.DataFrame(rows, columns=DETECTIONS.names), DETECTIONS), tuple(notes)

"""The observations of a Camtrap Data Package as animals: boxes, names, flanks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from reid.formats.cells import flank
from reid.formats.sheet import Row, Sheet
from reid.tables import UNKNOWN

__all__ = ["BOX", "FLANK_TAG", "flank_of", "read_observations", "with_flank"]

CATEGORIES = {"animal": "animal", "human": "person", "vehicle": "vehicle"}
BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
FLANK_TAG = "flank"
FLANK_TAGS = (FLANK_TAG, "orientation", "viewpoint", "side")
"""Keys of tags that are read; the first is written."""


def flank_of(tags: str) -> str:
    """The flank that observation tags name.

    >>> flank_of("travelDirection:left | flank:right"), flank_of("wounded")
    ('right', 'unknown')
    """
    for tag in tags.split("|"):
        key, _, value = (part.strip() for part in tag.partition(":"))
        if key.casefold() in FLANK_TAGS:
            return flank(value)[0]
    return UNKNOWN


def with_flank(tags: str, side: str) -> str:
    """Observation tags that name a flank, the other tags as they were.

    >>> with_flank("wounded | side:left", "right"), with_flank("", "unknown")
    ('wounded | flank:right', '')
    """
    others = [tag.strip() for tag in tags.split("|") if tag.strip()]
    others = [tag for tag in others if tag.partition(":")[0].strip().casefold() not in FLANK_TAGS]
    return " | ".join([*others, *([f"{FLANK_TAG}:{side}"] if side != UNKNOWN else [])])


def read_observations(
    sheet: Sheet,
    photos: Mapping[str, Mapping[str, Any]],
    path_of: Mapping[str, str],
    clock: Callable[[Row, str], datetime | None],
) -> tuple[list[dict[str, Any]], list[str]]:
    """Observations of animals, people and vehicles on single photos as rows of the animals table.

    An individual named for a whole event counts for every photo of the event, where the event has no observation of
    single photos and no second animal; such rows are named `observationID@path`.

    Args:
        sheet: The observations table.
        photos: By path, with `camera` and `date`.
        path_of: Path of each mediaID.
        clock: The time in a cell, on the clock of the row's deployment.

    Returns:
        The rows, and the names of those that come from events.
    """
    sheet.need(["deploymentID", "observationLevel", "observationType"])
    found, events = [], []
    on_photos: set[str] = set()
    for row in sheet.rows:
        if row.values["observationLevel"] == "event":
            events.append(row)
            continue
        media = row.values.get("mediaID", "")
        if media not in path_of:
            row.sheet.note(row.line, "mediaID", media, "left out", "no media row has this name")
            continue
        photo = photos[path_of[media]]
        if photo["camera"] and row.values["deploymentID"] != photo["camera"]:
            row.sheet.note(row.line, "deploymentID", row.values["deploymentID"], "kept", f"its photo is of {photo['camera']}, which counts")  # fmt: skip
        category = CATEGORIES.get(row.values["observationType"])
        if category:
            on_photos.add(row.text("eventID"))
            found.append(_animal(row, row.values["observationID"], path_of[media], category))
    shared = _from_events(events, on_photos, photos, clock)
    return [*found, *shared], [animal["animal_id"] for animal in shared]


def _animal(row: Row, name: str, path: str, category: str) -> dict[str, Any]:
    return {
        "animal_id": name,
        "path": path,
        "bbox": _box(row),
        "bbox_unit": "relative",
        "category": category,
        "identity": row.identity("individualID"),
        "orientation": flank_of(row.values.get("observationTags", "")),
        "encounter": row.text("eventID") or None,
        "probability": row.number("classificationProbability", 0, 1),
        "species": row.text("scientificName") or None,
        "sex": row.choice("sex", ("female", "male")),
        "life_stage": row.choice("lifeStage", ("adult", "subadult", "juvenile")),
        "method": row.choice("classificationMethod", ("human", "machine")),
        "by": row.text("classifiedBy") or None,
    }


def _box(row: Row) -> list[float] | None:
    if not any(row.text(name) for name in BOX):
        return None
    numbers = [row.number(name, 0, 1) for name in BOX]
    box = [value for value in numbers if value is not None]
    if len(box) < 4 or box[2] <= 0 or box[3] <= 0:
        row.lost("bboxX", "all four of bboxX, bboxY, bboxWidth and bboxHeight, in parts of the photo")
        return None
    return box


def _from_events(
    events: list[Row],
    on_photos: set[str],
    photos: Mapping[str, Mapping[str, Any]],
    clock: Callable[[Row, str], datetime | None],
) -> list[dict[str, Any]]:
    of_camera: dict[str, list[Mapping[str, Any]]] = {}
    for photo in photos.values():
        of_camera.setdefault(str(photo["camera"]), []).append(photo)
    animals = [row for row in events if row.values["observationType"] == "animal"]
    together: dict[tuple[str, ...], set[str]] = {}
    for row in animals:
        for key in (_by_name(row), _by_time(row)):
            together.setdefault(key, set()).add(row.values["observationID"])
    out = []
    for row in animals:
        event, camera = row.text("eventID"), row.values["deploymentID"]
        if not row.text("individualID") or (event and event in on_photos):
            continue
        others = together[_by_name(row) if event else _by_time(row)]
        if len(others) > 1:
            row.sheet.note(row.line, "individualID", row.text("individualID"), "kept", f"not given to photos: {len(others)} animals in one event")  # fmt: skip
            continue
        start, end = clock(row, "eventStart"), clock(row, "eventEnd")
        inside = [p for p in of_camera.get(camera, []) if start and end and p["date"] and start <= p["date"] <= end]
        if not inside:
            row.sheet.note(row.line, "eventStart", row.text("eventStart"), "kept", "no photo of its deployment lies in this event")  # fmt: skip
        out += [_animal(row, f"{row.values['observationID']}@{p['path']}", p["path"], "animal") for p in inside]
    return out


def _by_name(row: Row) -> tuple[str, ...]:
    """What observations of one event and deployment share, where the event has a name."""
    return "name", row.text("eventID"), row.text("deploymentID")


def _by_time(row: Row) -> tuple[str, ...]:
    """And where it has none."""
    return "time", row.text("eventStart"), row.text("eventEnd"), row.text("deploymentID")

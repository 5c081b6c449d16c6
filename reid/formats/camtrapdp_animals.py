"""The observations table of a Camtrap Data Package from a survey: a row for each animal on a photo, and one for each
individual and event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from reid.formats import cells
from reid.formats.camtrapdp_observations import BOX, flank_of, with_flank
from reid.formats.camtrapdp_package import Package
from reid.formats.camtrapdp_rows import Cells, Stamp, keep_number
from reid.formats.model import Note, Survey, relative_box
from reid.tables import UNKNOWN, records

__all__ = ["observation_rows"]

TYPES = {"animal": "animal", "person": "human", "human": "human", "vehicle": "vehicle"}
DECIMALS = 8
"""Of boxes: a hundredth of a pixel survives on the largest photos."""


@dataclass
class _Writer:
    survey: Survey
    base: Package | None
    deployments: Mapping[str, Cells]
    media: Mapping[str, Cells]
    media_of: Mapping[str, str]
    stamp: Stamp
    notes: list[Note]
    rows: dict[str, Cells] = field(default_factory=dict)
    events: dict[tuple[str, str, str], Cells] = field(default_factory=dict)
    """An individual's row for an event and a deployment, where its name is new."""


def observation_rows(
    survey: Survey, base: Package | None, deployments: Mapping[str, Cells], media: Mapping[str, Cells],
    media_of: Mapping[str, str], stamp: Stamp, notes: list[Note],
) -> dict[str, Cells]:  # fmt: skip
    """Rows of the observations table by observationID.

    Rows of the source stay in their order; new animals on photos follow, then a row for each individual, event and
    deployment of which the survey knows a name that the source did not have. Paired cameras share the eventID. What
    belongs to a photo or a deployment that was left out is left out and noted.
    """
    writer = _Writer(survey, base, deployments, media, media_of, stamp, notes)
    photo_of = {photo.path: photo for photo in records(survey.photos)}
    spans = _spans(survey)
    animals = {animal.animal_id: animal for animal in records(survey.animals)}
    raw = base.rows["observations"] if base else {}
    for number, (name, row) in enumerate(raw.items(), 1):
        if name in animals:
            _add(writer, number, animals[name], photo_of.get(animals[name].path), dict(row), spans)
        elif _stands(writer, number, row):
            writer.rows[name] = dict(row)
    derived = base.derived if base else frozenset()
    for number, animal in enumerate(animals.values(), 1):
        # a name that an event gave is in the event's row; only what a photo adds to it needs one of its own
        stands = animal.animal_id in raw or (animal.animal_id in derived and animal.bbox is None)
        if not stands:
            _add(writer, number, animal, photo_of.get(animal.path), {}, spans)
    known = {
        (row.get("eventID"), row.get("individualID"), row.get("deploymentID"))
        for row in writer.rows.values()
        if row.get("observationLevel") == "event"
    }
    for key, row in sorted(writer.events.items()):
        if key not in known:
            writer.rows[row["observationID"]] = row
    return writer.rows


def _spans(survey: Survey) -> dict[str, tuple[Any, Any]]:
    """First and last time of each encounter, over all cameras."""
    dates = survey.animals[["path", "encounter"]].merge(survey.photos[["path", "date"]], on="path")
    spans = dates.dropna().groupby("encounter")["date"].agg(["min", "max"])
    return {str(name): (row["min"], row["max"]) for name, row in spans.iterrows()}


def _stands(writer: _Writer, number: int, row: Cells) -> bool:
    """Whether a row of the source still names a deployment and a photo that are there."""
    media, deployment = row.get("mediaID", ""), row.get("deploymentID", "")
    if deployment not in writer.deployments or (media and media not in writer.media):
        lost = f"its photo {media}" if media and media not in writer.media else f"its deployment {deployment}"
        why = f"{lost} is not in the package"
        writer.notes.append(Note("observations", number, "observationID", row["observationID"], "left out", why))
        return False
    return True


def _add(writer: _Writer, number: int, animal: Any, photo: Any, row: Cells, spans: Mapping[str, tuple[Any, Any]]) -> None:  # fmt: skip
    media = row.get("mediaID") if row.get("mediaID") in writer.media else writer.media_of.get(animal.path)
    if media is None or photo is None:
        writer.notes.append(Note("animals", number, "path", animal.path, "left out", "its photo was left out"))
        return
    raw, camera = dict(row), photo.camera
    row.update(observationID=animal.animal_id, deploymentID=camera, mediaID=media, observationLevel="media")
    row["observationType"] = row.get("observationType") or TYPES.get(animal.category, "unknown")
    before = cells.identity(row.get("individualID", ""))
    unsure = not pd.isna(animal.decision) and animal.decision == "unsure"
    name = UNKNOWN if unsure else animal.identity
    if name != before:
        row["individualID"] = "" if name == UNKNOWN else name
    if flank_of(row.get("observationTags", "")) != animal.orientation:
        row["observationTags"] = with_flank(row.get("observationTags", ""), animal.orientation)
    _fill_box(writer, number, animal, photo, row)
    _fill_event(writer, animal, photo, row, spans)
    for column, value in (("scientificName", animal.species), ("sex", animal.sex), ("lifeStage", animal.life_stage)):
        if not row.get(column) and not pd.isna(value):
            row[column] = value
    if name != before or not raw:
        row["classificationMethod"] = "" if pd.isna(animal.method) else animal.method
        row["classifiedBy"] = "" if pd.isna(animal.by) else animal.by
        row["classificationProbability"] = keep_number("", animal.probability)
    row["count"] = row.get("count") or "1"
    writer.rows[animal.animal_id] = row
    if name not in (UNKNOWN, before) and row["eventID"]:
        _add_event(writer, row, name)


def _fill_box(writer: _Writer, number: int, animal: Any, photo: Any, row: Cells) -> None:
    if any(row.get(column) for column in BOX) or animal.bbox is None:
        return
    box = relative_box(animal, photo)
    if box is None:
        writer.notes.append(
            Note("animals", number, "bbox", animal.path, "left out", "the size of the photo is not known")
        )
        return
    left, top = (min(max(value, 0.0), 1.0) for value in box[:2])
    right, bottom = (min(max(box[i] + box[i + 2], 0.0), 1.0) for i in (0, 1))
    if right <= left or bottom <= top:
        writer.notes.append(
            Note("animals", number, "bbox", str(animal.bbox), "left out", "the box lies outside its photo")
        )
        return
    for column, value in zip(BOX, (left, top, right - left, bottom - top), strict=True):
        row[column] = keep_number("", round(value, DECIMALS))


def _fill_event(writer: _Writer, animal: Any, photo: Any, row: Cells, spans: Mapping[str, tuple[Any, Any]]) -> None:
    if row.get("eventStart") and row.get("eventEnd") and row.get("eventID"):
        return
    row["eventID"] = row.get("eventID") or ("" if pd.isna(animal.encounter) else animal.encounter)
    first, last = spans.get(row["eventID"], (photo.date, photo.date))
    row["eventStart"] = writer.stamp(first.to_pydatetime(), photo.camera)
    row["eventEnd"] = writer.stamp(last.to_pydatetime(), photo.camera)


def _add_event(writer: _Writer, row: Cells, name: str) -> None:
    key = (row["eventID"], name, row["deploymentID"])
    event = writer.events.setdefault(
        key,
        {
            "observationID": "/".join(key),
            "deploymentID": row["deploymentID"],
            "eventID": row["eventID"],
            "eventStart": row["eventStart"],
            "eventEnd": row["eventEnd"],
            "observationLevel": "event",
            "observationType": "animal",
            "count": "1",
            "individualID": name,
        },
    )
    for column in ("scientificName", "sex", "lifeStage", "classificationMethod", "classifiedBy"):
        event[column] = event.get(column) or row.get(column, "")

"""The rows of a Camtrap Data Package from a survey. A row that the source had stays as it was written, but for what
has changed; what cannot be written in the format is noted."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from reid.formats import cells
from reid.formats.camtrapdp_package import Package
from reid.formats.camtrapdp_schema import schema
from reid.formats.model import Note, Survey
from reid.formats.settings import PackageSettings
from reid.formats.zones import fixed
from reid.tables import records

__all__ = ["Cells", "Stamp", "deployment_rows", "keep_number", "keep_time", "media_rows"]

KINDS = ("image/", "video/", "audio/")

Cells = dict[str, str]
Stamp = Callable[[datetime, str], str]
"""A local time and its deployment as the text of a time with a zone."""


def keep_number(raw: str, value: float | None) -> str:
    """The text that was there where it says this number, else the number in as many digits as it needs.

    >>> keep_number("27,50", 27.5), keep_number("27.5000", 27.5), keep_number("", 0.1)
    ('27.5', '27.5000', '0.1')
    """
    if value is None or pd.isna(value):
        return ""
    found = cells.number(raw) if raw else None
    return raw if found and found[0] == value and not found[1] else repr(float(value)).removesuffix(".0")


def keep_time(raw: str, value: datetime, camera: str, stamp: Stamp) -> str:
    """The text that was there where it names this instant with a zone, else the time with the deployment's zone."""
    written = stamp(value, camera)
    found = cells.time(raw) if raw else None
    if found is None or not found.zone or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", raw):
        return written
    same = _instant(found) == datetime.fromisoformat(written)
    return raw if same else written


def _instant(time: cells.Time) -> datetime:
    return datetime(*time.timetuple()[:6], tzinfo=fixed(time.zone))


def deployment_rows(survey: Survey, base: Package | None, stamp: Stamp, notes: list[Note]) -> dict[str, Cells]:
    """Rows of the deployments table by deploymentID; one without coordinates, or without times and photos, is left out."""
    rows: dict[str, Cells] = {}
    spans = survey.photos.groupby("camera")["date"].agg(["min", "max"])
    for number, place in enumerate(records(survey.deployments), 1):
        row = dict(base.rows["deployments"].get(place.camera, {})) if base else {}
        if pd.isna(place.latitude) or pd.isna(place.longitude):
            notes.append(Note("deployments", number, "latitude", place.camera, "left out", "Camtrap DP has no deployment without coordinates"))  # fmt: skip
            continue
        times = {}
        for column, known, of in (("deploymentStart", place.start, "min"), ("deploymentEnd", place.end, "max")):
            photographed = spans[of].get(place.camera)
            time = known if not pd.isna(known) else photographed
            if time is None or pd.isna(time):
                notes.append(Note("deployments", number, column, place.camera, "left out", "neither its time nor that of a photo is known"))  # fmt: skip
                break
            if pd.isna(known):
                notes.append(Note("deployments", number, column, place.camera, "repaired", f"taken from its photos: {time}"))  # fmt: skip
            times[column] = keep_time(row.get(column, ""), time.to_pydatetime(), place.camera, stamp)
        if len(times) < 2:
            continue
        row["deploymentID"] = place.camera
        if not (row.get("locationID") or row.get("locationName")):
            row["locationID"] = place.station
        row["latitude"] = keep_number(row.get("latitude", ""), place.latitude)
        row["longitude"] = keep_number(row.get("longitude", ""), place.longitude)
        if not row.get("cameraID") and not pd.isna(place.camera_id):
            row["cameraID"] = place.camera_id
        rows[place.camera] = {**row, **times}
    return rows


def media_rows(
    survey: Survey, base: Package | None, deployments: Mapping[str, Cells], settings: PackageSettings, stamp: Stamp,
    notes: list[Note],
) -> tuple[dict[str, Cells], dict[str, str]]:  # fmt: skip
    """Rows of the media table by mediaID, and the mediaID of each photo; what the format has no place for is left out."""
    rows: dict[str, Cells] = {}
    photo_of = {photo.path: photo for photo in records(survey.photos)}
    named: list[tuple[str, str]] = []
    if base:
        named = [(media, path) for media, path in base.path_of.items() if path in photo_of]
    had = {path for _, path in named}
    named += [(photo.image_id, photo.path) for photo in photo_of.values() if photo.path not in had]
    media_of: dict[str, str] = {}
    for number, (media, path) in enumerate(named, 1):
        photo, row = photo_of[path], dict(base.rows["media"].get(media, {})) if base else {}
        reason = _no_media(photo, deployments, path if row else settings.media_prefix + path)
        kind = row.get("fileMediatype", "")
        if not kind.startswith(KINDS):
            kind = mimetypes.guess_type(path.split("?")[0])[0] or ""
        if not reason and not kind.startswith(KINDS):
            reason = "its name does not say of what kind the file is"
        if reason:
            notes.append(Note("photos", number, "path", path, "left out", reason))
            continue
        media_of.setdefault(path, media)
        rows[media] = {
            **row,
            "mediaID": media,
            "deploymentID": photo.camera,
            "timestamp": keep_time(row.get("timestamp", ""), photo.date.to_pydatetime(), photo.camera, stamp),
            "filePath": row.get("filePath") or settings.media_prefix + path,
            "filePublic": row.get("filePublic") or str(settings.public).lower(),
            "fileName": row.get("fileName") or path.rsplit("/", 1)[-1],
            "fileMediatype": kind,
            "mediaComments": row.get("mediaComments") or ("" if pd.isna(photo.error) else photo.error),
        }
    return rows, media_of


def _no_media(photo: Any, deployments: Mapping[str, Cells], path: str) -> str:
    """Why a photo has no place in the media table, or nothing."""
    pattern = next(f["constraints"]["pattern"] for f in schema("media")["fields"] if f["name"] == "filePath")
    if pd.isna(photo.date):
        return "Camtrap DP has no media without a time"
    if pd.isna(photo.camera):
        return "its deployment is not known"
    if photo.camera not in deployments:
        return f"its deployment {photo.camera} was left out"
    if not re.match(pattern, path):
        return "Camtrap DP allows no path that starts with . / ~ or holds .."
    return ""

"""Camtrap DP in: a package becomes photos, deployments and animals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from reid.formats.camtrapdp_observations import read_observations
from reid.formats.camtrapdp_package import open_package
from reid.formats.model import Survey, make_survey
from reid.formats.places import put_right
from reid.formats.sheet import Row, Sheet
from reid.formats.zones import clock_time, named, offset_of

__all__ = ["read_camtrapdp"]


def read_camtrapdp(path: str | Path, encoding: str = "", order: str = "", time_zone: str = "") -> Survey:
    """Read a Camtrap Data Package of version 1.0, 1.0.1 or 1.0.2.

    A deployment is what reid calls a camera, its location the station. Times are those of the camera's clock: each
    deployment's in the offset of its start, or all in `time_zone` where that is given; a time with another offset is
    moved, and noted.

    Args:
        path: The package's folder, its datapackage.json, or a zip.
        encoding: Of the tables, where they are not UTF-8.
        order: Of day and month, see `read_sheet`.
        time_zone: IANA name of the zone to bring all times into; empty for each deployment's own.

    Returns:
        The survey; `source["camtrapdp"]` holds the package for writing it again. Rows of one table that name no row
        of another, times that are none, and the like are in its notes.

    Raises:
        InputError: there is no package, or a file of it is missing.
        FormatError: it is of another version, or cannot be read.
        ConfigError: `time_zone` is none.
    """
    package, sheets, notes = open_package(path, encoding, order)
    zone = named(time_zone) if time_zone else None
    deployments = _deployments(sheets["deployments"], zone)
    lines = [row.line for row in sheets["deployments"].rows]
    places = [place.row for place in deployments.values()]
    photos, path_of = _photos(sheets["media"], deployments, zone)

    def clock(row: Row, column: str) -> datetime | None:
        deployment = deployments.get(row.values["deploymentID"])
        return clock_time(row, column, deployment.offset if deployment else "", zone)

    animals, derived = read_observations(sheets["observations"], photos, path_of, clock)
    for sheet in sheets.values():
        notes += sheet.notes
    notes += put_right(places, sheets["deployments"].name, lines)
    package = replace(package, path_of=path_of, derived=frozenset(derived))
    return make_survey(photos.values(), places, animals, notes, {"camtrapdp": package})


@dataclass(frozen=True)
class _Deployment:
    """A row of the deployments table, and the offset of its clock as the package says it."""

    row: dict[str, Any]
    offset: str


def _deployments(sheet: Sheet, zone: ZoneInfo | None) -> dict[str, _Deployment]:
    sheet.need(["latitude", "longitude", "deploymentStart", "deploymentEnd"])
    found = {}
    for row in sheet.rows:
        name = row.values["deploymentID"]
        offset = offset_of(row.time("deploymentStart")) or offset_of(row.time("deploymentEnd"))
        found[name] = _Deployment(
            {
                "camera": name,
                "station": row.text("locationID", "locationName") or name,
                "latitude": row.number("latitude"),
                "longitude": row.number("longitude"),
                "start": clock_time(row, "deploymentStart", offset, zone),
                "end": clock_time(row, "deploymentEnd", offset, zone, last=True),
                "camera_id": row.text("cameraID") or None,
                "utc_offset": None if zone else offset or None,
                "time_zone": zone.key if zone else None,
            },
            offset,
        )
    return found


def _photos(
    sheet: Sheet, deployments: dict[str, _Deployment], zone: ZoneInfo | None
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Photos by path, and the path of each mediaID."""
    sheet.need(["deploymentID", "timestamp", "filePath"])
    photos: dict[str, dict[str, Any]] = {}
    path_of: dict[str, str] = {}
    for row in sheet.rows:
        camera, path = row.values["deploymentID"], row.values["filePath"]
        if not path:
            row.lost("filePath", "a path or an address; the row is left out")
            continue
        path_of[row.values["mediaID"]] = path
        if path in photos:
            row.sheet.note(row.line, "filePath", path, "left out", "an earlier row names this file")
            continue
        deployment = deployments.get(camera)
        if deployment is None:
            row.sheet.note(
                row.line, "deploymentID", camera, "kept", "no deployment has this name; the photo has no camera"
            )
        date = clock_time(row, "timestamp", deployment.offset if deployment else "", zone)
        if date is None:
            row.sheet.note(row.line, "timestamp", row.values["timestamp"], "kept", "the photo has no time")
        place = deployment.row if deployment else {}
        if date and ((place.get("start") or date) > date or (place.get("end") or date) < date):
            span = f"{place.get('start')} to {place.get('end')}"
            row.sheet.note(row.line, "timestamp", f"{date}", "kept", f"outside its deployment's time, {span}")
        photos[path] = {"path": path, "camera": place.get("camera"), "station": place.get("station"), "date": date}
    return photos, path_of

"""Camtrap DP out: a survey becomes a package of version 1.0.2; one that came from a package keeps all of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import pandas as pd

from reid.errors import ConfigError, InputError
from reid.formats.camtrapdp_animals import observation_rows
from reid.formats.camtrapdp_clean import clean
from reid.formats.camtrapdp_descriptor import INDIVIDUAL_COLUMNS, individuals_name, make_descriptor
from reid.formats.camtrapdp_package import Package
from reid.formats.camtrapdp_rows import Stamp, deployment_rows, media_rows
from reid.formats.camtrapdp_schema import CORE, columns
from reid.formats.files import write_bytes
from reid.formats.individuals import individuals_of
from reid.formats.model import Note, Survey
from reid.formats.settings import PackageSettings
from reid.formats.zones import named, offset_at
from reid.store import write_json
from reid.tables import records

__all__ = ["write_camtrapdp"]


def write_camtrapdp(
    survey: Survey, folder: str | Path, settings: PackageSettings | None = None, time_zone: str = ""
) -> list[Note]:
    """Write a Camtrap Data Package 1.0.2.

    Every animal on a photo is an observation with its box, its name in `individualID` and its flank in
    `observationTags`; every individual has one more for each event and deployment; and a table `individuals` is added.
    The photos themselves are not copied: their paths stay as they are, after `media_prefix`.

    Args:
        survey: What to write. One read from a package keeps that package's rows, columns and other tables.
        folder: Where to; made if it is not there.
        settings: What the package must say of its project.
        time_zone: IANA name of the zone of the times, where the survey does not know it.

    Returns:
        Notes on what the format has no place for: photos without a time, deployments without coordinates, and what
        belongs to those.

    Raises:
        ConfigError: no zone is known for a time.
        InputError: nothing is left to be written: no deployment has coordinates.
    """
    settings = settings or PackageSettings()
    found = survey.source.get("camtrapdp")
    base = found if isinstance(found, Package) else None
    notes: list[Note] = []
    stamp = _stamper(survey, time_zone)
    deployments = deployment_rows(survey, base, stamp, notes)
    if len(survey.photos) and not deployments:
        raise InputError(
            "no deployment has coordinates and times, so that a Camtrap DP would be empty. "
            "Give the stations' coordinates: stations=FILE with camera, station, latitude, longitude."
        )
    media, media_of = media_rows(survey, base, deployments, settings, stamp, notes)
    observations = observation_rows(survey, base, deployments, media, media_of, stamp, notes)
    clean("deployments", deployments, {}, notes)
    clean("media", media, {}, notes)
    at = {name: media.get(row.get("mediaID", ""), {}).get("timestamp") or deployments[row["deploymentID"]]["deploymentStart"]
          for name, row in observations.items()}  # fmt: skip
    clean("observations", observations, {"eventStart": at, "eventEnd": at}, notes)
    people = individuals_of(survey)
    notes += _strange_columns(base)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in (base.files if base else {}).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(content, target)
    for name, rows in zip(CORE, (deployments, media, observations), strict=True):
        write_bytes(_csv(columns(name), rows.values()), folder / f"{name}.csv")
    if len(people):
        write_bytes(_csv(INDIVIDUAL_COLUMNS, _individual_rows(people)), folder / f"{individuals_name(base)}.csv")
    write_json(
        make_descriptor(base, settings, deployments, observations, bool(len(people))), folder / "datapackage.json"
    )
    return notes


def _stamper(survey: Survey, time_zone: str) -> Stamp:
    """Makes the text of a time, with the zone that its deployment, or else the setting, says."""
    zones = {place.camera: (place.utc_offset, place.time_zone) for place in records(survey.deployments)}
    fallback = named(time_zone) if time_zone else None

    def stamp(local: datetime, camera: str) -> str:
        offset, name = zones.get(camera, (None, None))
        if offset is None or pd.isna(offset):
            zone = fallback if name is None or pd.isna(name) else named(name)
            if zone is None:
                raise ConfigError(
                    f"Camtrap DP writes times with their zone, and none is known for {camera}: "
                    "say time_zone=Asia/Kolkata, for example, or time_zone=UTC."
                )
            offset = offset_at(zone, local)
        return f"{local:%Y-%m-%dT%H:%M:%S}{offset}"

    return stamp


def _strange_columns(base: Package | None) -> list[Note]:
    return [
        Note(f"{name}.csv", 1, column, column, "left out", "Camtrap DP has no such column")
        for name in CORE
        for column in (base.columns[name] if base else [])
        if column and column not in columns(name)
    ]


def _individual_rows(people: pd.DataFrame) -> list[dict[str, str]]:
    rows = []
    for person in people.to_dict("records"):
        values = ["" if pd.isna(value) else str(value).replace(" ", "T") if "seen" in str(name) else str(value)
                  for name, value in person.items()]  # fmt: skip
        rows.append(dict(zip(INDIVIDUAL_COLUMNS, values, strict=True)))
    return rows


def _csv(names: Iterable[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(names), restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")

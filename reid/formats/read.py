"""Any of the formats in: told by the content, or by name."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd

from reid.errors import ConfigError, FormatError, InputError, choices
from reid.formats.camtrapdp_read import read_camtrapdp
from reid.formats.census import is_census, read_census
from reid.formats.coco import read_coco_survey
from reid.formats.insights import is_insights, read_insights
from reid.formats.labels import DIALECTS, read_labels
from reid.formats.megadetector import read_megadetector
from reid.formats.model import DEPLOYMENTS, Survey
from reid.formats.plain import is_plain, read_plain
from reid.outside import LARGEST, open_regular, read_json
from reid.photos import read_stations
from reid.tables import PHOTOS, check

__all__ = ["READERS", "read_survey", "sniff", "with_stations"]

READERS = {
    "camtrapdp": "Camtrap DP 1.0 to 1.0.2: folder, datapackage.json or zip",
    "census": "the output of `reid census`",
    "coco": "COCO Camera Traps or Wild Me: JSON",
    "csv": "the folder that to=csv writes",
    "insights": "a download of Wildlife Insights: folder",
    "matchypatchy": "MatchyPatchy's table: CSV",
    "megadetector": "MegaDetector and its relatives: JSON",
    "miewid": "MiewID's table: CSV",
    "wildlife": "wildlife-datasets: CSV",
}


def read_survey(source: str | Path, read_as: str = "auto", encoding: str = "", order: str = "", time_zone: str = "") -> Survey:  # fmt: skip
    """Read a survey from any format.

    Args:
        source: A file or a folder.
        read_as: A key of `READERS`, or `auto` to tell by the content.
        encoding: Of tables that are not UTF-8.
        order: `dmy` or `mdy`, for dates with slashes in tables that do not tell it themselves.
        time_zone: Of Camtrap DP: the zone to bring all times into.

    Raises:
        ConfigError: `read_as` or `order` is unknown.
        InputError: there is no such file or folder.
        FormatError: it is of no known format, or breaks the one it has.
        TableError: a column is missing.
    """
    if read_as not in (*READERS, "auto"):
        raise ConfigError(f"read_as={read_as!r} is unknown; choose one of {choices((*READERS, 'auto'))}.")
    if order not in ("", "dmy", "mdy"):
        raise ConfigError(f"dates={order!r} is unknown; choose dmy (day first) or mdy (month first).")
    path = Path(source)
    if not path.exists():
        raise InputError(f"source={source}: no such file or folder. Check the path; it is taken from {Path.cwd()}.")
    kind = sniff(path) if read_as == "auto" else read_as
    if kind == "camtrapdp":
        return read_camtrapdp(path, encoding, order, time_zone)
    if kind == "insights":
        return read_insights(path, encoding, order)
    if kind == "csv":
        return read_plain(path, encoding, order)
    if kind in ("labels", *DIALECTS):
        return read_labels(path, "" if kind == "labels" else kind, encoding, order)
    readers = {"census": read_census, "coco": read_coco_survey, "megadetector": read_megadetector}
    return readers[kind](path)


def sniff(path: Path) -> str:
    """Which format a file or folder is in; a CSV is `labels`, whose columns tell the rest.

    Raises:
        FormatError: it is of no known format.
    """
    if path.is_dir():
        tests = {
            "camtrapdp": (path / "datapackage.json").is_file(),
            "census": is_census(path),
            "insights": is_insights(path),
            "csv": is_plain(path),
        }
        found = [kind for kind, holds in tests.items() if holds]
        if len(found) == 1:
            return found[0]
        what = (
            f"is {' and '.join(found)} at once; say which with read_as=" if found else "is a folder of no known format"
        )
        raise FormatError(f"source={path} {what}. Known are {choices(READERS)}.")
    try:
        with open_regular(path) as file:
            is_zip = zipfile.is_zipfile(file)
    except OSError as error:
        raise InputError(f"source={path} cannot be read: {error.strerror}.") from None
    if path.name == "datapackage.json" or is_zip:
        return "camtrapdp"
    if path.suffix.lower() in (".csv", ".tsv", ".txt", ".gz"):
        return "labels"
    try:
        content = read_json(path, LARGEST)
    except (OSError, ValueError):
        raise FormatError(f"source={path} is neither JSON nor CSV. Known are {choices(READERS)}.") from None
    annotations = content.get("annotations") if isinstance(content, dict) else None
    is_coco = (
        isinstance(annotations, list)
        and "images" in content
        and not any(isinstance(row, dict) and "img_id" in row for row in annotations[:1])
    )
    return "coco" if is_coco else "megadetector"


def with_stations(survey: Survey, path: str | Path) -> Survey:
    """A survey with the stations, coordinates, times and zones of a stations table.

    What the table does not say stays. A camera that the survey lacks becomes a deployment, since it was active too.

    Raises:
        InputError, FormatError, TableError: the table cannot be read, see `reid.photos.read_stations`.
    """
    listed = {row["camera"]: row for row in read_stations(path).to_dict("records")}
    rows: dict[str, dict[object, object]] = {row["camera"]: dict(row) for row in survey.deployments.to_dict("records")}
    for camera in sorted(set(survey.photos["camera"].dropna()) - set(rows)):
        rows[camera] = {"camera": camera, "station": camera, "source": "path"}
    for camera, row in listed.items():
        known = {key: value for key, value in row.items() if not pd.isna(value)}
        rows[camera] = {**rows.get(camera, {}), **known}
    deployments = check(pd.DataFrame(list(rows.values()), columns=DEPLOYMENTS.names), DEPLOYMENTS)
    station = dict(zip(deployments["camera"], deployments["station"], strict=True))
    photos = survey.photos.assign(station=survey.photos["camera"].map(station).fillna(survey.photos["station"]))
    return replace(survey, deployments=deployments, photos=check(photos, PHOTOS))

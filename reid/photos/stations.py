"""The stations table: which cameras stand together, where, when, and how their clocks were set."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime, time
from pathlib import Path
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

import pandas as pd

from reid.errors import TableError
from reid.photos.csvfile import at, need_columns, read_csv, records
from reid.tables import STATIONS, check, from_rows

__all__ = ["cameras_alone", "natural", "read_stations", "with_cameras"]

LONGEST_SHIFT_S = 50 * 366 * 86400
PLACE = ("location", "station")


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key by which `RL_5` comes before `RL_10`.

    >>> sorted(["RL_10", "RL_5"], key=natural)
    ['RL_5', 'RL_10']
    """
    parts = re.split(r"(\d+)", name)
    return (*((int(part), "") if n % 2 else (0, part) for n, part in enumerate(parts)), (0, name))


def read_stations(path: str | Path) -> pd.DataFrame:
    """Read a stations table from CSV.

    Columns: `camera`; `location` (or `station`), the place, shared by the cameras of a pair; and as far as
    known `latitude` and `longitude` in degrees, `start` and `end` (ISO 8601, an `end` without a time of day
    counts to the end of that day), `clock_shift_s` (seconds to add to the camera's clock) and `time_zone`
    (IANA name).

    Returns:
        A STATIONS table in the file's order, `source` being "table".

    Raises:
        InputError: there is no such file, or it has no rows.
        FormatError: it is not CSV with commas in UTF-8.
        TableError: a column is missing or unknown, or a value is wrong; the message names row and column.
    """
    rows = read_csv(path)
    if set(PLACE) <= set(rows.columns):
        raise TableError(f"{path} has both columns 'location' and 'station'; keep one of them.")
    place = "station" if "station" in rows.columns else "location"
    need_columns(rows, ["camera", place], path)
    for name in ("camera", place):
        rows[name] = [normalize("NFC", value) for value in rows[name]]
    _refuse_repeats(rows, path)
    table = [_row(line, row, path) for line, row in records(rows)]
    frame = pd.DataFrame(table).rename(columns={"location": "station"})
    return check(frame.assign(source="table"), STATIONS, where=str(path))


def _refuse_repeats(rows: pd.DataFrame, path: str | Path) -> None:
    for camera, lines in rows.groupby("camera").groups.items():
        if len(lines) > 1:
            raise TableError(
                f"{path} lists the camera {camera!r} in rows {', '.join(map(str, lines))} "
                "(the header is row 1), expected one row per camera. "
                "A camera that was moved needs its own folder and name for each place."
            )


def _row(line: int, row: dict[str, str], path: str | Path) -> dict[str, Any]:
    def wrong(column: str, expected: str) -> TableError:
        return at(path, line, column, row[column], expected)

    out: dict[str, Any] = {name: value or None for name, value in row.items()}
    for column in ("camera", *PLACE):
        if row.get(column) == "":
            raise wrong(column, "a name")
    for column in ("latitude", "longitude", "clock_shift_s"):
        if out.get(column):
            out[column] = _number(row[column])
            if out[column] is None:
                raise wrong(column, "a number with a decimal point")
    _check_place(out, wrong)
    if abs(out.get("clock_shift_s") or 0) > LONGEST_SHIFT_S:
        raise wrong("clock_shift_s", "seconds, at most 50 years of them")
    for column in ("start", "end"):
        if out.get(column):
            out[column] = _date(row[column], last=column == "end")
            if out[column] is None:
                raise wrong(column, "a date such as 2012-06-14 or 2012-06-14 17:30")
    if out.get("start") and out.get("end") and out["start"] > out["end"]:
        raise wrong("end", f"a date not before its start, {row['start']}")
    if out.get("time_zone") and not _is_zone(row["time_zone"]):
        raise wrong("time_zone", "an IANA name such as Europe/Berlin or UTC")
    return out


def _check_place(out: dict[str, Any], wrong: Any) -> None:
    latitude, longitude = out.get("latitude"), out.get("longitude")
    if (latitude is None) != (longitude is None):
        column = "latitude" if latitude is None else "longitude"
        if column in out:
            raise wrong(column, "both latitude and longitude, or neither")
        raise TableError(f"a latitude needs a longitude; the column {column!r} is missing.")
    if latitude is None or longitude is None:
        return
    if abs(latitude) > 90:
        swapped = "; are latitude and longitude swapped?" if abs(latitude) <= 180 and abs(longitude) <= 90 else ""
        raise wrong("latitude", f"degrees from -90 to 90{swapped}")
    if abs(longitude) > 180:
        raise wrong("longitude", "degrees from -180 to 180")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _date(text: str, last: bool) -> datetime | None:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    if value.tzinfo is not None:
        return None
    return datetime.combine(value, time(23, 59, 59)) if last and len(text) <= 10 else value


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def cameras_alone(cameras: Iterable[str]) -> pd.DataFrame:
    """A STATIONS table in which every camera is a station of its own name, in natural order."""
    names = sorted(set(cameras), key=natural)
    return from_rows([{"camera": name, "station": name, "source": "path"} for name in names], STATIONS)


def with_cameras(stations: pd.DataFrame, cameras: Iterable[str], where: str) -> pd.DataFrame:
    """The stations table with every camera of the photos in it; those that it lacks stand alone, after the
    others.

    Raises:
        TableError: it lists none of the cameras, so the two do not belong together.
    """
    seen, listed = set(cameras), set(stations["camera"])
    if not seen & listed:
        raise TableError(
            f"{where} lists none of the photos' cameras: it has {_some(listed)}, "
            f"the photos are of {_some(seen)}. "
            "Correct the table, or camera_level or camera_pattern."
        )
    more = cameras_alone(seen - listed)
    columns = {name: [*stations[name], *more[name]] for name in STATIONS.names}
    return check(pd.DataFrame(columns, dtype="object"), STATIONS)


def _some(names: set[str]) -> str:
    shown = sorted(names, key=natural)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")

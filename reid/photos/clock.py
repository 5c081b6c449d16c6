"""Capture times: from EXIF, else from the path; corrected by what the stations table says of the clock.

Times are local times of the camera, without a zone. A date without a time of day gives no time: midnight
would be a lie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from reid.errors import ConfigError

__all__ = ["TIME_PATTERN", "compile_time_pattern", "correct", "exif_time", "parse_exif_time", "path_time"]

TIME_PATTERN = (
    r"(?<!\d)(?P<year>(?:199|20\d)\d)(?P<_d>[-_.:]?)(?P<month>\d\d)(?P=_d)(?P<day>\d\d)"
    r"(?:[-_ T.]{1,3}|(?=\d{6}(?!\d)))"
    r"(?P<hour>\d\d)(?P<_t>[-_.:]?)(?P<minute>\d\d)(?:(?P=_t)(?P<second>\d\d))?(?!\d)"
)
"""Default pattern of a time in a path: year to minute or second, with the same separator, or none, between
the parts of the date and again between those of the time. `20051029_0045`, `2015-06-03 14-22-05`,
`IMG_20190102_030405`."""

NEEDED = ("year", "month", "day", "hour", "minute")
FIRST_EXIF_YEAR = 2001
"""Camera clocks that lost their battery start again in a year before this one."""
FIRST_PATH_YEAR, LAST_PATH_YEAR = 1990, 2099

EXIF_FOLDER = 0x8769
EXIF_TAGS = (0x9003, 0x9004, 0x0132)
"""DateTimeOriginal, DateTimeDigitized, DateTime: the last may be the time of an edit, so it comes last."""
_EXIF_TIME = re.compile(r"\s*(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T]([ \d]\d):([ \d]\d):([ \d]\d)")


def parse_exif_time(value: Any) -> datetime | None:
    """The time that an EXIF field holds; None where it is blank, all zeros, or no date of the calendar.

    >>> parse_exif_time("2012:07:22 00:53:20")
    datetime.datetime(2012, 7, 22, 0, 53, 20)
    >>> parse_exif_time("0000:00:00 00:00:00"), parse_exif_time("2013:02:30 10:00:00")
    (None, None)
    """
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    found = _EXIF_TIME.match(value) if isinstance(value, str) else None
    try:
        return datetime(*map(int, found.groups())) if found else None  # type: ignore[arg-type]
    except ValueError:
        return None


def exif_time(exif: Any) -> datetime | None:
    """Capture time from EXIF.

    The first of DateTimeOriginal, DateTimeDigitized and DateTime that holds a date decides. If that date
    lies before 2001 the clock was never set and there is no time: a later DateTime would be that of an edit.

    Args:
        exif: `PIL.Image.Exif`, or tags by number with the Exif folder's own under 0x8769.
    """
    folder: Mapping[int, Any] = exif.get_ifd(EXIF_FOLDER) if hasattr(exif, "get_ifd") else exif.get(EXIF_FOLDER, {})
    for tag in EXIF_TAGS:
        for place in (folder, exif):
            time = parse_exif_time(place.get(tag))
            if time is not None:
                return time if time.year >= FIRST_EXIF_YEAR else None
    return None


def compile_time_pattern(pattern: str) -> re.Pattern[str]:
    """The compiled pattern of times in paths.

    Raises:
        ConfigError: it is no regular expression, or lacks a group of year, month, day, hour, minute.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"time_pattern is not a regular expression: {error}. Given was {pattern!r}.") from None
    missing = [name for name in NEEDED if name not in compiled.groupindex]
    if missing:
        raise ConfigError(
            f"time_pattern lacks the named group {', '.join(missing)}; it needs {', '.join(NEEDED)}, "
            "and may have second."
        )
    return compiled


def path_time(path: str, pattern: re.Pattern[str]) -> datetime | None:
    """Time of capture written in a path: the last match that is a time of the calendar, from 1990 to 2099.

    >>> path_time("RL_5/20051029_0045.jpg", re.compile(TIME_PATTERN))
    datetime.datetime(2005, 10, 29, 0, 45)
    >>> path_time("RL_5/20051029.jpg", re.compile(TIME_PATTERN)) is None
    True
    """
    last = None
    for found in pattern.finditer(path):
        parts = found.groupdict()
        try:
            year, month, day, hour, minute = (int(parts[name]) for name in NEEDED)
            time = datetime(year, month, day, hour, minute, int(parts.get("second") or 0))
        except (ValueError, TypeError):  # no date of the calendar, or a group that took no part in the match
            continue
        if FIRST_PATH_YEAR <= time.year <= LAST_PATH_YEAR:
            last = time
    return last


def correct(dates: pd.Series, cameras: pd.Series, stations: pd.DataFrame) -> pd.Series:
    """Capture times with each camera's clock put right.

    A camera's `clock_shift_s` is added to its times, wherever they were found. Time zones matter in one case
    only: where cameras of one station name different ones, the others' times are moved to the zone of the
    station's first camera that names one. Everything else stays the camera's local time. A time that would come to lie
    beyond the calendar becomes null.

    Args:
        dates: Times, null where unknown.
        cameras: The camera of each, on the same index.
        stations: A STATIONS table; cameras that it does not list stay as they are.
    """
    changes = _changes(stations)
    out = [
        _moved(date.to_pydatetime(), *changes[camera]) if not pd.isna(date) and camera in changes else date
        for date, camera in zip(dates, cameras, strict=True)
    ]
    return pd.Series(pd.to_datetime(pd.Series(out, dtype="object")).to_numpy("datetime64[us]"), index=dates.index)


def _changes(stations: pd.DataFrame) -> dict[str, tuple[float, str | None, str | None]]:
    """Per camera: seconds to add, its zone, and the zone to move to."""
    named = stations[stations["time_zone"].notna()]
    target = named.drop_duplicates("station").set_index("station")["time_zone"].to_dict()
    changes = {}
    for row in stations.to_dict("records"):
        shift = 0.0 if pd.isna(row["clock_shift_s"]) else float(row["clock_shift_s"])
        zone = None if pd.isna(row["time_zone"]) else str(row["time_zone"])
        goal = target.get(row["station"])
        if shift or (zone and zone != goal):
            changes[str(row["camera"])] = (shift, zone, goal)
    return changes


def _moved(time: datetime, shift: float, zone: str | None, goal: str | None) -> datetime | None:
    try:
        time += timedelta(seconds=shift)
        if zone and goal and zone != goal:
            time = time.replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo(goal)).replace(tzinfo=None)
    except OverflowError:  # a clock that ran wild, moved beyond the last year that there is
        return None
    return time

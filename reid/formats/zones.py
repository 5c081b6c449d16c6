"""Zones of time: offsets as they are written, and names of the IANA list."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from reid.errors import ConfigError
from reid.formats.cells import Time, offset_text
from reid.formats.sheet import Row

__all__ = ["clock_time", "fixed", "named", "offset_at", "offset_of"]


def named(name: str) -> ZoneInfo:
    """A zone by its IANA name.

    Raises:
        ConfigError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigError(f"time_zone={name!r} is unknown; write an IANA name such as Asia/Kolkata, or UTC.") from None


def fixed(offset: str) -> timezone:
    """A zone from an offset.

    >>> fixed("-03:30").utcoffset(None)
    datetime.timedelta(days=-1, seconds=73800)
    """
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    return timezone((-1 if offset[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def offset_of(time: Time | None) -> str:
    """The offset written beside a time, or nothing."""
    return time.zone if time is not None else ""


def offset_at(zone: ZoneInfo, local: datetime) -> str:
    """A zone's offset at a local time.

    >>> offset_at(ZoneInfo("Europe/Berlin"), datetime(2012, 7, 1)), offset_at(ZoneInfo("UTC"), datetime(2012, 7, 1))
    ('+02:00', '+00:00')
    """
    return offset_text(local.replace(tzinfo=zone))


def clock_time(row: Row, column: str, offset: str, zone: ZoneInfo | None, last: bool = False) -> datetime | None:
    """A cell's time on its deployment's clock; one with another offset is moved there and noted."""
    time = row.time(column, last)
    if time is None:
        return None
    plain = datetime(*time.timetuple()[:6])
    if not time.zone:
        row.sheet.note(row.line, column, row.text(column), "kept", "no zone; taken for the deployment's own time")
        return plain
    if zone is None and time.zone == (offset or time.zone):
        return plain
    if zone is None:
        row.sheet.note(row.line, column, row.text(column), "repaired", f"moved to its deployment's zone, {offset}")
    try:
        return plain.replace(tzinfo=fixed(time.zone)).astimezone(zone or fixed(offset)).replace(tzinfo=None)
    except OverflowError:  # moved beyond the first or the last year that there is
        row.lost(column, "a time of the calendar such as 2012-07-22 01:53:20")
        return None

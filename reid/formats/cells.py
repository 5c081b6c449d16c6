"""Cells that people and spreadsheets write: numbers, times, names, flanks; each rule repairs one habit and says so."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Any

from reid.tables import FLANKS, UNKNOWN

__all__ = ["Time", "box", "flank", "identity", "is_missing", "number", "offset_text", "slashed_order", "time"]

MISSING = {"", "na", "n/a", "nan", "null", "none", "____", "-", "?"}
UNKNOWN_WORDS = {"unknown", "unidentified", "unid", "unidentifiable", "undetermined"}
EXCEL_ZERO = datetime(1899, 12, 30)
"""Day 0 of the spreadsheets' calendar that begins in 1900."""
EXCEL_DAYS = (20000, 80000)
"""Serial numbers outside these (1954 to 2119) are no dates of photographs."""

LARGEST_OFFSET = timedelta(hours=18)
"""Of a zone, as ISO 8601 and its users have them; the farthest in use are -12 and +14 hours."""

_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
_SLASHED = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4})(?:[ T]+(\d{1,2}):(\d\d)(?::(\d\d))?)?")
_EXIF_LIKE = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d:\d\d:\d\d)$")

SIDES = {
    "left": "left", "l": "left", "left side": "left", "leftside": "left", "left flank": "left", "linke": "left",
    "right": "right", "r": "right", "right side": "right", "rightside": "right", "right flank": "right",
    "front": "front", "f": "front", "frontside": "front", "frontal": "front", "face": "front", "head": "front",
    "back": "back", "b": "back", "backside": "back", "rear": "back", "behind": "back", "tail": "back",
}  # fmt: skip
"""Spellings of flanks in published tables. Any other viewpoint, such as `front-left` or `up`, is no flank."""


def is_missing(text: str) -> bool:
    """Whether a cell says that nothing is known.

    >>> is_missing("NA"), is_missing("____"), is_missing("0")
    (True, True, False)
    """
    return text.strip().casefold() in MISSING


def identity(text: str) -> str:
    """An individual's name; every spelling of "not known" becomes `unknown`.

    A name with one of the words unknown, unidentified, unid is no name, unless a number makes it one.

    >>> [identity(name) for name in ("Leopard_African_Unknown_NA", "Unidentified", "Unknown 7", " M01 ", "NA")]
    ['unknown', 'unknown', 'Unknown 7', 'M01', 'unknown']
    """
    name = " ".join(text.split())
    words = {word for word in re.split(r"[\s_\-./]+", name.casefold()) if word}
    if is_missing(name) or (words & UNKNOWN_WORDS and not any(character.isdigit() for character in name)):
        return UNKNOWN
    return name


def flank(text: str) -> tuple[str, bool]:
    """The flank that a cell means, and whether it was a spelling that we know.

    >>> flank("Right Side"), flank(""), flank("front-left")
    (('right', True), ('unknown', True), ('unknown', False))
    """
    word = " ".join(text.casefold().replace("_", " ").split())
    if word in FLANKS:
        return word, True
    if is_missing(word) or word in UNKNOWN_WORDS:
        return UNKNOWN, True
    return SIDES.get(word, UNKNOWN), word in SIDES


def number(text: str) -> tuple[float, bool] | None:
    """A finite number, and whether a decimal comma had to be read as a point; None if it is no number.

    >>> number("27.5"), number("27,5"), number("1,234.5"), number("nan")
    ((27.5, False), (27.5, True), None, None)
    """
    text = text.strip().replace("\u2212", "-")
    comma = bool(re.fullmatch(r"[+-]?\d+,\d+", text))
    try:
        value = float(text.replace(",", ".") if comma else text)
    except ValueError:
        return None
    return (value, comma) if math.isfinite(value) and "_" not in text else None


def box(values: Any) -> list[float] | None:
    """Four finite numbers x, y, width and height, the last two above 0; None if these are none.

    >>> box(["1", "2", "3", "4.5"]), box([1, 2, 3]), box(["nan", 0, 1, 1]), box([0, 0, 0, 5])
    ([1.0, 2.0, 3.0, 4.5], None, None, None)
    """
    try:
        found = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if len(found) == 4 and all(map(math.isfinite, found)) and min(found[2:]) > 0 else None


class Time(datetime):
    """A time as it stood in a cell: the clock's own, with what it said of its zone and what had to be repaired."""

    repaired: str = ""
    """By which rule, or nothing."""
    zone: str = ""
    """The offset written beside it, `+05:30`, or nothing."""
    dated_only: bool = False
    """There was no time of day; it counts as midnight."""


def time(text: str, order: str = "") -> Time | None:
    """A time of the calendar, to the second; None if it is none.

    ISO 8601 with or without a zone, EXIF's colons, a spreadsheet's serial number, and days with slashes or points
    where the order of day and month is known.

    Args:
        text: The cell.
        order: `dmy` or `mdy`, for times such as 03/04/2012; empty where it is not known: then they are none.

    >>> str(time("2012-07-22T01:53:20+05:30")), time("2012-07-22T01:53:20+05:30").zone
    ('2012-07-22 01:53:20', '+05:30')
    >>> str(time("41112.5")), str(time("03/04/2012 10:00", "dmy")), time("2012-02-30")
    ('2012-07-22 12:00:00', '2012-04-03 10:00:00', None)
    """
    text = text.strip()
    if _SERIAL.fullmatch(text):
        days = float(text.replace(",", "."))
        if not EXCEL_DAYS[0] <= days <= EXCEL_DAYS[1]:
            return None
        seconds = round(days * 86400)
        return _made(EXCEL_ZERO + timedelta(seconds=seconds), "a spreadsheet's serial number, days since 1899-12-30")
    if found := _SLASHED.fullmatch(text):
        return _slashed(found, order)
    if found := _EXIF_LIKE.fullmatch(text):
        text = "-".join(found.groups()[:3]) + " " + found[4]
    try:
        value = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        return None
    if value.tzinfo and abs(value.utcoffset() or timedelta()) > LARGEST_OFFSET:
        return None
    made = _made(value.replace(tzinfo=None, microsecond=0), "")
    made.zone = offset_text(value) if value.tzinfo else ""
    made.dated_only = len(text) <= 10
    return made


def _slashed(found: re.Match[str], order: str) -> Time | None:
    first, second = int(found[1]), int(found[3])
    if order not in ("dmy", "mdy"):
        return None
    day, month = (first, second) if order == "dmy" else (second, first)
    try:
        value = datetime(int(found[4]), month, day, int(found[5] or 0), int(found[6] or 0), int(found[7] or 0))
    except ValueError:
        return None
    made = _made(value, f"read as {'day, month' if order == 'dmy' else 'month, day'}, year")
    made.dated_only = found[5] is None
    return made


def slashed_order(cells: list[str]) -> str:
    """Whether the days of a column come before the months (`dmy`) or after (`mdy`); empty where nothing tells.

    One day above 12 tells it for the column; two that tell different things cancel out.

    >>> slashed_order(["03/04/2012", "25/04/2012"]), slashed_order(["03/04/2012"])
    ('dmy', '')
    """
    found = [match for cell in cells if (match := _SLASHED.fullmatch(cell.strip()))]
    day_first = any(int(match[1]) > 12 for match in found)
    month_first = any(int(match[3]) > 12 for match in found)
    return "" if day_first == month_first else "dmy" if day_first else "mdy"


def offset_text(value: datetime) -> str:
    """The zone of a time as `+05:30`.

    >>> from datetime import timezone
    >>> offset_text(datetime(2012, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))))
    '+05:30'
    """
    minutes = round((value.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _made(value: datetime, repaired: str) -> Time:
    made = Time(*value.timetuple()[:6])
    made.repaired = repaired
    return made

"""CSV tables as they come: a spreadsheet's semicolons, byte order marks, decimal commas and serial dates are repaired
by rule and noted; what cannot be read is refused by row and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from reid.errors import ConfigError, FormatError, InputError, TableError, choices
from reid.formats import cells
from reid.formats.model import Note
from reid.outside import gunzip, read_bytes
from reid.tables import UNKNOWN

__all__ = ["Row", "Sheet", "decode", "read_sheet", "sheet_of"]

BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass
class Sheet:
    """A table as text, with the notes of everything that had to be repaired in it."""

    name: str
    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    order: str = ""
    """Of day and month where a column does not tell it itself: `dmy`, `mdy`, or nothing."""
    _orders: dict[str, str] = field(default_factory=dict)

    def note(self, row: int | None, column: str | None, found: str | None, done: str, reason: str) -> None:
        """Remember what was done about a cell."""
        self.notes.append(Note(self.name, row, column, found, done, reason))

    def need(self, names: Iterable[str]) -> None:
        """Raise TableError unless the table has these columns."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise TableError(
                f"{self.name} lacks the column {', '.join(map(repr, missing))}; it has {choices(self.columns)}."
            )

    def has(self, *names: str) -> bool:
        """Whether the table has all these columns."""
        return set(names) <= set(self.columns)

    def order_of(self, column: str) -> str:
        """How the days of a column are written, from all its cells."""
        if column not in self._orders:
            found = cells.slashed_order([row.text(column) for row in self.rows])
            self._orders[column] = found or self.order
        return self._orders[column]


@dataclass
class Row:
    """One row: its line in the file, and its cells by column; readers of cells note what they repair."""

    sheet: Sheet
    line: int
    values: dict[str, str]

    def text(self, *columns: str) -> str:
        """The first of these columns that is not missing, without surrounding spaces; else nothing."""
        for column in columns:
            value = self.values.get(column, "").strip()
            if not cells.is_missing(value):
                return value
        return ""

    def lost(self, column: str, expected: str) -> None:
        """Note a cell that cannot be used: its row stays without it."""
        self.sheet.note(self.line, column, self.values.get(column), "left out", f"expected {expected}")

    def number(self, column: str, low: float | None = None, high: float | None = None) -> float | None:
        """A number within limits; None where it is missing or cannot be used."""
        text = self.text(column)
        if not text:
            return None
        found = cells.number(text)
        if found is None or (low is not None and found[0] < low) or (high is not None and found[0] > high):
            span = "" if low is None else f" from {low:g} to {high:g}" if high is not None else f" of at least {low:g}"
            self.lost(column, f"a number{span}")
            return None
        if found[1]:
            self.sheet.note(self.line, column, text, "repaired", "a decimal comma, read as a point")
        return found[0]

    def time(self, column: str, last: bool = False) -> cells.Time | None:
        """A time; None where it is missing or no time of the calendar. `last`: a day alone means its end."""
        text = self.text(column)
        if not text:
            return None
        order = self.sheet.order_of(column)
        found = cells.time(text, order)
        if found is None:
            either = cells.time(text, "dmy") or cells.time(text, "mdy")
            self.lost(column, "dates=dmy or dates=mdy to be said, since the day and the month cannot be told apart"
                      if either and not order else "a time of the calendar such as 2012-07-22 01:53:20")  # fmt: skip
            return None
        if found.repaired:
            self.sheet.note(self.line, column, text, "repaired", found.repaired)
        if last and found.dated_only:
            end = cells.Time(found.year, found.month, found.day, 23, 59, 59)
            end.zone = found.zone
            return end
        return found

    def identity(self, *columns: str) -> str:
        """An individual's name; another spelling of unknown is noted."""
        text = self.text(*columns)
        name = cells.identity(text) if text else UNKNOWN
        if name == UNKNOWN and text and text.casefold() != UNKNOWN:
            self.sheet.note(self.line, columns[0], text, "repaired", "a spelling of unknown")
        return name

    def flank(self, *columns: str) -> str:
        """A flank; a spelling that is not known is noted and counts as unknown."""
        text = self.text(*columns)
        side, known = cells.flank(text)
        if not known:
            self.sheet.note(self.line, columns[0], text, "kept", "no flank that is known here; it counts as unknown")
        return side

    def choice(self, column: str, allowed: Iterable[str]) -> str | None:
        """One of some words, in any case; None where it is missing, unknown or another word, which is noted."""
        text = self.text(column).casefold()
        if not text or text in cells.UNKNOWN_WORDS:
            return None
        if text not in set(allowed):
            self.lost(column, f"one of {choices(allowed)}")
            return None
        return text


def read_sheet(path: str | Path, encoding: str = "", order: str = "") -> Sheet:
    """Read a CSV table from a file, gzip or not.

    Commas are expected; a header without commas but with semicolons or tabs tells that those separate. A byte order
    mark is dropped, UTF-16 with a mark is read. Anything else that is not UTF-8 needs `encoding`, since another
    guess would spoil names unseen.

    Args:
        path: The file.
        encoding: Of its text; empty for UTF-8.
        order: `dmy` or `mdy` for columns of dates with slashes that do not tell it themselves.

    Raises:
        InputError: there is no such file, or it has no rows.
        FormatError: its text or its shape cannot be read; the message names row and column.
        ConfigError: `encoding` is none.
    """
    path = Path(path)
    try:
        content = read_bytes(path)
        content = gunzip(content) if path.suffix == ".gz" else content
    except OSError as error:
        raise InputError(f"no CSV table at {path}: {(error.strerror or '').lower()}. Check the path.") from None
    return sheet_of(content, path.name, encoding, order)


def sheet_of(content: bytes, name: str, encoding: str = "", order: str = "") -> Sheet:
    """A CSV table from bytes; see `read_sheet`."""
    text, repaired = decode(content, name, encoding)
    header = text.split("\n", 1)[0]
    separator = "," if "," in header else next((mark for mark in (";", "\t") if mark in header), ",")
    sheet = Sheet(name, [], order=order)
    if repaired:
        sheet.note(1, None, None, "repaired", repaired)
    if separator != ",":
        sheet.note(1, None, header.strip()[:60], "repaired", f"separated by {SEPARATORS[separator]}, not commas")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    line = 0
    try:
        for values in reader:
            line, start = reader.line_num, line + 1
            if not any(value.strip() for value in values):
                continue
            if not sheet.columns:
                sheet.columns = _header(values, name)
            else:
                sheet.rows.append(_row(sheet, start, values))
    except csv.Error as error:
        raise FormatError(
            f"{name}, row {reader.line_num} (the header is row 1): not well-formed CSV: {error}."
        ) from None
    if not sheet.columns:
        raise InputError(f"{name} is empty. Expected a CSV table with a header line.")
    return sheet


def decode(content: bytes, name: str, encoding: str = "") -> tuple[str, str]:
    """The text of a file, and how it had to be repaired.

    Raises:
        FormatError: it is not of this encoding; the message says in which row.
        ConfigError: there is no such encoding.
    """
    for mark, coding in BOMS:
        if content.startswith(mark) and not encoding:
            return content.decode(coding, "replace"), "UTF-16, as its byte order mark says"
    try:
        text = content.decode(encoding or "utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        row, column = before.count(b"\n") + 1, before.rsplit(b"\n", 1)[-1].count(b",") + 1
        raise FormatError(
            f"{name}, row {row}, column {column}: byte {content[error.start]:#04x} is not {encoding or 'UTF-8'}. "
            "Save it as 'CSV UTF-8', or say its encoding, for example encoding=cp1252."
        ) from None
    except (LookupError, ValueError):  # what codecs say of names, and those that make no text of tables
        raise ConfigError(f"encoding={encoding!r} is unknown; for example utf-8, cp1252 or cp1251.") from None
    if "\0" in text:
        raise FormatError(f"{name} is not text: it has zero bytes. Save it as 'CSV UTF-8'.")
    marked = content.startswith(b"\xef\xbb\xbf") and not encoding
    return text, "a byte order mark before the header, dropped" if marked else ""


def _header(values: list[str], name: str) -> list[str]:
    columns = [value.strip() for value in values]
    repeated = sorted({column for column in columns if column and columns.count(column) > 1})
    if repeated:
        raise FormatError(
            f"{name} has the column {', '.join(map(repr, repeated))} more than once. Rename one of them, or take it out."
        )
    return columns


def _row(sheet: Sheet, line: int, values: list[str]) -> Row:
    if len(values) > len(sheet.columns) and any(value.strip() for value in values[len(sheet.columns) :]):
        raise FormatError(
            f"{sheet.name}, row {line} (the header is row 1): {len(values)} values under {len(sheet.columns)} columns. "
            "A value with a separator in it needs quotes."
        )
    pairs = zip(sheet.columns, [*values, *[""] * (len(sheet.columns) - len(values))], strict=False)
    return Row(sheet, line, {column: value for column, value in pairs if column})

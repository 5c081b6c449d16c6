"""A catalogue as plain JSON Lines, and back: every row, in the order in which things happened.

The first line says what it is. Each other line is one row: its table and its columns; vectors are written as
base64 of little-endian 32-bit floats. Runs, crops and encounters come first, then each event followed by what
belongs to it, so that reading it is doing everything again, under the same constraints.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reid.catalogue import schema, state, views
from reid.catalogue.check import contradictions
from reid.catalogue.layout import TABLES
from reid.errors import CatalogueError, FormatError, InputError, OutputError

__all__ = ["export", "load"]

FORMAT = "reid catalogue"
BARE = ("run", "crop", "encounter")
# What belongs to an event, so that whatever is referred to comes before.
PARTS = (
    "embedding", "individual", "sighting", "placing", "vector", "decision", "proposal", "settling", "merging", "naming",
    "marking", "facing", "trait", "note", "tag", "answer",
)  # fmt: skip


def _lines(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    def rows(table: str, condition: str = "1", given: tuple[int, ...] = ()) -> Iterator[dict[str, Any]]:
        found = connection.execute(f"SELECT * FROM {table} WHERE {condition} ORDER BY {table}", given)
        names = [column[0] for column in found.description]
        for row in found:
            yield {"table": table, **dict(zip(names, map(_to_json, row), strict=True))}

    yield {"format": FORMAT, "version": schema.VERSION, "events": state.last_event(connection)}
    for table in BARE:
        yield from rows(table)
    for event in list(rows("event")):
        yield event
        for part in PARTS:
            yield from rows(part, "event = ?", (event["event"],))


def _to_json(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def export(connection: sqlite3.Connection, path: Path) -> int:
    """Write every row, whole or not at all; returns how many."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file, for example {path / 'catalogue.jsonl'}.")
    if not path.parent.is_dir():
        raise OutputError(f"{path} cannot be written: there is no folder {path.parent}. Make it first.")
    partial = path.with_name(path.name + f".{os.getpid()}.part")
    count = 0
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            for line in _lines(connection):
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count - 1


def load(source: Path, target: Path) -> int:
    """Make a catalogue out of what `export` wrote, whole or not at all; returns the number of rows.

    Raises:
        InputError: there is no such file.
        FormatError: it is something else, of a newer version, cut short, or its rows contradict each other.
        CatalogueError: there is a file at the target already.
    """
    if not source.is_file():
        raise InputError(f"no file at {source}; name one that `reid catalogue export` wrote.")
    if target.exists():
        raise CatalogueError(f"{target} is there already; a catalogue is imported into a new file. Name another one.")
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        connection = schema.connect(partial, create=True)
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
            views.make(connection)
            with schema.errors(partial), schema.writing(connection):
                count = _fill(connection, source)
        finally:
            connection.close()
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _fill(connection: sqlite3.Connection, source: Path) -> int:
    columns = {table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} for table in TABLES}
    count, events = 0, None
    with source.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, 1):
            row = _parsed(text, source, number)
            if number == 1:
                events = _heading(row, source)
                continue
            table = row.pop("table", None)
            if not isinstance(table, str) or set(row) != columns.get(table):
                raise FormatError(f"{source}, line {number}: it is no row of a catalogue's table. Export it anew.")
            try:
                values = tuple(_from_json(value) for value in row.values())
                connection.execute(
                    f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", values
                )
            except (sqlite3.Error, ValueError, OverflowError) as error:
                raise FormatError(f"{source}, line {number}: a catalogue cannot hold this row ({error}).") from None
            count += 1
    if events is None:
        raise FormatError(f"{source} is empty; it should be what `reid catalogue export` wrote.")
    if events != state.last_event(connection):
        raise FormatError(f"{source} is cut short: it ends before event {events}. Export it anew.")
    wrong = contradictions(connection)
    if wrong:
        raise FormatError(f"{source} contradicts itself: {wrong[0]}.")
    return count


def _parsed(text: str, source: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise FormatError(
            f"{source}, line {number} is no JSON object; it should be what `reid catalogue export` wrote."
        )
    return row


def _heading(row: dict[str, Any], source: Path) -> int:
    if row.get("format") != FORMAT or not isinstance(row.get("events"), int):
        raise FormatError(f"{source} is no exported catalogue; `reid catalogue export` writes one.")
    if row.get("version") != schema.VERSION:
        raise FormatError(
            f"{source} has version {row.get('version')!r}, and this reid reads {schema.VERSION}. "
            "Export it with the same reid that imports it."
        )
    return int(row["events"])


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"base64"}:
        return base64.b64decode(str(value["base64"]), validate=True)
    if isinstance(value, (dict, list)):
        raise ValueError("a value is no text and no number")
    return value

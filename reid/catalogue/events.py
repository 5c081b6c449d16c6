"""Writing to a catalogue: an event, numbered and dated with its first row, and the rows that belong to it."""

from __future__ import annotations

import sqlite3
import unicodedata
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from reid.errors import CatalogueError

__all__ = ["LONGEST", "MACHINE", "Event", "check_by", "check_words", "insert", "is_human", "person", "run_row"]

MACHINE = "reid "
"""How the program signs: this and its version. Everyone else is a person, whose word counts more."""

LONGEST = 10_000
"""Characters of a reason or a note, at most."""


def is_human(by: str) -> bool:
    """Whether a signature is a person's.

    >>> is_human("reid 0.1"), is_human("Anna")
    (False, True)
    """
    return not by.startswith(MACHINE)


def check_words(words: str, what: str, longest: int = LONGEST) -> str:
    """Free text without spaces around it.

    Raises:
        CatalogueError: it is too long, or holds what is no text.
    """
    if len(words) > longest:
        raise CatalogueError(f"{what} {words[:20]!r}... has {len(words)} characters; at most {longest} are allowed.")
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in words):
        raise CatalogueError(f"{what} {words[:40]!r} holds a control character; use letters, digits, signs and spaces.")
    return words.strip()


def check_by(by: str) -> str:
    """The signature without spaces around it.

    Raises:
        CatalogueError: it is empty, too long, or no text.
    """
    if not by.strip():
        raise CatalogueError("a change to a catalogue must be signed; give a name as 'by'.")
    check_words(by, "the signature", 300)
    return by.strip() if is_human(by.strip()) else by


def person(by: str) -> None:
    """Raise if the program signs what only a person may say."""
    if not is_human(by):
        raise CatalogueError(f"this is a person's to say; {by!r} signs as the program ({MACHINE!r}...).")


def insert(connection: sqlite3.Connection, table: str, **values: Any) -> int:
    """Append a row; returns its number."""
    sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
    return int(connection.execute(sql, tuple(values.values())).lastrowid or 0)


def run_row(connection: sqlite3.Connection, run_id: str) -> int | None:
    """The row of a run, if it was ever recorded."""
    row = connection.execute("SELECT run FROM run WHERE run_id = ?", (run_id,)).fetchone()
    return row[0] if row else None


class Event:
    """One change by one signatory. Nothing is written before `number` or `add` is used."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        kind: str,
        by: str,
        run: int | None = None,
        reason: str = "",
        undoes: int | None = None,
    ) -> None:
        self.connection = connection
        self.kind = kind
        self.by = check_by(by)
        self.run = run
        self.reason = check_words(reason, "the reason")
        self.undoes = undoes

    @cached_property
    def number(self) -> int:
        at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return insert(
            self.connection,
            "event",
            at=at,
            who=self.by,
            kind=self.kind,
            run=self.run,
            reason=self.reason,
            undoes=self.undoes,
        )

    def add(self, table: str, **values: Any) -> int:
        """Append a row that belongs to this event; returns its number."""
        return insert(self.connection, table, event=self.number, **values)

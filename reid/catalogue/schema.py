"""The door of a catalogue's SQLite file: opened, made, or brought to the present version.

Nothing in the file is ever changed or deleted: triggers refuse it. Every change is a row of `event` and rows
that belong to it, and the present state is what the rows of the standing events add up to (see
`reid.catalogue.views`). An event is taken back by another event that names it. Its tables are in
`reid.catalogue.layout`.

The file is in WAL mode: who reads sees one unchanging state and is never kept waiting, one process writes at a
time, and a change is on the disk, whole, before the call returns.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reid.catalogue.guards import statements
from reid.catalogue.layout import STEPS
from reid.errors import CatalogueError
from reid.machine import no_room
from reid.outside import open_regular

__all__ = ["APPLICATION_ID", "VERSION", "connect", "errors", "writing"]

APPLICATION_ID = int.from_bytes(b"reid", "big")
VERSION = len(STEPS)
WAIT_S = 30.0
"""How long to wait for another process that is writing."""

NOT_SQLITE = "it is not an SQLite file. Name a catalogue, or a new file."


@contextmanager
def errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a file into a `CatalogueError` that names it."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise CatalogueError(f"{error.object!r} holds half a character and is no text; write it anew.") from None
    except OverflowError:
        raise CatalogueError("a number is larger than a catalogue can hold (64 bits); nothing was changed.") from None
    except sqlite3.IntegrityError:
        raise  # a constraint of ours: a defect, never the user's doing
    except sqlite3.DatabaseError as error:
        if str(error).startswith(("ambiguous column", "no such column", "near ")):
            raise  # a query of ours: likewise
        raise CatalogueError(f"{_explain(path, error)}") from None


def _explain(path: Path, error: sqlite3.DatabaseError) -> str:
    text = str(error)
    if "not a database" in text:
        return f"{path} is no catalogue: {NOT_SQLITE}"
    if "readonly" in text:
        return f"the catalogue {path} cannot be written: it or its folder is read-only. Copy it elsewhere."
    # of its shared memory and of a log that cannot grow SQLite says only that input or output failed
    if "is full" in text or ("disk I/O error" in text and no_room(path.parent)):
        return f"the disk that holds the catalogue {path} is full. Nothing was changed; make room and do it again."
    if "locked" in text:
        return f"the catalogue {path} is in use: another process has been writing for {WAIT_S:g} s. Try again."
    if "unable to open" in text:
        return f"the catalogue {path} cannot be opened: see to the rights of the file and its folder."
    return f"the catalogue {path} cannot be used: {text}. Restore it from a copy if it is damaged."


def connect(path: Path, create: bool) -> sqlite3.Connection:
    """Open a catalogue's file, making it first if it is not there and `create` is set.

    Raises:
        CatalogueError: there is none, or the file is something else, or of a newer schema.
    """
    if path.is_dir():
        raise CatalogueError(f"{path} is a folder; a catalogue is a file, for example {path / 'catalogue.sqlite'}.")
    if not path.exists() and not create:
        raise CatalogueError(f"there is no catalogue at {path}. A census with catalogue={path} makes one.")
    if not path.parent.is_dir():
        raise CatalogueError(f"the catalogue {path} cannot be made: there is no folder {path.parent}. Make it first.")
    if not _may_be_sqlite(path):
        raise CatalogueError(f"{path} is no catalogue: {NOT_SQLITE}")
    connection = _open(path)
    try:
        with errors(path):
            # A file from elsewhere may hold triggers and views; they get no functions with side effects.
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
            if _is_blank(connection):
                if not create:
                    raise CatalogueError(f"{path} is an empty file and no catalogue. Remove it, or name another one.")
                _bring_up(connection)
            _check(connection, path)
            if _number(connection, "user_version") < VERSION:
                _bring_up(connection)
            _log_ahead(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: Path) -> sqlite3.Connection:
    """The bare connection. Its owner sees to it that one thread at a time uses it."""
    log = path.with_name(path.name + "-wal")
    # Beside a file on a medium that cannot be written there is no place for the log, and none is needed.
    fixed = path.exists() and not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    where = f"{path.resolve().as_uri()}?immutable=1" if fixed else str(path)
    with errors(path):
        return sqlite3.connect(where, uri=fixed, timeout=WAIT_S, isolation_level=None, check_same_thread=False)


def _log_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Turn WAL on. Where it cannot be had, as on some network drives, the file works in its former mode."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal" or not os.access(path, os.W_OK):
        return
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # The switch needs the file for itself, and SQLite does not wait for that.
            if "locked" not in str(error) or time.monotonic() > deadline:
                return
            time.sleep(0.02)


def _may_be_sqlite(path: Path) -> bool:
    # SQLite takes any file below its smallest page size for an empty one, and would write over it.
    if not path.exists() or path.with_name(path.name + "-journal").exists():
        return True
    try:
        with open_regular(path) as file:
            return file.read(16) in (b"", b"SQLite format 3\0")
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise CatalogueError(f"{path} is no catalogue: {error.strerror}.") from None
        return True  # SQLite says why it cannot be read


def _is_blank(connection: sqlite3.Connection) -> bool:
    return (
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        and _number(connection, "application_id") == 0
    )


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _bring_up(connection: sqlite3.Connection) -> None:
    """Make a new file, or bring an old one to this version; whole, or as it was."""
    with writing(connection):
        version = _number(connection, "user_version")  # again: another process may have been quicker
        for step in STEPS[version:]:
            for statement in statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(version, VERSION)}")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if _number(connection, "application_id") != APPLICATION_ID:
        raise CatalogueError(f"{path} is an SQLite file of another program and no catalogue. Name another file.")
    version = _number(connection, "user_version")
    if version > VERSION:
        raise CatalogueError(
            f"the catalogue {path} was written by a newer reid (schema {version}, this one knows {VERSION}). "
            "Update reid."
        )
    if version < 1:
        raise CatalogueError(
            f"the catalogue {path} has the unknown schema {version}; this reid knows 1 to {VERSION}. Go back to a backup, and keep this file."
        )


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that writes: all of it or nothing, one writer at a time."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

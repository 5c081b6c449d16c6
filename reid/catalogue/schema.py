"""The tables of the catalogue's SQLite file, and the door that opens one.

Nothing in the file is ever changed or deleted: triggers refuse it. Every change is a row of `event` and rows
that belong to it, and the present state is what the rows of the standing events add up to (see
`reid.catalogue.state`). An event is taken back by another event that names it.

Rows of `run`, `crop`, `encounter` and `individual` only say that there is such a thing. What is known of it
(where a crop was seen, whose an encounter is, what an individual is called) is in rows that refer to it, the
last one counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reid.errors import CatalogueError

__all__ = ["APPLICATION_ID", "VERSION", "connect", "errors", "writing"]

APPLICATION_ID = int.from_bytes(b"reid", "big")
VERSION = 1
WAIT_S = 30.0
"""How long to wait for another process that is writing."""

NOT_SQLITE = "it is not an SQLite file. Name a catalogue, or a new file."

TABLES = """
CREATE TABLE run (
    run INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE CHECK (run_id <> '' AND instr(run_id, ':') = 0),
    photos TEXT NOT NULL
);
CREATE TABLE event (
    event INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    who TEXT NOT NULL CHECK (trim(who) <> ''),
    kind TEXT NOT NULL CHECK (kind <> ''),
    run INTEGER REFERENCES run,
    reason TEXT NOT NULL DEFAULT '',
    undoes INTEGER UNIQUE REFERENCES event CHECK (undoes < event),
    CHECK ((kind = 'undo') = (undoes IS NOT NULL))
);
CREATE INDEX event_run ON event (run);
CREATE TABLE crop (
    crop INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES run,
    crop_id TEXT NOT NULL CHECK (crop_id <> ''),
    UNIQUE (run, crop_id)
);
CREATE TABLE encounter (
    encounter INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES run,
    name TEXT NOT NULL CHECK (name <> '')
);
CREATE INDEX encounter_name ON encounter (run, name);
CREATE TABLE sighting (
    sighting INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    crop INTEGER NOT NULL REFERENCES crop,
    withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
    encounter INTEGER REFERENCES encounter,
    image_id TEXT,
    path TEXT,
    content_hash TEXT,
    x REAL,
    y REAL,
    width REAL CHECK (width > 0),
    height REAL CHECK (height > 0),
    confidence REAL CHECK (confidence BETWEEN 0 AND 1),
    orientation TEXT CHECK (orientation IN ('left', 'right', 'front', 'back', 'unknown')),
    orientation_probability REAL CHECK (orientation_probability BETWEEN 0 AND 1),
    date TEXT,
    camera TEXT,
    station TEXT,
    sequence TEXT,
    UNIQUE (event, crop),
    CHECK (withdrawn OR (encounter IS NOT NULL AND image_id IS NOT NULL AND path IS NOT NULL
        AND content_hash IS NOT NULL AND x IS NOT NULL AND y IS NOT NULL AND width IS NOT NULL
        AND height IS NOT NULL AND orientation IS NOT NULL))
);
CREATE INDEX sighting_crop ON sighting (crop);
CREATE TABLE embedding (
    embedding INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    fingerprint TEXT NOT NULL CHECK (fingerprint <> ''),
    dimension INTEGER NOT NULL CHECK (dimension > 0)
);
CREATE TABLE vector (
    vector INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    crop INTEGER NOT NULL REFERENCES crop,
    embedding INTEGER NOT NULL REFERENCES embedding,
    data BLOB NOT NULL CHECK (typeof(data) = 'blob' AND length(data) % 4 = 0),
    UNIQUE (event, crop)
);
CREATE INDEX vector_crop ON vector (crop);
CREATE TABLE individual (
    individual INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    run INTEGER NOT NULL REFERENCES run,
    number INTEGER NOT NULL UNIQUE CHECK (number > 0),
    name TEXT NOT NULL CHECK (name <> ''),
    folded TEXT NOT NULL UNIQUE CHECK (folded <> '')
);
CREATE TABLE naming (
    naming INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    individual INTEGER NOT NULL REFERENCES individual,
    before TEXT NOT NULL,
    after TEXT NOT NULL CHECK (after <> ''),
    folded TEXT NOT NULL CHECK (folded <> '')
);
CREATE INDEX naming_individual ON naming (individual);
CREATE INDEX naming_folded ON naming (folded);
CREATE TABLE merging (
    merging INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    keep INTEGER NOT NULL REFERENCES individual,
    gone INTEGER NOT NULL REFERENCES individual CHECK (gone <> keep)
);
CREATE TABLE decision (
    decision INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL REFERENCES event,
    encounter INTEGER NOT NULL REFERENCES encounter,
    individual INTEGER REFERENCES individual,
    kind TEXT NOT NULL CHECK (kind IN ('known', 'new', 'unsure')),
    probability REAL NOT NULL CHECK (probability BETWEEN 0 AND 1),
    query TEXT,
    candidate TEXT,
    reason TEXT NOT NULL,
    human INTEGER NOT NULL CHECK (human IN (0, 1)),
    basis INTEGER REFERENCES decision CHECK (basis < decision),
    supersedes INTEGER REFERENCES decision CHECK (supersedes < decision),
    UNIQUE (event, encounter, human),
    CHECK ((kind = 'unsure') = (individual IS NULL))
);
CREATE INDEX decision_encounter ON decision (encounter);
"""
# `basis` of a decision: the person's decision that it carries over to an encounter that was cut differently.

NAMES = [line.split()[2] for line in TABLES.splitlines() if line.startswith("CREATE TABLE")]
APPEND_ONLY = "".join(
    f"CREATE TRIGGER {name}_{verb.lower()} BEFORE {verb} ON {name} "
    "BEGIN SELECT RAISE(ABORT, 'rows of a catalogue are never changed or deleted'); END;\n"
    for name in NAMES
    for verb in ("UPDATE", "DELETE")
)


@contextmanager
def errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a file into a `CatalogueError` that names it."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a constraint of ours: a defect, never the user's doing
    except sqlite3.DatabaseError as error:
        raise CatalogueError(f"{_explain(path, error)}") from None


def _explain(path: Path, error: sqlite3.DatabaseError) -> str:
    text = str(error)
    if "not a database" in text:
        return f"{path} is no catalogue: {NOT_SQLITE}"
    if "readonly" in text:
        return f"the catalogue {path} cannot be written: it or its folder is read-only. Copy it elsewhere."
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
    with errors(path):
        connection = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
    try:
        with errors(path):
            # A file from elsewhere may hold triggers and views; they get no functions with side effects.
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            if _is_blank(connection):
                if not create:
                    raise CatalogueError(f"{path} is an empty file and no catalogue. Remove it, or name another one.")
                _make(connection)
            _check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _may_be_sqlite(path: Path) -> bool:
    # SQLite takes any file below its smallest page size for an empty one, and would write over it.
    if not path.exists() or path.with_name(path.name + "-journal").exists():
        return True
    try:
        with path.open("rb") as file:
            return file.read(16) in (b"", b"SQLite format 3\0")
    except OSError:
        return True  # SQLite says why it cannot be read


def _is_blank(connection: sqlite3.Connection) -> bool:
    return (
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        and _number(connection, "application_id") == 0
    )


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _make(connection: sqlite3.Connection) -> None:
    with writing(connection):
        if not _is_blank(connection):
            return  # another process was quicker
        for statement in _statements(TABLES + APPEND_ONLY):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _statements(script: str) -> Iterator[str]:
    # sqlite3.Connection.executescript would commit the transaction before it starts.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if _number(connection, "application_id") != APPLICATION_ID:
        raise CatalogueError(f"{path} is an SQLite file of another program and no catalogue. Name another file.")
    version = _number(connection, "user_version")
    if version > VERSION:
        raise CatalogueError(
            f"the catalogue {path} was written by a newer reid (schema {version}, this one knows {VERSION}). "
            "Update reid."
        )
    if version < VERSION:
        raise CatalogueError(f"the catalogue {path} has the unknown schema {version}; this reid knows {VERSION}.")


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

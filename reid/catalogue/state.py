"""The present state of a catalogue as tables: individuals, runs, sightings, decisions, vectors."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

import numpy as np
import pandas as pd

from reid import tables
from reid.catalogue.views import STANDS, VECTOR
from reid.tables import CROPS, DECISIONS, FLANKS, UNKNOWN, Column, Table

__all__ = [
    "AGES",
    "INDIVIDUALS",
    "RUNS",
    "SEEN",
    "SEXES",
    "Animal",
    "Embedding",
    "animals",
    "decisions",
    "embedding",
    "individuals",
    "last_event",
    "runs",
    "sightings",
    "traits",
    "vectors",
]

_c = Column

SEXES = ("female", "male", UNKNOWN)
AGES = ("cub", "subadult", "adult", UNKNOWN)

SEEN = Table(
    "catalogue's sightings",
    ("sighting",),
    (
        _c("sighting", "str", "run, ':', crop_id", True),
        *CROPS.columns,
        _c("run", "str", "which recording of which photos", True),
        _c("decision", "str", "of the encounter", True, values=("known", "new", "unsure")),
        _c("probability", "float", "that the decision is right", True, low=0, high=1),
        _c("human", "bool", "whether a person decided", True),
        _c("usable", "bool", "false where a person said that the crop tells nothing", True),
        _c("model", "str", "fingerprint of the network behind the decision"),
    ),
)

INDIVIDUALS = Table(
    "catalogue's individuals",
    ("identity",),
    (
        _c("identity", "str", "its present name", True),
        _c("first_seen", "time", "local time of its first sighting"),
        _c("last_seen", "time", "local time of its last sighting"),
        _c("encounters", "int", "how often it was met", True, low=1),
        _c("crops", "int", "in how many crops", True, low=1),
        _c("flanks", "str", "sides seen, for example 'left, right'; empty where none is known"),
        _c("runs", "int", "in how many runs", True, low=1),
        _c("number", "int", "its number, given once", True, low=1),
        _c("sex", "str", "as a person said", True, values=SEXES),
        _c("age", "str", "age class, as a person said last", True, values=AGES),
    ),
)

RUNS = Table(
    "catalogue's runs",
    ("run",),
    (
        _c("run", "str", "its id", True),
        _c("photos", "str", "name of its photo folder", True),
        _c("encounters", "int", "how many", True, low=1),
        _c("crops", "int", "how many", True, low=1),
        _c("individuals", "int", "how many were named", True, low=0),
    ),
)


class Animal(NamedTuple):
    """Behind an individual's row: whom it was merged into, that one's name, the first event of all."""

    root: int
    name: str
    born: int


class Embedding(NamedTuple):
    """The vectors in use: their row, what made them, their length."""

    embedding: int
    fingerprint: str
    dimension: int


def animals(connection: sqlite3.Connection) -> dict[int, Animal]:
    """Every individual that exists, by its row."""
    rows = connection.execute("SELECT individual, root, name, born FROM animal")
    return {individual: Animal(*rest) for individual, *rest in rows}


def traits(connection: sqlite3.Connection) -> dict[tuple[int, str], str]:
    """What persons said of each individual, by root and "sex" or "age".

    The last word on the individual itself counts; without one, the last on any that was merged into it.
    """
    rows = connection.execute(
        "SELECT root.root, trait.kind, trait.value FROM trait JOIN root USING (individual) "
        f"WHERE {STANDS.format('trait')} ORDER BY root.root = trait.individual, trait.trait"
    )
    return {(root, kind): value for root, kind, value in rows}


def embedding(connection: sqlite3.Connection) -> Embedding | None:
    """Which vectors are in use; none before the first."""
    row = connection.execute(
        "SELECT embedding, fingerprint, dimension FROM embedding WHERE event IN live ORDER BY embedding DESC LIMIT 1"
    ).fetchone()
    return Embedding(*row) if row else None


def last_event(connection: sqlite3.Connection) -> int:
    """Number of the last event, 0 in a fresh catalogue."""
    return int(connection.execute("SELECT coalesce(max(event), 0) FROM event").fetchone()[0])


def sightings(connection: sqlite3.Connection, root: int | None = None, run: str | None = None) -> pd.DataFrame:
    """The `SEEN` table, by run and crop; of one individual, without one run."""
    names = [name for name in SEEN.names if name != "bbox"]
    rows = connection.execute(
        f"SELECT {', '.join(names)}, x, y, width, height FROM seen "
        "WHERE (?1 IS NULL OR root = ?1) AND (?2 IS NULL OR run <> ?2) ORDER BY run, crop_id",
        (root, run),
    )
    return tables.from_rows(({**dict(zip(names, row[:-4], strict=True)), "bbox": list(row[-4:])} for row in rows), SEEN)


def individuals(connection: sqlite3.Connection) -> pd.DataFrame:
    """The `INDIVIDUALS` table, by name; who has no sighting left is not in it."""
    numbers = dict(connection.execute("SELECT individual, number FROM individual").fetchall())
    said = traits(connection)
    found = connection.execute(
        "SELECT root, identity, min(date), max(date), count(DISTINCT run || ':' || encounter), count(*), "
        "json_group_array(DISTINCT orientation), count(DISTINCT run) FROM seen WHERE root IS NOT NULL "
        "GROUP BY root ORDER BY identity"
    )
    rows = []
    for root, name, first, last, encounters, crops, sides, run_count in found:
        shown = set(json.loads(sides))
        rows.append(
            {
                "identity": name,
                "first_seen": first,
                "last_seen": last,
                "encounters": encounters,
                "crops": crops,
                "flanks": ", ".join(side for side in FLANKS if side in shown and side != UNKNOWN),
                "runs": run_count,
                "number": numbers[root],
                "sex": said.get((root, "sex"), UNKNOWN),
                "age": said.get((root, "age"), UNKNOWN),
            }
        )
    return tables.from_rows(rows, INDIVIDUALS)


def decisions(connection: sqlite3.Connection, run: str) -> pd.DataFrame:
    """The `DECISIONS` table of a run as it stands, by encounter."""
    rows = connection.execute(
        f"SELECT DISTINCT {', '.join(DECISIONS.names)} FROM seen WHERE run = ? ORDER BY encounter",
        (run,),
    )
    return tables.from_rows((dict(zip(DECISIONS.names, row, strict=True)) for row in rows), DECISIONS)


def runs(connection: sqlite3.Connection) -> pd.DataFrame:
    """The `RUNS` table, by id."""
    rows = connection.execute(
        "SELECT seen.run, run.photos, count(DISTINCT encounter), count(*), count(DISTINCT root) "
        "FROM seen JOIN run ON run.run_id = seen.run GROUP BY seen.run ORDER BY seen.run"
    )
    return tables.from_rows((dict(zip(RUNS.names, row, strict=True)) for row in rows), RUNS)


def vectors(connection: sqlite3.Connection, run: str | None = None) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Vectors of all sightings that have a name and are of use, in the order of `sightings`.

    Returns:
        (n, d) float32; their sighting keys; (n,) int64 numbers of the vectors.
    """
    rows = connection.execute(
        f"SELECT v.data, seen.sighting, v.vector FROM seen JOIN vector v ON v.vector = {VECTOR.format('seen')} "
        "WHERE seen.root IS NOT NULL AND seen.usable AND (?1 IS NULL OR seen.run <> ?1) ORDER BY seen.run, seen.crop_id",
        (run,),
    ).fetchall()
    present = embedding(connection)
    out = np.zeros((len(rows), present.dimension if present else 0), dtype=np.float32)
    for i, row in enumerate(rows):
        out[i] = np.frombuffer(row[0], dtype="<f4")
    return out, [row[1] for row in rows], np.array([row[2] for row in rows], dtype=np.int64)

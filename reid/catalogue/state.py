"""What the rows of a catalogue add up to: who is called what, who was merged, sightings and decisions.

The views live in the connection, not in the file, so that they can be improved without touching anyone's
catalogue.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import numpy as np
import pandas as pd

from reid import tables
from reid.tables import CROPS, DECISIONS, FLANKS, UNKNOWN, Column, Table

__all__ = [
    "INDIVIDUALS",
    "RUNS",
    "SEEN",
    "VIEWS",
    "Animal",
    "Embedding",
    "animals",
    "decisions",
    "embedding",
    "individuals",
    "last_event",
    "runs",
    "sightings",
    "vectors",
]

# The unary plus keeps SQLite from walking a whole list of row numbers for each row (minutes, not a second).
VIEWS = """
CREATE TEMP VIEW live AS -- events that were not undone
    SELECT event FROM event WHERE event NOT IN (SELECT undoes FROM event WHERE undoes IS NOT NULL);
CREATE TEMP VIEW called AS -- the present name of each individual, merged away or not
    SELECT i.individual, coalesce((SELECT n.after FROM naming n
        WHERE n.individual = i.individual AND n.event IN live ORDER BY n.naming DESC LIMIT 1), i.name) AS name
    FROM individual i WHERE i.event IN live;
CREATE TEMP VIEW root AS -- the individual that each one was merged into, itself if none
    WITH RECURSIVE merged AS (SELECT gone, keep FROM merging WHERE event IN live),
    chain (individual, root) AS (
        SELECT individual, individual FROM individual WHERE event IN live
        UNION ALL SELECT chain.individual, merged.keep FROM chain JOIN merged ON merged.gone = chain.root)
    SELECT individual, root FROM chain WHERE root NOT IN (SELECT gone FROM merged);
CREATE TEMP VIEW animal AS -- root, its name, and the first event of all that were merged into it
    SELECT root.individual, root.root, called.name, birth.born FROM root
    JOIN called ON called.individual = root.root
    JOIN (SELECT root, min(event) AS born FROM root JOIN individual USING (individual) GROUP BY root) birth
        ON birth.root = root.root;
CREATE TEMP VIEW latest AS -- the last word on each crop, possibly that it was withdrawn
    SELECT * FROM sighting WHERE +sighting IN
        (SELECT max(sighting) FROM sighting WHERE event IN live GROUP BY crop);
CREATE TEMP VIEW known AS -- the same, as it was before it was withdrawn
    SELECT * FROM sighting WHERE +sighting IN
        (SELECT max(sighting) FROM sighting WHERE event IN live AND NOT withdrawn GROUP BY crop);
CREATE TEMP VIEW said AS -- the last decision on each encounter by the program, and the last by a person
    SELECT * FROM decision WHERE +decision IN
        (SELECT max(decision) FROM decision WHERE event IN live GROUP BY encounter, human);
CREATE TEMP VIEW standing AS -- the decision that counts: a person's before the program's
    SELECT * FROM said WHERE human OR encounter NOT IN (SELECT encounter FROM said WHERE human);
CREATE TEMP VIEW in_use AS -- the vectors that count
    SELECT * FROM vector WHERE +vector IN (SELECT max(vector) FROM vector WHERE event IN live
        AND embedding = (SELECT max(embedding) FROM embedding WHERE event IN live) GROUP BY crop);
CREATE TEMP VIEW seen AS -- all sightings that were not withdrawn, with whose they are
    SELECT crop.crop, run.run_id || ':' || crop.crop_id AS sighting, run.run_id AS run, crop.crop_id,
        s.image_id, s.path, s.content_hash, s.x, s.y, s.width, s.height, s.confidence, s.orientation,
        s.orientation_probability, s.date, s.camera, s.station, s.sequence, encounter.name AS encounter,
        animal.root, coalesce(animal.name, 'unknown') AS identity,
        CASE WHEN animal.born < first.event THEN 'known' ELSE d.kind END AS decision,
        d.probability, d.query, d.candidate, d.reason
    FROM latest s
    JOIN crop ON crop.crop = s.crop
    JOIN run ON run.run = crop.run
    JOIN (SELECT run, min(event) AS event FROM event GROUP BY run) first ON first.run = crop.run
    JOIN encounter ON encounter.encounter = s.encounter
    JOIN standing d ON d.encounter = s.encounter
    LEFT JOIN animal ON animal.individual = d.individual
    WHERE NOT s.withdrawn;
"""
# In `seen`, a decision "new" becomes "known" where its individual was merged with one from before that run.

_c = Column

SEEN = Table(
    "catalogue's sightings",
    ("sighting",),
    (
        _c("sighting", "str", "run, ':', crop_id", True),
        *CROPS.columns,
        _c("run", "str", "which recording of which photos", True),
        _c("decision", "str", "of the encounter", True, values=("known", "new", "unsure")),
        _c("probability", "float", "that the decision is right", True, low=0, high=1),
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
    frame = sightings(connection)
    frame = frame[frame["identity"] != UNKNOWN]
    rows = []
    for name, group in frame.groupby("identity", sort=True):
        sides = set(group["orientation"])
        rows.append(
            {
                "identity": name,
                "first_seen": group["date"].min(),
                "last_seen": group["date"].max(),
                "encounters": len(group[["run", "encounter"]].drop_duplicates()),
                "crops": len(group),
                "flanks": ", ".join(side for side in FLANKS if side in sides and side != UNKNOWN),
                "runs": group["run"].nunique(),
            }
        )
    return tables.from_rows(rows, INDIVIDUALS)


def decisions(connection: sqlite3.Connection, run: str) -> pd.DataFrame:
    """The `DECISIONS` table of a run as it stands, by encounter."""
    rows = connection.execute(
        f"SELECT DISTINCT {', '.join(DECISIONS.names)} FROM seen WHERE run = ? ORDER BY encounter", (run,)
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
    """Vectors of all sightings that have a name, in the order of `sightings`.

    Returns:
        (n, d) float32; their sighting keys; (n,) int64 rows of their crops.
    """
    rows = connection.execute(
        "SELECT in_use.data, seen.sighting, seen.crop FROM seen JOIN in_use ON in_use.crop = seen.crop "
        "WHERE seen.root IS NOT NULL AND (?1 IS NULL OR seen.run <> ?1) ORDER BY seen.run, seen.crop_id",
        (run,),
    ).fetchall()
    present = embedding(connection)
    out = np.zeros((len(rows), present.dimension if present else 0), dtype=np.float32)
    for i, row in enumerate(rows):
        out[i] = np.frombuffer(row[0], dtype="<f4")
    return out, [row[1] for row in rows], np.array([row[2] for row in rows], dtype=np.int64)

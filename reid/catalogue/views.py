"""What the rows of a catalogue add up to, as views: who is called what, who was merged, whose a crop is.

The views live in the connection, not in the file, so that they can be improved without touching anyone's
catalogue. Each looks up the last standing word by an index, row by row, so that asking for one crop costs one
crop.
"""

from __future__ import annotations

import sqlite3

__all__ = ["STANDS", "VECTOR", "make"]

STANDS = "NOT EXISTS (SELECT 1 FROM event u WHERE u.undoes = {}.event)"
"""SQL for "the event of this row was not undone"; takes the table's name."""

_x = STANDS.format("x")


def _last(table: str, condition: str, order: str = "") -> str:
    """The number of the last standing row that fulfils a condition on it, `x`."""
    return (
        f"(SELECT x.{table} FROM {table} x WHERE {condition} AND {_x} "
        f"ORDER BY {order}{', ' if order else ''}x.{table} DESC LIMIT 1)"
    )


SIGHTING = (
    "s.image_id, s.path, s.content_hash, s.x, s.y, s.width, s.height, s.confidence, s.quality, s.date, s.camera, s.station, "
    "s.sequence"
)

RECORDED = (
    "s.sighting, s.event, c.crop, s.withdrawn, s.encounter, s.orientation, s.orientation_probability, " + SIGHTING
)
VECTOR = _last("vector", f"x.crop = {{}}.crop AND x.embedding = (SELECT max(x.embedding) FROM embedding x WHERE {_x})")
"""SQL for the number of the vector in use of a table's `crop`; takes the table's name."""

VIEWS = {
    "live": f"SELECT event FROM event x WHERE {_x}",  # events that were not undone
    # the present name of each individual, merged away or not
    "called": "SELECT i.individual, coalesce((SELECT x.after FROM naming x WHERE x.individual = i.individual "
    f"AND NOT x.alias AND {_x} ORDER BY x.naming DESC LIMIT 1), i.name) AS name "
    f"FROM individual i WHERE {STANDS.format('i')}",
    # the individual that each one was merged into, itself if none
    "root": f"WITH RECURSIVE merged AS (SELECT gone, keep FROM merging x WHERE {_x}), "
    f"chain (individual, root) AS (SELECT individual, individual FROM individual x WHERE {_x} "
    "UNION SELECT chain.individual, merged.keep FROM chain JOIN merged ON merged.gone = chain.root) "
    "SELECT individual, root FROM chain WHERE root NOT IN (SELECT gone FROM merged)",
    # root, its name, and the first event of all that were merged into it
    "animal": "SELECT root.individual, root.root, called.name, birth.born FROM root "
    "JOIN called ON called.individual = root.root "
    "JOIN (SELECT root, min(event) AS born FROM root JOIN individual USING (individual) GROUP BY root) birth "
    "ON birth.root = root.root",
    # the last word of a recording on each crop, possibly that it was withdrawn
    "latest": f"SELECT {RECORDED} FROM crop c JOIN sighting s ON s.sighting = {_last('sighting', 'x.crop = c.crop')}",
    # the same, as it was before it was withdrawn
    "known": f"SELECT {RECORDED} FROM crop c JOIN sighting s ON s.sighting = "
    f"{_last('sighting', 'x.crop = c.crop AND NOT x.withdrawn')}",
    # what a person said of single crops: where they belong, which flank they show, whether they are of use
    "placed": f"SELECT c.crop, p.encounter FROM crop c JOIN placing p ON p.placing = "
    f"{_last('placing', 'x.crop = c.crop')}",
    "faced": f"SELECT c.crop, f.orientation FROM crop c JOIN facing f ON f.facing = {_last('facing', 'x.crop = c.crop')}",
    "marked": f"SELECT c.crop, m.usable FROM crop c JOIN marking m ON m.marking = {_last('marking', 'x.crop = c.crop')}",
    # every crop that was not withdrawn, as it counts: a person's word above the recording's
    "present": "SELECT c.crop, c.run, c.crop_id, coalesce(p.encounter, s.encounter) AS encounter, "
    "coalesce(f.orientation, s.orientation) AS orientation, "
    "CASE WHEN f.orientation IS NULL THEN s.orientation_probability ELSE 1.0 END AS orientation_probability, "
    f"coalesce(m.usable, 1) AS usable, {SIGHTING} "
    f"FROM crop c JOIN sighting s ON s.sighting = {_last('sighting', 'x.crop = c.crop')} "
    f"LEFT JOIN placing p ON p.placing = {_last('placing', 'x.crop = c.crop')} "
    f"LEFT JOIN facing f ON f.facing = {_last('facing', 'x.crop = c.crop')} "
    f"LEFT JOIN marking m ON m.marking = {_last('marking', 'x.crop = c.crop')} "
    "WHERE NOT s.withdrawn",
    # the last decision on each encounter by the program, and the last by a person
    "said": "SELECT d.* FROM encounter e JOIN decision d ON d.decision = "
    f"{_last('decision', 'x.encounter = e.encounter AND x.human = 0')} UNION ALL "
    "SELECT d.* FROM encounter e JOIN decision d ON d.decision = "
    f"{_last('decision', 'x.encounter = e.encounter AND x.human = 1')}",
    # the decision that counts: a person's before the program's
    "standing": "SELECT e.encounter, d.decision, d.event, d.individual, d.kind, d.probability, d.query, d.candidate, "
    "d.reason, d.human, d.basis, d.supersedes, d.model FROM encounter e JOIN decision d ON d.decision = "
    f"{_last('decision', 'x.encounter = e.encounter', 'x.human DESC')}",
    # the vectors that count
    "in_use": f"SELECT c.crop, v.vector, v.data FROM crop c JOIN vector v ON v.vector = {VECTOR.format('c')}",
    # all sightings that were not withdrawn, with whose they are; a decision "new" becomes "known" where its
    # individual was merged with one from before that run
    "seen": "SELECT p.crop, run.run_id || ':' || p.crop_id AS sighting, run.run_id AS run, p.crop_id, p.image_id, "
    "p.path, p.content_hash, p.x, p.y, p.width, p.height, p.confidence, p.orientation, p.orientation_probability, "
    "p.quality, p.date, p.camera, p.station, p.sequence, p.usable, encounter.name AS encounter, animal.root, "
    "coalesce(animal.name, 'unknown') AS identity, "
    "CASE WHEN animal.born < first.event THEN 'known' ELSE d.kind END AS decision, "
    "d.probability, d.query, d.candidate, d.reason, d.human, d.model "
    "FROM present p JOIN run ON run.run = p.run "
    "JOIN (SELECT run, min(event) AS event FROM event GROUP BY run) first ON first.run = p.run "
    "JOIN encounter ON encounter.encounter = p.encounter "
    "JOIN standing d ON d.encounter = p.encounter "
    "LEFT JOIN animal ON animal.individual = d.individual",
}


def make(connection: sqlite3.Connection) -> None:
    """Give a connection the views."""
    for name, select in VIEWS.items():
        connection.execute(f"CREATE TEMP VIEW {name} AS {select}")

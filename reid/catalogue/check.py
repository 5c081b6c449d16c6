"""Is a catalogue whole? Its bytes, its rows, what they add up to, and the pictures beside it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from reid.catalogue import state
from reid.catalogue.guards import statements
from reid.catalogue.layout import STEPS
from reid.catalogue.pictures import place

__all__ = ["Report", "contradictions", "report"]


@dataclass(frozen=True)
class Report:
    """What is wrong with a catalogue, and what is only worth knowing; sentences."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


# Each: rows that must not be, and what to say of one.
RULES = [
    (
        "SELECT sighting FROM (SELECT run.run_id || ':' || p.crop_id AS sighting, p.encounter FROM present p "
        "JOIN run ON run.run = p.run) WHERE encounter NOT IN (SELECT encounter FROM standing)",
        "nothing says whose sighting {} is",
    ),
    (
        "SELECT e.name FROM standing d JOIN encounter e USING (encounter) WHERE d.individual IS NOT NULL "
        "AND d.individual NOT IN (SELECT individual FROM root) AND d.encounter IN (SELECT encounter FROM present)",
        "encounter {} belongs to an individual that was undone",
    ),
    (
        "SELECT name FROM individual WHERE event IN live AND individual NOT IN (SELECT individual FROM root)",
        "individual {} was merged into itself, or into one that was undone",
    ),
    (
        "SELECT i.name FROM merging m JOIN individual i ON i.individual = m.gone WHERE m.event IN live "
        "GROUP BY m.gone HAVING count(*) > 1",
        "individual {} was merged into two others",
    ),
    (
        "SELECT min(name) FROM (SELECT name, folded, individual FROM individual WHERE event IN live UNION "
        "SELECT after, folded, individual FROM naming WHERE event IN live) JOIN root USING (individual) "
        "GROUP BY folded HAVING count(DISTINCT root) > 1",
        "the name {} belongs to two individuals",
    ),
    (
        "SELECT u.event FROM event u JOIN event x ON x.event = u.undoes WHERE x.undoes IS NOT NULL OR x.event > u.event",
        "event {} takes back an event that cannot be taken back",
    ),
    (
        "SELECT d.decision FROM decision d JOIN event x USING (event) "
        "WHERE (d.human = 0) <> (substr(x.who, 1, 5) = 'reid ') AND NOT (d.human = 1 AND d.basis IS NOT NULL)",
        "decision {} is a person's and signed by the program, or the other way round",
    ),
    (
        "SELECT v.vector FROM vector v JOIN embedding m USING (embedding) WHERE length(v.data) <> 4 * m.dimension",
        "vector {} is of another length than its embedding",
    ),
    (
        "SELECT p.placing FROM placing p JOIN crop c USING (crop) JOIN encounter e USING (encounter) WHERE c.run <> e.run "
        "UNION SELECT s.sighting FROM sighting s JOIN crop c USING (crop) JOIN encounter e USING (encounter) "
        "WHERE c.run <> e.run",
        "row {} puts a crop of one run into an encounter of another",
    ),
]
SHOWN = 5


def contradictions(connection: sqlite3.Connection) -> list[str]:
    """What the rows add up to and cannot be, in sentences; empty for a sound catalogue."""
    out = []
    for query, words in RULES:
        found = [str(row[0]) for row in connection.execute(query)]
        if found:
            shown = ", ".join(map(repr, sorted(found)[:SHOWN]))
            more = f" (and {len(found) - SHOWN} more)" if len(found) > SHOWN else ""
            out.append(words.format(shown) + more)
    return out


def _layout(connection: sqlite3.Connection) -> list[str]:
    """How the file's tables, indices and triggers differ from those of this version."""
    query = "SELECT type || ' ' || name, sql FROM {}sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for step in STEPS:
            for statement in statements(step):
                fresh.execute(statement)
        wanted = dict(fresh.execute(query.format("")).fetchall())
    finally:
        fresh.close()
    found = dict(connection.execute(query.format("main.")).fetchall())
    out = [f"the {name} is missing from the file" for name in sorted(set(wanted) - set(found))]
    out += [f"the file has a {name} that is none of reid's" for name in sorted(set(found) - set(wanted))]
    return out + [f"the {name} was changed" for name in sorted(wanted) if found.get(name, wanted[name]) != wanted[name]]


def report(connection: sqlite3.Connection, data: Path) -> Report:
    """Look at everything. Takes about a second for ten thousand photos."""
    problems = [
        f"SQLite finds the file damaged: {row[0]}"
        for row in connection.execute("PRAGMA main.integrity_check(5)")
        if row[0] != "ok"
    ]
    problems += [
        f"a row of {table} refers to a row of {other} that is not there"
        for table, _, other, _ in connection.execute("PRAGMA main.foreign_key_check")
    ][:SHOWN]
    problems += _layout(connection)
    problems += contradictions(connection)
    return Report(tuple(problems), tuple(_notes(connection, data)))


def _notes(connection: sqlite3.Connection, data: Path) -> list[str]:
    numbers = connection.execute("SELECT count(*), count(DISTINCT run), count(DISTINCT root) FROM seen").fetchone()
    out = ["{} sightings of {} runs, {} individuals".format(*numbers) + f", {state.last_event(connection)} events"]
    rows = connection.execute("SELECT content_hash, x, y, width, height FROM present").fetchall()
    missing = sum(not place(data / "pictures", row[0], row[1:]).is_file() for row in rows)
    if missing:
        out.append(f"{missing} of {len(rows)} pictures are missing beside it; recording their season again brings them")
    if rows:
        bare = connection.execute(
            "SELECT count(*) FROM present WHERE crop NOT IN (SELECT crop FROM in_use)"
        ).fetchone()[0]
        if bare:
            out.append(f"{bare} sightings have no vector of the network in use and are compared with nothing")
    return out

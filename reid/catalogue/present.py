"""The present state kept ready in the connection's memory, so that a page of a listing is there at once.

Two temporary tables: `shown`, a row a sighting, and `person`, a row an individual. They are derived from the
views, never written to the file, and brought up to date by what the events since the last look were about; a new
recording has them made anew. `tests` compare them with the views after every kind of change.
"""

from __future__ import annotations

import sqlite3

from reid.catalogue import names, state
from reid.catalogue.views import STANDS
from reid.tables import UNKNOWN

__all__ = ["Present"]

SHOWN = (
    "crop", "sighting", "run", "encounter", "place", "individual", "probability", "human", "usable", "orientation",
    "date", "station", "camera", "image_id", "path", "content_hash", "x", "y", "width", "height", "reason", "kind", "quality",
)  # fmt: skip

SELECT = """
SELECT p.crop, run.run_id || ':' || p.crop_id, run.run_id, e.name, p.encounter, d.individual, d.probability, d.human,
    p.usable, p.orientation, p.date, p.station, p.camera, p.image_id, p.path, p.content_hash, p.x, p.y, p.width,
    p.height, d.reason, d.kind, p.quality
FROM present p JOIN run ON run.run = p.run JOIN encounter e ON e.encounter = p.encounter
JOIN standing d ON d.encounter = p.encounter
"""

TABLES = (
    f"CREATE TEMP TABLE shown ({', '.join(SHOWN)}, PRIMARY KEY (crop))",
    "CREATE INDEX temp.shown_individual ON shown (individual)",
    "CREATE INDEX temp.shown_place ON shown (place)",
    "CREATE INDEX temp.shown_run ON shown (run, station)",
    "CREATE INDEX temp.shown_sighting ON shown (sighting)",
    "CREATE TEMP TABLE person (individual INTEGER PRIMARY KEY, root INTEGER, name, number, sex, age, born, words)",
    "CREATE INDEX temp.person_root ON person (root)",
)
# `words` of the root's row: every name, note and tag of the individual, folded, to be searched.

SAYS = "SELECT individual, {} FROM {} x WHERE individual IS NOT NULL AND " + STANDS.format("x")


class Present:
    """The two tables of one connection. Call `refresh` inside a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.event: int | None = None

    def refresh(self) -> None:
        """Bring the tables up to the last event."""
        connection = self.connection
        last = state.last_event(connection)
        if last == self.event:
            return
        known, self.event = self.event, None  # if this fails half way, everything is made anew
        if known is None:
            for name in ("shown", "person"):
                connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
            for statement in TABLES:
                connection.execute(statement)
        crops = None if known is None else self._changed(known)
        if crops is None:
            connection.execute("DELETE FROM shown")
            connection.execute(f"INSERT INTO shown {SELECT}")
        else:
            for crop in crops:
                connection.execute("DELETE FROM shown WHERE crop = ?", (crop,))
                connection.execute(f"INSERT INTO shown {SELECT} WHERE p.crop = ?", (crop,))
        self._persons()
        self.event = last

    def _changed(self, known: int) -> set[int] | None:
        """Crops that the events since were about; None if a recording was among them."""
        connection = self.connection
        since = connection.execute("SELECT event, undoes FROM event WHERE event > ?", (known,)).fetchall()
        events = {number for row in since for number in row if number is not None}
        crops: set[int] = set()
        for event in events:
            if connection.execute("SELECT 1 FROM sighting WHERE event = ? LIMIT 1", (event,)).fetchone():
                return None
            for table in ("placing", "marking", "facing"):
                crops.update(r[0] for r in connection.execute(f"SELECT crop FROM {table} WHERE event = ?", (event,)))
            places = connection.execute(
                "SELECT encounter FROM decision WHERE event = ?1 UNION SELECT encounter FROM placing WHERE event = ?1",
                (event,),
            ).fetchall()
            for place in places:
                crops.update(r[0] for r in connection.execute("SELECT crop FROM shown WHERE place = ?", place))
        return crops

    def _persons(self) -> None:
        connection = self.connection
        roots = dict(connection.execute("SELECT individual, root FROM root").fetchall())
        called = dict(connection.execute("SELECT individual, name FROM called").fetchall())
        said = state.traits(connection)
        words: dict[int, list[str]] = {}
        for column, table in (("name", "individual"), ("after", "naming"), ("words", "note")):
            for individual, text in connection.execute(SAYS.format(column, table)):
                if individual in roots:
                    words.setdefault(roots[individual], []).append(names.fold(text))
        for owner, _, folded in tags(connection):
            words.setdefault(owner, []).append(f"#{folded}")
        births: dict[int, int] = {}
        rows = connection.execute("SELECT individual, number, event FROM individual").fetchall()
        for individual, _, event in rows:
            if individual in roots:
                births[roots[individual]] = min(event, births.get(roots[individual], event))
        connection.execute("DELETE FROM person")
        connection.executemany(
            "INSERT INTO person VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    individual, root, called[root], number, said.get((root, "sex"), UNKNOWN),
                    said.get((root, "age"), UNKNOWN), births[root],
                    "\n".join(words[root]) if individual == root else None,
                )
                for individual, number, _ in rows
                if (root := roots.get(individual)) is not None
            ),
        )  # fmt: skip


def tags(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
    """Root, tag and its folded form of every tag that an individual, or one merged into it, bears."""
    rows = connection.execute(
        "SELECT root.root, tag.name, tag.folded, tag.given FROM tag JOIN root USING (individual) "
        f"WHERE {STANDS.format('tag')} ORDER BY tag.tag"
    )
    out: dict[tuple[int, str], tuple[str, int]] = {}
    for root, name, folded, given in rows:
        out[root, folded] = (name, given)
    return [(root, name, folded) for (root, folded), (name, given) in sorted(out.items()) if given]

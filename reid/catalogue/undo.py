"""Taking back: the last event, or any earlier one that nothing standing was built on."""

from __future__ import annotations

import sqlite3

from reid.catalogue.check import contradictions
from reid.catalogue.events import Event, check_by
from reid.catalogue.revisions import LostUpdateError, refuse_stale, touched
from reid.errors import CatalogueError

__all__ = ["undo"]

# Events that are built on event ?1: they name an individual that it added, use its vectors, carry over one of its
# decisions, decide about an encounter that it made, settle what it proposed.
BUILT_ON = [
    "SELECT r.event FROM {} r JOIN individual i ON i.individual = r.{} WHERE i.event = ?1".format(*pair)
    for pair in (
        ("decision", "individual"), ("naming", "individual"), ("merging", "keep"), ("merging", "gone"),
        ("trait", "individual"), ("note", "individual"), ("tag", "individual"),
        ("proposal", "individual"), ("proposal", "other"),
    )
] + [
    "SELECT v.event FROM vector v JOIN embedding m USING (embedding) WHERE m.event = ?1",
    "SELECT d.event FROM decision d JOIN decision b ON b.decision = d.basis WHERE b.event = ?1",
    "SELECT d.event FROM decision d WHERE d.encounter IN (SELECT encounter FROM placing WHERE event = ?1)",
    "SELECT s.event FROM settling s JOIN proposal p USING (proposal) WHERE p.event = ?1",
]  # fmt: skip
# And on a recording: whatever was said later of its run.
OF_RUN = [
    "SELECT event FROM event WHERE kind = 'record' AND run = ?2 AND event > ?1",
    "SELECT d.event FROM decision d JOIN encounter e USING (encounter) WHERE e.run = ?2 AND d.event > ?1",
    *(
        f"SELECT r.event FROM {table} r JOIN crop c ON c.crop = r.{column} WHERE c.run = ?2 AND r.event > ?1"
        for table, column in (
            ("placing", "crop"), ("marking", "crop"), ("facing", "crop"), ("note", "crop"), ("tag", "crop"),
            ("answer", "query"), ("answer", "candidate"),
        )
    ),
]  # fmt: skip


def _built_on(connection: sqlite3.Connection, event: int) -> list[str]:
    """The standing events that would lose their ground, in words."""
    run = connection.execute("SELECT run FROM event WHERE event = ? AND kind = 'record'", (event,)).fetchone()
    queries = BUILT_ON + (OF_RUN if run is not None else [])
    number = run[0] if run is not None else None
    found: set[int] = set()
    for query in queries:
        given = (event, number) if "?2" in query else (event,)
        found.update(row[0] for row in connection.execute(query, given))
    rows = [
        connection.execute("SELECT event, kind, who FROM event WHERE event = ? AND event IN live", (n,)).fetchone()
        for n in sorted(found - {event})
    ]
    return [f"{row[0]} ({row[1]} by {row[2]})" for row in rows if row is not None]


def _refuse_changed(connection: sqlite3.Connection, revision: int | None, event: int) -> None:
    rows = touched(connection, event)
    roots = dict(connection.execute("SELECT individual, root FROM root").fetchall())
    refuse_stale(
        connection,
        revision,
        {roots[individual] for _, _, individual, _, _ in rows if individual in roots},
        {aspect for _, aspect, *_ in rows} | {"merge"},
        {encounter for *_, encounter, _ in rows if encounter is not None},
        {crop for *_, crop in rows if crop is not None},
    )


def undo(connection: sqlite3.Connection, by: str, event: int | None, own: bool, revision: int | None) -> int:
    """Take back an event that stands; returns its number.

    Args:
        connection: Of the catalogue, inside a transaction that writes.
        by: Who does.
        event: Which; None for the last one that stands.
        own: With no event: the last one signed by the same person.
        revision: What the person saw.
    """
    last = connection.execute(
        "SELECT event FROM event WHERE undoes IS NULL AND event IN live ORDER BY event DESC LIMIT 1"
    ).fetchone()
    if last is None:
        raise CatalogueError("there is nothing to undo in this catalogue.")
    if event is None:
        newest = connection.execute("SELECT max(event) FROM event").fetchone()[0]
        if revision is not None and revision != newest and not own:
            raise LostUpdateError(
                f"the catalogue went on to event {newest} since revision {revision}; look again, or name the event."
            )
        event = _own_last(connection, check_by(by)) if own else last[0]
    event = int(event)
    row = connection.execute("SELECT kind, who, undoes, event IN live FROM event WHERE event = ?", (event,)).fetchone()
    if row is None:
        raise CatalogueError(f"there is no event {event}; the history lists those there are.")
    kind, who, undoes, stands = row
    if undoes is not None:
        raise CatalogueError(f"event {event} is itself an undoing; do again what event {undoes} did instead.")
    if not stands:
        raise CatalogueError(f"event {event} ({kind} by {who}) was taken back already; nothing was changed.")
    if event != last[0]:
        _refuse_changed(connection, revision, event)
        later = _built_on(connection, event)
        if later:
            raise CatalogueError(
                f"event {event} ({kind} by {who}) cannot be taken back while these stand on it: "
                f"{', '.join(later[:5])}{' and more' if len(later) > 5 else ''}. Undo them first, the last one first."
            )
    _ = Event(connection, "undo", by, undoes=event).number
    if event != last[0]:
        wrong = contradictions(connection)
        if wrong:
            raise CatalogueError(
                f"event {event} ({kind} by {who}) cannot be taken back, for then {wrong[0]}. "
                "Undo first what was done to them since."
            )
    return event


def _own_last(connection: sqlite3.Connection, by: str) -> int:
    row = connection.execute(
        "SELECT event FROM event WHERE undoes IS NULL AND who = ? AND event IN live ORDER BY event DESC LIMIT 1", (by,)
    ).fetchone()
    if row is None:
        raise CatalogueError(f"{by!r} has done nothing here that stands; there is nothing to undo.")
    return int(row[0])

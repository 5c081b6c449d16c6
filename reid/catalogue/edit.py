"""What people do to a catalogue: decide, rename, merge, split, undo. Call inside a writing transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from reid.catalogue import names, state
from reid.catalogue.events import MACHINE, Event, is_human, run_row
from reid.errors import CatalogueError, choices

__all__ = ["decide", "merge", "rename", "split", "undo"]


def _person(by: str) -> None:
    if not is_human(by):
        raise CatalogueError(
            f"decisions about single encounters are a person's; {by!r} signs as the program ({MACHINE!r}...)."
        )


def _encounter(connection: sqlite3.Connection, run_id: str, name: str) -> tuple[int, int]:
    run = run_row(connection, run_id)
    if run is None:
        known = [row[0] for row in connection.execute("SELECT run_id FROM run")]
        raise CatalogueError(f"the catalogue has no run {run_id!r}; it has {choices(known) or 'none'}.")
    row = connection.execute(
        "SELECT encounter FROM encounter WHERE run = ? AND name = ? "
        "AND encounter IN (SELECT encounter FROM latest WHERE NOT withdrawn)",
        (run, name),
    ).fetchone()
    if row is None:
        raise CatalogueError(f"run {run_id!r} has no encounter {name!r}. Its decisions list those it has.")
    return run, row[0]


def _say(event: Event, run: int, encounter: int, individual: int | None) -> None:
    connection = event.connection
    old = connection.execute("SELECT decision FROM standing WHERE encounter = ?", (encounter,)).fetchone()
    if individual is None:
        kind = "unsure"
    else:
        first = connection.execute("SELECT min(event) FROM event WHERE run = ?", (run,)).fetchone()[0]
        kind = "known" if state.animals(connection)[individual].born < first else "new"
    event.add(
        "decision", encounter=encounter, individual=individual, kind=kind, probability=1.0,
        reason=event.reason or f"decided by {event.by}", human=1, supersedes=old[0] if old else None,
    )  # fmt: skip


def decide(
    connection: sqlite3.Connection,
    run_id: str,
    encounter: str,
    identity: str | None,
    by: str,
    reason: str,
    pattern: str,
) -> str | None:
    """Say whose an encounter is; returns that individual's name."""
    _person(by)
    run, row = _encounter(connection, run_id, encounter)
    event = Event(connection, "decide", by, run, reason)
    if identity is None or names.fold(identity) == names.UNKNOWN:
        individual = None
    elif names.fold(identity) == names.NEW:
        individual = names.create(connection, event.number, run, pattern)
    else:
        individual = names.find(connection, identity)
    _say(event, run, row, individual)
    return None if individual is None else state.animals(connection)[individual].name


def rename(connection: sqlite3.Connection, old: str, new: str, by: str) -> None:
    """Give an individual another name, in every run at once."""
    individual = names.find(connection, old)
    before = state.animals(connection)[individual].name
    after = names.clean(new)
    if after == before:
        raise CatalogueError(f"{before!r} is already called that; nothing was changed.")
    taken = names.owner(connection, after)
    if taken != individual and not names.is_free(connection, after):
        present = state.animals(connection)[taken].name if taken is not None else None
        if present is None:
            whose = "was given before"
        elif names.fold(present) == names.fold(after):
            whose = f"is the name of {present!r}"
        else:
            whose = f"is an earlier name of {present!r}"
        raise CatalogueError(
            f"the name {after!r} {whose}, and no name is given twice. Choose another one, or merge the two."
        )
    event = Event(connection, "rename", by)
    event.add("naming", individual=individual, before=before, after=after, folded=names.fold(after))


def merge(connection: sqlite3.Connection, keep: str, gone: str, by: str) -> None:
    """Make two individuals one, under the name of the first."""
    kept, other = names.find(connection, keep), names.find(connection, gone)
    if kept == other:
        raise CatalogueError(f"{keep!r} and {gone!r} are one individual already; nothing was changed.")
    Event(connection, "merge", by).add("merging", keep=kept, gone=other)


def split(
    connection: sqlite3.Connection,
    identity: str,
    encounters: Sequence[tuple[str, str]],
    by: str,
    reason: str,
    pattern: str,
) -> str:
    """Make some encounters of an individual a new individual; returns its name."""
    _person(by)
    individual = names.find(connection, identity)
    rows = sorted({_encounter(connection, run_id, name) for run_id, name in encounters})
    all_rows = {row[0] for row in connection.execute(
        "SELECT DISTINCT standing.encounter FROM standing JOIN animal USING (individual) "
        "WHERE root = ? AND encounter IN (SELECT encounter FROM latest WHERE NOT withdrawn)", (individual,)
    )}  # fmt: skip
    moved = {row for _, row in rows}
    if not moved or not moved < all_rows:
        raise CatalogueError(
            f"to split {identity!r} name some of its {len(all_rows)} encounters, not all and no others; "
            f"of the {len(moved)} named, {len(moved & all_rows)} are its own."
        )
    event = Event(connection, "split", by, reason=reason)
    created = names.create(connection, event.number, rows[0][0], pattern)
    for run, row in rows:
        _say(event, run, row, created)
    return state.animals(connection)[created].name


def undo(connection: sqlite3.Connection, by: str, event: int | None) -> int:
    """Take back the last event that stands; returns its number.

    Only the last one, so that nothing is left that was built on what is taken back. Repeat it to go further.
    """
    last = connection.execute(
        "SELECT event, kind, who FROM event WHERE undoes IS NULL AND event IN live ORDER BY event DESC LIMIT 1"
    ).fetchone()
    if last is None:
        raise CatalogueError("there is nothing to undo in this catalogue.")
    if event is not None and event != last[0]:
        raise CatalogueError(
            f"event {event} is not the last one that stands: {last[0]} is ({last[1]} by {last[2]}). Undo that first."
        )
    _ = Event(connection, "undo", by, undoes=last[0]).number
    return int(last[0])

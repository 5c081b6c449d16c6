"""Lost updates are refused: an edit that names the revision it was based on fails if its subject changed since.

Only what the edit is about counts: two people who work on two animals do not get in each other's way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from reid.catalogue import names
from reid.errors import CatalogueError

__all__ = ["LostUpdateError", "refuse_stale", "touched"]


class LostUpdateError(CatalogueError):
    """Somebody changed, in the meantime, what an edit was about. Nothing was written."""


# What the rows of an event are about: which aspect of an individual, an encounter or a crop.
TOUCHES = """
SELECT d.event, 'whose' AS aspect, d.individual, d.encounter, NULL AS crop FROM decision d
UNION ALL SELECT d.event, 'whose', old.individual, d.encounter, NULL
    FROM decision d JOIN decision old ON old.decision = d.supersedes
UNION ALL SELECT event, 'whose', NULL, encounter, crop FROM placing
UNION ALL SELECT event, 'merge', keep, NULL, NULL FROM merging
UNION ALL SELECT event, 'merge', gone, NULL, NULL FROM merging
UNION ALL SELECT event, 'name', individual, NULL, NULL FROM naming
UNION ALL SELECT event, 'trait', individual, NULL, NULL FROM trait
UNION ALL SELECT event, 'crop', NULL, NULL, crop FROM marking
UNION ALL SELECT event, 'crop', NULL, NULL, crop FROM facing
"""


Touch = tuple[int, str, "int | None", "int | None", "int | None"]
"""Event, aspect, individual, encounter and crop."""


def touched(connection: sqlite3.Connection, event: int) -> list[Touch]:
    """Everything that an event was about."""
    return connection.execute(f"SELECT * FROM ({TOUCHES}) WHERE event = ?", (event,)).fetchall()


def _touched_since(connection: sqlite3.Connection, revision: int) -> list[Touch]:
    """Everything that the events after a revision, and those that they took back, were about."""
    return connection.execute(
        f"SELECT * FROM ({TOUCHES}) WHERE event > ?1 OR event IN (SELECT undoes FROM event WHERE event > ?1)",
        (revision,),
    ).fetchall()


def refuse_stale(
    connection: sqlite3.Connection,
    revision: int | None,
    individuals: Collection[int] = (),
    aspects: Collection[str] = (),
    encounters: Collection[int] = (),
    crops: Collection[int] = (),
) -> None:
    """Raise if an event after the revision was about any of these.

    Args:
        connection: Of the catalogue, inside a transaction that writes.
        revision: `last_event` as the editor saw it; None asks for no check.
        individuals: Roots that the edit is about.
        aspects: Which changes to them matter: "whose", "merge", "name", "trait".
        encounters: Encounters that the edit is about.
        crops: Crops that the edit is about.

    Raises:
        LostUpdateError: one of them was changed since.
        CatalogueError: there is no such revision yet.
    """
    if revision is None:
        return
    last = connection.execute("SELECT coalesce(max(event), 0) FROM event").fetchone()[0]
    if not 0 <= revision <= last:
        raise CatalogueError(f"revision {revision} is none of this catalogue's, which go from 0 to {last}.")
    since = connection.execute(
        "SELECT event, who, kind, undoes FROM event WHERE event > ? ORDER BY event", (revision,)
    ).fetchall()
    told = {event: (who, kind) for event, who, kind, _ in since}
    by_number = {event: event for event, *_ in since}
    by_number.update({undoes: event for event, _, _, undoes in since if undoes is not None})
    if not since:
        return
    members = _members(connection, individuals)
    for number, aspect, individual, encounter, crop in _touched_since(connection, revision):
        if encounter in encounters or crop in crops or (individual in members and aspect in aspects):
            who, kind = told[by_number[number]]
            raise LostUpdateError(
                f"{who} changed this in the meantime (event {by_number[number]}, {kind}, after revision {revision}); "
                "nothing was written. Look again, then decide anew."
            )


def _members(connection: sqlite3.Connection, roots: Collection[int]) -> set[int]:
    """The individuals themselves and all that were merged into them."""
    return set(names.members(connection, roots)) if roots else set()

"""Every event of a catalogue in order, in words: who did what when, what was before and what after."""

from __future__ import annotations

import sqlite3
from typing import Any

import pandas as pd

from reid.catalogue import names
from reid.tables import UNKNOWN

__all__ = ["COLUMNS", "history"]

COLUMNS = ("event", "at", "by", "what", "run", "encounter", "identity", "before", "after", "reason", "undone")

# What each event did, a row each. `one` and `other` are individuals: now and before, or kept and gone.
DETAILS = """
SELECT event, 0 AS part, 'recorded' AS what, NULL AS run, NULL AS encounter, NULL AS before,
    count(*) || ' crops' AS after, NULL AS reason, NULL AS one, NULL AS other
    FROM sighting WHERE NOT withdrawn GROUP BY event
UNION ALL SELECT event, 1, 'withdrawn', crop.run, NULL, crop_id, NULL, NULL, NULL, NULL
    FROM sighting JOIN crop USING (crop) WHERE withdrawn
UNION ALL SELECT event, 1, 'embedded', NULL, NULL, NULL, fingerprint, NULL, NULL, NULL FROM embedding
UNION ALL SELECT event, 2, 'created', run, NULL, NULL, name, NULL, individual, NULL FROM individual
UNION ALL SELECT event, 3, CASE WHEN alias THEN 'also called' ELSE 'renamed' END, NULL, NULL, before, after, NULL,
    individual, NULL FROM naming
UNION ALL SELECT event, 4, 'merged', NULL, NULL, NULL, NULL, NULL, keep, gone FROM merging
UNION ALL SELECT d.event, 5, CASE WHEN d.basis IS NULL THEN 'decided' ELSE 'carried over' END,
    encounter.run, encounter.name, CASE WHEN old.kind = 'unsure' THEN 'unknown' END, NULL, d.reason,
    d.individual, old.individual
    FROM decision d JOIN encounter USING (encounter) LEFT JOIN decision old ON old.decision = d.supersedes
UNION ALL SELECT event, 6, kind, NULL, NULL, NULL, value, NULL, individual, NULL FROM trait
UNION ALL SELECT event, 7, 'noted', crop.run, NULL, crop.crop_id, words, NULL, individual, NULL
    FROM note LEFT JOIN crop USING (crop)
UNION ALL SELECT event, 8, CASE WHEN given THEN 'tagged' ELSE 'untagged' END, crop.run, NULL, crop.crop_id, name, NULL,
    individual, NULL FROM tag LEFT JOIN crop USING (crop)
UNION ALL SELECT event, 9, 'moved', crop.run, e.name, crop.crop_id, NULL, NULL, NULL, NULL
    FROM placing p JOIN crop USING (crop) JOIN encounter e ON e.encounter = p.encounter
UNION ALL SELECT event, 10, 'marked', crop.run, NULL, crop.crop_id, CASE WHEN usable THEN 'usable' ELSE 'unusable' END,
    NULL, NULL, NULL FROM marking JOIN crop USING (crop)
UNION ALL SELECT event, 11, 'flank', crop.run, NULL, crop.crop_id, orientation, NULL, NULL, NULL
    FROM facing JOIN crop USING (crop)
UNION ALL SELECT event, 12, 'answered', q.run, NULL, q.crop_id, said || coalesce(': ' || c.crop_id, ''), NULL, NULL, NULL
    FROM answer a JOIN crop q ON q.crop = a.query LEFT JOIN crop c ON c.crop = a.candidate
UNION ALL SELECT p.event, 13, 'proposed', e.run, e.name, NULL, p.label, p.reason, p.individual, p.other
    FROM proposal p JOIN encounter e USING (encounter)
UNION ALL SELECT s.event, 14, CASE WHEN accepted THEN 'accepted' ELSE 'dismissed' END, e.run, e.name, NULL, p.label, NULL,
    p.individual, p.other FROM settling s JOIN proposal p USING (proposal) JOIN encounter e USING (encounter)
UNION ALL SELECT event, 15, 'undone', NULL, NULL, 'event ' || undoes, NULL, NULL, NULL, NULL
    FROM event WHERE undoes IS NOT NULL
"""

NAMED = "SELECT i.individual, coalesce(called.name, i.name) FROM individual i LEFT JOIN called USING (individual)"


def history(connection: sqlite3.Connection, root: int | None = None) -> pd.DataFrame:
    """One row for each thing that an event did, undone ones too.

    Args:
        connection: Of the catalogue.
        root: Only what concerns this individual, and those merged into it.

    Returns:
        The columns of `COLUMNS`. `at` is UTC; names are the present ones, except before and after a renaming;
        `undone` says that the event was taken back later. What was said of a single crop has it in `before`.
    """
    called: dict[int | None, str] = dict(connection.execute(NAMED).fetchall())
    live = {row[0] for row in connection.execute("SELECT event FROM live")}
    chosen = "" if root is None else "WHERE " + " OR ".join(f"details.{c} IN ({{0}})" for c in ("one", "other"))
    members = [] if root is None else names.members(connection, [root])
    rows: list[dict[str, Any]] = []
    concerned: set[int] = set()
    found = connection.execute(
        "SELECT event.event, at, who, run_id, event.reason, undoes, part, what, encounter, before, after, "
        f"details.reason, one, other FROM ({DETAILS}) AS details JOIN event ON event.event = details.event "
        f"LEFT JOIN run ON run.run = coalesce(details.run, event.run) "
        f"{chosen.format(', '.join(map(str, members)))} "
        "ORDER BY event.event, part, run_id, encounter, before",
    ).fetchall()
    if root is not None:
        concerned = {row[0] for row in found}
        found = sorted([*found, *_undoings(connection, concerned)], key=lambda row: row[0])
    for number, at, who, run, words, _, _, what, encounter, before, after, reason, one, other in found:
        if what in ("merged", "proposed", "accepted", "dismissed") and other is not None:
            before, after = called[other], called[one]
        elif what in ("decided", "carried over", "proposed", "accepted", "dismissed"):
            before = called[other] if other is not None else before
            after = after or (called[one] if one is not None else UNKNOWN)
        rows.append(
            {
                "event": number, "at": at, "by": who, "what": what, "run": run, "encounter": encounter,
                "identity": called.get(one), "before": before, "after": after,
                "reason": reason or words or None, "undone": number not in live,
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    words_in = [name for name in COLUMNS if name not in ("event", "undone")]
    return frame.astype({"event": "int64", "undone": "bool", **dict.fromkeys(words_in, "string")})


def _undoings(connection: sqlite3.Connection, concerned: set[int]) -> list[tuple[Any, ...]]:
    """The events that took back some of these, as rows of the query above."""
    rows = connection.execute(
        "SELECT event, at, who, NULL, reason, undoes, 15, 'undone', NULL, 'event ' || undoes, NULL, NULL, NULL, NULL "
        "FROM event WHERE undoes IS NOT NULL"
    )
    return [row for row in rows if row[5] in concerned]

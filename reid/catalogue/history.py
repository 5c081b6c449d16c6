"""Every event of a catalogue in order, in words: who did what when, what was before and what after."""

from __future__ import annotations

import sqlite3
from typing import Any

import pandas as pd

from reid.catalogue import state
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
UNION ALL SELECT event, 2, 'created', run, NULL, NULL, name, NULL, individual, NULL FROM individual
UNION ALL SELECT event, 3, 'renamed', NULL, NULL, before, after, NULL, individual, NULL FROM naming
UNION ALL SELECT event, 4, 'merged', NULL, NULL, NULL, NULL, NULL, keep, gone FROM merging
UNION ALL SELECT d.event, 5, CASE WHEN d.basis IS NULL THEN 'decided' ELSE 'carried over' END,
    encounter.run, encounter.name, CASE WHEN old.kind = 'unsure' THEN 'unknown' END, NULL, d.reason,
    d.individual, old.individual
    FROM decision d JOIN encounter USING (encounter) LEFT JOIN decision old ON old.decision = d.supersedes
UNION ALL SELECT event, 6, 'undone', NULL, NULL, 'event ' || undoes, NULL, NULL, NULL, NULL
    FROM event WHERE undoes IS NOT NULL
"""


def history(connection: sqlite3.Connection, root: int | None = None) -> pd.DataFrame:
    """One row for each thing that an event did, undone ones too.

    Args:
        connection: Of the catalogue.
        root: Only what concerns this individual, and those merged into it.

    Returns:
        The columns of `COLUMNS`. `at` is UTC; names are the present ones, except before and after a renaming;
        `undone` says that the event was taken back later.
    """
    animals = state.animals(connection)
    named = (
        "SELECT individual, coalesce(called.name, born.name) "
        "FROM individual AS born LEFT JOIN called USING (individual)"
    )
    names: dict[int | None, str] = dict(connection.execute(named).fetchall())
    live = {row[0] for row in connection.execute("SELECT event FROM live")}
    query = (
        "SELECT event.event, at, who, run_id, event.reason, undoes, part, what, encounter, before, after, "
        f"details.reason, one, other FROM event JOIN ({DETAILS}) AS details ON details.event = event.event "
        "LEFT JOIN run ON run.run = coalesce(details.run, event.run) "
        "ORDER BY event.event, part, run_id, encounter, before"
    )
    rows: list[dict[str, Any]] = []
    concerned: set[int] = set()
    for (
        number,
        at,
        who,
        run,
        words,
        undoes,
        _,
        what,
        encounter,
        before,
        after,
        reason,
        one,
        other,
    ) in connection.execute(query):
        if root is not None:
            about = {animals[i].root if i in animals else i for i in (one, other) if i is not None}
            if root not in about and undoes not in concerned:
                continue
            concerned.add(number)
        if what == "merged":
            before, after = names[other], names[one]
        elif what in ("decided", "carried over"):
            before = names[other] if other is not None else before
            after = names[one] if one is not None else UNKNOWN
        rows.append(
            {
                "event": number, "at": at, "by": who, "what": what, "run": run, "encounter": encounter,
                "identity": names.get(one), "before": before, "after": after,
                "reason": reason or words or None, "undone": number not in live,
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    words_in = [name for name in COLUMNS if name not in ("event", "undone")]
    return frame.astype({"event": "int64", "undone": "bool", **dict.fromkeys(words_in, "string")})

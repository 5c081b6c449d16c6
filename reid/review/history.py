"""The history of decisions, an entry an event, for people to read."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reid.catalogue.events import MACHINE
from reid.review.desk import Desk
from reid.review.words import when

__all__ = ["past"]

LINES = 6
"""Things that an event did, shown at most."""


def past(desk: Desk, identity: str | None = None, page: int = 1, size: int = 50) -> dict[str, Any]:
    """Events, the last first.

    Args:
        desk: Has the catalogue.
        identity: Only what concerns this individual.
        page: From 1.
        size: Events of a page.

    Returns:
        `rows` of event, at, by, machine, undone, what (sentences), more (how many are not shown); `total`, `page`, `pages`.
    """
    frame = desk.catalogue.history(identity)
    numbers = sorted(frame["event"].unique(), reverse=True)
    chosen = numbers[(page - 1) * size : page * size]
    by_event = dict(list(frame[frame["event"].isin(chosen)].groupby("event")))
    rows = []
    for number in chosen:
        own = by_event[number]
        first = own.iloc[0]
        lines = [_sentence(row) for row in own.head(LINES).to_dict("records")]
        rows.append(
            {
                "event": int(number),
                "at": when(str(first["at"])[:19]) + " UTC",
                "by": str(first["by"]),
                "machine": str(first["by"]).startswith(MACHINE),
                "undone": bool(first["undone"]),
                "undoing": (own["what"] == "undone").any(),
                "what": [line for line in lines if line],
                "more": max(0, len(own) - LINES),
                "reason": None if pd.isna(first["reason"]) else str(first["reason"]),
            }
        )
    return {"rows": rows, "total": len(numbers), "page": page, "pages": max(1, -(-len(numbers) // size))}


def _sentence(row: dict[Any, Any]) -> str:
    values = {key: None if pd.isna(value) else str(value) for key, value in row.items()}
    what, before, after = values["what"], values["before"], values["after"]
    about = " ".join(part for part in (values["identity"] if what not in ("merged", "created") else None,) if part)
    where = f"encounter {values['encounter']}" if values["encounter"] else ""
    change = " → ".join(part for part in (before, after) if part)
    return " ".join(part for part in (what, where or about, f"({change})" if where and change else change) if part)

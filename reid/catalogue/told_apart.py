"""Whom persons told apart: what a recording must not join, whatever the spots say."""

from __future__ import annotations

import sqlite3
from typing import Any

from reid.catalogue.answers import verdicts

__all__ = ["apart", "respect", "together"]


def _pairs(connection: sqlite3.Connection, said: str) -> list[tuple[int, int]]:
    """Encounters, as their crops are now, of which a person last said so; the smaller row first."""
    out = set()
    for verdict in verdicts(connection):
        if verdict.said == said:
            rows = [
                connection.execute("SELECT encounter FROM present WHERE crop = ?", (crop,)).fetchone()
                for crop in (verdict.one, verdict.other)
            ]
            if rows[0] and rows[1] and rows[0] != rows[1]:
                out.add((min(rows[0][0], rows[1][0]), max(rows[0][0], rows[1][0])))
    return sorted(out)


def respect(connection: sqlite3.Connection, contents: dict[int, dict[str, Any]]) -> None:
    """Leave undecided, in what is about to be recorded, what would join two that a person told apart.

    Args:
        connection: Of the catalogue; crops and carried-over decisions are written already.
        contents: Columns of the decision on each encounter; changed in place.
    """
    roots = dict(connection.execute("SELECT individual, root FROM root").fetchall())
    for pair in _pairs(connection, "different"):
        whose = []
        for encounter in pair:
            if encounter in contents:
                whose.append(contents[encounter]["individual"])
            else:
                row = connection.execute("SELECT individual FROM standing WHERE encounter = ?", (encounter,)).fetchone()
                whose.append(row[0] if row else None)
        if whose[0] is None or roots.get(whose[0]) != roots.get(whose[1]):
            continue
        # The weaker of the two gives way, and never one that is not being recorded.
        weaker = min((e for e in pair if e in contents), key=lambda e: (contents[e]["probability"], -e), default=None)
        if weaker is not None:
            other = pair[0] if weaker == pair[1] else pair[1]
            name = connection.execute("SELECT name FROM encounter WHERE encounter = ?", (other,)).fetchone()[0]
            contents[weaker].update(
                individual=None, kind="unsure", reason=f"a person said that it is not the animal of encounter {name}"
            )


def _named(connection: sqlite3.Connection, run_id: str, said: str) -> set[frozenset[str]]:
    out = set()
    for pair in _pairs(connection, said):
        sides = []
        for encounter in pair:
            row = connection.execute(
                "SELECT run.run_id, e.name, animal.name FROM encounter e JOIN run USING (run) "
                "JOIN standing d USING (encounter) LEFT JOIN animal ON animal.individual = d.individual "
                "WHERE e.encounter = ?",
                (encounter,),
            ).fetchone()
            sides.append(row[1] if row[0] == run_id else row[2])
        if None not in sides and sides[0] != sides[1]:
            rows = connection.execute(
                "SELECT count(*) FROM encounter JOIN run USING (run) WHERE run_id = ? AND encounter IN (?, ?)",
                (run_id, *pair),
            ).fetchone()
            if rows[0]:
                out.add(frozenset(sides))
    return out


def apart(connection: sqlite3.Connection, run_id: str) -> set[frozenset[str]]:
    """Pairs of an encounter of this run with another one, or with an individual, that are two animals."""
    return _named(connection, run_id, "different")


def together(connection: sqlite3.Connection, run_id: str) -> set[frozenset[str]]:
    """Pairs of an encounter of this run with another one, or with an individual, that are one animal."""
    return _named(connection, run_id, "same")

"""Triggers of a catalogue's file: what no program, not even `sqlite3` at a prompt, can write into it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

__all__ = ["append_only", "forbid", "statements", "tables_of"]

UNDONE = "EXISTS (SELECT 1 FROM event u WHERE u.undoes = {})"
BY_PROGRAM = "(SELECT substr(who, 1, 5) = 'reid ' FROM event WHERE event = NEW.event)"

# Each: name, table, when it is refused, and why.
FORBIDDEN = [
    ("undo_once", "event", "(SELECT undoes FROM event WHERE event = NEW.undoes) IS NOT NULL", "an undo is not undone"),
    (
        "undo_parent",
        "event",
        "NEW.undoes IS NOT NULL AND EXISTS (SELECT 1 FROM individual i WHERE i.event = NEW.undoes AND ("
        "EXISTS (SELECT 1 FROM decision d WHERE d.individual = i.individual AND d.event <> i.event "
        f"AND NOT {UNDONE.format('d.event')}) OR EXISTS (SELECT 1 FROM merging m "
        f"WHERE i.individual IN (m.keep, m.gone) AND NOT {UNDONE.format('m.event')})))",
        "a later event that stands names an individual of that event",
    ),
    (
        "decision_dead",
        "decision",
        f"EXISTS (SELECT 1 FROM individual i WHERE i.individual = NEW.individual AND {UNDONE.format('i.event')})",
        "the individual was undone",
    ),
    (
        "decision_hand",
        "decision",
        f"(NEW.human = 0 AND NOT {BY_PROGRAM}) OR (NEW.human = 1 AND NEW.basis IS NULL AND {BY_PROGRAM})",
        "a person's decisions are a person's, the program's the program's",
    ),
    (
        "merging_dead",
        "merging",
        f"EXISTS (SELECT 1 FROM individual i WHERE i.individual IN (NEW.keep, NEW.gone) AND {UNDONE.format('i.event')}) "
        f"OR EXISTS (SELECT 1 FROM merging m WHERE m.gone IN (NEW.keep, NEW.gone) AND NOT {UNDONE.format('m.event')})",
        "an individual of a merge is gone already",
    ),
    (
        "naming_dead",
        "naming",
        f"EXISTS (SELECT 1 FROM individual i WHERE i.individual = NEW.individual AND {UNDONE.format('i.event')})",
        "the individual was undone",
    ),
    (
        "vector_length",
        "vector",
        "length(NEW.data) <> 4 * (SELECT dimension FROM embedding WHERE embedding = NEW.embedding)",
        "a vector has as many values as its embedding says",
    ),
    (
        "sighting_run",
        "sighting",
        "(SELECT run FROM crop WHERE crop = NEW.crop) <> (SELECT run FROM encounter WHERE encounter = NEW.encounter)",
        "a crop and its encounter are of one run",
    ),
    (
        "placing_run",
        "placing",
        "(SELECT run FROM crop WHERE crop = NEW.crop) <> (SELECT run FROM encounter WHERE encounter = NEW.encounter)",
        "a crop and its encounter are of one run",
    ),
    (
        "settling_once",
        "settling",
        f"EXISTS (SELECT 1 FROM settling s WHERE s.proposal = NEW.proposal AND NOT {UNDONE.format('s.event')})",
        "a proposal is settled once",
    ),
]
PERSONS = ("merging", "placing", "marking", "facing", "trait", "note", "tag", "answer", "settling")


def tables_of(script: str) -> list[str]:
    """Names of the tables that a script makes, in its order."""
    return re.findall(r"^CREATE TABLE (\w+)", script, re.MULTILINE)


def _trigger(name: str, before: str, when: str, why: str) -> str:
    condition = f"WHEN {when} " if when else ""
    return f"CREATE TRIGGER {name} BEFORE {before} {condition}BEGIN SELECT RAISE(ABORT, '{why}'); END;\n"


def append_only(tables: list[str]) -> str:
    """Triggers that refuse any change to rows that are there."""
    why = "rows of a catalogue are never changed or deleted"
    return "".join(
        _trigger(f"{table}_{verb.lower()}", f"{verb} ON {table}", "", why)
        for table in tables
        for verb in ("UPDATE", "DELETE")
    )


def forbid(tables: list[str]) -> str:
    """Triggers that refuse rows which no right state can hold."""
    out = [_trigger(name, f"INSERT ON {table}", when, why.replace("'", "''")) for name, table, when, why in FORBIDDEN]
    out += [_trigger(f"{t}_hand", f"INSERT ON {t}", BY_PROGRAM, "this is a person''s to say") for t in PERSONS]
    with_event = [t for t in tables if t not in ("run", "event", "crop", "encounter")]
    last = "NEW.event <> (SELECT max(event) FROM event)"
    out += [_trigger(f"{t}_last", f"INSERT ON {t}", last, "rows are added to the last event only") for t in with_event]
    return "".join(out)


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would end the transaction first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

"""A person's answers about two sightings: each is kept as a label and changes at once what follows from it."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from reid.catalogue import names
from reid.catalogue.edit import assign, set_apart
from reid.catalogue.events import Event, person
from reid.catalogue.revisions import refuse_stale
from reid.catalogue.subjects import Crop, crops_of_encounter, find_crop
from reid.catalogue.views import STANDS
from reid.errors import CatalogueError

__all__ = ["ANSWERS", "Verdict", "answer", "verdicts"]

ANSWERS = ("same", "different", "not sure", "other flank", "unusable")


class Verdict(NamedTuple):
    """The last standing answer about two crops, by their rows, the smaller first."""

    one: int
    other: int
    said: str


def verdicts(connection: sqlite3.Connection) -> list[Verdict]:
    """The last standing answer about every two crops that were compared."""
    rows = connection.execute(
        "SELECT min(query, candidate), max(query, candidate), said FROM answer "
        f"WHERE candidate IS NOT NULL AND {STANDS.format('answer')} ORDER BY answer"
    )
    last = {(one, other): said for one, other, said in rows}
    return [Verdict(*pair, said) for pair, said in sorted(last.items())]


def answer(
    connection: sqlite3.Connection,
    query: str,
    candidate: str | None,
    said: str,
    by: str,
    reason: str,
    probability: float | None,
    model: str | None,
    pattern: str,
    revision: int | None,
) -> int:
    """Keep an answer and do what follows from it; returns the event's number, to take it back by."""
    person(by)
    if said not in ANSWERS:
        raise CatalogueError(f"{said!r} is no answer; choose one of {', '.join(ANSWERS)}.")
    if probability is not None and not 0 <= probability <= 1:
        raise CatalogueError(f"the probability {probability!r} of an answer must lie between 0 and 1.")
    if candidate is None and said != "unusable":
        raise CatalogueError(f"the answer {said!r} is about two sightings; name the second one too.")
    asked = find_crop(connection, query)
    other = None if candidate is None else find_crop(connection, candidate)
    if other is not None and other.crop == asked.crop:
        raise CatalogueError(f"{query!r} was compared with itself; name another sighting.")
    refuse_stale(
        connection, revision,
        [c.root for c in (asked, other) if c and c.root is not None], ("merge",),
        {c.encounter for c in (asked, other) if c}, {c.crop for c in (asked, other) if c},
    )  # fmt: skip
    event = Event(connection, "answer", by, asked.run, reason)
    event.add(
        "answer", query=asked.crop, candidate=other.crop if other else None, said=said, probability=probability,
        model=model,
    )  # fmt: skip
    if said == "same" and other is not None:
        _unite(event, asked, other, pattern)
    elif said == "different" and other is not None:
        _divide(event, asked, other)
    elif said == "unusable":
        event.add("marking", crop=asked.crop, usable=0)
    return event.number


def _unite(event: Event, one: Crop, other: Crop, pattern: str) -> None:
    """Both are one individual: the one that either has; of two, the elder; else a new one."""
    connection = event.connection
    encounters = {(c.run, c.encounter) for c in (one, other)}
    photos = [
        {
            connection.execute("SELECT image_id FROM present WHERE crop = ?", (crop.crop,)).fetchone()[0]
            for crop in crops_of_encounter(connection, c.encounter)
        }
        for c in (one, other)
    ]
    if len(encounters) == 2 and one.run == other.run and photos[0] & photos[1]:
        raise CatalogueError(
            f"both stand in the photo {sorted(photos[0] & photos[1])[0]!r} and cannot be one animal. "
            "Where one of them is in the wrong burst, move that sighting first."
        )
    roots = sorted({c.root for c in (one, other) if c.root is not None})
    if not roots:
        keep = names.create(connection, event.number, min(one.run, other.run), pattern)
    else:
        keep = roots[0]
        if len(roots) == 2:
            born = dict(connection.execute("SELECT individual, born FROM animal WHERE individual IN (?, ?)", roots))
            keep = min(roots, key=lambda root: (born[root], root))
            event.add("merging", keep=keep, gone=next(root for root in roots if root != keep))
    assign(event, encounters, keep)


def _divide(event: Event, one: Crop, other: Crop) -> None:
    """Where both were taken for one individual, the first one's encounter is nobody's until somebody says whose."""
    if one.encounter == other.encounter:
        assign(event, set_apart(event, [one]), None)
    elif one.root is not None and one.root == other.root:
        assign(event, [(one.run, one.encounter)], None)

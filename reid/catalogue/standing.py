"""A season as it stands, in the form that counting it needs: whose each encounter is, and what persons denied.

A recording says whose an encounter is by its spots, and may be wrong. A person may say less than a name and more: that
two photos show one animal or two, or that an encounter is nobody's who is known. Reads the tables of
`reid.catalogue.present`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from reid.catalogue import state
from reid.catalogue.answers import verdicts

__all__ = ["Encounter", "Said", "Seen", "Standing", "standing"]

FOUNDING = ("decide", "move", "split", "part")
"""Edits by which a person makes a new individual of an encounter, and so says that it is none of the others."""


class Seen(NamedTuple):
    """A sighting of the season: its encounter, its photo, the flank it shows, whether it is of use."""

    encounter: str
    image_id: str
    orientation: str
    usable: bool


@dataclass(frozen=True)
class Encounter:
    """An encounter of the season.

    Attributes:
        name: As the recording calls it.
        identity: Whose it is; None if nobody knows.
        individual: That individual before merges, so that two of one identity tell that a person merged them.
        human: Whether a person decided.
        founding: Whether that person made a new individual of it, that is none of the others.
        denied: The individual that it was taken away from.
        divided: Whether an answer took it away, and nobody has said since whose it is.
        probability: That the decision is right.
        reason: In words.
    """

    name: str
    identity: str | None
    individual: int | None
    human: bool
    founding: bool
    denied: str | None
    divided: bool
    probability: float
    reason: str


class Said(NamedTuple):
    """The last standing answer about two sightings."""

    query: str
    candidate: str
    said: str


@dataclass(frozen=True)
class Standing:
    """A season as it stands.

    Attributes:
        run: Its id.
        encounters: By name.
        seen: Its sightings by key.
        elsewhere: Of sightings of other seasons, whose they are; those of nobody are left out.
        known_flanks: The flanks that other seasons hold of each individual.
        said: Answers about two sightings, of this season and others.
        revision: The state that was read.
    """

    run: str
    encounters: dict[str, Encounter]
    seen: dict[str, Seen]
    elsewhere: dict[str, str]
    known_flanks: dict[str, frozenset[str]]
    said: tuple[Said, ...]
    revision: int


SEEN = (
    "SELECT s.sighting, s.encounter, s.image_id, s.orientation, s.usable, person.name, s.individual, s.human, "
    "s.place, s.probability, s.reason FROM shown s LEFT JOIN person ON person.individual = s.individual "
    "WHERE s.run = ? ORDER BY s.sighting"
)
ELSEWHERE = (
    "SELECT s.sighting, person.name, s.orientation FROM shown s JOIN person ON person.individual = s.individual "
    "WHERE s.run <> ? AND s.usable"
)
DECIDED = (
    "SELECT d.event = i.event, e.kind, person.name FROM standing s "
    "JOIN decision d ON d.decision = coalesce(s.basis, s.decision) JOIN event e ON e.event = d.event "
    "LEFT JOIN individual i ON i.individual = d.individual LEFT JOIN decision old ON old.decision = d.supersedes "
    "LEFT JOIN person ON person.individual = old.individual WHERE s.encounter = ?"
)


def standing(connection: sqlite3.Connection, run_id: str) -> Standing:
    """The season of a run; empty where there is no such run."""
    encounters: dict[str, Encounter] = {}
    seen: dict[str, Seen] = {}
    for sighting, name, image, flank, usable, identity, own, human, place, probability, reason in connection.execute(
        SEEN, (run_id,)
    ).fetchall():
        seen[sighting] = Seen(name, image, flank, bool(usable))
        if name in encounters:
            continue
        founding, denied, divided = False, None, False
        if human:
            created, kind, before = connection.execute(DECIDED, (place,)).fetchone()
            founding = bool(created) and kind in FOUNDING
            denied = before if before != identity else None
            divided = identity is None and kind == "answer"
        encounters[name] = Encounter(name, identity, own, bool(human), founding, denied, divided, probability, reason)
    elsewhere: dict[str, str] = {}
    flanks: dict[str, set[str]] = {}
    for sighting, identity, flank in connection.execute(ELSEWHERE, (run_id,)):
        elsewhere[sighting] = identity
        flanks.setdefault(identity, set()).add(flank)
    return Standing(
        run_id,
        encounters,
        seen,
        elsewhere,
        {name: frozenset(sides) for name, sides in flanks.items()},
        tuple(_said(connection)),
        state.last_event(connection),
    )


def _said(connection: sqlite3.Connection) -> Iterable[Said]:
    given = verdicts(connection)
    crops = {crop for verdict in given for crop in (verdict.one, verdict.other)}
    keys = dict(connection.execute("SELECT crop, sighting FROM shown").fetchall()) if crops else {}
    for verdict in given:
        if verdict.one in keys and verdict.other in keys:
            yield Said(keys[verdict.one], keys[verdict.other], verdict.said)

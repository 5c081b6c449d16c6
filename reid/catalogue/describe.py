"""What people say of an animal or a photo beside whose it is: sex, age, use, notes and tags. In a transaction."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Sequence

from reid.catalogue import names, state
from reid.catalogue.events import Event, check_words, person
from reid.catalogue.present import tags
from reid.catalogue.revisions import refuse_stale
from reid.catalogue.subjects import find_crop, gather
from reid.catalogue.views import STANDS
from reid.errors import CatalogueError
from reid.tables import UNKNOWN

__all__ = ["mark", "note", "set_trait", "tag"]

VALUES = {"sex": state.SEXES, "age": state.AGES}


def set_trait(
    connection: sqlite3.Connection, identity: str, kind: str, value: str, by: str, reason: str, revision: int | None
) -> None:
    """Say an individual's "sex" or "age"."""
    person(by)
    if value not in VALUES[kind]:
        raise CatalogueError(f"{value!r} is no {kind}; choose one of {', '.join(VALUES[kind])}.")
    individual = names.find(connection, identity)
    refuse_stale(connection, revision, [individual], ("trait", "merge"))
    if state.traits(connection).get((individual, kind), UNKNOWN) == value:
        raise CatalogueError(f"the {kind} of {identity!r} is {value} already; nothing was changed.")
    Event(connection, kind, by, reason=reason).add("trait", individual=individual, kind=kind, value=value)


def mark(
    connection: sqlite3.Connection, sightings: Sequence[str], usable: bool, by: str, reason: str, revision: int | None
) -> None:
    """Say whether sightings can be used to tell the animal."""
    person(by)
    crops = [crop.crop for crop in gather(connection, sightings)]
    marks = ", ".join("?" * len(crops))
    present = connection.execute(f"SELECT usable FROM present WHERE crop IN ({marks})", crops).fetchall()
    if not {int(not usable)} & {row[0] for row in present}:
        raise CatalogueError(
            f"these {len(crops)} sightings are marked {'usable' if usable else 'unusable'} already; nothing was changed."
        )
    refuse_stale(connection, revision, crops=crops)
    event = Event(connection, "usable" if usable else "unusable", by, reason=reason)
    for crop in crops:
        event.add("marking", crop=crop, usable=int(usable))


def _subject(connection: sqlite3.Connection, identity: str | None, sighting: str | None) -> dict[str, int]:
    if identity is not None:
        return {"individual": names.find(connection, identity)}
    return {"crop": find_crop(connection, sighting or "").crop}


def note(connection: sqlite3.Connection, identity: str | None, sighting: str | None, words: str, by: str) -> int:
    """Write something down about an individual or a sighting; returns the event's number, to take it back by."""
    person(by)
    subject = _subject(connection, identity, sighting)
    words = check_words(words, "the note")
    if not words:
        raise CatalogueError("the note is empty; nothing was written.")
    event = Event(connection, "note", by)
    event.add("note", words=words, **subject)
    return event.number


def tag(
    connection: sqlite3.Connection, identity: str | None, sighting: str | None, name: str, given: bool, by: str
) -> None:
    """Give an individual or a sighting a tag, or take it off."""
    person(by)
    subject = _subject(connection, identity, sighting)
    name = unicodedata.normalize("NFC", " ".join(check_words(name, "the tag", 100).split()))
    folded = names.fold(name)
    if not folded:
        raise CatalogueError("the tag is empty; give at least one visible character.")
    if "individual" in subject:
        borne = any(root == subject["individual"] and has == folded for root, _, has in tags(connection))
    else:
        row = connection.execute(
            f"SELECT given FROM tag WHERE crop = ? AND folded = ? AND {STANDS.format('tag')} ORDER BY tag DESC LIMIT 1",
            (subject["crop"], folded),
        ).fetchone()
        borne = bool(row and row[0])
    if borne == given:
        raise CatalogueError(
            f"{identity or sighting!r} {'has' if given else 'does not have'} the tag {name!r} already."
        )
    event = Event(connection, "tag" if given else "untag", by)
    event.add("tag", name=name, folded=folded, given=int(given), **subject)

"""Flanks: two that turn out to be one animal are joined, two that do not are parted. Inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from reid.catalogue import names
from reid.catalogue.edit import merge, take_out
from reid.catalogue.events import Event, person
from reid.catalogue.revisions import refuse_stale
from reid.catalogue.subjects import crops_of_individual, gather
from reid.errors import CatalogueError
from reid.tables import FLANKS

__all__ = ["join", "part", "set_flank"]

SIDES = ("left", "right")


def _flank(flank: str) -> str:
    if flank not in FLANKS:
        raise CatalogueError(f"{flank!r} is no flank; choose one of {', '.join(FLANKS)}.")
    return flank


def join(connection: sqlite3.Connection, one: str, other: str, by: str, reason: str, revision: int | None) -> str:
    """Make the individuals behind a left and a right flank one, under the first one's name, which is returned."""
    shown = []
    for name in (one, other):
        crops = crops_of_individual(connection, names.find(connection, name))
        shown.append({crop.orientation for crop in crops} & set(SIDES))
    if not shown[0] or not shown[1] or shown[0] & shown[1]:
        words = [
            f"{name!r} shows {' and '.join(sorted(sides)) or 'neither'}"
            for name, sides in zip((one, other), shown, strict=True)
        ]
        raise CatalogueError(
            f"to join two flanks, one individual must show the left and one the right only; {', '.join(words)}. "
            "Compare the flank that both show, and merge them if they are one."
        )
    return merge(connection, one, other, by, reason, revision, kind="join")


def part(
    connection: sqlite3.Connection, identity: str, flank: str, by: str, reason: str, pattern: str, revision: int | None
) -> str:
    """Make the sightings of one flank of an individual a new individual; returns its name."""
    person(by)
    if _flank(flank) not in SIDES:
        raise CatalogueError(f"an individual is parted into left and right; {flank!r} is neither.")
    root = names.find(connection, identity)
    own = crops_of_individual(connection, root)
    moved = [crop for crop in own if crop.orientation == flank]
    if not moved or len(moved) == len(own):
        raise CatalogueError(
            f"{identity!r} has {len(moved)} sightings of the {flank} flank and {len(own) - len(moved)} others; "
            "it can be parted only where it has both. Nothing was changed."
        )
    return take_out(Event(connection, "part", by, reason=reason), root, moved, pattern, revision)


def set_flank(
    connection: sqlite3.Connection, sightings: Sequence[str], flank: str, by: str, reason: str, revision: int | None
) -> None:
    """Say which flank sightings show."""
    person(by)
    crops = gather(connection, sightings)
    changed = [crop for crop in crops if crop.orientation != _flank(flank)]
    if not changed:
        raise CatalogueError(f"these {len(crops)} sightings show the {flank} flank already; nothing was changed.")
    refuse_stale(connection, revision, crops={crop.crop for crop in crops})
    event = Event(connection, "flank", by, reason=reason)
    for crop in crops:
        event.add("facing", crop=crop.crop, orientation=flank)

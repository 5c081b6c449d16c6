"""What an edit is about: finds runs, encounters, sightings and whole individuals by what people call them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reid.catalogue.events import run_row
from reid.errors import CatalogueError, choices

__all__ = ["Crop", "crops_of_encounter", "crops_of_individual", "find_crop", "find_encounter", "gather"]


class Crop(NamedTuple):
    """A crop as it counts now: rows of itself, its run, its encounter; the flank it shows; whose it is, by root."""

    crop: int
    run: int
    encounter: int
    orientation: str
    root: int | None


SELECT = (
    "SELECT p.crop, p.run, p.encounter, p.orientation, root.root FROM present p "
    "JOIN standing d ON d.encounter = p.encounter LEFT JOIN root ON root.individual = d.individual WHERE {}"
)


def _run(connection: sqlite3.Connection, run_id: str) -> int:
    run = run_row(connection, run_id)
    if run is None:
        known = [row[0] for row in connection.execute("SELECT run_id FROM run")]
        raise CatalogueError(f"the catalogue has no run {run_id!r}; it has {choices(known) or 'none'}.")
    return run


def _those(connection: sqlite3.Connection, crops: Iterable[int]) -> list[Crop]:
    out = []
    for crop in sorted(set(crops)):
        row = connection.execute(SELECT.format("p.crop = ?"), (crop,)).fetchone()
        if row is not None:
            out.append(Crop(*row))
    return out


def crops_of_encounter(connection: sqlite3.Connection, encounter: int) -> list[Crop]:
    """The crops that are in an encounter now."""
    ever = connection.execute(
        "SELECT crop FROM sighting WHERE encounter = ?1 UNION SELECT crop FROM placing WHERE encounter = ?1",
        (encounter,),
    ).fetchall()
    return [crop for crop in _those(connection, (row[0] for row in ever)) if crop.encounter == encounter]


def crops_of_individual(connection: sqlite3.Connection, root: int) -> list[Crop]:
    """The crops that are an individual's now."""
    ever = connection.execute(
        "SELECT DISTINCT d.encounter FROM decision d JOIN root USING (individual) WHERE root.root = ?", (root,)
    ).fetchall()
    found = [crop for (encounter,) in ever for crop in crops_of_encounter(connection, encounter)]
    return sorted(crop for crop in found if crop.root == root)


def find_encounter(connection: sqlite3.Connection, run_id: str, name: str) -> list[Crop]:
    """The crops of an encounter, at least one.

    Raises:
        CatalogueError: there is no such run, or no such encounter in it.
    """
    run = _run(connection, run_id)
    rows = connection.execute("SELECT encounter FROM encounter WHERE run = ? AND name = ?", (run, name)).fetchall()
    for (encounter,) in rows:
        crops = crops_of_encounter(connection, encounter)
        if crops:
            return crops
    raise CatalogueError(f"run {run_id!r} has no encounter {name!r}. Its decisions list those it has.")


def find_crop(connection: sqlite3.Connection, sighting: str) -> Crop:
    """The crop of a sighting's key, `run:crop_id`.

    Raises:
        CatalogueError: there is none, or it was withdrawn.
    """
    run_id, colon, crop_id = sighting.partition(":")
    if not colon:
        raise CatalogueError(f"{sighting!r} is no sighting; a sighting is written RUN:CROP, as the listings show it.")
    run = _run(connection, run_id)
    row = connection.execute("SELECT crop FROM crop WHERE run = ? AND crop_id = ?", (run, crop_id)).fetchone()
    found = _those(connection, [row[0]]) if row else []
    if not found:
        raise CatalogueError(f"run {run_id!r} has no sighting {crop_id!r}. `sightings()` lists those it has.")
    return found[0]


def gather(connection: sqlite3.Connection, parts: Sequence[str | tuple[str, str]]) -> list[Crop]:
    """The crops of sightings ("run:crop_id") and of whole encounters ((run, encounter), or "run:encounter"), each once.

    Raises:
        CatalogueError: one of them does not exist.
    """
    found: set[Crop] = set()
    for part in parts:
        if not isinstance(part, str):
            found.update(find_encounter(connection, *part))
            continue
        try:
            found.add(find_crop(connection, part))
        except CatalogueError:
            run_id, colon, name = part.partition(":")
            rows = connection.execute(
                "SELECT 1 FROM encounter JOIN run USING (run) WHERE run_id = ? AND name = ?", (run_id, name)
            )
            if not colon or rows.fetchone() is None:
                raise
            found.update(find_encounter(connection, run_id, name))
    return sorted(found)

"""What a merge or a split would change, told before it is done. Reads the tables of `reid.catalogue.present`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reid.catalogue import names
from reid.catalogue.answers import verdicts
from reid.catalogue.subjects import gather
from reid.errors import CatalogueError
from reid.tables import FLANKS, UNKNOWN

__all__ = ["Preview", "merging", "splitting"]


@dataclass(frozen=True)
class Preview:
    """What would be.

    Attributes:
        results: The individuals that would come out, as dictionaries: identity ("new" for one that is not there
            yet), sightings, encounters, flanks, seasons, stations, first_seen, last_seen.
        individuals: How many individuals the catalogue would have, against now, as (now, then).
        seasons: The same for each season that is touched.
        warnings: What speaks against it, in sentences.
        revision: The state that was read; give it to the edit, so that it is refused if anything changed since.
    """

    results: list[dict[str, Any]]
    individuals: tuple[int, int]
    seasons: dict[str, tuple[int, int]]
    warnings: list[str]
    revision: int


COLUMNS = ("crop", "run", "place", "orientation", "station", "date", "image_id", "encounter")
OWN = f"SELECT {', '.join(COLUMNS)} FROM shown WHERE individual IN (SELECT individual FROM person WHERE root = ?)"


def _own(connection: sqlite3.Connection, root: int) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in connection.execute(OWN, (root,))]


def _result(identity: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sides, dates = {row["orientation"] for row in rows}, sorted(row["date"] for row in rows if row["date"])
    return {
        "identity": identity,
        "sightings": len(rows),
        "encounters": len({row["place"] for row in rows}),
        "flanks": [flank for flank in FLANKS if flank in sides and flank != UNKNOWN],
        "seasons": sorted({row["run"] for row in rows}),
        "stations": sorted({row["station"] for row in rows if row["station"]}),
        "first_seen": dates[0] if dates else None,
        "last_seen": dates[-1] if dates else None,
    }


def _counts(
    connection: sqlite3.Connection,
    before: Sequence[Sequence[dict[str, Any]]],
    after: Sequence[Sequence[dict[str, Any]]],
) -> tuple[tuple[int, int], dict[str, tuple[int, int]]]:
    """Individuals now and then, in all and of each season that the groups of sightings are in."""
    found = "SELECT count(DISTINCT p.root) FROM person p JOIN shown s ON s.individual = p.individual"
    total = connection.execute(found).fetchone()[0]
    filled = [sum(bool(group) for group in groups) for groups in (before, after)]
    seasons = {}
    for run in sorted({row["run"] for group in before for row in group}):
        now = connection.execute(f"{found} WHERE s.run = ?", (run,)).fetchone()[0]
        there = [sum(any(row["run"] == run for row in group) for group in groups) for groups in (before, after)]
        seasons[run] = (now, now - there[0] + there[1])
    return (total, total - filled[0] + filled[1]), seasons


def merging(connection: sqlite3.Connection, keep: str, gone: str) -> Preview:
    """What `merge(keep, gone)` would change.

    Raises:
        CatalogueError: one of them does not exist, or they are one already.
    """
    roots = [names.find(connection, name) for name in (keep, gone)]
    if roots[0] == roots[1]:
        raise CatalogueError(f"{keep!r} and {gone!r} are one individual already; there is nothing to merge.")
    one, other = (_own(connection, root) for root in roots)
    called = [names.present(connection, root) for root in roots]
    warnings = []
    sexes = [connection.execute("SELECT sex FROM person WHERE individual = ?", (r,)).fetchone()[0] for r in roots]
    if UNKNOWN not in sexes and sexes[0] != sexes[1]:
        warnings.append(f"{called[0]} is {sexes[0]}, {called[1]} is {sexes[1]}.")
    frames = sorted({(r["run"], r["image_id"]) for r in one} & {(r["run"], r["image_id"]) for r in other})
    if frames:
        warnings.append(f"Both stand in one photo, {frames[0][1]}: they cannot be one animal.")
    mine, theirs = {row["crop"] for row in one}, {row["crop"] for row in other}
    apart = [
        v
        for v in verdicts(connection)
        if v.said == "different" and {v.one, v.other} & mine and {v.one, v.other} & theirs
    ]
    if apart:
        warnings.append(
            f"{len(apart)} of their pairs {'were' if len(apart) > 1 else 'was'} called different by a person."
        )
    sides = [{r["orientation"] for r in rows} & {"left", "right"} for rows in (one, other)]
    if sides[0] and sides[1] and not sides[0] & sides[1]:
        warnings.append("They share no flank, so no spots can show that they are one.")
    totals, seasons = _counts(connection, [one, other], [one + other])
    return Preview([_result(called[0], one + other)], totals, seasons, warnings, _revision(connection))


def splitting(connection: sqlite3.Connection, identity: str, parts: Sequence[str | tuple[str, str]]) -> Preview:
    """What `split(identity, parts)` would change.

    Raises:
        CatalogueError: there is no such individual or sighting, or they are not its own, or all of them.
    """
    root = names.find(connection, identity)
    own = _own(connection, root)
    chosen = {crop.crop for crop in gather(connection, parts)}
    moved, left = [r for r in own if r["crop"] in chosen], [r for r in own if r["crop"] not in chosen]
    if not moved or not left or len(moved) != len(chosen):
        raise CatalogueError(
            f"to split {identity!r} choose some of its {len(own)} sightings, not all and no others; "
            f"of the {len(chosen)} chosen, {len(moved)} are its own."
        )
    cut = sorted({row["encounter"] for row in moved if row["place"] in {r["place"] for r in left}})
    warnings = [f"Encounter {name} is cut in two." for name in cut]
    totals, seasons = _counts(connection, [own], [left, moved])
    results = [_result(names.present(connection, root), left), _result(names.NEW, moved)]
    return Preview(results, totals, seasons, warnings, _revision(connection))


def _revision(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(event), 0) FROM event").fetchone()[0])

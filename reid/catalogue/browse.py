"""Listings, a page at a time: individuals by what was seen of them, their sightings, those without identity."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from reid.catalogue import names, state
from reid.catalogue.present import tags
from reid.catalogue.views import STANDS
from reid.errors import CatalogueError, choices
from reid.tables import FLANKS, UNKNOWN

__all__ = ["ORDERS", "Filter", "Page", "about", "encounter", "facets", "individuals", "sighting", "sightings"]

LARGEST = 1000


@dataclass(frozen=True)
class Page:
    """Some rows of a listing, and how many there are in all.

    Attributes:
        rows: Plain dictionaries.
        total: Rows of the whole listing.
        page: Which page this is, from 1.
        size: Rows of a full page.
        revision: The state that was read; an edit that is based on it names it.
    """

    rows: list[dict[str, Any]]
    total: int
    page: int
    size: int
    revision: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))


@dataclass(frozen=True)
class Filter:
    """What a listing is narrowed to; None does not narrow.

    Attributes:
        text: Part of a name, an earlier name, a note or a tag ("#gravid"); a number finds that number.
        season: Seen in this run.
        station: Seen at this station, in that season if one is named.
        sex: As a person said.
        flank: Showing this flank, at that station and in that season if they are named.
        certainty: Lowest and highest probability of its least certain decision; a person's has 1.
        usable: Of sightings: only usable ones, or only those that are not.
    """

    text: str = ""
    season: str | None = None
    station: str | None = None
    sex: str | None = None
    flank: str | None = None
    certainty: tuple[float, float] | None = None
    usable: bool | None = None

    def __post_init__(self) -> None:
        if self.sex is not None and self.sex not in state.SEXES:
            raise CatalogueError(f"sex={self.sex!r} is none of {', '.join(state.SEXES)}.")
        if self.flank is not None and self.flank not in FLANKS:
            raise CatalogueError(f"flank={self.flank!r} is none of {', '.join(FLANKS)}.")
        if self.certainty is not None and not 0 <= self.certainty[0] <= self.certainty[1] <= 1:
            raise CatalogueError(f"certainty={self.certainty!r} must be two probabilities, the lower first.")


ORDERS = {
    "name": "r.name",
    "number": "r.number",
    "sightings": "sightings DESC, r.name",
    "encounters": "encounters DESC, r.name",
    "last seen": "last_seen DESC, r.name",
    "first seen": "first_seen, r.name",
    "certainty": "certainty, r.name",
}

SUMMARY = """
SELECT r.individual AS root, r.name, r.number, r.sex, r.age, count(*) AS sightings,
    count(DISTINCT s.place) AS encounters, min(s.date) AS first_seen, max(s.date) AS last_seen,
    min(s.probability) AS certainty, min(s.human) AS confirmed, json_group_array(DISTINCT s.orientation) AS flanks,
    json_group_array(DISTINCT s.run) AS seasons, count(DISTINCT s.station) AS stations, min(s.sighting) AS cover
FROM person r JOIN person p ON p.root = r.individual JOIN shown s ON s.individual = p.individual
WHERE r.root = r.individual AND {} GROUP BY r.individual
"""


def _where(wanted: Filter) -> tuple[list[str], list[Any]]:
    """What a sighting must fulfil."""
    terms: list[str] = []
    values: list[Any] = []
    for column, value in (("run", wanted.season), ("station", wanted.station), ("orientation", wanted.flank)):
        if value is not None:
            terms.append(f"s.{column} = ?")
            values.append(value)
    if wanted.usable is not None:
        terms.append("s.usable = ?")
        values.append(int(wanted.usable))
    return terms, values


def _paged(page: int, size: int) -> tuple[int, int]:
    if page < 1 or not 1 <= size <= LARGEST:
        raise CatalogueError(f"page {page} of {size} rows: pages count from 1 and have 1 to {LARGEST} rows.")
    return size, (page - 1) * size


def _rows(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def individuals(connection: sqlite3.Connection, wanted: Filter, order: str, page: int, size: int) -> Page:
    """Individuals that the filter leaves, each summed up over all its sightings."""
    if order not in ORDERS:
        raise CatalogueError(f"order={order!r} is unknown; choose one of {choices(ORDERS)}.")
    limit, offset = _paged(page, size)
    terms, values = _where(wanted)
    conditions, given = ["1"], []
    if terms:
        conditions.append(
            "r.individual IN (SELECT q.root FROM shown s JOIN person q ON q.individual = s.individual "
            f"WHERE {' AND '.join(terms)})"
        )
        given += values
    if wanted.sex is not None:
        conditions.append("r.sex = ?")
        given.append(wanted.sex)
    text = names.fold(wanted.text)
    if text:
        conditions.append("(instr(r.words, ?) > 0 OR CAST(r.number AS TEXT) = ?)")
        given += [text, text]
    query = SUMMARY.format(" AND ".join(conditions))
    if wanted.certainty is not None:
        query += " HAVING min(s.probability) BETWEEN ? AND ?"
        given += list(wanted.certainty)
    rows = _rows(connection.execute(f"{query} ORDER BY {ORDERS[order]}", given))
    out = [_summary(row) for row in rows[offset : offset + limit]]
    return Page(out, len(rows), page, size, state.last_event(connection))


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    sides = set(json.loads(row.pop("flanks")))
    del row["root"]
    return {
        "identity": row.pop("name"),
        **row,
        "confirmed": bool(row["confirmed"]),
        "flanks": [flank for flank in FLANKS if flank in sides and flank != UNKNOWN],
        "seasons": sorted(json.loads(row["seasons"])),
    }


SIGHTING = (
    "sighting, run, encounter, orientation, quality, usable, date, station, camera, probability, human, reason, path, image_id, "
    "content_hash, x, y, width, height"
)


def sightings(connection: sqlite3.Connection, wanted: Filter, identity: str | None, page: int, size: int) -> Page:
    """Sightings of one individual, or, with None, of nobody; by time, those without one last."""
    limit, offset = _paged(page, size)
    terms, values = _where(wanted)
    if identity is None:
        terms.append("s.individual IS NULL")
    else:
        terms.append("s.individual IN (SELECT individual FROM person WHERE root = ?)")
        values.append(names.find(connection, identity))
    if wanted.certainty is not None:
        terms.append("s.probability BETWEEN ? AND ?")
        values += list(wanted.certainty)
    if wanted.text.strip():
        terms.append(
            "(instr(s.path || char(10) || s.encounter, ?) > 0 OR instr(lower(s.path || char(10) || s.encounter), ?) > 0)"
        )
        values += [wanted.text.strip(), wanted.text.strip().lower()]
    where = f"FROM shown s WHERE {' AND '.join(terms)}"
    total = connection.execute(f"SELECT count(*) {where}", values).fetchone()[0]
    query = f"SELECT {SIGHTING} {where} ORDER BY s.date IS NULL, s.date, s.sighting LIMIT ? OFFSET ?"
    rows = [_plain(row) for row in _rows(connection.execute(query, [*values, limit, offset]))]
    return Page(rows, total, page, size, state.last_event(connection))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    row["usable"], row["human"] = bool(row["usable"]), bool(row["human"])
    row["bbox"] = [row.pop(name) for name in ("x", "y", "width", "height")]
    return row


NAMED = ", ".join(f"s.{name}" for name in SIGHTING.split(", ")) + ", person.name AS identity, person.root"
OF = f"SELECT {NAMED} FROM shown s LEFT JOIN person ON person.individual = s.individual WHERE "


def sighting(connection: sqlite3.Connection, key: str) -> dict[str, Any] | None:
    """One sighting, with whose it is; None if there is none."""
    rows = _rows(connection.execute(f"{OF} s.sighting = ?", (key,)))
    return _identified(connection, rows[0]) if rows else None


def encounter(connection: sqlite3.Connection, run_id: str, name: str) -> list[dict[str, Any]]:
    """The sightings of an encounter, by time."""
    given = connection.execute(
        "SELECT encounter FROM encounter JOIN run USING (run) WHERE run_id = ? AND name = ?", (run_id, name)
    )
    query = f"{OF} s.place = ? ORDER BY s.date IS NULL, s.date, s.sighting"
    return [
        _identified(connection, row)
        for (place,) in given.fetchall()
        for row in _rows(connection.execute(query, (place,)))
    ]


def _identified(connection: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    root = row.pop("root")
    number = connection.execute("SELECT number FROM person WHERE individual = ?", (root,)).fetchone()
    return {**_plain(row), "number": number[0] if number else None}


def about(connection: sqlite3.Connection, identity: str) -> dict[str, Any]:
    """All that is said of one individual: its summary, names, notes and tags. Without sightings its summary is short."""
    root = names.find(connection, identity)
    rows = _rows(connection.execute(SUMMARY.format("r.individual = ?"), (root,)))
    name, number, sex, age = connection.execute(
        "SELECT name, number, sex, age FROM person WHERE individual = ?", (root,)
    ).fetchone()
    summary = (
        _summary(rows[0]) if rows else {"identity": name, "number": number, "sex": sex, "age": age, "sightings": 0}
    )
    notes = connection.execute(
        "SELECT event.event, at, who, x.words FROM note x JOIN event USING (event) JOIN person USING (individual) "
        f"WHERE person.root = ? AND {STANDS.format('x')} ORDER BY x.note",
        (root,),
    )
    return {
        **summary,
        "names": names.known_as(connection, root),
        "notes": _rows(notes),
        "tags": [tag for owner, tag, _ in tags(connection) if owner == root],
        "revision": state.last_event(connection),
    }


def facets(connection: sqlite3.Connection) -> dict[str, Any]:
    """What the filters can be set to, and how much there is of it."""

    def counted(column: str) -> dict[str, int]:
        query = f"SELECT {column}, count(*) FROM shown WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY {column}"
        return dict(connection.execute(query).fetchall())

    nobody, all_of_them = connection.execute("SELECT sum(individual IS NULL), count(*) FROM shown").fetchone()
    seen = connection.execute(
        "SELECT count(DISTINCT p.root) FROM person p JOIN shown s ON s.individual = p.individual"
    ).fetchone()[0]
    return {
        "individuals": seen, "sightings": all_of_them, "unidentified": nobody or 0,
        "seasons": counted("run"), "stations": counted("station"), "flanks": counted("orientation"),
        "revision": state.last_event(connection),
    }  # fmt: skip

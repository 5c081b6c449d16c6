"""One individual's page: its photos by flank, when and where it was met, and what may be done with it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from reid.catalogue import Filter
from reid.counts.timeline import Visit
from reid.counts.timeline import lay_out as lay_out_times
from reid.review.desk import Desk
from reid.review.plan import lay_out
from reid.review.words import moment, side

__all__ = ["individual_page"]

SHOWN = 12
"""Photos of each flank before one asks for all."""
SIZE = 60
MOST = 5000
"""Sightings that the timeline and the plan are made of, at most."""
SECTIONS = {"left": ("left",), "right": ("right",), "others": ("front", "back", "unknown")}


def individual_page(desk: Desk, number: int, flank: str, page: int) -> dict[str, Any]:
    """What the template takes.

    Args:
        desk: Has the catalogue.
        number: The individual's, or that of one that was merged into it.
        flank: Only the photos of this flank, a page of them; empty for the first few of each.
        page: Which page of them.

    Raises:
        CatalogueError: There is no such individual.
    """
    catalogue = desk.catalogue
    about = catalogue.about(str(number))
    name = about["identity"]
    sections = []
    for heading, sides in SECTIONS.items():
        if flank and flank not in sides:
            continue
        for one in sides:
            found = catalogue.gallery(name, Filter(flank=one), page if flank else 1, SIZE if flank else SHOWN)
            if found.rows:
                sections.append({"flank": one, "heading": side(one).capitalize(), "page": found, "of": heading})
    met = _encounters(desk, name)
    seasons = sorted({run for run, *_ in met})
    places = {name: place for run in seasons for name, place in desk.places(run).items()}
    count = Counter(station for _, _, station, _ in met if station)
    visits = [Visit(station, None if date is None else pd.Timestamp(date)) for _, _, station, date in met]
    return {
        "title": name,
        "about": about,
        "sections": sections,
        "flank": flank,
        "timeline": lay_out_times([(name, visits)]) if visits else None,
        "plan": lay_out(places, count),
        "stations": sorted(count.items(), key=lambda item: (-item[1], item[0])),
        "seasons": seasons,
        "revision": about["revision"],
    }


def _encounters(desk: Desk, name: str) -> list[tuple[str, str, str | None, Any]]:
    """Run, encounter, station and first time of every encounter."""
    first: dict[tuple[str, str], tuple[str | None, Any]] = {}
    page = 1
    while True:
        found = desk.catalogue.gallery(name, page=page, size=1000)
        for row in found.rows:
            first.setdefault((row["run"], row["encounter"]), (row["station"], moment(row["date"])))
        if page >= min(found.pages, MOST // 1000):
            break
        page += 1
    return [(*key, *value) for key, value in first.items()]

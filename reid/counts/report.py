"""The report: one page that holds everything it shows, for reading, sending and printing.

`ReportData` is data only; `write_report` turns it into one HTML file that asks for nothing from anywhere.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from reid.counts.content import Individual, MatchFigure, ReportData, Sighting, UnsureEncounter
from reid.counts.pictures import Limits, Picture, jpeg_bytes, limits_for
from reid.counts.timeline import Visit, describe, lay_out
from reid.counts.words import flank_word, headline, joined, names, percent, plural, sentence, settings_rows, summary
from reid.errors import OutputError

__all__ = ["render_report", "write_report"]

_MOST_PROBLEMS = 200
_MOST_UNSURE_PICTURES = 60


def write_report(path: str | Path, report: ReportData, photos_per_individual: int = 12) -> None:
    """Write the report as one HTML file, whole or not at all. The same data gives the same bytes.

    Args:
        path: The file to write.
        report: What it shows.
        photos_per_individual: How many photos, and at most how many matches, of one animal are shown; a
            season of very many animals shows fewer and smaller ones, see `limits_for`.

    Raises:
        OutputError: the file cannot be written.
    """
    # A file name that is no valid text still has to be shown somehow.
    page = render_report(report, photos_per_individual).encode("utf-8", errors="backslashreplace")
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(page)
        partial.replace(path)
    except OSError as error:
        raise OutputError(
            f"the report {path} cannot be written: {error.strerror}. Name a folder that can be written."
        ) from None


def render_report(report: ReportData, photos_per_individual: int = 12) -> str:
    """The page of `write_report` as text."""
    from jinja2 import DictLoader, Environment, StrictUndefined
    from markupsafe import Markup

    folder = files("reid.counts")
    limits = limits_for(len(report.individuals), photos_per_individual)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(
        percent=percent, sentence=sentence, when=describe, plural=plural, flank=flank_word, join_words=joined
    )
    environment.loader = DictLoader({"section.html.jinja": (folder / "section.html.jinja").read_text(encoding="utf-8")})
    template = environment.from_string((folder / "report.html.jinja").read_text(encoding="utf-8"))
    people = [_individual(individual, limits) for individual in report.individuals]
    return template.render(
        report=report,
        census=report.census,
        headline=headline(report.census),
        summary=summary(report.census),
        period=_period(report.census["period"]),
        css=Markup((folder / "report.css").read_text(encoding="utf-8")),
        people=people,
        timeline=lay_out([(one.identity, _visits(one)) for one in report.individuals]),
        unsure=[_unsure(one, limits, i < _MOST_UNSURE_PICTURES) for i, one in enumerate(report.unsure)],
        problems=list(report.problems)[:_MOST_PROBLEMS],
        problems_left=max(0, len(report.problems) - _MOST_PROBLEMS),
        settings=settings_rows(report.census.get("settings", {})),
        names=names,
    )


def _period(period: Mapping[str, str | None]) -> str | None:
    ends = [period.get("first"), period.get("last")]
    days = [describe(pd.Timestamp(end), clock=False) for end in ends if end]
    return " to ".join(dict.fromkeys(days)) or None


def _visits(individual: Individual) -> list[Visit]:
    return [Visit(rows[0].station, _first(rows)) for rows in _encounters(individual.sightings)]


def _first(sightings: Sequence[Sighting]) -> pd.Timestamp | None:
    dates = [sighting.date for sighting in sightings if sighting.date is not None and not pd.isna(sighting.date)]
    return min(dates) if dates else None


def _encounters(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    """Sightings by encounter, the earliest first, those without a time last."""
    rows: dict[str, list[Sighting]] = {}
    for sighting in sightings:
        rows.setdefault(sighting.encounter, []).append(sighting)

    def order(name: str) -> tuple[bool, pd.Timestamp, str]:
        first = _first(rows[name])
        return first is None, first or pd.Timestamp(0), name

    return [rows[name] for name in sorted(rows, key=order)]


def _individual(individual: Individual, limits: Limits) -> dict[str, Any]:
    shown = [sighting for sighting in individual.sightings if sighting.picture is not None][: limits.photos_each]
    matches = list(individual.matches)
    return {
        "it": individual,
        "photos": [
            {"it": sighting, "picture": _shown(sighting.picture, limits.photo_side, limits.photo_quality)}
            for sighting in shown
        ],
        "photos_left": len(individual.sightings) - len(shown),
        "encounters": [
            {
                "station": rows[0].station,
                "cameras": sorted({row.camera for row in rows if row.camera}),
                "date": _first(rows),
                "flanks": sorted({row.flank for row in rows}, key=_flank_order),
                "crops": len(rows),
                "decision": rows[0].decision,
                "probability": rows[0].probability,
            }
            for rows in _encounters(individual.sightings)
        ],
        "matches": [_match(match, limits) for match in matches[: limits.matches_each]],
        "matches_left": max(0, len(matches) - limits.matches_each),
        "stations": sorted({row.station for row in individual.sightings if row.station}),
    }


def _flank_order(flank: str) -> int:
    order = ("left", "right", "front", "back", "other", "unknown")
    return order.index(flank) if flank in order else len(order)


def _match(match: MatchFigure, limits: Limits) -> dict[str, Any]:
    return {"it": match, "picture": _shown(match.image, limits.match_width, limits.match_quality)}


def _unsure(unsure: UnsureEncounter, limits: Limits, pictured: bool) -> dict[str, Any]:
    pictures = unsure.pictures[:2] if pictured else ()
    return {
        "it": unsure,
        "pictures": [_shown(picture, limits.photo_side, limits.photo_quality) for picture in pictures],
        "pictures_left": len(unsure.pictures) - len(pictures),
        "match": _match(unsure.match if pictured else replace(unsure.match, image=None), limits)
        if unsure.match
        else None,
    }


def _shown(picture: Picture | None, longest: int, quality: int) -> dict[str, Any] | None:
    """The picture as the page shows it, with its size, so that the page does not jump while it loads."""
    if picture is None:
        return None
    encoded = jpeg_bytes(picture, longest, quality)
    with Image.open(io.BytesIO(encoded)) as image:
        width, height = image.size
    return {
        "address": "data:image/jpeg;base64," + b64encode(encoded).decode("ascii"),
        "width": width,
        "height": height,
    }

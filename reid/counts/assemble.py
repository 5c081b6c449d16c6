"""From the census tables to the report's data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from reid.counts.content import (
    Individual,
    MatchFigure,
    Problem,
    ReportData,
    Sighting,
    StationEntry,
    UnsureEncounter,
)
from reid.counts.pictures import Picture
from reid.counts.section import Section

__all__ = ["assemble_report"]


def assemble_report(
    title: str,
    census: Mapping[str, Any],
    sightings: pd.DataFrame,
    individuals: pd.DataFrame,
    decisions: pd.DataFrame,
    stations: pd.DataFrame,
    photos: pd.DataFrame,
    problems: pd.DataFrame,
    pictures: Mapping[str, Picture] | None = None,
    matches: Mapping[str, Sequence[MatchFigure]] | None = None,
    candidates: Mapping[str, tuple[str, float | None]] | None = None,
    method: Mapping[str, str] | None = None,
    limits: Sequence[str] = (),
    sections: Sequence[Section] = (),
) -> ReportData:
    """Put the report's data together.

    Args:
        title: Of the report.
        census: From `census_tables`.
        sightings: From `census_tables`.
        individuals: From `census_tables`.
        decisions: A DECISIONS table.
        stations: A STATIONS table.
        photos: A PHOTOS table.
        problems: A PROBLEMS table.
        pictures: By `crop_id`; `choose_pictures` says which are worth making.
        matches: Drawn matches by identity; for an unsure encounter by the encounter's name, of which the
            first is shown.
        candidates: By unsure encounter, its best candidate's name and the probability.
        method: How it was done, a heading and a sentence or two for each part.
        limits: What a reader should not conclude.
        sections: What else the report shows.
    """
    pictures, matches = dict(pictures or {}), dict(matches or {})
    rows = {name: _in_order(seen, pictures) for name, seen in sightings.groupby("identity", sort=True)}
    return ReportData(
        title=title,
        census=census,
        individuals=[
            Individual(
                identity=str(row["identity"]),
                decision=str(row["decision"]),
                probability=float(row["probability"]),
                flanks=tuple(str(row["flanks"]).split("; ")),
                sightings=tuple(_sighting(seen, pictures) for seen in rows[row["identity"]]),
                matches=tuple(matches.get(str(row["identity"]), ())),
            )
            for row in individuals.to_dict("records")
        ],
        unsure=_unsure(decisions, sightings, pictures, matches, dict(candidates or {})),
        problems=[Problem(*map(str, row)) for row in problems[["stage", "path", "reason"]].itertuples(index=False)],
        stations=_stations(stations, photos, sightings),
        method=dict(method or {}),
        limits=tuple(limits),
        sections=tuple(sections),
    )


def _in_order(sightings: pd.DataFrame, pictures: Mapping[str, Picture]) -> list[dict[Any, Any]]:
    """Sightings with a picture first, in the order that the pictures were given; then the others."""
    order = {crop: i for i, crop in enumerate(pictures)}
    return sorted(sightings.to_dict("records"), key=lambda row: order.get(row["crop_id"], len(order)))


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _sighting(row: Mapping[Any, Any], pictures: Mapping[str, Picture]) -> Sighting:
    return Sighting(
        path=str(row["path"]),
        encounter=str(row["encounter"]),
        station=_text(row["station"]),
        camera=_text(row["camera"]),
        date=None if pd.isna(row["date"]) else pd.Timestamp(row["date"]),
        flank=str(row["orientation"]),
        decision=str(row["decision"]),
        probability=float(row["probability"]),
        picture=pictures.get(row["crop_id"]),
    )


def _unsure(
    decisions: pd.DataFrame,
    sightings: pd.DataFrame,
    pictures: Mapping[str, Picture],
    matches: Mapping[str, Sequence[MatchFigure]],
    candidates: Mapping[str, tuple[str, float | None]],
) -> list[UnsureEncounter]:
    undecided = decisions[decisions["decision"] == "unsure"]
    by_encounter = dict(list(sightings[sightings["encounter"].isin(undecided["encounter"])].groupby("encounter")))
    out = []
    for row in undecided.to_dict("records"):
        name = str(row["encounter"])
        seen = _in_order(by_encounter[name], pictures) if name in by_encounter else []
        dates = [one["date"] for one in seen if not pd.isna(one["date"])]
        candidate, probability = candidates.get(name, (None, None))
        drawn = matches.get(name, ())
        out.append(
            UnsureEncounter(
                encounter=name,
                reason=str(row["reason"]),
                station=next((str(one["station"]) for one in seen if not pd.isna(one["station"])), None),
                date=pd.Timestamp(min(dates)) if dates else None,
                pictures=tuple(pictures[one["crop_id"]] for one in seen if one["crop_id"] in pictures),
                candidate=candidate,
                candidate_probability=probability,
                match=drawn[0] if drawn else None,
            )
        )
    return sorted(out, key=lambda one: (one.date is None, one.date or pd.Timestamp(0), one.encounter))


def _stations(stations: pd.DataFrame, photos: pd.DataFrame, sightings: pd.DataFrame) -> list[StationEntry]:
    taken = photos["station"].value_counts()
    met = sightings.groupby("station")["encounter"].nunique()
    return [
        StationEntry(
            station=str(name),
            cameras=tuple(sorted(map(str, rows["camera"]))),
            source=_weakest(rows["source"]),
            photos=int(taken.get(name, 0)),
            encounters=int(met.get(name, 0)),
        )
        for name, rows in stations.groupby("station", sort=True)
    ]


def _weakest(sources: Iterable[str]) -> str:
    """The weakest word on it decides: one inferred camera makes an inferred pair."""
    return min(map(str, sources), key=("inferred", "path", "table").index)

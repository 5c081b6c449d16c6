"""What a report shows, as data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from reid.counts.pictures import Picture
from reid.counts.section import Section

__all__ = [
    "Individual",
    "MatchFigure",
    "Problem",
    "ReportData",
    "Sighting",
    "StationEntry",
    "UnsureEncounter",
]


@dataclass(frozen=True)
class Sighting:
    """One crop. Without a picture it is counted and listed, and not shown."""

    path: str
    encounter: str
    station: str | None = None
    camera: str | None = None
    date: pd.Timestamp | None = None
    flank: str = "unknown"
    decision: str = "new"
    probability: float | None = None
    picture: Picture | None = None


@dataclass(frozen=True)
class MatchFigure:
    """A claimed match: the drawing of `draw_match`, and what it rests on."""

    caption: str
    image: Picture | None = None
    probability: float | None = None
    score: float | None = None
    spots: int | None = None
    kind: str = "same flank"
    """Or "paired cameras": two sides of one animal, joined without comparing spots."""


@dataclass(frozen=True)
class Individual:
    """One named animal."""

    identity: str
    decision: str
    probability: float
    flanks: tuple[str, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    matches: tuple[MatchFigure, ...] = ()


@dataclass(frozen=True)
class UnsureEncounter:
    """An encounter without a name, and why."""

    encounter: str
    reason: str
    station: str | None = None
    date: pd.Timestamp | None = None
    pictures: tuple[Picture, ...] = ()
    candidate: str | None = None
    """The best candidate: an individual's name."""
    candidate_probability: float | None = None
    match: MatchFigure | None = None


@dataclass(frozen=True)
class Problem:
    """A file that could not be used, or something else that went wrong with it."""

    stage: str
    path: str
    reason: str


@dataclass(frozen=True)
class StationEntry:
    """A place and its cameras."""

    station: str
    cameras: tuple[str, ...] = ()
    source: str = "path"
    """Who says that these cameras stand together: "table", "inferred" or "path"."""
    photos: int | None = None
    encounters: int | None = None


@dataclass(frozen=True)
class ReportData:
    """Everything that the report shows."""

    title: str
    census: Mapping[str, Any]
    """As `reid.counts.census_tables` makes it."""
    individuals: Sequence[Individual] = ()
    unsure: Sequence[UnsureEncounter] = ()
    problems: Sequence[Problem] = ()
    stations: Sequence[StationEntry] = ()
    method: Mapping[str, str] = field(default_factory=dict)
    """How it was done: a heading and a sentence or two for each part."""
    limits: Sequence[str] = ()
    """What a reader should not conclude; sentences."""
    sections: Sequence[Section] = ()
    """What later rooms add, such as an estimate of the population; shown after the timeline."""

"""A made-up season: which animal passes which camera when. It depends on the settings alone, so the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from reid.synthetic.coats import PATTERNS
from reid.synthetic.noise import stream
from reid.synthetic.settings import MIXED, SynthesisSettings

__all__ = ["Animal", "Camera", "Season", "Shot", "plan_season"]

SPACING_KM = 2.0
"""Between neighbouring stations."""
ROAM = 0.3
"""How far an animal roams from the middle of its range, as a share of the survey's width."""
APART_S = 300
"""Seconds between two visits of a station, at least: longer than the pause that separates sequences."""
PLACES, ANIMALS, VISITS = 1, 2, 3
"""Which random numbers are which."""


@dataclass(frozen=True)
class Camera:
    """One camera; latitude and longitude in degrees."""

    name: str
    station: str
    latitude: float
    longitude: float
    night: str
    """The light it has at night; `day` for one that sleeps."""
    only: str
    """The one light that its place allows; empty where all do."""


@dataclass(frozen=True)
class Animal:
    """One animal, its coat's pattern, and the middle of its range in kilometres east and north of 0° N 0° E."""

    identity: str
    pattern: str
    east_km: float
    """The middle of its range."""
    north_km: float


@dataclass(frozen=True)
class Shot:
    """One photo.

    Attributes:
        animal, camera: Numbers in the season's lists.
        visit: Number of the visit, from 0, and `frame` of the photo within it.
        light: What lights it.
        orientation: The flank that is seen.
    """

    animal: int
    camera: int
    visit: int
    frame: int
    light: str
    orientation: str
    date: datetime
    encounter: str = ""
    path: str = ""


@dataclass(frozen=True)
class Season:
    """Cameras, animals, and the photos of each animal in the order of time."""

    cameras: tuple[Camera, ...]
    animals: tuple[Animal, ...]
    shots: tuple[Shot, ...]


def plan_season(settings: SynthesisSettings, only: Sequence[str] = ()) -> Season:
    """Plan who is where when.

    Args:
        settings: How many animals, photos, stations and days.
        only: For each camera the one light that its place allows, or nothing where all do.
    """
    cameras = _cameras(settings, only)
    animals = tuple(_animal(settings, number) for number in range(settings.individuals))
    visits = [visit for number in range(len(animals)) for visit in _visits(settings, number, animals, cameras)]
    named = _named(_in_turn(visits, cameras), cameras)
    return Season(cameras, animals, tuple(sorted(named, key=lambda shot: (shot.animal, shot.date, shot.path))))


def _side(settings: SynthesisSettings) -> int:
    """Stations stand on a square of this many a side."""
    return int(np.ceil(np.sqrt(settings.survey.stations)))


def _cameras(settings: SynthesisSettings, only: Sequence[str]) -> tuple[Camera, ...]:
    survey, side = settings.survey, _side(settings)
    nights = [light for light in settings.picture.lights if light != "day"] or ["day"]
    cameras: list[Camera] = []
    for number in range(survey.stations):
        rng = stream(settings.seed, PLACES, number)
        east, north = (np.array([number % side, number // side]) + rng.uniform(0.2, 0.8, 2)) * SPACING_KM
        station = f"st-{number + 1:0{len(str(survey.stations))}d}"
        for letter in "ab"[: survey.cameras]:
            name = station + (letter if survey.cameras > 1 else "")
            allowed = only[len(cameras)] if only else ""
            # degrees near the equator
            place = (round(float(north) / 111.0, 5), round(float(east) / 111.0, 5))
            cameras.append(Camera(name, station, *place, str(rng.choice(nights)), allowed))
    return tuple(cameras)


def _animal(settings: SynthesisSettings, number: int) -> Animal:
    rng = stream(settings.seed, ANIMALS, number)
    pattern = str(rng.choice(PATTERNS)) if settings.coat == MIXED else settings.coat
    east, north = rng.uniform(0, _side(settings) * SPACING_KM, 2)
    name = f"cat-{number + 1:0{max(len(str(settings.individuals)), 3)}d}"
    return Animal(name, pattern, round(float(east), 3), round(float(north), 3))


def _visits(
    settings: SynthesisSettings, number: int, animals: tuple[Animal, ...], cameras: tuple[Camera, ...]
) -> list[list[Shot]]:
    """An animal's visits, each a list of photos, until it has as many photos as were asked for."""
    survey, animal = settings.survey, animals[number]
    rng = stream(settings.seed, VISITS, number)
    stations = cameras[:: survey.cameras]
    away = np.array([[c.longitude * 111 - animal.east_km, c.latitude * 111 - animal.north_km] for c in stations])
    chance = np.exp(-(away**2).sum(axis=1) / (2 * (ROAM * _side(settings) * SPACING_KM) ** 2)) + 1e-9
    begin = datetime.fromisoformat(survey.start)
    visits, left = [], settings.photos
    while left:
        count = min(int(rng.integers(1, survey.burst + 1)), left)
        first = int(rng.choice(len(stations), p=chance / chance.sum())) * survey.cameras
        by_day = "day" in settings.picture.lights and rng.random() < 0.45
        start = begin + timedelta(days=int(rng.integers(survey.days)), seconds=_clock(by_day, rng))
        flank, which = rng.integers(2), rng.integers(survey.cameras)
        shots = []
        for frame in range(count):
            camera = cameras[first + (which + frame) % survey.cameras]
            # two cameras that face each other see two flanks
            side = ("left", "right")[(flank + which + frame) % 2 if survey.cameras > 1 else flank]
            light = camera.only or ("day" if by_day else camera.night)
            shots.append(
                Shot(number, cameras.index(camera), 0, frame, light, side, start + timedelta(seconds=2 * frame))
            )
        visits.append(shots)
        left -= count
    return visits


def _clock(by_day: bool, rng: np.random.Generator) -> int:
    """Seconds of the day: from half past six to half past five by day, from seven to half past five at night."""
    hour = rng.uniform(6.5, 17.5) if by_day else rng.uniform(19, 29.5)
    return int(hour * 3600) % 86400


def _in_turn(visits: list[list[Shot]], cameras: tuple[Camera, ...]) -> list[list[Shot]]:
    """Visits in the order of time, those that would meet at one station moved apart."""
    free: dict[str, datetime] = {}
    moved = []
    for shots in sorted(visits, key=lambda shots: (shots[0].date, shots[0].animal)):
        station = cameras[shots[0].camera].station
        late = max(free.get(station, shots[0].date) - shots[0].date, timedelta())
        moved.append([replace(shot, date=shot.date + late) for shot in shots])
        free[station] = moved[-1][-1].date + timedelta(seconds=APART_S)
    return sorted(moved, key=lambda shots: (shots[0].date, shots[0].animal))


def _named(visits: list[list[Shot]], cameras: tuple[Camera, ...]) -> list[Shot]:
    digits = len(str(len(visits)))
    return [
        replace(
            shot,
            visit=number,
            encounter=f"visit-{number + 1:0{digits}d}",
            path=f"{cameras[shot.camera].name}/{shot.date:%Y%m%d_%H%M%S}.jpg",
        )
        for number, shots in enumerate(visits)
        for shot in shots
    ]

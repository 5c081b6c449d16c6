"""Captures: which animal was recorded at which detector on which occasion, by which flank."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from reid.errors import InputError
from reid.formats.cells import time
from reid.formats.effort import Effort, effort_of
from reid.formats.model import Note, Survey
from reid.formats.projection import project, utm_name
from reid.formats.settings import CaptureSettings
from reid.photos.stations import natural
from reid.tables import records

__all__ = ["SIDES", "Capture", "CaptureHistory", "captures_of", "safe_names"]

SIDES = ("joined", "left", "right")


@dataclass(frozen=True)
class Capture:
    """One independent record of an animal."""

    identity: str
    detector: str
    occasion: int
    """From 1."""
    time: datetime
    flanks: frozenset[str]
    """`left`, `right`, both or neither: two seen at once were seen in one encounter at one detector."""
    paths: tuple[str, ...]
    """The photos of it."""


@dataclass(frozen=True)
class CaptureHistory:
    """What goes into capture–recapture."""

    side: str
    captures: tuple[Capture, ...]
    detectors: tuple[str, ...]
    usage: np.ndarray
    """Days of effort of each detector in each occasion, detectors by occasions; parts of days count as such."""
    first: date
    """First day of the first occasion."""
    days: int
    """Length of an occasion."""
    effort: Effort
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Easting and northing in metres of the detectors that have coordinates."""
    zone: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def occasions(self) -> int:
        return int(self.usage.shape[1])

    @property
    def individuals(self) -> tuple[str, ...]:
        """Their names in natural order."""
        return tuple(sorted({capture.identity for capture in self.captures}, key=natural))


def captures_of(survey: Survey, settings: CaptureSettings | None = None, side: str = "joined") -> CaptureHistory:
    """The captures of a survey.

    A record is an encounter of a named animal at a detector; its time is that of its first photo. `joined` takes every
    record. `left` and `right` take the records that show that flank, so that an animal known from the other flank
    alone is not in them. Of records less than the independence interval apart one counts, which has the flanks of
    them all. Occasion n begins at midnight `(n - 1) * occasion_days` after the start.

    Args:
        survey: With deployments.
        settings: Default: `CaptureSettings()`.
        side: `joined`, `left` or `right`.

    Returns:
        The history. Its notes name each record that is in no capture: without a time, without effort, outside the
        occasions; and each photo on a day without effort.

    Raises:
        InputError: there is no effort, or nobody has a name.
    """
    settings = settings or CaptureSettings()
    effort = effort_of(survey, settings)
    notes = list(effort.notes)
    first, count = _occasions(effort, settings)
    unit_of = effort.station if settings.unit == "station" else {camera: camera for camera in effort.cameras}
    detectors = tuple(sorted(set(unit_of.values()), key=natural))
    usage = _usage(effort, unit_of, detectors, first, count, settings.occasion_days)
    found = _records(survey, effort, unit_of, first, count, settings, notes)
    wanted = [capture for capture in found if side == "joined" or side in capture.flanks]
    places, zone, more = _places(survey, unit_of, detectors)
    captures = _independent(wanted, settings)
    return CaptureHistory(side, captures, detectors, usage, first, settings.occasion_days, effort, places, zone, (*notes, *more))  # fmt: skip


def _occasions(effort: Effort, settings: CaptureSettings) -> tuple[date, int]:
    """The first day, and how many occasions there are."""
    busy = np.flatnonzero(np.nan_to_num(effort.active).sum(axis=0))
    if not len(busy):
        raise InputError("no camera was active on any day; check the deployments' start and end.")
    start = time(settings.start) if settings.start else None
    first = start.date() if start else effort.first + timedelta(days=int(busy[0]))
    last = effort.first + timedelta(days=int(busy[-1]))
    count = settings.occasions or math.ceil(((last - first).days + 1) / settings.occasion_days)
    if count < 1:
        raise InputError(f"capture.start={settings.start} lies after the last day with effort, {last}.")
    return first, count


def _usage(
    effort: Effort, unit_of: dict[str, str], detectors: tuple[str, ...], first: date, count: int, days: int
) -> np.ndarray:
    """Days on which at least one camera of a detector was active, the longest part of each."""
    usage = np.zeros((len(detectors), count))
    for row, detector in enumerate(detectors):
        mine = [i for i, camera in enumerate(effort.cameras) if unit_of[camera] == detector]
        best = np.nan_to_num(effort.active[mine]).max(axis=0)
        for column, part in enumerate(best):
            occasion = ((effort.first - first).days + column) // days
            if 0 <= occasion < count:
                usage[row, occasion] += part
    return usage


def _records(
    survey: Survey, effort: Effort, unit_of: dict[str, str], first: date, count: int, settings: CaptureSettings,
    notes: list[Note],
) -> list[Capture]:  # fmt: skip
    named = survey.named
    named = named[named["category"] == "animal"]
    if named.empty:
        raise InputError(
            "no animal of the survey has a name, so that there are no captures. Give the names of a census with identities=FOLDER."
        )
    photo_of = {photo.path: photo for photo in records(survey.photos)}
    groups: dict[tuple[str, str, str], list[tuple[datetime, str, str]]] = {}
    for number, animal in zip(named.index + 1, records(named), strict=True):
        photo = photo_of.get(animal.path)
        if photo is None or pd.isna(photo.date) or photo.camera not in unit_of:
            why = (
                "its photo has no time" if photo is not None and pd.isna(photo.date) else "its camera has no deployment"
            )
            notes.append(Note("animals", int(number), "date", f"{animal.identity} {animal.path}", "left out", why))
            continue
        day = photo.date.date()
        occasion = (day - first).days // settings.occasion_days + 1
        reason = ""
        if not effort.of(photo.camera, day):
            reason = f"the camera {photo.camera} was not active on {day}"
        elif not 1 <= occasion <= count:
            reason = f"{day} lies in none of the {count} occasions from {first} on"
        if reason:
            notes.append(Note("animals", int(number), "date", f"{animal.identity} {animal.path}", "left out", reason))
            continue
        burst = animal.path if pd.isna(animal.encounter) else str(animal.encounter)
        key = (animal.identity, unit_of[photo.camera], burst)
        groups.setdefault(key, []).append((photo.date.to_pydatetime(), animal.orientation, animal.path))
    captures = []
    for (identity, detector, _), seen in groups.items():
        taken = min(moment for moment, _, _ in seen)
        occasion = (taken.date() - first).days // settings.occasion_days + 1
        flanks = frozenset(flank for _, flank, _ in seen) & {"left", "right"}
        captures.append(
            Capture(identity, detector, occasion, taken, flanks, tuple(sorted({path for _, _, path in seen})))
        )
    return sorted(captures, key=lambda capture: (natural(capture.identity), capture.time, natural(capture.detector)))


def _independent(found: list[Capture], settings: CaptureSettings) -> tuple[Capture, ...]:
    """Records of one animal at one detector, those too close to an earlier one joined to it."""
    gap = timedelta(minutes=settings.independence_min)
    kept: list[Capture] = []
    latest: dict[tuple[str, str], tuple[int, datetime]] = {}
    for capture in found:
        key = (capture.identity, capture.detector)
        if key in latest and capture.time - latest[key][1] < gap:
            place, since = latest[key]
            had = kept[place]
            kept[place] = Capture(had.identity, had.detector, had.occasion, had.time, had.flanks | capture.flanks, (*had.paths, *capture.paths))  # fmt: skip
            latest[key] = (place, capture.time if settings.compared_to == "last" else since)
        else:
            latest[key] = (len(kept), capture.time)
            kept.append(capture)
    return tuple(kept)


def _places(
    survey: Survey, unit_of: dict[str, str], detectors: tuple[str, ...]
) -> tuple[dict[str, tuple[float, float]], str, list[Note]]:
    """Detectors in metres: the middle of their cameras."""
    points: dict[str, list[tuple[float, float]]] = {}
    for place in records(survey.deployments):
        if place.camera in unit_of and not pd.isna(place.latitude):
            points.setdefault(unit_of[place.camera], []).append((place.latitude, place.longitude))
    notes = [
        Note(
            "deployments", None, "latitude", name, "left out", "the detector has no coordinates; spatial files lack it"
        )
        for name in detectors
        if name not in points
    ]
    if not points:
        return {}, "", notes
    located = [name for name in detectors if name in points]
    middles = [tuple(float(np.mean(axis)) for axis in zip(*points[name], strict=True)) for name in located]
    metres, code, far = project([north for north, _ in middles], [east for _, east in middles])
    if far:
        notes.append(Note("deployments", None, "longitude", utm_name(code), "kept", "places reach far beyond this zone; distances are off by one in a thousand and more"))  # fmt: skip
    return dict(zip(located, metres, strict=True)), utm_name(code), notes


def safe_names(names: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Names as R's readers of white-space tables take them: letters, digits, points and hyphens, each its own.

    >>> safe_names(["North ridge", "North_ridge", "M'01", "NONE"], ["NONE"])
    {'North ridge': 'North-ridge', 'North_ridge': 'North-ridge-2', "M'01": 'M-01', 'NONE': 'NONE-2'}
    """
    taken = {name.casefold() for name in reserved}
    out = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9.\-]+", "-", name).strip("-") or "X"
        unique, number = plain, 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{plain}-{number}"
        taken.add(unique.casefold())
        out[name] = unique
    return out

"""Effort: which camera was active on which day, held against the photos that it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import InputError, TableError, choices
from reid.formats.model import Note, Survey
from reid.formats.settings import CaptureSettings
from reid.formats.sheet import read_sheet
from reid.photos.stations import natural
from reid.tables import records

__all__ = ["Effort", "effort_of"]

DAY = timedelta(days=1)
LONGEST = 50 * 366


@dataclass(frozen=True)
class Effort:
    """Days on which cameras were active."""

    cameras: tuple[str, ...]
    station: dict[str, str]
    """Of each camera."""
    first: date
    """The first column's day."""
    active: np.ndarray
    """Part of each day that each camera was active, 0 to 1, cameras by days; NaN before its start and after its end."""
    notes: tuple[Note, ...]

    def of(self, camera: str, day: date) -> float:
        """Part of a day that a camera was active; 0 on a day outside the survey."""
        column = (day - self.first).days
        if camera not in self.cameras or not 0 <= column < self.active.shape[1]:
            return 0.0
        return float(np.nan_to_num(self.active[self.cameras.index(camera), column]))


def effort_of(survey: Survey, settings: CaptureSettings) -> Effort:
    """Effort from the deployments, less the days that a table says a camera did not work.

    A deployment without a start or an end begins with the day of its first photo or ends with that of its last. A day counts by the part
    of it between start and end; times of 00:00:00 and 23:59:59 mean the whole day. Every photo that was taken on a day
    without effort is noted; where `inactive_photos` is `extend`, it makes that day a whole one.

    Raises:
        InputError: no deployment has a time.
        TableError: the table of inactive days is wrong.
    """
    notes: list[Note] = []
    spans = _spans(survey, notes)
    if not spans:
        raise InputError(
            "no camera has a start, an end or a dated photo, so that there is no effort to count. Give the stations' start and "
            "end: stations=FILE with camera, station, start, end."
        )
    dated = survey.photos[survey.photos["date"].notna()]
    first = min(start.date() for start, _ in spans.values())
    last = max(end.date() for _, end in spans.values())
    if settings.inactive_photos == "extend" and len(dated):
        first = min(first, dated["date"].min().date())
        last = max(last, dated["date"].max().date())
    if (last - first).days > LONGEST:
        raise InputError(
            f"the deployments span {(last - first).days} days, from {first} to {last}: a date is wrong. Correct it."
        )
    cameras = tuple(sorted(spans, key=natural))
    active = np.full((len(cameras), (last - first).days + 1), np.nan)
    for row, camera in enumerate(cameras):
        _fill(active[row], first, *spans[camera])
    _switch_off(active, cameras, first, settings, notes)
    _hold_against_photos(active, cameras, first, dated, settings, notes)
    station = dict(zip(survey.deployments["camera"], survey.deployments["station"], strict=True))
    return Effort(cameras, {camera: station[camera] for camera in cameras}, first, active, tuple(notes))


def _spans(survey: Survey, notes: list[Note]) -> dict[str, tuple[datetime, datetime]]:
    photographed = survey.photos.groupby("camera")["date"].agg(["min", "max"])
    spans = {}
    for number, place in enumerate(records(survey.deployments), 1):
        times = []
        for column, known, of in (("start", place.start, "min"), ("end", place.end, "max")):
            time = photographed[of].get(place.camera) if pd.isna(known) else known
            if time is None or pd.isna(time):
                notes.append(Note("deployments", number, column, place.camera, "left out", "neither its time nor that of a photo is known"))  # fmt: skip
                break
            if pd.isna(known):
                notes.append(Note("deployments", number, column, place.camera, "repaired", f"taken from its photos: {time}"))  # fmt: skip
                time = pd.Timestamp(time).normalize() + (DAY - timedelta(seconds=1) if of == "max" else timedelta())
            times.append(pd.Timestamp(time).to_pydatetime())
        if len(times) == 2:
            spans[str(place.camera)] = (times[0], times[1])
    return spans


def _fill(row: np.ndarray, first: date, start: datetime, end: datetime) -> None:
    """Parts of the days between two times."""
    midnight = (0, 0, 0)
    if (end.hour, end.minute, end.second) in (midnight, (23, 59, 59)):
        end = datetime(end.year, end.month, end.day) + DAY
    for column in range(max((start.date() - first).days, 0), len(row)):
        begins = datetime(first.year, first.month, first.day) + column * DAY
        part = (min(end, begins + DAY) - max(start, begins)) / DAY
        if part <= 0:
            break
        row[column] = part


def _switch_off(
    active: np.ndarray, cameras: tuple[str, ...], first: date, settings: CaptureSettings, notes: list[Note]
) -> None:
    if not settings.inactive:
        return
    sheet = read_sheet(Path(settings.inactive).expanduser())
    sheet.need(["camera", "from", "to"])
    for row in sheet.rows:
        camera, begin, until = row.text("camera"), row.time("from"), row.time("to")
        if camera not in cameras:
            raise TableError(
                f"{sheet.name}, row {row.line}, column 'camera': {camera!r} is none of the cameras, which are {choices(cameras)}."
            )
        if begin is None or until is None or until < begin:
            raise TableError(
                f"{sheet.name}, row {row.line}: from={row.text('from')!r} and to={row.text('to')!r}; expected are two days such as "
                "2012-07-22, the second not before the first."
            )
        columns = [(time.date() - first).days for time in (begin, until)]
        here = active[cameras.index(camera)]
        days = slice(max(columns[0], 0), max(columns[1] + 1, 0))
        here[days] = np.where(np.isnan(here[days]), np.nan, 0.0)
    notes += sheet.notes


def _hold_against_photos(
    active: np.ndarray, cameras: tuple[str, ...], first: date, dated: pd.DataFrame, settings: CaptureSettings,
    notes: list[Note],
) -> None:  # fmt: skip
    place = {camera: row for row, camera in enumerate(cameras)}
    for number, photo in zip(dated.index + 1, records(dated), strict=True):
        row, column = place.get(photo.camera), (photo.date.date() - first).days
        inside = row is not None and 0 <= column < active.shape[1]
        if inside and active[row, column] > 0:
            continue
        done = "kept"
        reason = "the camera was not active on this day"
        if row is None:
            reason = "its camera has no deployment"
        elif inside and settings.inactive_photos == "extend":
            active[row, column] = 1.0
            done, reason = "repaired", "the camera was not active on this day; the photo makes it a day of effort"
        notes.append(Note("photos", int(number), "date", _shown(photo), done, reason))


def _shown(photo: Any) -> str:
    return f"{photo.path} {photo.date:%Y-%m-%d %H:%M:%S} {photo.camera}"

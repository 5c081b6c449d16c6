"""Deployments put right: coordinates swapped or missing, cameras at two places at once, an end before its start."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from reid.formats.model import Note

__all__ = ["put_right"]

FAR, NEAR = 10.0, 3.0
"""Degrees: a place further than FAR from the others, that swapped would lie NEAR them, was written the wrong way."""

Place = dict[str, Any]


def put_right(places: Sequence[Place], file: str, lines: Sequence[int]) -> list[Note]:
    """Check and repair rows of the deployments table where they stand.

    - A latitude beyond 90 with a longitude within 90 was swapped, and is swapped back. So is a place more than 10
      degrees from the median of the others that swapped lies within 3 degrees of it. A table whose rows are all
      swapped within 90 degrees cannot be told.
    - Coordinates off the earth, half a pair, and 0, 0 (what a receiver writes that has no fix) are left out.
    - An end before its start, and two deployments of one device at one time, are kept and noted.

    Args:
        places: Rows with `camera` and, where known, `camera_id`, `latitude`, `longitude`, `start`, `end`.
        file: What the notes call their table.
        lines: The line of each row.

    Returns:
        A note for everything that was found.
    """
    notes: list[Note] = []
    for place, line in zip(places, lines, strict=True):
        _coordinates(place, file, line, notes)
    _swapped_among_others(places, file, lines, notes)
    for place, line in zip(places, lines, strict=True):
        if place.get("latitude") is None:
            notes.append(Note(file, line, "latitude", place["camera"], "kept", "the deployment has no coordinates"))
        start, end = place.get("start"), place.get("end")
        if start is not None and end is not None and end < start:
            notes.append(Note(file, line, "end", f"{end}", "kept", f"it ends before it starts, {start}"))
    return notes + _overlaps(places, file, lines)


def _coordinates(place: Place, file: str, line: int, notes: list[Note]) -> None:
    latitude, longitude = place.get("latitude"), place.get("longitude")
    reason = ""
    if latitude is None and longitude is None:
        return
    if latitude is None or longitude is None:
        reason = "a latitude and a longitude belong together; one is missing"
    elif latitude == 0 and longitude == 0:
        reason = "0, 0 is what a receiver without a fix writes"
    elif abs(latitude) > 90 and abs(latitude) <= 180 and abs(longitude) <= 90:
        _swap(place, file, line, notes, "a latitude beyond 90 degrees")
    elif abs(latitude) > 90 or abs(longitude) > 180:
        reason = "expected degrees: latitude from -90 to 90, longitude from -180 to 180"
    if reason:
        notes.append(Note(file, line, "latitude, longitude", f"{latitude}, {longitude}", "left out", reason))
        place.update(latitude=None, longitude=None)


def _swap(place: Place, file: str, line: int, notes: list[Note], why: str) -> None:
    found = f"{place['latitude']}, {place['longitude']}"
    notes.append(Note(file, line, "latitude, longitude", found, "repaired", f"swapped back: {why}"))
    place.update(latitude=place["longitude"], longitude=place["latitude"])


def _swapped_among_others(places: Sequence[Place], file: str, lines: Sequence[int], notes: list[Note]) -> None:
    located = [place for place in places if place.get("latitude") is not None]
    if len(located) < 3:
        return
    middle = tuple(statistics.median(place[name] for place in located) for name in ("latitude", "longitude"))
    for place, line in zip(places, lines, strict=True):
        if place.get("latitude") is None or abs(place["longitude"]) > 90:
            continue
        here, turned = (place["latitude"], place["longitude"]), (place["longitude"], place["latitude"])
        if _apart(here, middle) > FAR and _apart(turned, middle) < NEAR:
            _swap(place, file, line, notes, f"the other places lie around {middle[0]:.2f}, {middle[1]:.2f}")


def _apart(a: Sequence[float], b: Sequence[float]) -> float:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


def _overlaps(places: Sequence[Place], file: str, lines: Sequence[int]) -> list[Note]:
    devices: dict[str, list[tuple[Any, Any, Place, int]]] = {}
    for place, line in zip(places, lines, strict=True):
        device, start, end = place.get("camera_id"), place.get("start"), place.get("end")
        if device and start is not None and end is not None:
            devices.setdefault(device, []).append((start, end, place, line))
    notes = []
    for device, stays in sorted(devices.items()):
        stays.sort(key=lambda stay: (stay[0], stay[1], stay[3]))
        for i, (_, end, earlier, _) in enumerate(stays):
            for start, _, later, line in stays[i + 1 :]:
                if start < end:
                    why = f"the camera {device} has two deployments at once: {earlier['camera']} and {later['camera']}"
                    notes.append(Note(file, line, "start", f"{start}", "kept", why))
    return notes

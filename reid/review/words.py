"""The page's words: probabilities, times, distances and sides, said plainly."""

from __future__ import annotations

from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Any

from reid.counts.timeline import describe
from reid.counts.words import NBSP, percent, plural
from reid.review.season import Place

__all__ = ["apart", "distance", "how_far", "likely", "moment", "side", "when"]

EARTH_KM = 6371.0
LIKELY = (
    (0.99, "almost surely the same"),
    (0.9, "very likely the same"),
    (0.7, "probably the same"),
    (0.4, "may be the same, may be not"),
    (0.15, "probably two animals"),
    (0.03, "very likely two animals"),
    (0.0, "almost surely two animals"),
)


def likely(probability: float | None) -> str:
    """A probability that two are one, in words and number.

    >>> print(likely(0.93).replace(NBSP, " ")), print(likely(None))
    very likely the same (93 %)
    not compared by their spots
    (None, None)
    """
    if probability is None:
        return "not compared by their spots"
    words = next(words for least, words in LIKELY if probability >= least)
    return f"{words} ({percent(probability)})"


def side(flank: str) -> str:
    """What a flank is called.

    >>> side("left"), side("unknown")
    ('left side', 'side not known')
    """
    return {"left": "left side", "right": "right side", "front": "from the front", "back": "from behind"}.get(
        flank, "side not known"
    )


def moment(date: Any) -> datetime | None:
    """A time as the catalogue keeps it, as a time."""
    try:
        return datetime.fromisoformat(str(date)) if date else None
    except ValueError:
        return None


def when(date: Any) -> str:
    """A time as the catalogue keeps it, in words.

    >>> when("2024-05-01 12:00:00"), when(None)
    ('1 May 2024, 12:00', 'time not known')
    """
    import pandas as pd

    found = moment(date)
    return describe(None if found is None else pd.Timestamp(found))


def apart(one: Any, other: Any) -> str:
    """How far two times lie apart; empty if one is not known.

    >>> apart("2024-05-01 12:00:00", "2024-05-03 13:00:00"), apart("2024-05-01 12:00", "2024-05-01 12:01")
    ('2 days apart', '1 minute apart')
    """
    first, second = moment(one), moment(other)
    if first is None or second is None:
        return ""
    seconds = abs((first - second).total_seconds())
    for unit, length in (("year", 365.25 * 86400), ("day", 86400.0), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= (2 if unit == "year" else 1) * length:
            return f"{plural(round(seconds / length), unit)} apart"
    return "within a minute"


def distance(one: Place, other: Place) -> float:
    """Kilometres between two places, along the globe.

    >>> round(distance(Place("a", 0, 0), Place("b", 0, 1)), 1)
    111.2
    """
    (lat1, lon1), (lat2, lon2) = ((radians(p.latitude), radians(p.longitude)) for p in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(1.0, half)))


def how_far(one: str | None, other: str | None, places: dict[str, Place]) -> str:
    """The way between two stations; empty if it is not known."""
    if one is None or other is None:
        return ""
    if one == other:
        return "same station"
    if one not in places or other not in places:
        return "another station"
    km = distance(places[one], places[other])
    return f"{round(km * 1000, -1):.0f}{NBSP}m away" if km < 1 else f"{km:.1f}{NBSP}km away"

"""A plan of the stations, laid out for drawing: north is up, and both ways have one scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, radians

from reid.review.season import Place

__all__ = ["Dot", "Plan", "lay_out"]

EDGE = 14.0


@dataclass(frozen=True)
class Dot:
    """A station: where it is drawn, and how often the individual was met there."""

    station: str
    x: float
    y: float
    radius: float
    met: int


@dataclass(frozen=True)
class Plan:
    """A drawing of `width` by `height`; `bar` is the length of a scale bar of `bar_km`."""

    dots: tuple[Dot, ...]
    width: float
    height: float
    bar: float
    bar_km: float


def lay_out(
    places: Mapping[str, Place], met: Mapping[str, int], width: float = 320, height: float = 220
) -> Plan | None:
    """Place the stations.

    Args:
        places: Those whose place is known.
        met: Encounters by station.
        width: Of the drawing.
        height: Of the drawing.

    Returns:
        The plan; None where nothing is known of any place.

    >>> plan = lay_out({"a": Place("a", 0, 0), "b": Place("b", 1, 1)}, {"a": 3})
    >>> [(dot.station, round(dot.x), round(dot.y), dot.met) for dot in plan.dots], plan.bar_km
    ([('a', 64, 206, 3), ('b', 256, 14, 0)], 20)
    """
    if not places:
        return None
    middle = sum(place.latitude for place in places.values()) / len(places)
    east = {name: place.longitude * cos(radians(middle)) for name, place in places.items()}
    north = {name: place.latitude for name, place in places.items()}
    wide, high = (max(values.values()) - min(values.values()) for values in (east, north))
    scale = min((width - 2 * EDGE) / wide if wide else 1e9, (height - 2 * EDGE) / high if high else 1e9)
    scale = 1.0 if scale == 1e9 else scale
    left = (width - wide * scale) / 2 - min(east.values()) * scale
    bottom = (height + high * scale) / 2 + min(north.values()) * scale
    dots = [
        Dot(
            name,
            round(left + east[name] * scale, 1),
            round(bottom - north[name] * scale, 1),
            3.0 if not met.get(name) else round(min(4 + 2 * met[name] ** 0.5, EDGE), 1),
            met.get(name, 0),
        )
        for name in sorted(places)
    ]
    per_km = scale / 111.32
    bar_km = _round_down(0.25 * width / per_km)
    return Plan(tuple(dots), width, height, round(bar_km * per_km, 1), bar_km)


def _round_down(km: float) -> float:
    """A round length: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** int(f"{km:e}".partition("e")[2])
    value = next(step * power for step in (5, 2, 1) if step * power <= km)
    return int(value) if value >= 1 else value

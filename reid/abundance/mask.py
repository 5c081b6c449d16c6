"""The state space: a grid of points where an animal's home range may have its middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.errors import ConfigError, TableError

__all__ = ["Mask", "make_mask", "mask_of"]

ACROSS = 64
"""Points along the longer side where no spacing is given."""

MOST_POINTS = 200_000
"""A mask beyond this would take gigabytes and hours."""


@dataclass(frozen=True)
class Mask:
    """Points of the state space, each standing for a square of `spacing` metres."""

    points: np.ndarray
    """Metres: points × 2."""
    spacing: float
    buffer: float | None = None
    """Metres around the stations; None where the points were given."""

    @property
    def cell_km2(self) -> float:
        return self.spacing**2 / 1e6

    @property
    def area_km2(self) -> float:
        return len(self.points) * self.cell_km2


def make_mask(stations: np.ndarray, buffer: float, spacing: float | None = None) -> Mask:
    """Points of a square grid that lie within `buffer` of a station.

    Args:
        stations: Metres, n × 2.
        buffer: Metres, above 0. Some four times sigma leaves nothing out; three is the least.
        spacing: Metres between points; by default a 64th of the longer side. At most half of sigma is advised.

    Raises:
        ConfigError: a length is not above 0, or there would be more than 200,000 points.
        TableError: there are no stations, or their coordinates are not finite.

    >>> mask = make_mask(np.zeros((1, 2)), 1000, 20)
    >>> round(mask.area_km2, 2)  # a disc of 1 km
    3.14
    """
    stations = _checked(stations)
    if buffer <= 0 or (spacing is not None and spacing <= 0):
        raise ConfigError(f"buffer ({buffer}) and spacing ({spacing}) are lengths in metres above 0.")
    low, high = stations.min(axis=0) - buffer, stations.max(axis=0) + buffer
    spacing = float(spacing or (high - low).max() / ACROSS)
    if np.prod((high - low) / spacing) > MOST_POINTS:
        raise ConfigError(
            f"a spacing of {spacing:g} m over {(high - low)[0] / 1e3:.0f} × {(high - low)[1] / 1e3:.0f} km makes more than "
            f"{MOST_POINTS} points; give a wider spacing. If the stations lie too far apart, look at their coordinates."
        )
    axes = [np.arange(a + spacing / 2, b, spacing) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    from scipy.spatial import cKDTree

    near, _ = cKDTree(stations).query(points)
    return Mask(points[near <= buffer], spacing, float(buffer))


def mask_of(points: np.ndarray, spacing: float) -> Mask:
    """A state space of given points, for example without the sea.

    Args:
        points: Metres, n × 2.
        spacing: Metres between neighbours.

    Raises:
        ConfigError: the spacing is not above 0.
        TableError: there are no points, or they are not finite.
    """
    if spacing <= 0:
        raise ConfigError(f"spacing is {spacing}; give the metres between neighbouring points.")
    return Mask(_checked(points), float(spacing))


def _checked(places: np.ndarray) -> np.ndarray:
    places = np.asarray(places, dtype=float)
    if places.ndim != 2 or places.shape[1:] != (2,) or not len(places):
        raise TableError(f"coordinates are n × 2, in metres, with n above 0; got the shape {places.shape}.")
    if not np.isfinite(places).all():
        raise TableError(f"{int((~np.isfinite(places)).any(axis=1).sum())} places have no coordinates; fill them in.")
    return places

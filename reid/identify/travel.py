"""The same animal cannot be at two far stations at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reid.photos.positions import positions

__all__ = ["haversine_km", "too_far"]

EARTH_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""


def haversine_km(
    latitude: np.ndarray, longitude: np.ndarray, other: np.ndarray, other_longitude: np.ndarray
) -> np.ndarray:
    """Great-circle distance in kilometres between points in degrees (haversine formula, Sinnott 1984).

    >>> bool(abs(haversine_km(*map(np.array, (0.0, 0.0, 0.0, 1.0))) - 111.195) < 0.001)
    True
    """
    a, b, c, d = (np.radians(np.asarray(value, float)) for value in (latitude, longitude, other, other_longitude))
    half = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


def too_far(
    crops: pd.DataFrame, stations: pd.DataFrame, limit_kmh: float, clock_error_min: float = 15.0
) -> set[frozenset[str]]:
    """Pairs of encounters that one animal could only take part in by going faster than a limit, in a straight line.

    A leopard walks 2 to 4 km/h for hours and sprints at 60 for seconds; 15 to 20 km/h between two stations is beyond any
    of the spotted cats. An encounter lasts from its first photo to its last.

    Args:
        crops: Crops table with encounters, cameras and dates; encounters without a date or a place forbid nothing.
        stations: Stations table.
        limit_kmh: Kilometres an hour; 0 for no limit.
        clock_error_min: Minutes by which two clocks may differ: added to the time that lies between.

    Returns:
        Pairs, as `cannot_links` gives them.
    """
    if limit_kmh <= 0:
        return set()
    met = _encounters(crops, stations)
    if len(met) < 2:
        return set()
    latitude, longitude = met["latitude"].to_numpy(float), met["longitude"].to_numpy(float)
    hours = 3.6e12
    first = met["first"].to_numpy("datetime64[ns]").astype(np.int64) / hours
    last = met["last"].to_numpy("datetime64[ns]").astype(np.int64) / hours
    names = met.index.astype(str).to_numpy(dtype=object)
    grace = clock_error_min / 60
    # by the triangle inequality, no two places are farther apart
    widest = 2 * float(haversine_km(latitude[0], longitude[0], latitude, longitude).max())
    found: set[frozenset[str]] = set()
    for n in range(len(met) - 1):
        # in order of their first photos, so that those who come later than anyone could matter end the search
        end = int(np.searchsorted(first, last[n] + widest / limit_kmh, side="right"))
        later = np.arange(n + 1, end)
        between = np.maximum(0.0, first[later] - last[n]) + grace
        away = haversine_km(latitude[n], longitude[n], latitude[later], longitude[later])
        found.update(frozenset((names[n], names[m])) for m in later[away > limit_kmh * between])
    return found


def _encounters(crops: pd.DataFrame, stations: pd.DataFrame) -> pd.DataFrame:
    """`first`, `last`, `latitude` and `longitude` by encounter, in order of `first`."""
    cameras, places = positions(stations, "camera"), positions(stations)
    own = [
        cameras.get(str(camera)) or places.get(str(station))
        for camera, station in zip(crops["camera"], crops["station"], strict=True)
    ]
    known = np.array([found is not None for found in own], bool) & crops["date"].notna().to_numpy(bool)
    kept = crops.loc[known, ["encounter", "date"]].copy()
    kept[["latitude", "longitude"]] = np.array([p for p, k in zip(own, known, strict=True) if k], float).reshape(-1, 2)
    found = kept.groupby("encounter", sort=True).agg(first=("date", "min"), last=("date", "max"))
    where = positions(kept, "encounter")
    found[["latitude", "longitude"]] = np.array([where[str(name)] for name in found.index], float).reshape(-1, 2)
    return found.sort_values("first", kind="stable")

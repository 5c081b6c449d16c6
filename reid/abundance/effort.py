"""When and where cameras watched: days of effort by station and occasion, and places in metres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reid.errors import TableError
from reid.tables import STATIONS, check

__all__ = ["effort_days", "metres", "places"]


def effort_days(stations: pd.DataFrame, start: pd.Timestamp, occasion_days: float, occasions: int) -> pd.DataFrame:
    """Days on which each station watched, by occasion.

    A station watches while at least one of its cameras does, so a pair counts once. Cameras without a start or an
    end are taken as active from the first to the last occasion.

    Args:
        stations: A STATIONS table: camera, station, start, end.
        start: When the first occasion begins, local time.
        occasion_days: Length of an occasion in days.
        occasions: How many there are.

    Returns:
        One row per station, sorted; one column per occasion, numbered from 1; days, from 0 to `occasion_days`.

    Raises:
        TableError: `stations` is no STATIONS table, or a camera ends before it starts.
    """
    stations = check(stations, STATIONS, extra=True)
    wrong = stations[stations["end"] < stations["start"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise TableError(f"camera {row['camera']!r} ends ({row['end']}) before it starts ({row['start']}); swap them.")
    length = pd.Timedelta(days=occasion_days)
    edges = [start + i * length for i in range(occasions + 1)]
    names = sorted(stations["station"].dropna().unique())
    out = pd.DataFrame(0.0, index=pd.Index(names, name="station"), columns=range(1, occasions + 1))
    for name, cameras in stations.dropna(subset=["station"]).groupby("station", sort=True):
        spans = _union(cameras["start"].fillna(edges[0]), cameras["end"].fillna(edges[-1]))
        for i in range(occasions):
            watched = sum(
                (max(min(b, edges[i + 1]) - max(a, edges[i]), pd.Timedelta(0)) for a, b in spans), pd.Timedelta(0)
            )
            out.loc[name, i + 1] = watched / pd.Timedelta(days=1)
    return out


def _union(starts: pd.Series, ends: pd.Series) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Spans of time without overlaps."""
    spans: list[tuple[pd.Timestamp, pd.Timestamp]] = []
    for a, b in sorted(zip(starts, ends, strict=True)):
        if spans and a <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], b))
        else:
            spans.append((a, b))
    return spans


def metres(latitude: Sequence[float] | np.ndarray, longitude: Sequence[float] | np.ndarray) -> np.ndarray:
    """Places on a plane that touches the WGS84 ellipsoid at their middle, in metres east and north of it.

    Lengths are right to one part in ten thousand within 100 km of the middle.

    Args:
        latitude: Degrees, n of them.
        longitude: Degrees, n of them.

    Returns:
        Array n × 2.

    >>> metres([0.0, 0.0], [10.0, 10.01]).round(1).tolist()
    [[-556.6, 0.0], [556.6, 0.0]]
    """
    phi, lam = np.radians(np.asarray(latitude, float)), np.radians(np.asarray(longitude, float))
    places = _earth_centred(phi, lam)
    # The mean direction of longitude, so that a survey across the date line stays in one piece.
    phi0 = float(phi.mean())
    lam0 = float(np.arctan2(np.sin(lam).mean(), np.cos(lam).mean()))
    offset = places - _earth_centred(np.array([phi0]), np.array([lam0]))
    east = np.array([-np.sin(lam0), np.cos(lam0), 0.0])
    north = np.array([-np.sin(phi0) * np.cos(lam0), -np.sin(phi0) * np.sin(lam0), np.cos(phi0)])
    return np.column_stack([offset @ east, offset @ north])


def _earth_centred(phi: np.ndarray, lam: np.ndarray) -> np.ndarray:
    axis, squared_eccentricity = 6378137.0, 6.69437999014e-3  # WGS84
    normal = axis / np.sqrt(1 - squared_eccentricity * np.sin(phi) ** 2)
    return np.column_stack(
        [
            normal * np.cos(phi) * np.cos(lam),
            normal * np.cos(phi) * np.sin(lam),
            normal * (1 - squared_eccentricity) * np.sin(phi),
        ]
    )


def places(stations: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Coordinates of stations in metres, in the order of `names`.

    Columns `x` and `y` (metres of any projection) are taken as they are; otherwise `latitude` and `longitude` are
    laid on a plane, see `metres`. A station of several cameras stands at their mean.

    Args:
        stations: One row per camera or station, with `station` and either pair of coordinates.
        names: The stations wanted.

    Returns:
        Array of len(names) × 2.

    Raises:
        TableError: the columns are missing, or a station has no coordinates.
    """
    pair = next((pair for pair in (["x", "y"], ["latitude", "longitude"]) if set(pair) <= set(stations.columns)), None)
    if pair is None:
        raise TableError(
            "the stations have no coordinates; give the columns x and y (metres), or latitude and longitude."
        )
    table = stations.assign(station=stations["station"].astype("string"))
    table = table.dropna(subset=["station", *pair]).groupby("station")[pair].mean().astype(float)
    lost = sorted(str(name) for name in names if name not in table.index)
    if lost:
        raise TableError(
            f"{len(lost)} of {len(names)} stations have no coordinates ({', '.join(lost[:5])}); "
            f"fill in {' and '.join(pair)}, or leave these stations out."
        )
    found = table.loc[list(names)].to_numpy()
    return found if pair == ["x", "y"] else metres(found[:, 0], found[:, 1])

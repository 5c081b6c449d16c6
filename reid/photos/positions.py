"""Where stations, cameras or encounters are: the mean of the places that are known of each."""

from __future__ import annotations

import pandas as pd

__all__ = ["positions"]


def positions(table: pd.DataFrame, by: str = "station") -> dict[str, tuple[float, float]]:
    """Latitude and longitude of each station of a table, in degrees, in the order of their names.

    The mean of two places on both sides of the date line lies between them, and not on the other side of the earth.

    Args:
        table: `latitude`, `longitude`, and the column `by`; rows that lack one of them say nothing.
        by: What the places are of.

    >>> positions(pd.DataFrame({"station": ["A", "A"], "latitude": [70.0, 71.0], "longitude": [179.5, -178.5]}))
    {'A': (70.5, -179.5)}
    """
    known = table.dropna(subset=[by, "latitude", "longitude"]).astype({"latitude": float, "longitude": float})
    names = known[by].astype(str)
    first = known["longitude"].groupby(names).transform("first")
    # degrees east of the first place of each
    known = known.assign(east=(known["longitude"] - first + 180) % 360 - 180, first=first)
    mean = known.groupby(names, sort=True)[["latitude", "first", "east"]].agg(
        {"latitude": "mean", "first": "first", "east": "mean"}
    )
    longitude = mean["first"] + mean["east"]
    longitude = longitude.where(longitude <= 180, longitude - 360).where(longitude >= -180, longitude + 360)
    return {
        str(name): (float(north), float(east))
        for name, north, east in zip(mean.index, mean["latitude"], longitude, strict=True)
    }

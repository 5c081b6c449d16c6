"""Places in metres: UTM, in the zone of the median longitude."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from reid.errors import MissingPartError

__all__ = ["project", "utm_code", "utm_name"]

WIDE = 4.5
"""Degrees from a zone's middle beyond which its metres are visibly too long (by one in a thousand and more)."""


def utm_code(latitudes: Sequence[float], longitudes: Sequence[float]) -> int:
    """EPSG code of the UTM zone of the median longitude, north or south by the median latitude.

    >>> utm_code([27.5], [90.25]), utm_code([-2.3], [34.8])
    (32646, 32736)
    """
    zone = int((statistics.median(longitudes) + 180) // 6) % 60 + 1
    return (32600 if statistics.median(latitudes) >= 0 else 32700) + zone


def utm_name(code: int) -> str:
    """A UTM zone in words.

    >>> utm_name(32646)
    'UTM zone 46N (EPSG:32646)'
    """
    return f"UTM zone {code % 100}{'N' if code < 32700 else 'S'} (EPSG:{code})"


def project(latitudes: Sequence[float], longitudes: Sequence[float]) -> tuple[list[tuple[float, float]], int, bool]:
    """Places of one survey in metres, all in one zone.

    Args:
        latitudes: Degrees, WGS84.
        longitudes: Degrees, WGS84.

    Returns:
        Easting and northing of each in metres, to the centimetre; the zone's EPSG code; and whether a place lies so
        far from the zone's middle that distances are off.

    Raises:
        MissingPartError: pyproj is not installed.
    """
    try:
        from pyproj import Transformer
    except ImportError:
        raise MissingPartError("metres need pyproj: install it with pip install 'reid[formats]'.") from None
    code = utm_code(latitudes, longitudes)
    middle = (code % 100 - 1) * 6 - 177
    to_metres = Transformer.from_crs("EPSG:4326", f"EPSG:{code}", always_xy=True)
    places = [to_metres.transform(east, north) for north, east in zip(latitudes, longitudes, strict=True)]
    far = any(abs(east - middle) > WIDE for east in longitudes)
    return [(round(x, 2), round(y, 2)) for x, y in places], code, far

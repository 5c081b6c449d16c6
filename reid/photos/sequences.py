"""Sequences: the photos of one passage at one station, told apart by the time between them."""

from __future__ import annotations

import pandas as pd

__all__ = ["sequences"]


def sequences(photos: pd.DataFrame, gap_s: float) -> pd.Series:
    """Name the sequence of every photo.

    The photos of a station, of both cameras where it has a pair, are put in the order of their times; a new
    sequence starts where more than `gap_s` seconds lie between one photo and the next. A photo without a
    time is a sequence of its own. The name is the station and the time of the first photo, so it stays when
    later photos are added.

    Args:
        photos: Columns `image_id`, `path`, `station` and `date`.
        gap_s: Seconds, 0 or more.

    Returns:
        Names on the index of `photos`.

    >>> photos = pd.DataFrame({"image_id": ["a", "b"], "path": ["a", "b"], "station": ["S", "S"],
    ...                        "date": pd.to_datetime(["2012-07-22 01:53:20", "2012-07-22 01:53:32"])})
    >>> sequences(photos, 60).tolist()
    ['S/2012-07-22T01:53:20', 'S/2012-07-22T01:53:20']
    """
    names = photos["image_id"].astype("string").copy()
    dated = photos[photos["date"].notna()].sort_values(["station", "date", "path"], kind="stable")
    fresh = dated["station"].ne(dated["station"].shift()) | (dated["date"].diff().dt.total_seconds() > gap_s)
    started = dated["date"].where(fresh).ffill()
    for index, station, start in zip(dated.index, dated["station"], started, strict=True):
        names[index] = f"{station}/{start.isoformat()}"
    return names

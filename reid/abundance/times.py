"""Dates as everything here takes them: local time, without a zone."""

from __future__ import annotations

import pandas as pd

from reid.errors import TableError

__all__ = ["local_times"]


def local_times(dates: pd.Series) -> pd.Series:
    """Dates as timestamps of local time; missing ones stay missing.

    Args:
        dates: Timestamps, or text as ISO 8601 writes it, with or without a time.

    Raises:
        TableError: one is no date, or carries a time zone, so that days would begin at another hour.

    >>> local_times(pd.Series(["2015-11-01", "2015-11-02 12:30", None])).dt.day.tolist()
    [1.0, 2.0, nan]
    """
    try:
        times = pd.to_datetime(dates, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise TableError(
            f"a date cannot be read: {str(error).splitlines()[0]}; give local time such as 2015-11-01 06:30."
        ) from None
    if isinstance(times.dtype, pd.DatetimeTZDtype) or not pd.api.types.is_datetime64_any_dtype(times):
        raise TableError("the dates carry time zones; give the local time of the stations, without a zone.")
    return times

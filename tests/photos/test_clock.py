"""Times from EXIF and paths, and clocks put right."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.errors import ConfigError
from reid.photos.clock import TIME_PATTERN, compile_time_pattern, correct, exif_time, path_time
from reid.tables import STATIONS, from_rows

PATTERN = re.compile(TIME_PATTERN)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("RL_5/20051029_0045.jpg", "2005-10-29 00:45:00"),
        ("s/20120722_015320_0.jpg", "2012-07-22 01:53:20"),
        ("2015-06-03 14-22-05.jpg", "2015-06-03 14:22:05"),
        ("IMG_20190102_030405.JPG", "2019-01-02 03:04:05"),
        ("20190102030405.jpg", "2019-01-02 03:04:05"),
        ("2019-01-02T03.04.05 (1).jpg", "2019-01-02 03:04:05"),
        ("20120722_0153_20.jpg", "2012-07-22 01:53:00"),  # 20 is a counter: another separator than in 0153
        ("20120101_1200 set up/20120722_015320.jpg", "2012-07-22 01:53:20"),  # the last one
        ("20120722_015320/IMG_0001.jpg", "2012-07-22 01:53:20"),
        ("20160229_1200.jpg", "2016-02-29 12:00:00"),
        ("20150229_1200.jpg", None),
        ("20151301_1200.jpg", None),
        ("20150101_2400.jpg", None),
        ("20150101_1260.jpg", None),
        ("20150101.jpg", None),
        ("2015-01-01/0001.jpg", None),
        ("120150101_1200.jpg", None),
        ("19890101_1200.jpg", None),
        ("IMG_0001.jpg", None),
        ("", None),
    ],
)
def test_times_in_paths(path: str, expected: str | None) -> None:
    assert path_time(path, PATTERN) == (datetime.fromisoformat(expected) if expected else None)


@settings(deadline=None)
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31, 23, 59, 59)),
    st.sampled_from(["%Y%m%d_%H%M%S", "%Y-%m-%d %H-%M-%S", "%Y.%m.%d-%H.%M.%S", "%Y%m%d%H%M%S", "%Y_%m_%d_%H%M%S"]),
    st.sampled_from(["", "IMG_", "cam 7/", "RL_5/a-"]),
    st.sampled_from(["", "_0", " (2)", "-x"]),
)
def test_every_time_written_usually_is_read(time: datetime, layout: str, before: str, after: str) -> None:
    path = f"{before}{time.strftime(layout)}{after}.jpg"
    assert path_time(path, PATTERN) == time.replace(microsecond=0)


def test_a_pattern_of_ones_own() -> None:
    pattern = compile_time_pattern(
        r"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4})(?: (?P<hour>\d\d)h(?P<minute>\d\d))?"
    )
    assert path_time("a 03.06.2015 14h22.jpg", pattern) == datetime(2015, 6, 3, 14, 22)
    assert path_time("a 03.06.2015.jpg", pattern) is None
    with pytest.raises(ConfigError, match="lacks the named group hour, minute"):
        compile_time_pattern(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)")
    with pytest.raises(ConfigError, match="not a regular expression"):
        compile_time_pattern("(")


ORIGINAL, DIGITIZED, CHANGED = 0x9003, 0x9004, 0x0132
GOOD, LATER = "2012:07:22 00:53:20", "2013:01:01 10:00:00"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, None),
        ({0x8769: {ORIGINAL: GOOD, DIGITIZED: LATER}, CHANGED: LATER}, GOOD),
        ({0x8769: {DIGITIZED: GOOD}, CHANGED: LATER}, GOOD),
        ({CHANGED: GOOD}, GOOD),
        ({0x8769: {ORIGINAL: "0000:00:00 00:00:00"}, CHANGED: GOOD}, GOOD),
        ({0x8769: {ORIGINAL: "    :  :     :  :  "}, CHANGED: GOOD}, GOOD),
        ({0x8769: {ORIGINAL: "2012:02:30 00:00:00"}}, None),
        ({0x8769: {ORIGINAL: "2000:01:01 00:00:10"}, CHANGED: LATER}, None),  # never set, and edited later
        ({0x8769: {ORIGINAL: b"2012:07:22 00:53:20\0"}}, GOOD),
        ({0x8769: {ORIGINAL: "2012-07-22T00:53:20+02:00"}}, GOOD),
        ({0x8769: {ORIGINAL: "2012:07:22  0:53:20"}}, GOOD),
        ({0x8769: {ORIGINAL: 5}}, None),
    ],
)
def test_times_in_exif(tags: dict, expected: str | None) -> None:
    assert exif_time(tags) == (datetime.strptime(expected, "%Y:%m:%d %H:%M:%S") if expected else None)


def stations(*rows: dict) -> pd.DataFrame:
    return from_rows([{"station": "S", "source": "table", **row} for row in rows], STATIONS)


def corrected(camera: str, date: str | None, table: pd.DataFrame) -> str | None:
    out = correct(pd.Series(pd.to_datetime([date]), index=[7]), pd.Series([camera], index=[7]), table)
    assert out.index.tolist() == [7] and str(out.dtype) == "datetime64[us]"
    return None if pd.isna(out[7]) else str(out[7])


def test_clock_shift_is_added() -> None:
    table = stations({"camera": "A", "clock_shift_s": 3600}, {"camera": "B", "clock_shift_s": -90.5})
    assert corrected("A", "2012-12-31 23:30:00", table) == "2013-01-01 00:30:00"
    assert corrected("B", "2012-12-31 23:30:00", table) == "2012-12-31 23:28:29.500000"
    assert corrected("C", "2012-12-31 23:30:00", table) == "2012-12-31 23:30:00"
    assert corrected("A", None, table) is None


def test_zones_matter_only_where_a_station_has_two() -> None:
    berlin, kathmandu = {"time_zone": "Europe/Berlin"}, {"time_zone": "Asia/Kathmandu"}
    one = stations({"camera": "A", **berlin}, {"camera": "B", **berlin})
    assert corrected("A", "2012-07-22 01:53:20", one) == "2012-07-22 01:53:20"
    apart = stations({"camera": "A", **berlin}, {"camera": "B", "station": "other", **kathmandu})
    assert corrected("B", "2012-07-22 01:53:20", apart) == "2012-07-22 01:53:20"
    two = stations({"camera": "Z", **berlin}, {"camera": "B", **kathmandu}, {"camera": "C"})
    assert corrected("Z", "2012-07-22 01:53:20", two) == "2012-07-22 01:53:20"
    assert corrected("B", "2012-07-22 01:53:20", two) == "2012-07-21 22:08:20"  # +5:45 to +2:00
    assert corrected("B", "2012-01-22 01:53:20", two) == "2012-01-21 21:08:20"  # to +1:00
    assert corrected("C", "2012-07-22 01:53:20", two) == "2012-07-22 01:53:20"


@settings(deadline=None, max_examples=30)
@given(st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1)), st.integers(-(10**7), 10**7))
def test_shift_is_plain_addition(time: datetime, shift: int) -> None:
    table = stations({"camera": "A", "clock_shift_s": shift})
    out = correct(pd.Series([time]).astype("datetime64[us]"), pd.Series(["A"]), table)
    assert out[0] == time + timedelta(seconds=shift)


def test_a_time_moved_beyond_the_calendar_is_none() -> None:
    """A camera's clock that ran wild must not cost the season of the others."""
    stations = from_rows(
        [{"camera": "a", "station": "a", "clock_shift_s": 86400.0, "source": "table"}],
        STATIONS,
    )
    dates = pd.Series(np.array(["9999-12-31T23:59:59", "2015-06-01T10:00:00"], "datetime64[us]"))
    found = correct(dates, pd.Series(["a", "a"]), stations)
    assert pd.isna(found[0])
    assert found[1] == pd.Timestamp("2015-06-02 10:00:00")

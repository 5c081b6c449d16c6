"""Sequences against a plain loop."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.photos import sequences


def plain(rows: list[tuple[str, str, str, datetime | None]], gap_s: float) -> dict[str, str]:
    """Names by image_id, one photo after the other."""
    names, last = {}, {}
    for image_id, _, station, date in sorted(rows, key=lambda r: (r[3] or datetime.min, r[1])):
        if date is None:
            names[image_id] = image_id
            continue
        start, before = last.get(station, (None, None))
        if before is None or (date - before).total_seconds() > gap_s:
            start = date
        last[station] = (start, date)
        names[image_id] = f"{station}/{start.isoformat()}"
    return names


ROWS = st.lists(st.tuples(st.sampled_from("AB"), st.none() | st.integers(0, 60)), max_size=30).map(
    lambda rows: [
        (
            f"id{n}",
            f"p{n % 7}-{n}",
            station,
            None if s is None else datetime(2012, 7, 22) + timedelta(seconds=s),
        )
        for n, (station, s) in enumerate(rows)
    ]
)


@settings(deadline=None)
@given(ROWS, st.sampled_from([0, 1, 10, 60.5, 1000]), st.randoms())
def test_like_a_plain_loop(rows: list, gap_s: float, random: object) -> None:
    expected = plain(rows, gap_s)
    random.shuffle(rows)  # type: ignore[attr-defined]
    table = pd.DataFrame(rows, columns=["image_id", "path", "station", "date"])
    table["date"] = table["date"].astype("datetime64[us]")
    table.index = table.index * 3 + 5
    names = sequences(table, gap_s)
    assert names.index.equals(table.index)
    assert dict(zip(table["image_id"], names, strict=True)) == expected


def test_a_gap_of_just_the_limit_is_none() -> None:
    dates = pd.to_datetime(["2012-07-22 01:00:00", "2012-07-22 01:01:00", "2012-07-22 01:02:01"])
    table = pd.DataFrame({"image_id": list("abc"), "path": list("abc"), "station": "S", "date": dates})
    assert sequences(table, 60).tolist() == ["S/2012-07-22T01:00:00"] * 2 + ["S/2012-07-22T01:02:01"]


def test_later_photos_leave_names_alone() -> None:
    dates = pd.to_datetime(["2012-07-22 01:53:20", "2012-07-22 01:54:00", "2012-07-22 01:54:50", "2012-07-23 00:00:00"])
    table = pd.DataFrame({"image_id": list("abcd"), "path": list("abcd"), "station": "S", "date": dates})
    before, after = sequences(table.iloc[:2], 60), sequences(table, 60)
    assert before.tolist() == after.tolist()[:2] == ["S/2012-07-22T01:53:20"] * 2
    assert after.tolist()[2:] == ["S/2012-07-22T01:53:20", "S/2012-07-23T00:00:00"]

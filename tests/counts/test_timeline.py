"""The timeline: marks in their place, and an axis that reads well for any length."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.counts.timeline import Visit, lay_out


def visit(date: str | None, station: str | None = "S") -> Visit:
    return Visit(station, None if date is None else pd.Timestamp(date))


def test_nobody() -> None:
    line = lay_out([])
    assert line.rows == line.ticks == line.stations == ()


def test_marks_stand_in_the_order_of_time_on_whole_months() -> None:
    line = lay_out([("A", [visit("2005-10-29 12:00"), visit("2005-09-13")]), ("B", [visit("2005-10-01")])])
    first, last = (mark.at for mark in line.rows[0].marks)
    # 1 Sep to 1 Nov are 61 days on 2 % to 98 %.
    assert first == pytest.approx(2 + 96 * 12 / 61, abs=0.01)
    assert last == pytest.approx(2 + 96 * 58.5 / 61, abs=0.01)
    assert [(tick.label, tick.at) for tick in line.ticks] == [
        ("Sep 2005", 2.0),
        ("Oct", pytest.approx(line.rows[1].marks[0].at)),
        ("", 98.0),
    ]


@pytest.mark.parametrize(
    ("dates", "labels"),
    [
        (["2020-03-01 08:00"], ["1 Mar 2020"]),
        (["2020-03-01", "2020-03-03"], ["1 Mar 2020", "2 Mar", "3 Mar"]),
        (["2020-02-20", "2020-03-15"], ["20 Feb 2020", "27 Feb", "5 Mar", "12 Mar"]),
        (["2019-11-05", "2020-03-20"], ["Nov 2019", "Dec", "Jan 2020", "Feb", "Mar"]),
        (["2019-11-05", "2020-10-20"], ["Nov 2019", "Feb 2020", "May", "Aug"]),
        (["2015-06-01", "2022-06-01"], ["2016", "2018", "2020", "2022"]),
    ],
)
def test_labels(dates: list[str], labels: list[str]) -> None:
    line = lay_out([("A", [visit(date) for date in dates])])
    assert [tick.label for tick in line.ticks if tick.label] == labels


@given(st.lists(st.datetimes(pd.Timestamp("1990-01-01"), pd.Timestamp("2060-01-01")), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_everything_stays_inside_and_labels_stay_few(dates: list[pd.Timestamp]) -> None:
    line = lay_out([("A", [Visit("S", pd.Timestamp(date)) for date in dates])])
    assert all(2 <= mark.at <= 98 for mark in line.rows[0].marks)
    assert all(2 <= tick.at <= 98 for tick in line.ticks)
    assert 1 <= sum(bool(tick.label) for tick in line.ticks) <= 6
    assert [mark.at for mark in line.rows[0].marks] == sorted(mark.at for mark in line.rows[0].marks)


def test_encounters_without_a_time_stand_apart() -> None:
    line = lay_out([("A", [visit(None), visit("2020-03-31 23:59"), visit("2020-02-01")])])
    first, last, undated = line.rows[0].marks
    assert first.at < last.at < 88.1 < undated.at == line.undated
    assert "time not known" in undated.title
    assert lay_out([("A", [visit(None)])]).ticks == ()
    assert lay_out([("A", [visit("2020-03-01")])]).undated is None


def test_stations_look_different_up_to_32() -> None:
    line = lay_out([("A", [visit("2020-03-01", f"S{i:02d}") for i in range(33)])])
    looks = [look for _, *look in line.stations]
    assert len({tuple(look) for look in looks[:32]}) == 32
    assert looks[32] == looks[0]
    assert lay_out([("A", [visit("2020-03-01", None)])]).stations[0][0] == "no station"

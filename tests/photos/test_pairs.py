"""Pairs of cameras: on real photos, on simulated surveys with and without pairs, and against a plain
count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.photos import ScanSettings, infer_pairs, scan
from reid.photos.pairs import _coincidences, _events, _expected_by_shift, _pairs

DAY = 1440


def photos(times: dict[str, np.ndarray]) -> pd.DataFrame:
    """A photos table from minutes of each camera."""
    rows = [(camera, minute) for camera, minutes in times.items() for minute in minutes]
    start = np.datetime64("2012-06-01T00:00", "us")
    date = [start + np.timedelta64(int(minute), "m") for _, minute in rows]
    return pd.DataFrame({"camera": [c for c, _ in rows], "date": pd.Series(date, dtype="datetime64[us]")})


def pairs(times: dict[str, np.ndarray]) -> set[str]:
    table = infer_pairs(photos(times))
    return set(table["station"][table["source"] == "inferred"])


def test_the_jaguars(jaguars: Path) -> None:
    table, stations = scan(jaguars)
    found = stations[stations["source"] == "inferred"]
    assert set(found["station"]) == {"AABP_9+AABP_17", "AREAS_17+AREAS_27", "RL_5+RL_10", "RL_8+RL_11"}
    assert len(found) == 8
    assert set(stations["source"]) == {"inferred", "path"}
    assert stations["camera"].tolist()[-6:] == ["RL_1", "RL_5", "RL_7", "RL_8", "RL_10", "RL_11"]
    shared = table[table["station"] == "RL_5+RL_10"]
    assert shared.groupby("sequence")["camera"].agg(sorted).tolist() == [["RL_10", "RL_5"]] * 2
    _, alone = scan(jaguars, ScanSettings(infer_pairs=False))
    assert set(alone["source"]) == {"path"} and (alone["station"] == alone["camera"]).all()


def any_pair(times: dict[str, np.ndarray]) -> bool:
    """What `infer_pairs` decides by, without its tables."""
    return bool(_pairs({c: _events(m) for c, m in times.items()}, len(times) * (len(times) - 1) // 2))


def survey(random: np.random.Generator, cameras: int, events: int, days: int) -> dict[str, np.ndarray]:
    return {f"C{n}": random.uniform(0, days * DAY, events).astype(int) for n in range(cameras)}


def test_independent_cameras_are_hardly_ever_paired() -> None:
    random = np.random.default_rng(1)
    surveys = [survey(random, 12, 200, 90) for _ in range(300)]
    assert sum(any_pair(times) for times in surveys) <= 7  # about 1 % of them


def test_few_photos_are_hardly_ever_paired() -> None:
    random = np.random.default_rng(2)
    assert sum(any_pair(survey(random, 14, 2, 45)) for _ in range(300)) <= 7


def test_busy_hours_and_short_deployments_make_no_pairs() -> None:
    random = np.random.default_rng(3)
    wrong = 0
    for _ in range(60):
        times = {}
        for n in range(10):
            days = random.integers(0, 60, 150) + 60 * (n // 5)  # two rounds of cameras
            times[f"C{n}"] = days * DAY + random.normal(18.5 * 60, 30, 150).astype(int)  # all around dusk
        wrong += any_pair(times)
    assert wrong <= 3


def test_time_lapse_makes_no_pairs() -> None:
    random = np.random.default_rng(4)
    noons = np.arange(60) * DAY + 720
    assert not pairs({f"C{n}": np.concatenate([noons, random.integers(0, 60 * DAY, 20)]) for n in range(6)})


def test_true_pairs_are_found_among_busy_cameras() -> None:
    random = np.random.default_rng(5)
    found = 0
    for _ in range(20):
        times = survey(random, 20, 100, 90)
        both = random.uniform(0, 90 * DAY, 12).astype(int)
        times["C3"] = np.concatenate([times["C3"], both])
        times["C11"] = np.concatenate([times["C11"], both + random.integers(0, 2, 12)])
        assert pairs(times) <= {"C3+C11"}
        found += pairs(times) == {"C3+C11"}
    assert found >= 19


@pytest.mark.parametrize("third", ["C", "0"])
def test_a_station_is_a_pair_not_a_chain(third: str) -> None:
    minutes = np.arange(10) * 3 * DAY + np.arange(10) * 131
    times = {"A": minutes, "B": minutes[:9], third: np.concatenate([minutes[:5], minutes[5:] + 500])}
    assert pairs(times) == {"A+B"}


def test_a_tie_is_left_open() -> None:
    assert not pairs({name: np.array([100, 20 * DAY]) for name in "ABC"})
    assert pairs({name: np.array([100, 20 * DAY]) for name in "AB"}) == {"A+B"}


def test_nothing_to_say() -> None:
    assert len(infer_pairs(photos({}))) == 0
    assert not pairs({"A": np.array([5])})
    undated = photos({"A": np.array([5]), "B": np.array([5])}).assign(date=pd.NaT)
    undated["date"] = undated["date"].astype("datetime64[us]")
    assert infer_pairs(undated)["source"].tolist() == ["path", "path"]


def test_order_of_rows_does_not_matter() -> None:
    table = photos(survey(np.random.default_rng(6), 6, 30, 40))
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(infer_pairs(table), infer_pairs(shuffled))


MINUTES = st.lists(st.integers(0, 400), min_size=1, max_size=40).map(np.array)


@settings(deadline=None)
@given(MINUTES, MINUTES)
def test_shared_events_against_every_two_compared(a: np.ndarray, b: np.ndarray) -> None:
    first, second = _events(a), _events(b)
    assert (np.diff(first) >= 10).all() and set(first) <= set(a.tolist()) and first[0] == a.min()
    plain = sum(abs(int(x) - int(y)) <= 1 for x in first for y in second)
    assert _coincidences({"a": first, "b": second})["a", "b"] == plain


def test_expectation_by_shift_worked_by_hand() -> None:
    # B is A two days later, in a span of ten days. Shifts of 1 to 5 days either way fit into half of it.
    # These are ten shifts.
    # A moved two days on shares all 9 events, scaled up for two days of ten lost; the other nine share none.
    a = np.arange(9) * DAY + np.arange(9) * 20
    b = a + 2 * DAY
    assert _expected_by_shift(a, b, 10 * DAY) == pytest.approx(9 * (10 / 8) / 10)

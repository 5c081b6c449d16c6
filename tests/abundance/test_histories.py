"""Capture histories laid out from sightings, effort from stations, places in metres."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.abundance import History, capture_history, effort_days, history_of, metres, places
from reid.errors import ConfigError, TableError


def sightings(*rows: tuple[object, object, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["identity", "station", "date"])


def test_cells_by_hand() -> None:
    history = capture_history(
        sightings(
            ("A", "s1", "2015-11-01 00:00:00"),  # exactly at the start: the first occasion, not one before it
            ("A", "s1", "2015-11-01 00:20:00"),  # the same visit
            ("A", "s1", "2015-11-01 09:00:00"),  # another one
            ("A", "s2", "2015-11-05 23:59:59"),
            ("B", "s2", "2015-11-06 00:00:00"),  # exactly at the second occasion
        ),
        occasion_days=5,
        start="2015-11-01",
    )
    assert history.animals == ("A", "B") and history.stations == ("s1", "s2")
    assert history.counts.tolist() == [[[2, 1], [0, 0]], [[0, 0], [0, 1]]]
    assert history.caught.tolist() == [[True, False], [False, True]]
    assert len(history.left_out) == 0


def test_encounters_are_captures() -> None:
    rows = sightings(*[("A", "s1", f"2015-11-01 {h:02d}:00") for h in range(4)])
    assert capture_history(rows, 5).counts.sum() == 1  # each within an hour of the one before
    assert capture_history(rows, 5, independence_minutes=30).counts.sum() == 4
    assert capture_history(rows.assign(encounter=["e1", "e1", "e2", "e2"]), 5).counts.sum() == 2


def by_loop(rows: pd.DataFrame, minutes: float) -> dict[tuple[str, str, int], int]:
    """Captures by animal, station and day, said plainly: one sighting after the other."""
    found: dict[tuple[str, str, int], int] = {}
    for (animal, station), seen in rows.groupby(["identity", "station"]):
        told, last, met = seen["encounter"].notna().all(), None, set()
        for row in seen.sort_values("date", kind="stable").itertuples():
            late = last is None or row.date - last > pd.Timedelta(minutes=minutes)
            if row.encounter not in met if told else late:
                key = (animal, station, (row.date - pd.Timestamp("2015-11-01")).days)
                found[key] = found.get(key, 0) + 1
            met, last = met | {row.encounter}, row.date
    return found


@pytest.mark.parametrize("seed", range(20))
def test_captures_are_those_of_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 80))
    rows = sightings(
        *zip(
            rng.choice(["A", "B", "C"], count),
            rng.choice(["s1", "s2"], count),
            pd.Timestamp("2015-11-01") + pd.to_timedelta(rng.integers(0, 6000, count), "min"),
            strict=True,
        )
    ).assign(encounter=rng.choice(["e1", "e2", "e3", "e4"], count))
    # of some animals and stations the encounters are not told throughout
    rows.loc[(rows["identity"] == "B") & (rng.random(count) < 0.3), "encounter"] = None
    history = capture_history(rows, 1, "2015-11-01", 5, independence_minutes=300)
    laid = {
        (history.animals[a], history.stations[s], int(o)): int(history.counts[a, o, s])
        for a, o, s in zip(*history.counts.nonzero(), strict=True)
    }
    assert laid == by_loop(rows, 300)


def test_nothing_is_lost() -> None:
    rows = sightings(
        ("A", "s1", "2015-11-02"),
        (None, "s1", "2015-11-02"),
        (" Unknown", "s1", "2015-11-02"),
        ("A", None, "2015-11-02"),
        ("A", "s1", None),
        ("A", "s1", "2015-10-31"),
        ("A", "s1", "2015-11-11"),
        ("A", "s9", "2015-11-02"),
        ("A", "s2", "2015-11-02"),
    )
    effort = pd.DataFrame([[5.0, 5.0], [0.0, 5.0]], index=["s1", "s2"])
    history = capture_history(rows, 5, "2015-11-01", effort=effort)
    assert history.counts.sum() == 1
    assert history.left_out["reason"].tolist() == [
        "no individual",
        "no individual",
        "no station",
        "no date",
        "before the first occasion",
        "after the last occasion",
        "station without effort",
        "nothing watched then",
    ]
    assert len(history.left_out) + 1 == len(rows)


def test_one_flank() -> None:
    rows = sightings(("A", "s1", "2015-11-01"), ("B", "s1", "2015-11-02")).assign(orientation=["left", "right"])
    left = capture_history(rows, 5, flank="left")
    assert left.animals == ("A",) and left.left_out["reason"].tolist() == ["not the left flank"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xy"), st.integers(0, 29)), max_size=30))
def test_every_row_is_in_a_cell_or_left_out(rows: list[tuple[str, str, int]]) -> None:
    table = pd.DataFrame(
        [(a, s, pd.Timestamp("2015-11-01") + pd.Timedelta(days=d)) for a, s, d in rows],
        columns=["identity", "station", "date"],
    ).assign(encounter=range(len(rows)))
    history = capture_history(table, 7, "2015-11-01", occasions=3)
    assert history.counts.sum() == sum(d < 21 for _, _, d in rows)
    assert len(history.left_out) == sum(d >= 21 for _, _, d in rows)
    shuffled = capture_history(table.sample(frac=1, random_state=1), 7, "2015-11-01", occasions=3)
    assert shuffled.animals == history.animals and (shuffled.counts == history.counts).all()


def test_regrouped_merged_split() -> None:
    history = history_of(np.array([[1, 0], [1, 1], [0, 1]]))
    grouped = history.regrouped(["A", "B", "A"])
    assert grouped.counts[:, :, 0].tolist() == [[1, 1], [1, 1]]
    assert history.regrouped(["A", None, None]).animals == ("A",)
    assert history.merged(0, 2).counts[:, :, 0].tolist() == [[1, 1], [1, 1]]
    assert history.merged(2, 0).counts[:, :, 0].tolist() == [[1, 1], [1, 1]]
    assert history.split(1, 0, 0).counts[:, :, 0].tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]
    assert history.counts.sum() == grouped.counts.sum() == 4
    assert history.regrouped([None, None, None]).counts.shape == (0, 2, 1)
    rng = np.random.default_rng(0)
    many = history_of(rng.integers(0, 2, (60, 4)))
    labels = [None if n == 5 else f"animal {n}" for n in rng.integers(0, 6, len(many.animals))]
    plain = [sum(many.counts[i] for i, label in enumerate(labels) if label == f"animal {n}") for n in range(5)]
    assert (many.regrouped(labels).counts == np.array(plain)).all()
    with pytest.raises(TableError, match="2 labels for 3 rows"):
        history.regrouped(["A", "B"])


def test_refused() -> None:
    rows = sightings(("A", "s1", "2015-11-01"))
    with pytest.raises(TableError, match="lack station"):
        capture_history(rows.drop(columns="station"), 5)
    with pytest.raises(ConfigError, match="flank is 'top'"):
        capture_history(rows, 5, flank="top")
    with pytest.raises(ConfigError, match="above 0"):
        capture_history(rows, 0)
    with pytest.raises(TableError, match="effort has 2 occasions"):
        capture_history(rows, 5, occasions=3, effort=pd.DataFrame([[1, 1]], index=["s1"]))
    with pytest.raises(TableError, match="animals × occasions × stations"):
        History(np.zeros((1, 1)), ("A",), ("s",))
    with pytest.raises(TableError, match="a date cannot be read"):
        capture_history(sightings(("A", "s1", "2015-02-30")), 5)
    with pytest.raises(TableError, match=r"time zone|cannot be read"):
        capture_history(sightings(("A", "s1", "2015-11-01T00:00+10:00"), ("A", "s1", "2015-11-01T00:00+11:00")), 5)
    with pytest.raises(TableError, match="time zones"):
        capture_history(rows.assign(date=pd.to_datetime(rows["date"]).dt.tz_localize("Asia/Vladivostok")), 5)
    empty = capture_history(rows.iloc[:0], 5)
    assert empty.counts.shape == (0, 1, 0)


def stations(*rows: tuple[object, ...]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["camera", "station", "start", "end"])
    return table.assign(
        source="table", start=pd.to_datetime(table["start"], format="ISO8601"), end=pd.to_datetime(table["end"])
    )


def test_effort_counts_a_pair_once() -> None:
    table = stations(
        ("c1", "s1", "2015-11-01", "2015-11-04"),
        ("c2", "s1", "2015-11-03", "2015-11-08"),
        ("c3", "s2", None, None),
        ("c4", "s3", "2015-11-07 12:00", "2015-12-01"),
    )
    days = effort_days(table, pd.Timestamp("2015-11-01"), 5, 2)
    assert days.to_numpy().tolist() == [[5, 2], [5, 5], [0, 3.5]]
    assert days.index.tolist() == ["s1", "s2", "s3"]


def test_effort_refuses_an_end_before_its_start() -> None:
    with pytest.raises(TableError, match=r"ends .* before it starts"):
        effort_days(stations(("c1", "s1", "2015-11-04", "2015-11-01")), pd.Timestamp("2015-11-01"), 5, 2)


@settings(deadline=None)
@given(st.floats(-80, 80), st.floats(-180, 180), st.floats(0.01, 0.5), st.floats(0, 6.28))
def test_metres_are_lengths_on_the_ellipsoid(lat: float, lon: float, apart: float, angle: float) -> None:
    """Against the midpoint formula of the ellipsoid's radii, within 60 km."""
    other = lat + apart * np.sin(angle), lon + apart * np.cos(angle)
    a, b = metres([lat, other[0]], [lon, other[1]])
    phi = np.radians((lat + other[0]) / 2)
    w = np.sqrt(1 - 6.69437999014e-3 * np.sin(phi) ** 2)
    north = 6378137 * (1 - 6.69437999014e-3) / w**3 * np.radians(other[0] - lat)
    east = 6378137 / w * np.cos(phi) * np.radians(other[1] - lon)
    assert np.hypot(*(b - a)) == pytest.approx(np.hypot(north, east), rel=1e-4)


def test_metres_across_the_date_line() -> None:
    a, b = metres([0, 0], [179.995, -179.995])
    assert abs(b - a)[0] == pytest.approx(1113.2, abs=0.1)


def test_places() -> None:
    table = pd.DataFrame({"station": ["s2", "s1", "s1"], "x": [10.0, 0, 2], "y": [0.0, 0, 4]})
    assert places(table, ["s1", "s2"]).tolist() == [[1, 2], [10, 0]]
    with pytest.raises(TableError, match=r"1 of 2 stations have no coordinates \(s3\)"):
        places(table, ["s1", "s3"])
    with pytest.raises(TableError, match="no coordinates; give the columns"):
        places(table[["station"]], ["s1"])
    degrees = pd.DataFrame({"station": ["a", "b"], "latitude": [43.0, 43.1], "longitude": [131.0, 131.0]})
    assert np.diff(places(degrees, ["a", "b"]), axis=0)[0] == pytest.approx([0, 11111], abs=5)

"""Two flanks, several seasons, growth."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.abundance import (
    Estimate,
    by_flank,
    capture_history,
    discovery,
    draw_discovery,
    draw_seasons,
    estimate,
    fates,
    growth,
    known_by_season,
    presence,
    residency,
    save_figure,
)
from reid.errors import ConfigError, TableError


def flank_rows(random: np.random.Generator, animals: int, linked: float) -> pd.DataFrame:
    rows = []
    for a in range(animals):
        both = random.random() < linked
        for occasion in np.flatnonzero(random.random(6) < 0.35):
            for side in ("left", "right") if both else (random.choice(["left", "right"]),):
                name = f"a{a}" if both else f"a{a} {side}"
                rows.append((name, "s1", pd.Timestamp("2015-11-01") + pd.Timedelta(days=int(occasion)), side))
    return pd.DataFrame(rows, columns=["identity", "station", "date", "orientation"])


def histories(rows: pd.DataFrame) -> tuple[object, object]:
    return tuple(capture_history(rows, 1, "2015-11-01", 6, flank=side) for side in ("left", "right"))  # type: ignore[return-value]


def test_flanks_counted_by_hand() -> None:
    rows = flank_rows(np.random.default_rng(1), 30, 0.4)
    left, right = histories(rows)
    found = by_flank(left, right, lambda h: estimate(h, "M0"))
    names = {side: set(rows.loc[rows["orientation"] == side, "identity"]) for side in ("left", "right")}
    assert found.linked == len(names["left"] & names["right"])
    assert found.left_only == len(names["left"] - names["right"])
    assert found.left.captured == len(names["left"])
    assert found.most.captured == len(names["left"] | names["right"])
    assert found.fewest.captured == found.linked + max(found.left_only, found.right_only)
    assert found.fewest.n < found.most.n
    assert found.averaged.n == pytest.approx(np.sqrt(found.left.n * found.right.n))
    # As if both erred alike, the mean is no surer than either.
    relative = [e.se / e.n for e in (found.left, found.right, found.averaged)]
    assert relative[2] == pytest.approx((relative[0] + relative[1]) / 2)
    assert found.table()["flanks"].tolist() == ["left", "right", "averaged", "fewest", "most"]
    assert not found.joined_is_exact


def test_flanks_all_linked_have_one_answer() -> None:
    left, right = histories(flank_rows(np.random.default_rng(2), 30, 1.0))
    found = by_flank(left, right, lambda h: estimate(h, "M0"))
    assert found.joined_is_exact and found.fewest == found.most
    # Both flanks of one moment are one capture.
    assert found.most.n == pytest.approx(found.left.n)


def test_one_flank_without_an_estimate() -> None:
    rows = flank_rows(np.random.default_rng(3), 20, 0.0)
    left, _ = histories(rows)
    nobody = capture_history(rows, 1, "2015-11-01", 6, flank="right").regrouped(
        [None] * rows.query("orientation=='right'")["identity"].nunique()
    )
    found = by_flank(left, nobody, lambda h: estimate(h, "M0"))
    assert found.averaged.n == pytest.approx(found.left.n) and "one flank" in found.averaged.warnings[0]
    none = by_flank(nobody, nobody, lambda h: estimate(h, "M0"))
    assert not none.averaged.defined and not none.fewest.defined


SEASONS = pd.DataFrame(
    [
        ("A", 2013), ("A", 2014), ("A", 2015),  # stays
        ("B", 2013),  # gone after 2013
        ("C", 2013), ("C", 2015),  # missed in 2014, alive anyway
        ("D", 2014), ("D", 2014),  # came, gone
        ("E", 2015),  # new
        ("unknown", 2015), (None, 2015),
    ],
    columns=["identity", "season"],
)  # fmt: skip


def test_seasons_by_hand() -> None:
    table = known_by_season(presence(SEASONS))
    assert table.loc[2013].to_dict() == {
        "met": 3, "new": 3, "survived": 0, "returned": 0, "not_met": 0, "alive_anyway": 0, "gone": 0, "alive": 3, "known": 3,
    }  # fmt: skip
    assert table.loc[2014].to_dict() == {
        "met": 2, "new": 1, "survived": 1, "returned": 0, "not_met": 2, "alive_anyway": 1, "gone": 1, "alive": 3, "known": 4,
    }  # fmt: skip
    assert table.loc[2015].to_dict() == {
        "met": 3, "new": 1, "survived": 1, "returned": 1, "not_met": 2, "alive_anyway": 0, "gone": 1, "alive": 3, "known": 5,
    }  # fmt: skip
    became = fates(presence(SEASONS)).set_index("identity")
    assert became["fate"].to_dict() == {"A": "survived", "B": "not met", "C": "returned", "D": "not met", "E": "new"}
    assert became.loc["C", ["first", "last", "seasons"]].tolist() == [2013, 2015, 2]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("ABCDEFG"), st.integers(2010, 2016)), min_size=1, max_size=40))
def test_seasons_add_up(rows: list[tuple[str, int]]) -> None:
    met = presence(pd.DataFrame(rows, columns=["identity", "season"]))
    table = known_by_season(met)
    assert (table["met"] == table["new"] + table["survived"] + table["returned"]).all()
    assert (table["known"] == table["new"].cumsum()).all()
    assert (table["known"] == table["met"] + table["not_met"]).all()
    assert (table["alive"] == table["met"] + table["alive_anyway"]).all()
    assert table["new"].sum() == len(met) == len(fates(met))
    order = np.random.default_rng(0).permutation(len(rows))
    again = known_by_season(presence(pd.DataFrame(rows, columns=["identity", "season"]).iloc[order]))
    assert again.equals(table)


def test_discovery_is_the_mean_of_all_orders() -> None:
    names = ["A", "A", "A", "B", "B", "C"]
    rows = pd.DataFrame({"identity": names, "date": pd.date_range("2015-11-01", periods=6)})
    curve = discovery(rows)
    assert curve["individuals"].tolist() == [1, 1, 1, 2, 2, 3]
    orders = [[len(set(order[: m + 1])) for m in range(6)] for order in permutations(names)]
    assert curve["expected"].tolist() == pytest.approx(np.mean(orders, axis=0).tolist())
    repeated = pd.concat([rows, rows]).assign(encounter=[*range(6), *range(6)])
    assert discovery(repeated)["individuals"].tolist() == [1, 1, 1, 2, 2, 3]


def test_residency() -> None:
    rows = pd.DataFrame(
        {
            "identity": ["A", "A", "A", "B"],
            "station": ["s1", "s1", "s2", "s1"],
            "date": pd.to_datetime(["2015-11-01", "2015-12-11", "2015-11-05", "2015-11-05"]),
        }
    )
    table = residency(rows)
    assert table[["identity", "station", "encounters", "days", "months"]].to_numpy().tolist() == [
        ["A", "s1", 2, 40, 2],
        ["A", "s2", 1, 0, 1],
        ["B", "s1", 1, 0, 1],
    ]
    assert table["share"].tolist() == pytest.approx([2 / 3, 1 / 3, 1])


def test_growth_from_30_to_57() -> None:
    """Leopards known in 2007 and 2015: nearly twice as many, 8.4 % a year, and surely growing."""
    found = growth(30, 57, 8)
    half = 1.959964 * np.sqrt(1 / 30 + 1 / 57)
    assert found.ratio == pytest.approx(1.9)
    assert (found.low, found.high) == pytest.approx((1.9 * np.exp(-half), 1.9 * np.exp(half)))
    assert found.annual == pytest.approx(1.9 ** (1 / 8))
    assert found.annual_low > 1 and found.basis == "counts, taken as Poisson"
    back = growth(57, 30, 8)
    assert (back.low * found.high, back.ratio * found.ratio) == pytest.approx((1, 1))


def test_growth_of_estimates() -> None:
    first, last = (Estimate("M0", n, se, n - 5, n + 5, int(n) - 5) for n, se in ((34.0, 3.4), (64.0, 6.4)))
    found = growth(first, last, 8)
    assert np.log(found.high / found.ratio) == pytest.approx(1.959964 * np.sqrt(0.02), rel=1e-6)
    assert growth(30, last, 8).basis == "counts, taken as Poisson first, estimates with their errors last"
    with pytest.raises(TableError, match="undefined"):
        growth(30, estimate(np.zeros((0, 3), dtype=int)), 8)
    with pytest.raises(TableError, match="above 0"):
        growth(0, 3, 8)
    with pytest.raises(ConfigError, match="years"):
        growth(30, 57, 0)


def test_seasons_refused() -> None:
    with pytest.raises(TableError, match="lack season"):
        presence(SEASONS[["identity"]])
    with pytest.raises(TableError, match="1 sightings have no season"):
        presence(pd.DataFrame({"identity": ["A", "B"], "season": [2014, None]}))
    with pytest.raises(TableError, match="no individual"):
        known_by_season(presence(SEASONS.iloc[:0]))


def test_drawings_are_the_same_every_time(tmp_path: Path) -> None:
    table = known_by_season(presence(SEASONS))
    curve = discovery(pd.DataFrame({"identity": list("AAB"), "date": pd.date_range("2015-11-01", periods=3)}))
    for i in range(2):
        save_figure(draw_seasons(table), tmp_path / f"seasons{i}.png")
        save_figure(draw_discovery(curve), tmp_path / f"discovery{i}.png")
    for name in ("seasons", "discovery"):
        first, second = (tmp_path / f"{name}{i}.png" for i in range(2))
        assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 5000
    labels = [text.get_text() for text in draw_seasons(table).axes[0].get_legend().get_texts()]
    assert set(labels) == {"met before", "new", "known so far"}

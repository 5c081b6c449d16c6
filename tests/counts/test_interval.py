"""The count and its interval: cases worked by hand, exact enumeration of the draws, and what must always
hold."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.counts import Count, CountSettings, count, encounter_flanks
from reid.counts.draws import draw_counts
from reid.counts.season import build_season
from reid.errors import ConfigError, TableError
from reid.tables import LINKS, empty, from_rows

SIDED = {"left": {"left"}, "right": {"right"}, "both": {"left", "right"}, "front": {"other"}}


def links(*rows: tuple[str, str, float], kind: str = "encounter") -> pd.DataFrame:
    return from_rows(
        [
            {
                "encounter": a,
                "other": b,
                "kind": kind,
                "probability": p,
                "query": a + "#1",
                "candidate": b + "#1",
            }
            for a, b, p in rows
        ],
        LINKS,
    )


def span(result: Count) -> tuple[int, int, int]:
    return result.low, result.best, result.high


def both(*encounters: str) -> dict[str, set[str]]:
    return {name: {"left", "right"} for name in encounters}


def test_no_animal() -> None:
    result = count({}, {}, empty(LINKS))
    assert span(result) == (0, 0, 0)
    assert (result.left_only, result.right_only, result.both, result.neither, result.unsure_encounters) == (0,) * 5


def test_sides_alone() -> None:
    # Two lefts, three rights, one of both, one from the front: 1 + max(2, 3) at the low end, all at the high.
    shows = ["left", "left", "right", "right", "right", "both", "front"]
    groups = {f"e{i}": f"A{i}" for i in range(7)}
    result = count(groups, {f"e{i}": SIDED[side] for i, side in enumerate(shows)}, empty(LINKS))
    assert span(result) == (4, 7, 7)
    assert (result.left_only, result.right_only, result.both, result.neither) == (2, 3, 1, 1)


def test_one_animal_seen_from_both_sides_in_two_encounters() -> None:
    groups = {"e1": "A", "e2": "A", "e3": "B"}
    flanks = {"e1": {"left"}, "e2": {"right"}, "e3": {"left"}}
    result = count(groups, flanks, empty(LINKS), joined=[("e1", "e2")])
    assert span(result) == (2, 2, 2)
    assert (result.both, result.left_only) == (1, 1)


def test_links_that_are_certain_leave_no_interval() -> None:
    groups = {"e1": "A", "e2": "A", "e3": "B"}
    certain = links(("e1", "e2", 1.0), ("e1", "e3", 0.0), ("e2", "e3", 0.0))
    assert span(count(groups, both("e1", "e2", "e3"), certain)) == (2, 2, 2)


@pytest.mark.parametrize(("probability", "expected"), [(0.02, (2, 2, 2)), (0.3, (1, 2, 2)), (0.98, (1, 2, 2))])
def test_a_link_that_was_not_followed_lowers_the_low_end(probability: float, expected: tuple[int, int, int]) -> None:
    assert span(count({"e1": "A", "e2": "B"}, both("e1", "e2"), links(("e1", "e2", probability)))) == expected


@pytest.mark.parametrize(("probability", "high"), [(0.99, 1), (0.8, 2)])
def test_a_link_that_was_followed_raises_the_high_end(probability: float, high: int) -> None:
    assert span(count({"e1": "A", "e2": "A"}, both("e1", "e2"), links(("e1", "e2", probability)))) == (
        1,
        1,
        high,
    )


def test_the_strongest_links_hold_an_animal_together() -> None:
    # The weak third link closes a circle of two strong ones and decides nothing.
    groups = dict.fromkeys(["e1", "e2", "e3"], "A")
    table = links(("e1", "e2", 1.0), ("e2", "e3", 1.0), ("e1", "e3", 0.1))
    assert span(count(groups, both(*groups), table)) == (1, 1, 1)


def test_paired_cameras_are_not_undone_by_a_weak_link() -> None:
    groups = {"e1": "A", "e2": "A"}
    weak = links(("e1", "e2", 0.05))
    assert span(count(groups, both("e1", "e2"), weak)) == (1, 1, 2)
    assert span(count(groups, both("e1", "e2"), weak, joined=[("e2", "e1")])) == (1, 1, 1)


def test_one_false_link_among_many_does_not_speak_for_all() -> None:
    groups = {f"a{i}": "A" for i in range(3)} | {f"b{i}": "B" for i in range(3)}
    inside = [("a0", "a1", 1.0), ("a1", "a2", 1.0), ("b0", "b1", 1.0), ("b1", "b2", 1.0)]
    assert span(count(groups, both(*groups), links(*inside, ("a0", "b0", 0.9)))) == (2, 2, 2)
    three = [(f"a{i}", f"b{i}", 0.9) for i in range(3)]
    assert span(count(groups, both(*groups), links(*inside, *three))) == (1, 2, 2)


def test_a_second_link_stands_in_for_one_that_fails() -> None:
    groups = dict.fromkeys("abc", "A")
    circle = [("a", "b", "encounter", 0.7), ("b", "c", "encounter", 0.7), ("a", "c", "encounter", 0.7)]
    low, high = draw_counts(build_season(groups, (), both("a", "b", "c"), circle, (), (), {}), 4000, seed=3)
    assert (low == high).all()
    # All three hold, or two of them; one holds; none does.
    exact = [0.7**3 + 3 * 0.7**2 * 0.3, 3 * 0.7 * 0.3**2, 0.3**3]
    assert np.bincount(high, minlength=4)[1:] / 4000 == pytest.approx(exact, abs=0.03)


def test_only_encounters_that_show_a_common_side_are_asked() -> None:
    # B shows one left side that can be compared; its many right sides say nothing about A.
    groups = {f"a{i}": "A" for i in range(6)} | {f"b{i}": "B" for i in range(6)}
    flanks = {name: {"left"} if name[0] == "a" or name == "b0" else {"right"} for name in groups}
    table = links(("a0", "b0", 0.9))
    assert span(count(groups, flanks, table)) == (1, 2, 2)
    assert span(count(groups, both(*groups), table)) == (2, 2, 2)


def test_what_is_settled_is_not_drawn() -> None:
    names = [f"e{i:02d}" for i in range(40)]
    pairs = list(itertools.combinations(names, 2))
    apart = count({n: n for n in names}, both(*names), links(*((a, b, 0.009) for a, b in pairs)), draws=200)
    assert span(apart) == (40, 40, 40)
    chain = links(*((a, b, 0.991) for a, b in itertools.pairwise(names)))
    assert span(count(dict.fromkeys(names, "A"), both(*names), chain, draws=200)) == (1, 1, 1)


def test_an_unsure_encounter_is_a_known_animal_or_a_stranger() -> None:
    groups, flanks = {"e1": "A", "e2": "unknown"}, both("e1", "e2")
    result = count(groups, flanks, links(("e1", "e2", 0.5)))
    assert span(result) == (1, 1, 2)
    assert result.unsure_encounters == 1
    assert result == count({"e1": "A"}, flanks, links(("e1", "e2", 0.5)), unsure={"e2"})


def test_an_unsure_encounter_without_a_link_may_be_anyone() -> None:
    assert span(count({"e1": "A"}, both("e1", "e2"), empty(LINKS), unsure={"e2"})) == (1, 1, 2)
    assert span(count({}, both("e2"), empty(LINKS), unsure={"e2"})) == (0, 0, 1)
    # Two sides that may be one animal, and an undecided left side that may be it too.
    sides = {"e1": {"left"}, "e2": {"right"}, "u": {"left"}}
    assert span(count({"e1": "A", "e2": "B"}, sides, empty(LINKS), unsure={"u"})) == (1, 2, 3)


@pytest.mark.parametrize("unsure", ["a", "u"])
def test_an_unsure_encounter_never_joins_two_named_animals(unsure: str) -> None:
    groups, table = {"e1": "A", "e2": "B"}, links((unsure, "e1", 1.0), (unsure, "e2", 1.0))
    assert span(count(groups, both("e1", "e2", unsure), table, unsure={unsure})) == (2, 2, 2)


def test_encounters_of_one_frame_stay_apart() -> None:
    groups, flanks, table = {"e1": "A", "e2": "B"}, both("e1", "e2"), links(("e1", "e2", 0.9))
    assert span(count(groups, flanks, table)) == (1, 2, 2)
    assert span(count(groups, flanks, table, cannot=[("e1", "e2")])) == (2, 2, 2)
    sides = {"e1": {"left"}, "e2": {"right"}}
    assert span(count(groups, sides, empty(LINKS), cannot=[("e2", "e1")])) == (2, 2, 2)


def test_the_catalogue_completes_the_flanks() -> None:
    groups, sides = {"e1": "A", "e2": "B"}, {"e1": {"left"}, "e2": {"right"}}
    assert span(count(groups, sides, empty(LINKS))) == (1, 2, 2)
    result = count(groups, sides, empty(LINKS), known_flanks={"A": {"left", "right"}, "never seen": {"left"}})
    assert span(result) == (2, 2, 2)
    assert (result.both, result.right_only) == (1, 1)


def test_individuals_of_the_catalogue_stay_apart_and_absent_ones_are_not_counted() -> None:
    table = links(("e1", "A", 1.0), ("e2", "B", 1.0), ("e1", "B", 1.0), kind="individual")
    assert span(count({"e1": "A", "e2": "B"}, both("e1", "e2"), table)) == (2, 2, 2)
    absent = links(("e1", "Z", 0.5), ("e2", "Z", 0.5), kind="individual")
    # Both may be Z: then they are one animal, in a quarter of the draws.
    assert span(count({"e1": "N1", "e2": "N2"}, both("e1", "e2"), absent)) == (1, 2, 2)


@given(
    st.lists(st.tuples(st.sampled_from("ABCDE?"), st.sampled_from(sorted(SIDED))), max_size=9),
    st.lists(st.floats(0, 1), min_size=36, max_size=36),
    st.sets(st.integers(0, 35), max_size=12),
    st.sets(st.integers(0, 35), max_size=4),
)
@settings(max_examples=25, deadline=None)
def test_bounds_hold_and_row_order_does_not_matter(
    season: list[tuple[str, str]], probabilities: list[float], linked: set[int], apart: set[int]
) -> None:
    groups = {f"e{i}": name for i, (name, _) in enumerate(season) if name != "?"}
    unsure = {f"e{i}" for i, (name, _) in enumerate(season) if name == "?"}
    flanks = {f"e{i}": SIDED[side] for i, (_, side) in enumerate(season)}
    pairs = list(itertools.combinations(range(9), 2))
    inside = [k for k in range(36) if max(pairs[k]) < len(season)]
    rows = [(f"e{pairs[k][0]}", f"e{pairs[k][1]}", probabilities[k]) for k in inside if k in linked]
    cannot = [(f"e{pairs[k][0]}", f"e{pairs[k][1]}") for k in inside if k in apart]
    result = count(groups, flanks, links(*rows), unsure, cannot, draws=60)
    assert 0 <= result.low <= result.best <= result.high <= len(season)
    assert result.left_only + result.right_only + result.both + result.neither == result.best == len({*groups.values()})
    assert result == count(groups, flanks, links(*rows[::-1]), unsure, cannot[::-1], draws=60)


@given(st.lists(st.sampled_from([0.05, 0.4, 0.7]), min_size=3, max_size=3))
@settings(max_examples=5, deadline=None)
def test_draws_agree_with_enumeration(probabilities: list[float]) -> None:
    """Three lone encounters, all linked: every outcome of the three links, with its probability."""
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    exact = np.zeros(4)
    for held in itertools.product([0, 1], repeat=3):
        weight = np.prod([p if h else 1 - p for p, h in zip(probabilities, held, strict=True)])
        exact[max(1, 3 - sum(held))] += weight
    rows = [(x, y, "encounter", p) for (x, y), p in zip(pairs, probabilities, strict=True)]
    season = build_season({"a": "A", "b": "B", "c": "C"}, (), both("a", "b", "c"), rows, (), (), {})
    low, high = draw_counts(season, 4000, seed=1)
    assert (low == high).all()
    assert np.abs(np.bincount(low, minlength=4) / 4000 - exact).max() < 0.04


def test_more_confidence_is_never_narrower_and_a_seed_repeats() -> None:
    names = [f"e{i}" for i in range(12)]
    table = links(*((a, b, 0.15) for a, b in itertools.combinations(names, 2)))
    groups = {name: name.upper() for name in names}
    wide, narrow = (count(groups, both(*names), table, confidence=c) for c in (0.99, 0.5))
    assert wide.low < narrow.low
    assert wide.high >= narrow.high
    assert wide == count(groups, both(*names), table, confidence=0.99)


def test_flanks_of_encounters() -> None:
    crops = pd.DataFrame({"encounter": ["b", "a", "a", None], "orientation": ["back", "left", "right", "left"]})
    assert encounter_flanks(crops) == {"a": frozenset({"left", "right"}), "b": frozenset({"other"})}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unsure": {"e1"}}, "'e1' is named 'A' and is unsure as well"),
        ({"links": links(("e1", "lost", 0.5))}, "names the encounter 'lost', which has no decision"),
        ({"cannot": [("e1", "lost")]}, "names the encounter 'lost'"),
        ({"links": pd.DataFrame({"encounter": ["e1"]})}, "lacks the column"),
    ],
)
def test_tables_that_do_not_fit_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError, match=message):
        count(**{"groups": {"e1": "A"}, "flanks": both("e1"), "links": empty(LINKS), **arguments})


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 1.0},
        {"confidence": 0},
        {"confidence": "high"},
        {"confidence": True},
        {"confidence": float("nan")},
        {"draws": 0},
        {"draws": 10.5},
        {"seed": -1},
        {"photos_per_individual": 0},
    ],
)
def test_settings_are_checked_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"counts.{next(iter(wrong))} is .*; give a"):
        CountSettings(**wrong)


def _simulated(seed: int) -> tuple[int, Count]:
    """About 12 animals, with pairwise probabilities calibrated by construction, named at 95 %."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(12), random.poisson(3, 12))
    pairs = list(itertools.combinations(range(len(who)), 2))
    same = np.array([who[a] == who[b] for a, b in pairs])
    prior = np.log(same.mean() / (1 - same.mean()))
    # Evidence right about its own strength: normal log-odds with a variance of twice the mean.
    odds = prior + random.normal(np.where(same, 12.5, -12.5), 5)
    probability = 1 / (1 + np.exp(-odds))
    name = list(range(len(who)))
    for (a, b), p in zip(pairs, probability, strict=True):
        if p >= 0.95:
            name = [name[a] if other == name[b] else other for other in name]
    rows = [(f"e{a:02d}", f"e{b:02d}", p) for (a, b), p in zip(pairs, probability, strict=True) if p > 0.001]
    groups = {f"e{i:02d}": f"A{n}" for i, n in enumerate(name)}
    return len(set(who)), count(groups, both(*groups), links(*rows), draws=200)


def test_the_interval_holds_the_true_number_of_simulated_seasons() -> None:
    seasons = [_simulated(seed) for seed in range(20)]
    held = sum(result.low <= truth <= result.high for truth, result in seasons)
    assert held >= 17
    assert any(truth != result.best for truth, result in seasons)
    assert np.mean([result.high - result.low for _, result in seasons]) < 4

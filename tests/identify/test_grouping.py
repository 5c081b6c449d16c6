"""Grouping: no single false link merges two animals, flanks meet by evidence only, and it is better than the plain ways."""

from __future__ import annotations

import itertools
from collections import Counter
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.counts import count
from reid.evaluate import census_error
from reid.identify import Group, Thresholds, decide, group_encounters
from reid.tables import LINKS, UNKNOWN, empty, from_rows


def links_of(rows: list[tuple[str, str, float]], individuals: tuple[str, ...] = ()) -> pd.DataFrame:
    return from_rows(
        [
            {
                "encounter": a if b in individuals else min(a, b),
                "other": b if b in individuals else max(a, b),
                "kind": "individual" if b in individuals else "encounter",
                "probability": p, "query": f"{a}-crop", "candidate": f"{b}-crop",
            }
            for a, b, p in rows
        ],
        LINKS,
    )  # fmt: skip


def shown(groups: list[Group]) -> list[str]:
    return ["".join(group.encounters) + (group.individual or "") for group in groups]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 7), st.integers(3, 7), st.floats(0.951, 0.999999))
def test_one_false_link_never_merges_two_animals(seed: int, one: int, other: int, false: float) -> None:
    """Animals of many encounters, their pairs sure but for a few; one pair of two animals is as sure as can be."""
    random = np.random.default_rng(seed)
    animals = [[f"a{n}" for n in range(one)], [f"b{n}" for n in range(other)]]
    rows = [
        (x, y, float(random.uniform(0.97, 0.9999)) if random.random() < 0.85 else 0.9)
        for mine in animals
        for x, y in itertools.combinations(mine, 2)
    ]
    rows += [(x, y, float(random.uniform(0, 0.2))) for x, y in itertools.product(*animals) if random.random() < 0.5]
    wrong = (str(random.choice(animals[0])), str(random.choice(animals[1])))
    rows = [row for row in rows if row[:2] != wrong] + [(*wrong, false)]
    mixed = [str(name) for name in random.permutation([*animals[0], *animals[1]])]
    found = [Counter(name[0] for name in group.encounters) for group in group_encounters(mixed, links_of(rows), 0.95)]
    # one that has no other sure link may go with the false one; its animal stays where it is
    assert all(min(group["a"], group["b"]) <= 1 for group in found)


def test_one_false_link_does_not_name_an_animal_after_a_known_one() -> None:
    inside = [("a", "b", 0.99), ("a", "c", 0.99), ("b", "c", 0.99)]
    false = [("a", "X", 0.999), ("b", "X", 0.05), ("c", "X", 0.05)]
    assert shown(group_encounters(list("abc"), links_of(inside + false, ("X",)), 0.95, individuals=["X"])) == ["abc"]
    true = [("a", "X", 0.999), ("b", "X", 0.98), ("c", "X", 0.9)]
    assert shown(group_encounters(list("abc"), links_of(inside + true, ("X",)), 0.95, individuals=["X"])) == ["abcX"]
    one = [("a", "X", 0.999)]
    assert shown(group_encounters(list("abc"), links_of(inside + one, ("X",)), 0.95, individuals=["X"])) == ["abcX"]


def test_a_link_that_the_others_contradict_does_not_join_a_lone_encounter() -> None:
    inside = [("a", "b", 0.99), ("a", "c", 0.99), ("b", "c", 0.99)]
    alone = [("x", "a", 0.96), ("x", "b", 0.02), ("x", "c", 0.02)]
    assert shown(group_encounters(list("abcx"), links_of(inside + alone), 0.95)) == ["abc", "x"]
    sure = [("x", "a", 0.999), ("x", "b", 0.02), ("x", "c", 0.02)]
    assert shown(group_encounters(list("abcx"), links_of(inside + sure), 0.95)) == ["abcx"]


@pytest.mark.parametrize(
    ("members", "best", "rest", "joins"),
    [
        (2, 0.98, 0.01, True),  # odds of 49 and 0.01: 24.5 in the mean, a probability of 0.961
        (3, 0.98, 0.01, False),  # 16.3 in the mean: 0.942
        (40, 0.999999, 0.001, True),  # no link says more than odds of 999: 25 in the mean
        (60, 0.999999, 0.001, False),  # 16.7
    ],
)
def test_the_mean_odds_of_all_links_must_pass(members: int, best: float, rest: float, joins: bool) -> None:
    animal = [f"a{n:02d}" for n in range(members)]
    rows = [(x, y, 0.999) for x, y in itertools.combinations(animal, 2)]
    rows += [(name, "b", rest if name != animal[0] else best) for name in animal]
    assert len(group_encounters([*animal, "b"], links_of(rows), 0.95)) == (1 if joins else 2)


def test_a_left_and_a_right_meet_only_through_one_encounter_or_a_word() -> None:
    chain = links_of([("l", "f", 0.99), ("f", "r", 0.99)])
    sides = {"l": {"left"}, "r": {"right"}}
    # a face resembles both: that is no evidence that they are one
    assert shown(group_encounters(list("lfr"), chain, 0.95, flanks=sides)) == ["lf", "r"]
    assert shown(group_encounters(list("lfr"), chain, 0.95, flanks=sides | {"f": {"left", "right"}})) == ["lfr"]
    told = [("l", "encounter", "r")]
    assert shown(group_encounters(list("lfr"), chain, 0.95, flanks=sides, must=told)) == ["lfr"]
    assert shown(group_encounters(list("lr"), empty(LINKS), 0.95, flanks=sides)) == ["l", "r"]
    # the catalogue knows both sides of one individual, and only the left of another
    known = links_of([("l", "X", 0.99), ("r", "X", 0.99)], ("X",))
    for flanks, expected in ((sides | {"X": {"left", "right"}}, ["lrX"]), (sides | {"X": {"left"}}, ["lX", "r"])):
        assert shown(group_encounters(list("lr"), known, 0.95, individuals=["X"], flanks=flanks)) == expected


def test_what_somebody_said_comes_first_and_apart_is_stronger() -> None:
    rows = links_of([("a", "X", 0.99), ("b", "c", 0.99)], ("X",))
    must, none = [("b", "individual", "X"), ("a", "encounter", "c")], [frozenset(("a", "X")), frozenset(("a", "c"))]
    assert shown(group_encounters(list("abc"), rows, 0.95, individuals=["X"], must=must)) == ["abcX"]
    assert shown(group_encounters(list("abc"), rows, 0.95, none, ["X"], must)) == ["a", "bcX"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_flanks_and_constraints_hold_in_any_world(seed: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"e{n}" for n in range(9)]
    pairs = list(itertools.combinations(names, 2))
    rows = [(*pair, float(p)) for pair, p in zip(pairs, random.uniform(0.8, 1, len(pairs)), strict=True)]
    kinds: list[set[str]] = [{"left"}, {"right"}, set(), {"left", "right"}]
    flanks = {name: kinds[random.choice(4, p=[0.4, 0.4, 0.1, 0.1])] for name in names}
    cannot = {frozenset(pairs[k]) for k in random.choice(len(pairs), 5, replace=False)}
    found = group_encounters(names, links_of(rows), 0.9, cannot, flanks=flanks)
    assert found == group_encounters(names, links_of(rows[::-1]), 0.9, cannot, flanks=flanks)
    assert sorted(itertools.chain(*(group.encounters for group in found))) == names
    for group in found:
        assert not any(pair <= set(group.encounters) for pair in cannot)
        sides = [flanks[name] for name in group.encounters]
        if set().union(*sides) == {"left", "right"}:
            assert {"left", "right"} in sides


def test_several_that_may_be_a_known_animal_are_left_to_a_person() -> None:
    inside = [("a", "b", 0.99)]
    for near, expected in ((0.6, "unsure"), (0.1, "new")):
        rows = links_of([*inside, ("a", "X", near), ("b", "X", near)], ("X",))
        table = decide([Group(("a", "b"), None)], rows, {})
        assert table["decision"].tolist() == [expected] * 2
        assert table["probability"].notna().all()
    lone = decide([Group(("a", "b"), None), Group(("c",), None)], links_of([*inside, ("a", "c", 0.6)]), {})
    assert lone["decision"].tolist() == ["new", "new", "unsure"]


@pytest.fixture(scope="module")
def worlds(bench: ModuleType) -> list[tuple[object, pd.DataFrame, float]]:
    made = []
    for seed in range(6):
        world = bench.make_world(200 + seed, 16)
        who = dict(zip(world.crops["crop_id"], world.crops["identity"], strict=True))
        prior = float((world.matches["query"].map(who) == world.matches["candidate"].map(who)).mean())
        made.append((world, bench.links_of(world, "all", prior), prior))
    return made


def test_fewer_merges_than_plain_ways(bench: ModuleType, worlds: list[tuple[object, pd.DataFrame, float]]) -> None:
    merges: dict[str, int] = {"ours": 0, "components": 0, "linkage": 0}
    splits = dict.fromkeys(merges, 0)
    for world, links, _ in worlds:
        truth = world.truth()  # type: ignore[attr-defined]
        names = list(truth)
        flanks = world.crops.groupby("encounter")["orientation"].agg(set).to_dict()  # type: ignore[attr-defined]
        groups = group_encounters(names, links, 0.95, flanks=flanks)
        ours = {name: n for n, group in enumerate(groups) for name in group.encounters}
        for label, found in (
            ("ours", [ours[name] for name in names]),
            ("components", bench.components(names, links, 0.95)),
            ("linkage", bench.linkage_groups(names, links, 0.95)),
        ):
            error = census_error([truth[name] for name in names], found)
            merges[label] += error["merges"]
            splits[label] += error["splits"]
    assert merges["ours"] < merges["components"]
    assert merges["ours"] + splits["ours"] < merges["linkage"] + splits["linkage"]
    assert merges["ours"] + splits["ours"] <= merges["components"] + splits["components"] + 8


def test_the_interval_of_the_count_holds_the_truth(worlds: list[tuple[object, pd.DataFrame, float]]) -> None:
    held, widths = 0, []
    for world, links, prior in worlds:
        truth = world.truth()  # type: ignore[attr-defined]
        flanks = world.crops.groupby("encounter")["orientation"].agg(set).to_dict()  # type: ignore[attr-defined]
        decided = decide(group_encounters(list(truth), links, 0.95, flanks=flanks), links, {}, Thresholds(0.95, 0.3))
        named = decided[decided["identity"] != UNKNOWN]
        unsure = set(decided.loc[decided["identity"] == UNKNOWN, "encounter"])
        found = count(
            dict(zip(named["encounter"], named["identity"], strict=True)), flanks, links, unsure, draws=120, prior=prior
        )
        animals = len(set(truth.values()))
        held += found.low <= animals <= found.high
        widths.append((found.high - found.low) / animals)
    assert held >= 4
    assert np.mean(widths) < 0.6

"""Thresholds that keep a named rate: the promise by simulation, the bounds by a second library, and what is too little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from reid.errors import ConfigError, FormatError, InputError
from reid.identify import (
    DecisionSettings,
    accept_threshold,
    choose_thresholds,
    gather_evidence,
    read_evidence,
    reject_threshold,
)
from reid.identify.risk import upper_bound
from reid.tables import LINKS, from_rows


def draw(random: np.random.Generator, n: int, sure: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of best links, whether they are right, and whether the animal is known; overconfident if `sure` > 1.

    A known animal's best link has a log-odds around 5, a stranger's around -3; what the truth is given p is exact.
    """
    known = random.random(n) < 0.7
    value = random.normal(np.where(known, 5.0, -3.0), 2.5)
    exact = 0.7 * norm.pdf(value, 5, 2.5) / (0.7 * norm.pdf(value, 5, 2.5) + 0.3 * norm.pdf(value, -3, 2.5))
    return 1 / (1 + np.exp(-sure * np.log(exact / (1 - exact)))), known, known


@pytest.mark.parametrize("sure", [1.0, 2.5])
def test_the_promises_hold_over_many_draws(sure: float) -> None:
    rate_match, rate_new, draws = 0.02, 0.05, 120
    matched, lost, promised = [], [], 0
    grid: dict[float, float] = {}
    population = draw(np.random.default_rng(10**6), 200_000, sure)
    ordered = np.sort(population[0][population[2]])
    for seed in range(draws):
        p, right, known = draw(np.random.default_rng(seed), 600, sure)
        found = accept_threshold(p, right, rate_match)
        if found.threshold is not None:
            promised += 1
            if found.threshold not in grid:
                grid[found.threshold] = float((~population[1])[population[0] >= found.threshold].mean())
            matched.append(grid[found.threshold])
        reject = reject_threshold(p, known, rate_new).threshold
        assert reject is not None
        lost.append(np.searchsorted(ordered, reject) / len(ordered))
    # at most one draw in ten may miss; the expected share of lost ones is at most the rate, and not far below
    misses = sum(rate > rate_match for rate in matched)
    assert misses <= 0.1 * draws + 2 * np.sqrt(0.09 * draws)
    assert promised > (0.5 if sure == 1 else 0.2) * draws
    assert rate_new - 0.012 < np.mean(lost) <= rate_new + 2 * np.std(lost) / np.sqrt(draws)


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    for wrong, decisions in ((0, 50), (3, 200), (17, 40)):
        theirs = binomtest(wrong, decisions, alternative="less").proportion_ci(0.9, "exact").high
        assert upper_bound(wrong, decisions, 0.9) == pytest.approx(theirs)


def test_worked_examples() -> None:
    # 400 right ones above 0.99 and none wrong: the promise of 1 % holds, and goes down to where the wrong ones begin
    p = np.r_[np.full(400, 0.999), np.full(40, 0.9), np.full(60, 0.3)]
    right = np.r_[np.full(400, True), np.full(40, False), np.full(60, False)]
    found = accept_threshold(p, right, 0.01)
    assert found.threshold is not None
    assert 0.9 < found.threshold <= 0.99
    assert (found.decisions, found.wrong) == (400, 0)
    # a calibration that is too sure: wrong ones at 0.995, and the second list still finds a threshold above them
    sure = np.r_[np.full(800, 0.9999), np.full(60, 0.995)]
    found = accept_threshold(sure, np.r_[np.full(800, True), np.full(60, False)], 0.01)
    assert found.threshold is not None
    assert 0.995 < found.threshold <= 0.999
    # of 99 known ones, 4 may lie below for 5 %
    assert reject_threshold(np.arange(1, 100) / 100, np.ones(99, bool), 0.05).threshold == pytest.approx(0.05)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60), st.floats(0.01, 0.4))
def test_a_stricter_rate_never_accepts_or_rejects_more(rows: list[tuple[float, bool]], rate: float) -> None:
    p, truth = np.array([row[0] for row in rows], float), np.array([row[1] for row in rows], bool)
    loose, strict = accept_threshold(p, truth, rate), accept_threshold(p, truth, rate / 2)
    for found in (loose, strict):
        assert 0 <= found.bound <= 1
        assert 0 <= found.wrong <= found.decisions <= len(p)
    assert loose.threshold is not None or strict.threshold is None
    one, two = reject_threshold(p, truth, rate), reject_threshold(p, truth, rate / 2)
    assert one.threshold is not None or two.threshold is None
    if one.threshold is not None and two.threshold is not None:
        assert two.threshold <= one.threshold


def test_what_is_no_evidence_is_refused() -> None:
    with pytest.raises(InputError, match="expected one of each an encounter"):
        accept_threshold(np.array([0.5]), np.array([True, False]), 0.01)
    with pytest.raises(InputError, match="between 0 and 1"):
        reject_threshold(np.array([np.nan]), np.array([True]), 0.01)
    for wrong in ({"probability": [2.0], "same": [True]}, {"probability": [0.5], "same": []}, {"same": [True]}, [1],
                  {"unit": "pair", "probability": [0.5], "same": [True]}):  # fmt: skip
        with pytest.raises(FormatError, match="held-out evidence cannot be read"):
            read_evidence({"evidence": wrong})
    assert read_evidence({}) is None


def test_evidence_is_gathered_as_a_season_would_meet_it() -> None:
    rows = [("a", "b", 0.9), ("c", "b", 0.7), ("c", "a", 0.7), ("d", "a", 0.2), ("e", "d", 0.99)]
    links = from_rows(
        [{"encounter": min(x, y), "other": max(x, y), "kind": "encounter", "probability": p, "query": x, "candidate": y}
         for x, y, p in rows],
        LINKS,
    )  # fmt: skip
    truth = {"a": "A", "b": "A", "c": "C", "d": "D", "e": "A", "f": "C"}
    found = gather_evidence(links, truth, list("abcdef"), what="by hand", vote="all")
    assert found.probability.tolist() == [0, 0.9, 0.7, 0.2, 0.99, 0]
    assert found.same.tolist() == [False, True, False, False, False, False]
    assert found.known.tolist() == [False, True, False, False, True, True]
    again = read_evidence({"evidence": found.to_json()})
    assert again is not None
    assert (again.what, again.vote, again.known.tolist()) == ("by hand", "all", found.known.tolist())
    with pytest.raises(InputError, match="no known animal"):
        gather_evidence(links, {"a": "A"}, list("ab"))
    with pytest.raises(InputError, match="not in the order"):
        gather_evidence(links, truth, ["a"])


def test_thresholds_of_a_run() -> None:
    many = {"probability": [0.9999] * 500 + [0.2] * 20, "same": [True] * 500 + [False] * 20}
    few = {"probability": [0.9999] * 9 + [0.97], "same": [True] * 9 + [False]}
    plain = choose_thresholds(DecisionSettings(), {})
    assert (plain.accept, plain.reject) == (0.95, 0.3)
    assert plain.notes[0].startswith("Joined from the usual probability of 0.95")
    assert not plain.shortfalls
    set_by_data = choose_thresholds(DecisionSettings(), {"evidence": many})
    assert 0.5 <= set_by_data.accept < 0.6
    assert "of 500 held-out encounters above it, 0 were given wrongly" in set_by_data.notes[0]
    given = choose_thresholds(DecisionSettings(accept=0.9, reject=0.4), {"evidence": many})
    assert (given.accept, given.reject) == (0.9, 0.4)
    # too few: the stricter of the usual and of what they allow, and it is said
    short = choose_thresholds(DecisionSettings(), {"evidence": few})
    assert short.accept >= 0.97
    assert short.reject <= 0.3
    assert len(short.shortfalls) == 2
    other = choose_thresholds(DecisionSettings(), {"evidence": many, "network": "aaaa"}, "bbbb")
    assert (other.accept, other.reject) == (0.95, 0.3)
    assert "another network" in other.notes[0]
    voted = choose_thresholds(DecisionSettings(vote="best"), {"evidence": {**many, "vote": "all"}})
    assert "decision.vote=all" in voted.notes[0]
    nobody = choose_thresholds(DecisionSettings(), {"evidence": {"probability": [], "same": []}})
    assert (nobody.accept, nobody.reject) == (0.95, 0.3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"false_match": 0.0}, "decision.false_match=0.0 must lie between 0 and 0.5"),
        ({"false_new": 0.7}, "decision.false_new=0.7"),
        ({"vote": "some"}, "decision.vote='some' is unknown; choose one of all, best"),
        ({"speed_limit_kmh": -1}, "decision.speed_limit_kmh=-1 must be 0 or more"),
        ({"usual_accept": 0.2}, "0 < reject <= accept < 1"),
    ],
)
def test_settings_are_checked(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DecisionSettings(**wrong)  # type: ignore[arg-type]


def test_one_threshold_by_hand_keeps_the_order() -> None:
    assert DecisionSettings(accept=0.2).by_hand == (0.2, 0.2)
    assert DecisionSettings(reject=0.97).by_hand == (0.97, 0.97)

"""Closed populations against published examples, against slow plain likelihoods, and at their limits."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reid.abundance import MODELS, History, estimate
from reid.abundance.heterogeneity import chao_mh, jackknife
from reid.abundance.likelihood import profile_m0, profile_mb, profile_mt
from reid.errors import ConfigError, TableError


def test_m0_of_the_rabbits_is_what_mark_finds(rabbits: np.ndarray) -> None:
    """Program MARK: N 96.258770 (86.603278 to 114.70669), p 0.0819550, AIC 379.59414."""
    found = estimate(rabbits, "M0", interval="log-normal")
    assert found.n == pytest.approx(96.25877, abs=1e-4)
    assert (found.low, found.high) == pytest.approx((86.6033, 114.7067), abs=2e-3)
    assert found.detail["p"] == pytest.approx(0.0819550, abs=1e-6)
    assert found.detail["aic"] == pytest.approx(379.59414, abs=1e-4)


def test_mt_of_the_kanha_tigers_is_what_mark_finds(tigers: np.ndarray) -> None:
    """26 tigers in Kanha (Karanth et al. 2004). MARK: N 28.051 (26.413 to 36.180), p of occasion 4 0.4634.

    The likelihood knows the captures by their totals alone, which p times N gives back.
    """
    found = estimate(tigers, "Mt", interval="log-normal")
    assert found.n == pytest.approx(28.051, abs=1e-3)
    assert (found.low, found.high) == pytest.approx((26.413, 36.180), abs=5e-3)
    assert found.detail["p"][3] == pytest.approx(0.4634, abs=1e-4)
    again = estimate(tigers, "M0")
    assert again.n == pytest.approx(28.446, abs=1e-3)
    assert again.detail["aic"] == pytest.approx(155.2433, abs=2e-4)


def test_mt_profile_interval_is_that_of_cormack_chang_and_smith() -> None:
    """Cormack, Chang and Smith 2000, table 3b, three lists: N 209, profile interval 203 to 217."""
    rows = {(1, 1, 1): 72, (1, 1, 0): 5, (1, 0, 1): 29, (1, 0, 0): 54, (0, 1, 1): 24, (0, 1, 0): 3, (0, 0, 1): 14}
    caught = np.array([history for history, times in rows.items() for _ in range(times)])
    found = estimate(caught, "Mt")
    assert (round(found.n), round(found.low), round(found.high)) == (209, 203, 217)


def test_two_occasions_are_lincoln_and_petersen() -> None:
    """Seber 1982, p. 107: 948 and 421 caught, 167 twice; 948 × 421 / 167 = 2389.9, less a bias of some 1 / 600."""
    caught = np.array([[1, 1]] * 167 + [[1, 0]] * 781 + [[0, 1]] * 254)
    assert estimate(caught, "Mt").n == pytest.approx(948 * 421 / 167, rel=2e-3)


def test_jackknife_of_the_rabbits(rabbits: np.ndarray) -> None:
    """Burnham and Overton 1979: orders 1 to 5 are 116.6, 141.5, 158.6, 170.3 and 176.5, with errors 8.9, 14.9, 21.9,
    31.1 and 43.5, tests 4.053, 2.071, 1.071 and 0.417. CAPTURE chooses order 3 and interpolates: 144 (113 to 201)."""
    counts = np.array([43, 16, 8, 6, 0, 2, 1] + [0] * 11)
    found = jackknife(counts, 18)
    assert found.orders == pytest.approx((116.6, 141.5, 158.6, 170.3, 176.5), abs=0.15)
    assert found.order_se == pytest.approx((8.9, 14.9, 21.9, 31.1, 43.5), abs=0.1)
    assert np.sqrt(found.tests) == pytest.approx((4.053, 2.071, 1.071, 0.417), abs=1e-3)
    whole = estimate(rabbits, "Mh-jackknife")
    assert found.chosen == 3
    assert (whole.n, whole.low, whole.high) == pytest.approx((143.8743, 112.9113, 200.8106), abs=0.02)


@pytest.mark.parametrize(("occasions", "order"), [(18, 1), (18, 2), (9, 3), (12, 4)])
def test_jackknife_is_the_jackknife(occasions: int, order: int) -> None:
    """The weights of one capture matrix, by leaving out every set of `order` occasions and extrapolating."""
    from itertools import combinations
    from math import comb, factorial

    caught = (np.random.default_rng(3).random((25, occasions)) < 0.1).astype(int)
    caught = caught[caught.any(axis=1)]
    left_out = [
        np.mean([np.delete(caught, list(gone), axis=1).any(axis=1).sum() for gone in combinations(range(occasions), i)])
        for i in range(order + 1)
    ]
    t, k = occasions, order
    expected = sum((-1) ** i * comb(k, i) * (t - i) ** k * left_out[i] for i in range(k + 1)) / factorial(k)
    counts = np.bincount(caught.sum(axis=1), minlength=t + 1)[1:]
    assert jackknife(counts, t).orders[k - 1] == pytest.approx(expected)


def test_chao_of_the_hares(published: Callable[[str], History]) -> None:
    """Baillargeon and Rivest 2007, snowshoe hares: Chao's lower bound 79.8, standard error 6.4."""
    found = estimate(published("hare"), "Mh-chao")
    assert (round(found.n, 1), round(found.se, 1)) == (79.8, 6.4)
    assert found.low > 68


def test_chao_1987_with_many_occasions() -> None:
    """By hand, Chao 1987: 76 + 43² / 32 = 133.78, error 24.02."""
    n, se, _ = chao_mh(np.array([43, 16, 8, 6, 0, 2, 1]), 10**9)
    assert (n, se) == pytest.approx((133.78125, 24.02), abs=0.01)


def test_chao_mt_by_hand() -> None:
    # once: two animals on occasion 1, one on occasion 2; twice: one. Pairs: (9 - 5) / 2 = 2. N = 4 + 2 / 2.
    caught = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 1]])
    assert estimate(caught, "Mt-chao").n == 5.0


def test_hares_by_other_programs(published: Callable[[str], History]) -> None:
    """Rcapture conditions on the animals met, which differs by less than an animal from the full likelihood."""
    hares = published("hare")
    assert estimate(hares, "M0").n == pytest.approx(75.4, abs=0.8)
    assert estimate(hares, "Mt").n == pytest.approx(75.1, abs=0.8)
    # Mb given the animals met: N = n / (1 - (1-p)^t), with p from the first captures 16, 24, 9, 9, 6, 4. That is 81.1.
    assert estimate(hares, "Mb").n == pytest.approx(81.1, abs=2.1)


def plain(caught: np.ndarray, model: str, n: float) -> float:
    """The likelihood animal by animal, occasion by occasion, with probabilities found on a fine grid."""
    animals, occasions = caught.shape
    unseen = lgamma(n + 1) - lgamma(n - animals + 1)
    grid = np.linspace(0.0005, 0.9995, 1000)
    if model == "Mt":
        parts = [[k * np.log(grid) + (n - k) * np.log1p(-grid)] for k in caught.sum(axis=0)]
        return unseen + sum(np.max(p) for p in parts)
    before, after = np.zeros_like(grid), np.zeros_like(grid)
    for row in caught:
        marked = False
        for met in row:
            term = np.log(grid) if met else np.log1p(-grid)
            if model == "Mb" and marked:
                after = after + term
            else:
                before = before + term
            marked = marked or bool(met)
    before = before + (n - animals) * occasions * np.log1p(-grid)
    return unseen + before.max() + after.max()


@pytest.mark.parametrize(("model", "profile"), [("M0", profile_m0), ("Mt", profile_mt), ("Mb", profile_mb)])
def test_profile_is_the_plain_likelihood(model: str, profile: object) -> None:
    caught = (np.random.default_rng(1).random((30, 6)) < [0.3, 0.2, 0.35, 0.3, 0.25, 0.3]).astype(int)
    caught = caught[caught.any(axis=1)]
    value = profile(caught).value  # type: ignore[operator]
    for n in (len(caught), len(caught) + 4.5, 60.0):
        assert value(float(n)) == pytest.approx(plain(caught, model, float(n)), abs=0.01)


@pytest.mark.parametrize("model", ["M0", "Mt", "Mb"])
def test_the_estimate_is_the_top_and_limits_are_where_it_fell(model: str, published: Callable[[str], History]) -> None:
    caught = published("hare").caught
    profile = {"M0": profile_m0, "Mt": profile_mt, "Mb": profile_mb}[model](caught)
    found = estimate(caught, model)
    top = profile.value(found.n)
    assert all(profile.value(found.n + d) <= top for d in (-1.0, -0.01, 0.01, 1.0))
    assert profile.value(found.low) == pytest.approx(top - 3.8415 / 2, abs=1e-3)
    assert profile.value(found.high) == pytest.approx(top - 3.8415 / 2, abs=1e-3)


matrices = arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(2, 6)), elements=st.integers(0, 1))


@settings(max_examples=60, deadline=None)
@given(matrices, st.randoms(use_true_random=False))
def test_order_does_not_matter(caught: np.ndarray, shuffle: object) -> None:
    rows, columns = list(range(len(caught))), list(range(caught.shape[1]))
    shuffle.shuffle(rows)  # type: ignore[attr-defined]
    shuffle.shuffle(columns)  # type: ignore[attr-defined]
    for model in MODELS:
        before = estimate(caught, model)
        after = estimate(caught[rows] if model == "Mb" else caught[rows][:, columns], model)
        assert before.defined == after.defined
        if before.n is not None:
            assert after.n == pytest.approx(before.n, rel=1e-4)
            assert after.low == pytest.approx(before.low, rel=1e-4)


@settings(max_examples=60, deadline=None)
@given(matrices)
def test_never_below_the_animals_met_never_silent(caught: np.ndarray) -> None:
    met = int(caught.any(axis=1).sum())
    for model in MODELS:
        found = estimate(caught, model)
        assert found.captured == met
        assert found.low >= met - 1e-9
        if found.n is None:
            assert found.low == met and found.high is None and found.warnings
        else:
            assert np.isfinite(found.n) and found.n >= found.low - 1e-6
            assert found.high is None or found.high >= found.n - 1e-6
            assert found.high is not None or found.warnings


@pytest.mark.parametrize(
    ("caught", "reason"),
    [
        (np.zeros((0, 5), dtype=int), "no animal was met"),
        (np.zeros((4, 5), dtype=int), "no animal was met"),
        (np.ones((4, 1), dtype=int), "one occasion"),
        (np.eye(5, dtype=int), "on two occasions"),
    ],
)
@pytest.mark.parametrize("model", [m for m in MODELS if m != "minimum"])
def test_undefined_says_so_and_keeps_the_lower_bound(caught: np.ndarray, reason: str, model: str) -> None:
    found = estimate(caught, model)
    assert not found.defined and found.high is None
    assert found.low == int(caught.any(axis=1).sum())
    assert reason in found.text() or model == "Mb"


def test_mb_needs_new_animals_to_run_out() -> None:
    found = estimate(np.array([[0, 0, 1], [0, 0, 1], [0, 1, 1], [1, 1, 1]]), "Mb")
    assert not found.defined and "set no upper bound" in found.text()


def test_every_animal_met_every_time() -> None:
    found = estimate(np.ones((6, 4), dtype=int), "M0")
    assert found.n == 6 and found.se is None and "no standard error" in found.warnings[0]


def test_no_upper_limit_is_said() -> None:
    """First captures that hardly fall from 5 to 4: a removal that sets no upper limit."""
    found = estimate(np.repeat(np.eye(3, dtype=int), [5, 4, 4], axis=0), "Mb")
    assert found.defined and found.high is None and "no upper limit" in found.text()


def test_wrong_words_are_refused(rabbits: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="no closed model 'Mx'"):
        estimate(rabbits, "Mx")
    with pytest.raises(ConfigError, match="profile"):
        estimate(rabbits, "Mh-chao", interval="profile")
    with pytest.raises(ConfigError, match="confidence"):
        estimate(rabbits, "M0", confidence=95)
    with pytest.raises(TableError, match="animals × occasions"):
        estimate(np.array([1, 2, 3]), "M0")


@pytest.mark.slow
@pytest.mark.parametrize(("model", "interval"), [("M0", None), ("Mt", None), ("Mb", None), ("Mh-chao", None)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(model: str, interval: str | None) -> None:
    random = np.random.default_rng(5)
    held = []
    for _ in range(200):
        p = np.full((57, 8), 0.25)
        caught = random.random((57, 8)) < p
        found = estimate(caught.astype(int), model, interval=interval)
        held.append(found.low <= 57 and (found.high is None or found.high >= 57))
    assert 0.90 <= np.mean(held) <= 0.99


def test_log_likelihood_of_m0_by_hand() -> None:
    # two animals, two occasions, three captures; at N = 2, p = 3 / 4.
    caught = np.array([[1, 1], [1, 0]])
    assert profile_m0(caught).value(2.0) == pytest.approx(log(2) + 3 * log(0.75) + log(0.25))

"""Retrieval figures and intervals: worked examples, scikit-learn, and what resampling animals must do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from reid.errors import ConfigError
from reid.evaluate import bootstrap, cmc, grouped, retrieval_figures, with_interval
from reid.evaluate.bootstrap import jackknife
from reid.evaluate.figures import retrieval_statistics


def ranked(rows: list[tuple[str, int, float | None, float | None, float | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["identity", "positives", "first_rank", "ap", "ap_r"])
    frame["first_rank"] = frame["first_rank"].astype("Int64")
    return frame.assign(orientation=["left", "right"] * (len(rows) // 2) + ["left"] * (len(rows) % 2))


WORKED = ranked([("a", 2, 1, 1.0, 1.0), ("a", 2, 3, 0.5, 0.0), ("b", 1, 1, 1.0, 1.0), ("c", 0, None, None, None)])


def test_worked_example_with_queries_that_have_no_right_photo() -> None:
    skipped = retrieval_figures(WORKED, "skip", draws=0)
    assert (skipped["queries"], skipped["identities"], skipped["undefined"]) == (3, 2, 1)
    assert skipped["top_1"]["value"] == pytest.approx(2 / 3)
    assert skipped["balanced_top_1"]["value"] == pytest.approx((0.5 + 1) / 2)
    assert skipped["map"]["value"] == pytest.approx(2.5 / 3)
    assert skipped["map_r"]["value"] == pytest.approx(2 / 3)
    missed = retrieval_figures(WORKED, "miss", draws=0)
    assert missed["queries"] == 4
    assert missed["top_5"]["value"] == pytest.approx(3 / 4)
    assert missed["balanced_top_1"]["value"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert missed["map"]["value"] == pytest.approx(2.5 / 4)


def test_no_queries_is_undefined_and_not_zero() -> None:
    nothing = retrieval_figures(WORKED[WORKED["positives"] == 0], "skip", draws=10)
    assert nothing["queries"] == 0
    assert nothing["top_1"] == {"value": None, "low": None, "high": None}
    assert nothing["balanced_top_1"]["value"] is None


def test_balanced_top_1_is_macro_recall() -> None:
    random = np.random.default_rng(0)
    names = random.choice(list("abcdef"), size=200)
    right = random.random(200) < 0.4
    table = ranked([(name, 1, 1 if hit else 2, 0.5, 0.5) for name, hit in zip(names, right, strict=True)])
    said = np.where(right, names, "nobody")
    expected = recall_score(names, said, average="macro", labels=sorted(set(names)))
    assert retrieval_figures(table, draws=0)["balanced_top_1"]["value"] == pytest.approx(expected)


def test_balanced_top_1_weighs_an_animal_by_how_often_it_was_drawn() -> None:
    statistics, _ = retrieval_statistics(WORKED)
    # animal a twice, with its two rows each time, and b once
    assert statistics["balanced_top_1"](np.array([0, 1, 2, 0, 1])) == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_groups_by_gallery_photos_and_flank() -> None:
    by = grouped(WORKED)
    assert by["gallery_photos"] == {
        "1": {"queries": 1, "top_1": 1.0, "map": 1.0},
        "2": {"queries": 2, "top_1": 0.5, "map": 0.75},
    }
    assert by["flank"]["left"] == {"queries": 2, "top_1": 1.0, "map": 1.0}
    assert by["flank"]["right"]["queries"] == 1


def test_curve_of_matches_is_the_share_within_k() -> None:
    np.testing.assert_allclose(cmc(WORKED, 4), [2 / 3, 2 / 3, 1, 1])


def test_unknown_choice_is_refused() -> None:
    with pytest.raises(ConfigError, match="miss, skip"):
        retrieval_figures(WORKED, "zero")


def mean_of(values: np.ndarray):  # type: ignore[no-untyped-def]
    return lambda rows: float(values[rows].mean())


def test_animals_are_resampled_and_not_photos() -> None:
    # ten animals with fifty equal photos each tell no more than ten photos
    values = np.repeat(np.arange(10) % 2, 50).astype(float)
    many = bootstrap(mean_of(values), np.repeat(np.arange(10), 50).tolist(), seed=1)
    few = bootstrap(mean_of(values[::50]), list(range(10)), seed=1)
    photos = bootstrap(mean_of(values), list(range(500)), seed=1)
    assert (many.low, many.high) == (few.low, few.high)
    assert many.high is not None and many.low is not None and photos.high is not None and photos.low is not None
    assert many.high - many.low > 4 * (photos.high - photos.low)


def test_interval_of_a_mean_has_the_textbook_width() -> None:
    values = np.random.default_rng(0).normal(size=400)
    interval = bootstrap(mean_of(values), list(range(400)), draws=2000)
    assert interval.low is not None and interval.high is not None
    reach = 1.96 * values.std() / np.sqrt(400)
    assert interval.low == pytest.approx(values.mean() - reach, abs=0.015)
    assert interval.high == pytest.approx(values.mean() + reach, abs=0.015)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 1)), min_size=2, max_size=30), st.integers(0, 3))
def test_intervals_repeat_and_stay_within_the_values(rows: list[tuple[str, float]], seed: int) -> None:
    names, values = [name for name, _ in rows], np.array([value for _, value in rows])
    first = bootstrap(mean_of(values), names, draws=50, seed=seed)
    assert first == bootstrap(mean_of(values), names, draws=50, seed=seed)
    if len(set(names)) < 2:
        assert first.low is None
    else:
        assert first.low is not None and first.high is not None
        assert values.min() - 1e-9 <= first.low <= first.high <= values.max() + 1e-9


def test_undefined_draws_are_left_out_and_counted() -> None:
    def sometimes(rows: np.ndarray) -> float | None:
        return None if 0 in rows else 1.0

    interval = bootstrap(sometimes, list(range(3)), draws=300)
    # a sample of three of three leaves out the first one in (2/3)^3 of the draws
    assert interval.draws == pytest.approx(300 * 8 / 27, abs=25)
    assert (interval.low, interval.high) == (1.0, 1.0)
    assert with_interval(lambda rows: None, ["a", "b"]) == {"value": None, "low": None, "high": None}


def test_jackknife_of_a_mean_is_the_classical_error() -> None:
    values = np.random.default_rng(3).normal(size=50)
    interval = jackknife(mean_of(values), list(range(50)))
    reach = 1.959964 * values.std(ddof=1) / np.sqrt(50)
    assert interval.low == pytest.approx(values.mean() - reach)
    assert interval.high == pytest.approx(values.mean() + reach)
    assert jackknife(mean_of(values[:2]), ["a", "b"]).low is None


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="draws of at least 1"):
        bootstrap(lambda rows: 1.0, ["a", "b"], draws=0)

"""Open-set figures against scikit-learn, loops over pairs and thresholds, and an example worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from reid.evaluate import OpenSet, Report, openset_curve, openset_figures
from reid.evaluate.openset import auroc, baks, baus, dir_at_far, oscr
from reid.evaluate.report import tables_of

# known a: right at .9, wrong at .6; known b: right at .5; new x: .7, .2; new y: .4
WORKED = OpenSet(
    np.array([0.9, 0.6, 0.5, 0.7, 0.2, 0.4]),
    np.array([True, True, True, False, False, False]),
    np.array([True, False, True, False, False, False]),
    np.array(["a", "a", "b", "x", "x", "y"], dtype=object),
)

QUERIES = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.booleans(), st.sampled_from("abc")), min_size=2, max_size=30
)


def made(rows: list[tuple[int, bool, bool, str]]) -> OpenSet:
    score, known, right, name = (np.array(column) for column in zip(*rows, strict=True))
    names = np.where(known, np.char.add("known ", name), np.char.add("new ", name)).astype(object)
    return OpenSet(score / 6, known, right & known, names)


def test_worked_example() -> None:
    # pairs (known, new) with the known above: .9 beats 3, .6 beats 2, .5 beats 2
    assert auroc(WORKED) == pytest.approx(7 / 9)
    # of right ones: .9 beats 3, .5 beats 2
    assert oscr(WORKED) == pytest.approx(5 / 9)
    # at .5: a has one of two right and accepted, b its only one; x has one of two rejected, y its only one
    assert baks(WORKED, 0.5) == pytest.approx((0.5 + 1) / 2)
    assert baus(WORKED, 0.5) == pytest.approx((0.5 + 1) / 2)
    # no false alarm: above .7; one in three: above .4; all: everything
    assert dir_at_far(WORKED, 0.0) == pytest.approx(1 / 3)
    assert dir_at_far(WORKED, 1 / 3) == pytest.approx(2 / 3)
    assert dir_at_far(WORKED, 1.0) == pytest.approx(2 / 3)


@settings(max_examples=60, deadline=None)
@given(QUERIES)
def test_against_scikit_learn_and_loops(rows: list[tuple[int, bool, bool, str]]) -> None:
    data = made(rows)
    if not data.both:
        assert auroc(data) is None
        assert oscr(data) is None
        assert dir_at_far(data, 0.1) is None
        assert openset_curve(data) is None
        return
    assert auroc(data) == pytest.approx(roc_auc_score(data.known, data.score))
    known, new = np.flatnonzero(data.known), np.flatnonzero(~data.known)
    pairs = [
        data.right[k] * (1.0 if data.score[k] > data.score[n] else 0.5 if data.score[k] == data.score[n] else 0.0)
        for k in known
        for n in new
    ]
    assert oscr(data) == pytest.approx(np.mean(pairs))
    for far in (0.0, 0.1, 0.25, 0.5, 1.0):
        tried = [np.inf, *np.unique(data.score)]
        fit = [t for t in tried if np.mean(data.score[new] >= t) <= far + 1e-12]
        best = min(fit)
        assert dir_at_far(data, far) == pytest.approx(np.mean(data.right[known] & (data.score[known] >= best)))
    for threshold in (0.0, 0.4, 0.9):
        named = np.where(data.right, data.identity, "somebody else")
        said = np.where(data.score >= threshold, named, "new").astype(str)
        kept = known
        expected = np.mean([np.mean(said[kept][data.identity[kept] == i] == i) for i in set(data.identity[kept])])
        assert baks(data, threshold) == pytest.approx(expected)
        accepted = data.score[new] >= threshold
        expected = np.mean([np.mean(~accepted[data.identity[new] == i]) for i in set(data.identity[new])])
        assert baus(data, threshold) == pytest.approx(expected)


def test_baks_is_balanced_accuracy_when_all_are_accepted() -> None:
    random = np.random.default_rng(0)
    truth = random.choice(list("abcd"), size=100)
    said = np.where(random.random(100) < 0.6, truth, random.choice(list("abcd"), size=100))
    data = OpenSet(np.ones(100), np.ones(100, bool), said == truth, truth.astype(object))
    assert baks(data, 0.0) == pytest.approx(balanced_accuracy_score(truth, said))


def test_far_of_whole_counts_is_not_lost_to_rounding() -> None:
    new = np.arange(100) / 100
    data = OpenSet(
        np.r_[new, 0.705],
        np.r_[np.zeros(100, bool), True],
        np.r_[np.zeros(100, bool), True],
        np.arange(101).astype(object),
    )
    # 29 of a hundred new ones are above .70, and 0.29 * 100 is less than 29 in floating point
    assert dir_at_far(data, 0.29) == 1.0
    assert dir_at_far(data, 0.28) == 0.0


def test_the_curve_runs_from_all_accepted_to_all_rejected() -> None:
    curve = openset_curve(WORKED)
    assert curve is not None
    assert (curve["baks"][0], curve["baus"][0]) == (0.75, 0.0)
    assert (curve["baks"][-1], curve["baus"][-1]) == (0.0, 1.0)
    assert np.all(np.diff(curve["baks"]) <= 0)
    assert np.all(np.diff(curve["baus"]) >= 0)


def test_figures_from_a_ranking() -> None:
    table = pd.DataFrame(
        {
            "score": [*WORKED.score, np.nan],
            "positives": [1, 1, 1, 0, 0, 0, 0],
            "first_rank": pd.array([1, 4, 1, None, None, None, None], dtype="Int64"),
            "identity": [*WORKED.identity, "z"],
        }
    )
    figures = openset_figures(table, draws=50)
    assert (figures["known"], figures["new"]) == (3, 4)
    # a query with an empty gallery is new below every known one
    assert figures["auroc"]["value"] == pytest.approx(10 / 12)
    assert figures["auroc"]["low"] <= figures["auroc"]["value"] <= figures["auroc"]["high"]
    assert figures["best"]["geometric_mean"] == pytest.approx(
        np.sqrt(figures["best"]["baks"] * figures["best"]["baus"])
    )
    assert openset_figures(table[table["positives"] > 0], draws=5)["auroc"]["value"] is None


def test_a_report_of_new_animals_alone_has_no_best_threshold() -> None:
    """Where every known animal has its one photo in the gallery, all queries show new ones."""
    table = pd.DataFrame(
        {
            "score": [0.5, 0.4],
            "positives": [0, 0],
            "first_rank": pd.array([None, None], "Int64"),
            "identity": ["a", "b"],
        }
    )
    figures = openset_figures(table, draws=10)
    models = [{"name": "one", "fingerprint": "", "figures": {"retrieval": {}, "open_set": figures, "grouping": None}}]
    titles = [made.title for made in tables_of(Report("x", {"name": "open"}, {}, [], models, 10, []))]
    assert titles == ["Known or new"]

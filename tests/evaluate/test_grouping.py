"""Grouping: the census error, agreement with scikit-learn, and groups against a plain search."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from reid.errors import InputError
from reid.evaluate import Ranking, census_error, choose_threshold, group_photos, grouping_figures, rank

LABELS = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 4)), min_size=1, max_size=40)


def test_worked_example() -> None:
    # a is in groups 1 and 2: one split; group 3 holds b and c: one merge; the count is right all the same
    error = census_error(["a", "a", "b", "c"], [1, 2, 3, 3])
    assert error == {"animals": 3, "groups": 3, "error": 0, "relative_error": 0.0, "splits": 1, "merges": 1}


@settings(max_examples=60, deadline=None)
@given(LABELS)
def test_error_is_splits_less_merges(rows: list[tuple[str, int]]) -> None:
    names, groups = [name for name, _ in rows], [group for _, group in rows]
    error = census_error(names, groups)
    assert error["error"] == error["splits"] - error["merges"] == len(set(groups)) - len(set(names))
    assert error["splits"] == sum(len({g for n, g in rows if n == name}) - 1 for name in set(names))
    assert error["merges"] == sum(len({n for n, g in rows if g == group}) - 1 for group in set(groups))
    swapped = census_error(groups, names)
    assert (swapped["splits"], swapped["merges"]) == (error["merges"], error["splits"])


def test_agreement_with_scikit_learn_and_a_perfect_grouping() -> None:
    random = np.random.default_rng(0)
    names, groups = random.choice(list("abcdef"), 80).tolist(), random.integers(5, size=80).tolist()
    figures = grouping_figures(names, groups)
    assert figures["ari"]["value"] == pytest.approx(adjusted_rand_score(names, groups))
    assert figures["ami"]["value"] == pytest.approx(adjusted_mutual_info_score(names, groups))
    assert figures["ari"]["low"] < figures["ari"]["value"] < figures["ari"]["high"]
    perfect = grouping_figures(names, names)
    assert (perfect["ari"]["value"], perfect["ari"]["low"], perfect["ari"]["high"]) == (1.0, 1.0, 1.0)
    assert (perfect["splits"], perfect["merges"]) == (0, 0)


def ranking_of(seed: int, count: int = 30) -> tuple[Ranking, np.ndarray, list[str]]:
    random = np.random.default_rng(seed)
    names = random.integers(6, size=count)
    vectors = random.normal(size=(6, 8))[names] + 0.5 * random.normal(size=(count, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    frame = pd.DataFrame({"crop_id": [str(n) for n in range(count)], "identity": [str(n) for n in names]})
    return rank(vectors, vectors, frame, frame), vectors, frame["identity"].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_what_a_plain_search_reaches(seed: int) -> None:
    ranking, vectors, _ = ranking_of(seed)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -9)
    near = np.argsort(-similarity, axis=1)[:, :3]
    for threshold in (0.5, 0.8, 0.95):
        left, groups = set(range(len(vectors))), []
        while left:
            todo, group = [min(left)], set()
            while todo:
                one = todo.pop()
                group.add(one)
                todo += [o for o in near[one] if similarity[one, o] >= threshold and one in near[o] and o not in group]
            groups.append(group)
            left -= group
        ours = group_photos(ranking, threshold, neighbours=3)
        assert {frozenset(np.flatnonzero(ours == g).tolist()) for g in set(ours)} == {
            frozenset(int(p) for p in g) for g in groups
        }


def test_the_threshold_is_the_best_on_its_photos() -> None:
    ranking, _, names = ranking_of(9, 60)
    threshold = choose_threshold(ranking, names)
    best = adjusted_mutual_info_score(names, group_photos(ranking, threshold))
    for other in np.linspace(0, 1, 41):
        assert adjusted_mutual_info_score(names, group_photos(ranking, float(other))) <= best + 0.02


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InputError, match="2 identities and 1 groups"):
        census_error(["a", "b"], [1])
    ranking, _, names = ranking_of(0, 1)
    with pytest.raises(InputError, match="at least two photos"):
        choose_threshold(ranking, names)

"""Ranking: against a slow plain loop, scikit-learn, torchmetrics and pytorch-metric-learning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from reid.errors import ConfigError, InputError
from reid.evaluate import rank
from reid.evaluate.retrieval import Ranking, similarity_blocks

SIDES = np.array(["left", "right", "front", "unknown"])


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def photos(seed: int, count: int, animals: int = 4, size: int = 6) -> tuple[np.ndarray, pd.DataFrame]:
    """Vectors around a centre an animal, some of them exact copies, and their rows."""
    random = np.random.default_rng(seed)
    names = random.integers(animals, size=count)
    vectors = random.normal(size=(animals, size))[names] + random.normal(size=(count, size))
    vectors[count // 2 :: 3] = vectors[0]
    frame = pd.DataFrame(
        {
            "crop_id": [f"{seed}-{n}" for n in range(count)],
            "identity": [f"animal {n}" for n in names],
            "encounter": [None if n == 0 else f"visit {n}" for n in random.integers(5, size=count)],
            "orientation": SIDES[random.integers(4, size=count)],
        }
    )
    return unit(vectors), frame


def slow(
    similarity: np.ndarray, queries: pd.DataFrame, gallery: pd.DataFrame, exclude: tuple[str, ...]
) -> list[dict[str, float]]:
    """One query, one photo at a time."""
    out = []
    for n, query in enumerate(queries.to_dict("records")):
        left = []
        for m, photo in enumerate(gallery.to_dict("records")):
            if photo["crop_id"] == query["crop_id"]:
                continue
            same_visit = photo["encounter"] is not None and photo["encounter"] == query["encounter"]
            if "encounter" in exclude and same_visit:
                continue
            if "flank" in exclude and {photo["orientation"], query["orientation"]} == {"left", "right"}:
                continue
            left.append((similarity[n, m], photo["identity"] == query["identity"]))
        # of equal similarities the wrong ones first
        left.sort(key=lambda pair: (-pair[0], pair[1]))
        right = sum(hit for _, hit in left)
        found, ap_r, first = 0, 0.0, np.nan
        for place, (_, hit) in enumerate(left, 1):
            if hit:
                found += 1
                first = place if np.isnan(first) else first
                if place <= right:
                    ap_r += found / place
        scores, truth = [s for s, _ in left], [hit for _, hit in left]
        ap = average_precision_score(truth, scores) if right else np.nan
        ap_r = ap_r / right if right else np.nan
        out.append(
            {"positives": right, "first_rank": first, "ap": ap, "ap_r": ap_r, "score": max(scores, default=np.nan)}
        )
    return out


def same(ranking: Ranking, expected: list[dict[str, float]]) -> None:
    for name in ("positives", "first_rank", "ap", "ap_r", "score"):
        got = ranking.table[name].to_numpy(dtype=float, na_value=np.nan)
        np.testing.assert_allclose(got, [row[name] for row in expected], atol=1e-9, err_msg=name)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 25),
    st.sampled_from([(), ("encounter",), ("flank",), ("encounter", "flank")]),
)
def test_among_themselves_agrees_with_a_slow_loop(seed: int, count: int, exclude: tuple[str, ...]) -> None:
    vectors, frame = photos(seed, count)
    similarity = (vectors.astype(float) @ vectors.astype(float).T).astype(np.float32)
    same(rank(vectors, vectors, frame, frame, exclude), slow(similarity, frame, frame, exclude))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 30), st.integers(1, 7))
def test_blocks_change_nothing(seed: int, queries: int, gallery: int, block: int) -> None:
    q, asked = photos(seed, queries)
    g, known = photos(seed + 1, gallery)
    whole, parted = rank(q, g, asked, known, hits=4), rank(q, g, asked, known, hits=4, block=block)
    pd.testing.assert_frame_equal(whole.table, parted.table)
    np.testing.assert_array_equal(whole.hits, parted.hits)
    same(whole, slow((q.astype(float) @ g.astype(float).T).astype(np.float32), asked, known, ()))


def test_no_more_than_a_block_is_held() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(9000, 4)))
    shapes = [block.shape for _, block in similarity_blocks(vectors, vectors)]
    assert max(rows * columns for rows, columns in shapes) <= 4_000_000
    assert sum(rows for rows, _ in shapes) == 9000
    assert {columns for _, columns in shapes} == {9000}


def test_hits_are_the_most_similar_in_order() -> None:
    q, asked = photos(1, 8)
    g, known = photos(2, 20)
    ranking = rank(q, g, asked, known, hits=6)
    similarity = (q.astype(float) @ g.astype(float).T).astype(np.float32)
    expected = np.argsort(-similarity, axis=1, kind="stable")[:, :6]
    np.testing.assert_array_equal(ranking.hits, expected)
    np.testing.assert_array_equal(ranking.similarities, np.take_along_axis(similarity, expected, axis=1))
    assert ranking.table["nearest"].tolist() == known["identity"].to_numpy()[expected[:, 0]].tolist()


def test_average_precision_agrees_with_torchmetrics() -> None:
    retrieval = pytest.importorskip("torchmetrics.functional.retrieval")
    vectors, frame = photos(5, 60, size=8)
    vectors = unit(vectors + np.random.default_rng(6).normal(scale=1e-2, size=vectors.shape))
    ranking = rank(vectors, vectors, frame, frame)
    names = frame["identity"].to_numpy()
    for n in range(len(frame)):
        others = np.arange(len(frame)) != n
        # it takes scores of 0 and less for not relevant, so they are moved up
        scores = torch.from_numpy((vectors @ vectors[n])[others] + 2)
        truth = torch.from_numpy((names == names[n])[others])
        row = ranking.table.iloc[n]
        assert row["ap"] == pytest.approx(float(retrieval.retrieval_average_precision(scores, truth)), abs=1e-5)
        for k in (1, 5, 10):
            hit = float(retrieval.retrieval_hit_rate(scores, truth, top_k=k))
            assert (row["first_rank"] <= k) == bool(hit)
        place = float(retrieval.retrieval_reciprocal_rank(scores, truth))
        assert 1 / row["first_rank"] == pytest.approx(place)


def test_map_at_r_agrees_with_pytorch_metric_learning() -> None:
    accuracy = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator")
    vectors, frame = photos(7, 60, size=8)
    vectors = unit(vectors + np.random.default_rng(8).normal(scale=1e-2, size=vectors.shape))
    labels = torch.from_numpy(pd.factorize(frame["identity"])[0])
    inference = pytest.importorskip("pytorch_metric_learning.utils.inference")
    distances = pytest.importorskip("pytorch_metric_learning.distances")
    knn = inference.CustomKNN(distances.CosineSimilarity())
    names = ("mean_average_precision_at_r", "precision_at_1")
    calculator = accuracy.AccuracyCalculator(include=names, k="max_bin_count", device=torch.device("cpu"), knn_func=knn)
    theirs = calculator.get_accuracy(torch.from_numpy(vectors), labels)
    ours = rank(vectors, vectors, frame, frame).table
    assert ours["ap_r"].mean() == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-6)
    assert (ours["first_rank"] == 1).mean() == pytest.approx(theirs["precision_at_1"])


def test_a_photo_is_left_out_by_its_key_and_not_by_its_place() -> None:
    # a copy of the query under another name ties with it; the query itself must go, the copy must stay
    vectors = unit(np.array([[1, 0], [1, 0], [0.6, 0.8]]))
    frame = pd.DataFrame({"crop_id": ["x", "copy", "y"], "identity": ["a", "b", "a"]})
    ranking = rank(vectors, vectors, frame, frame)
    assert ranking.table["first_rank"].tolist()[0] == 2
    assert ranking.hits[0].tolist() == [1, 2, -1]
    assert pd.isna(ranking.table["ap"][1])


def test_ties_count_against_the_network() -> None:
    vectors = unit(np.ones((4, 3)))
    frame = pd.DataFrame({"crop_id": list("wxyz"), "identity": ["a", "a", "b", "b"]})
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3]):
        table = rank(vectors, vectors, frame.iloc[order], frame.iloc[order]).table
        assert table["first_rank"].tolist() == [3, 3, 3, 3]
        np.testing.assert_allclose(table["ap"], 1 / 3)
        assert table["ap_r"].tolist() == [0.0] * 4


def test_an_empty_gallery_and_no_right_photo_are_null() -> None:
    vectors = unit(np.array([[1.0, 0.0], [0.0, 1.0]]))
    frame = pd.DataFrame({"crop_id": ["x", "y"], "identity": ["a", "a"], "encounter": ["1", "1"]})
    ranking = rank(vectors, vectors, frame, frame, ("encounter",))
    assert ranking.table["score"].isna().all()
    assert ranking.table["nearest"].isna().all()
    assert ranking.table["first_rank"].isna().all()
    assert (ranking.hits == -1).all()


def test_wrong_input_is_refused_in_words() -> None:
    vectors, frame = photos(0, 5)
    with pytest.raises(InputError, match=r"5 rows and vectors of shape \(4, 6\)"):
        rank(vectors[:4], vectors, frame, frame)
    with pytest.raises(InputError, match="6 numbers a vector, the gallery 3"):
        rank(vectors, vectors[:, :3], frame, frame)
    with pytest.raises(InputError, match="not finite"):
        rank(vectors * np.nan, vectors, frame, frame)
    with pytest.raises(ConfigError, match="encounter, flank"):
        rank(vectors, vectors, frame, frame, ("camera",))

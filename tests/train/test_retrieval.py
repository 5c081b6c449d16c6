"""Retrieval figures against a slow plain loop, scikit-learn, and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from reid.train.retrieval import figures, task_of


def table(rows: list[tuple[str, str, str, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["dataset", "identity", "flank", "encounter"])
    label = frame["dataset"] + "/" + frame["identity"] + "/" + frame["flank"]
    return frame.assign(label=label, crop_id=[f"crop {n}" for n in range(len(frame))])


def plain(vectors: np.ndarray, frame: pd.DataFrame, query: np.ndarray, gallery: np.ndarray) -> dict[str, float]:
    """The same figures, one query at a time."""
    found: dict[str, list[tuple[float, float]]] = {}
    rows = frame.to_dict("records")
    for q in query:
        answers = []
        for g in gallery:
            a, b = rows[q], rows[g]
            if g == q or a["dataset"] != b["dataset"]:
                continue
            if a["encounter"] is not None and a["encounter"] == b["encounter"]:
                continue
            if a["identity"] == b["identity"] and a["flank"] != b["flank"]:
                continue
            answers.append((float(vectors[q] @ vectors[g]), a["label"] == b["label"]))
        answers.sort(key=lambda pair: -pair[0])
        hits = [right for _, right in answers]
        if any(hits):
            ranks = [n + 1 for n, right in enumerate(hits) if right]
            precision = np.mean([(k + 1) / rank for k, rank in enumerate(ranks)])
            found.setdefault(rows[q]["dataset"], []).append((float(precision), float(hits[0])))
    per_set = {name: np.mean(pairs, axis=0) for name, pairs in found.items()}
    return {
        "mAP": float(np.mean([v[0] for v in per_set.values()])),
        "top1": float(np.mean([v[1] for v in per_set.values()])),
    }


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000))
def test_agrees_with_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [
        (
            str(rng.choice(["a", "b"])),
            str(rng.integers(4)),
            str(rng.choice(["left", "right"])),
            rng.choice([None, "1", "2", "3"]),
        )
        for _ in range(40)
    ]
    frame = table(rows)
    vectors = rng.normal(size=(40, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query, gallery = (np.sort(rng.choice(40, 25, replace=False)) for _ in range(2))
    task = task_of(frame, query, gallery)
    found, expected = figures(vectors[task.rows], task), plain(vectors, frame, query, gallery)
    assert found["mAP"] == pytest.approx(expected["mAP"]) and found["top1"] == pytest.approx(expected["top1"])


def test_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    frame = table([("a", str(n % 3), "left", None) for n in range(30)])
    vectors = rng.normal(size=(30, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query, gallery = np.arange(10), np.arange(10, 30)
    expected = [average_precision_score(np.arange(10, 30) % 3 == q % 3, vectors[gallery] @ vectors[q]) for q in query]
    task = task_of(frame, query, gallery)
    assert figures(vectors[task.rows], task)["a/mAP"] == pytest.approx(np.mean(expected))


def test_own_encounter_and_other_flank_count_neither_way() -> None:
    frame = table(
        [
            ("a", "1", "left", "e1"),
            ("a", "1", "left", "e1"),
            ("a", "1", "right", "e2"),
            ("a", "1", "left", "e3"),
            ("a", "2", "left", "e4"),
        ]
    )
    # by similarity to row 0: itself, its encounter, its other flank, a stranger, and last the right one
    angles = np.radians([0, 1, 2, 40, 20])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1)
    task = task_of(frame, np.array([0]), np.arange(5))
    assert figures(vectors, task) == {"a/mAP": 0.5, "a/top1": 0.0, "a/queries": 1.0, "mAP": 0.5, "top1": 0.0}


def test_queries_without_an_answer_are_not_asked() -> None:
    frame = table([("a", "1", "left", None), ("a", "2", "left", None)])
    assert figures(np.eye(2), task_of(frame, np.arange(2), np.arange(2))) == {}

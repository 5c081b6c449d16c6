"""ATRW's protocol on a small ground truth made by hand, against a plain reading of its rules with scikit-learn's AP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from reid.errors import FormatError, InputError
from reid.evaluate import atrw_answers, atrw_figures, atrw_table, read_ground_truth

# imgid, entity, clip and frame, track
PHOTOS = [
    (10, 1, [0, 0, 100], "sing"),
    (11, 1, [0, 0, 102], "sing"),  # two frames from 10: no answer to it
    (12, 1, [0, 0, 104], ""),  # four frames from 10: an answer
    (20, 2, [1, 0, 5], "multi"),
    (21, 2, [1, 0, 7], ""),
    (22, 2, [1, 1, 6], ""),  # another clip, one frame on: an answer
    (30, 3, [0, 0, 100], "sing"),  # alone: no right photo
    (40, -1, [0, 0, 101], ""),  # junk
    (41, -1, [2, 2, 1], ""),
]


def entries() -> list[dict[str, Any]]:
    return [{"imgid": i, "entityid": e, "frame": f, "query": q} for i, e, f, q in PHOTOS]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gt_test_plain.json"
    path.write_text(json.dumps(entries()))
    return path


def vectors(seed: int = 0) -> dict[int, np.ndarray]:
    made = np.random.default_rng(seed).normal(size=(len(PHOTOS), 5))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return {photo[0]: row.astype(np.float32) for photo, row in zip(PHOTOS, made, strict=True)}


def by_hand(answers: dict[int, list[int]]) -> dict[int, tuple[float, int | None]]:
    """AP and rank of the first right photo of each query, by the rules' own words."""
    about = {imgid: (entity, frame) for imgid, entity, frame, _ in PHOTOS}
    out = {}
    for query, _, _, track in PHOTOS:
        if not track:
            continue
        entity, (one, two, frame) = about[query]
        truth = []
        for answer in answers[query]:
            theirs, (a, b, c) = about[answer]
            beside = theirs == entity and (a, b) == (one, two) and abs(c - frame) <= 3
            if not beside and theirs != -1:
                truth.append(theirs == entity)
        scores = 1 / np.arange(1, len(truth) + 1)
        ap = average_precision_score(truth, scores) if any(truth) else 0.0
        out[query] = ap, truth.index(True) + 1 if any(truth) else None
    return out


@pytest.mark.parametrize("seed", range(5))
def test_against_a_plain_reading(file: Path, seed: int) -> None:
    truth, found = read_ground_truth(file), vectors(seed)
    ranked = {q: sorted((i for i in found if i != q), key=lambda i, q=q: -float(found[q] @ found[i])) for q in found}
    expected = by_hand(ranked)
    submission = [{"query_id": q, "ans_ids": [q, *ids]} for q, ids in ranked.items()]
    for table in (atrw_table(truth, found), atrw_table(truth, found, block=1), atrw_answers(truth, submission)):
        assert dict(zip(table["image"], table["track"], strict=True)) == {
            10: "single_camera", 11: "single_camera", 20: "cross_camera", 30: "single_camera"
        }  # fmt: skip
        for row in table.to_dict("records"):
            ap, first = expected[row["image"]]
            assert row["ap"] == pytest.approx(ap)
            assert row["first_rank"] == (first or np.inf)


def test_worked_example(file: Path) -> None:
    truth = read_ground_truth(file)
    answers = [
        {"query_id": 10, "ans_ids": [40, 11, 20, 12, 21, 22, 30, 41]},  # counted: 20, 12, 21, 22, 30: AP 1/2
        {"query_id": 11, "ans_ids": [10, 12, 20, 21, 22, 30]},  # 10 and 12 are too near: nothing right
        {"query_id": 20, "ans_ids": [21, 22, 10, 11]},  # 21 is too near: 22 comes first: AP 1
        {"query_id": 30, "ans_ids": [10, 11, 12]},
    ]
    figures = atrw_figures(atrw_answers(truth, answers), draws=20)
    single, cross = figures["single_camera"], figures["cross_camera"]
    assert (single["queries"], single["undefined"], cross["queries"]) == (3, 2, 1)
    assert single["map"]["value"] == pytest.approx(0.5 / 3)
    assert (single["top_1"]["value"], single["top_5"]["value"]) == (0.0, pytest.approx(1 / 3))
    assert (cross["map"]["value"], cross["top_1"]["value"]) == (1.0, 1.0)


def test_a_perfect_network_gets_the_most_there_is(file: Path) -> None:
    axes = np.eye(8, dtype=np.float32)
    found = {imgid: axes[entity + 1] for imgid, entity, _, _ in PHOTOS}
    table = atrw_table(read_ground_truth(file), found).set_index("image")
    assert table["ap"].to_dict() == {10: 1.0, 11: 0.0, 20: 1.0, 30: 0.0}


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", "not json", '[{"imgid": 1}]', '[{"imgid": 1, "entityid": 2, "frame": [1, 2], "query": ""}]'],
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "gt.json").write_text(text)
    with pytest.raises(FormatError, match="not ATRW's ground truth"):
        read_ground_truth(tmp_path / "gt.json")


def test_gaps_are_named(file: Path, tmp_path: Path) -> None:
    truth = read_ground_truth(file)
    with pytest.raises(InputError, match="1 photos of ATRW's ground truth have no vector, the first is 41"):
        atrw_table(truth, {k: v for k, v in vectors().items() if k != 41})
    with pytest.raises(FormatError, match="3 queries have no answer, the first is 11"):
        atrw_answers(truth, [{"query_id": 10, "ans_ids": [11]}])
    with pytest.raises(FormatError, match="does not fit the ground truth"):
        atrw_answers(truth, [{"query_id": 10, "ans_ids": [999]}])
    with pytest.raises(InputError, match="no ground truth can be read"):
        read_ground_truth(tmp_path / "absent.json")
    file.write_text(json.dumps(entries() + entries()[:1]))
    with pytest.raises(FormatError, match="imgid twice"):
        read_ground_truth(file)


@pytest.mark.parametrize("number", ["Infinity", "1e400", "99999999999999999999999"])
def test_numbers_that_no_photo_has_are_refused(file: Path, number: str) -> None:
    file.write_text(json.dumps(entries()).replace('"imgid": 10', f'"imgid": {number}'))
    with pytest.raises(FormatError, match="not ATRW's ground truth"):
        read_ground_truth(file)

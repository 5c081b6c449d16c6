"""The judgement of detectors against a slow reference and COCO's own code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.errors import InputError
from reid.evaluate.boxes import Found, average_precision, ious, judge_boxes


def scene(seed: int, photos: int = 12) -> list[Found]:
    """Photos with none to three animals, found roughly, doubly, or not at all, and some that are not there."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(photos):
        truth = np.concatenate((rng.uniform(0, 200, (rng.integers(0, 4), 2)), np.full((0, 2), 0)), 0)
        truth = np.concatenate((truth, rng.uniform(30, 120, truth.shape)), 1)
        near = np.repeat(truth, rng.integers(0, 3, len(truth)), 0)
        near = near + rng.normal(0, 6, near.shape)
        false = np.concatenate((rng.uniform(0, 200, (rng.integers(0, 3), 2)),) * 2, 1) * [1, 1, 0.4, 0.4] + [
            0,
            0,
            20,
            20,
        ]
        boxes = np.concatenate((near, false)) if len(near) + len(false) else np.zeros((0, 4))
        # distinct confidences, so that an order is the order
        out.append(Found(boxes, rng.permutation(1000)[: len(boxes)] / 1000, truth))
    return out


def slow(photos: list[Found], confidence: float, iou_least: float = 0.5) -> tuple[int, int]:
    """Found and false boxes from a confidence on, photo by photo and box by box."""
    found = false = 0
    for photo in photos:
        free = list(range(len(photo.truth)))
        for n in sorted(range(len(photo.boxes)), key=lambda n: -photo.confidences[n]):
            if photo.confidences[n] < confidence:
                continue
            best = max(free, key=lambda t: float(ious(photo.boxes[n], photo.truth[t])[0, 0]), default=None)
            if best is not None and ious(photo.boxes[n], photo.truth[best])[0, 0] >= iou_least:
                free.remove(best)
                found += 1
            else:
                false += 1
    return found, false


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_those_of_the_slow_way(seed: int) -> None:
    photos = scene(seed)
    outcomes = judge_boxes(photos)
    for confidence in (0.0, 0.3, 0.7, 0.95):
        found, false = slow(photos, confidence)
        assert outcomes.recall(confidence) == pytest.approx(found / outcomes.truths)
        assert outcomes.false_per_photo(confidence) == pytest.approx(false / len(photos))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 2))
def test_recall_at_so_many_false_boxes_is_the_best_that_keeps_to_them(seed: int, limit: float) -> None:
    photos = scene(seed, 6)
    outcomes = judge_boxes(photos)
    confidence = outcomes.confidence_at(limit)
    assert outcomes.false_per_photo(confidence) <= limit + 1e-9
    if outcomes.truths:
        allowed = [c for c in outcomes.confidences if outcomes.false_per_photo(c) <= limit + 1e-9]
        assert outcomes.recall_at(limit) == max((outcomes.recall(c) for c in allowed), default=0.0)


@pytest.mark.parametrize("seed", range(3))
def test_ap50_is_the_area_under_our_own_curve(seed: int) -> None:
    """COCO's code, on the curve of recall and precision that our outcomes give, read off at its 101 recalls."""
    pytest.importorskip("pycocotools")
    photos = scene(seed, 20)
    outcomes = judge_boxes(photos)
    hits = np.cumsum(outcomes.hits)
    precision = hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = hits / outcomes.truths
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    area = np.mean([precision[p] if p < len(precision) else 0.0 for p in places])
    assert average_precision(photos)["AP50"] == pytest.approx(area, abs=1e-4)


def test_kinds_of_boxes_are_judged_by_themselves() -> None:
    truth = np.array([[0, 0, 50, 50], [100, 100, 80, 80.0]])
    photo = Found(np.array([[0, 0, 50, 50], [300, 0, 20, 20.0]]), np.array([0.9, 0.8]), truth)
    small = judge_boxes([photo], chosen=[np.array([True, False])])
    large = judge_boxes([photo], chosen=[np.array([False, True])])
    assert (small.truths, small.recall(0)) == (1, 1.0) and (large.truths, large.recall(0)) == (1, 0.0)
    # the box that finds the small one is neither right nor wrong where large ones are asked for
    assert small.false_per_photo(0) == large.false_per_photo(0) == 1


def test_what_is_not_defined_and_what_is_wrong() -> None:
    nothing = judge_boxes([Found(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4)))])
    assert np.isnan(nothing.recall(0)) and nothing.false_per_photo(0) == 0 and nothing.confidence_at(0) > 1
    with pytest.raises(InputError, match="no finite number"):
        judge_boxes([Found(np.array([[0, 0, np.nan, 1]]), np.ones(1), np.zeros((0, 4)))])

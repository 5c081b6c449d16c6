"""Weighted box fusion against a slow reference written from the paper, and what must hold of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.detect import DetectorSettings, detect, make_detector
from reid.detect.fusion import fuse
from reid.errors import ConfigError

Boxes = list[tuple[list[float], float]]


def reference(found: list[Boxes], overlap: float, weights: list[float], iou_of: Callable[[Any, Any], float]) -> Boxes:
    """Section 3 of Solovyev et al. step by step: list B, lists L and F, matching, updating, rescaling by T and N."""
    listed = []
    for which, boxes in enumerate(found):
        for (x, y, w, h), confidence in boxes:
            listed.append((confidence * weights[which], which, (x, y, x + w, y + h)))
    listed.sort(key=lambda row: row[0], reverse=True)
    clusters: list[list[Any]] = []
    fused: list[Any] = []
    for row in listed:
        best, place = overlap, None
        for n, corners in enumerate(fused):
            if iou_of(row[2], corners) > best:
                best, place = iou_of(row[2], corners), n
        if place is None:
            clusters.append([row])
            fused.append(row[2])
        else:
            clusters[place].append(row)
            total = sum(member[0] for member in clusters[place])
            fused[place] = tuple(sum(m[0] * m[2][k] for m in clusters[place]) / total for k in range(4))
    out: Boxes = []
    for cluster, (x1, y1, x2, y2) in zip(clusters, fused, strict=True):
        confidence = sum(m[0] for m in cluster) / sum(weights[m[1]] for m in cluster)
        detectors = {m[1] for m in cluster}
        confidence *= sum(weights[n] for n in detectors) / sum(weights)
        out.append(([x1, y1, x2 - x1, y2 - y1], confidence))
    return sorted(out, key=lambda row: -row[1])


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_slow_reference(seed: int, iou_of: Callable[[Any, Any], float]) -> None:
    rng = np.random.default_rng(seed)
    animals = rng.uniform(0, 300, (4, 2))
    found: list[Boxes] = []
    for _ in range(3):
        boxes = []
        for corner in animals[rng.random(4) < 0.8]:
            box = [*(corner + rng.normal(0, 6, 2)), *(80 + rng.normal(0, 6, 2))]
            boxes.append(([float(v) for v in box], float(rng.uniform(0.1, 1))))
        found.append(boxes)
    weights = [1.0, 2.0, 0.5] if seed % 2 else [1.0, 1.0, 1.0]
    for (box, confidence), (box_2, confidence_2) in zip(
        fuse(found, 0.55, weights), reference(found, 0.55, weights, iou_of), strict=True
    ):
        np.testing.assert_allclose(box, box_2, rtol=1e-9)
        assert confidence == pytest.approx(confidence_2)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.05, 1), st.integers(1, 4), st.integers(0, 4))
def test_agreement_keeps_the_confidence_and_loneliness_shares_it(confidence: float, seen: int, missed: int) -> None:
    box = [10.0, 20.0, 30.0, 40.0]
    (fused,) = fuse([[(box, confidence)]] * seen + [[]] * missed)
    np.testing.assert_allclose(fused[0], box)
    assert fused[1] == pytest.approx(confidence * seen / (seen + missed))


def test_wrong_weights_are_refused() -> None:
    with pytest.raises(ConfigError, match="above 0"):
        fuse([[], []], weights=[1.0, 0.0])
    with pytest.raises(ConfigError, match="2 numbers"):
        fuse([[], []], weights=[1.0])


def test_detectors_together(photos: Any, lila: Any, tmp_path: Path) -> None:
    """Two files, one of which misses a box: what both saw keeps its confidence, what one saw gets half."""
    table: pd.DataFrame = photos({"a.jpg": (200, 100), "b.jpg": (200, 100)})
    both = lila({"a.jpg": [("1", 0.8, [0.1, 0.1, 0.5, 0.5])], "b.jpg": [("1", 0.9, [0, 0, 1, 1])]}).rename(
        tmp_path / "1.json"
    )
    one = lila({"a.jpg": [("1", 0.6, [0.1, 0.1, 0.5, 0.5])], "b.jpg": []}).rename(tmp_path / "2.json")
    members = ({"name": "recorded", "file": str(both)}, {"file": str(one)})
    found, problems = detect(table, "", DetectorSettings(name="together", members=members, min_side=1))
    assert found["confidence"].tolist() == [0.7, 0.45] and len(problems) == 0
    np.testing.assert_allclose(found["bbox"].tolist(), [[20, 10, 100, 50], [0, 0, 200, 100]])


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ({"name": "wholly"}, r"no detector is called 'wholly'"),
        ({"name": "whole", "colour": 1}, r"members\[0\] has no setting 'colour'"),
        ({"name": "together", "members": [{}, {}]}, "must not hold a detector 'together'"),
        ({"confidence": "much"}, r"members\[0\]\.confidence"),
    ],
)
def test_a_wrong_member_is_named(member: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make_detector(DetectorSettings(name="together", members=(member, {"name": "whole"})))

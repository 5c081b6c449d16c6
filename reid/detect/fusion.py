"""Several detectors' boxes as one set, by weighted box fusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.detect.boxes import clip, iou
from reid.detect.protocol import Detector, detection_row, number_of, tables
from reid.errors import ConfigError
from reid.tables import records

__all__ = ["Together", "fuse"]

Rows = Sequence[tuple[Sequence[float], float]]
"""Boxes of one detector, x, y, width, height, with their confidences."""


def fuse(
    found: Sequence[Rows], overlap: float = 0.55, weights: Sequence[float] | None = None
) -> list[tuple[tuple[float, ...], float]]:
    """Weighted box fusion (Solovyev et al. 2021, arXiv:1910.13302) of one photo's boxes of one category.

    Boxes come up by their weighted confidence. Each joins the group whose mean box it overlaps most, if by more than
    `overlap`, else it begins one. A group's box is the mean of its boxes by weighted confidence; its confidence is the mean
    of theirs, times the share of the detectors' weight that found it, so that what few saw counts less.

    Args:
        found: The boxes of each detector.
        overlap: Intersection over union.
        weights: Of the detectors, above 0; alike where not given.

    Returns:
        Boxes and confidences, the most confident first.
    """
    shares = [1.0] * len(found) if weights is None else list(weights)
    if len(shares) != len(found) or any(not share > 0 for share in shares):
        raise ConfigError(f"weights={shares} must be {len(found)} numbers above 0, one for each detector.")
    rows = [
        (confidence * shares[which], which, tuple(float(value) for value in box), confidence)
        for which, boxes in enumerate(found)
        for box, confidence in boxes
    ]
    groups: list[list[Any]] = []
    means: list[tuple[float, ...]] = []
    for row in sorted(rows, key=lambda row: -row[0]):
        overlaps = [iou(row[2], mean) for mean in means]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best < 0 or overlaps[best] <= overlap:
            groups.append([row])
            means.append(row[2])
            continue
        groups[best].append(row)
        means[best] = _mean(groups[best])
    out = []
    for group, mean in zip(groups, means, strict=True):
        mine = sum(shares[which] for _, which, _, _ in group)
        mean_confidence = sum(weighted for weighted, *_ in group) / mine
        seen = min(sum(shares[which] for which in {which for _, which, _, _ in group}), sum(shares)) / sum(shares)
        out.append((mean, float(mean_confidence * seen)))
    return sorted(out, key=lambda row: -row[1])


def _mean(group: Sequence[tuple[float, int, tuple[float, ...], float]]) -> tuple[float, ...]:
    """The mean box, weighed by confidence; sizes are those of the mean corners."""
    total = sum(row[0] for row in group)
    shares = [row[0] / total if total else 1 / len(group) for row in group]
    mean = np.average([row[2] for row in group], axis=0, weights=shares)
    return tuple(float(value) for value in mean)


@dataclass(frozen=True)
class Together:
    """Several detectors as one.

    Attributes:
        members: The detectors.
        overlap: As for `fuse`.
        weights: As for `fuse`.
    """

    members: tuple[Detector, ...]
    overlap: float
    weights: tuple[float, ...]
    name: str = "together"

    def detect(self, photos: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        """See `Detector.detect`. A photo is a problem where any of the detectors says so."""
        every = [member.detect(photos, root) for member in self.members]
        problems = [row._asdict() for _, lost in every for row in records(lost)]
        title = " + ".join(sorted({name for found, _ in every for name in found["detector"]})) or self.name
        by_photo: dict[str, dict[str, list[list[Any]]]] = {}
        for which, (found, _) in enumerate(every):
            for row in sorted(records(found), key=lambda row: number_of(row.detection_id)):
                parts = by_photo.setdefault(row.image_id, {}).setdefault(row.category, [[] for _ in self.members])
                parts[which].append((list(row.bbox), row.confidence))
        out = []
        for photo in records(photos):
            image = photo.image_id
            fused = [
                (confidence, category, box)
                for category, parts in by_photo.get(image, {}).items()
                for box, confidence in fuse(parts, self.overlap, self.weights or None)
            ]
            fused.sort(key=lambda row: (-row[0], row[1]))
            for number, (confidence, category, box) in enumerate(fused):
                inside = clip(box, photo.width, photo.height)
                if inside is not None:
                    out.append(detection_row(image, number, category, round(min(confidence, 1.0), 4), inside, title))
        return tables(out, problems)

"""Verification: how well the spots of two crops agree, once matched, freed of the background and checked for geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.match.geometry import affine_inliers
from reid.match.local import Features, LocalMatcher

__all__ = ["Verified", "verify"]

STATIC = 0.015
"""Spots of one camera's two photos that lie this close, as a share of the photo's longest side, are the background."""


@dataclass(frozen=True)
class Verified:
    """Two crops' agreement.

    Attributes:
        points: float32 (m, 4): x, y on the query and x, y on the candidate, in pixels of the photos.
        confidences: float (m,), in 0 to 1.
        inlier: bool (m,): agrees with one affine map of the flank.
    """

    points: np.ndarray
    confidences: np.ndarray
    inlier: np.ndarray

    @property
    def score(self) -> float:
        """Summed confidence of the matched spots; the local score of the match table."""
        return float(self.confidences.sum())


def verify(
    query: Features,
    candidate: Features,
    matcher: LocalMatcher,
    boxes: tuple[list[float], list[float]],
    static_size: tuple[float, float] | None = None,
) -> Verified:
    """Match the spots of two crops.

    Args:
        query: Spots of one crop.
        candidate: Spots of the other.
        matcher: What found them.
        boxes: The crops' boxes (x, y, w, h) in pixels of their photos.
        static_size: Width and height of the photos where one camera took both: spots that have not moved on the
            photo are then taken for background, which matches perfectly whoever walks by.

    Returns:
        The agreement, spots in pixels of the two photos.
    """
    pairs, confidences = matcher.match(query, candidate)
    points = np.concatenate(
        [_on_photo(query, boxes[0])[pairs[:, 0]], _on_photo(candidate, boxes[1])[pairs[:, 1]]], axis=1
    )
    if static_size is not None and len(points):
        moved = np.linalg.norm(points[:, :2] - points[:, 2:], axis=1) > STATIC * max(static_size)
        points, confidences = points[moved], confidences[moved]
    sizes = tuple(max(box[2:]) for box in boxes)
    inlier = affine_inliers(points[:, :2] / sizes[0], points[:, 2:] / sizes[1])
    return Verified(points.astype(np.float32), confidences, inlier)


def _on_photo(features: Features, box: list[float]) -> np.ndarray:
    height, width = features.size
    return features.points * np.array([box[2] / width, box[3] / height]) + np.array(box[:2])

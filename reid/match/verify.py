"""Verification: how well the spots of two crops agree, once matched, freed of the background and checked for geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.match.local import Features, LocalMatcher

__all__ = ["Verified", "verify"]

STATIC = 0.015
"""Spots of one camera's two photos that lie this close, as a share of the photo's longest side, are the background."""

TOLERANCE = 0.03
"""How far a spot may lie from where the geometry puts it, as a share of the picture's longest side."""


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
    return Verified(points.astype(np.float32), confidences, affine_inliers(points, boxes))


def affine_inliers(points: np.ndarray, boxes: tuple[list[float], list[float]]) -> np.ndarray:
    """Which pairs of spots agree on one affine map, by RANSAC with a fixed seed; none below four pairs."""
    import cv2

    if len(points) < 4:
        return np.zeros(len(points), bool)
    # on the scale of the boxes, so that one tolerance serves near and far animals
    ends = [(points[:, i : i + 2] - np.array(box[:2])) / max(box[2:]) for i, box in zip((0, 2), boxes, strict=True)]
    cv2.setRNGSeed(0)
    _, mask = cv2.estimateAffine2D(
        ends[0].astype(np.float64),
        ends[1].astype(np.float64),
        method=cv2.RANSAC,
        ransacReprojThreshold=TOLERANCE,
        maxIters=1000,
    )
    return np.zeros(len(points), bool) if mask is None else mask[:, 0].astype(bool)


def _on_photo(features: Features, box: list[float]) -> np.ndarray:
    height, width = features.size
    return features.points * np.array([box[2] / width, box[3] / height]) + np.array(box[:2])

"""Verification: how well the spots of two crops agree, once matched, freed of the background and checked for geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reid.match.geometry import AFFINE, agreeing
from reid.match.local import Features, LocalMatcher, match_many

__all__ = ["ToVerify", "Verified", "verify", "verify_many"]

STATIC = 0.015
"""Spots of one camera's two photos that lie this close, as a share of the photo's longest side, are the background."""


@dataclass(frozen=True)
class Verified:
    """Two crops' agreement.

    Attributes:
        points: float32 (m, 4): x, y on the query and x, y on the candidate, in pixels of the photos.
        confidences: float (m,), in 0 to 1.
        inlier: bool (m,): agrees with one map of the flank.
    """

    points: np.ndarray
    confidences: np.ndarray
    inlier: np.ndarray

    @property
    def score(self) -> float:
        """Summed confidence of the matched spots; the local score of the match table."""
        return float(self.confidences.sum())


@dataclass(frozen=True)
class ToVerify:
    """Two crops to compare.

    Attributes:
        query: Spots of one crop.
        candidate: Spots of the other.
        boxes: The crops' boxes (x, y, w, h) in pixels of their photos.
        static_size: Width and height of the photos where one camera took both: spots that have not moved on the
            photo are then taken for background, which matches perfectly whoever walks by.
    """

    query: Features
    candidate: Features
    boxes: tuple[list[float], list[float]]
    static_size: tuple[float, float] | None = None


def verify(
    query: Features,
    candidate: Features,
    matcher: LocalMatcher,
    boxes: tuple[list[float], list[float]],
    static_size: tuple[float, float] | None = None,
) -> Verified:
    """Match the spots of two crops; `ToVerify` says what the arguments are, and `matcher` is what found them.

    Returns:
        The agreement, spots in pixels of the two photos.
    """
    return verify_many([ToVerify(query, candidate, boxes, static_size)], matcher)[0]


def verify_many(pairs: Sequence[ToVerify], matcher: LocalMatcher) -> list[Verified]:
    """`verify` for many pairs, which some matchers do in less time than one by one, with the same result."""
    matched = match_many(matcher, [(pair.query, pair.candidate) for pair in pairs])
    geometry = str(getattr(matcher, "geometry", AFFINE))
    return [_settled(pair, *found, geometry) for pair, found in zip(pairs, matched, strict=True)]


def _settled(pair: ToVerify, spots: np.ndarray, confidences: np.ndarray, geometry: str) -> Verified:
    """Matched spots on the photos, freed of the background and checked."""
    points = np.concatenate(
        [_on_photo(pair.query, pair.boxes[0])[spots[:, 0]], _on_photo(pair.candidate, pair.boxes[1])[spots[:, 1]]],
        axis=1,
    )
    if pair.static_size is not None and len(points):
        moved = np.linalg.norm(points[:, :2] - points[:, 2:], axis=1) > STATIC * max(pair.static_size)
        points, confidences = points[moved], confidences[moved]
    sizes = tuple(max(box[2:]) for box in pair.boxes)
    inlier = agreeing(points[:, :2] / sizes[0], points[:, 2:] / sizes[1], geometry)
    return Verified(points.astype(np.float32), confidences, inlier)


def _on_photo(features: Features, box: list[float]) -> np.ndarray:
    height, width = features.size
    return features.points * np.array([box[2] / width, box[3] / height]) + np.array(box[:2])

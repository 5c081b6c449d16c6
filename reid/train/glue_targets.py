"""Which spots of two crops are one: known exactly of a changed copy, and told by geometry of two photos."""

from __future__ import annotations

import numpy as np

from reid.match.geometry import TOLERANCE, fitted
from reid.match.local import Features
from reid.train.glue_loss import IGNORED, UNMATCHED

__all__ = ["agreed", "moved", "of_copy"]

NEAR, FAR = 0.006, 0.015
"""Of a copy, as shares of the longest side: spots this close are one, and a spot with none this close has no partner."""
STILL = 0.015
"""Spots that moved less than this share of the larger crop's longest side may be background that one camera took twice."""
LARGEST = 4.0
"""Times that one animal may be larger on its crop than on the other, along any direction."""


def moved(points: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Points (n, 2) under a projective map (3, 3).

    >>> moved(np.array([[1.0, 2.0]]), np.array([[2.0, 0, 1], [0, 1, 0], [0, 0, 1]])).tolist()
    [[3.0, 2.0]]
    """
    whole = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ np.asarray(change, float).T
    out: np.ndarray = whole[:, :2] / whole[:, 2:]
    return out


def of_copy(here: Features, there: Features, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets of a crop and its changed copy.

    Args:
        here: Spots of the crop.
        there: Spots of the copy.
        change: float (3, 3), from the crop to the copy, both in units of their longest sides.

    Returns:
        int (n,) and (m,): the partner's number, `UNMATCHED` or `IGNORED`.
    """
    apart = _apart(moved(here.points / max(here.size), change), there.points / max(there.size))
    out = tuple(np.full(count, IGNORED) for count in apart.shape)
    if apart.size:
        rows = np.arange(len(apart))
        nearest = apart.argmin(1)
        rows = rows[(apart.argmin(0)[nearest] == rows) & (apart[rows, nearest] < NEAR)]
        out[0][apart.min(1) > FAR] = UNMATCHED
        out[1][apart.min(0) > FAR] = UNMATCHED
        out[0][rows], out[1][nearest[rows]] = nearest[rows], rows
    return out[0], out[1]


def agreed(
    here: Features,
    there: Features,
    matches: np.ndarray,
    boxes: tuple[list[float], list[float]],
    geometry: str,
    least: int,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Targets of two photos of one flank, told by the matches that agree on one map.

    A spot has no partner where the agreeing ones surround it, and none lies where the map would put it. Of what lies around
    them nothing is known: legs and head go their own ways.

    Args:
        here: Spots of one crop.
        there: Spots of the other.
        matches: Candidates of being one, int (k, 2), weak ones too.
        boxes: The crops' boxes on their photos, x, y, w, h in pixels.
        geometry: Kind of the map (`reid.match.geometry`).
        least: Fewest that must agree.

    Returns:
        As `of_copy`; None where too few agree, or only on what cannot be, such as a mirrored animal.
    """
    a, b = here.points / max(here.size), there.points / max(there.size)
    matches = matches[~_still(here, there, matches, boxes)]
    change, inlier = fitted(a[matches[:, 0]], b[matches[:, 1]], geometry)
    if change is None or inlier.sum() < least:
        return None
    good = matches[inlier]
    if not _possible(change, a[good[:, 0]].mean(0)):
        return None
    apart = _apart(moved(a, change), b)
    targets = np.full(len(a), IGNORED), np.full(len(b), IGNORED)
    targets[0][_within(a, a[good[:, 0]]) & (apart.min(1) > TOLERANCE)] = UNMATCHED
    targets[1][_within(b, b[good[:, 1]]) & (apart.min(0) > TOLERANCE)] = UNMATCHED
    targets[0][good[:, 0]], targets[1][good[:, 1]] = good[:, 1], good[:, 0]
    return targets


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.linalg.norm(a[:, None] - b[None], axis=2)
    return out


def _still(here: Features, there: Features, matches: np.ndarray, boxes: tuple[list[float], list[float]]) -> np.ndarray:
    """Which matches lie at one place of both photos."""
    on = [
        f.points[matches[:, side]] * (box[2] / f.size[1], box[3] / f.size[0]) + np.asarray(box[:2])
        for side, (f, box) in enumerate(zip((here, there), boxes, strict=True))
    ]
    largest = max(max(box[2:]) for box in boxes)
    out: np.ndarray = np.linalg.norm(on[0] - on[1], axis=1) <= STILL * largest
    return out


def _possible(change: np.ndarray, middle: np.ndarray) -> bool:
    """Whether a map keeps a flank's side, and about its size, where the spots are."""
    step = 1e-3
    places = moved(middle + step * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), change)
    local = np.stack([places[1] - places[0], places[2] - places[0]], axis=1) / step
    stretched = np.linalg.svd(local, compute_uv=False)
    return bool(np.linalg.det(local) > 0 and stretched[0] < LARGEST and stretched[1] > 1 / LARGEST)


def _within(points: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Which points lie in the convex hull of others."""
    import cv2

    hull = cv2.convexHull(around.astype(np.float32))
    return np.array([cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y in points], bool)

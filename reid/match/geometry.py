"""Geometry: which matched spots agree on where the flank went."""

from __future__ import annotations

import numpy as np

__all__ = ["affine_inliers"]

TOLERANCE = 0.03
"""How far a spot may lie from where the map puts it, as a share of the picture's longest side."""


def affine_inliers(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Which pairs of spots agree on one affine map, by RANSAC with a fixed seed.

    Args:
        here: Spots of one crop, (n, 2), in units of its longest side, so that one tolerance serves near and far animals.
        there: The same spots of the other crop, in units of its own.

    Returns:
        bool (n,); none below four pairs.
    """
    import cv2

    if len(here) < 4:
        return np.zeros(len(here), bool)
    cv2.setRNGSeed(0)
    _, mask = cv2.estimateAffine2D(
        here.astype(np.float64),
        there.astype(np.float64),
        method=cv2.RANSAC,
        ransacReprojThreshold=TOLERANCE,
        maxIters=1000,
    )
    return np.zeros(len(here), bool) if mask is None else mask[:, 0].astype(bool)

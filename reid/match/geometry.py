"""Geometry: which matched spots agree on where the flank went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["AFFINE", "GEOMETRIES", "affine_inliers", "agreeing", "fitted"]

AFFINE = "affine"
"""The usual map."""
TOLERANCE = 0.03
"""How far a spot may lie from where the map puts it, as a share of the picture's longest side."""
TRIES = 1000
PIXELS = 1000
"""Pixels of the longest side for MAGSAC++, whose limits are made for pixels."""
LEAST = {AFFINE: 4, "affine-magsac": 4, "homography": 5}
"""Fewest pairs that can agree: one more than would fit any map of the kind, were they put down by chance."""
GEOMETRIES = tuple(LEAST)


def affine_inliers(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """`agreeing` on one affine map, found by RANSAC."""
    return agreeing(here, there, AFFINE)


def agreeing(here: np.ndarray, there: np.ndarray, geometry: str = AFFINE) -> np.ndarray:
    """Which pairs of spots agree on one map; the same pairs always give the same answer.

    Args:
        here: Spots of one crop, (n, 2), in units of its longest side, so that one tolerance serves near and far animals.
        there: The same spots of the other crop, in units of its own.
        geometry: `affine` (RANSAC, Fischler and Bolles 1981), `affine-magsac` or `homography` (both by MAGSAC++, Barath et al.
            2020, which weighs spots by how well they fit instead of asking for a limit).

    Returns:
        bool (n,); none below four pairs (five for a homography), or where all lie on one line.
    """
    return fitted(here, there, geometry)[1]


def fitted(here: np.ndarray, there: np.ndarray, geometry: str = AFFINE) -> tuple[np.ndarray | None, np.ndarray]:
    """The map that most pairs of spots agree on, and which agree; arguments as for `agreeing`.

    Returns:
        float (3, 3), from `here` to `there` in their units, of homogeneous coordinates, None where there is none; and bool (n,).
    """
    import cv2

    none = np.zeros(len(here), bool)
    if len(here) < LEAST[geometry]:
        return None, none
    a, b = here.astype(np.float64), there.astype(np.float64)
    cv2.setRNGSeed(0)
    found, mask = _MAPS[geometry](cv2, a, b)
    if found is None or mask is None:
        return None, none
    whole = np.vstack([found, [0, 0, 1]])[:3]
    if geometry != AFFINE:
        unit = np.diag([PIXELS, PIXELS, 1.0])
        whole = np.linalg.inv(unit) @ whole @ unit
    return whole, np.asarray(mask)[:, 0].astype(bool)


def _affine(cv2: Any, a: np.ndarray, b: np.ndarray) -> Any:
    return cv2.estimateAffine2D(a, b, method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE, maxIters=TRIES)


def _affine_magsac(cv2: Any, a: np.ndarray, b: np.ndarray) -> Any:
    return cv2.estimateAffine2D(
        a * PIXELS, b * PIXELS, method=cv2.USAC_MAGSAC, ransacReprojThreshold=TOLERANCE * PIXELS, maxIters=TRIES
    )


def _homography(cv2: Any, a: np.ndarray, b: np.ndarray) -> Any:
    return cv2.findHomography(a * PIXELS, b * PIXELS, cv2.USAC_MAGSAC, TOLERANCE * PIXELS, maxIters=TRIES)


_MAPS: dict[str, Callable[[Any, np.ndarray, np.ndarray], Any]] = {
    AFFINE: _affine,
    "affine-magsac": _affine_magsac,
    "homography": _homography,
}

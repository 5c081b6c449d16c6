"""SIFT spots (Lowe 2004) matched by mutual nearest neighbours, the ratio test and one affine map; no weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from reid.match.geometry import AFFINE, agreeing
from reid.match.local import Features, at_scale, mutual, no_spots

__all__ = ["Sift"]

RATIO = 0.85


class Sift:
    """OpenCV's SIFT with RootSIFT descriptors (Arandjelović and Zisserman 2012).

    Args:
        points: Most spots per crop.
        longest: Pixels of the longest side that every picture is brought to.
        geometry: The map that agreeing spots must follow.
        best_first: Put the strongest spots first, so that a caller can keep the best; OpenCV leaves them in no order.
    """

    name = "sift"
    in_threads = True

    def __init__(self, points: int = 512, longest: int = 640, geometry: str = AFFINE, best_first: bool = False) -> None:
        self._best_first = best_first
        self.longest = longest
        self.geometry = geometry
        self.fingerprint = f"rootsift+{geometry},{points},{longest},{RATIO}"
        self._points = points

    def extract(self, picture: np.ndarray) -> Features:
        import cv2

        resized, shrink = at_scale(picture, self.longest)
        # made anew for each picture, which costs nothing: several threads may seek at once
        sift: Any = cv2.SIFT.create(nfeatures=self._points, contrastThreshold=0.02)
        # night photos are flat: equalised locally, their spots stand out as by day
        equalise = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
        grey = equalise.apply(cv2.cvtColor(resized, cv2.COLOR_RGB2GRAY))
        points, descriptors = sift.detectAndCompute(grey, None)
        if descriptors is None or not len(points):
            return no_spots(picture, 128)
        if self._best_first:
            order = np.argsort([-p.response for p in points], kind="stable")
            points, descriptors = [points[n] for n in order], descriptors[order]
        root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
        return Features(
            np.array([p.pt for p in points], np.float32) * shrink,
            root.astype(np.float16),
            (picture.shape[0], picture.shape[1]),
        )

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        pairs, nearest, second = mutual(query.descriptors, candidate.descriptors)
        ratio = nearest / np.maximum(second, 1e-9)
        good = ratio < RATIO
        pairs = pairs[good]
        # by chance many spots resemble each other; few of those lie where one map of the flank would put them
        agree = agreeing(
            query.points[pairs[:, 0]] / max(query.size),
            candidate.points[pairs[:, 1]] / max(candidate.size),
            self.geometry,
        )
        return pairs[agree], np.clip(1 - ratio[good][agree] / RATIO, 0, 1).astype(float)

"""Spots kept on the animal: those beside its torso tell places apart, and legs and head move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reid.embed.torso import finder_fingerprint, look
from reid.match.geometry import AFFINE
from reid.match.local import Features, LocalMatcher, match_many

__all__ = ["GROWN", "MORE", "OnTorso", "on_torso"]

GROWN = 0.2
"""Added to the torso's length and height, half of it on each side: the finder is not exact, and a coat goes on."""

MORE = 2
"""Times as many spots are sought on the crop as are kept of the torso: about half of them lie beside it."""


class OnTorso:
    """A matcher that keeps the spots on the torso alone, as the shipped finder sees it.

    Where the finder sees none, it answers with the whole crop.

    Args:
        matcher: What seeks the spots, the best first, and matches them. It should seek more than are kept: `MORE` times as many.
        points: Most spots that are kept.
    """

    def __init__(self, matcher: LocalMatcher, points: int = 512) -> None:
        self._matcher = matcher
        self._points = points
        self.name = matcher.name
        self.longest = matcher.longest
        self.geometry = str(getattr(matcher, "geometry", AFFINE))
        kept = f",torso,{points},{GROWN},{finder_fingerprint()}"
        self.fingerprint = matcher.fingerprint + kept
        self.seeks = str(getattr(matcher, "seeks", matcher.fingerprint)) + kept

    def extract(self, picture: np.ndarray) -> Features:
        found = on_torso(self._matcher.extract(picture), look([picture])[0])
        return Features(found.points[: self._points], found.descriptors[: self._points], found.size)

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        return self._matcher.match(query, candidate)

    def match_many(self, pairs: Sequence[tuple[Features, Features]]) -> list[tuple[np.ndarray, np.ndarray]]:
        return match_many(self._matcher, pairs)


def on_torso(features: Features, torso: np.ndarray, grown: float = GROWN) -> Features:
    """The spots that lie on a torso.

    Args:
        features: Spots of a crop.
        torso: Six numbers as `reid.embed.torso.TorsoFinder` gives them.
        grown: Added to its length and height, half of it on each side.

    >>> spots = Features(np.array([[50, 50], [90, 50]], np.float32), np.zeros((2, 4), np.float16), (100, 100))
    >>> on_torso(spots, np.array([0.5, 0.5, 0.25, 0, 0, 0.25])).points.tolist()
    [[50.0, 50.0]]
    """
    height, width = features.size
    middle, along, down = np.asarray(torso, float).reshape(3, 2) * (width, height)
    # the torso's own coordinates: -1 to 1 along it and across
    own = np.linalg.solve(np.stack([along, down], axis=1), (features.points - middle).T)
    kept = (np.abs(own) <= 1 + grown).all(axis=0)
    return Features(features.points[kept], features.descriptors[kept], features.size)

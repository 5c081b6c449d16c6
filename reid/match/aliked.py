"""ALIKED spots matched by LightGlue, both learned (Zhao et al. 2023, "ALIKED"; Lindenberger et al. 2023, "LightGlue")."""

from __future__ import annotations

from typing import Any

from reid.match.learned import LearnedSpots

__all__ = ["AlikedLightGlue"]


class AlikedLightGlue(LearnedSpots):
    """ALIKED's network n16."""

    spots, version = "aliked", "aliked-n16"

    def _finder(self, package: Any, points: int) -> Any:
        # threshold 0: a blurred or dark flank still gives its best spots
        return package.ALIKED(max_num_keypoints=points, detection_threshold=0.0)

"""DISK spots matched by LightGlue, both learned (Tyszkiewicz et al. 2020, "DISK"; Lindenberger et al. 2023, "LightGlue")."""

from __future__ import annotations

from typing import Any

import numpy as np

from reid.match.learned import LearnedSpots

__all__ = ["DiskLightGlue"]


class DiskLightGlue(LearnedSpots):
    """DISK with the weights that it was published with."""

    spots, version = "disk", "disk-depth"

    def _finder(self, package: Any, points: int) -> Any:
        return package.DISK(max_num_keypoints=points)

    def _order(self, strength: np.ndarray) -> np.ndarray:
        return np.argsort(-strength, kind="stable")

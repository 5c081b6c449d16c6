"""From a crop's picture to the network's input; the same steps in training, in a batch and in the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reid.embed.crops import resize_crop
from reid.embed.network import NetworkSpec
from reid.embed.torso import WHOLE, cut_torso

__all__ = ["preprocess"]


def preprocess(
    picture: np.ndarray, spec: NetworkSpec, orientation: str = "unknown", torso: Sequence[float] | None = None
) -> np.ndarray:
    """Resize, and turn where the network wants all animals to face one way.

    Args:
        picture: uint8 RGB, (h, w, 3), of any size.
        spec: What the network expects.
        orientation: The flank it shows; with `spec.face == "left"`, a right flank is mirrored.
        torso: With `spec.frame == "torso"`, where it is, as `reid.embed.torso.TorsoFinder` gives it; the whole crop where nobody knows.

    Returns:
        uint8, (3, spec.height, spec.width).
    """
    if spec.frame == "torso":
        mirror = spec.face == "left" and orientation == "right"
        image = cut_torso(picture, WHOLE if torso is None else torso, spec.height, spec.width, mirror)
        return np.ascontiguousarray(image.transpose(2, 0, 1))
    if spec.resize == "squash":
        image = resize_crop(picture, spec.height, spec.width, spec.interpolation)
    else:
        scale = min(spec.height / picture.shape[0], spec.width / picture.shape[1])
        height = min(spec.height, max(1, round(picture.shape[0] * scale)))
        width = min(spec.width, max(1, round(picture.shape[1] * scale)))
        image = np.empty((spec.height, spec.width, 3), np.uint8)
        image[:] = np.round(np.array(spec.mean) * 255).astype(np.uint8)
        top, left = (spec.height - height) // 2, (spec.width - width) // 2
        image[top : top + height, left : left + width] = resize_crop(picture, height, width, spec.interpolation)
    if spec.face == "left" and orientation == "right":
        image = image[:, ::-1]
    return np.ascontiguousarray(image.transpose(2, 0, 1))

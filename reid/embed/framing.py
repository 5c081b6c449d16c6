"""From crops to a network's inputs: all of the crop, or its torso, which must be looked for first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reid.embed.crops import resize_crop, squashed
from reid.embed.flank import SMALL, flank_of
from reid.embed.network import NetworkSpec
from reid.embed.preprocess import preprocess
from reid.embed.torso import HEIGHT, WIDTH, settled
from reid.embed.way import Way
from reid.tables import FLANKS, UNKNOWN

__all__ = ["ahead", "framed", "reduced", "unnamed_flanks"]

ROOM = 2
"""A crop whose torso is still to be found is kept so many times as long as the network's input."""


def ahead(picture: np.ndarray, spec: NetworkSpec, orientation: str) -> np.ndarray:
    """What can be done to a crop before the batch is there.

    Args:
        picture: uint8 RGB, (h, w, 3).
        spec: What the network expects.
        orientation: The flank it shows.

    Returns:
        The network's input, uint8 (3, spec.height, spec.width); with `spec.frame == "torso"`, the crop, not larger than
        its torso needs, uint8 (h, w, 3).
    """
    return reduced(picture, spec) if spec.frame == "torso" else preprocess(picture, spec, orientation)


def reduced(picture: np.ndarray, spec: NetworkSpec) -> np.ndarray:
    """A crop, made smaller where it is much larger than a network that sees torsos can use."""
    scale = ROOM * max(spec.height, spec.width) / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return resize_crop(picture, height, width)


def framed(
    pictures: Sequence[np.ndarray], orientations: Sequence[str], spec: NetworkSpec, way: Way, batch: int = 0
) -> tuple[np.ndarray, np.ndarray | None]:
    """The inputs of one step.

    Args:
        pictures: Crops as `ahead` gives them.
        orientations: Their flanks, where known.
        spec: What the network expects.
        way: Runs what looks at the crops before.
        batch: Fill up with black to so many; 0 does not.

    Returns:
        uint8 (B, 3, spec.height, spec.width); and, of torsos, the probabilities of the flanks (B, 5), which lie on `unknown`
        where the flank was known; None of whole crops, whose flanks the network itself may tell.
    """
    size = max(batch, len(pictures))
    images = np.zeros((size, 3, spec.height, spec.width), np.uint8)
    if spec.frame == "whole":
        if len(pictures):
            images[: len(pictures)] = np.stack(pictures)
        return images, None
    flanks = unnamed_flanks(size)
    names = list(orientations)
    asked = [n for n, name in enumerate(names) if name == UNKNOWN]
    small = squashed(pictures, HEIGHT, WIDTH, size)
    if asked:
        # all of them, so that each step has one shape
        seen = small if SMALL == (HEIGHT, WIDTH) else squashed(pictures, *SMALL, size)
        flanks[asked] = way.flanks(seen)[asked]
        for n, name in zip(asked, flank_of(flanks[asked])[0], strict=True):
            names[n] = name
    torsos = settled(way.torsos(small)[: len(pictures)])
    for n, (picture, name, torso) in enumerate(zip(pictures, names, torsos, strict=True)):
        images[n] = preprocess(picture, spec, name, torso)
    return images, flanks


def unnamed_flanks(size: int) -> np.ndarray:
    """Probabilities of flanks that nobody was asked for, (size, 5), all of them on `unknown`."""
    flanks = np.zeros((size, len(FLANKS)), np.float32)
    flanks[:, FLANKS.index(UNKNOWN)] = 1
    return flanks

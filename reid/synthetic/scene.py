"""Places where a camera stands: ground, plants and stones made from noise, or a photograph of a real place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.synthetic.plants import FAR, KINDS, draw_grass, draw_place, draw_trunk

__all__ = ["Cover", "Scene", "allowed_light", "make_scene", "photographed"]

GREY = 6.0
"""A photograph whose colours differ by less is grey: mean over its pixels, grey levels."""
DARK = 70.0
"""A photograph whose middle grey level is lower was taken at night."""
FRONT = 2.2
"""Distance of what an animal may walk behind."""

SHADE = {"forest": 0.75, "savanna": 0.15, "rocks": 0.0}
"""How thick the leaves above are, 0 to 1."""


@dataclass(frozen=True)
class Cover:
    """Something that stands before the animal.

    Attributes:
        colour: As a scene's, uint8 (rows, columns, 3).
        alpha: How much of each pixel it covers, uint8 (rows, columns).
        left, top: Where it lies in the picture, pixels.
        depth: Distance in shoulder heights.
    """

    colour: np.ndarray
    alpha: np.ndarray
    left: int
    top: int
    depth: float


@dataclass(frozen=True)
class Scene:
    """A place.

    Attributes:
        colour: Square roots of the shares of light thrown back, uint8 (rows, columns, 3), 255 for all of it.
        depth: Distances in shoulder heights, float32 (rows, columns).
        horizon: Row of the horizon, pixels.
        focal: Focal length, pixels.
        camera_height: In shoulder heights.
        covers: What an animal may walk behind.
        shade: How thick the leaves above are, 0 to 1.
        only: The one light that a photograph of a real place allows; empty where all do.
    """

    colour: np.ndarray
    depth: np.ndarray
    horizon: float
    focal: float
    camera_height: float
    covers: tuple[Cover, ...]
    shade: float
    only: str = ""

    @property
    def nbytes(self) -> int:
        """Memory that it takes, about."""
        return self.colour.nbytes + self.depth.nbytes + sum(c.colour.nbytes + c.alpha.nbytes for c in self.covers)


def make_scene(shape: tuple[int, int], rng: np.random.Generator) -> Scene:
    """A place by chance."""
    kind = str(rng.choice(sorted(KINDS)))
    horizon, focal, height = _camera(shape, rng)
    depth = ground_depth(shape, horizon, focal, height)
    colour = draw_place(depth, kind, focal, horizon, height, rng)
    covers = (_cut(*draw_grass(shape, kind, rng)), _cut(*draw_trunk(shape, kind, rng)))
    return Scene(_coded(colour), depth, horizon, focal, height, covers, SHADE[kind])


def photographed(photo: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> Scene:
    """A real place, from a photograph without an animal.

    The picture is cut to fit. A grey one can only be lit by infrared, a dark one only by flash.

    Args:
        photo: uint8 (rows, columns, 3).
        shape: Rows and columns of the pictures to be made.
        rng: Where the camera's height and the plants in front come from.
    """
    import cv2

    rows, columns = shape
    zoom = max(rows / photo.shape[0], columns / photo.shape[1])
    size = (max(round(photo.shape[1] * zoom), columns), max(round(photo.shape[0] * zoom), rows))
    scaled = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    top, left = (scaled.shape[0] - rows) // 2, (scaled.shape[1] - columns) // 2
    cut = scaled[top : top + rows, left : left + columns].astype(np.float32)
    only = allowed_light(photo)
    horizon, focal, height = _camera(shape, rng)
    depth = ground_depth(shape, horizon, focal, height)
    kind = str(rng.choice(sorted(KINDS)))
    colour = (cut / 255) ** 2 * (1.0 if only else 0.7)
    if only:
        # the lamp's falling off is in the picture already
        depth = np.full(shape, 3.0, np.float32)
    covers = (_cut(*draw_grass(shape, kind, rng)), _cut(*draw_trunk(shape, kind, rng)))
    return Scene(_coded(colour), depth, horizon, focal, height, covers, 0.0, only)


def allowed_light(photo: np.ndarray) -> str:
    """The one light that a photograph of a place allows: infrared if it is grey, flash if it is dark; else empty."""
    spread = photo.max(axis=2).astype(np.int16) - photo.min(axis=2)
    return "infrared" if float(spread.mean()) < GREY else "flash" if float(np.median(photo)) < DARK else ""


def _coded(colour: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.clip(colour, 0.003, 1)) * 255, np.uint8)


def _cut(colour: np.ndarray, alpha: np.ndarray) -> Cover:
    """A cover without the empty margins."""
    alpha = np.asarray(alpha * 255, np.uint8)
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    if not len(rows):
        return Cover(np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.uint8), 0, 0, FRONT)
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return Cover(_coded(colour[box]), alpha[box].copy(), int(columns[0]), int(rows[0]), FRONT)


def ground_depth(shape: tuple[int, int], horizon: float, focal: float, height: float) -> np.ndarray:
    """Distance of level ground at each pixel; `FAR` above the horizon."""
    below = np.arange(shape[0], dtype=np.float32) + 0.5 - np.float32(horizon)
    depth = np.where(below > 0, focal * height / np.maximum(below, 1e-3), FAR)
    return np.repeat(np.minimum(depth, FAR).astype(np.float32)[:, None], shape[1], axis=1)


def _camera(shape: tuple[int, int], rng: np.random.Generator) -> tuple[float, float, float]:
    return (
        float(shape[0] * rng.uniform(0.34, 0.46)),
        float(shape[1] * rng.uniform(1.0, 1.25)),
        float(rng.uniform(0.7, 1.0)),
    )

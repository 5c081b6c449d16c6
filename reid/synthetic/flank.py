"""The animal's side as a camera sees it: outline, surface, and which place of the coat shows where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from reid.synthetic.noise import clouds, stream
from reid.synthetic.skeleton import REST, Pose, Tube, eye, skeleton
from reid.synthetic.tubes import Fields, Seen, join, look

__all__ = ["Figure", "Layer", "View", "see"]

LAYERS = (
    (("far_hind",), 0.62),
    (("far_fore",), 0.62),
    (("tail",), 1.0),
    (("far_ear",), 0.8),
    (("trunk", "neck", "head", "jaw", "near_ear", "near_hind", "near_fore"), 1.0),
)
"""Limbs from back to front, and how much light reaches them."""
GRID = 50
"""Cells per shoulder height of the grid on which limbs are looked at; outlines between its cells are interpolated."""
HAIR = 0.006
"""How far hair stands out of the outline, in shoulder heights."""
SOFT = 0.016
"""How wide the seams between limbs are, in shoulder heights."""


@dataclass(frozen=True)
class View:
    """Where the animal stands before the camera.

    Attributes:
        scale: Pixels per shoulder height at the animal's middle.
        distance: From the camera, in shoulder heights.
        camera_height: In shoulder heights.
        centre: Column of the animal's middle, pixels.
        horizon: Row of the horizon, pixels.
        yaw: How far the head turns away from the camera (negative: towards it), radians.
        faces_left: Whether it faces left, which shows the left flank.
    """

    scale: float
    distance: float
    camera_height: float
    centre: float
    horizon: float
    yaw: float
    faces_left: bool

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (n, 3) as the picture's (n, 2), `x` from the animal's middle as if it faced right, `y` up from the
        horizon, and pixels per shoulder height (n,)."""
        x, y, z = points.T
        nearer = z * np.cos(self.yaw) - x * np.sin(self.yaw)
        scale = self.scale * self.distance / (self.distance - nearer)
        across = (x * np.cos(self.yaw) + z * np.sin(self.yaw)) * scale
        return np.column_stack([across, (y - self.camera_height) * scale]), scale

    def ground(self) -> float:
        """Row of the ground below the animal's middle."""
        return self.horizon + self.camera_height * self.scale


@dataclass(frozen=True)
class Layer:
    """Limbs that lie at one depth.

    Attributes:
        alpha: How much of each pixel they cover, float32 (rows, columns), 0 to 1.
        normal: Direction of the surface: right, up, towards the camera, float32 (rows, columns, 3).
        u, v: The place on the coat's plane, float32 (rows, columns).
        left, top: Where the layer lies in the figure, pixels.
        lit: How much light reaches it, 0 to 1.
    """

    alpha: np.ndarray
    normal: np.ndarray
    u: np.ndarray
    v: np.ndarray
    left: int
    top: int
    lit: float


@dataclass(frozen=True)
class Figure:
    """The animal in the picture.

    Attributes:
        layers: From back to front.
        left, top: Where the figure's corner lies in the picture, pixels; may be outside it.
        shape: Rows and columns of the figure.
        eye: Column and row of the eye in the figure.
        eye_radius: Pixels.
    """

    layers: tuple[Layer, ...]
    left: int
    top: int
    shape: tuple[int, int]
    eye: tuple[float, float]
    eye_radius: float

    def mask(self) -> np.ndarray:
        """How much of each pixel the animal covers, float32 (rows, columns)."""
        free = np.ones(self.shape, np.float32)
        for layer in self.layers:
            free[_place(layer)] *= 1 - layer.alpha
        return 1 - free


def _place(layer: Layer) -> tuple[slice, slice]:
    rows, columns = layer.alpha.shape
    return slice(layer.top, layer.top + rows), slice(layer.left, layer.left + columns)


def see(pose: Pose, view: View) -> Figure:
    """Look at an animal."""
    rest, posed = _rest(), skeleton(pose)
    seen = {name: _seen(tube, rest[name], view) for name, tube in posed.items()}
    margin = 0.12 * view.scale
    low = np.min([tube.points.min(axis=0) - tube.radii.max() for tube in seen.values()], axis=0) - margin / 3
    high = np.max([tube.points.max(axis=0) + tube.radii.max() for tube in seen.values()], axis=0) + margin / 3
    cell = max(round(view.scale / GRID), 1)
    columns, rows = np.ceil((high - low) / cell).astype(int)
    x = low[0] + (np.arange(columns) + 0.5) * cell
    y = high[1] - (np.arange(rows) + 0.5) * cell
    layers = []
    for names, lit in LAYERS:
        # limbs of one layer at the same place blend; the fields reach a little beyond the outline for that
        fields = join([look(seen[name], x, y, margin) for name in names], SOFT * view.scale)
        layers.append(_layer(fields, cell, view, lit))
    at, scale = view.project(eye(pose)[None])
    width = columns * cell
    eye_x = at[0, 0] - low[0]
    left = view.centre - high[0] if view.faces_left else view.centre + low[0]
    return Figure(
        tuple(layer for layer in layers if layer.alpha.size),
        round(left),
        round(view.horizon - high[1]),
        (int(rows * cell), int(width)),
        (float(width - eye_x if view.faces_left else eye_x), float(high[1] - at[0, 1])),
        float(0.017 * scale[0]),
    )


@lru_cache(maxsize=1)
def _rest() -> dict[str, Tube]:
    return skeleton(REST)


def _seen(tube: Tube, rest: Tube, view: View) -> Seen:
    points, scale = view.project(tube.points)
    near = tube.points[:, 2] * np.cos(view.yaw) - tube.points[:, 0] * np.sin(view.yaw)
    return Seen(points, tube.radii * scale, near * view.scale, rest.points[:, :2], rest.radii, float(np.tan(view.yaw)))


def _layer(fields: Fields, cell: int, view: View, lit: float) -> Layer:
    """The fields at full size, cut to where they cover anything."""
    import cv2

    inside = fields.outside < 2.0 * cell
    if not inside.any():
        empty = np.zeros((0, 0), np.float32)
        return Layer(empty, np.zeros((0, 0, 3), np.float32), empty, empty, 0, 0, lit)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    stack = np.dstack([field[box] for field in fields.arrays()])
    left, right = columns[0], fields.outside.shape[1] - 1 - columns[-1]
    if view.faces_left:
        stack = np.ascontiguousarray(stack[:, ::-1])
        left = right
    full = cv2.resize(stack, None, fx=cell, fy=cell, interpolation=cv2.INTER_LINEAR)
    nearby = np.minimum(stack[..., 0], 4 * cell)
    outside = cv2.resize(nearby, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
    outside += HAIR * view.scale * _fringe(outside.shape)
    lean_x, lean_y = full[..., 2], full[..., 3]
    if view.faces_left:
        lean_x = -lean_x
    # beyond the outline of its limb a direction would be longer than one
    length = np.maximum(np.hypot(lean_x, lean_y), 1)
    lean_x, lean_y = lean_x / length, lean_y / length
    towards = np.sqrt(np.maximum(1 - lean_x**2 - lean_y**2, 0))
    return Layer(
        np.clip(0.5 - outside, 0, 1),
        np.dstack([lean_x, lean_y, towards]),
        np.ascontiguousarray(full[..., 4]),
        np.ascontiguousarray(full[..., 5]),
        int(left * cell),
        int(rows[0] * cell),
        lit,
    )


@lru_cache(maxsize=1)
def _hair() -> np.ndarray:
    return clouds(stream(), (1024, 1024), 1.5, octaves=2)


def _fringe(shape: tuple[int, ...]) -> np.ndarray:
    """Hair along an outline, the same for every animal."""
    tile = _hair()
    repeats = (-(-shape[0] // tile.shape[0]), -(-shape[1] // tile.shape[1]))
    return np.tile(tile, repeats)[: shape[0], : shape[1]]

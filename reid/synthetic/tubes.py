"""Tubes seen from the side: how far each place lies from a limb's outline, where it is on the limb, and where that is
on the coat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Fields", "Seen", "join", "look"]

OUTSIDE = np.float32(1e3)


@dataclass(frozen=True)
class Seen:
    """A tube as the camera sees it, the animal facing right.

    Attributes:
        points: Its middle line in pixels, `y` up, (n, 2).
        radii: Pixels, (n,).
        near: How much nearer than the animal's middle each point is, pixels, (n,).
        rest: The middle line on the coat's plane, (n, 2).
        rest_radii: In the plane's units, (n,).
        turn: Tangent of the angle by which the animal is turned out of the picture's plane.
    """

    points: np.ndarray
    radii: np.ndarray
    near: np.ndarray
    rest: np.ndarray
    rest_radii: np.ndarray
    turn: float


@dataclass
class Fields:
    """What is known at each place of a grid; all float32 (rows, columns).

    Attributes:
        outside: Distance to the outline in pixels, negative inside.
        height: How near the surface is, pixels.
        lean_x, lean_y: The part of the surface's direction that lies in the picture, right and up.
        u, v: The place on the coat's plane.
    """

    outside: np.ndarray
    height: np.ndarray
    lean_x: np.ndarray
    lean_y: np.ndarray
    u: np.ndarray
    v: np.ndarray

    def arrays(self) -> list[np.ndarray]:
        return [self.outside, self.height, self.lean_x, self.lean_y, self.u, self.v]


def look(tube: Seen, x: np.ndarray, y: np.ndarray, margin: float) -> Fields:
    """Fields of one tube on a grid.

    Args:
        tube: What is looked at.
        x: Columns, pixels, rising.
        y: Rows, pixels, falling.
        margin: How far beyond the outline the fields must hold, pixels; farther away `outside` is large.
    """
    shape = (len(y), len(x))
    whole = [np.full(shape, fill, np.float32) for fill in (OUTSIDE, -OUTSIDE, 0, 0, 0, 0)]
    reach = tube.radii.max() + margin
    columns = np.flatnonzero((x > tube.points[:, 0].min() - reach) & (x < tube.points[:, 0].max() + reach))
    rows = np.flatnonzero((y > tube.points[:, 1].min() - reach) & (y < tube.points[:, 1].max() + reach))
    if len(columns) and len(rows):
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        gx, gy = np.meshgrid(x[box[1]], y[box[0]])
        for field, values in zip(whole, _near(tube, gx.ravel(), gy.ravel()), strict=True):
            field[box] = values.reshape(gx.shape)
    return Fields(*whole)


def _near(tube: Seen, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    a, ra = tube.points[:-1].astype(np.float32), tube.radii.astype(np.float32)
    way = np.diff(tube.points, axis=0).astype(np.float32)
    square = np.maximum((way**2).sum(axis=1), 1e-6)
    dx, dy = x[:, None] - a[:, 0], y[:, None] - a[:, 1]
    share = np.clip((dx * way[:, 0] + dy * way[:, 1]) / square, 0, 1)
    ox, oy = dx - share * way[:, 0], dy - share * way[:, 1]
    radius = ra[:-1] + share * np.diff(ra)
    distance = np.sqrt(ox * ox + oy * oy)
    best = np.argmin(distance - radius, axis=1)
    pick = (np.arange(len(x)), best)
    share, ox, oy, radius, distance = share[pick], ox[pick], oy[pick], radius[pick], distance[pick]
    part = best + share
    t = distance / radius
    bulge = np.sqrt(np.maximum(1 - t * t, 0))
    near = np.interp(part, np.arange(len(ra)), tube.near)
    # beyond the outline the height falls steeply, so that no limb wins where it is not
    height = near + radius * np.where(t < 1, bulge, -4 * (t - 1))
    u, v = _unrolled(tube, part, ox / radius, oy / radius, t, bulge)
    values = (distance - radius, height, ox / radius, oy / radius, u, v)
    return [np.asarray(value, np.float32) for value in values]


def _unrolled(
    tube: Seen, part: np.ndarray, side_x: np.ndarray, side_y: np.ndarray, t: np.ndarray, bulge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places on the coat: skin that turns away towards the outline is unrolled, and a limb that moved is moved back."""
    index = np.arange(len(tube.radii))
    tangent, rest_tangent = _tangents(tube.points), _tangents(tube.rest)
    cx, cy = np.interp(part, index, tube.rest[:, 0]), np.interp(part, index, tube.rest[:, 1])
    tx, ty = np.interp(part, index, tangent[:, 0]), np.interp(part, index, tangent[:, 1])
    rx, ry = np.interp(part, index, rest_tangent[:, 0]), np.interp(part, index, rest_tangent[:, 1])
    radius = np.interp(part, index, tube.rest_radii)
    inner = np.minimum(t, 1)
    stretch = np.where(inner > 1e-3, np.arcsin(inner) / np.maximum(inner, 1e-3), 1) + np.maximum(t - 1, 0)
    along, across = side_x * tx + side_y * ty, side_y * tx - side_x * ty
    u = cx + radius * (stretch * (along * rx - across * ry) - bulge * tube.turn)
    v = cy + radius * stretch * (along * ry + across * rx)
    return u, v


def _tangents(points: np.ndarray) -> np.ndarray:
    way = np.gradient(points, axis=0)
    return way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)


def join(parts: list[Fields], soft: float) -> Fields:
    """Limbs as one body, without seams.

    Args:
        parts: Fields on one grid.
        soft: How wide the seams are smoothed, pixels.
    """
    outside = np.stack([part.outside for part in parts])
    least = outside.min(axis=0)
    joined = least - soft * np.log(np.exp(-np.minimum((outside - least) / soft, 30)).sum(axis=0))
    height = np.stack([part.height for part in parts])
    weight = np.exp(np.maximum((height - height.max(axis=0)) / (1.2 * soft), -30))
    weight /= weight.sum(axis=0)
    blended = [(weight * np.stack(fields)).sum(axis=0) for fields in zip(*(p.arrays()[1:] for p in parts), strict=True)]
    return Fields(np.asarray(joined, np.float32), *blended)

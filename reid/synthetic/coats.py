"""Coats: the pattern of one side of one animal, grown and painted.

Rosettes grow in two stages, as a leopard's are thought to: large spots first, then small ones that are fed on the rims
of the large. Head, legs and belly bear plain spots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.synthetic import plane
from reid.synthetic.growth import grow
from reid.synthetic.noise import clouds, smoothstep
from reid.synthetic.skeleton import REST

__all__ = ["PATTERNS", "Coat", "Style", "draw_style", "grow_coat"]

PATTERNS = ("rosettes", "spots", "stripes")

GROUNDS = {
    "rosettes": ((0.56, 0.37, 0.17), (0.66, 0.50, 0.29), (0.60, 0.55, 0.44)),
    "spots": ((0.64, 0.46, 0.23), (0.60, 0.42, 0.22), (0.66, 0.53, 0.35)),
    "stripes": ((0.68, 0.34, 0.09), (0.62, 0.38, 0.15), (0.70, 0.44, 0.18)),
}
"""Colours of the fur between the marks, red, green and blue, as shares of the light that it throws back."""


@dataclass(frozen=True)
class Style:
    """What both sides of an animal have in common."""

    pattern: str
    size: float
    """Distance of neighbouring marks against the usual, about 0.85 to 1.2."""
    boldness: float
    """More makes larger marks, about -1 to 1."""
    ground: tuple[float, float, float]
    pale: float
    """How far up the sides the belly's white reaches, about 0 to 1."""


@dataclass(frozen=True)
class Coat:
    """One painted side, on the plane of `reid.synthetic.plane`.

    Attributes:
        skin: float32 (rows, columns, 4): red, green and blue of the fur between the marks, as shares of the light
            that it throws back, and 1 where a mark is, 0 where not.
    """

    skin: np.ndarray


def draw_style(pattern: str, rng: np.random.Generator) -> Style:
    """A style by chance, within what one kind of animal shows."""
    grounds = np.array(GROUNDS[pattern])
    mix = rng.dirichlet(np.ones(len(grounds)))
    ground = (mix @ grounds) * rng.uniform(0.88, 1.1)
    return Style(
        pattern,
        float(rng.uniform(0.88, 1.15)),
        float(rng.uniform(-1, 1)),
        (float(ground[0]), float(ground[1]), float(ground[2])),
        float(rng.uniform(0, 1)),
    )


def grow_coat(style: Style, rng: np.random.Generator) -> Coat:
    """Grow the pattern of one side and paint it.

    Args:
        style: Of the animal.
        rng: Decides where the marks lie; the other side takes other numbers.
    """
    import cv2

    if style.pattern == "stripes":
        field, inner = _stripes(style, rng), None
    else:
        field, inner = _spots(style, rng)
    shape = (round(plane.SHAPE[0] * plane.FINE), round(plane.SHAPE[1] * plane.FINE))
    size = shape[::-1]
    fine = cv2.resize(field, size, interpolation=cv2.INTER_CUBIC)
    hair = clouds(rng, shape, (1.0, 2.5))
    # hair makes the rims uneven
    edge = fine + 0.07 * hair + 0.06 * clouds(rng, shape, 4.0)
    marks = smoothstep(-0.13, 0.13, edge - 0.16 + 0.08 * style.boldness)
    colour = _ground(style, shape, rng)
    if inner is not None:
        inside = cv2.resize(inner, size, interpolation=cv2.INTER_CUBIC)[..., None]
        colour *= 1 - inside * np.array([0.16, 0.24, 0.34], np.float32)
    colour *= 1 + 0.05 * hair[..., None]
    marks = np.maximum(marks, _points(shape, edge - fine, rng))
    return Coat(np.dstack([np.clip(colour, 0.01, 1), marks]).astype(np.float32))


def _points(shape: tuple[int, int], rough: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What is dark on every cat: rings and the tip of the tail, the nose, the backs of the ears."""
    x, y = plane.centres(shape)
    down = -(x + 0.6) * np.float32(np.cos(REST.tail)) - (y - 0.8) * np.float32(np.sin(REST.tail)) + 0.1 * rough
    rings = smoothstep(-0.1, 0.35, np.sin(down * rng.uniform(62, 78) + rng.uniform(0, 6.3)) - 0.1)
    tail = np.maximum(rings * smoothstep(0.4, 0.5, down), smoothstep(0.77, 0.80, down)) * (x < -0.68)
    nose = smoothstep(0.985, 1.0, x) * (np.abs(y - 0.905) < 0.05)
    ear = 1 - smoothstep(0.8, 1.1, np.hypot((x - 0.66) / 0.030, (y - 1.085) / 0.028))
    mouth = (1 - smoothstep(0.004, 0.008, np.abs(y - 0.862 + 0.25 * (x - 0.93) ** 2))) * (x > 0.87) * (x < 1.0)
    return np.maximum.reduce([tail, 0.9 * nose, 0.8 * ear, 0.8 * mouth])


def _start(rng: np.random.Generator) -> np.ndarray:
    return 0.3 * rng.standard_normal(plane.SHAPE, dtype=np.float32)


def _spots(style: Style, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The field of the marks, and how much of a rosette's darker middle there is."""
    cell = plane.CELL
    uneven = clouds(rng, plane.SHAPE, 9)
    if style.pattern == "spots":
        spots = grow(0.088 * style.size / cell, _start(rng), -0.3 + 0.1 * uneven, 0.6, (0.92, 1.12))
        return spots, np.zeros_like(spots)
    large = grow(0.118 * style.size / cell, _start(rng), -0.28 + 0.1 * uneven, 0.7, (0.95, 1.08), strength=0.45)
    low, high = np.percentile(large, (2, 98))
    large = (large - low) / (high - low)
    rim = np.exp(-(((large - 0.42) / 0.22) ** 2))
    flank = _flank()
    broken = clouds(rng, plane.SHAPE, 4)
    rosettes = -0.72 + (0.72 + 0.3 * broken) * rim
    plain = -0.3 + 0.12 * uneven
    small = grow(0.046 * style.size / cell, _start(rng), flank * rosettes + (1 - flank) * plain, 0.75)
    return small, smoothstep(0.45, 0.75, large) * flank


def _stripes(style: Style, rng: np.random.Generator) -> np.ndarray:
    """Across the body, and around the legs."""
    wavelength = 0.1 * style.size / plane.CELL
    uneven = -0.05 + 0.06 * clouds(rng, plane.SHAPE, 14)
    body = grow(wavelength, _start(rng), uneven, 0.25, (1.3, 1), 0.3)
    legs = grow(wavelength * 0.8, _start(rng), uneven, 0.25, (1, 1.2), -0.3)
    _, y = plane.centres(plane.SHAPE)
    share = smoothstep(0.42, 0.56, y)
    return np.asarray(share * body + (1 - share) * legs, np.float32)


def _flank() -> np.ndarray:
    """1 where rosettes grow, 0 on head, legs and tail."""
    x, y = plane.centres(plane.SHAPE)
    along = smoothstep(-0.82, -0.62, x) * (1 - smoothstep(0.42, 0.62, x))
    return (along * smoothstep(0.48, 0.62, y)).astype(np.float32)


def _ground(style: Style, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The fur between the marks: darker along the back, white below and down the inside of the legs."""
    x, y = plane.centres(shape)
    ground = np.array(style.ground, np.float32)
    white = np.array([0.80, 0.77, 0.70], np.float32)
    belly = 1 - smoothstep(0.44, 0.60 + 0.1 * style.pale, y + 0.03 * clouds(rng, shape, 30))
    between = smoothstep(-0.34, -0.14, x) * (1 - smoothstep(0.12, 0.30, x))
    legs = 0.55 * (1 - smoothstep(0.15, 0.62, y))
    throat = smoothstep(0.45, 0.6, x) * (1 - smoothstep(0.72, 0.88, y + 0.15 * (x < 0.5)))
    light = np.clip(np.maximum.reduce([belly * between, legs * np.ones_like(x), throat]), 0, 1)[..., None]
    back = smoothstep(0.80, 1.05, y)[..., None]
    colour = ground * (1 - 0.28 * back) * (1 + 0.05 * clouds(rng, shape, 40)[..., None])
    return (colour * (1 - 0.85 * light) + white * 0.85 * light).astype(np.float32)

"""Light: the day's, a flash, or infrared; on the animal's fur and on the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.synthetic.noise import clouds, smoothstep

__all__ = ["LIGHTS", "Light", "draw_light", "on_fur", "on_scene"]

LIGHTS = ("day", "flash", "infrared")
NEAREST = 2.2
"""How much brighter than the animal anything near the lamp can be."""
SKY = 1e3
"""Distance from which on it is the sky that is seen, in shoulder heights."""
MARKS = {"day": (0.035, 0.027, 0.020), "flash": (0.035, 0.027, 0.020), "infrared": (0.17, 0.17, 0.17)}
"""How much light the dark marks throw back; infrared shows them paler."""

SQUARES = np.square(np.arange(256, dtype=np.float32) / 255)


@dataclass(frozen=True)
class Light:
    """What lights one photo.

    Attributes:
        kind: One of `LIGHTS`.
        sun: Direction to the sun or the lamp: right, up, towards the camera.
        bright: Colour of what comes from there.
        sky: Colour of what comes from everywhere.
        patches: How much of the sun reaches each pixel through leaves, float32 (rows, columns); ones without leaves.
        reach: Distance at which a flash lights well, in shoulder heights.
        gain: Brightness of the finished picture.
    """

    kind: str
    sun: tuple[float, float, float]
    bright: tuple[float, float, float]
    sky: tuple[float, float, float]
    patches: np.ndarray
    reach: float
    gain: float

    @property
    def is_lamp(self) -> bool:
        return self.kind != "day"


def draw_light(kind: str, shape: tuple[int, int], distance: float, shade: float, rng: np.random.Generator) -> Light:
    """A light by chance.

    Args:
        kind: One of `LIGHTS`.
        shape: Rows and columns of the picture.
        distance: Of the animal, in shoulder heights; the camera exposes for it.
        shade: How thick the leaves above are, 0 to 1.
        rng: Where the numbers come from.
    """
    rows, columns = shape
    if kind == "day":
        azimuth, height = rng.uniform(-2.2, 2.2), rng.uniform(0.4, 1.2)
        sun = (np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height))
        warm = rng.uniform(0, 1)
        strength = rng.uniform(0.2, 1.1) if rng.random() < 0.6 else rng.uniform(0, 0.2)
        bright = strength * np.array([1.05 + 0.15 * warm, 1.0, 0.92 - 0.25 * warm])
        sky = np.array([0.50, 0.56, 0.60]) * rng.uniform(0.8, 1.1) * (1 - 0.2 * shade) + np.array([0, 0.02, 0]) * shade
        field = clouds(rng, shape, columns / rng.uniform(9, 22), octaves=2)
        patches = smoothstep(shade - 0.75, shade - 0.15, field) if shade > 0.1 else np.ones(shape, np.float32)
        gain = rng.uniform(1.0, 1.45) / (0.60 + 0.5 * strength)
        return Light(kind, _three(sun), _three(bright), _three(sky), patches, 1.0, float(gain))
    across = (np.arange(columns, dtype=np.float32) / columns - 0.5 + rng.uniform(-0.08, 0.08))[None, :]
    down = (np.arange(rows, dtype=np.float32) / rows - 0.5 + rng.uniform(-0.08, 0.08))[:, None] * (rows / columns)
    spread = rng.uniform(0.38, 0.6) if kind == "flash" else rng.uniform(0.3, 0.5)
    patches = np.exp(-(across**2 + down**2) / (2 * spread**2)).astype(np.float32)
    lamp = (rng.uniform(-0.12, 0.12), rng.uniform(0.0, 0.25), 1.0)
    colour = np.array([1.06, 1.0, 0.93]) if kind == "flash" else np.ones(3)
    dim = np.array([0.006, 0.008, 0.012]) * rng.uniform(0.3, 1.5)
    gain = rng.uniform(0.85, 1.55) * (1.0 if kind == "flash" else 0.85)
    return Light(
        kind, _three(lamp), _three(colour), _three(dim), patches, float(distance * rng.uniform(0.95, 1.15)), float(gain)
    )


def _three(values: np.ndarray | tuple[float, ...]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def on_fur(
    skin: np.ndarray, normal: np.ndarray, light: Light, patches: np.ndarray, distance: float, lit: float
) -> np.ndarray:
    """What the camera gets from fur, float32 (rows, columns, 3).

    Args:
        skin: Of the coat, as seen: float32 (rows, columns, 4).
        normal: Of the surface, float32 (rows, columns, 3).
        light: What lights it.
        patches: The part of `light.patches` at these pixels.
        distance: Of the animal, in shoulder heights.
        lit: How much light reaches these limbs, 0 to 1.
    """
    fur = skin[..., :3]
    marks = skin[..., 3:]
    if light.kind == "infrared":
        fur = 0.25 + 0.6 * (fur @ np.array([0.5, 0.35, 0.15], np.float32))[..., None]
    fur = fur * (1 - marks) + np.array(MARKS[light.kind], np.float32) * marks
    direction = np.array(light.sun, np.float32)
    direction /= np.linalg.norm(direction)
    facing = normal @ direction
    bright, sky = np.array(light.bright, np.float32), np.array(light.sky, np.float32)
    if light.is_lamp:
        fall = np.float32((light.reach / distance) ** 2)
        # fur throws light back towards the lamp, so its edges stay brighter than a smooth ball's
        power = fall * patches * (0.22 + 0.78 * np.maximum(facing, 0) ** 0.8)
        return fur * ((power * lit)[..., None] * bright + sky)
    # light wraps a little around fur; the ground lights bellies from below
    direct = np.maximum((facing + 0.25) / 1.25, 0) * patches * (1.0 if lit == 1 else 0.35)
    around = (0.72 + 0.28 * normal[..., 1]) * (0.82 + 0.18 * normal[..., 2]) * lit
    return fur * (direct[..., None] * bright + around[..., None] * sky)


def on_scene(colour: np.ndarray, depth: np.ndarray, light: Light) -> np.ndarray:
    """What the camera gets from a scene, float32 (rows, columns, 3).

    Args:
        colour: Square roots of the shares of light thrown back, uint8 (rows, columns, 3), 255 for all of it.
        depth: Distances in shoulder heights, float32 (rows, columns).
        light: What lights it.
    """
    import cv2

    colour = cv2.LUT(colour, SQUARES)
    bright, sky = np.array(light.bright, np.float32), np.array(light.sky, np.float32)
    if light.kind == "infrared":
        # leaves are bright in infrared
        colour = (0.12 + 0.75 * (colour @ np.array([0.2, 0.7, 0.1], np.float32)))[..., None]
    power = light.patches
    if light.is_lamp:
        power = power * np.minimum((light.reach / depth) ** 2, NEAREST)
    else:
        # leaves shade nothing of the sky
        power = np.where(depth < SKY, 0.75 * power, 0.8)
    return np.asarray(colour * (power[..., None] * bright + sky), np.float32)

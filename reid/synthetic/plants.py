"""Ground, plants, stones and trunks, drawn from noise."""

from __future__ import annotations

import numpy as np

from reid.synthetic.light import SKY
from reid.synthetic.noise import clouds, smoothstep

__all__ = ["FAR", "KINDS", "draw_grass", "draw_place", "draw_trunk"]

FAR = 14.0
"""Distance of what closes the view, in shoulder heights."""

KINDS: dict[str, dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]]] = {
    "forest": {
        "ground": ((0.13, 0.085, 0.045), (0.36, 0.25, 0.14)),
        "plants": ((0.025, 0.055, 0.018), (0.14, 0.22, 0.07)),
        "wood": ((0.08, 0.06, 0.045), (0.22, 0.18, 0.14)),
    },
    "savanna": {
        "ground": ((0.30, 0.21, 0.11), (0.50, 0.40, 0.24)),
        "plants": ((0.20, 0.17, 0.06), (0.50, 0.43, 0.21)),
        "wood": ((0.12, 0.10, 0.08), (0.25, 0.21, 0.17)),
    },
    "rocks": {
        "ground": ((0.22, 0.175, 0.13), (0.46, 0.39, 0.31)),
        "plants": ((0.09, 0.10, 0.055), (0.36, 0.36, 0.23)),
        "wood": ((0.14, 0.13, 0.11), (0.30, 0.27, 0.24)),
    },
}
"""Darkest and lightest colours, as shares of the light thrown back."""


def draw_place(
    depth: np.ndarray, kind: str, focal: float, horizon: float, height: float, rng: np.random.Generator
) -> np.ndarray:
    """A place without an animal.

    Args:
        depth: Distance of level ground at each pixel, in shoulder heights; what stands on it is entered here.
        kind: One of `KINDS`.
        focal: Focal length, pixels.
        horizon: Row of the horizon, pixels.
        height: Of the camera, in shoulder heights.
        rng: Where the numbers come from.

    Returns:
        Shares of the light thrown back, float32 (rows, columns, 3).
    """
    colour = _ground(depth, kind, focal, horizon, rng)
    if kind == "savanna":
        _sky(colour, depth, horizon, rng)
    _plants(colour, depth, horizon, kind, rng)
    _trees(colour, depth, horizon, kind, focal, height, rng)
    return colour


def _between(kind: str, part: str, share: np.ndarray) -> np.ndarray:
    low, high = (np.array(colour, np.float32) for colour in KINDS[kind][part])
    return low + np.asarray(share, np.float32)[..., None] * (high - low)


def _ground(depth: np.ndarray, kind: str, focal: float, horizon: float, rng: np.random.Generator) -> np.ndarray:
    """Soil with leaves or stones, smaller farther away."""
    import cv2

    rows, columns = shape = depth.shape
    soil = 0.42 + 0.15 * clouds(rng, shape, (columns / 30, columns / 8), octaves=4)
    colour = _between(kind, "ground", np.clip(soil, 0, 1))
    count = {"forest": 1500, "savanna": 260, "rocks": 330}[kind]
    y = horizon + (rows - horizon) * rng.random(count) ** 0.8
    shades = _between(kind, "ground", np.clip(rng.normal(0.45, 0.3 if kind == "forest" else 0.16, count), 0, 1.1))
    for n in np.argsort(y):
        pixels = focal / depth[min(int(y[n]), rows - 1), 0]
        size = pixels * (rng.uniform(0.02, 0.06) if kind == "forest" else min(rng.lognormal(-4.2, 0.7), 0.16))
        middle = (int(rng.integers(0, columns)), int(y[n]))
        flat = rng.uniform(0.2, 0.55) if kind == "forest" else rng.uniform(0.45, 0.8)
        axes = (max(int(size), 1), max(int(size * flat), 1))
        tilt = float(rng.uniform(-50, 50)) * (1 if kind == "forest" else 0.4)
        if kind != "forest" and size > 2:
            below = (middle[0], middle[1] + 1 + axes[1] // 3)
            cv2.ellipse(colour, below, axes, tilt, 0, 360, (shades[n] * 0.45).tolist(), -1, cv2.LINE_AA)
        cv2.ellipse(colour, middle, axes, tilt, 0, 360, shades[n].tolist(), -1, cv2.LINE_AA)
    colour *= 1 + 0.12 * clouds(rng, shape, (1.2, 2.0), octaves=2)[..., None]
    if kind == "savanna":
        _straw(colour, depth, focal, horizon, rng)
    return colour


def _straw(colour: np.ndarray, depth: np.ndarray, focal: float, horizon: float, rng: np.random.Generator) -> None:
    """Short dry grass on the ground, in tufts."""
    import cv2

    rows, columns = depth.shape
    for y in np.sort(horizon + (rows - horizon) * rng.random(90) ** 0.9):
        pixels = focal / depth[min(int(y), rows - 1), 0]
        x = rng.uniform(0, columns)
        for _ in range(int(rng.integers(8, 22))):
            foot = np.array([x + pixels * 0.10 * rng.normal(), y + pixels * 0.02 * rng.normal()])
            tip = foot + pixels * np.array([rng.normal(0, 0.05), -rng.uniform(0.04, 0.16)])
            shade = _between("savanna", "plants", np.array(rng.uniform(0.2, 1.1)))
            ends = [tuple(np.round(end * 16).astype(int).tolist()) for end in (foot, tip)]
            cv2.line(colour, ends[0], ends[1], shade.tolist(), 1 + int(pixels > 180), cv2.LINE_AA, 4)


def _sky(colour: np.ndarray, depth: np.ndarray, horizon: float, rng: np.random.Generator) -> None:
    rows = int(horizon) + 1
    haze = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
    blue = np.array([0.45, 0.58, 0.78], np.float32) * (1 - haze) + np.array([0.75, 0.77, 0.75], np.float32) * haze
    colour[:rows] = blue * rng.uniform(0.8, 1.1)
    depth[:rows] = 2 * SKY


def _plants(colour: np.ndarray, depth: np.ndarray, horizon: float, kind: str, rng: np.random.Generator) -> None:
    """What closes the view: leaves of a forest, bushes and grass, a slope of rocks; nearer rows before farther ones."""
    rows, columns = depth.shape
    row = np.arange(rows, dtype=np.float32)[:, None]
    for far, lift in ((FAR, 1.0), (9.0, 0.62), (6.5, 0.3)):
        foot = horizon + (rows - horizon) * {FAR: 0.06, 9.0: 0.12, 6.5: 0.2}[far]
        tall = {"forest": 1.6, "savanna": 0.40, "rocks": 0.9}[kind] * lift * horizon
        hills = 1 + 0.4 * np.tanh(clouds(rng, (1, columns), (1, columns / 5)))
        hills = hills + 0.09 * clouds(rng, (1, columns), (1, columns / 25), octaves=4)
        edge = foot - tall * hills
        base = np.maximum(foot + 0.02 * rows * clouds(rng, (1, columns), (1, columns / 30), octaves=3), horizon + 3)
        leaf = max(columns / 90 * (FAR / far) ** 0.7, 2)
        grain = (leaf * 1.5, leaf * 0.5) if kind == "savanna" else (leaf, leaf * 1.2)
        texture = clouds(rng, depth.shape, grain, octaves=3)
        open_leaves = smoothstep(-0.55, -0.25, texture + 0.5 * clouds(rng, depth.shape, leaf * 5)) if far < FAR else 1
        alpha = smoothstep(-2, 2, row - edge) * (1 - smoothstep(-2, 3, row - base)) * open_leaves
        low = clouds(rng, depth.shape, columns / 7)
        share = np.clip(0.38 + 0.26 * texture + 0.12 * low - 0.12 * (far < FAR), 0, 1)
        shade = 0.6 + 0.4 * (base - row) / max(tall, 1)
        painted = _between(kind, "plants", share) * np.clip(shade, 0.35, 1)[..., None]
        colour *= 1 - alpha[..., None]
        colour += painted * alpha[..., None]
        depth[alpha > 0.5] = far


def _trees(
    colour: np.ndarray,
    depth: np.ndarray,
    horizon: float,
    kind: str,
    focal: float,
    height: float,
    rng: np.random.Generator,
) -> None:
    """Trunks behind the animal."""
    columns = depth.shape[1]
    for far in np.sort(rng.uniform(5.5, 13, {"forest": 9, "savanna": 2, "rocks": 0}[kind]))[::-1]:
        foot = horizon + focal * height / far
        alpha, bark = _stem(depth.shape, rng.uniform(0, columns), focal / far * rng.uniform(0.07, 0.3), foot, rng)
        painted = _between(kind, "wood", bark)
        colour *= 1 - alpha[..., None]
        colour += painted * alpha[..., None]
        depth[alpha > 0.5] = far


def _stem(
    shape: tuple[int, int], column: float, width: float, foot: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """How much a trunk covers, and how light its bark is, 0 to 1."""
    rows, columns = shape
    row, across = np.arange(rows, dtype=np.float32)[:, None], np.arange(columns, dtype=np.float32)[None, :]
    bend = width * 0.5 * clouds(rng, (rows, 1), (rows / 2.5, 1)) + rng.uniform(-0.1, 0.1) * (row - foot)
    wide = width * (
        1 + 0.12 * clouds(rng, (rows, 1), (rows / 6, 1)) + 1.2 * np.exp((row - foot) / (0.03 * rows + 1)) * 0.3
    )
    t = (across - column - bend) / (wide / 2)
    alpha = np.clip((1 - np.abs(t)) * wide / 4 + 0.5, 0, 1) * (1 - smoothstep(-2, 2, row - foot))
    bark = 0.55 - 0.28 * t + 0.16 * clouds(rng, shape, (width / 1.2 + 2, width / 7 + 1), octaves=2)
    return alpha.astype(np.float32), np.clip(bark, 0, 1)


def draw_grass(shape: tuple[int, int], kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tufts of grass in front, low enough to leave most of the animal to be seen."""
    import cv2

    rows, columns = shape
    colour, alpha = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.uint8)
    lights = {"forest": (0.3, 0.8), "savanna": (0.15, 0.8), "rocks": (0.15, 0.6)}[kind]
    for _ in range(int(rng.integers(2, 6))):
        middle, spread = rng.uniform(0, columns), rng.uniform(0.03, 0.12) * columns
        foot, tall = rng.uniform(0.82, 1.05) * rows, rng.uniform(0.14, 0.4) * rows
        for _ in range(int(rng.integers(12, 40))):
            x = middle + spread * rng.normal()
            length, lean = tall * rng.uniform(0.5, 1.1), rng.normal(0, 0.35)
            t = np.linspace(0, 1, 7)
            spine = np.column_stack([x + lean * length * t**2, foot - length * t * (1 - 0.15 * abs(lean) * t)])
            half = np.column_stack([columns * rng.uniform(0.0022, 0.005) * (1 - t), np.zeros(7)])
            blade = np.round(np.vstack([spine - half, (spine + half)[::-1]]) * 16).astype(np.int32)
            shade = _between(kind if kind != "rocks" else "savanna", "plants", np.array(rng.uniform(*lights)))
            cv2.fillPoly(colour, [blade], np.clip(shade, 0.01, 1).tolist(), cv2.LINE_8, 4)
            cv2.fillPoly(alpha, [blade], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(alpha, (0, 0), columns / 600).astype(np.float32) / 255
    # colours reach beyond the blades' edges, so that soft edges are not dark
    return cv2.dilate(colour, np.ones((5, 5), np.uint8)), soft


def draw_trunk(shape: tuple[int, int], kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A trunk or a pole in front."""
    rows, columns = shape
    column, width = rng.uniform(0.2, 0.8) * columns, rng.uniform(0.025, 0.08) * columns
    alpha, bark = _stem(shape, column, width, rows * 1.2, rng)
    return _between(kind, "wood", bark), alpha

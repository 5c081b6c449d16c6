"""Training pictures for the detector: photos cut and scaled, four in one, animals from elsewhere put in, and a camera's light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reid.detect.coco import BoxPhoto
from reid.errors import ConfigError
from reid.photos import read_photo

__all__ = ["Picture", "SceneSettings", "Scenes"]

GREY = 114
"""What stands beside a photo that does not fill the input, there and here."""
LEAST_SEEN = 0.25
"""An animal of which less than this share is left in the picture is no longer asked for."""
LEAST_SIDE = 6.0
KEPT = 640
"""Longest side, pixels, at which photos are kept in memory."""


@dataclass(frozen=True)
class SceneSettings:
    """How training pictures are made. Shares run from 0 (never) to 1 (always).

    Attributes:
        mosaic: Share made of four photos (Bochkovskiy et al. 2020, arXiv:2004.10934); in the last part of the training none.
        plain: That last part, as a share of the epochs.
        small: Smallest scale of a photo, as a share of filling the picture.
        large: Largest.
        paste: Share of the pictures that get one or two animals cut out of other photos (Ghiasi et al. 2021,
            arXiv:2012.07177), where outlines are given.
        colour: Share whose brightness, contrast, saturation and hue change, each by up to 30 %.
        infrared: Share made grey, as by infrared light.
        flash: Share lit from the camera at night.
        blur: Share blurred, out of focus or by motion.
        coarse: Share reduced to fewer pixels and enlarged again.
        noise: Share with a sensor's noise.
        strip: Share with a camera's strip of writing.
    """

    mosaic: float = 0.5
    plain: float = 0.15
    small: float = 0.5
    large: float = 1.6
    paste: float = 0.3
    colour: float = 0.6
    infrared: float = 0.25
    flash: float = 0.15
    blur: float = 0.15
    coarse: float = 0.1
    noise: float = 0.15
    strip: float = 0.15

    def __post_init__(self) -> None:
        for name in ("mosaic", "plain", "paste", "colour", "infrared", "flash", "blur", "coarse", "noise", "strip"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"scene.{name}={getattr(self, name)} must lie between 0 and 1.")
        if not 0.1 <= self.small <= self.large <= 4:
            raise ConfigError(
                f"scene.small={self.small} and scene.large={self.large} must rise and lie between 0.1 and 4."
            )


@dataclass
class Picture:
    """A picture and what is on it: uint8 (rows, columns, 3), boxes (n, 4) x1, y1, x2, y2, categories (n,)."""

    pixels: np.ndarray
    boxes: np.ndarray
    categories: np.ndarray


class Scenes:
    """Makes training pictures; the same photo, seed and side give the same picture.

    Args:
        photos: What is trained on.
        cutouts: Photos whose boxes with outlines are pasted into others.
        settings: How.
        memory: Bytes of decoded photos that are kept.
    """

    def __init__(
        self, photos: Sequence[BoxPhoto], cutouts: Sequence[BoxPhoto], settings: SceneSettings, memory: int = 1 << 30
    ) -> None:
        self.photos, self.settings, self.memory = list(photos), settings, memory
        self.cutouts = [(photo, i) for photo in cutouts for i, lines in enumerate(photo.outlines) if lines]
        self.kept: dict[str, np.ndarray] = {}
        self.bytes = 0
        self.light: Any = None

    def __call__(self, number: int, seed: int, side: int, mosaic: bool = True) -> Picture:
        """The picture of a photo, `side` pixels square."""
        rng = np.random.default_rng([seed, number])
        if mosaic and rng.random() < self.settings.mosaic:
            others = [number, *(int(n) for n in rng.integers(0, len(self.photos), 3))]
            picture = self._four([self._photo(n, rng) for n in others], side, rng)
        else:
            picture = self._one(self._photo(number, rng), side, rng)
        if self.cutouts and rng.random() < self.settings.paste:
            for _ in range(int(rng.integers(1, 3))):
                self._paste(picture, rng)
        if rng.random() < self.settings.strip:
            _strip(picture.pixels, rng)
        if self.light is None:
            self.light = _light(self.settings)
        self.light.set_random_seed(int(rng.integers(1 << 31)))
        picture.pixels = self.light(image=picture.pixels)["image"]
        return picture

    def _pixels(self, photo: BoxPhoto) -> np.ndarray:
        import cv2

        key = str(photo.path)
        if key not in self.kept:
            pixels = read_photo(photo.path, longest=KEPT)
            scale = KEPT / max(pixels.shape[:2])
            if scale < 1:
                size = [max(round(n * scale), 1) for n in pixels.shape[1::-1]]
                pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            if self.bytes + pixels.nbytes > self.memory:
                return pixels
            self.kept[key], self.bytes = pixels, self.bytes + pixels.nbytes
        return self.kept[key]

    def _photo(self, number: int, rng: np.random.Generator) -> Picture:
        photo = self.photos[number]
        pixels = self._pixels(photo)
        boxes = photo.boxes * np.tile((pixels.shape[1] / photo.size[0], pixels.shape[0] / photo.size[1]), 2)
        boxes = np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1)
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
            boxes[:, [0, 2]] = pixels.shape[1] - boxes[:, [2, 0]]
        return Picture(pixels, boxes, photo.categories)

    def _scale(self, rng: np.random.Generator) -> float:
        return float(np.exp(rng.uniform(np.log(self.settings.small), np.log(self.settings.large))))

    def _one(self, picture: Picture, side: int, rng: np.random.Generator) -> Picture:
        """One photo, larger or smaller than the picture, somewhere in it."""
        canvas = np.full((side, side, 3), GREY, np.uint8)
        scale = side / max(picture.pixels.shape[:2]) * self._scale(rng)
        height, width = (max(round(n * scale), 1) for n in picture.pixels.shape[:2])
        x, y = (int(rng.integers(min(0, side - n), max(0, side - n) + 1)) for n in (width, height))
        return _joined(canvas, [_placed(canvas, picture, scale, x, y, (0, 0, side, side))])

    def _four(self, pictures: list[Picture], side: int, rng: np.random.Generator) -> Picture:
        """Four photos around a point, each filling its quarter."""
        canvas = np.full((side, side, 3), GREY, np.uint8)
        x, y = (int(side * rng.uniform(0.3, 0.7)) for _ in "xy")
        parts = []
        for picture, area in zip(
            pictures, ((0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side)), strict=True
        ):
            width, height = area[2] - area[0], area[3] - area[1]
            rows, columns = picture.pixels.shape[:2]
            scale = max(width / columns, height / rows) * rng.uniform(0.7, 1.4)
            free = width - columns * scale, height - rows * scale
            left, top = (area[i] + int(rng.integers(min(0, int(free[i])), max(0, int(free[i])) + 1)) for i in (0, 1))
            parts.append(_placed(canvas, picture, scale, left, top, area))
        return _joined(canvas, parts)

    def _paste(self, picture: Picture, rng: np.random.Generator) -> None:
        """Put an animal from another photo in; what it covers is no longer asked for."""
        import cv2

        photo, place = self.cutouts[int(rng.integers(len(self.cutouts)))]
        pixels = self._pixels(photo)
        ratio = np.array((pixels.shape[1] / photo.size[0], pixels.shape[0] / photo.size[1]))
        alpha: np.ndarray = np.zeros(pixels.shape[:2], np.uint8)
        cv2.fillPoly(alpha, [np.round(line * ratio).astype(np.int32) for line in photo.outlines[place]], 255)
        x, y, width, height = cv2.boundingRect(alpha)
        if min(width, height) < LEAST_SIDE:
            return
        animal, alpha = pixels[y : y + height, x : x + width], alpha[y : y + height, x : x + width]
        side = picture.pixels.shape[0]
        scale = side * float(np.exp(rng.uniform(np.log(0.15), np.log(0.8)))) / max(width, height)
        size = [max(round(n * scale), 1) for n in (width, height)]
        animal, alpha = (cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (animal, alpha))
        if rng.random() < 0.5:
            animal, alpha = animal[:, ::-1], alpha[:, ::-1]
        share = cv2.GaussianBlur(alpha, (0, 0), 0.8).astype(np.float32)[..., None] / 255
        # animals walk out of the picture, and much of them may be gone
        left, top = (int(rng.uniform(-0.5 * n, side - 0.5 * n)) for n in size)
        x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + size[0], side), min(top + size[1], side)
        if x2 - x1 < LEAST_SIDE or y2 - y1 < LEAST_SIDE:
            return
        inner = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
        ground = picture.pixels[y1:y2, x1:x2]
        # an animal is about as bright as the place where it stands
        bright = float(np.clip((ground.mean() + 20) / (animal.mean() + 20), 0.5, 1.5)) ** 0.7
        mixed = ground * (1 - share[inner]) + np.clip(animal[inner] * bright, 0, 255) * share[inner]
        picture.pixels[y1:y2, x1:x2] = mixed.astype(np.uint8)
        rows, columns = (np.flatnonzero((alpha[inner] > 127).any(axis)) for axis in (1, 0))
        if len(rows) < LEAST_SIDE or len(columns) < LEAST_SIDE:
            return
        box = np.array([[x1 + columns[0], y1 + rows[0], x1 + columns[-1] + 1, y1 + rows[-1] + 1]], float)
        low, high = np.maximum(picture.boxes[:, :2], box[:, :2]), np.minimum(picture.boxes[:, 2:], box[:, 2:])
        hidden = (high - low).clip(0).prod(1) > 0.6 * (picture.boxes[:, 2:] - picture.boxes[:, :2]).prod(1)
        picture.boxes = np.concatenate((picture.boxes[~hidden], box))
        picture.categories = np.append(picture.categories[~hidden], photo.categories[place])


def _placed(
    canvas: np.ndarray, picture: Picture, scale: float, x: int, y: int, area: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scaled photo with its corner at x, y, within an area; its boxes there and their categories."""
    import cv2

    height, width = (max(round(n * scale), 1) for n in picture.pixels.shape[:2])
    x1, y1, x2, y2 = max(x, area[0]), max(y, area[1]), min(x + width, area[2]), min(y + height, area[3])
    if x2 <= x1 or y2 <= y1:
        return np.zeros((0, 4)), np.zeros(0, int)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(np.ascontiguousarray(picture.pixels), (width, height), interpolation=method)
    canvas[y1:y2, x1:x2] = pixels[y1 - y : y2 - y, x1 - x : x2 - x]
    full = picture.boxes * scale + (x, y, x, y)
    seen = full.clip((x1, y1, x1, y1), (x2, y2, x2, y2))
    sides, whole = seen[:, 2:] - seen[:, :2], (full[:, 2:] - full[:, :2]).prod(1)
    keep = (sides.min(1, initial=np.inf) >= LEAST_SIDE) & (sides.prod(1) >= LEAST_SEEN * whole)
    return seen[keep], picture.categories[keep]


def _joined(canvas: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray]]) -> Picture:
    return Picture(canvas, np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))


def _strip(pixels: np.ndarray, rng: np.random.Generator) -> None:
    """The line of writing that cameras put on their photos."""
    import cv2

    side = pixels.shape[0]
    high = int(rng.integers(max(side // 40, 6), max(side // 16, 8)))
    top = 0 if rng.random() < 0.3 else side - high
    dark = rng.random() < 0.7
    pixels[top : top + high] = 0 if dark else 255
    text = f"{rng.integers(2005, 2026)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d} {rng.integers(24):02d}:{rng.integers(60):02d} M {rng.integers(1, 11)}/10 {rng.integers(-9, 40)}C"
    place = (int(rng.integers(0, side // 3)), top + high - max(high // 4, 2))
    cv2.putText(
        pixels, text, place, cv2.FONT_HERSHEY_SIMPLEX, high / 32, (255,) * 3 if dark else (0,) * 3, 1, cv2.LINE_AA
    )


def _light(settings: SceneSettings) -> Any:
    import albumentations as a
    import cv2

    cv2.setNumThreads(0)  # workers would fight for the cores
    s, around = settings, (0.7, 1.3)
    pair = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}
    dark = a.RandomGamma(gamma_limit=(130, 240), p=1)
    lit = a.Illumination(
        mode="gaussian", effect_type="brighten", intensity_range=(0.1, 0.2), sigma_range=(0.3, 0.6), p=1
    )
    grey = a.Sequential(
        [a.ToGray(p=1), a.RandomGamma(gamma_limit=(60, 180), p=1), a.OneOf([lit, dark], p=0.5)], p=s.infrared
    )
    return a.Compose(
        [
            a.ColorJitter(brightness=around, contrast=around, saturation=(0.5, 1.3), hue=(-0.03, 0.03), p=s.colour),
            grey,
            a.Sequential([dark, lit], p=s.flash),
            a.OneOf(
                [a.GaussianBlur(sigma_limit=(0.5, 2.0), blur_limit=0, p=1), a.MotionBlur(blur_limit=(3, 11), p=1)],
                p=s.blur,
            ),
            a.Downscale(scale_range=(0.35, 0.8), interpolation_pair=pair, p=s.coarse),
            a.GaussNoise(std_range=(0.02, 0.08), p=s.noise),
        ]
    )

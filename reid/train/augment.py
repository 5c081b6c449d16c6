"""Changes that camera traps make to a picture of one flank, put on at random. Nothing mirrors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reid.embed.network import NetworkSpec
from reid.errors import ConfigError

__all__ = ["AugmentationSettings", "Augmenter"]


@dataclass(frozen=True)
class AugmentationSettings:
    """What is done to a crop in training. The shares of pictures run from 0 (never) to 1 (always).

    Attributes:
        jitter: Each side of the box moves by up to this share of the crop's size.
        rotate: Degrees, either way.
        shear: Degrees, either way.
        perspective: The corners move by up to this share of the crop's size.
        geometry: Share of the pictures that are rotated and sheared.
        colour: Share whose brightness, contrast, saturation and hue change.
        colour_strength: By how much: 0.3 is up to 30 %; of the hue, a tenth of that.
        infrared: Share that become grey, as by infrared light.
        flash: Share lit from the camera at night: bright in the middle, dark around.
        blur: Share blurred, out of focus or by motion.
        coarse: Share reduced to fewer pixels and enlarged again, as of animals far away.
        noise: Share with a sensor's noise.
        erase: Share with rectangles covered.
        erase_most: Largest side of a rectangle, as a share of the picture's.
    """

    jitter: float = 0.1
    rotate: float = 10.0
    shear: float = 5.0
    perspective: float = 0.05
    geometry: float = 0.7
    colour: float = 0.7
    colour_strength: float = 0.3
    infrared: float = 0.2
    flash: float = 0.1
    blur: float = 0.1
    coarse: float = 0.1
    noise: float = 0.1
    erase: float = 0.3
    erase_most: float = 0.3

    def __post_init__(self) -> None:
        shares = ("jitter", "perspective", "geometry", "colour", "colour_strength", "infrared", "flash")
        for name in (*shares, "blur", "coarse", "noise", "erase", "erase_most"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"augmentation.{name}={getattr(self, name)} must lie between 0 and 1.")
        if self.jitter > 0.4:
            raise ConfigError(f"augmentation.jitter={self.jitter} would cut the animal away; use at most 0.4.")
        for name in ("rotate", "shear"):
            if not 0 <= getattr(self, name) <= 90:
                raise ConfigError(f"augmentation.{name}={getattr(self, name)} must lie between 0 and 90 degrees.")


class Augmenter:
    """Augments one crop at a time; the same crop, seed and size give the same picture.

    Args:
        settings: What is done.
        spec: The network that sees it.
    """

    def __init__(self, settings: AugmentationSettings, spec: NetworkSpec) -> None:
        self.settings, self.spec = settings, spec
        self.steps: dict[tuple[int, int], Any] = {}

    def __call__(self, picture: np.ndarray, seed: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """From a kept crop, uint8 (3, H, W), to an input of the height and width given, or else of the network's."""
        height, width = size or (self.spec.height, self.spec.width)
        if (height, width) not in self.steps:
            self.steps[height, width] = self._made(height, width)
        steps = self.steps[height, width]
        steps.set_random_seed(seed)
        changed = steps(image=np.ascontiguousarray(picture.transpose(1, 2, 0)))["image"]
        return np.ascontiguousarray(changed.transpose(2, 0, 1))

    def _made(self, height: int, width: int) -> Any:
        import albumentations
        import cv2

        cv2.setNumThreads(0)  # workers would fight for the cores
        fill = tuple(float(round(255 * value)) for value in self.spec.mean)
        resize = albumentations.Resize(height, width, interpolation=cv2.INTER_AREA)
        s = self.settings
        return albumentations.Compose([*_geometry(s, fill), resize, *_light(s), *_cover(s)])

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"steps": {}}  # made anew in each worker


def _geometry(settings: AugmentationSettings, fill: tuple[float, ...]) -> list[Any]:
    import albumentations as a

    s, steps = settings, []
    if s.geometry and (s.rotate or s.shear):
        shear = {"x": (-s.shear, s.shear), "y": (-s.shear / 2, s.shear / 2)}
        steps.append(a.Affine(rotate=(-s.rotate, s.rotate), shear=shear, fill=fill, p=s.geometry))
    if s.geometry and s.perspective:
        steps.append(a.Perspective(scale=(0.0, s.perspective), fill=fill, p=s.geometry / 2))
    if s.jitter:
        steps.append(a.CropAndPad(percent=(-s.jitter, s.jitter), keep_size=False, fill=fill, p=1.0))
    return steps


def _light(settings: AugmentationSettings) -> list[Any]:
    import albumentations as a

    s, steps = settings, []
    if s.colour and s.colour_strength:
        around = (1 - s.colour_strength, 1 + s.colour_strength)
        hue = 0.1 * s.colour_strength
        steps.append(a.ColorJitter(brightness=around, contrast=around, saturation=around, hue=(-hue, hue), p=s.colour))
    if s.infrared:
        steps.append(a.Sequential([a.ToGray(p=1), a.RandomGamma(gamma_limit=(60, 160), p=1)], p=s.infrared))
    if s.flash:
        dark = a.RandomGamma(gamma_limit=(130, 220), p=1)
        lit = a.Illumination(
            mode="gaussian", effect_type="brighten", intensity_range=(0.1, 0.2), sigma_range=(0.3, 0.6), p=1
        )
        steps.append(a.Sequential([dark, lit], p=s.flash))
    if s.blur:
        out_of_focus = a.GaussianBlur(sigma_limit=(0.5, 2.0), blur_limit=0, p=1)
        steps.append(a.OneOf([out_of_focus, a.MotionBlur(blur_limit=(3, 7), p=1)], p=s.blur))
    return steps


def _cover(settings: AugmentationSettings) -> list[Any]:
    import albumentations as a
    import cv2

    s, steps = settings, []
    if s.coarse:
        pair = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}
        steps.append(a.Downscale(scale_range=(0.35, 0.8), interpolation_pair=pair, p=s.coarse))
    if s.noise:
        steps.append(a.GaussNoise(std_range=(0.02, 0.08), p=s.noise))
    if s.erase and s.erase_most:
        sides = (min(0.05, s.erase_most), s.erase_most)
        steps.append(
            a.CoarseDropout((1, 2), hole_height_range=sides, hole_width_range=sides, fill="random_uniform", p=s.erase)
        )
    return steps

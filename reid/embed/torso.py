"""Where on a crop the animal's torso lies, and how it is cut out before it becomes a vector.

Head, legs and tail move, and what stands around the animal is not the animal. The coat between shoulder and hip keeps
its place: cut out along the back's line and brought to one size, a mark lies at the same place on every photo.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reid.embed.crops import resize_crop, squashed
from reid.errors import ConfigError, FormatError, MissingPartError

__all__ = [
    "MARGIN",
    "WHOLE",
    "TorsoFinder",
    "cut_torso",
    "finder_fingerprint",
    "load_finder",
    "look",
    "plausible",
    "settled",
]

WEIGHTS = Path(__file__).parent / "weights" / "torso.safetensors"
HEIGHT, WIDTH = 160, 192
"""Pixels of the finder's input; a crop is squashed to it."""
MARGIN = 0.12
"""Added to the torso's length and height, half of it on each side."""
WHOLE = (0.5, 0.5, 0.5, 0.0, 0.0, 0.5)
"""The torso that is the whole crop."""
LEAST = 0.1
"""Torsos shorter or lower than this share of the crop are mistakes."""


class TorsoFinder(nn.Module):
    """Small crops to torsos: EfficientNet-Lite0 up to a sixteenth of the input's size, and a head that keeps places.

    A torso is six numbers: the middle (x, y), half of its length as a vector (x, y) towards the right of the picture, and half
    of its height as a vector (x, y) towards the bottom; x in widths and y in heights of the crop.
    """

    def __init__(self, hidden: int = 32, width: int = 128) -> None:
        super().__init__()
        import timm

        whole: Any = timm.create_model("tf_efficientnet_lite0", num_classes=0, global_pool="")
        self.stem = nn.Sequential(whole.conv_stem, whole.bn1)
        self.stages = nn.Sequential(*list(whole.blocks)[:5])
        self.reduce = nn.Sequential(nn.Conv2d(112, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU())
        places = hidden * (HEIGHT // 16) * (WIDTH // 16)
        self.hide = nn.Dropout(0.3)
        self.shared = nn.Sequential(nn.Linear(places, width), nn.ReLU())
        self.torso = nn.Linear(width, 6)

    def seen(self, images: Tensor) -> Tensor:
        """uint8 images (B, 3, HEIGHT, WIDTH) to what torsos are read from, (B, width)."""
        features = self.stages(self.stem((images.float() / 255 - 0.5) / 0.5))
        out: Tensor = self.shared(self.hide(self.reduce(features).flatten(1)))
        return out

    def forward(self, images: Tensor) -> Tensor:
        """uint8 images (B, 3, HEIGHT, WIDTH) to torsos (B, 6)."""
        return self.placed(self.seen(images))

    def placed(self, seen: Tensor) -> Tensor:
        """From `seen` (B, width) to torsos (B, 6)."""
        torsos: Tensor = self.torso(seen) + seen.new_tensor(WHOLE)
        return torsos


@lru_cache(maxsize=1)
def load_finder(path: Path = WEIGHTS) -> tuple[TorsoFinder, dict[str, Any]]:
    """The shipped finder, in evaluation mode, and its card: licence, data, protocol, figures.

    Raises:
        MissingPartError: its files are not installed.
        FormatError: they do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for file in (path, path.with_suffix(".json")):
        if not file.is_file():
            raise MissingPartError(f"the finder of torsos lacks {file}; install the package anew.")
    finder = TorsoFinder()
    try:
        card = dict(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
        # halves on disk become float32 here
        finder.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()})
    except (ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise FormatError(f"{path} does not fit the finder of torsos: {' '.join(str(error).split())[:200]}.") from None
    return finder.eval().to(memory_format=torch.channels_last), card


@lru_cache(maxsize=1)
def finder_fingerprint() -> str:
    """16 hex digits of the shipped finder's weights and of how it is used; part of every fingerprint of a network that uses it."""
    if not WEIGHTS.is_file():
        raise MissingPartError(f"the finder of torsos lacks {WEIGHTS}; install the package anew.")
    return sha256(WEIGHTS.read_bytes() + repr((HEIGHT, WIDTH, MARGIN, LEAST)).encode()).hexdigest()[:16]


def look(pictures: Sequence[np.ndarray], batch: int = 0) -> np.ndarray:
    """Ask the shipped finder.

    Args:
        pictures: uint8 RGB (h, w, 3), of any size.
        batch: Fill up with black to so many, so that each step has one shape; 0 does not.

    Returns:
        Torsos (n, 6) as `TorsoFinder` says, those that cannot be one replaced by `WHOLE`.
    """
    finder, _ = load_finder()
    images = torch.from_numpy(squashed(pictures, HEIGHT, WIDTH, batch))
    with torch.inference_mode():
        found = finder(images.contiguous(memory_format=torch.channels_last)).numpy()[: len(pictures)]
    return settled(found)


def settled(found: np.ndarray) -> np.ndarray:
    """Torsos (n, 6) as the finder gives them, those that cannot be one replaced by `WHOLE`."""
    # rounded, so that the last bits of another engine or batch do not move a torso
    torsos = found.round(4)
    return np.where(plausible(torsos)[:, None], torsos, np.array(WHOLE, np.float32))


def plausible(torsos: np.ndarray) -> np.ndarray:
    """Which torsos (n, 6) lie on the crop, are not too small, and stand upright, (n,) of bool.

    >>> plausible(np.array([WHOLE, (0.5, 0.5, 0.02, 0, 0, 0.3), (1.4, 0.5, 0.3, 0, 0, 0.2), (0.5, 0.5, -0.4, 0, 0, 0.3)]))
    array([ True, False, False, False])
    """
    t = np.asarray(torsos, float).reshape(-1, 6)
    finite = np.isfinite(t).all(1)
    t = np.where(finite[:, None], t, 0.0)
    long, high = np.hypot(t[:, 2], t[:, 3]) * 2, np.hypot(t[:, 4], t[:, 5]) * 2
    area = (t[:, 2] * t[:, 5] - t[:, 3] * t[:, 4]) * 4
    inside = (np.abs(t[:, :2] - 0.5) <= 0.5).all(1)
    sized = (np.minimum(long, high) >= LEAST) & (np.maximum(long, high) <= 1.6) & (area >= 0.5 * long * high)
    kept: np.ndarray = finite & inside & sized & (t[:, 2] > 0) & (t[:, 5] > 0)
    return kept


def cut_torso(
    picture: np.ndarray, torso: Any, height: int, width: int, mirror: bool = False, margin: float = MARGIN
) -> np.ndarray:
    """The torso of a crop, straightened and brought to a size; what lies beyond the crop's edge repeats the edge.

    Args:
        picture: uint8 RGB, (h, w, 3).
        torso: Six numbers as `TorsoFinder` gives them.
        height: Of the result, in pixels.
        width: Of the result, in pixels.
        mirror: Turn the result, so that a right flank faces left.
        margin: Added to the torso's length and height, half of it on each side.

    Returns:
        uint8 RGB, (height, width, 3).

    Raises:
        ConfigError: the torso has no area.
    """
    import cv2

    h, w = picture.shape[:2]
    t = np.asarray(torso, np.float64).reshape(3, 2) * (w, h)
    grown = t[1:] * (1 + margin)
    if abs(np.linalg.det(grown)) < 1:
        raise ConfigError(
            f"a torso of {[round(float(v), 3) for v in np.ravel(torso)]} has no area on a crop of {w} x {h} pixels."
        )
    # averaged down first, so that nothing aliases; the warp then changes sizes by less than a half
    shrink = min(1.0, 1.5 * max(width / (2 * np.hypot(*grown[0])), height / (2 * np.hypot(*grown[1]))))
    if shrink < 1:
        small = max(1, round(w * shrink)), max(1, round(h * shrink))
        picture = resize_crop(picture, small[1], small[0])
        t, grown = t * (small[0] / w, small[1] / h), grown * (small[0] / w, small[1] / h)
    corners = [t[0] - grown[0] - grown[1], t[0] + grown[0] - grown[1], t[0] - grown[0] + grown[1]]
    left, right = (width, 0) if mirror else (0, width)
    # warpAffine counts from the middle of the first pixel, and a torso from its edge
    source = np.array(corners, np.float32) - 0.5
    target = np.array([[left, 0], [right, 0], [left, height]], np.float32) - 0.5
    return cv2.warpAffine(
        picture, cv2.getAffineTransform(source, target), (width, height),
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip

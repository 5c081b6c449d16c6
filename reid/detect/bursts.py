"""Bursts of a fixed camera: what moves before a place that stays is the animal.

The place is the median of the burst's photos, pixel by pixel; a photo's motion is where it differs from that by more than
the burst's own noise. A box over motion is believed more, which brings back animals that the network alone was not sure
of. Nothing is taken away: an animal that rests does not move. Single photos are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.detect.protocol import rows_of
from reid.errors import ConfigError, InputError
from reid.photos import read_photo
from reid.progress import track

__all__ = ["BurstSettings", "believe_motion", "bursts_of", "motion"]

SMALL = 256
"""Pixels of the longer side at which photos are compared."""
MOST = 40
"""Photos of a burst that are compared at once; longer ones are cut, so that memory stays bounded."""
NOISE = 4.0
"""Differences from the median that are this many times their usual size are motion."""
LEAST_GREY = 12.0
"""And at least so many grey levels."""
SETTLED = 0.5
"""Where more of a photo moves than this, the camera or its light has changed, and nothing can be told."""


@dataclass(frozen=True)
class BurstSettings:
    """How bursts are used.

    Attributes:
        lift: How far motion raises a box's confidence: of what is missing to 1, this share where all of the box moves and
            nothing around it does; 0 leaves bursts alone.
        least: Photos that a burst must have.
        gap_s: Photos of one camera belong to one burst where they are no more seconds apart than this.

    Raises:
        ConfigError: a value is wrong.
    """

    lift: float = 0.0
    least: int = 4
    gap_s: float = 120.0

    def __post_init__(self) -> None:
        if not 0 <= self.lift <= 1:
            raise ConfigError(f"detector.burst.lift={self.lift} must lie between 0 and 1.")
        if self.least < 3:
            raise ConfigError(f"detector.burst.least={self.least} must be at least 3: of two photos, nobody knows which one is empty.")
        if not self.gap_s > 0:
            raise ConfigError(f"detector.burst.gap_s={self.gap_s} must be above 0.")


def bursts_of(photos: pd.DataFrame, settings: BurstSettings) -> list[list[str]]:
    """The image ids of each burst, in order of time; photos without a camera or a time belong to none.

    Args:
        photos: A `PHOTOS` table.
        settings: What makes a burst.
    """
    good = photos[photos["error"].isna() & photos["date"].notna() & photos["camera"].notna()]
    good = good.sort_values(["camera", "date", "path"], kind="stable")
    out: list[list[str]] = []
    last: tuple[Any, ...] | None = None
    for row in rows_of(good):
        here = (row.camera, row.width, row.height)
        near = last is not None and last[0] == here and (row.date - last[1]).total_seconds() <= settings.gap_s
        if near and len(out[-1]) < MOST:
            out[-1].append(row.image_id)
        else:
            out.append([row.image_id])
        last = (here, row.date)
    return [burst for burst in out if len(burst) >= settings.least]


def motion(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Where each photo of a burst differs from the place that they share.

    Args:
        frames: Grey photos of one shape, float32 (rows, columns), 0 to 255.

    Returns:
        For each a boolean array of that shape.
    """
    import cv2

    # each photo's own exposure is taken off, so that a darker one is no motion
    level = [frame - np.median(frame) for frame in (cv2.GaussianBlur(f, (0, 0), 1.5) for f in frames)]
    spread = [max(float(np.std(frame)), 1.0) for frame in level]
    usual = float(np.median(spread))
    stack = np.stack([frame * (usual / own) for frame, own in zip(level, spread, strict=True)])
    place = np.median(stack, 0)
    apart = np.abs(stack - place)
    noise = np.median(apart, 0)
    limit = np.maximum(LEAST_GREY, NOISE * 1.4826 * cv2.GaussianBlur(noise, (0, 0), 3))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    out = []
    for frame in apart:
        moves = (frame > limit).astype(np.uint8)
        moves = cv2.morphologyEx(cv2.morphologyEx(moves, cv2.MORPH_OPEN, kernel[1:4, 1:4]), cv2.MORPH_CLOSE, kernel)
        out.append(moves.astype(bool))
    return out


def believe_motion(found: pd.DataFrame, photos: pd.DataFrame, root: Path, settings: BurstSettings) -> pd.DataFrame:
    """Raise the confidence of boxes over motion.

    Args:
        found: A `DETECTIONS` table with boxes of low confidence too.
        photos: The `PHOTOS` table.
        root: The folder that its paths start from.
        settings: What a burst is, and how far motion is believed.

    Returns:
        The table with new confidences, in the same order.
    """
    if not settings.lift or not len(found):
        return found
    boxes = {image: list(rows) for image, rows in _by_image(found)}
    photo_of = {row.image_id: row for row in rows_of(photos)}
    raised: dict[str, float] = {}
    for burst in track(bursts_of(photos, settings), "bursts", unit="burst"):
        if not any(image in boxes for image in burst):
            continue
        frames = {image: frame for image in burst if (frame := _small(root / photo_of[image].path)) is not None}
        if len(frames) < settings.least or len({frame.shape for frame in frames.values()}) > 1:
            continue
        for image, moves in zip(frames, motion(list(frames.values())), strict=True):
            if moves.mean() > SETTLED:
                continue
            size = (photo_of[image].width, photo_of[image].height)
            for row in boxes.get(image, []):
                share = _share(moves, row.bbox, size)
                raised[row.detection_id] = row.confidence + (1 - row.confidence) * settings.lift * share
    out = found.copy()
    out["confidence"] = [
        round(raised.get(key, confidence), 4)
        for key, confidence in zip(found["detection_id"], found["confidence"], strict=True)
    ]
    return out


def _by_image(found: pd.DataFrame) -> Iterator[tuple[str, Iterable[Any]]]:
    for image, rows in found.groupby("image_id", sort=False):
        yield str(image), rows_of(rows)


def _small(path: Path) -> np.ndarray | None:
    import cv2

    try:
        photo = read_photo(path, longest=SMALL)
    except InputError:
        return None
    scale = SMALL / max(photo.shape[:2])
    size = [max(round(n * scale), 1) for n in photo.shape[1::-1]]
    return cv2.cvtColor(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.float32)


def _share(moves: np.ndarray, box: Sequence[float], size: tuple[int, int]) -> float:
    """How much more of a box moves than of the photo around it, 0 to 1."""
    ratio = (moves.shape[1] / size[0], moves.shape[0] / size[1])
    x1, y1 = int(box[0] * ratio[0]), int(box[1] * ratio[1])
    x2, y2 = max(round((box[0] + box[2]) * ratio[0]), x1 + 1), max(round((box[1] + box[3]) * ratio[1]), y1 + 1)
    inside = moves[y1:y2, x1:x2]
    outside = (moves.sum() - inside.sum()) / max(moves.size - inside.size, 1)
    return float(np.clip((inside.mean() if inside.size else 0.0) - outside, 0, 1))

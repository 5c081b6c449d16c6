"""Bursts of a fixed camera: what moves before a place that stays is the animal.

The place is the median of the burst's photos, pixel by pixel; a photo's motion is where it differs from that by more than
the burst's own noise. A box that agrees with motion is believed more, and what moves without a box may become one, which
brings back animals that the network does not see: a blurred one, a tail, a pose that it was not shown. Nothing is taken
away: an animal that rests does not move. Single photos are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reid.detect.boxes import Box, clip, iou
from reid.detect.protocol import detection_row, number_of
from reid.errors import ConfigError, InputError
from reid.photos import read_photo
from reid.progress import track
from reid.tables import DETECTIONS, from_rows, records

__all__ = ["BurstSettings", "believe_motion", "bursts_of", "motion", "moving_boxes"]

SMALL = 256
"""Pixels of the longer side at which photos are compared."""
MOST = 40
"""Photos of a burst that are compared at once; longer ones are cut, so that memory stays bounded."""
NOISE = 4.0
"""Differences from the median that are this many times their usual size are motion."""
LEAST_GREY = 12.0
"""And at least so many grey levels."""
DISAGREE = 0.3
"""A box and what moves are two things where their intersection over union is below this."""
LEAST_PART = 0.006
"""Smallest part of a photo that counts as something that moves."""
STRIP = 0.055
"""Parts of a photo's height, above and below, that hold the camera's own writing."""
SETTLED = 0.5
"""Where more of a photo moves than this, the camera or its light has changed, and nothing can be told."""


class _Box(NamedTuple):
    detection_id: str
    image_id: str
    category: str
    confidence: float
    bbox: list[float]
    detector: str


@dataclass(frozen=True)
class BurstSettings:
    """How bursts are used.

    Attributes:
        lift: How far motion raises a box's confidence: of what is missing to 1, this share where the box is that of what
            moves, less where they overlap less; 0 does not.
        alone: Confidence of a box made of what moves where the network has none; 0 makes none.
        least: Photos that a burst must have.
        gap_s: Photos of one camera belong to one burst where they are no more seconds apart than this.

    Raises:
        ConfigError: a value is wrong.
    """

    lift: float = 0.0
    alone: float = 0.0
    least: int = 4
    gap_s: float = 120.0

    def __post_init__(self) -> None:
        for name in ("lift", "alone"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"detector.burst.{name}={getattr(self, name)} must lie between 0 and 1.")
        if self.least < 3:
            raise ConfigError(
                f"detector.burst.least={self.least} must be at least 3: of two photos, nobody knows which one is empty."
            )
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
    for row in records(good):
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


def moving_boxes(moves: np.ndarray, size: tuple[int, int]) -> list[Box]:
    """Boxes around what moves on a photo, largest first, in pixels of a photo of this width and height.

    Small parts, and the strips along the edges where cameras write, are left out.
    """
    import cv2

    rows, columns = moves.shape
    kernel = np.ones((11, 11), np.uint8)
    whole = cv2.morphologyEx(moves.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    edge = round(STRIP * rows)
    whole[:edge], whole[rows - edge :] = 0, 0
    _, _, parts, _ = cv2.connectedComponentsWithStats(whole)
    ratio = np.array([size[0] / columns, size[1] / rows] * 2)
    kept = sorted((part for part in parts[1:] if part[4] >= LEAST_PART * moves.size), key=lambda part: -part[4])
    boxes = (clip(tuple(part[:4] * ratio), *size) for part in kept)
    return [box for box in boxes if box is not None]


def believe_motion(found: pd.DataFrame, photos: pd.DataFrame, root: Path, settings: BurstSettings) -> pd.DataFrame:
    """Raise the confidence of boxes that agree with motion, and make boxes of what moves without one.

    Args:
        found: A `DETECTIONS` table with boxes of low confidence too.
        photos: The `PHOTOS` table.
        root: The folder that its paths start from.
        settings: What a burst is, and how far motion is believed.

    Returns:
        The table with new confidences, in the same order, and new boxes after those of their photo.
    """
    if not settings.lift and not settings.alone:
        return found
    boxes = {str(image): list(records(rows)) for image, rows in found.groupby("image_id", sort=False)}
    photo_of = {row.image_id: row for row in records(photos)}
    for burst in track(bursts_of(photos, settings), "bursts", unit="burst"):
        frames = {image: frame for image in burst if (frame := _small(root / photo_of[image].path)) is not None}
        if len(frames) < settings.least or len({frame.shape for frame in frames.values()}) > 1:
            continue
        for image, moves in zip(frames, motion(list(frames.values())), strict=True):
            if moves.mean() <= SETTLED:
                size = (int(photo_of[image].width), int(photo_of[image].height))
                boxes[image] = _believed(image, boxes.get(image, []), moving_boxes(moves, size), settings)
    rows = [row._asdict() for image in photos["image_id"] for row in boxes.get(image, [])]
    return from_rows(rows, DETECTIONS)


def _believed(image: str, rows: list[Any], moving: list[Box], settings: BurstSettings) -> list[Any]:
    """The boxes of one photo after what moves on it is known."""
    out = []
    for row in rows:
        agree = max((iou(row.bbox, box) for box in moving), default=0.0)
        share = min(max((agree - DISAGREE) / (1 - DISAGREE), 0.0), 1.0)
        out.append(row._replace(confidence=round(row.confidence + (1 - row.confidence) * settings.lift * share, 4)))
    number = max((number_of(row.detection_id) for row in rows), default=-1)
    for box in moving if settings.alone else ():
        if all(iou(row.bbox, box) < DISAGREE for row in rows):
            number += 1
            out.append(_Box(**detection_row(image, number, "animal", settings.alone, box, "motion")))
    return out


def _small(path: Path) -> np.ndarray | None:
    import cv2

    try:
        photo = read_photo(path, longest=SMALL)
    except InputError:
        return None
    scale = SMALL / max(photo.shape[:2])
    size = [max(round(n * scale), 1) for n in photo.shape[1::-1]]
    return cv2.cvtColor(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.float32)

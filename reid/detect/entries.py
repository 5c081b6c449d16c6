"""The neutral form of a detections file: what it says about each file, in whatever dialect it says it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reid.detect.boxes import Box

__all__ = ["VIDEO", "Entry", "Recorded", "RecordedBox", "boxes_of", "file_name", "plain_text"]

VIDEO = "a video; only photographs are read"

ROUNDING = 1e-3
"""Confidences are written with three or four decimals; one this little beyond 0 or 1 is a rounded one."""


@dataclass(frozen=True)
class RecordedBox:
    """One detection of a file.

    `number` is its place in the file's own list for that photo, from 0; broken and unlisted ones count.
    `bbox` is x, y, width, height, in parts of the photo (`unit` "relative") or in its pixels ("pixel").
    """

    number: int
    category: str
    confidence: float
    bbox: Box
    unit: str


@dataclass(frozen=True)
class Entry:
    """What a detections file says about one file, named as the detections file names it."""

    file: str
    boxes: tuple[RecordedBox, ...] = ()
    failure: str | None = None
    """Why the detector could not read it, or why its entry cannot be used."""
    broken: tuple[str, ...] = ()
    """One reason for each detection that cannot be used."""


@dataclass(frozen=True)
class Recorded:
    """A detections file that was read: where from, its dialect, who made it, its entries in order."""

    path: Path
    dialect: str
    detector: str
    entries: tuple[Entry, ...]


def plain_text(value: Any, limit: int = 200) -> str:
    """Any JSON value as one line of text that every table can hold.

    >>> plain_text("Failure\\n image access"), plain_text(["DETECTOR", None]), plain_text(None)
    ('Failure image access', 'DETECTOR, null', 'null')
    """
    items = value if isinstance(value, list) else [value]
    text = ", ".join(map(_one, items))
    text = " ".join(file_name(text).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def file_name(text: str) -> str:
    """A name as JSON gives it, spaces and all, but no halves of surrogate pairs, which UTF-8 cannot write.

    >>> file_name("two  spaces.jpg"), file_name("broken\\ud800.jpg")
    ('two  spaces.jpg', 'broken?.jpg')
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def _one(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "{...}" if isinstance(value, dict) else "[...]"
    return "null" if value is None else str(value)


def _number(value: Any) -> float:
    """A JSON number as a float; ValueError for anything else and for what is not finite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    try:
        number = float(value)
    except OverflowError:
        raise ValueError from None
    if not math.isfinite(number):
        raise ValueError
    return number


def _four_numbers(bbox: Any) -> Box:
    """The four numbers of a box as JSON gives it, whatever they mean; ValueError with the reason in words."""
    try:
        if not isinstance(bbox, list):
            raise ValueError
        a, b, c, d = map(_number, bbox)
    except ValueError:
        raise ValueError(f"its box is not four numbers but {plain_text(bbox, 60)}") from None
    return (a, b, c, d)


def _confidence(value: Any) -> float:
    """A confidence from 0 to 1; ValueError with the reason in words."""
    try:
        number = _number(value)
        if not -ROUNDING <= number <= 1 + ROUNDING:
            raise ValueError
    except ValueError:
        raise ValueError(f"its confidence is not a number from 0 to 1 but {plain_text(value, 60)}") from None
    return min(max(number, 0.0), 1.0)


def boxes_of(
    file: str,
    found: Sequence[tuple[Any, Any, Any]],
    name: Callable[[Any], str | None],
    corners: bool = False,
    unit: str = "relative",
) -> Entry:
    """The entry of a file whose detections were listed.

    Args:
        file: As the detections file names it.
        found: Category, confidence and box of each detection, as JSON gives them.
        name: The name of a category; None for one that is not listed, which by convention is no detection.
        corners: Boxes are two corners, not one corner, width and height.
        unit: "relative" or "pixel".

    Returns:
        An entry; detections that are broken are in it as reasons.
    """
    boxes, broken = [], []
    for number, (category, confidence, bbox) in enumerate(found):
        listed = "" if category is None else name(category)
        if listed is None:
            continue
        try:
            if not listed:
                raise ValueError("it has no category")
            a, b, c, d = _four_numbers(bbox)
            box = (a, b, c - a, d - b) if corners else (a, b, c, d)
            if not (box[2] > 0 and box[3] > 0 and all(map(math.isfinite, box))):
                raise ValueError(f"its box has no area: {plain_text(bbox, 60)}")
            boxes.append(RecordedBox(number, listed, _confidence(confidence), box, unit))
        except ValueError as error:
            broken.append(f"box {number} is broken: {error}")
    return Entry(file, tuple(boxes), broken=tuple(broken))

"""Boxes as `(x, y, width, height)`: cut to a photo, compared, and freed of repetitions."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Box", "area", "clip", "iou", "repeats", "scale"]

Box = tuple[float, float, float, float]
"""x and y of the upper left corner, width, height; y points down."""


def area(box: Sequence[float]) -> float:
    """Width times height.

    >>> area((5, 5, 4, 3))
    12
    """
    return box[2] * box[3]


def scale(box: Sequence[float], width: float, height: float) -> Box:
    """A box in parts of a photo (0 to 1) as pixels of a photo of `width` by `height`.

    >>> scale((0.25, 0.5, 0.5, 0.25), 200, 100)
    (50.0, 50.0, 100.0, 25.0)
    """
    return (box[0] * width, box[1] * height, box[2] * width, box[3] * height)


def clip(box: Sequence[float], width: float, height: float) -> Box | None:
    """The part of a box that lies on a photo, its corners rounded to hundredths of a pixel.

    Args:
        box: In pixels.
        width: Of the photo, in pixels.
        height: Of the photo, in pixels.

    Returns:
        The box, inside the photo; None where nothing is left.

    >>> clip((-10, 20, 30.004, 40), 100, 50)
    (0.0, 20.0, 20.0, 30.0)
    >>> clip((100, 0, 10, 10), 100, 50) is None
    True
    """
    left, right = (round(float(min(max(x, 0), width)), 2) for x in (box[0], box[0] + box[2]))
    top, bottom = (round(float(min(max(y, 0), height)), 2) for y in (box[1], box[1] + box[3]))
    if not (right > left and bottom > top):
        return None
    return (left, top, round(right - left, 2), round(bottom - top, 2))


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Area that two boxes share over the area that they cover together, 0 to 1.

    >>> iou((0, 0, 2, 2), (1, 0, 2, 2))
    0.3333333333333333
    >>> iou((0, 0, 2, 2), (2, 0, 2, 2))
    0.0
    """
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    # Corners are sums of floats: a box against itself may come out a hair above 1.
    return min(1.0, wide * high / (area(a) + area(b) - wide * high))


def repeats(boxes: Sequence[Sequence[float]], confidences: Sequence[float], overlap: float) -> set[int]:
    """Positions of the boxes that repeat a more confident one.

    Args:
        boxes: Of one photo and one category.
        confidences: One a box; of two equal ones the earlier box stays.
        overlap: Two boxes are the same where their `iou` is above this.

    >>> sorted(repeats([(0, 0, 10, 10), (50, 0, 10, 10), (0, 0, 10, 9)], [0.8, 0.7, 0.9], 0.85))
    [0]
    """
    kept: list[int] = []
    dropped: set[int] = set()
    for i in sorted(range(len(boxes)), key=lambda i: (-confidences[i], i)):
        if any(iou(boxes[i], boxes[j]) > overlap for j in kept):
            dropped.add(i)
        else:
            kept.append(i)
    return dropped

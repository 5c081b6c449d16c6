"""Boxes against counting pixels, which is slow and plain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid.detect.boxes import Box, clip, iou, repeats, scale

SIDE = 12
corner = st.integers(-4, SIDE + 4)
boxes = st.tuples(corner, corner, st.integers(1, 10), st.integers(1, 10))
photos = st.tuples(st.integers(1, SIDE), st.integers(1, SIDE))


def pixels(box: tuple[float, ...]) -> set[tuple[int, int]]:
    """The pixels that a box of whole numbers covers."""
    x, y, width, height = (int(v) for v in box)
    return {(i, j) for i in range(x, x + width) for j in range(y, y + height)}


@given(boxes, boxes)
def test_iou_is_shared_pixels_over_all_pixels(a: Box, b: Box) -> None:
    expected = len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b))
    assert iou(a, b) == pytest.approx(expected)
    assert iou(b, a) == iou(a, b)


@given(boxes, photos)
def test_clip_keeps_the_pixels_on_the_photo(box: Box, photo: tuple[int, int]) -> None:
    expected = pixels(box) & pixels((0, 0, *photo))
    inside = clip(box, *photo)
    assert (pixels(inside) if inside else set()) == expected


floats = st.floats(-2000, 6000, allow_nan=False)
sides = st.floats(0.001, 6000, allow_nan=False)


@given(st.tuples(floats, floats, sides, sides), st.integers(1, 5000), st.integers(1, 5000))
def test_clip_is_inside_and_changes_nothing_twice(box: Box, width: int, height: int) -> None:
    inside = clip(box, width, height)
    if inside is None:
        return
    x, y, w, h = inside
    assert x >= 0 and y >= 0 and w > 0 and h > 0
    assert x + w <= width + 1e-9 and y + h <= height + 1e-9
    assert clip(inside, width, height) == inside
    assert all(round(v, 2) == v for v in inside)


def test_clip_of_what_is_not_finite_is_nothing() -> None:
    assert clip((float("-inf"), 0, float("inf"), 10), 100, 100) is None


@given(st.tuples(floats, floats, sides, sides))
def test_a_box_is_itself(box: Box) -> None:
    assert iou(box, box) == pytest.approx(1, abs=1e-6)


def test_scale() -> None:
    assert scale((0.0197, 0.4283, 0.5936, 0.3751), 1400, 946) == pytest.approx((27.58, 405.1718, 831.04, 354.8446))


@pytest.mark.parametrize(
    ("given_boxes", "confidences", "expected"),
    [
        ([], [], set()),
        ([(0, 0, 10, 10)], [0.5], set()),
        ([(0, 0, 10, 10), (0, 0, 10, 10)], [0.5, 0.5], {1}),
        ([(0, 0, 10, 10), (0, 0, 10, 9)], [0.5, 0.6], {0}),
        ([(0, 0, 10, 10), (0, 0, 10, 8.5)], [0.5, 0.6], set()),  # exactly 0.85 is not above it
        # The middle one repeats the first; the last repeats only the middle one, which is gone.
        ([(0, 0, 100, 100), (0, 0, 100, 90), (0, 0, 100, 80)], [0.9, 0.8, 0.7], {1}),
    ],
)
def test_repeats(given_boxes: list[Box], confidences: list[float], expected: set[int]) -> None:
    assert repeats(given_boxes, confidences, 0.85) == expected

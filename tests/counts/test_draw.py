"""Drawings of matches, read back pixel by pixel, and pictures for the page."""

from __future__ import annotations

import io
import itertools
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from reid.counts import choose_pictures, draw_match, jpeg_bytes, jpeg_data_uri
from reid.counts.draw import HEIGHT, MOST_LINES, line_colour
from reid.counts.pictures import limits_for
from reid.tables import SIGHTINGS, from_rows

GREY = np.full((100, 120, 3), 128, np.uint8)
TALL = np.full((200, 60, 3), 128, np.uint8)
NONE = np.zeros((0, 2))


def coloured(image: Image.Image) -> np.ndarray:
    """Where a pixel is neither grey nor white."""
    pixels = np.asarray(image).astype(int)
    return (pixels.max(axis=2) - pixels.min(axis=2)) > 20


def test_without_points_the_crops_stand_side_by_side() -> None:
    image = draw_match(GREY, TALL, NONE, NONE, np.zeros(0))
    assert image.size == (504 + 8 + 126, HEIGHT)
    assert not coloured(image).any()


def test_a_line_runs_from_spot_to_spot() -> None:
    image = draw_match(GREY, GREY, np.array([[20.0, 50.0]]), np.array([[100.0, 50.0]]), np.array([1.0]))
    drawn = coloured(image)
    scale, shift = HEIGHT / 100, 504 + 8
    x = [round(20 * scale), round(shift + 100 * scale)]
    rows, columns = np.nonzero(drawn)
    assert abs(rows.mean() - 50 * scale) < 1.5
    assert abs(columns.min() - x[0]) <= 6
    assert abs(columns.max() - x[1]) <= 6
    assert drawn[round(50 * scale) - 1 : round(50 * scale) + 2].any(axis=0)[x[0] : x[1]].all()


def test_only_the_strongest_are_drawn() -> None:
    y = np.linspace(1, 99, MOST_LINES + 1)
    left, right = np.column_stack([np.full_like(y, 30), y]), np.column_stack([np.full_like(y, 90), y])
    weights = np.ones_like(y)
    weights[-1] = 0.5
    image = draw_match(GREY, GREY, left, right, weights)
    without = draw_match(GREY, GREY, left[:-1], right[:-1], weights[:-1])
    assert np.array_equal(np.asarray(image), np.asarray(without))


def test_colour_rises_with_confidence() -> None:
    luminance = [np.dot(line_colour(w), [0.2126, 0.7152, 0.0722]) for w in np.linspace(0, 1, 11)]
    assert all(a < b for a, b in itertools.pairwise(luminance))
    assert line_colour(7.0) == line_colour(1.0)
    assert line_colour(float("nan")) == line_colour(0.0)


def test_titles_add_a_band_and_never_overrun() -> None:
    plain = draw_match(GREY, TALL, NONE, NONE, np.zeros(0))
    titled = draw_match(GREY, TALL, NONE, NONE, np.zeros(0), "RL_10, 29 Oct 2005", "a very long title " * 20)
    assert titled.width == plain.width
    band = titled.height - plain.height
    assert band > 20
    ink = np.asarray(titled.convert("L"))[:band] < 128
    assert ink[:, :504].any()
    assert ink[:, 512:].any()
    assert not ink[:, 506:511].any()


def test_a_long_crop_does_not_dwarf_the_other() -> None:
    long = np.full((50, 1000, 3), 128, np.uint8)
    image = draw_match(long, TALL, NONE, NONE, np.zeros(0))
    assert image.width < 3 * HEIGHT
    assert draw_match(np.zeros((1, 1, 3), np.uint8), GREY, NONE, NONE, np.zeros(0)).height == HEIGHT


def test_unequal_points_are_refused() -> None:
    with pytest.raises(ValueError, match="1 points, 0 points and 2 weights"):
        draw_match(GREY, GREY, np.zeros((1, 2)), NONE, np.zeros(2))


def test_a_picture_is_reduced_once() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 600, 3), dtype=np.uint8)
    small = jpeg_bytes(noise, 480, 80)
    assert Image.open(io.BytesIO(small)).size == (480, 240)
    assert jpeg_bytes(small, 480, 60) == small
    assert Image.open(io.BytesIO(jpeg_bytes(small, 100, 60))).size == (100, 50)
    png = io.BytesIO()
    Image.fromarray(noise[:20, :20]).convert("RGBA").save(png, "PNG")
    assert Image.open(io.BytesIO(jpeg_bytes(png.getvalue(), 100, 80))).format == "JPEG"
    head, body = jpeg_data_uri(Image.fromarray(noise), 80, 480).split(",")
    assert (head, b64decode(body)) == ("data:image/jpeg;base64", small)


def test_reducing_leaves_the_callers_image_alone() -> None:
    image = Image.fromarray(GREY)
    jpeg_bytes(image, 50, 80)
    assert image.size == (120, 100)


def test_a_large_census_shows_fewer_and_smaller_pictures() -> None:
    steps = [limits_for(n, 12) for n in (0, 1, 30, 31, 100, 101, 500, 5000)]
    assert steps[1].photos_each == 12
    for a, b in itertools.pairwise(steps):
        assert (a.photo_side, a.match_width, a.photos_each) >= (b.photo_side, b.match_width, b.photos_each)
    for n in (30, 100, 300, 1200):
        limits = limits_for(n, 12)
        # Crops of 4:3 at a fifth of a byte a pixel: tens of megabytes at most.
        assert n * limits.photos_each * limits.photo_side**2 * 0.75 * 0.2 < 40e6
    assert limits_for(5000, 12).photos_each >= 1


def test_pictures_are_chosen_over_flanks_and_encounters() -> None:
    rows = [
        *(("A", "e1", "left", 0.5 + i / 10) for i in range(4)),
        ("A", "e2", "left", 0.3),
        ("A", "e3", "right", 0.2),
        ("A", "e3", "front", 0.99),
        ("unknown", "e4", "left", 0.4),
    ]
    table = from_rows(
        [
            {"crop_id": f"c{i}", "path": "p", "bbox": [0, 0, 1, 1], "orientation": flank, "encounter":
            encounter,
             "identity": name, "decision": "unsure" if name == "unknown" else "new", "probability": 1.0,
             "confidence": sure}
            for i, (name, encounter, flank, sure) in enumerate(rows)
        ],
        SIGHTINGS,
    )  # fmt: skip
    chosen = choose_pictures(table, 4)
    # The best of the left, the right, the front; then the other encounter's left before more of the first.
    assert chosen == {"A": ["c3", "c5", "c6", "c4"], "e4": ["c7"]}
    assert [len(v) for v in choose_pictures(table, 100).values()] == [7, 1]

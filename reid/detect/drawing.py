"""Boxes drawn on photos, and contact sheets of what was found, for a person to look through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import InputError, OutputError
from reid.photos import read_photo
from reid.progress import track
from reid.tables import DETECTIONS, PHOTOS, check, records

__all__ = ["draw_boxes", "draw_photos", "draw_sheets"]

SEEN = 1280
"""Longest side, pixels, of a drawn photo."""
TILE = (300, 225)
COLUMNS, ROWS = 5, 6
COLOURS = {"animal": (255, 196, 0), "person": (0, 170, 255), "vehicle": (255, 80, 200)}
OTHER = (140, 255, 100)


def draw_boxes(photo: np.ndarray, boxes: Sequence[Any], size: tuple[int, int]) -> np.ndarray:
    """A photo with its boxes, each with its category's colour, its number and its confidence.

    Args:
        photo: uint8 (rows, columns, 3), RGB; it may be smaller than the photo that the boxes are of.
        boxes: Rows of a `DETECTIONS` table, of this photo.
        size: Width and height of the photo that the boxes are of.

    Returns:
        A drawn copy, uint8 (rows, columns, 3).
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(photo)
    pen = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 300))
    letters = ImageFont.load_default(size=max(11, round(max(picture.size) / 55)))
    ratio = np.array([picture.width / size[0], picture.height / size[1]] * 2)
    for row in boxes:
        x, y, width, height = (float(v) for v in np.array(row.bbox) * ratio)
        colour = COLOURS.get(row.category, OTHER)
        pen.rectangle((x, y, x + max(width - 1, 0), y + max(height - 1, 0)), outline=colour, width=line)
        text = f" {row.category} {row.confidence:.2f} "
        _, _, right, bottom = pen.textbbox((0, 0), text, font=letters)
        at = min(x, max(picture.width - right, 0)), y - bottom if y >= bottom else y
        pen.rectangle((at[0], at[1], at[0] + right, at[1] + bottom), fill=colour)
        pen.text(at, text, fill=(0, 0, 0), font=letters)
    return np.asarray(picture)


def draw_photos(photos: pd.DataFrame, detections: pd.DataFrame, root: Path, folder: Path) -> int:
    """Write each photo with boxes as a JPEG, under the photo's own path; returns how many.

    Raises:
        OutputError: a file cannot be written.
    """
    written = 0
    for row, picture in _drawn(photos, detections, root, SEEN):
        if len(row.boxes):
            _save(picture, folder / f"{row.path}.jpg")
            written += 1
    return written


def draw_sheets(photos: pd.DataFrame, detections: pd.DataFrame, root: Path, folder: Path) -> list[Path]:
    """Write contact sheets of all photos in order, thirty a sheet, `sheet_001.jpg` and on; photos without a box are dimmed.

    Raises:
        OutputError: a file cannot be written.
    """
    import cv2

    tiles: list[np.ndarray] = []
    written: list[Path] = []

    def flush() -> None:
        if tiles:
            filled = tiles + [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
            rows = [np.hstack(filled[i : i + COLUMNS]) for i in range(0, len(filled), COLUMNS)]
            written.append(folder / f"sheet_{len(written) + 1:03d}.jpg")
            _save(np.vstack(rows), written[-1])
            tiles.clear()

    for row, picture in _drawn(photos, detections, root, 2 * max(TILE)):
        scale = min(TILE[0] / picture.shape[1], (TILE[1] - 18) / picture.shape[0])
        size = [max(round(n * scale), 1) for n in picture.shape[1::-1]]
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        tile = np.full((TILE[1], TILE[0], 3), 24, np.uint8)
        tile[: small.shape[0], : small.shape[1]] = small if len(row.boxes) else small // 2
        name = row.path if len(row.path) <= 46 else f"...{row.path[-43:]}"
        cv2.putText(
            tile, name.encode("ascii", "replace").decode(), (3, TILE[1] - 5), 0, 0.36, (235, 235, 235), 1, cv2.LINE_AA
        )
        tiles.append(tile)
        if len(tiles) == COLUMNS * ROWS:
            flush()
    flush()
    return written


class _Row:
    def __init__(self, path: str, boxes: list[Any]) -> None:
        self.path, self.boxes = path, boxes


def _drawn(
    photos: pd.DataFrame, detections: pd.DataFrame, root: Path, longest: int
) -> Iterator[tuple[_Row, np.ndarray]]:
    """Every readable photo with its boxes, at about a size."""
    import cv2

    photos, detections = check(photos, PHOTOS), check(detections, DETECTIONS)
    by_image: dict[str, list[Any]] = {}
    for row in records(detections):
        by_image.setdefault(row.image_id, []).append(row)
    good = list(records(photos[photos["error"].isna() & photos["width"].notna()]))
    for photo in track(good, "draw"):
        try:
            pixels = read_photo(root / photo.path, longest=longest)
        except InputError:
            continue  # the detect stage has said so
        scale = longest / max(pixels.shape[:2])
        if scale < 1:
            size = [max(round(n * scale), 1) for n in pixels.shape[1::-1]]
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        boxes = by_image.get(photo.image_id, [])
        yield _Row(photo.path, boxes), draw_boxes(pixels, boxes, (int(photo.width), int(photo.height)))


def _save(picture: np.ndarray, path: Path) -> None:
    from PIL import Image

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".part")
        Image.fromarray(picture).save(partial, format="JPEG", quality=88)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"the picture {path} cannot be written: {error.strerror}. Name another folder.") from None

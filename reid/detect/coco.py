"""COCO files of boxes for training and judging a detector: read with every fault named, nothing guessed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reid.detect.boxes import clip
from reid.errors import FormatError, InputError
from reid.outside import LARGEST, is_plain, read_json
from reid.photos import photo_size

__all__ = ["BoxPhoto", "BoxSet", "read_box_sets", "read_boxes"]

SIDE = 2.0
"""Boxes of fewer pixels on a side are left out."""


@dataclass(frozen=True)
class BoxPhoto:
    """A photo and what is on it.

    Attributes:
        path: The file.
        size: Width and height in pixels, upright.
        boxes: (n, 4) x, y, width, height in pixels, inside the photo.
        categories: (n,) places of their names among the names asked for.
        outlines: For each box the polygons around the animal, each (points, 2), in pixels; an empty tuple where not given.
        source: What the file says of where the photo comes from (`source`, `location` or `seq_id`); "" where it does not.
    """

    path: Path
    size: tuple[int, int]
    boxes: np.ndarray
    categories: np.ndarray
    outlines: tuple[tuple[np.ndarray, ...], ...] = ()
    source: str = ""


@dataclass(frozen=True)
class BoxSet:
    """The photos of a COCO file, and one (path, reason) for each photo or box of it that is left out."""

    photos: list[BoxPhoto]
    left_out: list[tuple[str, str]] = field(default_factory=list)


def read_box_sets(paths: Sequence[str | Path], categories: Sequence[str]) -> list[BoxSet]:
    """Several files, each by `read_boxes`.

    Raises:
        InputError: none of them has a box, or one cannot be used.
        FormatError: one is not COCO.
    """
    sets = [read_boxes(path, categories) for path in paths]
    if not any(len(photo.boxes) for found in sets for photo in found.photos):
        raise InputError(
            f"no box of {', '.join(categories)} in {', '.join(map(str, paths))}; there is nothing to learn."
        )
    return sets


def read_boxes(path: str | Path, categories: Sequence[str]) -> BoxSet:
    """Read a COCO file of boxes. `file_name` is relative to the file's folder, or absolute.

    Where one category is asked for and the file has no category of that name, all of its categories count as that one: a
    file of leopards trains a detector of animals. Otherwise boxes of other names are left out.

    Left out with a reason: photos that are missing or cannot be read; those whose stated size is not theirs; boxes of
    other categories, or of a category that the file does not name; that are empty, smaller than two pixels, outside the
    photo, or no numbers; boxes marked `iscrowd`. A box that reaches beyond the photo is cut, and that is noted too.

    Args:
        path: The file.
        categories: Names of what is to be found.

    Raises:
        InputError: there is no such file, or none of its photos can be used.
        FormatError: it is not COCO.
    """
    path = Path(path)
    images, annotations, names = _load(path)
    wanted = {name.lower(): i for i, name in enumerate(categories)}
    one_for_all = len(wanted) == 1 and not wanted.keys() & {name.lower() for name in names.values()}
    by_image: dict[Any, list[dict[str, Any]]] = {}
    lost: list[tuple[str, str]] = []
    known = {image["id"] for image in images}
    for number, row in enumerate(annotations):
        if not is_plain(row.get("image_id")) or row.get("image_id") not in known:
            lost.append((f"annotation {number}", f"no image has its image_id {row.get('image_id')!r}"))
            continue
        by_image.setdefault(row["image_id"], []).append(row)
    photos = []
    for image in images:
        file = path.parent / str(image["file_name"]).replace("\\", "/")
        try:
            size = photo_size(file)
        except InputError as error:
            lost.append((str(image["file_name"]), str(error)))
            continue
        stated = image.get("width"), image.get("height")
        if None not in stated and stated != size:
            lost.append(
                (
                    str(image["file_name"]),
                    f"the file says {stated[0]} by {stated[1]}, the photo is {size[0]} by {size[1]}",
                )
            )
            continue
        kept = []
        for row in by_image.get(image["id"], []):
            box, reason = _box(row, size)
            name = names.get(row.get("category_id")) if is_plain(row.get("category_id")) else None
            category = 0 if one_for_all and name is not None else wanted.get(str(name).lower())
            if name is None:
                box, reason = None, f"category_id {row.get('category_id')!r} is not among the file's categories"
            elif category is None:
                box, reason = None, f"a box of {name!r}, which is not asked for"
            if reason:
                lost.append((str(image["file_name"]), reason))
            if box is not None:
                kept.append((box, category, _outlines(row.get("segmentation"))))
        source = str(image.get("source") or image.get("location") or image.get("seq_id") or "")
        photos.append(
            BoxPhoto(
                file,
                size,
                np.array([k[0] for k in kept], float).reshape(-1, 4),
                np.array([k[1] for k in kept], int),
                tuple(k[2] for k in kept),
                source,
            )
        )
    if not photos:
        raise InputError(
            f"none of the {len(images)} photos of {path} can be used{'; the first: ' + ': '.join(lost[0]) if lost else ''}."
        )
    return BoxSet(photos, lost)


def _load(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[Any, str]]:
    try:
        content = read_json(path, LARGEST)
        images, annotations = content["images"], content["annotations"]
        names = {row["id"]: str(row["name"]) for row in content.get("categories", [])}
        if not all(isinstance(row, dict) for row in (*images, *annotations)):
            raise TypeError("images and annotations must be objects")
        if any("file_name" not in row or not is_plain(row.get("id", [])) for row in images):
            raise KeyError("an image without file_name, or without an id that is a number or a text")
    except FileNotFoundError:
        raise InputError(f"no COCO file at {path}; name a JSON file with images, annotations and categories.") from None
    except OSError as error:
        raise InputError(f"the COCO file {path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} is not a COCO file with images, annotations and categories ({error!r}).") from None
    return images, annotations, names


def _box(row: dict[str, Any], size: tuple[int, int]) -> tuple[tuple[float, ...] | None, str]:
    """The box inside the photo, or None; and what is wrong with it, or ""."""
    value = row.get("bbox")
    if row.get("iscrowd"):
        return None, "a box of a crowd (iscrowd)"
    try:
        numbers = tuple(float(v) for v in value)  # type: ignore[union-attr]
    except (TypeError, ValueError, OverflowError):
        numbers = ()
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        return None, f"bbox {value!r}, expected four numbers: x, y, width, height"
    if numbers[2] <= 0 or numbers[3] <= 0:
        return None, f"an empty box {value!r}"
    inside = clip(numbers, *size)
    if inside is None:
        return None, f"a box {value!r} outside the photo of {size[0]} by {size[1]}"
    if min(inside[2:]) < SIDE:
        return None, f"a box {value!r} smaller than {SIDE:g} pixels on the photo"
    beyond = inside[2] * inside[3] < 0.99 * numbers[2] * numbers[3]
    return inside, f"a box {value!r} reaching beyond the photo of {size[0]} by {size[1]} was cut" if beyond else ""


def _outlines(value: Any) -> tuple[np.ndarray, ...]:
    """Polygons of a COCO segmentation; other forms of it are passed over."""
    if not isinstance(value, list):
        return ()
    out = []
    for points in value:
        try:
            polygon = np.array(points, float).reshape(-1, 2)
        except (TypeError, ValueError, OverflowError):
            continue
        if len(polygon) >= 3 and np.isfinite(polygon).all():
            out.append(polygon)
    return tuple(out)

"""COCO files whose annotations name individuals."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reid.errors import FormatError, InputError
from reid.outside import LARGEST, read_json
from reid.tables import FLANKS, UNKNOWN

__all__ = ["Labelled", "read_coco"]

IDENTITY = ("identity", "individual", "individual_id", "individualID", "name")
FLANK = ("orientation", "viewpoint", "flank")


@dataclass(frozen=True)
class Labelled:
    """One animal on one photo: path below the data set's folder, who it is, where it is, what it shows."""

    path: str
    identity: str
    bbox: tuple[float, float, float, float] | None
    """x, y, width, height in pixels of the upright photo; None is the whole photo."""
    orientation: str = UNKNOWN
    encounter: str | None = None
    split: str | None = None


def read_coco(path: Path) -> list[Labelled]:
    """Read a COCO file. `file_name` is relative to its folder.

    An annotation says who it is in `identity`, `individual`, `individual_id`, `individualID` or `name`, itself
    or among its `attributes`; its flank in `orientation`, `viewpoint` or `flank`; its encounter in `encounter`.
    One without an identity is of an unknown animal.

    Raises:
        InputError: there is no such file, or no annotation names an individual.
        FormatError: it is not COCO, or a value is wrong; the message names the annotation.
    """
    try:
        content = read_json(path, LARGEST)
        names = {image["id"]: image["file_name"] for image in content["images"]}
        annotations = content["annotations"]
        splits = {image["id"]: image.get("split") for image in content["images"]}
        if not all(isinstance(row, dict) and isinstance(row.get("image_id"), (int, str)) for row in annotations):
            raise TypeError("an annotation is no object with an image_id")
    except FileNotFoundError:
        raise InputError(f"data={path}: no such file. Check the path; it is taken from {Path.cwd()}.") from None
    except OSError as error:
        raise InputError(f"data={path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is not a COCO file with images and annotations ({error!r}).") from None
    rows = []
    for number, row in enumerate(annotations, 1):
        where = f"{path}, annotation {number}"
        if row.get("image_id") not in names:
            raise FormatError(f"{where}: image_id {row.get('image_id')!r} is not among the images.")
        name = os.path.normpath(str(names[row["image_id"]]).replace("\\", "/")).replace(os.sep, "/")
        if Path(name).is_absolute():
            raise FormatError(f"{where}: file_name {name!r} must be relative to the file's folder.")
        flank = str(_said(row, FLANK) or UNKNOWN).lower()
        if flank not in FLANKS:
            raise FormatError(f"{where}: flank {flank!r}, expected one of {', '.join(FLANKS)}.")
        encounter = _said(row, ("encounter",))
        rows.append(
            Labelled(
                name,
                str(_said(row, IDENTITY) or UNKNOWN),
                _box(row.get("bbox"), where),
                flank,
                None if encounter is None else str(encounter),
                splits[row["image_id"]],
            )
        )
    if all(row.identity == UNKNOWN for row in rows):
        raise InputError(
            f"{path}: none of its {len(rows)} annotations names an individual; expected the key {IDENTITY[0]!r}."
        )
    return rows


def _said(annotation: dict[str, Any], keys: tuple[str, ...]) -> Any:
    attributes = annotation.get("attributes")
    for place in (annotation, attributes if isinstance(attributes, dict) else {}):
        for key in keys:
            if place.get(key) not in (None, ""):
                return place[key]
    return None


def _box(value: Any, where: str) -> tuple[float, float, float, float] | None:
    if value is None or value == []:
        return None
    try:
        x, y, width, height = (float(v) for v in value)
    except (TypeError, ValueError):
        raise FormatError(f"{where}: bbox {value!r}, expected four numbers: x, y, width, height.") from None
    if not np.all(np.isfinite([x, y, width, height])):
        raise FormatError(f"{where}: bbox {value!r} holds a number that is none.")
    return x, y, width, height

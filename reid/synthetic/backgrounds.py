"""Photographs of real places for the animals to stand before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reid.errors import InputError
from reid.photos import read_photo
from reid.photos.files import inspect
from reid.photos.scan import EXTENSIONS
from reid.synthetic.scene import allowed_light
from reid.tables import PROBLEMS, from_rows

__all__ = ["Place", "find_places"]

SMALL = 640
"""Longest side, pixels, at which the light of a photograph is judged."""


@dataclass(frozen=True)
class Place:
    """A photograph of a place.

    Attributes:
        path: The file.
        content_hash: SHA-256 of it.
        only: The one light that it allows; empty where all do.
    """

    path: Path
    content_hash: str
    only: str

    def pixels(self, longest: int) -> np.ndarray:
        """The photograph, uint8 (rows, columns, 3), with at least `longest` pixels on its longer side if it has them."""
        return read_photo(self.path, longest)


def find_places(folder: str | Path, count: int) -> tuple[list[Place], pd.DataFrame]:
    """The first photographs of a folder and its subfolders, by path.

    Args:
        folder: Photos without animals.
        count: How many are needed; fewer are used again.

    Returns:
        At most `count` places, at least one; and a PROBLEMS table of the photos passed over.

    Raises:
        InputError: there is no such folder, or no photo in it can be used.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise InputError(f"backgrounds={folder}: no such folder. Name a folder of photos without animals.")
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file())
    places: list[Place] = []
    problems: list[dict[str, str]] = []
    for path in paths:
        # one by one: of a folder with a whole survey, the first few are enough
        if len(places) == count:
            break
        try:
            fact = inspect(path)
            if fact.error:
                raise InputError(fact.error)
            places.append(Place(path, str(fact.content_hash), allowed_light(read_photo(path, SMALL))))
        except InputError as error:
            problems.append({"stage": "scan", "path": path.relative_to(root).as_posix(), "reason": str(error)})
    if not places:
        why = f"; {problems[0]['path']}: {problems[0]['reason']}" if problems else ""
        raise InputError(f"backgrounds={folder} holds no photo that can be used ({len(paths)} found{why}).")
    return places, from_rows(problems, PROBLEMS)

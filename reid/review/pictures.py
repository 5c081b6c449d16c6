"""Pictures that the page shows: crops and whole photos, made small, kept on disk, and never a file as it lies there.

Every picture is decoded and written anew as JPEG, so that nothing but pixels leaves: no metadata, and no file that
only calls itself a photo. A photo's path comes out of the catalogue, which may come from elsewhere: what does not lie
inside the photo folder, links followed, is refused.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reid.catalogue import Catalogue
from reid.counts import jpeg_bytes
from reid.embed import crop_picture
from reid.errors import InputError
from reid.photos import read_photo
from reid.store import digest

__all__ = ["SIZES", "Pictures", "inside"]

SIZES = (240, 480, 1280, 2560)
"""Pixels of a picture's longest side that may be asked for."""
QUALITY = {240: 72, 480: 76}


def inside(root: Path, path: str) -> Path:
    """A file of a photo folder.

    Args:
        root: The photo folder.
        path: Below it, as the catalogue has it.

    Raises:
        InputError: It lies elsewhere, or is no file.
    """
    try:
        base, found = root.resolve(), (root / path).resolve()
        if found.is_relative_to(base) and found.is_file():
            return found
    except (OSError, ValueError):  # a name too long, or with a null in it
        pass
    raise InputError("the photo is not in the photo folder; if the photos were moved, start again with photos=FOLDER.")


class Pictures:
    """Gives JPEG bytes; what was made once is kept in `FILE.data/thumbnails`.

    Args:
        catalogue: Whose pictures these are.
        roots: Photo folder of each run, where it is known.
    """

    def __init__(self, catalogue: Catalogue, roots: dict[str, Path]) -> None:
        self.catalogue = catalogue
        self.roots = roots
        self.folder = catalogue.data / "thumbnails"
        self._turn = threading.Semaphore(2)  # decoding takes memory: no more than two at once

    def crop(self, row: Mapping[str, Any], size: int) -> bytes:
        """A sighting's animal.

        Args:
            row: Of the sighting, as `Catalogue.sighting` gives it.
            size: Of `SIZES`.

        Raises:
            InputError: Neither the catalogue nor the photo folder has it.
        """
        return self._kept(("crop", row["content_hash"], row["bbox"], size), lambda: self._crop(row, size), size)

    def photo(self, row: Mapping[str, Any], size: int) -> bytes:
        """The whole photo.

        Raises:
            InputError: It is not in the photo folder, or that is not known.
        """
        return self._kept(("photo", row["content_hash"], size), lambda: read_photo(self.file(row), size), size)

    def file(self, row: Mapping[str, Any]) -> Path:
        """A sighting's photo file.

        Raises:
            InputError: It is not in the photo folder, or that is not known.
        """
        root = self.roots.get(str(row["run"]))
        if root is None:
            raise InputError("the photo folder of this season is not known; name it as census=FOLDER or photos=FOLDER.")
        return inside(root, str(row["path"]))

    def has_photo(self, row: Mapping[str, Any]) -> bool:
        """Whether the whole photo can be shown."""
        try:
            self.file(row)
        except InputError:
            return False
        return True

    def _crop(self, row: Mapping[str, Any], size: int) -> Any:
        kept = self.catalogue.picture(str(row["sighting"]))
        if kept is not None and (size <= 1280 or not self.has_photo(row)):
            return read_photo(kept, size)
        path = self.file(row)
        return crop_picture(path.parent, {"path": path.name, "bbox": row["bbox"]}, size)

    def _kept(self, what: tuple[Any, ...], make: Any, size: int) -> bytes:
        if size not in SIZES:
            raise InputError(f"size={size} is none of {', '.join(map(str, SIZES))}.")
        key = digest(*what, length=32)
        path = self.folder / key[:2] / f"{key}.jpg"
        try:
            return path.read_bytes()
        except OSError:
            pass
        with self._turn:
            made = jpeg_bytes(make(), size, QUALITY.get(size, 84))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
            partial.write_bytes(made)
            partial.replace(path)
        except OSError:
            pass  # a folder that cannot be written only makes it slower
        return made

"""Pictures of crops beside a catalogue, JPEG files named by what they show: photo content and box."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from reid.threads import ahead

__all__ = ["keep", "place"]


def place(folder: Path, content_hash: str, bbox: Sequence[float]) -> Path:
    """Where the picture of a crop lies.

    Args:
        folder: The catalogue's folder of pictures.
        content_hash: Of the whole photo.
        bbox: x, y, width, height in pixels.
    """
    text = " ".join([content_hash, *(repr(float(value)) for value in bbox)])
    return folder / f"{sha256(text.encode()).hexdigest()[:32]}.jpg"


def keep(folder: Path, crops: Iterable[tuple[str, str, Sequence[float]]], picture: Callable[[str], bytes]) -> None:
    """Write the pictures that are not there yet, each whole or not at all.

    Args:
        folder: The catalogue's folder of pictures.
        crops: crop_id, content hash and box of each.
        picture: Gives the JPEG bytes of a crop_id; called by several threads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = {place(folder, content_hash, bbox): crop_id for crop_id, content_hash, bbox in crops}
    missing = {path: crop_id for path, crop_id in places.items() if not path.is_file()}
    for path, jpeg in zip(missing, ahead(picture, missing.values()), strict=True):
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        partial.write_bytes(jpeg)
        partial.replace(path)

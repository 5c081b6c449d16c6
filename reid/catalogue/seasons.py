"""What a catalogue calls a season."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["season_id"]


def season_id(name: str, root: str | Path) -> str:
    """The name that somebody gave, else the photo folder's with a mark of where it lies.

    Args:
        name: As given; may be empty.
        root: Folder of the photos.

    >>> season_id("2015", "/photos"), season_id("", "/photos/a:b")
    ('2015', 'a-b-04d9eff8')
    """
    if name:
        return name
    place = Path(root).resolve()
    mark = hashlib.sha256(str(place).encode()).hexdigest()[:8]
    return f"{place.name}-{mark}".replace(":", "-")

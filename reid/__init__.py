"""Individual re-identification of spotted cats: a season of camera-trap photographs in, a census out.

Three lines embed and search:

    import reid
    embedder = reid.load()
    vectors = embedder.embed(["a.jpg", "b.jpg"])

Importing this package is quick; what needs PyTorch, FAISS or pandas is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from reid._version import __version__

if TYPE_CHECKING:
    from reid.api import census
    from reid.catalogue import Catalogue, open_catalogue
    from reid.detect import read_detections, write_megadetector
    from reid.embed import Embedder, load
    from reid.errors import ReidError
    from reid.match import Index
    from reid.photos import read_labelled, read_photo, scan

_PLACES = {
    "Catalogue": "reid.catalogue",
    "Embedder": "reid.embed",
    "Index": "reid.match",
    "ReidError": "reid.errors",
    "census": "reid.api",
    "load": "reid.embed",
    "open_catalogue": "reid.catalogue",
    "read_detections": "reid.detect",
    "read_labelled": "reid.photos",
    "read_photo": "reid.photos",
    "scan": "reid.photos",
    "write_megadetector": "reid.detect",
}

__all__ = [
    "Catalogue",
    "Embedder",
    "Index",
    "ReidError",
    "__version__",
    "census",
    "load",
    "open_catalogue",
    "read_detections",
    "read_labelled",
    "read_photo",
    "scan",
    "write_megadetector",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'reid' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

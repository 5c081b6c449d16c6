"""Local features kept on disk by content, so that no crop's spots are sought twice."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import numpy as np

from reid.match.local import Features, LocalMatcher
from reid.store import digest

__all__ = ["FeatureStore"]

IN_MEMORY = 200
"""Crops whose spots stay in memory, about 130 KB each: a long season needs no more than a short one."""


class FeatureStore:
    """Spots of crops, sought once.

    Args:
        matcher: What seeks them.
        folder: Where they are kept; only in memory without it.
    """

    def __init__(self, matcher: LocalMatcher, folder: Path | None = None) -> None:
        self.matcher = matcher
        self.folder = folder
        self._memory: OrderedDict[str, Features] = OrderedDict()
        self._putting = Lock()

    def key(self, content_hash: str, bbox: list[float]) -> str:
        """What a crop's spots were made from; how they are matched later is no part of it, where the matcher tells the two apart."""
        made_by = getattr(self.matcher, "seeks", self.matcher.fingerprint)
        return digest(content_hash, list(bbox), made_by, length=24)

    def has(self, key: str) -> bool:
        return key in self._memory or bool(self.folder and self._path(key).is_file())

    def get(self, key: str, picture: Callable[[], np.ndarray]) -> Features:
        """The spots under a key; `picture` is asked for only if they have to be sought."""
        if key in self._memory:
            self._memory.move_to_end(key)
            return self._memory[key]
        features = self._read(key)
        if features is None:
            features = self.matcher.extract(picture())
            self._write(key, features)
        self._remember(key, features)
        return features

    def put(self, key: str, features: Features) -> None:
        """Keep spots that were sought elsewhere, with the same matcher; for good only where there is a folder. Threads may do it."""
        with self._putting:
            if not self.has(key):
                self._write(key, features)
                self._remember(key, features)

    def _remember(self, key: str, features: Features) -> None:
        self._memory[key] = features
        if len(self._memory) > IN_MEMORY:
            self._memory.popitem(last=False)

    def _path(self, key: str) -> Path:
        return Path(self.folder or ".") / key[:2] / f"{key}.npz"

    def _read(self, key: str) -> Features | None:
        if not self.folder or not self._path(key).is_file():
            return None
        try:
            with np.load(self._path(key), allow_pickle=False) as kept:
                height, width = (int(v) for v in kept["size"])
                return Features(kept["points"], kept["descriptors"], (height, width))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None  # a damaged file is made again

    def _write(self, key: str, features: Features) -> None:
        if not self.folder:
            return
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            np.savez(file, points=features.points, descriptors=features.descriptors, size=np.array(features.size))
        partial.replace(path)

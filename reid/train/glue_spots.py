"""Spots of labelled crops and of their changed copies, sought once and kept."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.embed.crops import crop_picture
from reid.errors import InputError
from reid.match.features import FeatureStore
from reid.match.local import Features, LocalMatcher, at_scale
from reid.progress import track
from reid.store import digest
from reid.train.glue_views import change_of, changed

__all__ = ["Spots"]

VERSION = "copies-1"
"""Of how copies are made; kept spots of another are not theirs."""


class Spots:
    """Spots of crops.

    Args:
        matcher: What seeks them.
        rows: Labelled crops, numbered from 0: `root`, `path`, `bbox`, `content_hash`.
        seed: Of the copies.
        folder: Where spots are kept.
    """

    def __init__(self, matcher: LocalMatcher, rows: pd.DataFrame, seed: int, folder: Path) -> None:
        self.matcher, self.seed = matcher, seed
        self.rows = [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
        self.store = FeatureStore(matcher, folder)
        self._picture = lru_cache(maxsize=1)(self._read)

    def key(self, row: int, view: int = 0) -> str:
        """Under which the spots of a crop, or of its copy number `view`, are kept."""
        own = self.rows[row]
        copy = f"+{VERSION}:{self.seed}:{view}" if view else ""
        return self.store.key(own["content_hash"] + copy, list(own["bbox"]))

    def get(self, row: int, view: int = 0) -> Features:
        """Spots of a crop (view 0) or of a copy.

        Raises:
            InputError: the photo cannot be decoded.
        """
        return self.store.get(self.key(row, view), lambda: self.picture(row, view))

    def picture(self, row: int, view: int = 0) -> np.ndarray:
        """What is looked at, uint8 RGB; copies are of the matcher's own scale."""
        plain = self._picture(row)
        if not view:
            return plain
        scaled = at_scale(plain, self.matcher.longest)[0]
        seed = self._seed(row, view)
        return changed(scaled, change_of(scaled.shape[1], scaled.shape[0], seed), seed)

    def change(self, row: int, view: int) -> np.ndarray:
        """The map from a crop to its copy, float (3, 3), both in units of their longest side."""
        height, width = self.get(row, view).size
        unit = np.diag([float(max(width, height))] * 2 + [1.0])
        out: np.ndarray = np.linalg.inv(unit) @ change_of(width, height, self._seed(row, view)) @ unit
        return out

    def prepare(self, wanted: Iterable[tuple[int, int]]) -> dict[int, str]:
        """Seek the spots of crops and copies, (row, view); returns by row why a photo cannot be decoded."""
        todo = sorted(set(wanted))
        missing = [item for item in todo if not self.store.has(self.key(*item))]
        reasons: dict[int, str] = {}
        for row, view in track(missing, "spots", total=len(todo), unit="look", done=len(todo) - len(missing)):
            if row in reasons:
                continue
            try:
                self.get(row, view)
            except InputError as error:
                reasons[row] = str(error)
        return reasons

    def _read(self, row: int) -> np.ndarray:
        own: dict[str, Any] = self.rows[row]
        return crop_picture(Path(own["root"]), own, self.matcher.longest)

    def _seed(self, row: int, view: int) -> int:
        own = self.rows[row]
        return int(digest(own["content_hash"], list(own["bbox"]), self.seed, view, length=12), 16)

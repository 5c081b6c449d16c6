"""Detectors that look at pixels: photos read ahead, each looked at once, what was found kept by content."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reid.detect.boxes import clip
from reid.detect.protocol import detection_row, problem_row, tables, usable
from reid.errors import InputError
from reid.photos import read_photo
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import records

__all__ = ["LEAST", "PhotoDetector", "Seen", "looking"]

LEAST = 0.02
"""Boxes of a lower confidence are never of use, and would fill tables by the hundred."""
AHEAD = 2
"""Photos that wait decoded, so that memory stays bounded with photos of a hundred megapixels."""
PART = 50
"""Photos between two writings of what was found."""
SCHEMA = pa.schema(
    [("boxes", pa.list_(pa.float64())), ("confidences", pa.list_(pa.float64())), ("categories", pa.list_(pa.string()))]
)


@dataclass(frozen=True)
class Seen:
    """What was found on a photo: boxes (n, 4) x, y, width, height in its pixels, confidences (n,), names (n,)."""

    boxes: np.ndarray
    confidences: np.ndarray
    categories: tuple[str, ...]


@dataclass(frozen=True)
class PhotoDetector:
    """A detector as a function of a photo.

    Attributes:
        name: What the settings call it.
        title: What tables and files call it.
        key: What it is made of, weights and settings; finished work of another key is not used.
        look: From a decoded photo, uint8 (rows, columns, 3), RGB, upright, and the photo's own width and height, to what is
            on it. The decoded photo may be smaller than the photo.
        longest: Pixels of the longer side that `look` needs; 0 for all.
        cache: Folder that keeps what was found; none without it.
    """

    name: str
    title: str
    key: str
    look: Callable[[np.ndarray, tuple[int, int]], Seen]
    longest: int = 0
    cache: Path | None = None

    def detect(self, photos: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        """See `Detector.detect`. What was found is kept, so a stopped run goes on where it was."""
        rows = list(records(usable(photos)))
        store = RowStore(self.cache, SCHEMA) if self.cache else None
        keys = {row.image_id: digest(row.content_hash, self.key, length=24) for row in rows}
        known = store.get(keys.values()) if store else {}
        waiting: dict[str, dict[str, Any]] = {}
        problems = []
        # photos of one content are looked at once
        todo = list({keys[row.image_id]: row for row in reversed(rows) if keys[row.image_id] not in known}.values())[
            ::-1
        ]
        bar = track(self._read(todo, root), "detect", total=len(rows), done=len(rows) - len(todo))
        for row, photo in bar:
            if isinstance(photo, str):
                problems.append(problem_row(row.path, photo))
                continue
            seen = self.look(*photo)
            waiting[keys[row.image_id]] = known[keys[row.image_id]] = _kept(seen, photo[1])
            if store and len(waiting) >= PART:
                store.add(waiting)
                waiting = {}
        if store:
            store.add(waiting)
        found = [
            detection_row(row.image_id, number, category, confidence, tuple(box), self.title)
            for row in rows
            if keys[row.image_id] in known
            for number, (box, confidence, category) in enumerate(_unpacked(known[keys[row.image_id]]))
        ]
        return tables(found, problems)

    def unseen(self, photos: pd.DataFrame) -> pd.DataFrame:
        """The usable photos of a `PHOTOS` table on which nothing was looked for yet, as far as the cache knows."""
        good = usable(photos)
        keys = [digest(content, self.key, length=24) for content in good["content_hash"]]
        known = RowStore(self.cache, SCHEMA).has(keys) if self.cache else set()
        return good[np.array([key not in known for key in keys], bool)]

    def _read(self, todo: Iterable[Any], root: Path) -> Iterator[tuple[Any, tuple[np.ndarray, tuple[int, int]] | str]]:
        """Photos in order, a few read ahead; a string says why one cannot be read."""
        running: deque[tuple[Any, Future[Any]]] = deque()
        with ThreadPoolExecutor(max_workers=1) as pool:
            for row in todo:
                running.append((row, pool.submit(self._photo, root / row.path, row)))
                if len(running) > AHEAD:
                    first, future = running.popleft()
                    yield first, future.result()
            while running:
                first, future = running.popleft()
                yield first, future.result()

    def _photo(self, path: Path, row: Any) -> tuple[np.ndarray, tuple[int, int]] | str:
        try:
            pixels = read_photo(path, longest=self.longest or None)
        except InputError as error:
            return str(error)
        except MemoryError:
            return "not enough memory for its pixels"
        if pd.isna(row.width) or pd.isna(row.height):
            return "the size of the photo is not known"
        return pixels, (int(row.width), int(row.height))


def looking(detector: Any) -> list[PhotoDetector]:
    """Those detectors, of one or of several together, that look at pixels and keep what they find."""
    members = getattr(detector, "members", (detector,))
    return [member for member in members if isinstance(member, PhotoDetector)]


def _kept(seen: Seen, size: tuple[int, int]) -> dict[str, Any]:
    """Boxes on the photo, the most confident first; the others are left out."""
    order = np.argsort(-seen.confidences, kind="stable")
    rows = [(clip(seen.boxes[i], *size), float(seen.confidences[i]), seen.categories[i]) for i in order]
    good = [(box, confidence, category) for box, confidence, category in rows if box is not None]
    return {
        "boxes": [value for box, _, _ in good for value in box],
        "confidences": [round(confidence, 4) for _, confidence, _ in good],
        "categories": [category for _, _, category in good],
    }


def _unpacked(kept: dict[str, Any]) -> Iterator[tuple[list[float], float, str]]:
    for i, (confidence, category) in enumerate(zip(kept["confidences"], kept["categories"], strict=True)):
        yield kept["boxes"][4 * i : 4 * i + 4], confidence, category

"""The coats of a season: each described once and kept, and pairs of them compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reid.embed import NetworkSpec
from reid.embed.crops import within
from reid.embed.flank import flank_of, read_flanks
from reid.embed.framing import reduced
from reid.embed.preprocess import preprocess
from reid.embed.torso import look
from reid.errors import ConfigError, InputError
from reid.match.coat import BATCH, PLACES, SIZE, SPEC, LoadedCoat, describe, likeness, load_coat
from reid.match.shelf import Shelf
from reid.match.shortlist import numbered
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import PROBLEMS, UNKNOWN, from_rows
from reid.threads import ahead

__all__ = ["CoatSettings", "Coats", "coats_network", "relative"]

SCHEMA = pa.schema([("places", pa.binary())])
ALIKE = pa.schema([("others", pa.binary()), ("alike", pa.binary())])
"""Of a crop: whom it was compared with, 12 bytes each, and how alike they are, float64."""
STRANGE = 0.5
"""Usual likeness above which the network does not know the species: of nyala and tigers that it never saw it is 0.38 and 0.35, of
snow leopards and jaguars 0.58 and 0.54, and it cannot tell these apart."""
ENOUGH = 30
"""Fewer pairs do not say how alike any two coats of a season are."""
PART = 256
"""Coats that are written together: what a kill can cost."""


@dataclass(frozen=True)
class CoatSettings:
    """Whether and how coats are compared place by place.

    Attributes:
        use: False leaves them out: vectors alone choose which pairs have their spots compared.
        weights: Folder of a training with `recipe=coat`; empty for the network that ships.
        candidates: Nearest crops per query, by their vectors, whose coats are compared; of those, the most alike
            have their spots compared too (`index.candidates`).
    """

    use: bool = True
    weights: str = ""
    candidates: int = 200

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ConfigError(f"coats.candidates={self.candidates} must be at least 1.")


def coats_network(settings: CoatSettings) -> LoadedCoat | None:
    """The network that the settings name; None where coats are left out."""
    return load_coat(settings.weights) if settings.use else None


class Coats:
    """Describes crops, each once, and compares them.

    Args:
        loaded: The network.
        crops: Rows by crop_id: `content_hash`, `bbox`, `orientation`, `path`.
        picture: Gives a crop's picture, uint8 RGB, of at most so many pixels on the longest side, of all with 0; may raise
            InputError. Threads call it.
        cache: Folder for descriptions and likenesses, for the next run; None keeps none.
    """

    def __init__(
        self,
        loaded: LoadedCoat,
        crops: dict[str, dict[str, Any]],
        picture: Callable[[str, int], np.ndarray],
        cache: Path | None = None,
    ) -> None:
        self.loaded, self.crops, self.picture = loaded, crops, picture
        self.store = RowStore(cache / "coats", SCHEMA) if cache else None
        self.pairs = RowStore(cache / "alike", ALIKE) if cache else None
        self._known = Shelf((PLACES, SIZE + 1), np.float16, cache)

    def prepare(self, crop_ids: Sequence[str], beside: Callable[[str, np.ndarray], None] | None = None) -> pd.DataFrame:
        """Describe all crops named.

        Args:
            crop_ids: Which; those that are described already are not read.
            beside: Called with each crop that is read and its whole picture, by several threads: what else is to be made of it.

        Returns:
            Problems table of those that cannot be read.
        """
        keys = {crop_id: self._key(crop_id) for crop_id in crop_ids}
        for key, row in self.store.rows(keys.values()) if self.store else ():
            self._known.put(key, _unpacked(row["places"]))
        todo = {key: crop_id for crop_id, key in keys.items() if key not in self._known}
        problems: dict[tuple[str, str], dict[str, str]] = {}
        fresh: dict[str, dict[str, bytes]] = {}
        for part in self._read(todo, len(keys), problems, beside):
            for key, places in part.items():
                self._known.put(key, places)
                fresh[key] = {"places": places.tobytes()}
            if self.store and len(fresh) >= PART:
                self.store.add(fresh)
                fresh = {}
        if self.store:
            self.store.add(fresh)
        return from_rows(problems.values(), PROBLEMS)

    def places(self, crop_id: str) -> np.ndarray:
        """A described crop's places, float16 (PLACES, SIZE + 1), as `reid.match.coat.describe` gives them."""
        places: np.ndarray = self._known.take([self._key(crop_id)])[0]
        return places

    def has(self, crop_id: str) -> bool:
        """Whether the crop is described; one that could not be read is not."""
        return self._key(crop_id) in self._known

    def compare(self, pairs: pd.DataFrame) -> np.ndarray:
        """How alike the coats of pairs are.

        Args:
            pairs: `query`, `candidate`.

        Returns:
            float (n,), in 0 to 1, as `reid.match.coat.likeness`; NaN where a crop could not be read.
        """
        out = np.full(len(pairs), np.nan)
        names, (queries, others) = numbered(pairs["query"], pairs["candidate"])
        keys = [self._key(name) for name in names]
        described = np.array([key in self._known for key in keys], bool)
        order = np.argsort(queries, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(queries[order])) + 1) if len(order) else []
        asked = [(queries[rows[0]], rows[described[others[rows]]]) for rows in parts if described[queries[rows[0]]]]
        kept: dict[str, dict[str, Any]] = {}
        fresh: dict[str, dict[str, bytes]] = {}
        for number, (query, rows) in enumerate(track(asked, "alike", unit="crop")):
            if self.pairs and number % PART == 0:
                kept = dict(self.pairs.rows([keys[one] for one, _ in asked[number : number + PART]]))
            own = keys[query]
            known = _alike(kept.get(own))
            compared = [keys[other] for other in others[rows]]
            missing = [key for key in dict.fromkeys(compared) if key not in known]
            if missing:
                # rounded, so that the last bits of another batch do not show
                seen = self._known.take([own, *missing])
                found = likeness(seen[0], seen[1:], self.loaded.network).round(5)
                known |= dict(zip(missing, found.astype(float).tolist(), strict=True))
                fresh[own] = _packed(known)
            out[rows] = [known[key] for key in compared]
            if self.pairs and (len(fresh) == PART or number == len(asked) - 1):
                self.pairs.add(fresh)
                fresh = {}
        return out

    def _key(self, crop_id: str) -> str:
        crop = self.crops[crop_id]
        return digest(
            crop["content_hash"], list(crop["bbox"]), str(crop["orientation"]), self.loaded.fingerprint, length=24
        )

    def _read(
        self,
        todo: dict[str, str],
        total: int,
        problems: dict[tuple[str, str], dict[str, str]],
        beside: Callable[[str, np.ndarray], None] | None,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Descriptions by key, a batch at a time."""
        spec: NetworkSpec = SPEC
        longest = 2 * max(spec.height, spec.width)

        def read(item: tuple[str, str]) -> np.ndarray | str:
            try:
                picture = self.picture(item[1], 0 if beside else longest)
            except InputError as error:
                return str(error)
            if beside:
                beside(item[1], picture)
            return reduced(within(picture, longest), spec)

        waiting: list[tuple[str, str, np.ndarray]] = []
        items = list(todo.items())
        known = total - len(items)
        seen_by = track(ahead(read, items), "coats", total=total, unit="crop", done=known)
        for number, ((key, crop_id), picture) in enumerate(zip(items, seen_by, strict=True)):
            if isinstance(picture, str):
                path = str(self.crops[crop_id]["path"])
                problems[path, picture] = {"stage": "match", "path": path, "reason": picture}
            else:
                waiting.append((key, str(self.crops[crop_id]["orientation"]), picture))
            if waiting and (len(waiting) == BATCH or number == len(items) - 1):
                images = _framed([one[2] for one in waiting], [one[1] for one in waiting])
                seen = describe(images, self.loaded.network)
                yield {one[0]: seen[n] for n, one in enumerate(waiting)}
                waiting = []


def _framed(pictures: list[np.ndarray], orientations: list[str]) -> np.ndarray:
    """Torsos that face left, uint8 (n, 3, height, width); a flank that nobody named is told by the shipped head."""
    names = list(orientations)
    if UNKNOWN in names:
        found = flank_of(read_flanks(pictures, BATCH)[: len(pictures)])[0]
        names = [told if name == UNKNOWN else name for name, told in zip(names, found, strict=True)]
    torsos = look(pictures, BATCH)
    return np.stack([preprocess(p, SPEC, name, torso) for p, name, torso in zip(pictures, names, torsos, strict=True)])


def relative(likeness: np.ndarray) -> np.ndarray:
    """Likenesses as multiples of the usual one, the median of all pairs that were compared, most of which are of two animals.

    To a network that never learned a species all its coats are alike. Where the usual likeness is above `STRANGE`, or there
    are fewer than `ENOUGH` pairs to tell it by, coats say nothing, neither for a pair nor against it.

    Args:
        likeness: Of all pairs that were compared, float (n,), NaN where a crop could not be read.

    Returns:
        float (n,); NaN throughout where coats say nothing.

    >>> relative(np.array([0.2] * 30 + [0.5])).round(3).tolist()[-2:]
    [1.0, 2.5]
    >>> relative(np.array([0.8] * 30 + [0.9])).round(3).tolist()[-2:]
    [nan, nan]
    """
    likeness = np.asarray(likeness, float)
    known = likeness[np.isfinite(likeness)]
    usual = float(np.median(known)) if len(known) >= ENOUGH else 0.0
    if not 0 < usual <= STRANGE:
        return np.full(len(likeness), np.nan)
    out: np.ndarray = (likeness / usual).round(5)
    return out


def _packed(alike: dict[str, float]) -> dict[str, bytes]:
    return {"others": bytes.fromhex("".join(alike)), "alike": np.array(list(alike.values()), float).tobytes()}


def _alike(row: dict[str, Any] | None) -> dict[str, float]:
    if row is None:
        return {}
    names = row["others"].hex()
    keys = [names[n : n + 24] for n in range(0, len(names), 24)]
    return dict(zip(keys, np.frombuffer(row["alike"], float).tolist(), strict=True))


def _unpacked(places: bytes) -> np.ndarray:
    return np.frombuffer(places, np.float16).reshape(PLACES, SIZE + 1)

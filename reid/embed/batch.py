"""Batch inference: a crops table to unit vectors, flanks and quality, streaming and resumable; bad photos are rows with a reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reid.embed.allocator import keep_memory
from reid.embed.choice import way_for
from reid.embed.flank import flank_of
from reid.embed.flow import flow
from reid.embed.framing import framed, unnamed_flanks
from reid.embed.reading import read_crops
from reid.embed.way import Way
from reid.embed.weights import LoadedNetwork
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import CROPS, PROBLEMS, UNKNOWN, check, from_rows

__all__ = ["Embedded", "embed_crops", "embed_images"]

PART, PART_SECONDS = 256, 2.0
"""Crops, and seconds, after which what is done is written."""
SCHEMA = pa.schema([("vector", pa.binary()), ("flanks", pa.binary())])
SCORED = SCHEMA.append(pa.field("quality", pa.float32()))
"""What is kept of each crop: by a network without a head for the quality, and by one with it."""

Item = tuple[str, dict[str, Any]]
"""A crop's key in the store, and its row."""
Seen = tuple[np.ndarray, np.ndarray, float]
"""A crop's vector, probabilities of the flanks, and quality."""


@dataclass(frozen=True)
class Embedded:
    """What came of a crops table.

    Attributes:
        vectors: Unit vectors, float32, (n, d).
        crops: The n crops that they belong to; flanks that nobody had named are filled in, and so is the quality, which is
            null where the network has no head for it.
        problems: Problems table: the crops that could not be read.
    """

    vectors: np.ndarray
    crops: pd.DataFrame
    problems: pd.DataFrame


def embed_crops(
    root: Path,
    crops: pd.DataFrame,
    loaded: LoadedNetwork,
    cache: Path | None = None,
    batch: int = 0,
    way: Way | None = None,
) -> Embedded:
    """Embed every crop.

    A batch always has the same shape (the last one is filled with black), so a vector does not depend on how many
    crops stand beside it, and a resumed run gives the bytes of one that was not interrupted.

    Args:
        root: Folder that the crops' paths are below.
        crops: Crops table; crops of one photo stand together.
        loaded: The network, and the engine that runs it.
        cache: Folder for finished vectors; none are kept without it.
        batch: Crops per step of the network; 0 takes what suits the engine.
        way: The network made ready, where the caller has it already.
    """
    keep_memory()
    rows: list[Any] = crops.to_dict("records")
    keys = [_key(row, loaded) for row in rows]
    scored = loaded.spec.quality
    store = RowStore(cache, SCORED if scored else SCHEMA) if cache else None
    known: dict[str, Seen] = {}
    for key, kept in (store.get(keys) if store else {}).items():
        vector, flanks = (np.frombuffer(kept[name], np.float32) for name in ("vector", "flanks"))
        known[key] = vector, flanks, kept.get("quality", np.nan)
    todo: dict[str, Item] = {}
    for key, row in zip(keys, rows, strict=True):
        if key not in known:
            todo.setdefault(key, (key, row))
    reasons: dict[tuple[str, str], dict[str, str]] = {}
    if todo:
        if batch:
            loaded = replace(loaded, engine=replace(loaded.engine, batch=batch))
        way = way or way_for(loaded, len(crops))
        with kept_in_parts(store, scored) as keep:
            done = _embedded(root, list(todo.values()), loaded, way)
            for (key, row), seen in track(done, "embed", total=len(known) + len(todo), unit="crop", done=len(known)):
                if isinstance(seen, str):
                    reasons[row["path"], seen] = {"stage": "embed", "path": row["path"], "reason": seen}
                else:
                    known[key] = seen
                    keep(key, seen)
    good = [n for n, key in enumerate(keys) if key in known]
    size = (len(good), loaded.network.size)
    vectors = np.stack([known[keys[n]][0] for n in good]) if good else np.zeros(size, np.float32)
    kept_crops = crops.iloc[good].reset_index(drop=True)
    if good:
        kept_crops["quality"] = np.array([known[keys[n]][2] for n in good]).round(6)
        kept_crops = _with_flanks(kept_crops, np.stack([known[keys[n]][1] for n in good]))
    return Embedded(vectors, kept_crops, from_rows(reasons.values(), PROBLEMS))


def _embedded(root: Path, todo: list[Item], loaded: LoadedNetwork, way: Way) -> Iterator[tuple[Item, Seen | str]]:
    """Each crop with what is seen on it, or with why its photo cannot be read; in the order in which batches fill."""
    photos = [list(group) for _, group in groupby(todo, lambda item: item[1]["path"])]

    def read(photo: list[Item]) -> list[tuple[Item, np.ndarray | str]]:
        rows = [row for _, row in photo]
        return list(zip(photo, read_crops(root, rows, loaded.spec, loaded.engine.decode), strict=True))

    def see(batch: Sequence[tuple[Item, np.ndarray]]) -> list[tuple[Item, Seen | str]]:
        names = [row["orientation"] for (_, row), _ in batch]
        vectors, flanks, quality = embed_images([picture for _, picture in batch], names, loaded, way, way.batch)
        return [(item, (vectors[n].copy(), flanks[n].copy(), float(quality[n]))) for n, (item, _) in enumerate(batch)]

    return flow(photos, read, see, way.batch, way.workers, way.threads > 1)


def _key(crop: dict[str, Any], loaded: LoadedNetwork) -> str:
    """What a crop's vector was made from: its pixels, the network, and its flank where the network turns flanks."""
    facing = crop["orientation"] if loaded.spec.face == "left" else ""
    heads = [loaded.fingerprint, loaded.flank_fingerprint]
    return digest(crop["content_hash"], list(crop["bbox"]), facing, heads, length=24)


@contextmanager
def kept_in_parts(store: RowStore | None, scored: bool) -> Iterator[Callable[[str, Seen], None]]:
    """Keeps what is seen, many crops in a part, since a part is a file; what a kill loses was seen in the last seconds."""
    fresh: dict[str, Seen] = {}
    last = time.monotonic()

    def write() -> None:
        nonlocal last
        if store:
            store.add({key: _kept(seen, scored) for key, seen in fresh.items()})
        fresh.clear()
        last = time.monotonic()

    def keep(key: str, seen: Seen) -> None:
        fresh[key] = seen
        if len(fresh) >= PART or time.monotonic() - last > PART_SECONDS:
            write()

    try:
        yield keep
    finally:
        write()


def _kept(seen: Seen, scored: bool) -> dict[str, Any]:
    vector, flanks, quality = seen
    out = {"vector": vector.tobytes(), "flanks": flanks.tobytes()}
    return {**out, "quality": quality} if scored else out


def embed_images(
    pictures: Sequence[np.ndarray], orientations: Sequence[str], loaded: LoadedNetwork, way: Way, batch: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of the network, which turns what it sees facing right where it wants animals to face left.

    Args:
        pictures: Crops as `reid.embed.framing.ahead` gives them.
        orientations: Their flanks, where known.
        loaded: The network.
        way: Runs it.
        batch: Fill up with black to so many, so that each step has one shape; 0 does not.

    Returns:
        Unit vectors (n, size), probabilities of the flanks (n, 5), and quality (n,), NaN without a head for it.
    """
    images, flanks = framed(pictures, orientations, loaded.spec, way, batch)
    if flanks is None and loaded.spec.face == "left":
        images, flanks = _turned(images, orientations, way)
    vectors, seen, quality = way.vectors(images)
    n = len(pictures)
    told = seen if flanks is None else flanks
    if told is None:
        told = unnamed_flanks(len(images))
    return vectors[:n], told[:n], quality[:n]


def _turned(batch: np.ndarray, orientations: Sequence[str], way: Way) -> tuple[np.ndarray, np.ndarray]:
    """The batch with all animals facing left, and their flanks.

    Crops of a known flank were turned when they were read. Those of which nobody has said it are looked at first.
    """
    asked = [n for n, known in enumerate(orientations) if known == UNKNOWN]
    flanks = unnamed_flanks(len(batch))
    if asked:
        # the whole batch, so that it has the same shape each time
        flanks[asked] = way.turns(batch)[asked]
        names, _ = flank_of(flanks)
        turn = [n for n in asked if names[n] == "right"]
        batch = batch.copy()
        batch[turn] = batch[turn][..., ::-1]
    return batch, flanks


def _with_flanks(crops: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    names, sure = flank_of(probabilities)
    unnamed = (crops["orientation"] == UNKNOWN).to_numpy()
    crops = crops.copy()
    crops.loc[unnamed, "orientation"] = [name for name, free in zip(names, unnamed, strict=True) if free]
    crops.loc[unnamed, "orientation_probability"] = sure[unnamed].round(6)
    return check(crops, CROPS, extra=True)

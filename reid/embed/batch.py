"""Batch inference: a crops table to unit vectors, flanks and quality, streaming and resumable; bad photos are rows with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reid.embed.allocator import keep_memory
from reid.embed.crops import crop_picture
from reid.embed.flank import flank_of
from reid.embed.framing import ahead, framed, unnamed_flanks
from reid.embed.network import NetworkSpec
from reid.embed.weights import LoadedNetwork
from reid.errors import InputError
from reid.photos import read_photo
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import CROPS, PROBLEMS, UNKNOWN, check, from_rows

__all__ = ["Embedded", "embed_crops", "embed_images"]

BATCH = 8
"""Crops per step; on a CPU, 32 took half as long again per crop as 8."""
AHEAD = 4
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
    root: Path, crops: pd.DataFrame, loaded: LoadedNetwork, cache: Path | None = None, batch: int = BATCH
) -> Embedded:
    """Embed every crop.

    A batch always has the same shape (the last one is filled with black), so a vector does not depend on how many
    crops stand beside it, and a resumed run gives the bytes of one that was not interrupted.

    Args:
        root: Folder that the crops' paths are below.
        crops: Crops table; crops of one photo stand together.
        loaded: The network.
        cache: Folder for finished vectors; none are kept without it.
        batch: Crops per step of the network.
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
    waiting: list[tuple[Item, np.ndarray]] = []

    def flush() -> None:
        names = [row["orientation"] for (_, row), _ in waiting]
        vectors, flanks, quality = embed_images([picture for _, picture in waiting], names, loaded, batch)
        fresh = {
            key: (vectors[n].copy(), flanks[n].copy(), float(quality[n])) for n, ((key, _), _) in enumerate(waiting)
        }
        known.update(fresh)
        if store:
            store.add({key: _kept(seen, scored) for key, seen in fresh.items()})
        waiting.clear()

    inputs = _inputs(root, list(todo.values()), loaded.spec)
    for item, image in track(inputs, "embed", total=len(known) + len(todo), unit="crop", done=len(known)):
        if isinstance(image, str):
            reasons[item[1]["path"], image] = {"stage": "embed", "path": item[1]["path"], "reason": image}
            continue
        waiting.append((item, image))
        if len(waiting) == batch:
            flush()
    if waiting:
        flush()
    good = [n for n, key in enumerate(keys) if key in known]
    size = (len(good), loaded.network.size)
    vectors = np.stack([known[keys[n]][0] for n in good]) if good else np.zeros(size, np.float32)
    kept_crops = crops.iloc[good].reset_index(drop=True)
    if good:
        kept_crops["quality"] = np.array([known[keys[n]][2] for n in good]).round(6)
        kept_crops = _with_flanks(kept_crops, np.stack([known[keys[n]][1] for n in good]))
    return Embedded(vectors, kept_crops, from_rows(reasons.values(), PROBLEMS))


def _key(crop: dict[str, Any], loaded: LoadedNetwork) -> str:
    """What a crop's vector was made from: its pixels, the network, and its flank where the network turns flanks."""
    facing = crop["orientation"] if loaded.spec.face == "left" else ""
    heads = [loaded.fingerprint, loaded.flank_fingerprint]
    return digest(crop["content_hash"], list(crop["bbox"]), facing, heads, length=24)


def _kept(seen: Seen, scored: bool) -> dict[str, Any]:
    vector, flanks, quality = seen
    out = {"vector": vector.tobytes(), "flanks": flanks.tobytes()}
    return {**out, "quality": quality} if scored else out


def embed_images(
    pictures: Sequence[np.ndarray], orientations: Sequence[str], loaded: LoadedNetwork, batch: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of the network, which turns what it sees facing right where it wants animals to face left.

    Args:
        pictures: Crops as `reid.embed.framing.ahead` gives them.
        orientations: Their flanks, where known.
        loaded: The network.
        batch: Fill up with black to so many, so that each step has one shape; 0 does not.

    Returns:
        Unit vectors (n, size), probabilities of the flanks (n, 5), and quality (n,), NaN without a head for it.
    """
    import torch

    images, flanks = framed(pictures, orientations, loaded.spec, batch)
    ready = torch.from_numpy(images)
    with torch.inference_mode():
        if flanks is not None:
            vectors, seen, quality = loaded.network.embed(ready, torch.from_numpy(flanks))
        elif loaded.spec.face == "left":
            ready, found = _turned(ready, orientations, loaded)
            vectors, seen, quality = loaded.network.embed(ready, found)
        else:
            vectors, seen, quality = loaded.network.embed(ready)
    n = len(pictures)
    return vectors.numpy()[:n], seen.numpy()[:n], quality.numpy()[:n]


def _turned(batch: Any, orientations: Sequence[str], loaded: LoadedNetwork) -> tuple[Any, Any]:
    """The batch with all animals facing left, and their flanks.

    Crops of a known flank were turned when they were read. Those of which nobody has said it are looked at first.
    """
    import torch

    asked = [n for n, known in enumerate(orientations) if known == UNKNOWN]
    flanks = unnamed_flanks(len(batch))
    if asked:
        # the whole batch, so that it has the same shape each time
        flanks[asked] = loaded.network.flanks(batch)[asked].numpy()
        names, _ = flank_of(flanks)
        turn = [n for n in asked if names[n] == "right"]
        batch = batch.clone()
        batch[turn] = batch[turn].flip(-1)
    return batch, torch.from_numpy(flanks)


def _with_flanks(crops: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    names, sure = flank_of(probabilities)
    unnamed = (crops["orientation"] == UNKNOWN).to_numpy()
    crops = crops.copy()
    crops.loc[unnamed, "orientation"] = [name for name, free in zip(names, unnamed, strict=True) if free]
    crops.loc[unnamed, "orientation_probability"] = sure[unnamed].round(6)
    return check(crops, CROPS, extra=True)


def _inputs(root: Path, todo: list[Item], spec: NetworkSpec) -> Iterator[tuple[Item, np.ndarray | str]]:
    """Crops as `ahead` gives them, in order, read a few photos ahead in threads; a string says why one cannot be read."""
    groups: list[list[Item]] = []
    for item in todo:
        if groups and groups[-1][0][1]["path"] == item[1]["path"]:
            groups[-1].append(item)
        else:
            groups.append([item])
    with ThreadPoolExecutor(max_workers=2) as pool:
        running = [pool.submit(_read_group, root, group, spec) for group in groups[:AHEAD]]
        for n, group in enumerate(groups):
            images = running[n % AHEAD].result()
            if n + AHEAD < len(groups):
                running[n % AHEAD] = pool.submit(_read_group, root, groups[n + AHEAD], spec)
            yield from zip(group, images, strict=True)


def _read_group(root: Path, group: list[Item], spec: NetworkSpec) -> list[np.ndarray | str]:
    try:
        photo = read_photo(root / group[0][1]["path"])
        return [ahead(crop_picture(root, crop, photo=photo), spec, crop["orientation"]) for _, crop in group]
    except InputError as error:
        return [str(error)] * len(group)

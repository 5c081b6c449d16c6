"""Which way each animal faces and where its torso is, so that it can be turned and cut: as the labels say, or as the shipped
networks see it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from reid.embed.batch import embed_crops
from reid.embed.crops import crop_picture
from reid.embed.flank import flank_of, load_flank_head, read_flanks, reader_fingerprint
from reid.embed.torso import WHOLE, finder_fingerprint, look
from reid.embed.weights import load_network
from reid.errors import InputError
from reid.photos import read_photo
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import CROPS, UNKNOWN

__all__ = ["facing", "posed"]

READER = "lite0-imagenet"
"""The network that the shipped head for the flank reads."""
POSE = pa.schema([("flanks", pa.binary()), ("torso", pa.binary())])


def facing(frame: pd.DataFrame, find: bool, cache: Path) -> pd.Series:
    """The flank of each row; with `find`, the shipped head names those that no label names, where it is sure.

    Args:
        frame: Rows with `root` and the columns of the crops table.
        find: Whether to ask the head.
        cache: Folder that keeps what the head saw.
    """
    out = frame["orientation"].astype("object")
    todo = frame[out == UNKNOWN]
    if not find or not len(todo):
        return out
    loaded = load_network(READER)
    if loaded.network.flank_head is None:
        load_flank_head(loaded.network)
        loaded = replace(loaded, flank_fingerprint="shipped")
    for root, rows in todo.groupby("root"):
        ordered = rows.sort_values("path", kind="stable")
        done = embed_crops(Path(str(root)), ordered[CROPS.names].reset_index(drop=True), loaded, cache)
        found = dict(zip(done.crops["crop_id"], done.crops["orientation"], strict=True))
        out.loc[rows.index] = [found.get(crop, UNKNOWN) for crop in rows["crop_id"]]
    return out


def posed(frame: pd.DataFrame, find: bool, cache: Path) -> tuple[pd.Series, pd.Series]:
    """The flank and the torso of each row, as the shipped networks see them.

    Args:
        frame: Rows with `root` and the columns of the crops table.
        find: Whether to name flanks that no label names, where their head is sure.
        cache: Folder that keeps what it saw.

    Returns:
        Flanks; and torsos, six numbers each as `reid.embed.torso.TorsoFinder` gives them, the whole crop where a photo cannot be decoded.
    """
    store = RowStore(cache, POSE)
    keys = [
        digest(content, list(box), finder_fingerprint(), reader_fingerprint())
        for content, box in zip(frame["content_hash"], frame["bbox"], strict=True)
    ]
    known = store.get(keys)
    fresh: dict[str, dict[str, bytes]] = {}
    todo = frame.assign(key=keys)[[key not in known for key in keys]]
    for (root, path), rows in track(list(todo.groupby(["root", "path"])), "torsos", unit="photo"):
        try:
            photo = read_photo(Path(str(root)) / str(path))
        except InputError:
            continue  # decoding says why, and names the photo
        pictures = [crop_picture(Path(str(root)), {"bbox": box}, photo=photo) for box in rows["bbox"]]
        for key, flanks, torso in zip(rows["key"], read_flanks(pictures), look(pictures), strict=True):
            fresh[key] = {"flanks": flanks.tobytes(), "torso": torso.tobytes()}
        if len(fresh) >= 200:
            store.add(fresh)
            known, fresh = known | fresh, {}
    if fresh:
        store.add(fresh)
        known |= fresh
    names, torsos = [], []
    for key, name in zip(keys, frame["orientation"], strict=True):
        row = known.get(key)
        torsos.append(WHOLE if row is None else tuple(map(float, np.frombuffer(row["torso"], np.float32))))
        if find and row is not None and name == UNKNOWN:
            name = flank_of(np.frombuffer(row["flanks"], np.float32)[None])[0][0]
        names.append(name)
    flank, torso_of = (pd.Series(part, index=frame.index, dtype="object") for part in (names, torsos))
    return flank, torso_of

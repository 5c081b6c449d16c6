"""Which way each animal faces, so that it can be turned: as the labels say, or as the shipped head sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from reid.embed.batch import embed_crops
from reid.embed.flank import load_flank_head
from reid.embed.weights import load_network
from reid.tables import CROPS, UNKNOWN

__all__ = ["facing"]

READER = "lite0-imagenet"
"""The network that the shipped head for the flank reads."""


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

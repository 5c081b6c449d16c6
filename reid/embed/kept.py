"""Which vectors are kept already, without loading them: for whoever shares the work out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from reid.embed.batch import SCHEMA, SCORED, _key
from reid.embed.weights import LoadedNetwork
from reid.store import RowStore

__all__ = ["unembedded", "vector_store"]


def vector_store(cache: Path, loaded: LoadedNetwork) -> RowStore:
    """Where `embed_crops` keeps the vectors of a network."""
    return RowStore(cache, SCORED if loaded.spec.quality else SCHEMA)


def unembedded(crops: pd.DataFrame, loaded: LoadedNetwork, cache: Path) -> pd.DataFrame:
    """The crops of a table whose vectors are not kept; of several of one content, the first."""
    rows: list[Any] = crops.to_dict("records")
    keys = pd.Series([_key(row, loaded) for row in rows], index=crops.index, dtype=object)
    known = vector_store(cache, loaded).has(keys)
    return crops[~keys.isin(known) & ~keys.duplicated()]

"""The FAISS index beside a catalogue: derived from its vectors, rebuilt when it is gone, stale or damaged.

A small JSON file beside it says which state of the catalogue it was made from, and the digest of its bytes,
so that an old or half-copied index is never read.
"""

from __future__ import annotations

import json
import os
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid.catalogue import state

__all__ = ["FILE", "Content", "build", "gather", "load"]

FILE = "index.faiss"
SIDECAR = "index.json"


class Content(NamedTuple):
    """What an index is made of: (n, d) unit vectors, (n,) ids, a sighting key each, and what it is of."""

    vectors: np.ndarray
    ids: np.ndarray
    keys: list[str]
    facts: dict[str, Any]


def gather(connection: sqlite3.Connection) -> Content:
    """The content of a catalogue's index as it should be now."""
    vectors, keys, ids = state.vectors(connection)
    present = state.embedding(connection)
    facts = {
        "count": len(ids),
        "event": state.last_event(connection),
        "fingerprint": present.fingerprint if present else None,
    }
    return Content(vectors, ids, keys, facts)


def build(folder: Path, content: Content) -> Any:
    """Write an exact inner-product index and what it was made from; returns the index."""
    import faiss

    folder.mkdir(parents=True, exist_ok=True)
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(max(content.vectors.shape[1], 1)))
    if len(content.vectors):
        index.add_with_ids(content.vectors, content.ids)
    data = faiss.serialize_index(index).tobytes()
    sidecar = json.dumps({**content.facts, "sha256": sha256(data).hexdigest()}, sort_keys=True) + "\n"
    for name, text in ((FILE, data), (SIDECAR, sidecar.encode())):
        partial = folder / f"{name}.{os.getpid()}.part"
        partial.write_bytes(text)
        partial.replace(folder / name)
    return index


def load(folder: Path, facts: dict[str, Any]) -> Any | None:
    """The index if it was made from just this state and is whole; otherwise none."""
    import faiss

    try:
        data = (folder / FILE).read_bytes()
        said = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if said != {**facts, "sha256": sha256(data).hexdigest()}:
        return None
    return faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))

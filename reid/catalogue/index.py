"""The FAISS index beside a catalogue: derived from its vectors, extended when some change, rebuilt when it is lost.

A small JSON file beside it says which vectors are in it, and the digest of its bytes, so that an old or half-copied
index is never read. A vector's number in the catalogue is its number in the index.
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
    """What an index is made of: (n, d) unit vectors, (n,) their numbers, a sighting key each, and what it is of."""

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
        "vectors": sha256(np.sort(ids).astype("<i8").tobytes()).hexdigest(),
        "fingerprint": present.fingerprint if present else None,
    }
    return Content(vectors, ids, keys, facts)


def build(folder: Path, content: Content) -> Any:
    """Write an exact inner-product index and what it was made from; returns the index."""
    import faiss

    index = faiss.IndexIDMap2(faiss.IndexFlatIP(max(content.vectors.shape[1], 1)))
    if len(content.vectors):
        index.add_with_ids(content.vectors, content.ids)
    _write(folder, index, content.facts)
    return index


def load(folder: Path, content: Content) -> Any | None:
    """The index, if there is a whole one of the same network; brought up to date where vectors came or went."""
    import faiss

    try:
        data = (folder / FILE).read_bytes()
        said = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
        whole = said["sha256"] == sha256(data).hexdigest()
        known = said["fingerprint"] == content.facts["fingerprint"] and said["fingerprint"] is not None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not whole or not known:
        return None
    index: Any = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
    if {name: said.get(name) for name in content.facts} == content.facts:
        return index
    present = faiss.vector_to_array(index.id_map)
    gone, come = np.setdiff1d(present, content.ids), ~np.isin(content.ids, present)
    if len(gone):
        index.remove_ids(gone)
    if come.any():
        index.add_with_ids(np.ascontiguousarray(content.vectors[come]), content.ids[come])
    _write(folder, index, content.facts)
    return index


def _write(folder: Path, index: Any, facts: dict[str, Any]) -> None:
    import faiss

    folder.mkdir(parents=True, exist_ok=True)
    data = faiss.serialize_index(index).tobytes()
    sidecar = json.dumps({**facts, "sha256": sha256(data).hexdigest()}, sort_keys=True) + "\n"
    for name, text in ((FILE, data), (SIDECAR, sidecar.encode())):
        partial = folder / f"{name}.{os.getpid()}.part"
        partial.write_bytes(text)
        partial.replace(folder / name)

"""The FAISS index beside a catalogue: derived from its vectors, extended when some change, rebuilt when it is lost.

A small JSON file beside it says which vectors are in it, and the digest of its bytes, so that an old or half-copied
index is never read. A vector's number in the catalogue is its number in the index.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid.catalogue import state
from reid.outside import read_bytes, read_json

__all__ = ["FILE", "Content", "build", "gather", "load"]

FILE = "index.faiss"
SIDECAR = "index.json"
OUTER, INNER = struct.Struct("<4siqqqBi"), struct.Struct("<4siqqqBiQ")
"""How FAISS begins an index with numbers of its own, and the flat one inside: kind, width, count, two fillers, whether
trained, metric; and how many numbers follow."""


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
        data = read_bytes(folder / FILE, most=1 << 40)
        said = read_json(folder / SIDECAR)
        whole = said["sha256"] == sha256(data).hexdigest()
        known = said["fingerprint"] == content.facts["fingerprint"] and said["fingerprint"] is not None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not whole or not known or not _is_ours(data, content.vectors.shape[1]):
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


def _is_ours(data: bytes, size: int) -> bool:
    """Whether these bytes are laid out as `build` leaves them: FAISS's reader trusts what it finds, and a catalogue may
    come from anywhere."""
    if len(data) < OUTER.size + INNER.size + 8:
        return False
    kind, wide, count, _, _, trained, metric = OUTER.unpack_from(data)
    inner_kind, inner_wide, inner_count, _, _, inner_trained, inner_metric, numbers = INNER.unpack_from(
        data, OUTER.size
    )
    after = OUTER.size + INNER.size + 4 * size * count
    return (
        (kind, wide, trained, metric) == (b"IxM2", size, 1, 0)
        and (inner_kind, inner_wide, inner_count, inner_trained, inner_metric) == (b"IxFI", size, count, 1, 0)
        and (numbers, len(data)) == (count * size, after + 8 + 8 * count)
        and data[after : after + 8] == count.to_bytes(8, "little", signed=True)
    )


def _write(folder: Path, index: Any, facts: dict[str, Any]) -> None:
    import faiss

    folder.mkdir(parents=True, exist_ok=True)
    data = faiss.serialize_index(index).tobytes()
    sidecar = json.dumps({**facts, "sha256": sha256(data).hexdigest()}, sort_keys=True) + "\n"
    for name, text in ((FILE, data), (SIDECAR, sidecar.encode())):
        partial = folder / f"{name}.{os.getpid()}.part"
        partial.write_bytes(text)
        partial.replace(folder / name)

"""Bringing a catalogue to another network: new vectors for its sightings, and not a decision touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from reid.catalogue import state
from reid.catalogue.events import Event
from reid.catalogue.subjects import find_crop
from reid.errors import CatalogueError, TableError

__all__ = ["replace"]


def replace(
    connection: sqlite3.Connection, sightings: Sequence[str], vectors: np.ndarray, fingerprint: str, by: str
) -> int:
    """Use other vectors from now on; returns how many sightings are left without one.

    Args:
        connection: Of the catalogue, inside a transaction that writes.
        sightings: Whose vectors these are.
        vectors: (n, d), unit length, in their order.
        fingerprint: Of what made them; not that of the vectors in use.
        by: Who signs.
    """
    if vectors.ndim != 2 or len(vectors) != len(sightings) or not vectors.size:
        raise TableError(f"{len(sightings)} sightings need as many vectors; got the shape {vectors.shape}.")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2):
        raise TableError("the vectors for the catalogue must be finite and of unit length; these are not.")
    present = state.embedding(connection)
    if present is not None and present.fingerprint == fingerprint:
        raise CatalogueError(f"the catalogue's vectors are of {fingerprint!r} already; nothing was changed.")
    if not fingerprint:
        raise CatalogueError("the vectors' fingerprint is empty; give that of the network that made them.")
    if len(set(sightings)) < len(sightings):
        raise TableError("a sighting is named twice; each has one vector.")
    event = Event(connection, "embed", by)
    embedding = event.add("embedding", fingerprint=fingerprint, dimension=vectors.shape[1])
    for sighting, vector in zip(sightings, vectors, strict=True):
        crop = find_crop(connection, sighting).crop
        event.add("vector", crop=crop, embedding=embedding, data=vector.astype("<f4").tobytes())
    count = connection.execute("SELECT count(*) FROM present").fetchone()[0]
    return int(count) - len(sightings)

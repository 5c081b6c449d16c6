"""Nearest neighbours among unit vectors: FAISS with ids, flanks kept apart, and a fingerprint that is checked."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reid.errors import ConfigError, FingerprintError, FormatError, InputError
from reid.outside import LARGEST, open_regular, read_json

__all__ = ["Index", "check_fingerprints", "flat_vectors"]

WIDEST = 65_536
"""Numbers of a vector, at most."""
FLAT = struct.Struct("<4siqqqBiQ")
"""How FAISS begins the file of a flat index: its kind, width, count, two fillers, whether trained, metric, numbers."""


def check_fingerprints(here: str, there: str, what: str) -> None:
    """Refuse vectors of another network or preprocessing.

    Raises:
        FingerprintError: the two differ; the message names both.
    """
    if here != there:
        raise FingerprintError(
            f"{what} holds vectors of fingerprint {there}, these are of {here}: another network or preprocessing made them. "
            f"Embed both with the same model."
        )


class Index:
    """A FAISS index over unit vectors by id; inner product, so a similarity is a cosine in -1 to 1.

    Args:
        size: Length of a vector.
        fingerprint: Of the network that makes the vectors.
        factory: A FAISS `index_factory` string, for example `Flat`, `HNSW32` or `IVF256,Flat`.

    Example:
        >>> index = Index(2, "demo")
        >>> index.add(np.eye(2, dtype=np.float32), ["a", "b"], "demo")
        >>> index.search(np.array([[0.8, 0.6]], np.float32), k=1, fingerprint="demo")[0]
        [('a', 0.800...)]
    """

    def __init__(self, size: int, fingerprint: str, factory: str = "Flat") -> None:
        import faiss

        try:
            self._index = faiss.index_factory(size, factory, faiss.METRIC_INNER_PRODUCT)
        except RuntimeError:
            raise ConfigError(
                f"index.factory={factory!r} is no FAISS index_factory string for vectors of {size}; try Flat, HNSW32 or IVF256,Flat."
            ) from None
        self.size = size
        self.fingerprint = fingerprint
        self.factory = factory
        self.ids: list[str] = []

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, vectors: np.ndarray, ids: Sequence[str], fingerprint: str) -> None:
        """Add unit vectors, (n, size), under n ids.

        Raises:
            FingerprintError: they were made by another network.
            InputError: their shape is wrong, or they are not of unit length.
        """
        check_fingerprints(fingerprint, self.fingerprint, "the index")
        vectors = self._checked(vectors)
        if len(vectors) != len(ids):
            raise InputError(f"{len(vectors)} vectors came with {len(ids)} ids; each needs one.")
        if len(vectors) and not self._index.is_trained:
            try:
                self._index.train(vectors)
            except RuntimeError:
                raise ConfigError(
                    f"index.factory={self.factory!r} cannot be trained on {len(vectors)} vectors; use Flat for so few."
                ) from None
        self._index.add(vectors)
        self.ids.extend(ids)

    def search(self, vectors: np.ndarray, k: int, fingerprint: str) -> list[list[tuple[str, float]]]:
        """The k nearest of each query: lists of (id, similarity), best first; fewer where the index holds fewer."""
        check_fingerprints(fingerprint, self.fingerprint, "the index")
        if not len(self) or not len(vectors):
            return [[] for _ in range(len(vectors))]
        similarities, positions = self._index.search(self._checked(vectors), min(k, len(self)))
        return [
            [(self.ids[p], float(s)) for p, s in zip(row, values, strict=True) if p >= 0]
            for row, values in zip(positions, similarities, strict=True)
        ]

    def save(self, path: str | Path) -> None:
        """Write the index, and its ids and fingerprint beside it in `<path>.json`; each whole or not at all."""
        import faiss

        path = Path(path)
        about = {"size": self.size, "fingerprint": self.fingerprint, "factory": self.factory, "ids": self.ids}
        faiss.write_index(self._index, str(path) + ".part")
        Path(str(path) + ".json.part").write_text(json.dumps(about), encoding="utf-8")
        Path(str(path) + ".part").replace(path)
        Path(str(path) + ".json.part").replace(str(path) + ".json")

    @classmethod
    def load(cls, path: str | Path) -> Index:
        """Read an index that `save` wrote.

        A `Flat` index is read by its stated layout, number by number, and may come from anywhere. Of other kinds the
        file is FAISS's own, whose reader trusts what it finds: take those only from people whose programs you would run.

        Raises:
            InputError: no such file.
            FormatError: the files do not belong together.
        """

        path = Path(path)
        about_path = Path(str(path) + ".json")
        if not path.is_file() or not about_path.is_file():
            raise InputError(f"no index at {path}; it needs the file and {about_path.name} beside it.")
        try:
            about: dict[str, Any] = read_json(about_path, LARGEST)
            size, factory, ids = int(about["size"]), str(about["factory"]), [str(name) for name in about["ids"]]
            if not 0 < size <= WIDEST:
                raise ValueError(f"vectors of {size} numbers; 1 to {WIDEST} are possible")
            index = cls(size, str(about["fingerprint"]), factory)
            if factory == "Flat":
                index._index.add(flat_vectors(path, size))
            else:
                index._index = _read(path)
            index.ids = ids
        except (ValueError, KeyError, TypeError, RuntimeError, OSError, OverflowError, ConfigError) as error:
            text = getattr(error, "strerror", None) or str(error)
            raise FormatError(f"{path} is no index of reid: {(text.splitlines() or ['empty'])[0]}.") from None
        if index._index.ntotal != len(index.ids) or index._index.d != index.size:
            raise FormatError(f"{path} and {about_path.name} do not belong together; build the index again.")
        return index

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.size:
            raise InputError(f"vectors have shape {vectors.shape}, expected (n, {self.size}).")
        if len(vectors) and not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
            raise InputError("vectors must be of unit length; divide each by its norm.")
        return vectors


def flat_vectors(path: str | Path, size: int) -> np.ndarray:
    """The vectors of a flat inner-product index that FAISS wrote, read without FAISS, float32 (n, size).

    Raises:
        OSError: it cannot be read.
        ValueError: it is laid out otherwise.
    """
    with open_regular(path) as file:
        head = file.read(FLAT.size)
        if len(head) < FLAT.size:
            raise ValueError("it is cut short")
        kind, wide, count, _, _, trained, metric, numbers = FLAT.unpack(head)
        rest = os.fstat(file.fileno()).st_size - FLAT.size
        if (kind, wide, trained, metric) != (b"IxFI", size, 1, 0) or numbers != count * size or rest != 4 * numbers:
            raise ValueError("it is no flat index of its stated size")
        return np.frombuffer(file.read(rest), np.float32).reshape(count, size)


def _read(path: Path) -> Any:
    """What FAISS reads from a file, with no more memory for a list of numbers than the file has bytes."""
    import faiss

    limit = getattr(faiss, "set_deserialization_vector_byte_limit", None)
    before = faiss.get_deserialization_vector_byte_limit() if limit else 0
    try:
        if limit:
            limit(path.stat().st_size)
        return faiss.read_index(str(path))
    finally:
        if limit:
            limit(before)

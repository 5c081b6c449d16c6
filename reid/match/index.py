"""Nearest neighbours among unit vectors: FAISS with ids, flanks kept apart, and a fingerprint that is checked."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reid.errors import ConfigError, FingerprintError, FormatError, InputError
from reid.match.index_file import WIDEST, flat_vectors, read_faiss
from reid.match.index_kinds import EXACT, factory_for, fill, graph_of, make, parameters, searching, train
from reid.match.index_rows import Rows, Where
from reid.match.index_tuning import fill_tuned, tune, worthwhile
from reid.outside import LARGEST, read_json

__all__ = ["Index", "check_fingerprints"]


def check_fingerprints(here: str, there: str, what: str) -> None:
    """Refuse vectors of another network or preprocessing.

    Raises:
        FingerprintError: the two differ; the message names both.
    """
    if here != there and here.partition("+")[0] == there.partition("+")[0]:
        raise FingerprintError(
            f"{what} holds vectors of fingerprint {there}, these are of {here}: the same network at another precision, or from "
            f"photos decoded otherwise. Embed both with the same engine.precision and engine.decode."
        )
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
        factory: A FAISS `index_factory` string, for example `Flat` (exact), `HNSW32` or `IVF256,SQ8`; or `auto`: exact while
            that is fast, and from `reid.match.index_kinds.EXACT` vectors on what `factory_for` says.
        recall: Share of the true ten nearest that an approximate index must find, 0 to 1. How far it looks for that
            is measured when it is trained; `reached` says what came of it.

    Example:
        >>> index = Index(2, "demo")
        >>> index.add(np.eye(2, dtype=np.float32), ["a", "b"], "demo", {"flank": ["left", "right"]})
        >>> index.search(np.array([[0.8, 0.6]], np.float32), k=1, fingerprint="demo")[0]
        [('a', 0.800...)]
        >>> index.search(np.array([[0.8, 0.6]], np.float32), 1, "demo", where={"flank": "right"})[0]
        [('b', 0.600...)]
    """

    def __init__(self, size: int, fingerprint: str, factory: str = "Flat", recall: float = 0.98) -> None:
        if not 0 < recall <= 1:
            raise ConfigError(f"index.recall={recall} must lie above 0 and at most at 1.")
        self._auto = factory == "auto"
        self.size = size
        self.fingerprint = fingerprint
        self.recall = recall
        self.factory = "Flat" if self._auto else factory
        self.effort, self.reached = 0, 1.0
        self._index = make(size, self.factory)
        self._rows = Rows()
        self._mapped = False

    def __len__(self) -> int:
        return self._rows.live

    @property
    def ids(self) -> list[str]:
        """The ids that can be found, in the order in which they were added."""
        return self._rows.ids(np.flatnonzero(~self._rows.gone))

    def add(
        self,
        vectors: np.ndarray,
        ids: Sequence[str],
        fingerprint: str,
        tags: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Add unit vectors, (n, size), under n ids.

        An approximate index is trained on the first vectors that it gets, so give it many, of all kinds, at first.

        Args:
            vectors: The vectors.
            ids: Their names.
            fingerprint: Of the network that made them.
            tags: By name, a value for each: flank, season, station, identity; what a search or a removal may ask for.

        Raises:
            FingerprintError: they were made by another network.
            InputError: their shape is wrong, or they are not of unit length; or the index was opened for reading only.
        """
        check_fingerprints(fingerprint, self.fingerprint, "the index")
        self._writable()
        vectors = self._checked(vectors)
        if len(vectors) != len(ids):
            raise InputError(f"{len(vectors)} vectors came with {len(ids)} ids; each needs one.")
        if not len(vectors):
            return
        count = len(self._rows) + len(vectors)
        if self._auto and self.factory == "Flat" and count > EXACT:
            self._rows.add(ids, tags)
            before = self._index.reconstruct_n(0, self._index.ntotal) if self._index.ntotal else vectors[:0]
            every = np.concatenate([before, vectors])
            self._fill(every, factory_for(count, self.size))
            if graph_of(self._index) is not None and not worthwhile(self.effort, count):
                # among vectors that lie evenly a graph looks at more of them than there are: exact from here on
                self._auto = False
                self._fill(every, "Flat")
            return
        first = not len(self._rows)
        if not self._index.is_trained:
            train(self._index, vectors, self.factory)
        self._rows.add(ids, tags)
        if first:
            self.effort, self.reached = fill_tuned(self._index, vectors, self.recall)
        else:
            fill(self._index, vectors)

    def _fill(self, vectors: np.ndarray, factory: str) -> None:
        """Begin anew with another kind of index, and these vectors."""
        index = make(self.size, factory)
        train(index, vectors, factory)
        self.effort, self.reached = fill_tuned(index, vectors, self.recall)
        self._index, self.factory = index, factory

    def tune(self, vectors: np.ndarray, recall: float) -> float:
        """Measure anew how far to look, for example after many vectors were added.

        It asks by vectors that the index holds, which a graph finds more easily than new ones: ask for a little more than you need.

        Args:
            vectors: All the vectors in the order in which they were added, (n, size).
            recall: As for the index.

        Returns:
            The recall that was reached.
        """
        vectors = self._checked(vectors)
        if len(vectors) != len(self._rows):
            raise InputError(f"{len(vectors)} vectors were given, and the index holds {len(self._rows)}; give all.")
        self.recall = recall
        self.effort, self.reached = tune(self._index, vectors, recall)
        return self.reached

    def remove(self, ids: Sequence[str] | None = None, where: Where | None = None) -> int:
        """Take vectors out by id, by tags, or by both, for example `where={"identity": "ind-004"}`.

        They are marked as gone beside the FAISS index, which works for every kind of it and costs next to nothing.

        Returns:
            How many were taken out.
        """
        if ids is None and not where:
            raise InputError("nothing says which vectors to take out; give ids, or where={tag: value}.")
        self._writable()
        return self._rows.remove(ids, where)

    def search(
        self, vectors: np.ndarray, k: int, fingerprint: str, where: Where | None = None
    ) -> list[list[tuple[str, float]]]:
        """The k nearest of each query: lists of (id, similarity), best first; fewer where the index holds fewer.

        Args:
            vectors: Unit vectors, (n, size).
            k: How many, at least 1.
            fingerprint: Of the network that made them.
            where: Tags, each with the value or the values that are allowed; sorted out before the k nearest are taken.

        Raises:
            FingerprintError: another network made them.
            InputError: k is below 1, the vectors have another size or no unit length, or the tags cannot be asked for.
        """
        positions, similarities = self.nearest(vectors, k, fingerprint, where)
        names = iter(self._rows.ids(positions[positions >= 0]))
        return [
            [(next(names), float(s)) for p, s in zip(row, values, strict=True) if p >= 0]
            for row, values in zip(positions, similarities, strict=True)
        ]

    def nearest(
        self, vectors: np.ndarray, k: int, fingerprint: str, where: Where | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `search`, as arrays: positions in the order of adding (n, k), -1 where there is none, and similarities (n, k)."""
        check_fingerprints(fingerprint, self.fingerprint, "the index")
        if k < 1:
            raise InputError(f"the {k} nearest were asked for; give k, a whole number from 1 on.")
        allowed = self._rows.allowed(where)
        there = self._rows.live if allowed is None else int(allowed.sum())
        if not there or not len(vectors):
            return np.full((len(vectors), 0), -1), np.zeros((len(vectors), 0), np.float32)
        params = parameters(self._index, allowed, self.effort)
        similarities, positions = searching(self._index)(self._checked(vectors), min(k, there), params=params)
        return positions, similarities

    def save(self, path: str | Path) -> None:
        """Write the index, what it is in `<path>.json` and its ids and tags in `<path>.rows`; each whole or not at all."""
        import faiss

        path, mark = Path(path), uuid.uuid4().hex
        about = {
            "size": self.size, "fingerprint": self.fingerprint, "factory": self.factory, "auto": self._auto,
            "recall": self.recall, "effort": self.effort, "reached": self.reached, "mark": mark,
        }  # fmt: skip
        parts = [Path(f"{path}{ending}.part") for ending in ("", ".rows", ".json")]
        faiss.write_index(self._index, str(parts[0]))
        self._rows.save(parts[1], mark)
        parts[2].write_text(json.dumps(about), encoding="utf-8")
        for part in parts:
            part.replace(str(part).removesuffix(".part"))

    @classmethod
    def load(cls, path: str | Path, mapped: bool = False) -> Index:
        """Read an index that `save` wrote.

        A `Flat` index is read by its stated layout, number by number, and may come from anywhere. Of other kinds the
        file is FAISS's own, whose reader trusts what it finds: take those only from people whose programs you would run.

        Args:
            path: The file; what belongs to it lies beside it.
            mapped: Leave vectors and ids on disk, and read what a search touches; nothing can be added or taken out then.

        Raises:
            InputError: no such file.
            FormatError: the files do not belong together.
        """

        import faiss

        path = Path(path)
        about_path = Path(str(path) + ".json")
        if not path.is_file() or not about_path.is_file():
            raise InputError(f"no index at {path}; it needs the file and {about_path.name} beside it.")
        try:
            about: dict[str, Any] = read_json(about_path, LARGEST)
            size, kind = int(about["size"]), str(about["factory"])
            if not 0 < size <= WIDEST:
                raise ValueError(f"vectors of {size} numbers; 1 to {WIDEST} are possible")
            factory = "auto" if about.get("auto") else kind
            index = cls(size, str(about["fingerprint"]), factory, float(about.get("recall", 0.98)))
            index.factory, index.effort = kind, int(about.get("effort", 0))
            index.reached, index._mapped = float(about.get("reached", 1.0)), mapped
            if kind == "Flat" and not mapped:
                index._index = faiss.IndexFlatIP(size)
                index._index.add(flat_vectors(path, size))
            else:
                index._index = read_faiss(path, mapped)
            if "ids" in about:  # as it was before there were tags
                index._rows.add([str(name) for name in about["ids"]], None)
            else:
                index._rows = Rows.load(Path(f"{path}.rows"), about["mark"], mapped)
        except (ValueError, KeyError, TypeError, RuntimeError, OSError, OverflowError, ConfigError) as error:
            text = getattr(error, "strerror", None) or str(error)
            raise FormatError(
                f"{path} is no index of reid: {(text.splitlines() or ['empty'])[0]}. Build the index again."
            ) from None
        if index._index.ntotal != len(index._rows) or index._index.d != index.size:
            raise FormatError(f"{path} and {about_path.name} do not belong together; build the index again.")
        return index

    def _writable(self) -> None:
        if self._mapped:
            raise InputError("the index was opened for reading only; load it without mapped=True to change it.")

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.size:
            raise InputError(f"vectors have shape {vectors.shape}, expected (n, {self.size}).")
        # by squares, without a second copy of millions of vectors
        if len(vectors) and not np.allclose(np.einsum("ij,ij->i", vectors, vectors), 1, atol=2e-3):
            raise InputError("vectors must be of unit length; divide each by its norm.")
        return vectors

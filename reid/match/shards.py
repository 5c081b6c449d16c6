"""Several indexes searched as one: a part for each season or machine, built where its vectors are."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from reid.errors import InputError
from reid.match.index import Index, check_fingerprints
from reid.match.index_rows import Where

__all__ = ["Shards"]


class Shards:
    """Indexes that were built separately, searched together; with exact ones the answer is that of one index of all.

    Args:
        indexes: Of one fingerprint; for example `[Index.load(path, mapped=True) for path in paths]`.

    Raises:
        InputError: there are none.
        FingerprintError: two hold vectors of different networks.
    """

    def __init__(self, indexes: Sequence[Index]) -> None:
        if not indexes:
            raise InputError("no indexes to search; give at least one.")
        for index in indexes[1:]:
            check_fingerprints(indexes[0].fingerprint, index.fingerprint, "another part")
        self.indexes = list(indexes)
        self.fingerprint = indexes[0].fingerprint

    def __len__(self) -> int:
        return sum(len(index) for index in self.indexes)

    def search(
        self, vectors: np.ndarray, k: int, fingerprint: str, where: Where | None = None
    ) -> list[list[tuple[str, float]]]:
        """As `Index.search`; of equal similarities, the one of the earlier index comes first."""
        found = [index.search(vectors, k, fingerprint, where) for index in self.indexes]
        return [list(heapq.merge(*hits, key=lambda hit: -hit[1]))[:k] for hits in zip(*found, strict=True)]

"""Which FAISS index suits so many vectors, how it is trained, filled and asked.

`benchmarks/search.py` measures what the numbers here lead to.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from reid.errors import ConfigError

__all__ = ["EXACT", "factory_for", "fill", "graph_of", "lists_of", "make", "parameters", "searching", "train"]

EXACT = 100_000
"""Up to so many vectors, search is exact: an approximate index takes seconds to train, and a census searches it once."""
LINKS = 32
"""Neighbours of each vector in a graph; twice as many at its lowest level."""
IN_MEMORY = 4 << 30
"""Bytes that a graph and its vectors may take."""
LARGE = 3 << 30
"""Bytes at a byte for each number, beyond which a number gets half a byte."""
POINTS, ROUNDS = 40, 8
"""Vectors that each list is trained on, and rounds of it: FAISS's own 256 and 25 take twenty times as long to train."""


def factory_for(count: int, size: int) -> str:
    """FAISS `index_factory` string for so many vectors of a size.

    Above `EXACT` a graph (Malkov and Yashunin 2018, "Efficient and robust approximate nearest neighbor search using Hierarchical
    Navigable Small World graphs"). Where that would take more than `IN_MEMORY`, about two lists for each root of a vector, in each
    of which a number takes a byte: a third of the memory, and many times as long to search.

    >>> factory_for(20_000, 256), factory_for(1_000_000, 256)
    ('Flat', 'HNSW32')
    >>> factory_for(10_000_000, 256), factory_for(10_000_000, 512)
    ('IVF8192,SQ8', 'IVF8192,SQ4')
    """
    if count <= EXACT:
        return "Flat"
    if count * (4 * size + 8 * LINKS) <= IN_MEMORY:
        return f"HNSW{LINKS}"
    lists = 2 ** round(math.log2(2 * math.sqrt(count)))
    return f"IVF{lists},{'SQ8' if count * size <= LARGE else 'SQ4'}"


def make(size: int, factory: str) -> Any:
    """An empty FAISS index by inner product.

    Raises:
        ConfigError: FAISS does not know the string.
    """
    import faiss

    try:
        index = faiss.index_factory(size, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError:
        raise ConfigError(
            f"index.factory={factory!r} is no FAISS index_factory string for vectors of {size}; try auto, Flat, HNSW32 or IVF256,Flat."
        ) from None
    lists = lists_of(index)
    if lists is not None:
        lists.cp.niter, lists.cp.max_points_per_centroid = ROUNDS, POINTS
        lists.cp.min_points_per_centroid = 1
    return index


def train(index: Any, vectors: np.ndarray, factory: str) -> None:
    """Train an index on the first vectors that come.

    Raises:
        ConfigError: they are too few for it.
    """
    try:
        index.train(vectors)
    except RuntimeError:
        raise ConfigError(
            f"index.factory={factory!r} cannot be trained on {len(vectors)} vectors; use Flat for so few."
        ) from None


def fill(index: Any, vectors: np.ndarray) -> None:
    """Add vectors to a trained index; to a graph in one thread, since several would link it in another way each time."""
    import faiss

    if graph_of(index) is None:
        index.add(vectors)
        return
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        index.add(vectors)
    finally:
        faiss.omp_set_num_threads(threads)


def lists_of(index: Any) -> Any | None:
    """The part of an index that keeps its vectors in lists; None where it does not."""
    import faiss

    try:
        return faiss.try_extract_index_ivf(index)
    except RuntimeError:
        return None


def graph_of(index: Any) -> Any | None:
    """The index, if it is a graph of neighbours."""
    import faiss

    found = faiss.downcast_index(index)
    return found if isinstance(found, faiss.IndexHNSW) else None


def parameters(index: Any, allowed: np.ndarray | None, effort: int) -> Any:
    """FAISS's parameters of one search.

    Args:
        index: The index.
        allowed: Which vectors may be found, (n,) of bool; None for all.
        effort: How far it looks, as `reid.match.index_tuning` gives it; 0 for FAISS's own. Where few vectors are allowed, it looks as much
            further.
    """
    faiss: Any = import_module("faiss")  # whose published types lack what its Python layer adds

    selector = None
    if allowed is not None:
        selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    share = 1.0 if allowed is None else max(float(allowed.mean()), 1e-9)
    lists, graph = lists_of(index), graph_of(index)
    if lists is not None:
        wide = min(lists.nlist, math.ceil((effort or lists.nprobe) / share))
        own = faiss.SearchParametersIVF(sel=selector, nprobe=wide)
        if isinstance(index, faiss.IndexPreTransform):
            return faiss.SearchParametersPreTransform(index_params=own)
        if isinstance(index, faiss.IndexRefine):
            return faiss.IndexRefineSearchParameters(k_factor=index.k_factor, base_index_params=own)
        return own
    if graph is not None:
        wide = min(max(index.ntotal, 1), math.ceil((effort or 64) / share))
        return faiss.SearchParametersHNSW(sel=selector, efSearch=wide)
    return faiss.SearchParameters(sel=selector) if selector is not None else None


def searching(index: Any) -> Any:
    """The search of an index over arrays, with parameters. `faiss.contrib.torch_utils`, which other packages import, puts a
    search of its own in its place, that knows none.
    """
    return getattr(index, "search_numpy", index.search)

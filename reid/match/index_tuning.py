"""How far an approximate index must look to find a share of the true nearest."""

from __future__ import annotations

from typing import Any

import numpy as np

from reid.match.index_kinds import fill, graph_of, lists_of, parameters, searching

__all__ = ["fill_tuned", "tune", "worthwhile"]

ASKED, NEAREST = 256, 10
"""Queries that a recall is measured with, and neighbours of each."""
STEP = 350
"""Vectors that exact search compares while a graph takes a step of its effort: measured from 200,000 to a million vectors of 256."""
ENOUGH = 4 * ASKED
"""Of fewer vectors none are kept back as queries."""


def fill_tuned(index: Any, vectors: np.ndarray, recall: float) -> tuple[int, float]:
    """Add vectors to an empty index, and measure how far it must look.

    The last `ASKED` vectors are asked for before they are added: a graph finds the neighbours of what it holds more easily than
    those of a new photo.

    Args:
        index: Trained and empty.
        vectors: Unit vectors, (n, size).
        recall: Share of the true ten nearest that must be found.

    Returns:
        As `tune`.
    """
    if len(vectors) < ENOUGH or not _approximate(index):
        fill(index, vectors)
        return tune(index, vectors, recall)
    known, new = vectors[:-ASKED], vectors[-ASKED:]
    fill(index, known)
    found = _least(index, new, _nearest(new, known, NEAREST), NEAREST, recall)
    fill(index, new)
    return found


def worthwhile(effort: int, count: int) -> bool:
    """Whether a graph that must look so far is quicker than comparing all the vectors.

    >>> worthwhile(108, 1_000_000), worthwhile(4871, 200_000)
    (True, False)
    """
    return effort * STEP < count


def tune(index: Any, vectors: np.ndarray, recall: float) -> tuple[int, float]:
    """How far a filled index must look, by vectors that it holds, each left out of its own neighbours.

    Args:
        index: Filled with the vectors, in their order.
        vectors: Unit vectors, (n, size), as they were added.
        recall: Share of the true ten nearest that must be found.

    Returns:
        The effort for `reid.match.index_kinds.parameters`, and the recall that it reached, on `ASKED` vectors; the largest
        effort where none reaches it, as when too much is lost by quantising. 0 and 1 for an exact index, and where there are too few
        vectors to measure it.
    """
    if not _approximate(index) or len(vectors) < ASKED:
        return 0, 1.0
    rows = np.random.default_rng(0).choice(len(vectors), ASKED, replace=False)
    queries = vectors[np.sort(rows)]
    # each finds itself first
    return _least(index, queries, _nearest(queries, vectors, NEAREST + 1)[:, 1:], NEAREST + 1, recall)


def _approximate(index: Any) -> bool:
    return lists_of(index) is not None or graph_of(index) is not None


def _nearest(queries: np.ndarray, vectors: np.ndarray, k: int) -> np.ndarray:
    import faiss

    return np.asarray(faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)[1])


def _least(index: Any, queries: np.ndarray, truth: np.ndarray, k: int, recall: float) -> tuple[int, float]:
    """The least effort at which the k nearest hold enough of the truth, to within a fifth, and how much they hold."""
    lists = lists_of(index)
    most = int(lists.nlist if lists is not None else index.ntotal)

    def reached_by(effort: int) -> float:
        _, found = searching(index)(queries, k, params=parameters(index, None, effort))
        return float(np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(truth, found, strict=True)]))

    effort, before = 1 if lists is not None else 16, -1.0
    while True:
        reached = reached_by(effort)
        # twice as far without a gain: what is missing is lost to quantising
        if reached >= recall or effort >= most or (effort >= 64 and reached <= before):
            break
        before, effort = reached, min(2 * effort, most)
    if reached >= recall and before >= 0:
        for between in (round(effort / 2 * 2 ** (step / 4)) for step in (1, 2, 3)):
            enough = reached_by(between)
            if enough >= recall:
                return between, enough
    return effort, reached

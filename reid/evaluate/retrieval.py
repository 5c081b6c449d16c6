"""Every query against the gallery, a block at a time: where the right photos rank, and the first hits.

Memory grows with the block and the gallery, never with queries times gallery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid.errors import ConfigError, InputError, choices

__all__ = ["EXCLUSIONS", "Ranking", "placed", "rank", "similarity_blocks"]

EXCLUSIONS = ("encounter", "flank")
"""What may be left out of a query's gallery besides the photo itself: photos of its own encounter; photos of the other
flank, where both flanks are named left or right."""

CELLS = 4_000_000
"""Similarities held at once."""
COLUMNS = ["query", "identity", "encounter", "orientation", "positives", "first_rank", "ap", "ap_r", "score", "nearest"]


@dataclass(frozen=True)
class Ranking:
    """How each query fared.

    Attributes:
        table: A row a query, in the order given: `query` (crop_id), `identity`, `encounter`, `orientation`;
            `positives`, right photos in its gallery; `first_rank`, of the first right photo, from 1; `ap`, average
            precision over its whole gallery; `ap_r`, mAP@R's part; `score`, the highest similarity; `nearest`, whose
            photo has it. Without right photos `first_rank`, `ap` and `ap_r` are null; with an empty gallery `score`
            and `nearest` are.
        hits: Row numbers in the gallery, the most similar first, (queries, hits); -1 where there are no more.
        similarities: Of the hits, float32; minus infinity where there are no more.
    """

    table: pd.DataFrame
    hits: np.ndarray
    similarities: np.ndarray


def similarity_blocks(queries: np.ndarray, gallery: np.ndarray, block: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Cosines of unit vectors, some queries at a time.

    Products are summed in double precision and rounded to single, so that equal photos tie whatever the block.

    Args:
        queries: (n, d).
        gallery: (m, d).
        block: Queries at a time; 0 for as many as make about four million similarities.

    Yields:
        Number of the block's first query, and its similarities, float32, (at most block, m).
    """
    step = block or max(1, CELLS // max(1, len(gallery)))
    for start in range(0, len(queries), step):
        part = queries[start : start + step].astype(np.float64)
        out = np.empty((len(part), len(gallery)), np.float32)
        for at in range(0, len(gallery), 4096):
            out[:, at : at + 4096] = part @ gallery[at : at + 4096].astype(np.float64).T
        yield start, out


def rank(
    query_vectors: np.ndarray,
    gallery_vectors: np.ndarray,
    queries: pd.DataFrame,
    gallery: pd.DataFrame,
    exclude: Sequence[str] = (),
    hits: int = 10,
    block: int = 0,
    right: str = "identity",
) -> Ranking:
    """Rank the gallery for every query.

    A photo is never compared with itself: rows of the same `crop_id` are left out. Ties count against the network: of
    photos with one similarity the wrong ones come first, and average precision takes them at once, as scikit-learn's
    does, so no figure hangs on the order of the rows.

    Args:
        query_vectors: Unit vectors, (n, d).
        gallery_vectors: Unit vectors, (m, d).
        queries: Their n rows: `crop_id`, `identity`, and as options `encounter` and `orientation`.
        gallery: The m rows, likewise.
        exclude: Which of `EXCLUSIONS` apply.
        hits: How many hits to keep of each query.
        block: Queries at a time; 0 for a size that suits the gallery. Changes no figure.
        right: The column that a right photo shares with the query. Where it is finer than `identity` (an individual's
            flank), photos of the query's individual that do not share it are neither right nor wrong: they are left out.

    Raises:
        InputError: vectors and rows do not belong together, or a vector is not finite.
        ConfigError: no such exclusion.
    """
    _check(query_vectors, queries, "queries")
    _check(gallery_vectors, gallery, "gallery")
    if query_vectors.shape[1] != gallery_vectors.shape[1]:
        raise InputError(
            f"queries have {query_vectors.shape[1]} numbers a vector, the gallery {gallery_vectors.shape[1]}; embed both with one network."
        )
    wrong = [name for name in exclude if name not in EXCLUSIONS]
    if wrong:
        raise ConfigError(f"exclude={wrong[0]!r} is unknown; choose among {choices(EXCLUSIONS)}.")
    whose, kept = _codes(queries, gallery, right), min(hits, len(gallery))
    masks = [_codes(queries, gallery, "crop_id")]
    if "encounter" in exclude:
        masks.append(_codes(queries, gallery, "encounter"))
    flanks = (_sides(queries), _sides(gallery)) if "flank" in exclude else None
    animals = _codes(queries, gallery, "identity") if right != "identity" else None
    names = gallery["identity"].to_numpy(dtype=object)
    best_rows = np.full((len(queries), kept), -1)
    best = np.full((len(queries), kept), -np.inf, np.float32)
    rows = []
    for start, similarity in similarity_blocks(query_vectors, gallery_vectors, block):
        for n, scores in enumerate(similarity, start):
            out = np.zeros(len(gallery), bool)
            for own, others in masks:
                out |= (others == own[n]) & (own[n] >= 0)
            if flanks is not None:
                out |= flanks[0][n] * flanks[1] == -1
            same = (whose[1] == whose[0][n]) & (whose[0][n] >= 0)
            if animals is not None:
                out |= (animals[1] == animals[0][n]) & (animals[0][n] >= 0) & ~same
            scores[out] = -np.inf
            same &= ~out
            first = _first(scores, kept)
            best_rows[n, : len(first)], best[n, : len(first)] = first, scores[first]
            nearest = names[first[0]] if len(first) else None
            score = float(scores[first[0]]) if len(first) else np.nan
            rows.append((*placed(scores[same], np.sort(scores[~same & ~out])), score, nearest))
    return Ranking(_table(queries, rows), best_rows, best)


def _first(scores: np.ndarray, count: int) -> np.ndarray:
    """Rows of the highest scores that are not left out; of equal ones the earlier row."""
    if count < len(scores):
        # everything that ties with the last one taken is sorted, so that the earlier row wins
        edge = np.partition(scores, len(scores) - count)[len(scores) - count] if count else np.inf
        rows = np.flatnonzero(scores >= edge)
    else:
        rows = np.arange(len(scores))
    rows = rows[np.argsort(-scores[rows], kind="stable")][:count]
    return rows[np.isfinite(scores[rows])]


def placed(right: np.ndarray, wrong: np.ndarray) -> tuple[int, float, float, float]:
    """Number of right photos, rank of the first, average precision, and average precision at R.

    Args:
        right: Similarities of the right photos.
        wrong: Those of the wrong ones, ascending.
    """
    count = len(right)
    if not count:
        return 0, np.nan, np.nan, np.nan
    right = np.sort(right)[::-1]
    wrong_above = len(wrong) - np.searchsorted(wrong, right, side="left")
    place = np.arange(1, count + 1)
    ranks = place + wrong_above
    tied = count - np.searchsorted(right[::-1], right, side="left")
    ap = float(np.mean(tied / (tied + wrong_above)))
    within = ranks <= count
    return count, float(ranks[0]), ap, float(np.sum(place[within] / ranks[within]) / count)


def _table(queries: pd.DataFrame, rows: list[tuple[int, float, float, float, float, object]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["positives", "first_rank", "ap", "ap_r", "score", "nearest"])
    table["first_rank"] = table["first_rank"].astype("Int64")
    table["positives"] = table["positives"].astype("int64")
    table["query"] = queries["crop_id"].to_numpy(dtype=object)
    for name in ("identity", "encounter", "orientation"):
        table[name] = queries[name].to_numpy(dtype=object) if name in queries.columns else None
    return table[COLUMNS]


def _codes(queries: pd.DataFrame, gallery: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Equal values as equal whole numbers; -1, which equals nothing, where there is no value."""
    none = [None] * (len(queries) + len(gallery))
    parts = [table[column] for table in (queries, gallery) if column in table.columns]
    values = (
        pd.concat(parts, ignore_index=True).astype("object") if len(parts) == 2 else pd.Series(none, dtype="object")
    )
    codes = pd.factorize(values)[0]
    return codes[: len(queries)], codes[len(queries) :]


def _sides(table: pd.DataFrame) -> np.ndarray:
    """-1 for a left flank, 1 for a right one, 0 for any other."""
    named = table["orientation"] if "orientation" in table.columns else pd.Series([""] * len(table))
    return named.map({"left": -1, "right": 1}).fillna(0).to_numpy(dtype=np.int64)


def _check(vectors: np.ndarray, rows: pd.DataFrame, what: str) -> None:
    if vectors.ndim != 2 or len(vectors) != len(rows):
        raise InputError(
            f"the {what} have {len(rows)} rows and vectors of shape {vectors.shape}; expected ({len(rows)}, d)."
        )
    if not np.isfinite(vectors).all():
        raise InputError(f"a vector of the {what} is not finite: the network that made it is broken.")

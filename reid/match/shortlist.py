"""Which crops are worth comparing spot by spot: a few of each encounter, each with its nearest that may show the same side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid.errors import ConfigError
from reid.match.index import Index
from reid.match.index_kinds import EXACT

__all__ = ["IndexSettings", "comparable", "nearest", "numbered", "representatives", "shortlist"]

AT_ONCE = 512
"""Queries that are searched at once; bounds memory."""


@dataclass(frozen=True)
class IndexSettings:
    """How candidates are found.

    Attributes:
        factory: A FAISS `index_factory` string; or `auto`, exact up to `reid.match.index_kinds.EXACT` crops.
        recall: Share of the true nearest that an approximate index must find, 0 to 1.
        candidates: Nearest crops per query that are verified spot by spot.
        per_encounter: Crops of an encounter and flank that take part.
        flank_sure: A flank counts from this probability on; below it, the crop is compared with every side.
        budget_s: Seconds that comparing spots may take in a census or in `reid identify`; where `candidates` take longer, fewer are
            compared (reid.match.budget). 0 for no limit.
    """

    factory: str = "auto"
    recall: float = 0.98
    candidates: int = 20
    per_encounter: int = 3
    flank_sure: float = 0.9
    budget_s: float = 0.0

    def __post_init__(self) -> None:
        if self.candidates < 1 or self.per_encounter < 1:
            raise ConfigError(
                f"index.candidates={self.candidates} and index.per_encounter={self.per_encounter} must be at least 1."
            )
        if not 0 < self.recall <= 1:
            raise ConfigError(f"index.recall={self.recall} must lie above 0 and at most at 1.")
        if not 0 <= self.budget_s < float("inf"):
            raise ConfigError(f"index.budget_s={self.budget_s} must be a number of seconds, or 0 for no limit.")
        if not 0 <= self.flank_sure <= 1:
            raise ConfigError(f"index.flank_sure={self.flank_sure} must lie between 0 and 1.")


def sides(crops: pd.DataFrame, sure: float) -> np.ndarray:
    """The side that each crop certainly shows, `left` or `right`, or empty: front, back, unknown, or not sure enough."""
    probability = crops["orientation_probability"].fillna(1.0).to_numpy()
    side = crops["orientation"].to_numpy(dtype=object)
    return np.where((probability >= sure) & np.isin(side, ["left", "right"]), side, "")


def comparable(side: str, other: str) -> bool:
    """Whether two crops may show the same side. A left flank never meets a right one.

    >>> comparable("left", "right"), comparable("left", "left"), comparable("left", "")
    (False, True, True)
    """
    return not side or not other or side == other


def representatives(crops: pd.DataFrame, per_encounter: int, sure: float) -> np.ndarray:
    """Positions of the largest crops of each encounter and side, at most `per_encounter` of each, in the table's order.

    Size stands for how much of the pattern can be seen; of equal ones, the more confident detection.
    """
    area = np.array([box[2] * box[3] for box in crops["bbox"]])
    order = pd.DataFrame(
        {
            "encounter": crops["encounter"].to_numpy(),
            "side": sides(crops, sure),
            "area": area,
            "row": np.arange(len(crops)),
        }
    )
    order["confidence"] = crops["confidence"].fillna(0).to_numpy()
    order = order.sort_values(["area", "confidence", "row"], ascending=[False, False, True], kind="stable")
    return np.sort(order.groupby(["encounter", "side"], sort=False).head(per_encounter)["row"].to_numpy())


def shortlist(
    crops: pd.DataFrame,
    vectors: np.ndarray,
    gallery: pd.DataFrame,
    gallery_vectors: np.ndarray,
    fingerprint: str,
    settings: IndexSettings,
) -> pd.DataFrame:
    """Pairs to verify: each query's nearest candidates, sides filtered before the nearest are taken.

    Args:
        crops: Queries, with `crop_id`, `encounter`, `orientation`, `orientation_probability`.
        vectors: Their unit vectors, (n, d).
        gallery: Candidates, the same columns; may hold the queries themselves.
        gallery_vectors: Theirs, (m, d).
        fingerprint: Of both.
        settings: How many.

    Returns:
        `query`, `candidate`, `similarity`, sorted; never two crops of one encounter, and a pair once.
    """
    query_sides, gallery_sides = sides(crops, settings.flank_sure), sides(gallery, settings.flank_sure)
    # a season has millions of pairs: they are kept as numbers, which stand for the sorted names of both tables
    names, (mine, theirs) = numbered(crops["crop_id"], gallery["crop_id"])
    _, (own, other) = numbered(crops["encounter"], gallery["encounter"])
    crowd = int(gallery["encounter"].value_counts().max()) if len(gallery) else 0
    ids = gallery["crop_id"].to_numpy(dtype=object)
    exact = settings.factory == "Flat" or (settings.factory == "auto" and len(gallery) <= EXACT)

    def indexed(rows: np.ndarray, tags: dict[str, list[str]] | None = None) -> Index:
        index = Index(gallery_vectors.shape[1], fingerprint, settings.factory, settings.recall)
        index.add(gallery_vectors[rows], list(ids[rows]), fingerprint, tags)
        return index

    every = np.arange(len(gallery))
    # an approximate index is costly to build: one of all, that sorts sides out while it searches
    whole = None if exact else indexed(every, {"side": list(gallery_sides)})
    found = [(np.zeros((0, 2), np.int32), np.zeros(0, np.float32))]
    for side in sorted(set(query_sides)):
        allowed = np.flatnonzero([comparable(side, shown) for shown in gallery_sides])
        if not len(allowed):
            continue
        index, rows = (whole, every) if whole else (indexed(allowed), allowed)
        where = {"side": [side, ""]} if side and not exact else None
        asked = np.flatnonzero(query_sides == side)
        for part in np.array_split(asked, len(asked) // AT_ONCE + 1):
            # the query's own encounter may fill the first places, so ask for that many more
            positions, similarities = index.nearest(vectors[part], settings.candidates + crowd, fingerprint, where)
            hits = rows[positions]
            stranger = (positions >= 0) & (other[hits] != own[part][:, None])
            kept = stranger & (stranger.cumsum(axis=1) <= settings.candidates)
            queries = np.broadcast_to(mine[part][:, None], hits.shape)
            found.append((np.stack([queries[kept], theirs[hits[kept]]], axis=1), similarities[kept]))
    pairs, similarity = (np.concatenate(parts) for parts in zip(*found, strict=True))
    del found
    # of a pair found from both of its ends, the first counts
    first = np.unique(pairs.min(axis=1).astype(np.int64) * len(names) + pairs.max(axis=1), return_index=True)[1]
    first = first[np.lexsort((pairs[first, 1], pairs[first, 0]))]
    return pd.DataFrame(
        {
            "query": names[pairs[first, 0]],
            "candidate": names[pairs[first, 1]],
            "similarity": similarity[first].astype(float),
        }
    )


def numbered(*columns: pd.Series) -> tuple[np.ndarray, list[np.ndarray]]:
    """The sorted names of several columns together, and each column as numbers of them, int32.

    Millions of names as Python's texts would take most of a season's memory.
    """
    numbers, names = pd.factorize(pd.concat(columns, ignore_index=True), sort=True)
    lengths = [len(column) for column in columns]
    return names.to_numpy(dtype=object), np.split(numbers.astype(np.int32), np.cumsum(lengths)[:-1])


def nearest(pairs: pd.DataFrame, score: str, candidates: int) -> np.ndarray:
    """Which pairs are among the best `candidates` of either of their crops, bool (n,).

    Args:
        pairs: `query`, `candidate`, and the score, larger for more alike; a pair stands once.
        score: The column.
        candidates: How many of each crop.
    """
    ends = np.stack(numbered(pairs["query"], pairs["candidate"])[1], axis=1).ravel()
    # the crops one after the other, each with its best first; of equal ones, the pair that stands first
    order = np.lexsort((np.repeat(-pairs[score].to_numpy(float), 2), ends))
    ends = ends[order]
    first = np.flatnonzero(np.diff(ends, prepend=-1))
    place = np.arange(len(ends), dtype=np.int32) - np.repeat(first.astype(np.int32), np.diff(first, append=len(ends)))
    kept = np.zeros(len(pairs), bool)
    kept[order[place < candidates] // 2] = True
    return kept

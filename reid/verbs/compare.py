"""Comparing crops, shared by the verbs: nearest neighbours first, then spot by spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.embed import crop_picture
from reid.match import (
    Calibration,
    IndexSettings,
    LocalMatcher,
    PairVerifier,
    representatives,
    score_pairs,
    shortlist,
)

__all__ = ["Side", "compare"]


@dataclass(frozen=True)
class Side:
    """Crops to compare, their vectors, and where their pictures are.

    Attributes:
        crops: Crops table; encounters are unique across both sides.
        vectors: Unit vectors, (n, d), in the order of the crops.
        picture: Gives a crop's picture by its row, of at most so many pixels on the longest side.
    """

    crops: pd.DataFrame
    vectors: np.ndarray
    picture: Callable[[dict[str, Any], int], np.ndarray]

    @classmethod
    def of_photos(cls, crops: pd.DataFrame, vectors: np.ndarray, root: Path) -> Side:
        return cls(crops, vectors, lambda crop, longest: crop_picture(root, crop, longest))


def compare(
    queries: Side,
    gallery: Side | None,
    fingerprint: str,
    photo_size: Callable[[str], tuple[float, float]],
    index: IndexSettings,
    matcher: LocalMatcher,
    calibration: Calibration,
    cache: Path,
    among_themselves: bool,
) -> tuple[pd.DataFrame, pd.DataFrame, PairVerifier]:
    """Shortlist and verify.

    Args:
        queries: Crops of this season.
        gallery: Crops of known animals, if there are any.
        fingerprint: Of all vectors.
        photo_size: Width and height of a query's photo.
        index: How many candidates.
        matcher: Compares spots.
        calibration: Makes probabilities.
        cache: Folder for finished work.
        among_themselves: Whether queries are compared with each other too.

    Returns:
        Matches table, problems table, and the verifier, which knows the spots of each pair.
    """
    sides = [queries] if gallery is None else [queries, gallery]
    rows: dict[str, dict[str, Any]] = {}
    pictures: dict[str, Callable[[dict[str, Any], int], np.ndarray]] = {}
    for side in sides:
        for row in side.crops.to_dict("records"):
            crop_id = str(row["crop_id"])
            rows[crop_id], pictures[crop_id] = {str(k): v for k, v in row.items()}, side.picture
    chosen = [representatives(side.crops, index.per_encounter, index.flank_sure) for side in sides]
    mine, mine_vectors = queries.crops.iloc[chosen[0]].reset_index(drop=True), queries.vectors[chosen[0]]
    targets = []
    if among_themselves:
        targets.append((mine, mine_vectors))
    if gallery is not None and len(gallery.crops):
        targets.append((gallery.crops.iloc[chosen[1]].reset_index(drop=True), gallery.vectors[chosen[1]]))
    # each target gives its own shortlist, so that a crowded season does not push known animals off it
    lists = [shortlist(mine, mine_vectors, crops, vectors, fingerprint, index) for crops, vectors in targets]
    columns = ["query", "candidate", "similarity"]
    pairs = pd.concat(lists, ignore_index=True) if lists else pd.DataFrame(columns=columns)
    pairs = pairs.sort_values(["query", "candidate"], kind="stable").reset_index(drop=True)
    verifier = PairVerifier(
        matcher, rows, lambda crop_id, longest: pictures[crop_id](rows[crop_id], longest), photo_size, cache
    )
    matches, problems = score_pairs(pairs, verifier, calibration)
    return matches, problems, verifier

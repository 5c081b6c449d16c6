"""Comparing crops, shared by the verbs: nearest neighbours first, then spot by spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.embed import crop_picture
from reid.match import (
    Calibrations,
    Coats,
    CoatSettings,
    IndexSettings,
    LoadedCoat,
    LocalMatcher,
    PairVerifier,
    nearest,
    relative,
    representatives,
    score_pairs,
    shortlist,
)
from reid.tables import PROBLEMS, empty

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
    calibrations: Calibrations,
    cache: Path,
    among_themselves: bool,
    coat: CoatSettings | None = None,
    network: LoadedCoat | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, PairVerifier]:
    """Shortlist, compare coats, and verify.

    Args:
        queries: Crops of this season.
        gallery: Crops of known animals, if there are any.
        fingerprint: Of all vectors.
        photo_size: Width and height of a query's photo.
        index: How many candidates have their spots compared.
        matcher: Compares spots.
        calibrations: Make probabilities.
        cache: Folder for finished work.
        among_themselves: Whether queries are compared with each other too.
        coat: How many candidates have their coats compared before.
        network: That compares coats; None leaves them out.

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
    most = max(index.candidates, coat.candidates) if coat and network else index.candidates
    wide = replace(index, candidates=most)
    lists = [shortlist(mine, mine_vectors, crops, vectors, fingerprint, wide) for crops, vectors in targets]

    def picture(crop_id: str, longest: int) -> np.ndarray:
        return pictures[crop_id](rows[crop_id], longest)

    verifier = PairVerifier(matcher, rows, picture, photo_size, cache)
    unread = empty(PROBLEMS)
    if network:
        # each photo is decoded once for both
        beside = verifier.seek if verifier.in_threads else None
        lists, unread = _most_alike(lists, Coats(network, rows, picture, cache), index.candidates, beside)
    columns = ["query", "candidate", "similarity"]
    pairs = pd.concat(lists, ignore_index=True) if lists else pd.DataFrame(columns=columns)
    pairs = pairs.sort_values(["query", "candidate"], kind="stable").reset_index(drop=True)
    matches, problems = score_pairs(pairs, verifier, calibrations)
    return matches, pd.concat([unread, problems], ignore_index=True).drop_duplicates(ignore_index=True), verifier


def _most_alike(
    lists: list[pd.DataFrame],
    coats: Coats,
    candidates: int,
    beside: Callable[[str, np.ndarray], None] | None = None,
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Of each shortlist the pairs whose coats are among the most alike of either of their crops, and what could not be read."""
    asked = sorted({name for pairs in lists for column in ("query", "candidate") for name in pairs[column]})
    problems = coats.prepare(asked, beside)
    # the level of all lists together: a season with few animals of its own has the catalogue's to go by
    alike = relative(np.concatenate([np.zeros(0), *(coats.compare(pairs) for pairs in lists)]))
    kept, start = [], 0
    for pairs in lists:
        scored = pairs.assign(coat=alike[start : start + len(pairs)])
        start += len(pairs)
        if np.isnan(alike).all():
            few = nearest(scored, "similarity", candidates)
        else:
            scored = scored.dropna(subset=["coat"])
            # the vectors' own nearest stay: of a species that the network of coats hardly knows, they may know better
            few = nearest(scored, "coat", candidates) | nearest(scored, "similarity", max(1, candidates // 4))
        kept.append(scored[few].reset_index(drop=True))
    return kept, problems

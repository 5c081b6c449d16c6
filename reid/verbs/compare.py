"""Comparing crops, shared by the verbs: nearest neighbours first, then spot by spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

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
    within_budget,
)
from reid.tables import PROBLEMS, empty

__all__ = ["Compared", "Side", "compare"]


class Compared(NamedTuple):
    """What came of comparing.

    Attributes:
        matches: Matches table.
        problems: Problems table.
        verifier: Knows the spots of each pair.
        candidates: Of each crop, so many had their spots compared.
    """

    matches: pd.DataFrame
    problems: pd.DataFrame
    verifier: PairVerifier
    candidates: int


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
) -> Compared:
    """Shortlist, compare coats, and verify.

    Args:
        queries: Crops of this season.
        gallery: Crops of known animals, if there are any.
        fingerprint: Of all vectors.
        photo_size: Width and height of a query's photo.
        index: How many candidates have their spots compared, and how long that may take.
        matcher: Compares spots.
        calibrations: Make probabilities.
        cache: Folder for finished work.
        among_themselves: Whether queries are compared with each other too.
        coat: How many candidates have their coats compared before.
        network: That compares coats; None leaves them out.
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
        lists, unread = _with_coats(lists, Coats(network, rows, picture, cache), beside)
    candidates = index.candidates

    def cut(most: int) -> pd.DataFrame:
        columns = ["query", "candidate", "similarity"]
        # without coats, shortlists are as long as they should be
        few = lists if network is None and most == index.candidates else [_most_alike(pairs, most) for pairs in lists]
        return pd.concat(few, ignore_index=True) if few else pd.DataFrame(columns=columns)

    if index.budget_s:
        candidates = within_budget(cut, verifier, index.budget_s, candidates, cache)
    pairs = cut(candidates).sort_values(["query", "candidate"], kind="stable").reset_index(drop=True)
    matches, problems = score_pairs(pairs, verifier, calibrations)
    problems = pd.concat([unread, problems], ignore_index=True).drop_duplicates(ignore_index=True)
    return Compared(matches, problems, verifier, candidates)


def _with_coats(
    lists: list[pd.DataFrame], coats: Coats, beside: Callable[[str, np.ndarray], None] | None = None
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """The shortlists with the likeness of their coats, missing throughout where it says nothing, and what could not be read."""
    asked = sorted(
        {str(name) for pairs in lists for column in ("query", "candidate") for name in pairs[column].unique()}
    )
    problems = coats.prepare(asked, beside)
    # the level of all lists together: a season with few animals of its own has the catalogue's to go by
    alike = relative(np.concatenate([np.zeros(0), *(coats.compare(pairs) for pairs in lists)]))
    scored, start = [], 0
    for pairs in lists:
        told = pairs.assign(coat=alike[start : start + len(pairs)])
        start += len(pairs)
        scored.append(told if np.isnan(alike).all() else told.dropna(subset=["coat"]).reset_index(drop=True))
    return scored, problems


def _most_alike(pairs: pd.DataFrame, candidates: int) -> pd.DataFrame:
    """Of a shortlist the pairs whose coats are among the most alike of either of their crops; where none say anything, the nearest."""
    if "coat" not in pairs or pairs["coat"].isna().all():
        return pairs[nearest(pairs, "similarity", candidates)].reset_index(drop=True)
    # the vectors' own nearest stay: of a species that the network of coats hardly knows, they may know better
    few = nearest(pairs, "coat", candidates) | nearest(pairs, "similarity", max(1, candidates // 4))
    return pairs[few].reset_index(drop=True)

"""Encounters: which crops are one animal before anyone has looked at its spots."""

from __future__ import annotations

import itertools

import pandas as pd

from reid.tables import CROPS, check

__all__ = ["assign_encounters", "cannot_links"]


def assign_encounters(crops: pd.DataFrame) -> pd.DataFrame:
    """Fill the `encounter` column.

    The photos of one sequence show one animal, unless two stand in one frame: then every crop of the sequence is an
    encounter of its own, and its spots decide who belongs together. Crops that have an encounter keep it; a crop
    without a sequence stands alone.

    Args:
        crops: Crops table.

    Returns:
        The table with `encounter` filled: the sequence's name, or the sequence's with the crop's number.
    """
    out = crops.copy()
    sequence = out["sequence"].fillna(out["crop_id"])
    per_frame = out.groupby([sequence, "image_id"])["crop_id"].transform("size")
    crowded = per_frame.groupby(sequence).transform("max") > 1
    number = out.groupby(sequence).cumcount() + 1
    alone = sequence + "#" + number.astype("string")
    out["encounter"] = out["encounter"].fillna(sequence.where(~crowded, alone))
    return check(out, CROPS, extra=True)


def cannot_links(crops: pd.DataFrame) -> set[frozenset[str]]:
    """Pairs of encounters that are two animals, because both stand in one frame."""
    pairs: set[frozenset[str]] = set()
    for _, encounters in crops.groupby("image_id")["encounter"]:
        pairs.update(frozenset(pair) for pair in itertools.combinations(sorted(set(encounters)), 2))
    return pairs

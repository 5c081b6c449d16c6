"""Which crops are paired: two photos of one flank, and two animals that show the same side."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["drawn_animals", "same_pairs", "strangers"]

MANY = 3000
"""Crops whose pairs are all looked at; of more, so many are drawn."""


def drawn_animals(rows: pd.DataFrame, photos: int, seed: int) -> np.ndarray:
    """Numbers of the rows of whole individuals, in an order drawn by the seed, until there are `photos`; all with 0."""
    who = (rows["dataset"].astype(str) + "/" + rows["identity"].astype(str)).to_numpy(object)
    if not photos or len(rows) <= photos:
        return np.arange(len(rows))
    order = np.random.default_rng(seed).permutation(np.unique(who.astype(str)))
    counts = pd.Series(who).value_counts()
    enough = int(np.searchsorted(np.cumsum([counts[name] for name in order]), photos)) + 1
    return np.flatnonzero(np.isin(who, order[:enough]))


def same_pairs(rows: pd.DataFrame, gap: int, most: int, seed: int) -> list[tuple[int, int]]:
    """Pairs of one flank from two encounters.

    Args:
        rows: Need `label`, the individual and its flank, and `encounter`, null where not known.
        gap: Encounters that they must lie apart, where encounters are numbers.
        most: Most pairs of one flank.
        seed: Of which are taken, and of their order.

    Returns:
        Numbers of the rows, the lower first.
    """
    rng = np.random.default_rng([seed, 0])
    found: list[tuple[int, int]] = []
    groups = {str(label): np.sort(places) for label, places in rows.groupby("label").indices.items()}
    for label in sorted(groups):
        places = groups[label]
        a, b = (places[side] for side in np.triu_indices(len(places), 1))
        far = np.flatnonzero(_apart(rows, a, b, gap))
        found += [(int(a[n]), int(b[n])) for n in rng.permutation(far)[:most]]
    return [found[n] for n in rng.permutation(len(found))]


def strangers(rows: pd.DataFrame, among: np.ndarray, gap: int, many: int, seed: int) -> list[tuple[int, int]]:
    """Pairs of two individuals of one data set that show the same side, in an order drawn by the seed.

    Args:
        rows: Need `dataset`, `identity`, `orientation` and `encounter`.
        among: Numbers of the rows that may take part.
        gap: As for `same_pairs`.
        many: Most pairs.
        seed: Of which are taken.
    """
    rng = np.random.default_rng([seed, 1])
    among = np.sort(rng.permutation(np.unique(among))[:MANY])
    a, b = (among[side] for side in np.triu_indices(len(among), 1))
    side, who = (
        pd.factorize(rows["dataset"].astype(str) + "/" + rows[column].astype(str))[0]
        for column in ("orientation", "identity")
    )
    may = np.flatnonzero((side[a] == side[b]) & (who[a] != who[b]))
    may = may[_apart(rows, a[may], b[may], gap)]
    return [(int(a[n]), int(b[n])) for n in rng.permutation(may)[:many]]


def _apart(rows: pd.DataFrame, a: np.ndarray, b: np.ndarray, gap: int) -> np.ndarray:
    """Which pairs are of two encounters, as far apart as asked; a photo without an encounter is one of its own."""
    named = pd.factorize(rows["encounter"].astype(object).where(rows["encounter"].notna()))[0]
    number = pd.to_numeric(rows["encounter"], errors="coerce").to_numpy(float)
    near = np.abs(number[a] - number[b]) < gap  # not a number: never near
    out: np.ndarray = ((named[a] != named[b]) | (named[a] < 0)) & ~near
    return out

"""Photos sorted into animals without a gallery: how near the groups come to the truth, and what that does to a count.

A photo and an animal meet in a cell if any photo of the animal is in the group. An animal in p groups has been split
p - 1 times; a group of m animals holds m - 1 merges. So the number of groups is the number of animals, plus splits,
minus merges: errors that cancel in the count are still seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import InputError
from reid.evaluate.bootstrap import jackknife
from reid.evaluate.retrieval import Ranking

__all__ = ["census_error", "choose_threshold", "group_photos", "grouping_figures", "halves"]

THRESHOLDS = 60


def group_photos(ranking: Ranking, threshold: float, neighbours: int = 10) -> np.ndarray:
    """Groups of photos that are near each other: an edge joins two photos that are each among the other's nearest.

    Args:
        ranking: Of photos among themselves, with hits.
        threshold: Least similarity of an edge.
        neighbours: How many of the nearest count.

    Returns:
        Group number of each photo, from 0, in the order of their first photos.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(ranking.table)
    hits, near = ranking.hits[:, :neighbours], ranking.similarities[:, :neighbours]
    here = (hits >= 0) & (near >= threshold)
    # SciPy before 1.12 finds no components in an array whose indices have 64 bits, and says so to nobody
    one, other = np.nonzero(here)[0].astype(np.int32), hits[here].astype(np.int32)
    edges = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count)).tocsr()
    return np.asarray(connected_components(edges.multiply(edges.T), directed=False)[1])


def choose_threshold(ranking: Ranking, identities: Sequence[str], neighbours: int = 10) -> float:
    """The threshold with the highest AMI on labelled photos; of equal ones the highest.

    Args:
        ranking: Of these photos among themselves.
        identities: Their animals.
        neighbours: As for `group_photos`.

    Raises:
        InputError: there are no photos with neighbours.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    near = ranking.similarities[np.isfinite(ranking.similarities)]
    if not len(near):
        raise InputError("a threshold for grouping needs at least two photos that may be compared.")
    tried = np.unique(np.quantile(near, np.linspace(0, 1, THRESHOLDS)))
    tried = np.r_[tried, np.nextafter(tried[-1], np.inf)]
    scores = [adjusted_mutual_info_score(identities, group_photos(ranking, t, neighbours)) for t in tried]
    return float(max(zip(scores, tried, strict=True))[1])


def halves(identities: Sequence[str]) -> np.ndarray:
    """Every second animal by name: True for the half that a threshold is chosen on.

    >>> halves(["b", "a", "c", "a"]).tolist()
    [False, True, True, True]
    """
    return pd.factorize(np.asarray(identities, dtype=str), sort=True)[0] % 2 == 0


def census_error(identities: Sequence[str], groups: Sequence[Any]) -> dict[str, Any]:
    """What groups do to a count.

    Returns:
        `animals`, the true number; `groups`, the estimate; `error`, estimate minus truth; `relative_error`, the same
        as a share of the truth; `splits` and `merges`, with `error = splits - merges`.

    Raises:
        InputError: the two differ in length, or are empty.

    Example:
        >>> census_error(["a", "a", "b", "c"], [1, 2, 3, 3])["splits"]
        1
    """
    if len(identities) != len(groups) or not len(groups):
        raise InputError(
            f"{len(identities)} identities and {len(groups)} groups; expected one of each a photo, at least one."
        )
    truth, guess = (
        pd.factorize(np.asarray(identities, dtype=object))[0],
        pd.factorize(np.asarray(groups, dtype=object))[0],
    )
    cells = len(np.unique(np.stack([truth, guess]), axis=1).T)
    animals, found = int(truth.max()) + 1, int(guess.max()) + 1
    return {
        "animals": animals,
        "groups": found,
        "error": found - animals,
        "relative_error": (found - animals) / animals,
        "splits": cells - animals,
        "merges": cells - found,
    }


def grouping_figures(identities: Sequence[str], groups: Sequence[Any]) -> dict[str, Any]:
    """ARI and AMI (scikit-learn's, AMI with the arithmetic mean) with intervals, and the census error.

    Args:
        identities: The animal of each photo.
        groups: Its group.

    Returns:
        As `census_error`, and `ari` and `ami`, each with `value`, `low` and `high` (95 %, leaving out one animal at a
        time).
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    out = census_error(identities, groups)
    names, found = np.asarray(identities, dtype=str), np.asarray(groups)

    def figure(score: Callable[[np.ndarray, np.ndarray], float]) -> dict[str, float | None]:
        def over(rows: np.ndarray) -> float:
            return float(score(names[rows], found[rows]))

        interval = jackknife(over, names.tolist())
        return {"value": over(np.arange(len(names))), "low": interval.low, "high": interval.high}

    return {**out, "ari": figure(adjusted_rand_score), "ami": figure(adjusted_mutual_info_score)}

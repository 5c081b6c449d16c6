"""Retrieval figures from the table of a ranking.

Definitions, over queries q with R right photos in their gallery:

- top-k: share of queries with a right photo among the first k.
- balanced top-1: top-1 of each animal's queries, averaged over animals.
- mAP: mean over queries of average precision over the whole gallery, the mean of the precision at each right photo.
- mAP@R: mean over queries of the sum of the precision at the right photos among the first R, divided by R.

A query without a right photo in its gallery has no rank. `undefined="skip"` leaves it out and counts it;
`undefined="miss"` counts it as wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import ConfigError, choices
from reid.evaluate.bootstrap import Statistic, with_interval

__all__ = ["UNDEFINED", "cmc", "grouped", "retrieval_figures", "retrieval_statistics"]

UNDEFINED = ("skip", "miss")
TOPS = (1, 5, 10)
GALLERY_SIZES = ((1, 1, "1"), (2, 2, "2"), (3, 4, "3 to 4"), (5, 9, "5 to 9"), (10, None, "10 or more"))


def retrieval_statistics(table: pd.DataFrame, undefined: str = "skip") -> tuple[dict[str, Statistic], pd.DataFrame]:
    """The figures as functions of rows, and the table whose rows they take.

    Args:
        table: Of a `Ranking`.
        undefined: What becomes of queries without a right photo: `skip` or `miss`.

    Raises:
        ConfigError: no such choice.
    """
    if undefined not in UNDEFINED:
        raise ConfigError(f"undefined={undefined!r} is unknown; choose one of {choices(UNDEFINED)}.")
    if undefined == "skip":
        table = table[table["positives"] > 0]
    table = table.reset_index(drop=True)
    first = table["first_rank"].to_numpy(dtype=float, na_value=np.inf)
    animals = pd.factorize(table["identity"])[0]

    def mean(values: np.ndarray) -> Statistic:
        return lambda rows: float(values[rows].mean()) if len(rows) else None

    def balanced(rows: np.ndarray) -> float | None:
        # an animal that was drawn twice counts twice: its rows stand twice, so weigh each animal by its number of draws
        if not len(rows):
            return None
        drawn, held = np.bincount(animals[rows]), np.bincount(animals, minlength=1)[: animals[rows].max() + 1]
        times = drawn / np.maximum(held, 1)
        right = np.bincount(animals[rows], weights=first[rows] <= 1)
        seen = drawn > 0
        return float(np.sum(times[seen] * right[seen] / drawn[seen]) / times[seen].sum())

    statistics: dict[str, Statistic] = {f"top_{k}": mean((first <= k).astype(float)) for k in TOPS}
    statistics["balanced_top_1"] = balanced
    statistics["map"] = mean(table["ap"].fillna(0.0).to_numpy(dtype=float))
    statistics["map_r"] = mean(table["ap_r"].fillna(0.0).to_numpy(dtype=float))
    return statistics, table


def retrieval_figures(table: pd.DataFrame, undefined: str = "skip", draws: int = 1000) -> dict[str, Any]:
    """Every retrieval figure with its interval, and how many queries it stands on.

    Args:
        table: Of a `Ranking`.
        undefined: What becomes of queries without a right photo: `skip` or `miss`.
        draws: Of the bootstrap; 0 for none.

    Returns:
        `queries`, those that count; `identities`, of them; `undefined`, queries without a right photo; and under each
        figure's name its `value`, `low` and `high`.
    """
    statistics, counted = retrieval_statistics(table, undefined)
    out: dict[str, Any] = {
        "queries": len(counted),
        "identities": int(counted["identity"].nunique()),
        "undefined": int((table["positives"] == 0).sum()),
    }
    for name, statistic in statistics.items():
        out[name] = with_interval(statistic, counted["identity"].tolist(), draws)
    return out


def grouped(table: pd.DataFrame, undefined: str = "skip") -> dict[str, dict[str, dict[str, Any]]]:
    """The figures by number of right photos in the gallery and by the query's flank, without intervals."""
    sizes = {
        name: table[(table["positives"] >= low) & (table["positives"] <= (high or np.inf))]
        for low, high, name in GALLERY_SIZES
    }
    flanks = {str(flank): part for flank, part in table.groupby("orientation", sort=True)}

    def short(parts: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
        out = {}
        for name, part in parts.items():
            statistics, counted = retrieval_statistics(part, undefined)
            if len(counted):
                rows = np.arange(len(counted))
                out[name] = {"queries": len(counted), **{key: statistics[key](rows) for key in ("top_1", "map")}}
        return out

    return {"gallery_photos": short(sizes), "flank": short(flanks)}


def cmc(table: pd.DataFrame, most: int = 50, undefined: str = "skip") -> np.ndarray:
    """Top-k for k from 1 to `most`: the curve of cumulative matches."""
    _, counted = retrieval_statistics(table, undefined)
    first = counted["first_rank"].to_numpy(dtype=float, na_value=np.inf)
    return np.array([float((first <= k).mean()) if len(first) else np.nan for k in range(1, most + 1)])

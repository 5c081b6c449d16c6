"""How many candidates a time budget allows: a few pairs are timed, the number is chosen once, and kept with the run.

Spots take almost all the time of a comparison, and the first candidates of a crop are the likeliest, so that a shorter list for every
crop loses least (docs/matching.md has the curve).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from reid.match.pairs import PairVerifier
from reid.outside import read_json
from reid.store import digest, write_json

__all__ = ["affordable", "within_budget"]

SAMPLE = 16
"""Pairs that are timed."""
FILE = "budget.json"


def affordable(pairs: Callable[[int], int], seconds: float, budget_s: float, most: int) -> int:
    """The most candidates of each crop whose pairs can be compared in time, at least 1.

    Args:
        pairs: How many pairs there are with so many candidates of each crop; never fewer with more.
        seconds: A pair takes.
        budget_s: Seconds in all.
        most: Never more than so many candidates.

    >>> affordable(lambda candidates: 100 * candidates, 0.1, 70, 20), affordable(lambda candidates: 10**6, 1.0, 5, 20)
    (7, 1)
    """
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if pairs(middle) * seconds <= budget_s else (low, middle - 1)
    return low


def within_budget(
    cut: Callable[[int], pd.DataFrame], verifier: PairVerifier, budget_s: float, most: int, cache: Path
) -> int:
    """How many candidates of each crop to compare.

    The answer is kept in the cache, so that a run that was stopped, or is said again, compares the same pairs.

    Args:
        cut: The pairs, `query` and `candidate`, with so many candidates of each crop.
        verifier: Compares them.
        budget_s: Seconds that comparing may take.
        most: The number of candidates without a budget.
        cache: Folder of the run's finished work.
    """
    asked = digest(verifier.matcher.fingerprint, float(budget_s), most)
    path = cache / FILE
    try:
        kept = read_json(path)
        if kept["asked"] == asked and 1 <= int(kept["candidates"]) <= most:
            return int(kept["candidates"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is none, or it is damaged: chosen anew
    whole = cut(most)
    if whole.empty:
        return most
    sample = whole.iloc[:: max(1, len(whole) // SAMPLE)].head(SAMPLE)
    seconds = verifier.seconds_per_pair(list(zip(sample["query"], sample["candidate"], strict=True)))
    found = affordable(lambda candidates: len(cut(candidates)), seconds, budget_s, most)
    write_json({"asked": asked, "candidates": found, "seconds_per_pair": round(seconds, 5)}, path)
    return found

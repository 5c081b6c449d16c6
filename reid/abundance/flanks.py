"""Two flanks, honestly: each by itself, both averaged, and joined as far as it is known which belong together.

A left flank cannot be compared with a right one. An animal of which both were seen at once, or whose catalogue holds
both, is joined; an animal known from its left alone may be one known from its right alone. So a joined count has two
ends, and both are given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log

import numpy as np
import pandas as pd

from reid.abundance.histories import History
from reid.abundance.result import Estimate, normal_quantile, undefined

__all__ = ["FlankEstimates", "average", "by_flank"]

Estimator = Callable[[History], Estimate]


@dataclass(frozen=True)
class FlankEstimates:
    """The same population, seen from either side."""

    left: Estimate
    right: Estimate
    averaged: Estimate
    """Both together, as if they erred alike: the widest the error of their mean can be."""
    fewest: Estimate
    """Joined, with left-only and right-only animals paired off as far as they go; the mean of random pairings."""
    most: Estimate
    """Joined, with none of them paired."""
    linked: int
    left_only: int
    right_only: int

    @property
    def joined_is_exact(self) -> bool:
        """Whether no pairing is open, so that `fewest` and `most` are one."""
        return min(self.left_only, self.right_only) == 0

    def table(self) -> pd.DataFrame:
        """One row for each estimate."""
        rows = []
        for name in ("left", "right", "averaged", "fewest", "most"):
            e: Estimate = getattr(self, name)
            rows.append({"flanks": name, "captured": e.captured, "n": e.n, "se": e.se, "low": e.low, "high": e.high,
                         "notes": "; ".join(e.warnings)})  # fmt: skip
        return pd.DataFrame(rows)


def by_flank(left: History, right: History, estimator: Estimator, pairings: int = 20, seed: int = 0) -> FlankEstimates:
    """Estimate from left flanks, from right flanks, and from both.

    Args:
        left: Captures of left flanks: `capture_history(..., flank="left")`. An animal of which both flanks are known
            has one name in both.
        right: Captures of right flanks, over the same occasions and stations.
        estimator: Any estimate of a history.
        pairings: How many random pairings `fewest` is the mean of.
        seed: Of the pairings.
    """
    both = _joined(left, right)
    linked = sorted(set(left.animals) & set(right.animals))
    only = [sorted(set(h.animals) - set(linked)) for h in (left, right)]
    bound = len(linked) + max(len(only[0]), len(only[1]))
    one, other = estimator(left), estimator(right)
    return FlankEstimates(
        one,
        other,
        average(one, other, bound),
        _fewest(both, only[0], only[1], estimator, pairings, seed, bound),
        estimator(both),
        len(linked),
        len(only[0]),
        len(only[1]),
    )


def _joined(left: History, right: History) -> History:
    """Captures of either flank; a cell that shows both is one capture, not two."""
    stations = tuple(sorted({*left.stations, *right.stations}))
    occasions = max(left.occasions, right.occasions)
    names = tuple(sorted({*left.animals, *right.animals}))
    counts = np.zeros((len(names), occasions, len(stations)), dtype=np.int64)
    for history in (left, right):
        rows = [names.index(name) for name in history.animals]
        columns = [stations.index(name) for name in history.stations]
        part = np.zeros_like(counts)
        part[np.ix_(rows, range(history.occasions), columns)] = history.counts
        counts = np.maximum(counts, part)
    source = left if left.stations == stations else right
    known = source.stations == stations and source.occasions == occasions
    return History(
        counts, names, stations, source.effort if known else None, source.coordinates if known else None,
        left.start, left.occasion_days,
    )  # fmt: skip


def average(left: Estimate, right: Estimate, bound: int = 0) -> Estimate:
    """The mean, on the log scale, of two estimates of one population that may err alike.

    Args:
        left: From one flank.
        right: From the other.
        bound: The fewest animals there can be.
    """
    model = f"{left.model}, both flanks averaged"
    found = [e for e in (left, right) if e.n is not None]
    if not found:
        return undefined(model, bound, "neither flank has an estimate", left.confidence)
    warnings = [] if len(found) == 2 else ["one flank has no estimate; this is the other"]
    middle = float(np.mean([log(e.n or 1.0) for e in found]))
    n = max(exp(middle), float(bound))
    spreads = [e.se / e.n for e in found if e.se is not None and e.n]
    if len(spreads) < len(found):
        return Estimate(model, n, None, float(bound), None, bound, left.confidence, (*warnings, "no standard error"))
    spread = float(np.mean(spreads))
    reach = exp(normal_quantile(left.confidence) * spread)
    low, high = max(exp(middle) / reach, float(bound)), max(exp(middle) * reach, float(bound))
    return Estimate(model, n, n * spread, low, high, bound, left.confidence, tuple(warnings))


def _fewest(
    both: History, left: list[str], right: list[str], estimator: Estimator, pairings: int, seed: int, bound: int
) -> Estimate:
    pairs = min(len(left), len(right))
    if not pairs:
        return estimator(both)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(max(1, pairings)):
        lefts = [left[i] for i in random.permutation(len(left))[:pairs]]
        rights = [right[i] for i in random.permutation(len(right))[:pairs]]
        partner = dict(zip(rights, lefts, strict=True))
        found.append(estimator(both.regrouped([partner.get(name, name) for name in both.animals])))
    defined = [e for e in found if e.n is not None]
    model = f"{found[0].model}, {pairs} left-only and right-only animals paired"
    if not defined:
        return undefined(model, bound, found[0].warnings[0], found[0].confidence)
    highs = [e.high for e in defined if e.high is not None]
    errors = [e.se for e in defined if e.se is not None]
    return Estimate(
        model,
        float(np.mean([e.n for e in defined if e.n is not None])),
        float(np.mean(errors)) if errors else None,
        float(np.mean([e.low for e in defined])),
        float(np.mean(highs)) if len(highs) == len(defined) else None,
        bound,
        found[0].confidence,
        ("who is paired with whom is not known; this is the low end",),
    )

"""Figures for animals that are not in the gallery.

Each query has a score, the highest similarity in its gallery, and the identity that it belongs to. A query is *known* if
its animal is in its gallery, *new* otherwise. At a threshold t, a query whose score is at least t is accepted and named
after its nearest photo; the others are called new.

- AUROC: probability that a known query scores above a new one, ties half.
- BAKS: share of accepted and rightly named queries of each known animal, averaged over known animals.
- BAUS: share of rejected queries of each new animal, averaged over new animals.
- DIR@FAR: share of known queries accepted and rightly named, at the lowest threshold that accepts at most a share FAR
  of the new ones.
- OSCR: area under the share of known queries accepted and rightly named against the share of new ones accepted, over
  all thresholds.

Without known or without new queries these are undefined and null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from reid.evaluate.bootstrap import Statistic, with_interval

__all__ = ["OpenSet", "auroc", "baks", "baus", "dir_at_far", "openset_curve", "openset_figures", "oscr"]

FARS = (0.01, 0.05, 0.1)


@dataclass(frozen=True)
class OpenSet:
    """What the open-set figures are taken from; one entry a query.

    Attributes:
        score: Highest similarity; minus infinity for an empty gallery.
        known: Whether the animal is in the gallery.
        right: Whether the nearest photo shows it.
        identity: Its name.
    """

    score: np.ndarray
    known: np.ndarray
    right: np.ndarray
    identity: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame) -> OpenSet:
        """From the table of a ranking."""
        return cls(
            table["score"].fillna(-np.inf).to_numpy(dtype=float),
            (table["positives"] > 0).to_numpy(dtype=bool),
            # ties count against the network, as for the rank of the first right photo
            (table["first_rank"] == 1).to_numpy(dtype=bool, na_value=False),
            table["identity"].to_numpy(dtype=object),
        )

    def take(self, rows: np.ndarray) -> OpenSet:
        """The queries of these rows."""
        return OpenSet(self.score[rows], self.known[rows], self.right[rows], self.identity[rows])

    @property
    def both(self) -> bool:
        """Whether there are known and new queries."""
        return bool(self.known.any() and not self.known.all())


def auroc(data: OpenSet) -> float | None:
    """How well the score tells known from new; None without both."""
    from scipy.stats import rankdata

    if not data.both:
        return None
    ranks, count = rankdata(data.score), int(data.known.sum())
    above = float(ranks[data.known].sum()) - count * (count + 1) / 2
    return above / (count * (len(ranks) - count))


def baks(data: OpenSet, threshold: float) -> float | None:
    """Balanced accuracy on known animals at a threshold; None without any."""
    return _balanced((data.right & (data.score >= threshold))[data.known], data.identity[data.known])


def baus(data: OpenSet, threshold: float) -> float | None:
    """Balanced accuracy on new animals at a threshold; None without any."""
    return _balanced((data.score < threshold)[~data.known], data.identity[~data.known])


def dir_at_far(data: OpenSet, far: float) -> float | None:
    """Detection and identification rate at a false alarm rate; None without known and new queries."""
    if not data.both:
        return None
    new = np.sort(data.score[~data.known])[::-1]
    # 0.29 * 100 is a hair below 29
    allowed = int(np.floor(far * len(new) + 1e-9))
    limit = new[allowed] if allowed < len(new) else -np.inf
    accepted = data.score > limit if allowed < len(new) else np.ones(len(data.score), bool)
    return float((accepted & data.right)[data.known].mean())


def oscr(data: OpenSet) -> float | None:
    """Area under the open-set classification rate curve, straight between its points; None without both."""
    if not data.both:
        return None
    thresholds = np.unique(data.score)[::-1]
    named = np.sort(data.score[data.known & data.right])
    new = np.sort(data.score[~data.known])
    rate = (len(named) - np.searchsorted(named, thresholds)) / data.known.sum()
    alarms = (len(new) - np.searchsorted(new, thresholds)) / len(new)
    height, width = np.r_[0.0, rate], np.diff(np.r_[0.0, alarms])
    return float(np.sum(width * (height[1:] + height[:-1]) / 2))


def openset_curve(data: OpenSet, points: int = 201) -> dict[str, list[float]] | None:
    """BAKS and BAUS over thresholds, from accepting all to rejecting all; None without known and new queries.

    Returns:
        `threshold`, `baks`, `baus`: lists of one length. The thresholds are quantiles of the scores.
    """
    if not data.both:
        return None
    finite = data.score[np.isfinite(data.score)]
    inner = np.unique(np.quantile(finite, np.linspace(0, 1, points))) if len(finite) else np.zeros(1)
    thresholds = np.r_[inner, np.nextafter(inner[-1], np.inf)]
    return {
        "threshold": thresholds.tolist(),
        "baks": [baks(data, t) or 0.0 for t in thresholds],
        "baus": [baus(data, t) or 0.0 for t in thresholds],
    }


def openset_figures(table: pd.DataFrame, draws: int = 1000, fars: Sequence[float] = FARS) -> dict[str, Any]:
    """Every open-set figure with its interval.

    Args:
        table: Of a `Ranking`; queries with right photos are known, the others new.
        draws: Of the bootstrap; 0 for none.
        fars: False alarm rates of DIR.

    Returns:
        `known` and `new`, queries of either; under each figure's name `value`, `low` and `high`; and under `best`
        the threshold with the highest geometric mean of BAKS and BAUS, with both. It is chosen on these very
        queries, so it is the most that a threshold could reach, not what one chosen beforehand will.
    """
    data = OpenSet.of(table)
    statistics: dict[str, Callable[[OpenSet], float | None]] = {"auroc": auroc, "oscr": oscr}
    out: dict[str, Any] = {"known": int(data.known.sum()), "new": int((~data.known).sum())}
    statistics.update((f"dir_at_far_{far:g}", partial(dir_at_far, far=far)) for far in fars)
    for name, statistic in statistics.items():
        out[name] = with_interval(_over_rows(data, statistic), data.identity.tolist(), draws)
    curve = openset_curve(data)
    if curve is not None:
        means = np.sqrt(np.multiply(curve["baks"], curve["baus"]))
        at = int(np.argmax(means))
        out["best"] = {name: values[at] for name, values in curve.items()} | {"geometric_mean": float(means[at])}
    return out


def _balanced(right: np.ndarray, identity: np.ndarray) -> float | None:
    if not len(right):
        return None
    codes = pd.factorize(identity)[0]
    return float(np.mean(np.bincount(codes, weights=right) / np.bincount(codes)))


def _over_rows(data: OpenSet, statistic: Callable[[OpenSet], float | None]) -> Statistic:
    return lambda rows: statistic(data.take(rows))

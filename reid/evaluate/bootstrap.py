"""Intervals over animals: by resampling them, or by leaving out one at a time.

Photos of one animal are alike, so they are no independent draws: the unit that is resampled is the identity, with all of
its queries. The interval says how the figure would vary with other animals, the gallery and the network held as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reid.errors import ConfigError

__all__ = ["UNIT", "Interval", "Statistic", "bootstrap", "jackknife", "with_interval"]

UNIT = "identity"

Statistic = Callable[[np.ndarray], float | None]
"""A figure from the numbers of the rows that it is taken over; None where it is undefined for them."""


@dataclass(frozen=True)
class Interval:
    """A percentile interval.

    Attributes:
        low: Lower end; None where the figure is undefined in every draw, or there are fewer than two animals.
        high: Upper end, likewise.
        draws: In how many draws the figure was defined.
    """

    low: float | None
    high: float | None
    draws: int


def bootstrap(
    statistic: Statistic,
    identities: Sequence[object],
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of a figure over animals.

    Args:
        statistic: The figure from row numbers, which repeat where an animal was drawn more than once; None or NaN
            where it is undefined for them.
        identities: Whose row it is, one a row.
        draws: How many samples of as many animals as there are, drawn with replacement.
        level: Share of the draws that the interval spans.
        seed: Of the draws: the same one gives the same interval.

    Example:
        >>> right = np.array([1.0, 1.0, 0.0, 1.0])
        >>> bootstrap(lambda rows: right[rows].mean(), ["a", "a", "b", "c"], draws=200)
        Interval(low=0.0, high=1.0, draws=200)
    """
    if not 0 < level < 1 or draws < 1:
        raise ConfigError(
            f"an interval needs draws of at least 1 and a level between 0 and 1, got {draws} and {level}."
        )
    _, codes = np.unique(np.asarray(identities, dtype=str), return_inverse=True)
    rows = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)] if len(codes) else []
    if len(rows) < 2:
        return Interval(None, None, 0)
    random = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        value = statistic(np.concatenate([rows[n] for n in random.integers(len(rows), size=len(rows))]))
        if value is not None and np.isfinite(value):
            values.append(value)
    if not values:
        return Interval(None, None, 0)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), len(values))


def with_interval(
    statistic: Statistic, identities: Sequence[object], draws: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """A figure over all rows with its 95 % interval, as reports keep it: `value`, `low`, `high`; None where undefined.

    Args:
        statistic: As for `bootstrap`.
        identities: Likewise.
        draws: Of the bootstrap; 0 for no interval.
        seed: Of the draws.
    """
    value = statistic(np.arange(len(identities)))
    interval = bootstrap(statistic, identities, draws, seed=seed) if draws and value is not None else None
    low, high = (interval.low, interval.high) if interval else (None, None)
    return {"value": None if value is None else float(value), "low": low, "high": high}


def jackknife(statistic: Statistic, identities: Sequence[object], level: float = 0.95) -> Interval:
    """The interval of a figure over animals, leaving out one at a time: for figures of pairs of photos.

    A photo that is drawn twice is always in one group with itself, so resampling flatters a grouping. Without one animal
    after the other there are no such pairs. The interval is symmetric about the figure and can reach past its limits.

    Args:
        statistic: The figure from row numbers.
        identities: Whose row it is, one a row.
        level: Share of samples whose figure it would cover, were they normal.

    Example:
        >>> jackknife(lambda rows: float(rows.mean()), ["a", "b", "c"])
        Interval(low=-0.13..., high=2.13..., draws=3)
    """
    from statistics import NormalDist

    names, codes = np.unique(np.asarray(identities, dtype=str), return_inverse=True)
    value = statistic(np.arange(len(codes)))
    found = [statistic(np.flatnonzero(codes != n)) for n in range(len(names))] if len(names) > 2 else []
    left = np.array([v for v in found if v is not None and np.isfinite(v)])
    if value is None or len(left) < 2:
        return Interval(None, None, 0)
    error = np.sqrt((len(left) - 1) / len(left) * np.sum((left - left.mean()) ** 2))
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return Interval(float(value - reach), float(value + reach), len(left))

"""Animals that differ in how often they are met: the jackknife, and Chao's lower bounds.

All work on how many animals were met exactly once, twice, and so on. The jackknife is that of Burnham and Overton
(1978, 1979) with the interpolation and the standard error of the program CAPTURE (Rexstad and Burnham 1991). Chao's
estimators are those of Chao (1987) for the finite number of occasions, and of Chao (1989) for occasions that differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

__all__ = ["Jackknife", "chao_mh", "chao_mt", "frequencies", "jackknife"]

CRITICAL = 3.841
"""Chi-square of one degree of freedom at 5 %."""


@dataclass(frozen=True)
class Jackknife:
    """The jackknife estimate, and what it was chosen from."""

    n: float
    se: float
    orders: tuple[float, ...]
    """Estimates of order 1, 2, and so on."""
    order_se: tuple[float, ...]
    tests: tuple[float, ...]
    """Chi-square of each order against the next."""
    chosen: int
    """The first order that the next one does not improve."""


def frequencies(caught: np.ndarray) -> np.ndarray:
    """How many animals were met on exactly 1, 2, … occasions.

    >>> frequencies(np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)).tolist()
    [1, 1, 0]
    """
    occasions = caught.shape[1]
    return np.bincount(caught.sum(axis=1), minlength=occasions + 1)[1 : occasions + 1]


def _coefficients(occasions: int) -> np.ndarray:
    """Weights of the frequencies, orders 0 to 5 (fewer with few occasions) × frequencies 1 to 5."""
    t = occasions
    table = [
        [],
        [t - 1],
        [2 * t - 3, -((t - 2) ** 2)],
        [3 * t - 6, -(3 * t**2 - 15 * t + 19), (t - 3) ** 3],
        [4 * t - 10, -(6 * t**2 - 36 * t + 55), 4 * t**3 - 42 * t**2 + 148 * t - 175, -((t - 4) ** 4)],
        [
            5 * t - 15,
            -(10 * t**2 - 70 * t + 125),
            10 * t**3 - 120 * t**2 + 485 * t - 660,
            -((t - 4) ** 5 - (t - 5) ** 5),
            (t - 5) ** 5,
        ],
    ]
    out = np.ones((min(5, t) + 1, 5))
    for order, row in enumerate(table[: len(out)]):
        falling = 1.0
        for i, value in enumerate(row):
            falling *= t - i
            out[order, i] += value / falling
    return out


def jackknife(counts: np.ndarray, occasions: int) -> Jackknife:
    """The jackknife estimate from capture frequencies.

    Args:
        counts: How many animals were met on exactly 1, 2, … occasions.
        occasions: At least 2.
    """
    f = np.zeros(max(5, len(counts)))
    f[: len(counts)] = counts
    captured = f.sum()
    weights = np.pad(_coefficients(occasions), ((0, 0), (0, len(f) - 5)), constant_values=1.0)
    estimates = weights @ f
    variances = (weights**2) @ f - estimates
    steps = np.diff(weights, axis=0)
    change = steps @ f
    spread = captured / max(captured - 1, 1) * ((steps**2) @ f - change**2 / captured)
    # tests[k]: order k against order k + 1, order 0 being the animals met; 0 where nothing changes.
    tests = np.divide(change**2, spread, out=np.zeros_like(change), where=spread > 1e-12)
    later = np.append(tests[1:], 0.0)
    chosen = int(np.argmax(later < CRITICAL)) + 1
    before, at = (tests[0], later[0]) if chosen == 1 else (later[chosen - 2], later[chosen - 1])
    if before >= CRITICAL:
        share = (before - CRITICAL) / (before - at)
    else:
        share = 1.0
    lower = estimates[chosen - 1] if chosen > 1 or before >= CRITICAL else estimates[1]
    n = share * estimates[chosen] + (1 - share) * lower
    n = max(n, captured if chosen == 1 else estimates[1])
    return Jackknife(
        float(n),
        _selection_se(estimates[1:], variances[1:], later),
        tuple(float(x) for x in estimates[1:]),
        tuple(sqrt(max(0.0, x)) for x in variances[1:]),
        tuple(float(x) for x in later[:-1]),
        chosen,
    )


def _selection_se(estimates: np.ndarray, variances: np.ndarray, tests: np.ndarray) -> float:
    """Standard error over the orders that might have been chosen, each with the chance that it would be."""
    from scipy.special import chndtr

    shift = np.maximum(tests[:-1] - 1, 0.0)
    power = np.where(shift > 0, 1 - chndtr(CRITICAL, 1, shift), 0.5)
    chance = np.append(1 - power, 1.0) * np.append(1.0, np.cumprod(power))
    mean = float(chance @ estimates)
    return sqrt(max(0.0, float(chance @ (variances + (estimates - mean) ** 2))))


def chao_mh(counts: np.ndarray, occasions: int) -> tuple[float, float, str]:
    """Chao's lower bound for animals that differ.

    Args:
        counts: How many animals were met on exactly 1, 2, … occasions.
        occasions: At least 2.

    Returns:
        Estimate, standard error, and which form was used: "classic", or "bias-corrected" where no animal was met
        exactly twice.
    """
    f1, f2 = float(counts[0]), float(counts[1]) if len(counts) > 1 else 0.0
    captured, k = float(np.sum(counts)), (occasions - 1) / occasions
    if f2 > 0:
        ratio = f1 / f2
        variance = f2 * (k / 2 * ratio**2 + k**2 * ratio**3 + k**2 / 4 * ratio**4)
        return captured + k * f1**2 / (2 * f2), sqrt(variance), "classic"
    n = captured + k * f1 * (f1 - 1) / 2
    variance = k * f1 * (f1 - 1) / 2 + k**2 * f1 * (2 * f1 - 1) ** 2 / 4 - k**2 * f1**4 / (4 * n)
    return n, sqrt(max(0.0, variance)), "bias-corrected"


def chao_mt(caught: np.ndarray) -> tuple[float, float]:
    """Chao's estimator for occasions that differ, where animals met once are told apart by occasion.

    Args:
        caught: Animals × occasions.

    Returns:
        Estimate and standard error, by the delta method over animals met once on each occasion, twice, and more.
    """
    times = caught.sum(axis=1)
    once = caught[times == 1].sum(axis=0).astype(float)
    twice, captured = float((times == 2).sum()), float(len(caught))
    pairs = (once.sum() ** 2 - (once**2).sum()) / 2
    n = captured + pairs / (twice + 1)
    # Slopes of the estimate in each count; every count also adds itself.
    slopes = np.concatenate([1 + (once.sum() - once) / (twice + 1), [1 - pairs / (twice + 1) ** 2, 1.0]])
    cells = np.concatenate([once, [twice, captured - once.sum() - twice]])
    variance = float((cells * slopes**2).sum() - (cells * slopes).sum() ** 2 / n)
    return n, sqrt(max(0.0, variance))

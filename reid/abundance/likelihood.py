"""Closed populations by maximum likelihood: M0, Mt and Mb of Otis et al. (1978), with profile intervals.

The population is a real number of at least the animals met; capture probabilities are concentrated out, so each
model is a function of the population alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, lgamma, log, sqrt

import numpy as np

__all__ = ["Profile", "maximum", "profile_limits", "profile_m0", "profile_mb", "profile_mt", "standard_error"]

MOST = 1e9
"""A population beyond which the likelihood counts as flat."""


@dataclass(frozen=True)
class Profile:
    """The log-likelihood of a population, highest over everything else."""

    captured: int
    value: Callable[[float], float]
    parameters: int
    """Free parameters, the population among them."""


def _xlogy(x: float, y: float) -> float:
    return x * log(y) if x > 0 else 0.0


def profile_m0(caught: np.ndarray) -> Profile:
    """One capture probability for every animal and occasion."""
    animals, occasions = caught.shape
    total = int(caught.sum())

    def value(n: float) -> float:
        p = total / (n * occasions)
        return _unseen(n, animals) + _xlogy(total, p) + _xlogy(n * occasions - total, 1 - p)

    return Profile(animals, value, 2)


def profile_mt(caught: np.ndarray) -> Profile:
    """A capture probability for each occasion."""
    animals = len(caught)
    totals = [int(x) for x in caught.sum(axis=0)]

    def value(n: float) -> float:
        return _unseen(n, animals) + sum(_xlogy(x, x / n) + _xlogy(n - x, 1 - x / n) for x in totals)

    return Profile(animals, value, 1 + len(totals))


def profile_mb(caught: np.ndarray) -> Profile:
    """One probability before the first capture of an animal, another after it.

    Only first captures tell of the population; the recaptures enter with their own probability.
    """
    animals, occasions = caught.shape
    first = np.bincount(caught.argmax(axis=1), minlength=occasions)
    # Trials of marked animals: every occasion after the first capture.
    marked = int((first * (occasions - 1 - np.arange(occasions))).sum())
    again = int(caught.sum()) - animals
    constant = _xlogy(again, again / marked) + _xlogy(marked - again, 1 - again / marked) if marked else 0.0

    def value(n: float) -> float:
        trials = n * occasions - marked - animals  # misses of animals not met before
        p = animals / (trials + animals)
        return _unseen(n, animals) + _xlogy(animals, p) + _xlogy(trials, 1 - p) + constant

    return Profile(animals, value, 3)


def _unseen(n: float, animals: int) -> float:
    return lgamma(n + 1) - lgamma(n - animals + 1)


def maximum(profile: Profile) -> float:
    """The population where the profile is highest; infinite where it rises without end."""
    from scipy.optimize import minimize_scalar

    low = float(profile.captured)
    # On the log of animals unseen the profile has one hump; the lower end stands for none unseen.
    fit = minimize_scalar(
        lambda u: -profile.value(low + np.exp(u)), bounds=(-12.0, log(MOST)), method="bounded", options={"xatol": 1e-7}
    )
    n = low + float(np.exp(fit.x))
    if n > MOST / 10:
        return inf
    return n if profile.value(n) > profile.value(low) else low


def standard_error(profile: Profile, n: float) -> float | None:
    """From the curvature of the profile on the log of animals unseen; None where none are."""
    unseen = n - profile.captured
    if unseen < 1e-3:
        return None
    step = 0.02
    up, at, down = (profile.value(profile.captured + unseen * np.exp(d)) for d in (step, 0.0, -step))
    curvature = (2 * at - up - down) / step**2
    return unseen / sqrt(curvature) if curvature > 0 else None


def profile_limits(profile: Profile, n: float, confidence: float) -> tuple[float, float | None]:
    """Where the profile falls by half a chi-square below its highest; None where it never does above."""
    from scipy.optimize import brentq
    from scipy.special import chdtri

    floor = profile.value(n) - float(chdtri(1, 1 - confidence)) / 2
    low = float(profile.captured)

    def gap(x: float) -> float:
        return profile.value(x) - floor

    lower = low if gap(low) >= 0 else float(brentq(gap, low, n, xtol=1e-6))
    upper, step = n, max(1.0, n - low)
    while upper < MOST and gap(upper) >= 0:
        upper, step = upper + step, 2 * step
    return lower, (None if gap(upper) >= 0 else float(brentq(gap, n, upper, xtol=1e-6)))

"""How many animals a closed population has, by the model asked for."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf
from typing import Any

import numpy as np

from reid.abundance.heterogeneity import chao_mh, chao_mt, frequencies, jackknife
from reid.abundance.histories import History, history_of
from reid.abundance.likelihood import (
    Profile,
    maximum,
    profile_limits,
    profile_m0,
    profile_mb,
    profile_mt,
    standard_error,
)
from reid.abundance.result import Estimate, check_confidence, log_normal_limits, undefined
from reid.errors import ConfigError, choices

__all__ = ["MODELS", "estimate"]

MODELS = {
    "minimum": "animals met, and no more than that",
    "M0": "every animal and occasion alike",
    "Mt": "occasions differ",
    "Mb": "animals change once they were met",
    "Mh-jackknife": "animals differ; the jackknife of Burnham and Overton",
    "Mh-chao": "animals differ; Chao's lower bound",
    "Mt-chao": "occasions differ, sparse captures; Chao's estimator",
}
"""Names of the models, and what each allows."""

LIKELIHOODS: dict[str, Callable[[np.ndarray], Profile]] = {"M0": profile_m0, "Mt": profile_mt, "Mb": profile_mb}
INTERVALS = ("profile", "log-normal", "none")


def estimate(
    history: History | np.ndarray, model: str = "M0", confidence: float = 0.95, interval: str | None = None
) -> Estimate:
    """Estimate the size of a closed population.

    Args:
        history: A `History`, or a matrix of animals × occasions.
        model: One of `MODELS`.
        confidence: Of the interval, between 0 and 1.
        interval: "profile" (of the likelihood; M0, Mt and Mb only, and their default), "log-normal" (of the animals
            never met; the default of the others), or "none", which is quicker and leaves the bound of the animals met.

    Returns:
        The estimate. Where the captures do not define one, `n` is None, `low` the animals met, and `warnings` says
        why.

    Raises:
        ConfigError: no such model or interval, or a confidence outside 0 to 1.
        TableError: the matrix is no capture matrix.

    >>> caught = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]])
    >>> found = estimate(caught, "M0")
    >>> found.captured, round(found.n, 1)
    (5, 6.4)
    """
    confidence = check_confidence(confidence)
    if model not in MODELS:
        raise ConfigError(f"no closed model {model!r}; there are {choices(MODELS)}.")
    by_likelihood = model in LIKELIHOODS
    interval = interval or ("profile" if by_likelihood else "log-normal")
    if interval not in INTERVALS or (interval == "profile" and not by_likelihood):
        raise ConfigError(
            f"no {interval!r} interval for {model}; there are {choices(INTERVALS)}, profile for {choices(LIKELIHOODS)} only."
        )
    caught = history_of(history).caught
    captured, occasions = caught.shape
    if model == "minimum":
        return _minimum(captured, confidence)
    reason = _why_not(caught, model)
    if reason:
        return undefined(model, captured, reason, confidence, occasions=occasions)
    if by_likelihood:
        return _by_likelihood(caught, model, confidence, interval)
    return _by_moments(caught, model, confidence, interval)


def _minimum(captured: int, confidence: float) -> Estimate:
    warnings = ("animals met, with no allowance for those that were not",)
    return Estimate("minimum", float(captured), None, float(captured), None, captured, confidence, warnings)


def _why_not(caught: np.ndarray, model: str) -> str:
    """Why the captures cannot define this model's estimate; empty where they can."""
    captured, occasions = caught.shape
    if captured == 0:
        return "no animal was met"
    if occasions < 2:
        return "there is one occasion; at least two are needed"
    if model == "Mb":
        first = np.bincount(caught.argmax(axis=1), minlength=occasions)
        if (first * (occasions - 1 - 2 * np.arange(occasions))).sum() <= 0:
            return "new animals came as often at the end as at the start, so the first captures set no upper bound"
    elif caught.sum() == captured:
        return "no animal was met on two occasions"
    return ""


def _by_likelihood(caught: np.ndarray, model: str, confidence: float, interval: str) -> Estimate:
    captured, occasions = caught.shape
    profile = LIKELIHOODS[model](caught)
    n = maximum(profile)
    if isinf(n):
        return undefined(model, captured, "the likelihood rises without end", confidence, occasions=occasions)
    se = standard_error(profile, n)
    warnings = []
    if se is None:
        warnings.append("the likelihood is highest with every animal met; there is no standard error")
    low, high = float(captured), None
    if interval == "profile":
        low, high = profile_limits(profile, n, confidence)
        if high is None:
            warnings.append("the captures set no upper limit")
    elif interval == "log-normal":
        low, high = log_normal_limits(captured, n, se or 0.0, confidence)
    value = profile.value(n)
    detail = {
        "occasions": occasions,
        "interval": interval,
        "log_likelihood": value,
        "parameters": profile.parameters,
        "aic": 2 * profile.parameters - 2 * value,
        **_probabilities(caught, model, n),
    }
    return Estimate(model, n, se, low, high, captured, confidence, tuple(warnings), detail)


def _probabilities(caught: np.ndarray, model: str, n: float) -> dict[str, Any]:
    captured, occasions = caught.shape
    if model == "M0":
        return {"p": float(caught.sum() / (n * occasions))}
    if model == "Mt":
        return {"p": [float(x / n) for x in caught.sum(axis=0)]}
    after = int((occasions - 1 - caught.argmax(axis=1)).sum())
    again = int(caught.sum()) - captured
    return {"p": captured / (n * occasions - after), "c": again / after if after else None}


def _by_moments(caught: np.ndarray, model: str, confidence: float, interval: str) -> Estimate:
    captured, occasions = caught.shape
    counts = frequencies(caught)
    detail: dict[str, Any] = {"occasions": occasions, "interval": interval, "frequencies": [int(x) for x in counts]}
    warnings = []
    if model == "Mh-jackknife":
        found = jackknife(counts, occasions)
        n, se = found.n, found.se
        detail |= {"order": found.chosen, "orders": list(found.orders), "order_se": list(found.order_se)}
        if occasions < 5:
            warnings.append(f"the jackknife is unreliable with {occasions} occasions; five or more are advised")
    elif model == "Mh-chao":
        n, se, detail["form"] = chao_mh(counts, occasions)
        warnings.append("a lower bound of the population, not its middle")
    else:
        n, se = chao_mt(caught)
    if n - captured < 1e-9:
        warnings.append("no animal was met just once, so the estimate is the animals met")
    low, high = (float(captured), None) if interval == "none" else log_normal_limits(captured, n, se, confidence)
    return Estimate(model, n, se, low, high, captured, confidence, tuple(warnings), detail)

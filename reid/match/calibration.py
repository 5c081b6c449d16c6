"""Calibration: the probability that two crops show one individual, from their scores, as labelled animals showed it.

A logistic regression on the scores of a pair (its coats' likeness, its matched spots), fitted by `reid calibrate` on pairs of
known identity. It is a JSON file of named numbers that says on what it was fitted, and belongs to one matcher and one network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from reid.errors import ConfigError, InputError, choices

__all__ = [
    "COAT",
    "LOCAL",
    "Calibration",
    "Term",
    "at_prior",
    "expected_error",
    "fit_calibration",
    "reliability",
]

Scores = np.ndarray | Mapping[str, np.ndarray]
LOCAL, COAT = "local_score", "coat"
METHODS = ("logistic", "isotonic")
COAT_LEAST = 0.2
"""Coats a fifth as alike as any two say no more than that."""
BEND = 0.9
"""Share of pairs of two individuals that score below the bend of the regression."""


@dataclass(frozen=True)
class Term:
    """What one score adds to the log-odds: slope * x + steeper * max(0, x - bend), x the score's logarithm.

    Below the bend, where most pairs of two individuals lie, a score says little: a flank turned away matches as badly
    as a stranger's. Above it, each spot counts more; one slope for both would doubt the plainest matches.

    Attributes:
        slope: Per unit of x.
        steeper: What the slope gains above the bend.
        bend: In units of x.
    """

    slope: float
    steeper: float
    bend: float


@dataclass(frozen=True)
class Calibration:
    """A logistic regression over the scores of a pair, and where wanted an isotonic step after it.

    Attributes:
        matcher: Name of what compared the pairs: a local matcher, with `coat+` before it where coats were compared too.
        intercept: Log-odds at x = 0 of all scores.
        terms: By score: `local_score`, and `coat` where coats were compared.
        steps: Log-odds of the regression (`from`) and the log-odds that they turned out to be worth (`to`), both rising;
            between them lies a straight line. Empty for the regression alone.
        coat: Fingerprint of the network that compared the coats; empty without it.
        protocol: On what it was fitted and judged, with the figures.
    """

    matcher: str
    intercept: float
    terms: Mapping[str, Term]
    steps: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    coat: str = ""
    protocol: Mapping[str, Any] = field(default_factory=dict)

    def probability(self, scores: Scores) -> np.ndarray:
        """Probabilities of pairs.

        Args:
            scores: By name, each float (n,); an array alone is the local score.

        Returns:
            float (n,).

        Raises:
            InputError: a score is missing, or is no number.
        """
        odds = self.log_odds(scores)
        if self.steps:
            odds = np.interp(odds, self.steps["from"], self.steps["to"])
        return 1 / (1 + np.exp(-odds))

    def log_odds(self, scores: Scores) -> np.ndarray:
        """Log-odds of the regression alone, float (n,)."""
        given = scores if isinstance(scores, Mapping) else {LOCAL: np.asarray(scores, float)}
        missing = [name for name in self.terms if name not in given]
        if missing:
            raise InputError(
                f"the calibration of {self.matcher} reads the score {missing[0]}, and the pairs have none; "
                "fit one for the scores at hand with `reid calibrate`."
            )
        odds: np.ndarray = np.asarray(self.intercept, float)
        for name, term in self.terms.items():
            basis = _basis(name, np.asarray(given[name], float), term.bend)
            if np.isnan(basis).any():
                raise InputError(
                    f"{int(np.isnan(basis[:, 0]).sum())} pairs have no number for the score {name}; leave them out."
                )
            odds = odds + basis @ np.array([term.slope, term.steeper])
        return odds

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _basis(name: str, score: np.ndarray, bend: float) -> np.ndarray:
    x = np.log(np.maximum(score, COAT_LEAST) / COAT_LEAST) if name == COAT else np.log1p(score)
    return np.stack([x, np.maximum(0.0, x - bend)], axis=1)


def fit_calibration(
    scores: Scores,
    same: np.ndarray,
    matcher: str,
    protocol: Mapping[str, Any] | None = None,
    method: str = "logistic",
    coat: str = "",
) -> Calibration:
    """Fit the regression.

    Args:
        scores: Of pairs, by name, each float (n,); an array alone is the local score.
        same: bool (n,), whether a pair shows one individual.
        matcher: Whose scores they are.
        protocol: What to say about the data.
        method: `logistic`, or `isotonic`: the regression, and an isotonic step after it (Zadrozny and Elkan 2002,
            "Transforming classifier scores into accurate multiclass probability estimates"), which needs more pairs.
        coat: Fingerprint of the network that compared the coats.

    Raises:
        InputError: all pairs are of one kind.
        ConfigError: no such method.
    """
    from sklearn.linear_model import LogisticRegression

    if method not in METHODS:
        raise ConfigError(f"method={method!r} is unknown; choose one of {choices(METHODS)}.")
    given = scores if isinstance(scores, Mapping) else {LOCAL: np.asarray(scores, float)}
    same = np.asarray(same, bool)
    if same.all() or not same.any():
        raise InputError(
            f"all {len(same)} pairs are of one kind; a calibration needs pairs of one individual and of two."
        )
    bends = {
        name: round(float(np.quantile(_basis(name, np.asarray(score, float), 0.0)[~same, 0], BEND)), 5)
        for name, score in given.items()
    }
    basis = np.concatenate(
        [_basis(name, np.asarray(score, float), bends[name]) for name, score in given.items()], axis=1
    )
    model = LogisticRegression(C=10.0, max_iter=5000).fit(basis, same)
    weights = [round(float(weight), 5) for weight in model.coef_[0]]
    terms = {name: Term(weights[2 * n], weights[2 * n + 1], bends[name]) for n, name in enumerate(given)}
    fitted = Calibration(matcher, round(float(model.intercept_[0]), 5), terms, {}, coat, dict(protocol or {}))
    return _stepped(fitted, given, same) if method == "isotonic" else fitted


def _stepped(fitted: Calibration, scores: Mapping[str, np.ndarray], same: np.ndarray) -> Calibration:
    """The same with an isotonic step; the pool of each level is smoothed by half a pair of each kind, so none says never or surely."""
    from sklearn.isotonic import IsotonicRegression

    odds = fitted.log_odds(scores)
    level = IsotonicRegression(out_of_bounds="clip").fit_transform(odds, same.astype(float))
    begin, end = [], []
    for value in np.unique(level):
        own = level == value
        share = (same[own].sum() + 0.5) / (own.sum() + 1)
        begin.append(round(float(odds[own].mean()), 5))
        end.append(round(float(np.log(share / (1 - share))), 5))
    return replace(fitted, steps={"from": tuple(begin), "to": tuple(np.maximum.accumulate(end).tolist())})


def at_prior(calibration: Calibration, same: np.ndarray, prior: float) -> Calibration:
    """The same evidence weighed for another share of pairs that are one individual.

    Args:
        calibration: Fitted on the pairs of `same`.
        same: bool (n,), the kinds of the pairs that it was fitted on.
        prior: The share to expect, between 0 and 1.
    """
    share = float(same.mean())
    shift = float(np.log(prior / (1 - prior)) - np.log(share / (1 - share)))
    if calibration.steps:
        moved = tuple(round(value + shift, 5) for value in calibration.steps["to"])
        return replace(calibration, steps={"from": calibration.steps["from"], "to": moved})
    return replace(calibration, intercept=round(calibration.intercept + shift, 5))


def reliability(probability: np.ndarray, same: np.ndarray, edges: tuple[float, ...]) -> list[dict[str, float]]:
    """What the probabilities were worth: for each bin, how many pairs, the mean probability, and the share that was right."""
    rows = []
    for low, high in pairwise(edges):
        inside = (probability >= low) & ((probability < high) | (high == edges[-1]))
        if inside.any():
            said, true = float(probability[inside].mean()), float(same[inside].mean())
            rows.append(
                {
                    "from": low,
                    "to": high,
                    "pairs": int(inside.sum()),
                    "said": round(said, 4),
                    "true": round(true, 4),
                }
            )
    return rows


def expected_error(probability: np.ndarray, same: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015): how far the share of true pairs lies from the mean probability, over equal bins
    of the probability weighted by their pairs.

    >>> expected_error(np.array([0.2] * 5 + [0.9] * 10), np.array([1, 0, 0, 0, 0] + [1] * 9 + [0]))
    0.0
    """
    place = np.minimum((np.asarray(probability) * bins).astype(int), bins - 1)
    off = [
        abs(np.mean(probability[place == n]) - np.mean(same[place == n])) * (place == n).sum()
        for n in set(place.tolist())
    ]
    return round(float(sum(off) / len(place)), 12)

"""Calibration: the probability that two crops show one individual, from their scores, as labelled animals showed it.

A logistic regression over a few scores, fitted by `scripts/calibrate.py` on pairs of known identity. It is a JSON file
of named numbers that says on what it was fitted, and belongs to one matcher.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import FormatError, InputError
from reid.resources import configs_folder

__all__ = ["FEATURES", "Calibration", "at_prior", "fit_calibration", "load_calibration", "reliability"]

FEATURES = ("log_score", "log_inliers", "inlier_share")
"""What the regression reads, all from the verified spots; see `score_features`."""


@dataclass(frozen=True)
class Calibration:
    """Weights of the regression.

    Attributes:
        matcher: Name of the matcher whose scores it reads.
        weights: One per feature.
        intercept: Log-odds where all features are 0.
        protocol: On what it was fitted and judged, with the figures.
    """

    matcher: str
    weights: Mapping[str, float]
    intercept: float
    protocol: Mapping[str, Any] = field(default_factory=dict)

    def probability(self, scores: pd.DataFrame) -> np.ndarray:
        """Probabilities, float (n,), of pairs with the columns `local_score`, `matches` and `inliers`."""
        features = score_features(scores)
        weights = np.array([self.weights[name] for name in FEATURES])
        return 1 / (1 + np.exp(-(features @ weights + self.intercept)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def score_features(scores: pd.DataFrame) -> np.ndarray:
    """Float (n, 3): log(1 + summed confidence), log(1 + inliers), inliers / matches (0 where there are none)."""
    matches = scores["matches"].to_numpy(float)
    inliers = scores["inliers"].to_numpy(float)
    share = np.divide(inliers, matches, out=np.zeros_like(inliers), where=matches > 0)
    return np.stack([np.log1p(scores["local_score"].to_numpy(float)), np.log1p(inliers), share], axis=1)


def fit_calibration(scores: pd.DataFrame, same: np.ndarray, matcher: str, protocol: Mapping[str, Any]) -> Calibration:
    """Fit the regression.

    Args:
        scores: Pairs with `local_score`, `matches` and `inliers`.
        same: bool (n,), whether a pair shows one individual.
        matcher: Whose scores they are.
        protocol: What to say about the data.

    Raises:
        InputError: all pairs are of one kind.
    """
    from sklearn.linear_model import LogisticRegression

    if len(set(same.tolist())) < 2:
        raise InputError(
            f"all {len(same)} pairs are of one kind; a calibration needs pairs of one individual and of two."
        )
    features = score_features(scores)
    model = LogisticRegression(C=10.0, max_iter=1000).fit(features, same)
    weights = {name: round(float(w), 5) for name, w in zip(FEATURES, model.coef_[0], strict=True)}
    return Calibration(matcher, weights, round(float(model.intercept_[0]), 5), dict(protocol))


def at_prior(calibration: Calibration, same: np.ndarray, prior: float) -> Calibration:
    """The same evidence weighed for another share of pairs that are one individual.

    Args:
        calibration: Fitted on the pairs of `same`.
        same: bool (n,), the kinds of the pairs that it was fitted on.
        prior: The share to expect, between 0 and 1.
    """
    share = float(same.mean())
    shift = np.log(prior / (1 - prior)) - np.log(share / (1 - share))
    return replace(calibration, intercept=round(calibration.intercept + float(shift), 5))


def reliability(probability: np.ndarray, same: np.ndarray, edges: tuple[float, ...]) -> list[dict[str, float]]:
    """What the probabilities were worth: for each bin, how many pairs, the mean probability, and the share that was right."""
    rows = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
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


def load_calibration(matcher: str, path: str | Path = "") -> Calibration:
    """The calibration of a matcher: a file, or the one that ships.

    Raises:
        InputError: no such file.
        FormatError: the file is no calibration, or belongs to another matcher.
    """
    if path:
        name, text = str(path), _read(Path(path))
    else:
        shipped = configs_folder() / "calibration" / f"{matcher}.json"
        name, text = f"the calibration that ships for {matcher}", _read(shipped)
    try:
        values = json.loads(text)
        weights = {key: float(values["weights"][key]) for key in FEATURES}
        found = Calibration(str(values["matcher"]), weights, float(values["intercept"]), dict(values["protocol"]))
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{name} is no calibration ({error}); scripts/calibrate.py writes one.") from None
    if found.matcher != matcher:
        raise FormatError(
            f"{name} was fitted for the matcher {found.matcher}, this run uses {matcher}; fit one for it."
        )
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"no calibration can be read from {path}: {error}.") from None

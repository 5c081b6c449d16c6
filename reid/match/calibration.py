"""Calibration: the probability that two crops show one individual, from their scores, as labelled animals showed it.

A logistic regression on the score of the matched spots, fitted by `scripts/calibrate.py` on pairs of known identity. It is a JSON file
of named numbers that says on what it was fitted, and belongs to one matcher.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from reid.errors import FormatError, InputError
from reid.outside import parse_json, read_text
from reid.resources import configs_folder

__all__ = [
    "Calibration",
    "CalibrationSettings",
    "at_prior",
    "fit_calibration",
    "load_calibration",
    "reliability",
]

BEND = 0.9
"""Share of pairs of two individuals that score below the bend of the regression."""


@dataclass(frozen=True)
class Calibration:
    """The regression: log-odds = intercept + slope * x + steeper * max(0, x - bend), with x = log(1 + score).

    Below the bend, where most pairs of two individuals lie, a score says little: a flank turned away matches as badly
    as a stranger's. Above it, each spot counts more; one slope for both would doubt the plainest matches.

    Attributes:
        matcher: Name of the matcher whose scores it reads.
        intercept: Log-odds at a score of 0.
        slope: Per unit of x.
        steeper: What the slope gains above the bend.
        bend: In units of x.
        protocol: On what it was fitted and judged, with the figures.
    """

    matcher: str
    intercept: float
    slope: float
    steeper: float
    bend: float
    protocol: Mapping[str, Any] = field(default_factory=dict)

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities, float (n,), of pairs with these local scores, float (n,)."""
        features = _features(np.asarray(scores, float), self.bend)
        return 1 / (1 + np.exp(-(features @ np.array([self.slope, self.steeper]) + self.intercept)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class CalibrationSettings:
    """Which calibration.

    Attributes:
        file: A JSON file of `scripts/calibrate.py`; empty for the one that ships with the matcher.
    """

    file: str = ""


def _features(scores: np.ndarray, bend: float) -> np.ndarray:
    x = np.log1p(scores)
    return np.stack([x, np.maximum(0.0, x - bend)], axis=1)


def fit_calibration(
    scores: np.ndarray, same: np.ndarray, matcher: str, protocol: Mapping[str, Any] | None = None
) -> Calibration:
    """Fit the regression.

    Args:
        scores: Local scores of pairs, float (n,).
        same: bool (n,), whether a pair shows one individual.
        matcher: Whose scores they are.
        protocol: What to say about the data.

    Raises:
        InputError: all pairs are of one kind.
    """
    from sklearn.linear_model import LogisticRegression

    scores, same = np.asarray(scores, float), np.asarray(same, bool)
    if same.all() or not same.any():
        raise InputError(
            f"all {len(same)} pairs are of one kind; a calibration needs pairs of one individual and of two."
        )
    bend = round(float(np.quantile(np.log1p(scores[~same]), BEND)), 5)
    model = LogisticRegression(C=10.0, max_iter=2000).fit(_features(scores, bend), same)
    slope, steeper = (round(float(weight), 5) for weight in model.coef_[0])
    return Calibration(matcher, round(float(model.intercept_[0]), 5), slope, steeper, bend, dict(protocol or {}))


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
        values = parse_json(text)
        numbers = {key: float(values[key]) for key in ("intercept", "slope", "steeper", "bend")}
        if not all(map(math.isfinite, numbers.values())):
            raise ValueError("its numbers must be finite")
        found = Calibration(str(values["matcher"]), **numbers, protocol=dict(values["protocol"]))
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FormatError(f"{name} is no calibration ({error}); scripts/calibrate.py writes one.") from None
    if found.matcher != matcher:
        raise FormatError(
            f"{name} was fitted for the matcher {found.matcher}, this run uses {matcher}; fit one for it."
        )
    return found


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"no calibration can be read from {path}: {error}.") from None

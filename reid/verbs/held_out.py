"""What a calibration is worth on individuals that it was not fitted on, and the decisions on them that set the thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from reid.identify import Evidence, crop_sides, gather_evidence, link_encounters
from reid.match import Calibration
from reid.match.calibration import at_prior, expected_error, reliability

__all__ = ["evidence", "figures", "halves"]

EDGES = (0.0, 0.05, 0.3, 0.6, 0.9, 0.95, 1.0)

Fit = Callable[[np.ndarray], Calibration]
"""Fits a calibration on some of the pairs, given as bool (n,)."""


def halves(pairs: pd.DataFrame, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs to fit on and to judge by, bool (n,) each, twice: the individuals of one half, then of the other; pairs across are left out."""
    names = np.random.default_rng(seed + 1).permutation(np.sort(pairs["individual"].unique().astype(str)))
    first = set(names[: len(names) // 2])
    here, there = pairs["individual"].isin(first).to_numpy(), pairs["other"].isin(first).to_numpy()
    yield here & there, ~here & ~there
    yield ~here & ~there, here & there


def figures(pairs: pd.DataFrame, scores: dict[str, np.ndarray], fit: Fit, seed: int) -> dict[str, Any]:
    """Fit on half of the individuals, judge on pairs of the other half.

    Args:
        pairs: `individual`, `other`, `same`.
        scores: Of the pairs.
        fit: Fits.
        seed: Of the halves.
    """
    from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

    same = pairs["same"].to_numpy(bool)
    fitted_on, judged = next(halves(pairs, seed))
    if len(set(same[fitted_on])) < 2 or len(set(same[judged])) < 2:
        return {"note": "too few individuals to hold any out"}
    fitted = at_prior(fit(fitted_on), same[fitted_on], float(same[judged].mean()))
    said, true = fitted.probability({name: values[judged] for name, values in scores.items()}), same[judged]
    return {
        "individuals": len(set(pairs["individual"][judged]) | set(pairs["other"][judged])),
        "pairs": int(judged.sum()),
        "same": int(true.sum()),
        "auroc": round(float(roc_auc_score(true, said)), 4),
        "average_precision": round(float(average_precision_score(true, said)), 4),
        "ece": round(expected_error(said, true), 4),
        "brier": round(float(np.mean((said - true) ** 2)), 4),
        "log_loss": round(float(log_loss(true, said)), 4),
        "reliability": reliability(said, true, EDGES),
    }


def evidence(
    pairs: pd.DataFrame,
    scores: dict[str, np.ndarray],
    crops: pd.DataFrame,
    fit: Fit,
    prior: float,
    flank_sure: float,
    seed: int,
) -> Evidence | None:
    """Decisions on the encounters of individuals that the probabilities did not learn from, each half by the other.

    Args:
        pairs: `query`, `candidate`, `individual`, `other`, `same`.
        scores: Of the pairs.
        crops: Of both: `crop_id`, `encounter`, `identity`, `orientation`, `orientation_probability`, in the order in which
            they were met.
        fit: Fits.
        prior: Share of pairs of one individual that the probabilities shall expect.
        flank_sure: A flank counts from this probability on.
        seed: Of the halves.

    Returns:
        None where one half has not both kinds of pairs.
    """
    same = pairs["same"].to_numpy(bool)
    # two animals in one encounter are two decisions
    unit = dict(
        zip(crops["crop_id"], crops["encounter"].astype(str) + " " + crops["identity"].astype(str), strict=True)
    )
    animal = dict(zip(unit.values(), crops["identity"].astype(str), strict=True))
    found = []
    for fitted_on, judged in halves(pairs, seed):
        if len(set(same[fitted_on])) < 2 or not judged.any():
            return None
        fitted = at_prior(fit(fitted_on), same[fitted_on], prior)
        said = fitted.probability({name: values[judged] for name, values in scores.items()})
        matches = pairs.loc[judged, ["query", "candidate"]].assign(probability=said)
        own = crops[crops["crop_id"].isin(set(matches["query"]) | set(matches["candidate"]))]
        order = list(dict.fromkeys(unit[crop] for crop in own["crop_id"]))
        links = link_encounters(matches, unit, vote="all", side_of=crop_sides(own, flank_sure), prior=prior)
        found.append(gather_evidence(links, animal, order, vote="all"))
    animals, decided = len(set(crops["identity"])), sum(len(part.probability) for part in found)
    return Evidence(
        np.concatenate([part.probability for part in found]),
        np.concatenate([part.same for part in found]),
        np.concatenate([part.known for part in found]),
        f"{decided} encounters of {animals} animals, each half judged by the other",
        "all",
    )

"""All pairs of crops vote on whether two encounters are one animal.

A pair of crops with probability p, of a calibration that expects a share `prior` of such pairs to be one animal, speaks
with the likelihood ratio LR = p / (1 - p) * (1 - prior) / prior. If the two are different animals, the mean of LR is 1:
it is an e-value against "different" (Vovk and Wang 2021, E-values: calibration, combination and applications, Annals
of Statistics 49). Pairs of one flank repeat each other, for the crops of an encounter are near copies, and nobody knows
how closely: of such e-values the arithmetic mean is one too, whatever their dependence, and no symmetric rule does
better; the product would count one sighting many times, and the best alone profits from many tries. Two flanks carry two
patterns, so that their means are multiplied. Pairs whose flank is not told may repeat either and are averaged
with that product, by their share of the pairs. A photo from the front or from behind shows little of a flank: the
log-likelihood ratio of its pairs counts half.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log, log1p

import pandas as pd

__all__ = ["END", "PRIOR", "agreed", "crop_sides", "pair_side"]

PRIOR = 0.05
"""Share of shortlisted pairs that are one animal, where a calibration does not say for which it was made."""

END = "end"
"""Side of a crop that shows the front or the back."""

WEAK = 0.5
"""How much of its log-likelihood ratio a pair with a crop from the front or from behind keeps."""

SMALLEST = 1e-6
"""Probabilities are kept to six digits; no pair is surer than that."""


def crop_sides(crops: pd.DataFrame, sure: float) -> dict[str, str]:
    """What each crop shows: `left`, `right`, `end` (front or back), or empty where the flank is not told for sure.

    Args:
        crops: Crops table.
        sure: A flank counts from this probability on.
    """
    probability = crops["orientation_probability"].fillna(1.0)
    return {
        str(crop): ("" if p < sure else END if side in ("front", "back") else side if side in ("left", "right") else "")
        for crop, side, p in zip(crops["crop_id"], crops["orientation"], probability, strict=True)
    }


def pair_side(one: str, other: str) -> str:
    """The side that two crops are compared on.

    A flank that is not told takes the other's. A left and a right that met, because one of them was not sure, are as weak
    as a crop from the front.

    >>> pair_side("left", ""), pair_side("left", "right"), pair_side("", ""), pair_side("end", "left")
    ('left', 'end', '', 'end')
    """
    if END in (one, other) or (one and other and one != other):
        return END
    return one or other


def agreed(pairs: Iterable[tuple[float, str]], prior: float = PRIOR) -> float:
    """Probability that two encounters are one animal, from all pairs of their crops.

    Args:
        pairs: Probability and side (see `pair_side`) of each pair; at least one.
        prior: Share of pairs of one animal that the calibration expects.

    Returns:
        For one pair that shows a flank, its own probability.

    >>> agreed([(0.9, "left")])
    0.9
    >>> round(agreed([(0.9, "left"), (0.9, "left")]), 6), round(agreed([(0.9, "left"), (0.9, "right")]), 4)
    (0.9, 0.9994)
    """
    pairs = list(pairs)
    if len(pairs) == 1 and pairs[0][1] != END:
        return pairs[0][0]
    expected = _log_odds(prior)
    by_side: dict[str, list[float]] = {}
    for probability, side in pairs:
        evidence = _log_odds(probability) - expected
        by_side.setdefault("" if side == END else side, []).append(evidence * (WEAK if side == END else 1))
    untold = by_side.pop("", [])
    told = sum(len(found) for found in by_side.values())
    parts = [(told, sum(_log_mean(found) for found in by_side.values()))] if told else []
    parts += [(len(untold), _log_mean(untold))] if untold else []
    return 1 / (1 + exp(-(expected + _weighed(parts))))


def _log_odds(probability: float) -> float:
    p = min(max(probability, SMALLEST), 1 - SMALLEST)
    return log(p) - log1p(-p)


def _log_mean(values: list[float]) -> float:
    return _weighed([(1, value) for value in values])


def _weighed(parts: list[tuple[int, float]]) -> float:
    """Logarithm of the weighed mean of exponentials."""
    top = max(value for _, value in parts)
    return top + log(sum(n * exp(value - top) for n, value in parts) / sum(n for n, _ in parts))

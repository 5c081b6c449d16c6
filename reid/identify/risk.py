"""Thresholds that keep a named error rate, from decisions whose truth is known.

A decision is about one encounter, held out of everything that was fitted: its best link to those met before it has a
probability p, and shows the right animal or not. The encounters of animals not met before, the strangers, are among
them; their best link is never right.

*False matches.* At the threshold t, the encounters with p >= t are given to the animal of their best link. The rate is
the share of these that are given wrongly, known animals and strangers alike: P(wrong | p >= t). This is a ratio that
need not fall as t rises, so that conformal risk control does not apply; Learn then Test (Angelopoulos, Bates, Candès,
Jordan and Lei 2021, arXiv:2110.01052) does. A list of thresholds is fixed beforehand. The null hypothesis of each, that
its rate is above the named one, has the exact binomial p-value P(Binomial(n, rate) <= k) of k wrong ones among the n given
at that threshold: it is rejected where the upper bound of Clopper and Pearson (1934) on the rate is at most the named one. The
thresholds are tested in a fixed order, each at the full level, until one is not rejected (fixed sequence testing): first
downwards from 1 - rate, which is where a calibration that is right would have it, with most of the level; then, with what is
left of it, downwards from ten times nearer to 1, for a calibration that is too sure. With the stated confidence over
the draw of the held-out encounters, every rejected threshold keeps the rate. The lowest is taken.

*False new ones.* At the threshold t, the encounters of known animals with p < t are taken for strangers. Their share grows
with t, so that conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster, ICLR 2024, arXiv:2208.02814) applies;
for this loss it is split conformal prediction: with k of the n held-out encounters of known animals below t, the expected
share of later ones is at most (k + 1) / (n + 1). The highest t that keeps it is taken.

Both promises rest on encounters to come being like those held out, in species, cameras, and the share of strangers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.errors import InputError

__all__ = ["CONFIDENCE", "Controlled", "accept_threshold", "reject_threshold", "upper_bound"]

CONFIDENCE = 0.9
"""How often, over draws of the held-out encounters, the false matches keep their rate."""

LEAST = 0.5
"""No threshold to accept lies below: two encounters are not joined that are more probably two animals."""

STARTS = ((1.0, 0.8), (0.1, 0.2))
"""Where each sequence of tests begins, as a multiple of the rate below 1, and its share of the level."""


@dataclass(frozen=True)
class Controlled:
    """A threshold, and what the held-out encounters show of it.

    Attributes:
        threshold: It; None where so few encounters, or so many errors, allow none.
        decisions: Held-out encounters that the rate is a share of, at this threshold.
        wrong: Those of them that went wrong.
        bound: What is promised of the rate: at most the named one. Where there is no threshold, the lowest that could
            have been promised.
        strictest: Where there is no threshold: the one with that lowest bound.
    """

    threshold: float | None
    decisions: int
    wrong: int
    bound: float
    strictest: float


def upper_bound(wrong: int, decisions: int, confidence: float = CONFIDENCE) -> float:
    """The upper bound of Clopper and Pearson on a rate; 1 where nothing was decided.

    >>> round(upper_bound(0, 229, 0.9), 4), upper_bound(0, 0)
    (0.01, 1.0)
    """
    from scipy.stats import beta

    if wrong >= decisions:
        return 1.0
    return float(beta.ppf(confidence, wrong + 1, decisions - wrong))


def accept_threshold(
    probability: np.ndarray, right: np.ndarray, rate: float, confidence: float = CONFIDENCE
) -> Controlled:
    """The lowest probability to accept from, so that false matches keep a rate (see above).

    Args:
        probability: float (n,), of each held-out encounter's best link; 0 where it has none.
        right: bool (n,), whether that link shows its animal.
        rate: Share of the accepted that may be wrong, between 0 and 0.5.
        confidence: How often this holds, between 0 and 1.

    Raises:
        InputError: the arrays differ in length, or hold what is no probability.
    """
    probability, right = _checked(probability, right)
    certified: list[float] = []
    lowest = (1.0, 0, 0, 1 - rate * STARTS[-1][0])
    for start, share in STARTS:
        for threshold in _sequence(rate * start):
            accepted = probability >= threshold
            decisions, wrong = int(accepted.sum()), int((accepted & ~right).sum())
            bound = upper_bound(wrong, decisions, 1 - (1 - confidence) * share)
            lowest = min(lowest, (upper_bound(wrong, decisions, confidence), -decisions, wrong, threshold))
            if bound > rate:
                break
            certified.append(threshold)
    if not certified:
        return Controlled(None, -lowest[1], lowest[2], lowest[0], lowest[3])
    threshold = min(certified)
    accepted = probability >= threshold
    return Controlled(threshold, int(accepted.sum()), int((accepted & ~right).sum()), rate, threshold)


def _sequence(gap: float) -> list[float]:
    """Thresholds from 1 - gap downwards, each half as far again from 1 as the one before."""
    found = []
    while 1 - gap >= LEAST:
        found.append(round(1 - gap, 6))
        gap *= 1.5
    return found


def reject_threshold(probability: np.ndarray, known: np.ndarray, rate: float) -> Controlled:
    """The highest probability to reject below, so that false new ones keep a rate in expectation (see above).

    Args:
        probability: float (n,), as for `accept_threshold`.
        known: bool (n,), whether the encounter's animal was met before.
        rate: Share of the known that may be taken for strangers, between 0 and 0.5.

    Raises:
        InputError: the arrays differ in length, or hold what is no probability.
    """
    probability, known = _checked(probability, known)
    mine = np.sort(probability[known])
    # 0.05 * 20 is a hair above 1 in some products and below in others
    allowed = int(np.floor(rate * (len(mine) + 1) + 1e-9)) - 1
    if allowed < 0:
        lowest = float(mine[0]) if len(mine) else 0.0
        return Controlled(None, len(mine), 0, 1 / (len(mine) + 1), lowest)
    threshold = float(mine[allowed])
    below = int((mine < threshold).sum())
    return Controlled(threshold, len(mine), below, (below + 1) / (len(mine) + 1), threshold)


def _checked(probability: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    probability, truth = np.asarray(probability, float), np.asarray(truth, bool)
    if probability.shape != truth.shape or probability.ndim != 1:
        raise InputError(
            f"{probability.shape} probabilities and {truth.shape} truths; expected one of each an encounter."
        )
    if not np.all((probability >= 0) & (probability <= 1)):
        raise InputError("held-out probabilities must lie between 0 and 1, none of them missing.")
    return probability, truth

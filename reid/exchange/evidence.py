"""From compared crops to a probability for each two animals, when most animals of the two parks are not in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Beliefs", "believe", "likelihood_ratios"]

SUREST = 1e-3
"""No comparison makes a pair of crops surer than this is from certain, as in the grouping of encounters."""
ROUNDS = 200


@dataclass(frozen=True)
class Beliefs:
    """Probabilities that two animals are one, (n, m), and the share of all pairs that the scores speak for."""

    probability: np.ndarray
    share: float

    @property
    def common(self) -> float:
        """Animals in common that are to be expected."""
        return float(self.probability.sum())


def likelihood_ratios(probability: np.ndarray, prior: float) -> np.ndarray:
    """How much likelier one animal makes each score than two animals do.

    Args:
        probability: Calibrated, (n,).
        prior: The share of pairs of one animal that the calibration was weighed for.

    >>> likelihood_ratios(np.array([0.05, 0.5]), 0.05).round(3).tolist()
    [1.0, 19.0]
    """
    p = np.clip(probability, SUREST, 1 - SUREST)
    return p / (1 - p) * (1 - prior) / prior


def believe(ratio: np.ndarray, sides: tuple[np.ndarray, np.ndarray]) -> Beliefs:
    """Probabilities from the evidence on all pairs of animals.

    How many animals the parks share is not known beforehand. The share of pairs that are one animal is the one under
    which the probabilities add up to itself (expectation maximisation of the prior, Saerens et al. 2002), between half
    an animal in common and all of the smaller park. An animal is at most one of the other park's: what speaks for
    one speaks against the others, as far as they show the same flank.

    Args:
        ratio: Likelihood ratios, (n, m); 0 where nothing was compared.
        sides: For the n and for the m animals, bool (n, 2) and (m, 2): whether left and right crops are there.
    """
    n, m = ratio.shape
    if not ratio.size:
        return Beliefs(np.zeros((n, m)), 0.0)
    rivals = [(side.astype(int) @ side.T.astype(int)) > 0 for side in sides]
    for these in rivals:
        np.fill_diagonal(these, False)
    low, high = 0.5 / (n * m), min(n, m) / (n * m)
    share = high / 2
    probability = np.zeros((n, m))
    for _ in range(ROUNDS):
        odds = ratio * share / (1 - share) if share < 1 else ratio * 1e6
        against = odds @ rivals[1] + rivals[0] @ odds
        probability = odds / (1 + odds + against)
        again = float(np.clip(probability.sum() / (n * m), low, high))
        if abs(again - share) < 1e-9:
            break
        share = again
    return Beliefs(probability, share)

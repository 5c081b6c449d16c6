"""How many animals a season met, from how many of its encounters are likely the first of their animal.

The count by names is right where encounters could be decided. Where many could not, it says little: whoever is left undecided is no
animal yet, or is one too many. This estimate decides nothing. The encounters are taken in time; each has a best link to
those before it, and is its animal's first with the probability that held-out encounters of the user's calibration with
an equally likely link were. The sum of these probabilities is the expected number of animals.

It is as good as those held-out encounters are like the season's: of the same species, about as many animals, met about as often. Nobody met before the
season may be among the animals, so that it is given where the catalogue knows nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reid.counts.section import Section
from reid.counts.words import plural
from reid.identify import Evidence, best_links
from reid.identify.evidence import UNIT

__all__ = ["LEAST", "Meetings", "first_meetings", "meetings_section"]

LEAST = 10
"""Held-out encounters of either kind, of animals met before and of new ones, below which nothing is said."""

LOWEST, HIGHEST = 1e-4, 1 - 1e-6
"""Probabilities of links are taken to lie between these: of a link that was never found, nobody knows how unlikely it is."""

STRENGTH = 10.0
"""Inverse strength of the ridge on the regression's slope."""

REFITS = 100
"""How often the held-out encounters are drawn anew, for the interval."""


@dataclass(frozen=True)
class Meetings:
    """The estimate.

    Attributes:
        expected: Expected number of animals.
        low: Lower end of the interval.
        high: Upper end.
        confidence: Of the interval.
        encounters: Of the season.
        held_out: Encounters that it was learned from.
        what: Where those come from, in words.
    """

    expected: float
    low: int
    high: int
    confidence: float
    encounters: int
    held_out: int
    what: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "expected": round(self.expected, 1),
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "held_out_encounters": self.held_out,
        }


def first_meetings(
    links: pd.DataFrame,
    order: Sequence[str],
    evidence: Evidence,
    apart: Collection[frozenset[str]] = (),
    same: Collection[frozenset[str]] = (),
    confidence: float = 0.9,
    seed: int = 0,
) -> Meetings | None:
    """The expected number of animals of a season that began with nobody known.

    A logistic regression of "not met before" on the log-odds of an encounter's best link, fitted to the held-out encounters and
    asked about the season's. The interval comes from held-out encounters drawn anew, and a draw for each encounter.

    Args:
        links: A LINKS table of the season, of encounters alone.
        order: The season's encounters, in time.
        evidence: The calibration's held-out encounters.
        apart: Pairs of encounters that are two animals for certain.
        same: Those that are one, as persons said.
        confidence: Of the interval, between 0 and 1.
        seed: Of the draws.

    Returns:
        None where there are fewer than `LEAST` held-out encounters of either kind.

    Raises:
        InputError: a link names an encounter that is not in `order`.
    """
    new = ~evidence.known
    if min(new.sum(), (~new).sum()) < LEAST:
        return None
    found = best_links(_as_said(links, set(apart), set(same)), order)
    asked = _log_odds(np.array([found[name][0] if name in found else 0.0 for name in order], float))
    shown = _log_odds(evidence.probability)
    first = _probabilities(shown, new, asked)
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(REFITS):
        rows = random.integers(0, len(new), len(new))
        again = first if len(set(new[rows])) < 2 else _probabilities(shown[rows], new[rows], asked)
        draws.append(int(random.binomial(1, again).sum()))
    tail, least = (1 - confidence) / 2, min(1, len(order))
    low = int(np.quantile(draws, tail, method="lower"))
    high = int(np.quantile(draws, 1 - tail, method="higher"))
    return Meetings(
        max(float(first.sum()), float(least)), max(low, least), max(high, least), confidence, len(order), len(new),
        evidence.what,
    )  # fmt: skip


def meetings_section(found: Meetings) -> Section:
    """What the report says of it."""
    return Section(
        "first-meetings",
        "Counted by first meetings",
        text=[
            f"About {plural(round(found.expected), 'animal')}, between {found.low:,} and {found.high:,} "
            f"({found.confidence:.0%} interval). This number decides no encounter and names no animal, so that it also counts what was left "
            f"undecided: each of the {plural(found.encounters, 'encounter')} is the first of its animal as often as those of the "
            "calibration were that had an equally likely link to earlier ones.",
        ],
        notes=[
            f"It rests on {plural(found.held_out, 'held-out encounter')} of the calibration"
            + (f" ({found.what})" if found.what else "")
            + ", and is as good as these are like the season's: the same species, about as many animals, met about as often.",
        ],
    )


def _as_said(links: pd.DataFrame, apart: set[frozenset[str]], same: set[frozenset[str]]) -> pd.DataFrame:
    """Links, with certainty where there is some."""
    pairs = [frozenset(pair) for pair in zip(links["encounter"], links["other"], strict=True)]
    kept = links[[pair not in apart and pair not in same for pair in pairs]]
    told = [{"encounter": a, "other": b, "kind": UNIT, "probability": 1.0} for a, b in sorted(map(sorted, same))]
    return pd.concat([kept, pd.DataFrame(told)], ignore_index=True) if told else kept


def _log_odds(probability: np.ndarray) -> np.ndarray:
    kept = np.clip(probability, LOWEST, HIGHEST)
    return np.asarray(np.log(kept / (1 - kept)))


def _probabilities(shown: np.ndarray, new: np.ndarray, asked: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    if not len(asked):
        return np.zeros(0)
    fitted = LogisticRegression(C=STRENGTH).fit(shown[:, None], new)
    return np.asarray(fitted.predict_proba(asked[:, None])[:, 1])

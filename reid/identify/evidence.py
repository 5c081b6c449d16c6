"""Held-out decisions, as a calibration carries them: encounters of known animals, each with its best link and the truth.

In a calibration's `protocol` they stand under `evidence`:

    {"unit": "encounter", "what": "140 encounters of 31 animals of nyala, held out", "vote": "all",
     "probability": [0.9981, ...], "same": [true, ...], "known": [true, ...]}

`probability` is of an encounter's best link to those met before it, 0 without any; `same`, whether that link shows its
animal; `known`, whether its animal was met before at all. Without `known`, only those whose best link is right count as
known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import FormatError, InputError
from reid.tables import records

__all__ = ["Evidence", "best_links", "gather_evidence", "read_evidence"]

UNIT = "encounter"


@dataclass(frozen=True)
class Evidence:
    """Held-out decisions.

    Attributes:
        probability: float (n,), of each encounter's best link.
        same: bool (n,), whether it shows the encounter's animal.
        known: bool (n,), whether the animal was met before.
        what: Where they come from, in words.
        vote: How their links were made, as `decision.vote`; empty where that is not said.
    """

    probability: np.ndarray
    same: np.ndarray
    known: np.ndarray
    what: str = ""
    vote: str = ""

    def to_json(self) -> dict[str, Any]:
        """For a calibration's protocol."""
        return {
            "unit": UNIT,
            "what": self.what,
            "vote": self.vote,
            "probability": [round(float(p), 6) for p in self.probability],
            "same": [bool(value) for value in self.same],
            "known": [bool(value) for value in self.known],
        }


def best_links(
    links: pd.DataFrame, order: Sequence[str], truth: Mapping[str, str] | None = None
) -> dict[str, tuple[float, str]]:
    """Of each encounter that has one, the most probable link to those met before it, or to an individual of a catalogue.

    Args:
        links: Links table.
        order: Encounters, in the order in which they are met.
        truth: Animal by encounter, where it is known: of equally probable links, a wrong one counts.

    Returns:
        By encounter, the link's probability and the other end.

    Raises:
        InputError: a link names an encounter that is not in `order`.
    """
    place = {name: n for n, name in enumerate(order)}
    truth = truth or {}
    best: dict[str, tuple[float, str]] = {}
    for row in records(links):
        here, other = row.encounter, row.other
        if here not in place or (row.kind == UNIT and other not in place):
            raise InputError(f"a link of {here!r} and {other!r} names an encounter that is not in the order.")
        if row.kind == UNIT and place[other] > place[here]:
            here, other = other, here
        found = (float(row.probability), other)
        animal = truth.get(here, here)
        best[here] = max(best.get(here, found), found, key=lambda one: (one[0], truth.get(one[1], one[1]) != animal))
    return best


def gather_evidence(
    links: pd.DataFrame,
    truth: Mapping[str, str],
    order: Sequence[str],
    individuals: Collection[str] = (),
    what: str = "",
    vote: str = "",
) -> Evidence:
    """Decisions on encounters whose animal is known, as a season would take them: each against those met before it.

    So every link is used once: two encounters are not each other's witness.

    Args:
        links: Links table of these encounters, made from probabilities that did not learn from their animals.
        truth: Animal by encounter.
        order: The encounters, in the order in which they are met.
        individuals: Animals of a catalogue that are known from the start, where the links name such.
        what: Where they come from, in words.
        vote: How the links were made.

    Raises:
        InputError: an encounter has no animal, or a link names one that is not in `order`.
    """
    lost = sorted({*order} - truth.keys())
    if lost:
        raise InputError(f"the encounter {lost[0]!r} has no known animal; evidence needs one for each.")
    best = best_links(links, order, truth)
    met = set(individuals)
    known = []
    for name in order:
        known.append(truth[name] in met)
        met.add(truth[name])
    return Evidence(
        np.array([best[name][0] if name in best else 0.0 for name in order], float),
        np.array([name in best and truth.get(best[name][1], best[name][1]) == truth[name] for name in order], bool),
        np.array(known, bool),
        what,
        vote,
    )


def read_evidence(protocol: Mapping[str, Any]) -> Evidence | None:
    """The evidence of a calibration's protocol; None where it has none.

    Raises:
        FormatError: it is of another form than stated above.
    """
    found = protocol.get("evidence")
    if not found:
        return None
    try:
        if found.get("unit", UNIT) != UNIT:
            raise ValueError(f"its unit is {found['unit']!r}, expected {UNIT!r}")
        probability = np.array(found["probability"], float)
        same = np.array(found["same"], bool)
        known = np.array(found.get("known", found["same"]), bool)
        if not len(probability) == len(same) == len(known):
            raise ValueError("its lists differ in length")
        if probability.ndim != 1 or not np.all((probability >= 0) & (probability <= 1)):
            raise ValueError("its probabilities must lie between 0 and 1")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"the calibration's held-out evidence cannot be read ({error}); fit it again.") from None
    return Evidence(probability, same, known, str(found.get("what", "")), str(found.get("vote", "")))

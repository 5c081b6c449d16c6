"""The thresholds of a run: as the user gave them, or as the held-out evidence of the calibration sets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reid.identify.evidence import Evidence, read_evidence
from reid.identify.risk import CONFIDENCE, accept_threshold, reject_threshold
from reid.identify.settings import DecisionSettings

__all__ = ["Thresholds", "choose_thresholds", "usable_evidence"]

SHORT = "No threshold promises"


@dataclass(frozen=True)
class Thresholds:
    """Where decisions change.

    Attributes:
        accept: Two encounters are one animal from this probability on.
        reject: An encounter whose best link is below this is a stranger.
        notes: How each was set, and what is promised of it; sentences.
        shortfalls: Those of them that say that a named rate cannot be promised.
    """

    accept: float = 0.95
    reject: float = 0.3
    notes: tuple[str, ...] = ()
    shortfalls: tuple[str, ...] = ()


def choose_thresholds(settings: DecisionSettings, protocol: Mapping[str, Any], network: str = "") -> Thresholds:
    """The thresholds of a run.

    What the user gave holds. Otherwise they are set from held-out encounters, where the calibration has any. Where it
    has none, the usual ones hold; where it has too few for the named rate, the stricter one of the usual and of what they
    allow.

    Args:
        settings: What the user wants.
        protocol: Of the calibration.
        network: Fingerprint of the network of this run: evidence gathered with another one does not count.

    Raises:
        FormatError: the calibration's evidence cannot be read.
    """
    evidence, why = usable_evidence(settings, protocol, network)
    reject, accept = settings.by_hand
    notes = []
    if settings.accept is not None:
        notes.append(f"Joined from a probability of {accept:g} on, as decision.accept says.")
    elif evidence is None:
        notes.append(f"Joined from the usual probability of {accept:g} on: {why}.")
    else:
        accept, note = _accept(evidence, settings)
        notes.append(note)
    if settings.reject is not None:
        accept = max(accept, reject)
        notes.append(f"A stranger below a probability of {reject:g}, as decision.reject says.")
    elif evidence is None:
        notes.append(f"A stranger below the usual probability of {reject:g}: {why}.")
    else:
        reject, note = _reject(evidence, settings)
        notes.append(note)
        reject = min(reject, accept)
    return Thresholds(accept, reject, tuple(notes), tuple(note for note in notes if SHORT in note))


def usable_evidence(
    settings: DecisionSettings, protocol: Mapping[str, Any], network: str
) -> tuple[Evidence | None, str]:
    """A calibration's held-out encounters, where they speak for a run of these settings and this network; else why not.

    Raises:
        FormatError: they cannot be read.
    """
    evidence = read_evidence(protocol)
    if evidence is None or not len(evidence.probability):
        return None, "the calibration names no held-out encounters to set it by"
    made_with = str(protocol.get("network", ""))
    if network and made_with and made_with != network:
        return None, (
            f"the calibration's held-out encounters were seen by another network ({made_with[:8]}, this run's is {network[:8]})"
        )
    if evidence.vote and evidence.vote != settings.vote:
        return None, f"the calibration's held-out links were made with decision.vote={evidence.vote}"
    return evidence, ""


def _accept(evidence: Evidence, settings: DecisionSettings) -> tuple[float, str]:
    rate = settings.false_match
    found = accept_threshold(evidence.probability, evidence.same, rate)
    if found.threshold is not None:
        return found.threshold, (
            f"Joined from a probability of {found.threshold:.4g} on: of {found.decisions} held-out encounters above it, "
            f"{found.wrong} were given wrongly, so that with {CONFIDENCE:.0%} confidence at most {rate:.2g} are."
        )
    threshold = max(settings.usual_accept, found.strictest)
    return threshold, (
        f"Joined from a probability of {threshold:.4g} on. {SHORT} that at most {rate:.2g} are given wrongly: "
        f"{len(evidence.probability)} held-out encounters, {found.decisions} of them above {found.strictest:.4g} and "
        f"{found.wrong} of those given wrongly, allow no better promise than {found.bound:.2g}. More labelled encounters would."
    )


def _reject(evidence: Evidence, settings: DecisionSettings) -> tuple[float, str]:
    rate = settings.false_new
    found = reject_threshold(evidence.probability, evidence.known, rate)
    if found.threshold is not None:
        # a probability of 0 would call nobody a stranger who has any link at all
        threshold = max(found.threshold, 1e-6)
        return threshold, (
            f"A stranger below a probability of {threshold:.4g}: so were {found.wrong} of {found.decisions} held-out encounters "
            f"of known animals, and at most {rate:.2g} of later ones are to be expected."
        )
    threshold = max(min(settings.usual_reject, found.strictest), 1e-6)
    return threshold, (
        f"A stranger below a probability of {threshold:.4g}. {SHORT} that at most {rate:.2g} of the encounters of "
        f"known animals are taken for strangers: {found.decisions} held-out ones are too few."
    )

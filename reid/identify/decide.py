"""The open-set decision: every encounter is a known individual, a new one, or a matter for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from reid.identify.grouping import Group
from reid.identify.thresholds import Thresholds
from reid.tables import DECISIONS, UNKNOWN, from_rows, records

__all__ = ["decide"]


@dataclass(frozen=True)
class _Tie:
    probability: float
    other: str
    query: str
    candidate: str
    known: bool


def decide(
    groups: list[Group],
    links: pd.DataFrame,
    unfit: Mapping[str, str],
    thresholds: Thresholds | None = None,
) -> pd.DataFrame:
    """Decisions from groups.

    A group with a name in the catalogue is `known`. Any other group is `new`, unless it is a lone encounter that
    might be somebody's, or several that might together be somebody of the catalogue, or no encounter of the group shows
    enough of a flank to found an individual: those are `unsure`, so that a blurred tail does not become an animal of its
    own.

    Args:
        groups: From `group_encounters`.
        links: Links table.
        unfit: Why an encounter cannot found an individual, for those that cannot.
        thresholds: How sure is sure enough.

    Returns:
        Decisions table in the groups' order. New groups are named `new-1`, `new-2`, …; the catalogue names them for good.
    """
    thresholds = thresholds or Thresholds()
    ties = _ties(links)
    rows = []
    fresh = 0
    for group in groups:
        inside: Collection[str] = {*group.encounters, *([group.individual] if group.individual else [])}
        outside = {e: next((t for t in ties.get(e, []) if t.other not in inside), None) for e in group.encounters}
        doubt = max((t.probability for t in outside.values() if t), default=0.0)
        founders = [e for e in group.encounters if e not in unfit]
        if group.individual is not None:
            identity, decision = group.individual, "known"
        elif not founders or _resembling(group, ties, doubt) >= thresholds.reject:
            identity, decision = UNKNOWN, "unsure"
        else:
            fresh += 1
            identity, decision = f"new-{fresh}", "new"
        for encounter in group.encounters:
            within = next((t for t in ties.get(encounter, []) if t.other in inside), None)
            rows.append(
                _row(
                    encounter,
                    identity,
                    decision,
                    within,
                    outside[encounter],
                    unfit.get(encounter),
                    not founders,
                )
            )
    return from_rows(rows, DECISIONS)


def _resembling(group: Group, ties: Mapping[str, list[_Tie]], doubt: float) -> float:
    """How probably a group without a name is somebody else's: a lone encounter anybody's, several a known individual's."""
    if len(group.encounters) == 1:
        return doubt
    odds: dict[str, list[float]] = {}
    for tie in (t for encounter in group.encounters for t in ties.get(encounter, []) if t.known):
        p = min(tie.probability, 1 - 1e-9)
        odds.setdefault(tie.other, []).append(p / (1 - p))
    means = [sum(found) / len(found) for found in odds.values()]
    return max((mean / (1 + mean) for mean in means), default=0.0)


def _ties(links: pd.DataFrame) -> dict[str, list[_Tie]]:
    """Every encounter's links, best first, from its own side."""
    ties: dict[str, list[_Tie]] = {}
    for row in records(links):
        ties.setdefault(row.encounter, []).append(
            _Tie(row.probability, row.other, row.query, row.candidate, row.kind == "individual")
        )
        if row.kind == "encounter":
            ties.setdefault(row.other, []).append(_Tie(row.probability, row.encounter, row.candidate, row.query, False))
    for found in ties.values():
        found.sort(key=lambda t: (-t.probability, t.other))
    return ties


def _row(
    encounter: str,
    identity: str,
    decision: str,
    within: _Tie | None,
    outside: _Tie | None,
    unfit: str | None,
    no_founder: bool,
) -> dict[str, object]:
    doubt = outside.probability if outside else 0.0
    evidence = within
    if decision == "unsure":
        evidence = outside if doubt > (within.probability if within else 0.0) else within
        probability = evidence.probability if evidence else 0.0
        reason = unfit if unfit and no_founder else "neither surely anybody nor surely a stranger"
    elif within is not None:
        # right if the link that holds it is, whatever else it resembles
        probability = within.probability
        reason = f"same spots as {within.other}"
    else:
        probability = 1 - doubt
        reason = "like nobody known" + (f"; nearest is {outside.other} (probability {doubt:.2f})" if outside else "")
        evidence = outside
    return {
        "encounter": encounter,
        "identity": identity,
        "decision": decision,
        "probability": probability,
        "query": evidence.query if evidence else None,
        "candidate": evidence.candidate if evidence else None,
        "reason": reason,
    }

"""The whole stage: scored pairs of crops in, links and decisions out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reid.identify.decide import decide
from reid.identify.encounters import cannot_links
from reid.identify.evidence import Evidence
from reid.identify.fitness import unfit_encounters
from reid.identify.grouping import group_encounters
from reid.identify.links import link_encounters
from reid.identify.pictures import picture_keys, same_pictures
from reid.identify.settings import DecisionSettings
from reid.identify.thresholds import Thresholds, choose_thresholds, usable_evidence
from reid.identify.travel import too_far
from reid.identify.vote import PRIOR, crop_sides
from reid.tables import CROPS, STATIONS, empty

__all__ = ["Decided", "decide_season"]


@dataclass(frozen=True)
class Decided:
    """What the stage hands on.

    Attributes:
        links: Links table.
        decisions: Decisions table.
        apart: Pairs of encounters, or of an encounter and an individual, that are two animals.
        thresholds: Where decisions changed, and how that was set.
        prior: Share of compared pairs that are one animal, for which the probabilities were made.
        evidence: Held-out encounters of the calibration that speak for this run; None without any.
    """

    links: pd.DataFrame
    decisions: pd.DataFrame
    apart: set[frozenset[str]]
    thresholds: Thresholds
    prior: float
    evidence: Evidence | None = None


def decide_season(
    settings: DecisionSettings,
    crops: pd.DataFrame,
    matches: pd.DataFrame,
    protocol: Mapping[str, Any],
    network: str,
    flank_sure: float,
    encounters: Sequence[str],
    known: pd.DataFrame | None = None,
    individual_of: Mapping[str, str] | None = None,
    told_apart: Collection[frozenset[str]] = (),
    told_same: Collection[frozenset[str]] = (),
    stations: pd.DataFrame | None = None,
) -> Decided:
    """Link, group and decide.

    Args:
        settings: How sure is sure enough, and what speaks.
        crops: Crops table of the season, with encounters.
        matches: Matches table.
        protocol: Of the calibration that made its probabilities.
        network: Fingerprint of the network.
        flank_sure: A flank counts from this probability on.
        encounters: All of the season, in the order in which new animals are numbered.
        known: Crops table of the catalogue, if it knows anybody.
        individual_of: Individual of every crop of the catalogue.
        told_apart: Pairs of encounters, or of an encounter and an individual, that persons told apart.
        told_same: Those that persons called one animal.
        stations: Stations table, for the speed limit.

    Raises:
        FormatError: the calibration's held-out evidence cannot be read.
    """
    known = empty(CROPS) if known is None else known
    individual_of = dict(individual_of or {})
    thresholds = choose_thresholds(settings, protocol, network)
    prior = float(protocol.get("prior", PRIOR))
    encounter_of = dict(zip(crops["crop_id"], crops["encounter"], strict=True))
    keys = picture_keys(crops, known)
    sides = crop_sides(crops, flank_sure) | crop_sides(known, flank_sure)
    links = link_encounters(matches, encounter_of, individual_of, settings.vote, sides, prior, keys)
    same = same_pictures(keys, encounter_of, individual_of)
    fast = too_far(
        crops, empty(STATIONS) if stations is None else stations, settings.speed_limit_kmh, settings.clock_error_min
    )
    # a file copied to another camera's folder is no animal that ran there
    apart = cannot_links(crops) | set(told_apart) | (fast - {frozenset((one, other)) for one, _, other in same})
    somebody = {*encounters, *individual_of.values()}
    apart = {pair for pair in apart if pair <= somebody}
    shown: dict[str, set[str]] = {}
    for crop, side in sides.items():
        whose = encounter_of.get(crop) or individual_of.get(crop)
        if whose is not None and side in ("left", "right"):
            shown.setdefault(whose, set()).add(side)
    groups = group_encounters(
        encounters, links, thresholds.accept, apart, sorted(set(individual_of.values())),
        sorted({*same, *_by_hand(told_same, set(encounters), set(individual_of.values()))}), shown,
    )  # fmt: skip
    decisions = decide(groups, links, unfit_encounters(crops, settings), thresholds)
    return Decided(links, decisions, apart, thresholds, prior, usable_evidence(settings, protocol, network)[0])


def _by_hand(told_same: Collection[frozenset[str]], met: set[str], individuals: set[str]) -> set[tuple[str, str, str]]:
    """Pairs that persons called one animal, as an encounter, the kind of the other end, and the other end."""
    found = set()
    for pair in told_same:
        here = sorted(pair & met)
        if len(here) == 2:
            found.add((here[0], "encounter", here[1]))
        elif len(here) == 1 and pair - met <= individuals and len(pair) == 2:
            found.add((here[0], "individual", next(iter(pair - met))))
    return found

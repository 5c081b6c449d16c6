"""Encounters, constraints, grouping, and the open-set decision."""

from reid.identify.decide import decide
from reid.identify.encounters import assign_encounters, cannot_links
from reid.identify.evidence import Evidence, best_links, gather_evidence, read_evidence
from reid.identify.fitness import unfit_encounters
from reid.identify.grouping import Group, group_encounters
from reid.identify.links import link_encounters
from reid.identify.pictures import picture_keys, same_pictures
from reid.identify.risk import Controlled, accept_threshold, reject_threshold
from reid.identify.settings import DecisionSettings
from reid.identify.stage import Decided, decide_season
from reid.identify.thresholds import Thresholds, choose_thresholds
from reid.identify.travel import too_far
from reid.identify.vote import agreed, crop_sides

__all__ = [
    "Controlled",
    "Decided",
    "DecisionSettings",
    "Evidence",
    "Group",
    "Thresholds",
    "accept_threshold",
    "agreed",
    "assign_encounters",
    "best_links",
    "cannot_links",
    "choose_thresholds",
    "crop_sides",
    "decide",
    "decide_season",
    "gather_evidence",
    "group_encounters",
    "link_encounters",
    "picture_keys",
    "read_evidence",
    "reject_threshold",
    "same_pictures",
    "too_far",
    "unfit_encounters",
]

"""Encounters, constraints, grouping, and the open-set decision."""

from reid.identify.decide import DecisionSettings, decide
from reid.identify.encounters import assign_encounters, cannot_links
from reid.identify.fitness import unfit_encounters
from reid.identify.grouping import Group, group_encounters
from reid.identify.links import link_encounters

__all__ = [
    "DecisionSettings",
    "Group",
    "assign_encounters",
    "cannot_links",
    "decide",
    "group_encounters",
    "link_encounters",
    "unfit_encounters",
]

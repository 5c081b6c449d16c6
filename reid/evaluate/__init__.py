"""Splits, figures with intervals, and reports: how well a network tells animals apart."""

from reid.evaluate.atrw import GroundTruth, atrw_answers, atrw_figures, atrw_table, read_ground_truth
from reid.evaluate.bootstrap import Interval, bootstrap, with_interval
from reid.evaluate.figures import cmc, grouped, retrieval_figures
from reid.evaluate.grouping import census_error, choose_threshold, group_photos, grouping_figures
from reid.evaluate.judge import Judged, judge
from reid.evaluate.openset import OpenSet, openset_curve, openset_figures
from reid.evaluate.protocol import ATRW, PROTOCOLS, ProtocolSettings, make_split, without_rows
from reid.evaluate.report import Report, write_report
from reid.evaluate.retrieval import EXCLUSIONS, Ranking, rank, similarity_blocks
from reid.evaluate.splits import (
    Split,
    closed_set,
    encounter_aware,
    given,
    identity_disjoint,
    open_set,
    time_aware,
)

__all__ = [
    "ATRW",
    "EXCLUSIONS",
    "PROTOCOLS",
    "GroundTruth",
    "Interval",
    "Judged",
    "OpenSet",
    "ProtocolSettings",
    "Ranking",
    "Report",
    "Split",
    "atrw_answers",
    "atrw_figures",
    "atrw_table",
    "bootstrap",
    "census_error",
    "choose_threshold",
    "closed_set",
    "cmc",
    "encounter_aware",
    "given",
    "group_photos",
    "grouped",
    "grouping_figures",
    "identity_disjoint",
    "judge",
    "make_split",
    "open_set",
    "openset_curve",
    "openset_figures",
    "rank",
    "read_ground_truth",
    "retrieval_figures",
    "similarity_blocks",
    "time_aware",
    "with_interval",
    "without_rows",
    "write_report",
]

"""Counts with their uncertainty, the census tables, drawings of matches, and the report."""

from reid.counts.assemble import assemble_report
from reid.counts.content import (
    Individual,
    MatchFigure,
    Problem,
    ReportData,
    Sighting,
    StationEntry,
    UnsureEncounter,
)
from reid.counts.draw import draw_match
from reid.counts.interval import Count, count, encounter_flanks
from reid.counts.meetings import Meetings, first_meetings, meetings_section
from reid.counts.pictures import choose_pictures, jpeg_bytes, jpeg_data_uri
from reid.counts.reliability import reliability_section
from reid.counts.report import render_report, write_report
from reid.counts.section import Cells, Plot, Section
from reid.counts.settings import CountSettings
from reid.counts.tables import INDIVIDUALS, census_tables, interval_meaning

__all__ = [
    "INDIVIDUALS",
    "Cells",
    "Count",
    "CountSettings",
    "Individual",
    "MatchFigure",
    "Meetings",
    "Plot",
    "Problem",
    "ReportData",
    "Section",
    "Sighting",
    "StationEntry",
    "UnsureEncounter",
    "assemble_report",
    "census_tables",
    "choose_pictures",
    "count",
    "draw_match",
    "encounter_flanks",
    "first_meetings",
    "interval_meaning",
    "jpeg_bytes",
    "jpeg_data_uri",
    "meetings_section",
    "reliability_section",
    "render_report",
    "write_report",
]

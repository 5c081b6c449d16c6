"""The field's formats, in and out: Camtrap DP, capture histories, COCO, MegaDetector, labelled tables, photo metadata."""

from reid.formats.camtrapdp_schema import validate_package
from reid.formats.captures import Capture, CaptureHistory, captures_of
from reid.formats.census import name_animals, read_sightings
from reid.formats.model import ANIMALS, DEPLOYMENTS, NOTES, Note, Survey, make_survey, notes_table, with_files
from reid.formats.read import READERS, read_survey, with_stations
from reid.formats.settings import CaptureSettings, PackageSettings
from reid.formats.tagging import tag_photos
from reid.formats.write import WRITERS, Wanted, write_survey

__all__ = [
    "ANIMALS",
    "DEPLOYMENTS",
    "NOTES",
    "READERS",
    "WRITERS",
    "Capture",
    "CaptureHistory",
    "CaptureSettings",
    "Note",
    "PackageSettings",
    "Survey",
    "Wanted",
    "captures_of",
    "make_survey",
    "name_animals",
    "notes_table",
    "read_sightings",
    "read_survey",
    "tag_photos",
    "validate_package",
    "with_files",
    "with_stations",
    "write_survey",
]

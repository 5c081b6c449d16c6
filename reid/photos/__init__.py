"""Photos: folders, EXIF, clocks, stations, sequences; decoding; labelled tables."""

from reid.photos.decode import photo_size, read_photo, read_share
from reid.photos.labelled import read_labelled
from reid.photos.pairs import infer_pairs
from reid.photos.positions import positions
from reid.photos.scan import ScanSettings, scan, scan_problems
from reid.photos.sequences import sequences
from reid.photos.stations import read_stations

__all__ = [
    "ScanSettings",
    "infer_pairs",
    "photo_size",
    "positions",
    "read_labelled",
    "read_photo",
    "read_share",
    "read_stations",
    "scan",
    "scan_problems",
    "sequences",
]

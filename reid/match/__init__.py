"""FAISS search, local features, geometry, and the calibration of scores into a probability."""

from reid.match.budget import within_budget
from reid.match.calibration import Calibration, fit_calibration
from reid.match.calibrations import Calibrations, CalibrationSettings, load_calibration, load_calibrations
from reid.match.coat import LoadedCoat, load_coat
from reid.match.coats import Coats, CoatSettings, coats_network, relative
from reid.match.index import Index, check_fingerprints
from reid.match.local import BatchMatcher, Features, LocalMatcher, MatcherSettings, make_matcher
from reid.match.pairs import PairVerifier, score_pairs
from reid.match.shards import Shards
from reid.match.shortlist import IndexSettings, nearest, representatives, shortlist
from reid.match.verify import ToVerify, Verified, verify, verify_many

__all__ = [
    "BatchMatcher",
    "Calibration",
    "CalibrationSettings",
    "Calibrations",
    "CoatSettings",
    "Coats",
    "Features",
    "Index",
    "IndexSettings",
    "LoadedCoat",
    "LocalMatcher",
    "MatcherSettings",
    "PairVerifier",
    "Shards",
    "ToVerify",
    "Verified",
    "check_fingerprints",
    "coats_network",
    "fit_calibration",
    "load_calibration",
    "load_calibrations",
    "load_coat",
    "make_matcher",
    "nearest",
    "relative",
    "representatives",
    "score_pairs",
    "shortlist",
    "verify",
    "verify_many",
    "within_budget",
]

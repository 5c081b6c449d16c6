"""FAISS search, local features, geometry, and the calibration of scores into a probability."""

from reid.match.calibration import Calibration, CalibrationSettings, fit_calibration, load_calibration
from reid.match.index import Index, check_fingerprints
from reid.match.local import Features, LocalMatcher, MatcherSettings, make_matcher
from reid.match.pairs import PairVerifier, score_pairs
from reid.match.shards import Shards
from reid.match.shortlist import IndexSettings, representatives, shortlist
from reid.match.verify import Verified, verify

__all__ = [
    "Calibration",
    "CalibrationSettings",
    "Features",
    "Index",
    "IndexSettings",
    "LocalMatcher",
    "MatcherSettings",
    "PairVerifier",
    "Shards",
    "Verified",
    "check_fingerprints",
    "fit_calibration",
    "load_calibration",
    "make_matcher",
    "representatives",
    "score_pairs",
    "shortlist",
    "verify",
]

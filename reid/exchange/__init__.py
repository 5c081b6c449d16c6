"""Two parks compare their animals without handing over photographs: signed bundles, proposals, answers, a joint count."""

from reid.exchange.answers import Answers, read_answers, write_answers
from reid.exchange.bundle import Bundle, read_bundle, write_bundle
from reid.exchange.choose import RevealSettings, bundle_of, chosen_crops, names_of
from reid.exchange.joint import Joint, join, settle_answers
from reid.exchange.keys import Key, make_key, read_key, read_public
from reid.exchange.propose import Proposed, check_pair, propose

__all__ = [
    "Answers",
    "Bundle",
    "Joint",
    "Key",
    "Proposed",
    "RevealSettings",
    "bundle_of",
    "check_pair",
    "chosen_crops",
    "join",
    "make_key",
    "names_of",
    "propose",
    "read_answers",
    "read_bundle",
    "read_key",
    "read_public",
    "settle_answers",
    "write_answers",
    "write_bundle",
]

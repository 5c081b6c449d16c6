"""Who may be who across two bundles: crops of one flank compared spot by spot, and a probability for each two animals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import FingerprintError, FormatError, InputError
from reid.exchange.bundle import Bundle
from reid.exchange.evidence import believe, likelihood_ratios
from reid.match import (
    Calibration,
    Calibrations,
    IndexSettings,
    LocalMatcher,
    PairVerifier,
    check_fingerprints,
    score_pairs,
    shortlist,
)

__all__ = ["LEAST", "PROPOSALS", "Proposed", "check_pair", "propose"]

PROPOSALS = ("mine", "theirs", "probability", "verdict", "flank", "spots", "score", "compared", "ratio")
LEAST = 0.01
"""Pairs below this probability are not listed."""
FLANKS = ("left", "right")
USUAL_PRIOR = 0.05


@dataclass(frozen=True)
class Proposed:
    """What two bundles say of each other.

    Attributes:
        table: Columns `PROPOSALS`, the likeliest first: ids of an animal of each side; the probability that they are
            one; `verdict`, "likely", "possible" or "unlikely"; of the best comparison, its flank, spots and score;
            how many crops were compared, and the likelihood ratio that they gave together.
        matches: Every comparison, a MATCHES table; the crop ids are `m` or `t`, and the number in the bundle.
        verifier: Knows the spots of each comparison.
        expected: Animals in common that are to be expected.
        blind: Animals of mine, and of theirs, that share no flank with any of the other side.
    """

    table: pd.DataFrame
    matches: pd.DataFrame
    verifier: PairVerifier
    expected: float
    blind: tuple[int, int]


def check_pair(mine: Bundle, theirs: Bundle, matcher: LocalMatcher, names: tuple[str, str]) -> None:
    """Refuse two bundles that cannot be compared.

    Raises:
        FormatError: both are one bundle, or of one sender.
        FingerprintError: other vectors or other spots; says which.
    """
    if mine.digest == theirs.digest or mine.signer == theirs.signer:
        raise FormatError(f"{names[0]} and {names[1]} have one sender; two parks are compared by a bundle of each.")
    check_fingerprints(mine.manifest.fingerprint, theirs.manifest.fingerprint, f"the bundle {names[1]}")
    for bundle, name in ((mine, names[0]), (theirs, names[1])):
        if bundle.manifest.matcher != matcher.fingerprint:
            raise FingerprintError(
                f"{name} holds spots of {bundle.manifest.matcher!r}, and this run compares those of "
                f"{matcher.fingerprint!r}; choose the matcher (matcher=...) that both bundles were made with."
            )
        if mine.vectors.shape[1:] != theirs.vectors.shape[1:]:
            raise FormatError(
                f"the vectors of {names[0]} and {names[1]} have other lengths, under one fingerprint: one of them is damaged. Ask for both again."
            )


def propose(
    mine: Bundle,
    theirs: Bundle,
    matcher: LocalMatcher,
    calibration: Calibration,
    index: IndexSettings,
    cache: Path,
    accept: float = 0.95,
    reject: float = 0.3,
) -> Proposed:
    """Compare two bundles. Both sides find the same, whoever asks.

    The nearest crops of the same flank are compared spot by spot. The evidence on two animals is the mean of the
    likelihood ratios over all their pairs of crops of one flank, those that were too far apart to be compared with 0:
    for two strangers that mean is 1 at most, however much their photos depend on one another (Vovk and Wang 2021), so
    that many photos of an animal do not make it anyone's.

    Args:
        mine: One bundle.
        theirs: The other, see `check_pair`.
        matcher: That made both bundles' spots.
        calibration: Of its scores.
        index: How many candidates are compared.
        cache: Folder for spots and finished comparisons.
        accept: A pair is "likely" from this probability on, and below it "possible".
        reject: Below this it is "unlikely".
    """
    swapped = theirs.digest < mine.digest
    first, second = (theirs, mine) if swapped else (mine, theirs)
    prefixes = ("t", "m") if swapped else ("m", "t")
    tables = [bundle.crops(prefix) for bundle, prefix in zip((first, second), prefixes, strict=True)]
    pairs = (
        shortlist(tables[0], first.vectors, tables[1], second.vectors, mine.manifest.fingerprint, index)
        if len(tables[0]) and len(tables[1])
        else pd.DataFrame(columns=["query", "candidate", "similarity"])
    )
    verifier = _verifier({prefixes[0]: first, prefixes[1]: second}, matcher, cache)
    matches, _ = score_pairs(pairs, verifier, Calibrations(calibration))
    matches = _mine_first(matches)
    sides = _sides(mine), _sides(theirs)
    rows, ratio = _by_animals(mine, theirs, matches, calibration, sides)
    beliefs = believe(ratio, sides)
    for row in rows:
        row["probability"] = round(float(beliefs.probability[row.pop("a"), row.pop("b")]), 4)
        row["verdict"] = "likely" if row["probability"] >= accept else "possible" if row["probability"] >= reject else "unlikely"  # fmt: skip
    table = pd.DataFrame([row for row in rows if row["probability"] >= LEAST], columns=list(PROPOSALS))
    table = table.sort_values(["probability", "ratio", "mine", "theirs"], ascending=[False, False, True, True], kind="stable")  # fmt: skip
    met = [sides[0] @ sides[1].any(axis=0), sides[1] @ sides[0].any(axis=0)]
    blind = int((~met[0]).sum()), int((~met[1]).sum())
    return Proposed(table.reset_index(drop=True), matches, verifier, beliefs.common, blind)


def _verifier(bundles: dict[str, Bundle], matcher: LocalMatcher, cache: Path) -> PairVerifier:
    """Knows the spots of both bundles' crops, and needs no picture."""
    crops: dict[str, dict[str, Any]] = {}
    for prefix, bundle in bundles.items():
        for i, features in enumerate(bundle.features):
            height, width = features.size
            crops[f"{prefix}{i}"] = {
                "content_hash": f"{bundle.digest}#{i}", "bbox": [0.0, 0.0, float(width), float(height)],
                "camera": None, "path": f"{prefix}{i}",
            }  # fmt: skip

    def picture(crop_id: str, longest: int) -> np.ndarray:
        raise InputError(f"a bundle holds no photo of {crop_id}")

    verifier = PairVerifier(matcher, crops, picture, lambda crop_id: (0.0, 0.0), cache)
    for prefix, bundle in bundles.items():
        for i, features in enumerate(bundle.features):
            crop = crops[f"{prefix}{i}"]
            verifier.features.put(verifier.features.key(crop["content_hash"], crop["bbox"]), features)
    return verifier


def _mine_first(matches: pd.DataFrame) -> pd.DataFrame:
    swapped = matches["query"].str.startswith("t")
    out = matches.copy()
    out.loc[swapped, ["query", "candidate"]] = matches.loc[swapped, ["candidate", "query"]].to_numpy()
    return out.sort_values(["query", "candidate"], kind="stable").reset_index(drop=True)


def _sides(bundle: Bundle) -> np.ndarray:
    """Which flanks each member shows, bool (members, 2)."""
    return _counts(bundle) > 0


def _counts(bundle: Bundle) -> np.ndarray:
    counts = np.zeros((len(bundle.manifest.members), 2), int)
    for crop in bundle.manifest.crops:
        counts[crop.member, FLANKS.index(crop.flank)] += 1
    return counts


def _by_animals(
    mine: Bundle, theirs: Bundle, matches: pd.DataFrame, calibration: Calibration, sides: tuple[np.ndarray, np.ndarray]
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """What the comparisons of each two animals come to, and their likelihood ratios as a matrix."""
    prior = float(calibration.protocol.get("prior", USUAL_PRIOR))
    scored = matches.assign(
        a=mine.owner[matches["query"].str[1:].astype(int)] if len(matches) else [],
        b=theirs.owner[matches["candidate"].str[1:].astype(int)] if len(matches) else [],
        ratio=likelihood_ratios(matches["probability"].to_numpy(float), prior),
    )
    ratio = np.zeros((len(mine.ids), len(theirs.ids)))
    counts = _counts(mine), _counts(theirs)
    rows = []
    for (a, b), group in scored.groupby(["a", "b"], sort=True):
        comparable = int((counts[0][a] * counts[1][b]).sum())
        ratio[a, b] = group["ratio"].sum() / max(comparable, len(group))
        best = group.sort_values(["ratio", "local_score"], ascending=False, kind="stable").iloc[0]
        flank = mine.manifest.crops[int(str(best["query"])[1:])].flank
        rows.append(
            {
                "a": a, "b": b, "mine": mine.ids[a], "theirs": theirs.ids[b], "flank": flank,
                "spots": int(best["matches"]), "score": float(best["local_score"]), "compared": len(group),
                "ratio": round(float(ratio[a, b]), 4),
            }
        )  # fmt: skip
    return rows, ratio

"""`reid calibrate`: labelled animals in, the calibration of a matcher's scores out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from reid.embed import Embedded, EngineSettings, LoadedNetwork, crop_picture, load_network
from reid.errors import ConfigError, InputError
from reid.identify import assign_encounters
from reid.match import IndexSettings, LocalMatcher, MatcherSettings, PairVerifier, fit_calibration, make_matcher
from reid.match.calibration import at_prior, reliability
from reid.match.shortlist import comparable, sides
from reid.photos import photo_size
from reid.store import write_json
from reid.tables import UNKNOWN
from reid.verbs.common import input_path, run_folder, write_settings
from reid.verbs.season import embed_stage, labelled_crops

__all__ = ["CalibrateConfig", "run"]

EDGES = (0.0, 0.05, 0.3, 0.6, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class CalibrateConfig:
    data: tuple[str, ...]
    output: str
    model: str = ""
    photos: int = 100
    same: int = 3
    others: int = 4
    gap: int = 0
    prior: float = 0.05
    seed: int = 0
    index: IndexSettings = field(default_factory=IndexSettings)
    matcher: MatcherSettings = field(default_factory=MatcherSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)

    def __post_init__(self) -> None:
        if min(self.photos, self.same, self.others) < 1:
            raise ConfigError("photos, same and others must be at least 1.")
        if not 0 < self.prior < 1:
            raise ConfigError(f"prior={self.prior} must lie between 0 and 1.")


def run(config: CalibrateConfig) -> str:
    """Calibrate; returns the summary for the terminal."""
    tables = [input_path(path, "data", "labelled table") for path in config.data]
    network, matcher = load_network(config.model, config.engine), make_matcher(config.matcher)
    with run_folder(config.output, "calibrate", {"data": [str(path.resolve()) for path in tables]}) as folder:
        scored = [_scored(config, csv, network, matcher, folder) for csv in tables]
        pairs = pd.concat(scored, ignore_index=True)
        pairs.drop(columns=["query", "candidate"]).to_csv(folder / "pairs.csv", index=False, lineterminator="\n")
        same, score = pairs["same"].to_numpy(bool), pairs["local_score"].to_numpy(float)
        held_out = _held_out(pairs, same, matcher.name, config)
        names = ", ".join(sorted({csv.parent.name for csv in tables}))
        summary = (
            f"fitted on {len(pairs)} pairs of crops ({int(same.sum())} of one individual, never of one encounter) from {names}, "
            f"for a season in which {config.prior:.0%} of shortlisted pairs are one individual."
        )
        protocol = {"summary": summary, "prior": config.prior, "seed": config.seed, "held_out": held_out}
        fitted = at_prior(fit_calibration(score, same, matcher.name, protocol), same, config.prior)
        write_json(fitted.to_json(), folder / "calibration.json")
        write_settings(config, folder)
    return f"{summary}\nOn individuals held out: {held_out}\ncalibration.json in {config.output}"


def _scored(
    config: CalibrateConfig, csv: Path, network: LoadedNetwork, matcher: LocalMatcher, folder: Path
) -> pd.DataFrame:
    """Pairs of one table with their scores and whether they are one individual."""
    crops, _ = labelled_crops(csv, folder, identity_required=True)
    crops = assign_encounters(_drawn(crops[crops["identity"] != UNKNOWN], config))
    done = embed_stage(csv.parent, crops, network, folder)
    pairs = _pairs(done, config)
    rows = {str(row["crop_id"]): {str(k): v for k, v in row.items()} for row in done.crops.to_dict("records")}

    def size(crop_id: str) -> tuple[float, float]:
        width, height = photo_size(csv.parent / rows[crop_id]["path"])
        return float(width), float(height)

    verifier = PairVerifier(
        matcher,
        rows,
        lambda crop_id, longest: crop_picture(csv.parent, rows[crop_id], longest),
        size,
        folder / "cache",
    )
    verifier.prepare(sorted({*pairs["query"], *pairs["candidate"]}))
    scores = verifier.verify_all(list(zip(pairs["query"], pairs["candidate"], strict=True)))
    return pd.concat([pairs, pd.DataFrame(scores)], axis=1)


def _drawn(crops: pd.DataFrame, config: CalibrateConfig) -> pd.DataFrame:
    """Whole individuals, in an order drawn by the seed, until there are enough photos."""
    order = np.random.default_rng(config.seed).permutation(np.sort(crops["identity"].unique().astype(str)))
    counts = crops["identity"].value_counts()
    enough = int(np.searchsorted(np.cumsum([counts[name] for name in order]), config.photos)) + 1
    return crops[crops["identity"].isin(order[:enough])].reset_index(drop=True)


def _pairs(done: Embedded, config: CalibrateConfig) -> pd.DataFrame:
    """For each crop its most similar ones of the same individual and of others, encounters and flanks respected."""
    crops = done.crops
    similarity = done.vectors @ done.vectors.T
    identity, encounter = crops["identity"].to_numpy(dtype=object), crops["encounter"].to_numpy(dtype=object)
    side = sides(crops, config.index.flank_sure)
    when = pd.to_numeric(crops["encounter"], errors="coerce").to_numpy(float)
    found: dict[frozenset[int], tuple[int, int]] = {}
    for row in range(len(crops)):
        # a table without encounters gives every photo its own; one with them never pairs photos taken together
        allowed = [int(n) for n in np.argsort(-similarity[row], kind="stable") if encounter[n] != encounter[row]]
        allowed = [n for n in allowed if comparable(side[row], side[n]) and not abs(when[n] - when[row]) < config.gap]
        mine = [n for n in allowed if identity[n] == identity[row]][: config.same]
        others = [n for n in allowed if identity[n] != identity[row]][: config.others]
        for n in (*mine, *others):
            found.setdefault(frozenset((row, n)), (row, n))
    if not found:
        raise InputError(
            "no two photos of different encounters can be compared; a calibration needs labelled recaptures."
        )
    ids = crops["crop_id"].to_numpy(dtype=object)
    return pd.DataFrame(
        [
            {
                "query": ids[a],
                "candidate": ids[b],
                "individual": identity[a],
                "other": identity[b],
                "same": identity[a] == identity[b],
                "similarity": round(float(similarity[a, b]), 6),
            }
            for a, b in found.values()
        ]
    )


def _held_out(pairs: pd.DataFrame, same: np.ndarray, matcher: str, config: CalibrateConfig) -> dict[str, object]:
    """Fit on half of the individuals, judge on pairs of the other half; pairs across the halves are left out."""
    from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

    names = np.random.default_rng(config.seed + 1).permutation(np.sort(pairs["individual"].unique().astype(str)))
    first = set(names[: len(names) // 2])
    a, b = pairs["individual"].isin(first).to_numpy(), pairs["other"].isin(first).to_numpy()
    fit, judge = a & b, ~a & ~b
    score = pairs["local_score"].to_numpy(float)
    if len(set(same[fit])) < 2 or len(set(same[judge])) < 2:
        return {"note": "too few individuals to hold any out"}
    fitted = at_prior(fit_calibration(score[fit], same[fit], matcher), same[fit], float(same[judge].mean()))
    said, true = fitted.probability(score[judge]), same[judge]
    return {
        "individuals": len(names) - len(first),
        "pairs": int(judge.sum()),
        "same": int(true.sum()),
        "auroc": round(float(roc_auc_score(true, said)), 4),
        "average_precision": round(float(average_precision_score(true, said)), 4),
        "log_loss": round(float(log_loss(true, said)), 4),
        "reliability": reliability(said, true, EDGES),
    }

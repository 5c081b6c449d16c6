"""`reid calibrate`: labelled animals in, the calibration of a matcher's scores out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.counts import reliability_section
from reid.counts.page import write_page
from reid.embed import Embedded, EngineSettings, LoadedNetwork, crop_picture, load_network
from reid.errors import ConfigError, InputError, choices
from reid.identify import assign_encounters
from reid.match import (
    Calibration,
    Coats,
    CoatSettings,
    IndexSettings,
    LoadedCoat,
    LocalMatcher,
    MatcherSettings,
    PairVerifier,
    coats_network,
    fit_calibration,
    make_matcher,
    relative,
)
from reid.match.calibration import COAT, LOCAL, METHODS, at_prior
from reid.match.shortlist import comparable, sides
from reid.photos import photo_size
from reid.store import write_json
from reid.tables import PROBLEMS, UNKNOWN
from reid.train.datasets import labels_hash, set_names
from reid.verbs.common import collect_problems, input_path, run_folder, write_settings, write_table
from reid.verbs.held_out import evidence, figures
from reid.verbs.season import embed_stage, labelled_crops

__all__ = ["CalibrateConfig", "run"]


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
    method: str = "logistic"
    seed: int = 0
    index: IndexSettings = field(default_factory=IndexSettings)
    coats: CoatSettings = field(default_factory=CoatSettings)
    matcher: MatcherSettings = field(default_factory=MatcherSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)

    def __post_init__(self) -> None:
        if min(self.photos, self.same, self.others) < 1:
            raise ConfigError(f"photos={self.photos}, same={self.same} and others={self.others} must be at least 1.")
        if not 0 < self.prior < 1:
            raise ConfigError(f"prior={self.prior} must lie between 0 and 1.")
        if self.method not in METHODS:
            raise ConfigError(f"method={self.method!r} is unknown; choose one of {choices(METHODS)}.")


def run(config: CalibrateConfig) -> str:
    """Calibrate; returns the summary for the terminal."""
    tables = [input_path(path, "data", "labelled table") for path in config.data]
    network, matcher, coats = (
        load_network(config.model, config.engine),
        make_matcher(config.matcher),
        coats_network(config.coats),
    )
    name = f"coat+{matcher.name}" if coats else matcher.name
    with run_folder(config.output, "calibrate", {"data": [str(path.resolve()) for path in tables]}) as folder:
        named = set_names([str(path) for path in tables])
        scored = [
            _scored(config, csv, own, network, matcher, coats, folder) for csv, own in zip(tables, named, strict=True)
        ]
        problems = write_table(collect_problems(*(own for _, _, own in scored)), folder, PROBLEMS, csv=True)
        pairs = pd.concat([own for own, _, _ in scored], ignore_index=True)
        crops = pd.concat([own for _, own, _ in scored], ignore_index=True)
        if pairs.empty:
            raise InputError(
                f"no pair of photos is left whose spots can be read; problems.csv in {config.output} says why."
            )
        pairs.drop(columns=["query", "candidate"]).to_csv(folder / "pairs.csv", index=False, lineterminator="\n")
        same = pairs["same"].to_numpy(bool)
        scores = {column: pairs[column].to_numpy(float) for column in ((COAT, LOCAL) if coats else (LOCAL,))}
        whose = coats.fingerprint if coats else ""

        def fit(rows: np.ndarray) -> Calibration:
            some = {column: values[rows] for column, values in scores.items()}
            return fit_calibration(some, same[rows], name, {}, config.method, whose)

        held_out = figures(pairs, scores, fit, config.seed)
        decided = evidence(pairs, scores, crops, fit, config.prior, config.index.flank_sure, config.seed)
        names = ", ".join(sorted(named))
        summary = (
            f"fitted on {len(pairs)} pairs of crops ({int(same.sum())} of one individual, never of one encounter) from {names}, "
            f"for a season in which {config.prior:.0%} of shortlisted pairs are one individual."
        )
        protocol = {
            "summary": summary,
            "prior": config.prior,
            "seed": config.seed,
            "network": network.fingerprint,
            "data": {own: labels_hash(drawn) for own, (_, drawn, _) in zip(named, scored, strict=True)},
            "held_out": held_out,
            **({"evidence": decided.to_json()} if decided else {}),
        }
        fitted = at_prior(replace(fit(np.ones(len(pairs), bool)), protocol=protocol), same, config.prior)
        write_json(fitted.to_json(), folder / "calibration.json")
        trusted = reliability_section(protocol)
        if trusted:
            headline = (f"off by {held_out['ece']:.3f}", f"on {held_out['pairs']} pairs held out")
            title = f"Calibration of {name}"
            write_page(
                folder / "report.html", "Calibration", title, headline, f"This calibration was {summary}", [trusted]
            )
        write_settings(config, folder)
    files = f"calibration.json{' and report.html' if trusted else ''} in {config.output}"
    return f"{summary}\n{_told(held_out)}\n{len(problems)} problems. {files}"


def _told(held_out: Mapping[str, Any]) -> str:
    """How well it holds, for the terminal."""
    if "note" in held_out:
        return f"Not judged: {held_out['note']}."
    return (
        f"On {held_out['pairs']} pairs of {held_out['individuals']} individuals held out of the fit: AUROC {held_out['auroc']:.3f}, expected "
        f"calibration error {held_out['ece']:.3f}, Brier score {held_out['brier']:.3f}."
    )


def _scored(
    config: CalibrateConfig,
    csv: Path,
    name: str,
    network: LoadedNetwork,
    matcher: LocalMatcher,
    coats: LoadedCoat | None,
    folder: Path,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Pairs of one table with their scores and whether they are one individual; the crops that they are of; and problems.

    Pairs with a crop that cannot be read are left out.
    """
    crops, bad = labelled_crops(csv, folder, identity_required=True)
    crops = assign_encounters(_drawn(crops[crops["identity"] != UNKNOWN], config))
    done = embed_stage(csv.parent, crops, network, folder)
    rows = {str(row["crop_id"]): {str(k): v for k, v in row.items()} for row in done.crops.to_dict("records")}

    def size(crop_id: str) -> tuple[float, float]:
        width, height = photo_size(csv.parent / rows[crop_id]["path"])
        return float(width), float(height)

    def picture(crop_id: str, longest: int) -> np.ndarray:
        return crop_picture(csv.parent, rows[crop_id], longest)

    problems = [bad, done.problems]
    likeness = done.vectors @ done.vectors.T
    if coats:
        described = Coats(coats, rows, picture, folder / "cache")
        problems.append(described.prepare([str(crop_id) for crop_id in done.crops["crop_id"]]))
        likeness = _coats_likeness(done, described, likeness, config)
    pairs = _pairs(done, likeness, config, COAT if coats else "")
    verifier = PairVerifier(matcher, rows, picture, size, folder / "cache")
    asked = sorted({*pairs["query"], *pairs["candidate"]})
    problems.append(verifier.prepare(asked))
    ready = [crop_id for crop_id in asked if verifier.ready(crop_id)]
    pairs = pairs[pairs["query"].isin(ready) & pairs["candidate"].isin(ready)].reset_index(drop=True)
    scores = verifier.verify_all(list(zip(pairs["query"], pairs["candidate"], strict=True)))
    named = done.crops.assign(identity=name + " " + done.crops["identity"].astype(str))
    pairs[["individual", "other"]] = name + " " + pairs[["individual", "other"]].astype(str)
    return pd.concat([pairs, scores], axis=1), named, collect_problems(*problems)


def _drawn(crops: pd.DataFrame, config: CalibrateConfig) -> pd.DataFrame:
    """Whole individuals, in an order drawn by the seed, until there are enough photos."""
    order = np.random.default_rng(config.seed).permutation(np.sort(crops["identity"].unique().astype(str)))
    counts = crops["identity"].value_counts()
    enough = int(np.searchsorted(np.cumsum([counts[name] for name in order]), config.photos)) + 1
    return crops[crops["identity"].isin(order[:enough])].reset_index(drop=True)


def _coats_likeness(done: Embedded, coats: Coats, similarity: np.ndarray, config: CalibrateConfig) -> np.ndarray:
    """Likeness of the coats of all crops that may show one side; -1 where they may not, or one cannot be read."""
    ids = done.crops["crop_id"].to_numpy(dtype=object)
    side = sides(done.crops, config.index.flank_sure)
    here, there = np.triu_indices(len(ids), 1)
    may = np.array([comparable(side[a], side[b]) for a, b in zip(here, there, strict=True)], bool)
    here, there = here[may], there[may]
    out = np.full(similarity.shape, -1.0)
    found = relative(coats.compare(pd.DataFrame({"query": ids[here], "candidate": ids[there]})))
    if np.isnan(found).all():
        raise InputError(
            "coats say nothing of these animals: fewer than 30 pairs can be compared, or the network finds all of them alike, as "
            "it does with a species that it never learned. Give more animals, train it on some (reid train recipe=coat), or "
            "calibrate the spots alone with coats=none."
        )
    out[here, there] = out[there, here] = np.nan_to_num(found, nan=-1.0)
    return out


def _pairs(done: Embedded, similarity: np.ndarray, config: CalibrateConfig, column: str) -> pd.DataFrame:
    """For each crop its most similar ones of the same individual and of others, encounters and flanks respected."""
    crops = done.crops
    identity, encounter = crops["identity"].to_numpy(dtype=object), crops["encounter"].to_numpy(dtype=object)
    side = sides(crops, config.index.flank_sure)
    when = pd.to_numeric(crops["encounter"], errors="coerce").to_numpy(float, na_value=np.nan)
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
                "similarity": round(float(done.vectors[a] @ done.vectors[b]), 6),
                **({column: float(similarity[a, b])} if column else {}),
            }
            for a, b in found.values()
        ]
    )

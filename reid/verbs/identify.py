"""`reid identify`: labelled animals and unnamed ones in, the candidates of each query and a decision out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from reid.embed import Embedded, EngineSettings, load_network
from reid.identify import Decided, DecisionSettings, assign_encounters, decide_season
from reid.match import (
    Calibrations,
    CalibrationSettings,
    CoatSettings,
    IndexSettings,
    MatcherSettings,
    coats_network,
    load_calibrations,
    make_matcher,
)
from reid.tables import DECISIONS, PROBLEMS, UNKNOWN, write_csv
from reid.verbs.common import collect_problems, input_path, run_folder, write_settings, write_table
from reid.verbs.compare import Side, compare
from reid.verbs.season import embed_stage, labelled_crops

__all__ = ["IdentifyConfig", "run"]


@dataclass(frozen=True)
class IdentifyConfig:
    gallery: str
    queries: str
    output: str
    model: str = ""
    index: IndexSettings = field(default_factory=IndexSettings)
    coats: CoatSettings = field(default_factory=CoatSettings)
    matcher: MatcherSettings = field(default_factory=MatcherSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)


def run(config: IdentifyConfig) -> str:
    """Identify; returns the summary for the terminal."""
    gallery_csv = input_path(config.gallery, "gallery", "labelled table")
    queries_csv = input_path(config.queries, "queries", "table")
    network = load_network(config.model, config.engine)
    matcher = make_matcher(config.matcher)
    coats = coats_network(config.coats)
    calibrations = load_calibrations(matcher.name, config.calibration.file, coats.fingerprint if coats else "")
    what = {"gallery": str(gallery_csv.resolve()), "queries": str(queries_csv.resolve())}
    with run_folder(config.output, "identify", what) as folder:
        labelled, bad_gallery = labelled_crops(gallery_csv, folder, identity_required=True)
        unnamed, bad_queries = labelled_crops(queries_csv, folder, identity_required=False)
        known = embed_stage(gallery_csv.parent, _as_known(labelled), network, folder)
        asked = embed_stage(queries_csv.parent, assign_encounters(unnamed), network, folder)
        photo = dict(zip(asked.crops["crop_id"], asked.crops["path"], strict=True))
        matches, unmatched, *_ = compare(
            Side.of_photos(asked.crops, asked.vectors, queries_csv.parent),
            Side.of_photos(known.crops, known.vectors, gallery_csv.parent),
            network.fingerprint,
            lambda crop_id: _size(queries_csv.parent / photo[crop_id]),
            config.index, matcher, calibrations, folder / "cache", among_themselves=False, coat=config.coats, network=coats,
        )  # fmt: skip
        identity = dict(zip(known.crops["crop_id"], known.crops["identity"], strict=True))
        stage = _decided(config, asked, known, matches, identity, calibrations, network.fingerprint)
        decisions = write_table(stage.decisions, folder, DECISIONS, csv=True)
        write_csv(_ranked(matches, identity), folder / "matches.csv")
        problems = collect_problems(bad_gallery, bad_queries, known.problems, asked.problems, unmatched)
        write_table(problems, folder, PROBLEMS, csv=True)
        write_settings(config, folder)
    tally = decisions["decision"].value_counts()
    unsure = int(tally.get("unsure", 0))
    lines = [
        f"{len(decisions)} encounters: {tally.get('known', 0)} known, {tally.get('new', 0)} new, {unsure} unsure "
        f"({unsure / max(1, len(decisions)):.0%}); {len(problems)} problems.",
        *stage.thresholds.notes,
        f"matches.csv and decisions.csv in {config.output}",
    ]
    return "\n".join(lines)


def _as_known(labelled: pd.DataFrame) -> pd.DataFrame:
    """Named crops only, each with an encounter of its own name space, so that no query shares one."""
    named = labelled[labelled["identity"] != UNKNOWN].reset_index(drop=True)
    crops = assign_encounters(named)
    crops["crop_id"] = "gallery:" + crops["crop_id"]
    crops["encounter"] = "gallery:" + crops["encounter"]
    return crops


def _size(path: Path) -> tuple[float, float]:
    from reid.photos import photo_size

    width, height = photo_size(path)
    return float(width), float(height)


def _decided(
    config: IdentifyConfig,
    asked: Embedded,
    known: Embedded,
    matches: pd.DataFrame,
    identity: dict[str, str],
    calibrations: Calibrations,
    fingerprint: str,
) -> Decided:
    encounters = list(dict.fromkeys(asked.crops["encounter"]))
    return decide_season(
        config.decision, asked.crops, matches, calibrations.used(matches["coat"]).protocol, fingerprint, config.index.flank_sure, encounters,
        known.crops, identity,
    )  # fmt: skip


def _ranked(matches: pd.DataFrame, identity: dict[str, str]) -> pd.DataFrame:
    """Candidates of each query, the most probable first."""
    out = matches.sort_values(["query", "probability", "similarity", "candidate"], ascending=[True, False, False, True])
    return pd.DataFrame(
        {
            "query": out["query"],
            "rank": out.groupby("query").cumcount() + 1,
            "candidate": out["candidate"].str.removeprefix("gallery:"),
            "identity": out["candidate"].map(identity),
            "similarity": out["similarity"],
            "local_score": out["local_score"],
            "probability": out["probability"],
        }
    )

"""`reid census`: a season of photographs in, who was there out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from reid._version import __version__
from reid.abundance import PopulationSettings
from reid.catalogue import Catalogue
from reid.catalogue.seasons import season_id
from reid.cluster import ExecutorSettings, is_url
from reid.counts import (
    CountSettings,
    count,
    encounter_flanks,
    first_meetings,
    jpeg_bytes,
)
from reid.detect import DetectorSettings
from reid.embed import CropSettings, Embedded, EngineSettings, LoadedNetwork, load_network
from reid.errors import CatalogueError, ConfigError
from reid.identify import DecisionSettings, assign_encounters, decide_season
from reid.match import (
    Calibrations,
    CalibrationSettings,
    CoatSettings,
    IndexSettings,
    LoadedCoat,
    LocalMatcher,
    MatcherSettings,
    coats_network,
    load_calibrations,
    make_matcher,
)
from reid.photos import ScanSettings
from reid.tables import DECISIONS, LINKS, MATCHES, PROBLEMS, UNKNOWN
from reid.verbs.common import collect_problems, input_path, make_ahead, run_folder, write_settings, write_table
from reid.verbs.compare import Compared, Side, compare
from reid.verbs.known import known_side
from reid.verbs.profile import Profile
from reid.verbs.results import Found, write_results
from reid.verbs.season import Scanned, detected_crops, embed_stage, scan_stage, write_vectors

__all__ = ["CensusConfig", "run"]


@dataclass(frozen=True)
class CensusConfig:
    photos: str
    output: str
    detections: str = ""
    catalogue: str = ""
    season: str = ""
    name_pattern: str = "ind-{:03d}"
    model: str = ""
    scan: ScanSettings = field(default_factory=ScanSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    crop: CropSettings = field(default_factory=CropSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    coats: CoatSettings = field(default_factory=CoatSettings)
    matcher: MatcherSettings = field(default_factory=MatcherSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    count: CountSettings = field(default_factory=CountSettings)
    population: PopulationSettings = field(default_factory=PopulationSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)


def run(config: CensusConfig) -> str:
    """Take a census; returns the summary for the terminal."""
    if is_url(config.photos):
        raise ConfigError(
            f"photos={config.photos}: a census looks at its photos again and again; bring them to a file system of this machine, "
            "or use `reid scan`, `reid detect` and `reid embed` where they are."
        )
    root = input_path(config.photos, "photos", "folder")
    network = load_network(config.model, config.engine)
    matcher = make_matcher(config.matcher)
    coats = coats_network(config.coats)
    calibrations = load_calibrations(matcher.name, config.calibration.file, coats.fingerprint if coats else "")
    with run_folder(config.output, "census", {"photos": str(root.resolve())}, root) as folder:
        profile = Profile(folder)
        with profile.stage("scan"):
            ahead = make_ahead(config.photos, config.output, folder, config.executor)
            season = scan_stage(root, folder, config.scan, ahead, config.detector)
        with profile.stage("detect"):
            crops, undetected = detected_crops(season, folder, config.detector, config.crop)
        with profile.stage("embed"):
            embedded = embed_stage(root, assign_encounters(crops), network, folder, ahead, config.model)
            write_vectors(embedded, network, folder)
        catalogue = Path(config.catalogue).expanduser() if config.catalogue else folder / "catalogue.sqlite"
        with _open(catalogue, config.name_pattern) as record:
            found, unmatched = _identify(
                config, season, embedded, network, coats, matcher, calibrations, record, folder, profile
            )
            problems = collect_problems(season.problems, undetected, embedded.problems, unmatched)
            problems = write_table(problems, folder, PROBLEMS)
            # while the catalogue is open: the report shows its pictures beside this season's
            with profile.stage("report"):
                census = write_results(config, season, found, problems, network, matcher, calibrations, folder)
        write_settings(config, folder)
    return _summary(config, census, found, catalogue, profile)


def _open(path: Path, name_pattern: str) -> Catalogue:
    if not path.parent.is_dir():
        raise CatalogueError(f"the folder of the catalogue {path} does not exist; make it, or name another place.")
    return Catalogue(path, name_pattern=name_pattern)


def _identify(
    config: CensusConfig,
    season: Scanned,
    embedded: Embedded,
    network: LoadedNetwork,
    coats: LoadedCoat | None,
    matcher: LocalMatcher,
    calibrations: Calibrations,
    catalogue: Catalogue,
    folder: Path,
    profile: Profile,
) -> tuple[Found, pd.DataFrame]:
    """Compare, group and decide, and enter the result into the catalogue."""
    run_id = season_id(config.season, season.root)
    profile.based_on(catalogue.path, catalogue.last_event, run_id)
    # what persons said of single crops stands: their encounters and flanks, and which are of no use
    crops, vectors = catalogue.as_decided(run_id, embedded.crops, embedded.vectors)
    known, owner = known_side(catalogue, run_id, network.fingerprint)
    photos = season.photos.set_index("image_id").loc[crops["image_id"], ["width", "height"]].astype(float).to_numpy()
    size = dict(zip(crops["crop_id"], map(tuple, photos.tolist()), strict=True))
    side = Side.of_photos(crops, vectors, season.root)
    with profile.stage("match"):
        compared = compare(
            side, known, network.fingerprint, size.__getitem__,
            config.index, matcher, calibrations, folder / "cache", among_themselves=True, coat=config.coats, network=coats,
        )  # fmt: skip
        matches = write_table(compared.matches, folder, MATCHES)
    with profile.stage("decide"):
        found = _decide(
            config, season, crops, vectors, network, calibrations, matches, known, owner, compared, catalogue, folder
        )
    return found, compared.problems


def _decide(
    config: CensusConfig,
    season: Scanned,
    crops: pd.DataFrame,
    vectors: Any,
    network: LoadedNetwork,
    calibrations: Calibrations,
    matches: pd.DataFrame,
    known: Side | None,
    owner: dict[str, str],
    compared: Compared,
    catalogue: Catalogue,
    folder: Path,
) -> Found:
    run_id = season_id(config.season, season.root)
    encounters = _in_time_order(crops)
    stage = decide_season(
        config.decision, crops, matches, calibrations.used(matches["coat"]).protocol, network.fingerprint, config.index.flank_sure, encounters,
        known.crops if known else None, owner, catalogue.told_apart(run_id),
        catalogue.told_same(run_id), season.stations,
    )  # fmt: skip
    links, apart = write_table(stage.links, folder, LINKS), stage.apart
    known_flanks = _known_flanks(known, owner)
    catalogue.record_run(
        run_id, season.root.resolve().name, crops, vectors, network.fingerprint, stage.decisions,
        lambda crop_id: jpeg_bytes(compared.verifier.picture(crop_id, 1024), 1024, 90), f"reid {__version__}", links,
    )  # fmt: skip
    catalogue.rebuild_index()
    # what stands: names given for good, and what persons decided before
    standing = catalogue.decisions(run_id).set_index("encounter").loc[encounters].reset_index()
    decisions = write_table(standing, folder, DECISIONS)
    named = decisions[decisions["identity"] != UNKNOWN]
    result = count(
        dict(zip(named["encounter"], named["identity"], strict=True)),
        encounter_flanks(crops),
        links,
        set(decisions.loc[decisions["identity"] == UNKNOWN, "encounter"]),
        apart,
        known_flanks=known_flanks,
        confidence=config.count.confidence,
        draws=config.count.draws,
        seed=config.count.seed,
        prior=stage.prior,
    )
    meetings = None
    if known is None and stage.evidence is not None:
        meetings = first_meetings(
            stage.links, encounters, stage.evidence, apart, catalogue.told_same(run_id), config.count.confidence,
            config.count.seed,
        )  # fmt: skip
    return Found(
        crops, matches, links, decisions, result, compared.verifier, owner, apart, stage.thresholds, stage.prior, meetings,
        compared.candidates,
    )  # fmt: skip


def _in_time_order(crops: pd.DataFrame) -> list[str]:
    first = crops.groupby("encounter", sort=True)["date"].min().sort_values(kind="stable", na_position="last")
    return [str(name) for name in first.index]


def _known_flanks(known: Side | None, owner: dict[str, str]) -> dict[str, set[str]]:
    flanks: dict[str, set[str]] = {}
    if known is not None:
        for crop_id, flank in zip(known.crops["crop_id"], known.crops["orientation"], strict=True):
            flanks.setdefault(owner[crop_id], set()).add(flank)
    return flanks


def _summary(config: CensusConfig, census: dict[str, Any], found: Found, catalogue: Path, profile: Profile) -> str:
    interval, photos = census["interval"], census["photos"]
    lines = [
        f"{census['individuals']} individuals, between {interval['low']} and {interval['high']} "
        f"({interval['confidence']:.0%} interval): {census['known']} known, {census['new']} new.",
        f"{census['encounters']} encounters, {census['unsure']} of them ({census['unsure_share']:.0%}) for a person to decide; "
        f"{photos['found']} photos, {photos['unreadable']} unreadable, {photos['without_animal']} without an animal.",
    ]
    if config.detector.name == "whole":
        lines.append(
            "Every photo was taken whole, as detector=whole asks; without it the shipped detector looks for animals."
        )
    lines += found.thresholds.shortfalls
    lines.append(profile.summary())
    lines.append(f"Report: {Path(config.output) / 'report.html'}   Catalogue: {catalogue}")
    return "\n".join(lines)

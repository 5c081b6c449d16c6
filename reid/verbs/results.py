"""The results of a census: counts, tables for people, and the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from reid.abundance import estimate_population
from reid.abundance.words import short_section
from reid.catalogue.seasons import season_id
from reid.counts import (
    Count,
    Meetings,
    Section,
    assemble_report,
    census_tables,
    choose_pictures,
    meetings_section,
    reliability_section,
    write_report,
)
from reid.counts.pictures import limits_for
from reid.counts.words import plural
from reid.embed import LoadedNetwork
from reid.identify import Thresholds
from reid.match import Calibrations, LocalMatcher, PairVerifier
from reid.store import write_json
from reid.tables import DETECTIONS, UNKNOWN, read, records, write_csv
from reid.verbs.estimate import APART
from reid.verbs.figures import Drawn, crop_pictures, match_figures
from reid.verbs.season import Scanned

if TYPE_CHECKING:
    from reid.verbs.census import CensusConfig

__all__ = ["Found", "write_results"]

_VOTES = {
    "all": "All compared crops of two encounters speak: those of one flank by their mean likelihood ratio, since they repeat "
    "each other, the two flanks as two witnesses, and photos from the front or behind by half.",
    "best": "The most probable pair of crops of two encounters speaks for all.",
}


@dataclass(frozen=True)
class Found:
    """What the season's crops turned out to be."""

    crops: pd.DataFrame
    matches: pd.DataFrame
    links: pd.DataFrame
    decisions: pd.DataFrame
    count: Count
    verifier: PairVerifier
    known: dict[str, str]
    """Individual of every crop of the catalogue that took part."""
    apart: set[frozenset[str]]
    """Pairs of encounters that are two animals."""
    thresholds: Thresholds
    prior: float
    meetings: Meetings | None = None
    """The count by first meetings, where the calibration has held-out encounters and the catalogue knew nobody."""
    candidates: int = 0
    """Of each crop, so many had their spots compared."""


def write_results(
    config: CensusConfig,
    season: Scanned,
    found: Found,
    problems: pd.DataFrame,
    network: LoadedNetwork,
    matcher: LocalMatcher,
    calibrations: Calibrations,
    folder: Path,
) -> dict[str, Any]:
    """Write `census.json`, `sightings.csv`, `individuals.csv` and `report.html`; returns what `census.json` holds."""
    settings = {
        "detector": config.detector.name,
        "confidence": config.detector.confidence,
        "model": network.name,
        "matcher": matcher.fingerprint,
        "accept": found.thresholds.accept,
        "reject": found.thresholds.reject,
        "false_match": config.decision.false_match,
        "false_new": config.decision.false_new,
        "vote": config.decision.vote,
        "prior": found.prior,
        "speed_limit_kmh": config.decision.speed_limit_kmh,
        "sequence_gap_s": config.scan.sequence_gap_s,
    }
    spoke = bool(found.matches["coat"].notna().any())
    protocol = calibrations.used(found.matches["coat"]).protocol
    stated = str(protocol.get("summary", "of the user's own"))
    trusted = reliability_section(protocol)
    census, sightings, individuals = census_tables(
        found.crops,
        found.decisions,
        found.count,
        season.photos,
        problems,
        settings,
        network.fingerprint,
        stated,
    )
    census["unsure_share"] = round(census["unsure"] / census["encounters"], 4) if census["encounters"] else 0.0
    census["thresholds"] = list(found.thresholds.notes)
    if found.meetings:
        census["first_meetings"] = found.meetings.to_json()
    census["season"] = season_id(config.season, season.root)
    write_json(census, folder / "census.json")
    write_csv(sightings, folder / "sightings.csv")
    write_csv(individuals, folder / "individuals.csv")
    write_json(sorted(sorted(pair) for pair in found.apart), folder / APART)
    drawn = Drawn(found.verifier, found.known, folder / "cache" / "drawings")
    most = limits_for(len(individuals), config.count.photos_per_individual).matches_each
    figures = match_figures(
        found.decisions, found.crops, found.matches, found.verifier, found.known, found.thresholds.reject, most, drawn
    )
    wanted = choose_pictures(sightings, config.count.photos_per_individual)
    pictures = crop_pictures([crop for chosen in wanted.values() for crop in chosen], found.verifier, drawn)
    whole = config.detector.name == "whole"
    report = assemble_report(
        title=f"Census of {season.root.resolve().name}",
        census=census,
        sightings=sightings,
        individuals=individuals,
        decisions=found.decisions,
        stations=season.stations,
        photos=season.photos,
        problems=problems,
        pictures=dict(pictures),
        matches=figures,
        candidates=_candidates(found, found.thresholds.reject),
        method={
            "Boxes": _boxes(config, folder),
            "Encounters": f"Photos of a station not more than {config.scan.sequence_gap_s:g} seconds apart are one encounter, "
            "unless two animals stand in one frame.",
            "Comparison": f"The network {network.name} (fingerprint {network.fingerprint}) finds the "
            + _compared(config, matcher.name, spoke, found.candidates),
            "Probability": f"From {'the coats and ' if spoke else ''}the matched spots, by a calibration: {stated}",
            "Vote": _VOTES[config.decision.vote],
            "Decision": " ".join(found.thresholds.notes) + " What lies between, or shows no flank, is left to a person: "
            f"{census['unsure_share']:.0%} of the encounters.",
            **({"Travel": f"No animal is at two stations that it could only reach at more than {config.decision.speed_limit_kmh:g} km/h "
            f"in a straight line; the clocks may differ by {config.decision.clock_error_min:g} minutes."}
            if config.decision.speed_limit_kmh else {}),
        },
        limits=_limits(season, whole) + _silent(config, found, spoke),
        sections=[
            *([meetings_section(found.meetings)] if found.meetings else []),
            _population(config, season, found, sightings),
            *([trusted] if trusted else []),
        ],
    )  # fmt: skip
    write_report(folder / "report.html", report, config.count.photos_per_individual)
    return census


def _boxes(config: CensusConfig, folder: Path) -> str:
    """Who found the animals, as the detections name it."""
    if config.detector.name == "whole":
        return "Every photo was taken whole: no detections were given."
    file = config.detections or config.detector.file
    if file:
        how = f"Recorded in {Path(file).name}"
    else:
        titles = sorted(read(folder / f"{DETECTIONS.name}.parquet", DETECTIONS)["detector"].dropna().unique())
        how = f"Found by {' and '.join(titles) or config.detector.name}"
    return f"{how}; animals from confidence {config.detector.confidence:g} on."


def _silent(config: CensusConfig, found: Found, spoke: bool) -> list[str]:
    """Why coats were compared and say nothing."""
    if spoke or not config.coats.use or not len(found.matches):
        return []
    return [
        "Coats were compared place by place, and their likeness was left out: either too few pairs could be compared, or the "
        "network finds all coats of this season alike, as it does with a species that it never learned. Vectors and spots decide."
    ]


def _compared(config: CensusConfig, matcher: str, spoke: bool, candidates: int) -> str:
    less = ""
    if candidates < config.index.candidates:
        less = f" (of {config.index.candidates} wanted, what {config.index.budget_s:g} seconds allow)"
    if not spoke:
        return (
            f"{plural(candidates, 'nearest crop')} of the same flank{less}; {matcher} compares their spots one by one."
        )
    return (
        f"{config.coats.candidates} nearest crops of the same flank; their coats are compared place by place, and {matcher} compares "
        f"the spots of the {candidates} most alike{less} one by one."
    )


def _population(config: CensusConfig, season: Scanned, found: Found, sightings: pd.DataFrame) -> Section:
    """How many animals there may be, met or not; the spatial model, which takes longer, is left to `reid estimate`."""
    dates = season.photos["date"].dropna()
    period = (dates.min(), dates.max()) if len(dates) else None
    settings = replace(config.population, spatial="no")
    population = estimate_population(sightings, found.links, season.stations, period, settings, found.apart)
    return short_section(population, settings.headline)


def _limits(season: Scanned, whole: bool) -> list[str]:
    limits = []
    inferred = season.stations.loc[season.stations["source"] == "inferred", "station"].unique()
    if len(inferred):
        limits.append(
            f"The cameras of {', '.join(sorted(inferred))} were taken for pairs because they fired in the same minute more often "
            "than chance allows; a stations table says it for certain. Two sides of one animal may rest on this alone."
        )
    if season.photos.loc[season.photos["error"].isna(), "date"].isna().any():
        limits.append(
            "Photos without a time stand alone: each is its own encounter, which makes more encounters than there were."
        )
    if whole:
        limits.append("Without boxes, the background takes part in the comparison, and empty photos count as animals.")
    return limits


def _candidates(found: Found, least: float) -> dict[str, tuple[str, float | None]]:
    """Whom each unsure encounter may be, from a probability of `least` on: an individual, or another unsure encounter."""
    owner = dict(zip(found.crops["crop_id"], found.crops["encounter"], strict=True))
    name = dict(zip(found.decisions["encounter"], found.decisions["identity"], strict=True))
    result: dict[str, tuple[str, float | None]] = {}
    for row in records(found.decisions[found.decisions["decision"] == "unsure"]):
        if pd.notna(row.candidate) and row.probability >= least:
            encounter = owner.get(row.candidate)
            who = found.known[row.candidate] if encounter is None else name[encounter]
            result[row.encounter] = (str(encounter) if who == UNKNOWN else who, float(row.probability))
    return result

"""`reid estimate`: how many animals there are, met or not, how dense, and what became of them from season to season."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from reid.abundance import Estimate, Population, PopulationSettings, estimate_population
from reid.abundance.drawing import draw_discovery, draw_estimates, draw_residency, draw_seasons, save_figure
from reid.abundance.season_words import season_sections
from reid.abundance.several import Seasons, follow_seasons, in_order
from reid.abundance.words import population_sections
from reid.catalogue import Catalogue
from reid.counts import Section
from reid.counts.page import write_page
from reid.counts.words import plural
from reid.errors import ConfigError, FormatError, InputError
from reid.formats import read_sightings
from reid.outside import read_json
from reid.photos import read_stations
from reid.photos.stations import with_cameras
from reid.store import write_json
from reid.tables import LINKS, PHOTOS, STATIONS, UNKNOWN, read, write_csv
from reid.verbs.common import input_path, run_folder, write_settings

__all__ = ["APART", "EstimateConfig", "run"]

APART = "told_apart.json"
"""In a census's folder: pairs of encounters that persons told apart."""


@dataclass(frozen=True)
class EstimateConfig:
    output: str
    census: str | list[str] = field(default_factory=list)
    catalogue: str = ""
    stations: str = ""
    population: PopulationSettings = field(default_factory=PopulationSettings)


@dataclass(frozen=True)
class Season:
    """One census: what it is called, what its catalogue calls it, its sightings, and its estimate."""

    name: str
    run: str
    sightings: pd.DataFrame
    population: Population


def run(config: EstimateConfig) -> str:
    """Estimate; returns the summary for the terminal."""
    folders = [input_path(one, "census", "folder") for one in _several(config.census)]
    if not folders and not config.catalogue:
        raise ConfigError("there is nothing to estimate from; give census=FOLDER, catalogue=FILE, or both.")
    what = {"census": [str(f.resolve()) for f in folders], "catalogue": config.catalogue and str(Path(config.catalogue).resolve())}  # fmt: skip
    with run_folder(config.output, "estimate", what) as folder:
        seasons = sorted((_season(f, config) for f in folders), key=lambda s: (s.sightings["date"].min(), s.name))
        seasons = _apart(seasons)
        followed = _followed(config, seasons)
        _write(folder, seasons, followed, config)
        write_settings(config, folder)
    return _summary(seasons, followed, config)


def _several(census: str | list[str]) -> list[str]:
    return [one for one in ([census] if isinstance(census, str) else census) if one]


def _season(folder: Path, config: EstimateConfig) -> Season:
    """Read a census's folder and estimate its population."""
    sightings = read_sightings(folder)
    tables = {}
    for table in (PHOTOS, LINKS, STATIONS):
        if not (folder / f"{table.name}.parquet").is_file():
            raise InputError(f"{folder} holds no {table.name}.parquet; a finished census has one.")
        tables[table.name] = read(folder / f"{table.name}.parquet", table)
    stations = tables[STATIONS.name]
    if config.stations:
        path = input_path(config.stations, "stations", "file")
        stations = with_cameras(read_stations(path), stations["camera"], str(path))
    dates = tables[PHOTOS.name]["date"].dropna()
    period = (dates.min(), dates.max()) if len(dates) else None
    found = estimate_population(sightings, tables[LINKS.name], stations, period, config.population, _told_apart(folder))
    run = _run_of(folder)
    # a season that nobody named has a mark of where its photos lie, which says nothing to a reader
    return Season(re.sub(r"-[0-9a-f]{8}$", "", run) or run, run, sightings, found)


def _told_apart(folder: Path) -> list[tuple[str, str]]:
    """Pairs of encounters that persons told apart; none where a census wrote no such file."""
    path = folder / APART
    if not path.is_file():
        return []
    try:
        pairs = read_json(path)
        whole = isinstance(pairs, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in pairs)
    except (OSError, ValueError):
        whole = False
    if not whole:
        raise FormatError(
            f"{path} is no list of pairs of encounters, so nobody knows what persons told apart; take the census again, "
            "which writes it anew from the catalogue."
        )
    return [(str(one), str(other)) for one, other in pairs]


def _run_of(folder: Path) -> str:
    """What the census, and its catalogue, call the season."""
    try:
        said = read_json(folder / "census.json")
    except (OSError, ValueError):
        said = {}
    return str(said.get("season") or folder.resolve().name) if isinstance(said, dict) else folder.resolve().name


def _apart(seasons: list[Season]) -> list[Season]:
    """Seasons under different names."""
    names = [season.name for season in seasons]
    return [
        Season(s.name if names.count(s.name) == 1 else f"{s.name} ({i + 1})", s.run, s.sightings, s.population)
        for i, s in enumerate(seasons)
    ]


def _followed(config: EstimateConfig, seasons: list[Season]) -> Seasons | None:
    """The seasons together: the catalogue's, or those of the censuses; None where nobody has a name."""
    traits = None
    if config.catalogue:
        with Catalogue(input_path(config.catalogue, "catalogue", "file"), create=False) as catalogue:
            traits = catalogue.individuals()[["identity", "sex", "age"]]
            seen = catalogue.sightings()
        rows = seen.assign(season=seen["run"])
    else:
        rows = pd.concat([s.sightings.assign(season=s.name) for s in seasons], ignore_index=True)
    rows = rows[(rows["identity"] != UNKNOWN) & (rows["decision"] != "unsure")]
    rows = rows.assign(encounter=rows["season"].astype(str) + ":" + rows["encounter"].astype(str))
    rows = rows[["identity", "season", "date", "station", "encounter"]]
    if not len(rows):
        return None
    estimates = {s.run if config.catalogue else s.name: s.population.headline for s in seasons if s.population.stands}
    return follow_seasons(rows, traits, estimates, config.population.confidence, in_order(rows))


def _write(folder: Path, seasons: list[Season], followed: Seasons | None, config: EstimateConfig) -> None:
    plots = folder / "plots"
    plots.mkdir(exist_ok=True)
    several = len(seasons) > 1
    model, confidence = config.population.headline, config.population.confidence
    sections: list[Section] = []
    frames: dict[str, list[pd.DataFrame]] = {"estimates": [], "density": [], "one_error": [], "captures": []}
    for season in seasons:
        found = season.population
        for name, frame in zip(frames, (found.estimates, found.spatial, found.errors, found.captures), strict=True):
            frames[name].append(frame.assign(season=season.name)[["season", *frame.columns]])
        if len(found.estimates):
            mark = f"_{_safe(season.name)}" if several else ""
            _draw(draw_estimates(found.estimates, confidence), plots / f"estimates{mark}")
        sections += [_of_season(part, season.name, several) for part in population_sections(found, model, confidence)]
    for name, parts in frames.items():
        if parts:
            write_csv(_together(parts), folder / f"{name}.csv")
    if followed is not None:
        sections += season_sections(followed, confidence)
        for name, frame in (
            ("seasons", followed.known.reset_index()), ("individuals", followed.fates), ("discovery", followed.discovery),
            ("residency", followed.residency), ("growth", followed.growth),
        ):  # fmt: skip
            write_csv(frame, folder / f"{name}.csv")
        if len(followed.known) > 1:
            _draw(draw_seasons(followed.known), plots / "seasons")
        if len(followed.discovery) > 1:
            _draw(draw_discovery(followed.discovery), plots / "discovery")
        if len(followed.residency):
            _draw(draw_residency(followed.residency), plots / "residency")
    write_json(_json(seasons, followed), folder / "estimates.json")
    title = " and ".join(s.name for s in seasons) if seasons else Path(config.catalogue).stem
    write_page(
        folder / "estimates.html",
        "Estimates of the population",
        title,
        _headline(seasons, followed),
        _sentence(seasons, followed),
        sections,
    )


def _draw(figure: Any, path: Path) -> None:
    save_figure(figure, path.with_name(path.name + ".png"))
    save_figure(figure, path.with_name(path.name + ".svg"))


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-." else "-" for c in name)


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _of_season(section: Section, season: str, several: bool) -> Section:
    if not several:
        return section
    return Section(
        f"{section.anchor}-{_safe(season)}", f"{section.title}: {season}", section.text, section.notes, section.plots, section.tables,
    )  # fmt: skip


def _json(seasons: list[Season], followed: Seasons | None) -> dict[str, Any]:
    out: dict[str, Any] = {"seasons": [_as_json(s) for s in seasons]}
    if followed is not None:
        out["followed"] = {
            "known": json.loads(followed.known.reset_index().to_json(orient="records")),
            "growth": json.loads(followed.growth.to_json(orient="records")),
        }
    return out


def _as_json(season: Season) -> dict[str, Any]:
    found = season.population
    return {
        "season": season.name,
        "headline": _plain(found.headline),
        "density_per_100_km2": None if found.density is None else _plain(found.density),
        "estimates": json.loads(found.estimates.to_json(orient="records")),
        "spatial": json.loads(found.spatial.to_json(orient="records")),
        "one_error": json.loads(found.errors.to_json(orient="records")),
        "captures": json.loads(found.captures.to_json(orient="records")),
        "occasions": {"count": found.occasions, "days": found.occasion_days, "start": str(found.start or "")},
        "refusals": found.refusals,
        "cautions": list(found.cautions),
    }


def _plain(estimate: Estimate) -> dict[str, Any]:
    return dict(json.loads(json.dumps(asdict(estimate), default=float)))


def _headline(seasons: list[Season], followed: Seasons | None) -> tuple[str, str]:
    if seasons:
        e = seasons[-1].population.headline
        if e.n is None:
            return "No estimate", f"at least {e.captured}"
        return f"About {e.n:.0f} animals", f"between {e.low:.0f} and " + (
            "no limit" if e.high is None else f"{e.high:.0f}"
        )
    if followed is None:
        return "Nobody has a name", ""
    return plural(
        int(followed.known["known"].iloc[-1]), "individual"
    ), f"known over {plural(len(followed.known), 'season')}"


def _sentence(seasons: list[Season], followed: Seasons | None) -> str:
    if not seasons:
        return "What is known of individuals from season to season. How many there are that were never met needs a census's folder as well."
    e = seasons[-1].population.headline
    of = f" in {seasons[-1].name}" if len(seasons) > 1 else ""
    if e.n is None:
        return f"The photos{of} do not allow an estimate of the population; why, stands below. Animals met are a lower bound."
    return (
        f"An estimate of the population{of}, animals that no camera met included, with a {100 * e.confidence:g} % interval that "
        "holds the error of the sample and that of undecided identities. It is worth what its assumptions are worth."
    )


def _summary(seasons: list[Season], followed: Seasons | None, config: EstimateConfig) -> str:
    lines = []
    for season in seasons:
        found = season.population
        lines.append(f"{season.name}: {found.headline.text(0)} by {found.headline.model}.")
        if found.density is not None:
            lines.append(f"{season.name}: {found.density.text(2)} animals per 100 km2, spatial.")
        lines += [
            f"  no estimate {what if what.startswith('from') else 'of ' + what}: {why}"
            for what, why in found.refusals.items()
        ]
    if followed is not None and len(followed.growth):
        row = followed.growth.iloc[-1]
        lines.append(
            f"{row['from']} to {row['to']}, {row['of']}: {row['first']:.0f} to {row['last']:.0f}, times {row['ratio']:.2f} "
            f"({row['low']:.2f} to {row['high']:.2f})."
        )
    if followed is not None and not seasons:
        lines.insert(0, f"{int(followed.known['known'].iloc[-1])} individuals over {len(followed.known)} seasons.")
    if followed is None:
        lines.append("Nobody has a name, so that there is nobody to follow.")
    return "\n".join([*lines, f"Look: {Path(config.output) / 'estimates.html'}"])

"""What a census left in its folder, and the page needs: photos, matches, stations, vectors, settings.

The catalogue alone is enough to review: it has the pictures and the decisions. The census's folder adds the other
candidates, the spots, the whole photos, and where the stations stand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.catalogue import Catalogue
from reid.catalogue.seasons import season_id
from reid.counts import CountSettings
from reid.errors import ConfigError, InputError, TableError
from reid.identify import crop_sides
from reid.identify.vote import PRIOR
from reid.match import CoatSettings, IndexSettings, MatcherSettings
from reid.outside import parse_yaml, read_json, read_text
from reid.photos import positions
from reid.tables import CROPS, MATCHES, PHOTOS, STATIONS, read

__all__ = ["Place", "Season", "bare_season", "read_season"]


@dataclass(frozen=True)
class Place:
    """Where a station is, in degrees."""

    station: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Season:
    """One season's files; without a census's folder only what the catalogue says.

    Attributes:
        run: Its id in the catalogue.
        folder: The census's folder.
        root: The photo folder.
        matches: `query`, `candidate` (sightings), `coat` and `probability`, one row a compared pair.
        matcher: What compared their spots.
        coats: Whether and how their coats were compared.
        calibration: File of the calibration; empty for the shipped one.
        count: How the census was counted.
        reject: Below which probability an encounter is like nobody.
        vote: What made the probability of a link, as `decision.vote`.
        prior: Share of compared pairs that are one animal, for which the probabilities were made.
        sides: What each sighting shows, see `reid.identify.crop_sides`.
    """

    run: str
    folder: Path | None
    root: Path | None
    matches: pd.DataFrame
    matcher: MatcherSettings = field(default_factory=MatcherSettings)
    coats: CoatSettings = field(default_factory=CoatSettings)
    calibration: str = ""
    count: CountSettings = field(default_factory=CountSettings)
    reject: float = 0.3
    vote: str = "best"
    prior: float = PRIOR
    sides: dict[str, str] = field(default_factory=dict)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Stations whose place is known: the mean of their cameras'."""
        if self.folder is None or not (self.folder / "stations.parquet").is_file():
            return ()
        stations = read(self.folder / "stations.parquet", STATIONS)
        return tuple(Place(name, *where) for name, where in positions(stations).items())

    @cached_property
    def sizes(self) -> dict[str, tuple[float, float]]:
        """Width and height of each photo, by image_id."""
        if self.folder is None:
            return {}
        frame = read(self.folder / "photos.parquet", PHOTOS).dropna(subset=["width", "height"])
        return {
            str(image): (float(width), float(height))
            for image, width, height in zip(frame["image_id"], frame["width"], frame["height"], strict=True)
        }

    @cached_property
    def vectors(self) -> dict[str, np.ndarray]:
        """The vector of each sighting, (d,) float32 of unit length."""
        if self.folder is None or not (self.folder / "embeddings.npy").is_file():
            return {}
        values = np.load(self.folder / "embeddings.npy", mmap_mode="r", allow_pickle=False)
        crops = read(self.folder / "crops.parquet", CROPS)["crop_id"]
        if len(values) != len(crops):
            raise TableError(f"{self.folder} has {len(values)} vectors for {len(crops)} crops; take the census again.")
        return {f"{self.run}:{crop}": values[row] for row, crop in enumerate(crops)}


def read_season(folder: Path, photos: str = "") -> Season:
    """Read a census's folder.

    Args:
        folder: The census's `output`.
        photos: Where the photos lie now, if they were moved.

    Raises:
        InputError: It is no census's folder, the photos are not there, or its settings are none of this version.
    """
    try:
        about = read_json(folder / "run.json")
    except (OSError, ValueError):
        about = None
    finished = isinstance(about, dict) and about.get("verb") == "census" and bool(about.get("photos"))
    if not finished or not (folder / "matches.parquet").is_file():
        raise InputError(f"census={folder} is no folder of a finished census; give the census's output.")
    settings = _settings(folder)
    run = season_id(str(settings.get("season") or ""), str(about["photos"]))
    root = Path(photos).expanduser() if photos else Path(about["photos"])
    if photos and not root.is_dir():
        raise InputError(f"photos={photos}: no such folder. Check the path; it is taken from {Path.cwd()}.")
    crops = read(folder / "crops.parquet", CROPS)
    used = _used(folder)
    matches = read(folder / "matches.parquet", MATCHES)
    try:
        return _season(folder, run, root, settings, used, crops, matches)
    except (AttributeError, ConfigError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder / 'settings.yaml'} holds settings that this version cannot read ({error}); take the census again "
            "with this version, or review the catalogue without census=."
        ) from None


def _season(
    folder: Path,
    run: str,
    root: Path,
    settings: dict[str, Any],
    used: dict[str, Any],
    crops: pd.DataFrame,
    matches: pd.DataFrame,
) -> Season:
    own = set(crops["crop_id"])
    sure = float(settings.get("index", {}).get("flank_sure", IndexSettings().flank_sure))
    return Season(
        run=run,
        folder=folder,
        root=root if root.is_dir() else None,
        matches=pd.DataFrame(
            {
                "query": run + ":" + matches["query"],
                # a crop of the catalogue has its run in its name already
                "candidate": [f"{run}:{name}" if name in own else str(name) for name in matches["candidate"]],
                "coat": matches["coat"],
                "probability": matches["probability"],
            }
        ),
        matcher=MatcherSettings(**settings.get("matcher", {})),
        # a census from before coats were compared says nothing of them
        coats=CoatSettings(**settings.get("coats", {"use": False})),
        calibration=str(settings.get("calibration", {}).get("file", "")),
        count=CountSettings(**settings.get("count", {})),
        reject=float(used.get("reject") or settings.get("decision", {}).get("reject") or 0.3),
        vote=str(used.get("vote", "best")),
        prior=float(used.get("prior", PRIOR)),
        sides={f"{run}:{crop}": side for crop, side in crop_sides(crops, sure).items()},
    )


def _used(folder: Path) -> dict[str, Any]:
    """The settings that the census names with its result: those that it found for itself are among them."""
    try:
        said = read_json(folder / "census.json")["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        said = None
    return said if isinstance(said, dict) else {}


def _settings(folder: Path) -> dict[str, Any]:
    try:
        values = parse_yaml(read_text(folder / "settings.yaml"))
    except (OSError, ValueError):
        values = None
    return values if isinstance(values, dict) else {}


def bare_season(catalogue: Catalogue, run: str, photos: str = "") -> Season:
    """A season of which only the catalogue is there: each decision is a pair with a probability."""
    decided = catalogue.decisions(run)
    owner = catalogue.standing(run)
    rows = []
    for row in decided.dropna(subset=["query", "candidate"]).itertuples(index=False):
        query = f"{run}:{row.query}"
        candidate = f"{run}:{row.candidate}"
        if candidate not in owner.seen:
            candidate = str(row.candidate)
        other = owner.seen.get(candidate)
        whose = owner.encounters[other.encounter].identity if other else owner.elsewhere.get(candidate)
        # the probability of a stranger is that of being nobody's; of a name, that of being this one's
        same = row.decision == "unsure" or whose == row.identity
        rows.append((query, candidate, float(row.probability if same else 1 - row.probability)))
    frame = pd.DataFrame(rows, columns=["query", "candidate", "probability"])
    root = Path(photos).expanduser() if photos else None
    return Season(run, None, root, frame.drop_duplicates(["query", "candidate"]))

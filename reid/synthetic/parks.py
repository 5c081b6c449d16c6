"""Two made-up parks with a border between them: some animals live on both sides, and the truth is known."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from reid.errors import ConfigError
from reid.progress import track
from reid.store import write_json
from reid.synthetic.make import jpeg, write_csv
from reid.synthetic.records import detections, labels, stations
from reid.synthetic.season import Season, Shot, plan_season
from reid.synthetic.settings import SynthesisSettings
from reid.synthetic.shoot import Photographer

__all__ = ["Park", "make_parks"]

PARKS = ("west", "east")
PLANNED = 6
"""Visits are planned over both parks; so many times the photos wanted leave enough on each side."""


@dataclass(frozen=True)
class Park:
    """One of the two.

    Attributes:
        folder: Photos, `annotations.csv`, `stations.csv` and `megadetector.json`, as `reid synthesise` writes them.
        annotations: The labels. An animal has one identity in both parks: the truth.
    """

    folder: Path
    annotations: pd.DataFrame


def make_parks(output: str | Path, settings: SynthesisSettings, common: int = 8) -> tuple[Park, Park]:
    """Make photos of two parks that share some animals.

    Half of the stations are in each park. `settings.individuals` animals live in each, the first `common` of them in
    both; `settings.photos` is the photos of an animal in one park. Everything follows from the settings. Photos that
    are there are kept.

    Args:
        output: Folder; the parks are `west` and `east` in it.
        settings: As for one season.
        common: Animals of both parks, at most `settings.individuals`.

    Raises:
        ConfigError: more animals in common than there are, or fewer than two stations.
    """
    if not 0 <= common <= settings.individuals or settings.survey.stations < 2:
        raise ConfigError(
            f"common={common} must be 0 to {settings.individuals}, and survey.stations={settings.survey.stations} at least 2."
        )
    everyone = replace(settings, individuals=2 * settings.individuals - common, photos=settings.photos * PLANNED)
    season = plan_season(everyone)
    photographer = Photographer(everyone, season)
    return tuple(  # type: ignore[return-value]
        _park(Path(output).expanduser() / name, number, season, photographer, settings, common)
        for number, name in enumerate(PARKS)
    )


def _park(
    folder: Path, number: int, season: Season, photographer: Photographer, settings: SynthesisSettings, common: int
) -> Park:
    own = _shots(season, number, settings, common)
    boxes_file = folder / "boxes.json"
    boxes = json.loads(boxes_file.read_text(encoding="utf-8")) if boxes_file.is_file() else {}
    for shot in track(own, f"make {PARKS[number]}", unit="photo"):
        path = folder / shot.path
        if shot.path in boxes and path.is_file():
            continue
        pixels, box = photographer.photo(shot)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(pixels, shot, settings.picture.quality))
        boxes[shot.path] = [int(v) for v in box]
    write_json(boxes, boxes_file)
    cameras = tuple(c for i, c in enumerate(season.cameras) if _side(i, settings) == number)
    table = labels(replace(season, shots=tuple(own)), boxes)
    write_csv(table, folder / "annotations.csv")
    write_csv(stations(replace(season, cameras=cameras)), folder / "stations.csv")
    write_json(detections(replace(season, shots=tuple(own)), boxes, settings), folder / "megadetector.json")
    return Park(folder, table)


def _side(camera: int, settings: SynthesisSettings) -> int:
    """Stations are dealt out in turn, so that both parks have near and far ones for every animal."""
    return camera // settings.survey.cameras % 2


def _shots(season: Season, number: int, settings: SynthesisSettings, common: int) -> list[Shot]:
    """The photos that a park's cameras take of its own animals, by whole visits, until each has as many as wanted."""
    lives = set(range(common)) | set(
        range(settings.individuals) if number == 0 else range(settings.individuals, 2 * settings.individuals - common)
    )
    taken: Counter[int] = Counter()
    chosen = []
    visits: dict[tuple[int, int], list[Shot]] = {}
    for shot in season.shots:
        visits.setdefault((shot.animal, shot.visit), []).append(shot)
    for (animal, _), shots in sorted(visits.items(), key=lambda item: (item[0][0], item[1][0].date)):
        if animal in lives and _side(shots[0].camera, settings) == number and taken[animal] < settings.photos:
            chosen += shots
            taken[animal] += len(shots)
    return sorted(chosen, key=lambda shot: (shot.animal, shot.date, shot.path))

"""A folder of photos with their labels and the truth behind them; a run that was killed goes on where it stopped."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from reid.errors import OutputError
from reid.progress import track
from reid.store import RowStore, digest, open_run, write_json
from reid.synthetic.backgrounds import Place, find_places
from reid.synthetic.records import detections, labels, stations, truth
from reid.synthetic.season import Season, Shot, plan_season
from reid.synthetic.settings import SynthesisSettings
from reid.synthetic.shoot import Photographer
from reid.tables import PROBLEMS, from_rows

__all__ = ["Synthesised", "jpeg", "synthesise", "write_csv"]

RULES = 1
"""Raised when the same settings would give other photos."""
PART = 64
"""Photos after which their facts are written down."""
FACTS = pa.schema([("bytes", pa.int64()), ("bbox", pa.list_(pa.int64()))])


@dataclass(frozen=True)
class Synthesised:
    """What a run made.

    Attributes:
        annotations: The labels, as `annotations.csv` holds them; text but for `image_id`.
        season: The plan behind them.
        problems: Backgrounds that could not be used, a PROBLEMS table.
        made: How many photos this run made; the others were there.
    """

    annotations: pd.DataFrame
    season: Season
    problems: pd.DataFrame
    made: int


def synthesise(output: str | Path, settings: SynthesisSettings | None = None) -> Synthesised:
    """Make photos of individuals that do not exist.

    The folder then holds `CAMERA/DATE_TIME.jpg`, `annotations.csv`, `stations.csv`, `megadetector.json` (the boxes,
    for a census of the folder) and `truth.json`. Everything follows from the settings: the same settings give the same
    bytes. Photos that an earlier run finished are kept.

    Args:
        output: Made if it is not there; else empty, or of an earlier run with the same settings.
        settings: What to make. Default: `SynthesisSettings()`.

    Raises:
        InputError: the folder of backgrounds is missing, or holds no photo that can be used.
        OutputError: the output folder is another run's, lies among the backgrounds, or cannot be written.
    """
    settings = settings or SynthesisSettings()
    folder = Path(output).expanduser()
    cameras = settings.survey.stations * settings.survey.cameras
    places, problems = _places(settings.backgrounds, folder, cameras)
    lock = open_run(folder, _what(settings, places))
    try:
        season = plan_season(
            settings, [places[number % len(places)].only for number in range(cameras)] if places else []
        )
        boxes, made = _photos(folder, season, Photographer(settings, season, places), settings.picture.quality)
        table = labels(season, boxes)
        write_csv(table, folder / "annotations.csv")
        write_csv(stations(season), folder / "stations.csv")
        write_csv(problems, folder / "problems.csv")
        write_json(detections(season, boxes, settings), folder / "megadetector.json")
        write_json(truth(season, settings), folder / "truth.json")
    finally:
        lock.release()
    return Synthesised(table, season, problems, made)


def _places(backgrounds: str, folder: Path, cameras: int) -> tuple[list[Place], pd.DataFrame]:
    if not backgrounds:
        return [], from_rows([], PROBLEMS)
    if folder.resolve().is_relative_to(Path(backgrounds).expanduser().resolve()):
        raise OutputError(f"output={folder} lies inside the folder of backgrounds; name a folder outside it.")
    return find_places(backgrounds, cameras)


def _what(settings: SynthesisSettings, places: list[Place]) -> dict[str, Any]:
    """What makes a run this one: every setting by its dotted name, and the backgrounds' content."""
    values = asdict(settings)
    groups = {f"{group}.{key}": value for group in ("survey", "picture") for key, value in values.pop(group).items()}
    values["backgrounds"] = digest(*(place.content_hash for place in places)) if places else ""
    return {"verb": "synthesise", "rules": RULES, **values, **groups}


def _photos(folder: Path, season: Season, photographer: Photographer, quality: int) -> tuple[dict[str, list[int]], int]:
    """Make the photos that are not there; returns all boxes by path, and how many were made."""
    store = RowStore(folder / "cache", FACTS)
    kept = {
        path: row["bbox"]
        for path, row in store.get(shot.path for shot in season.shots).items()
        if _size(folder / path) == row["bytes"]
    }
    todo = [shot for shot in season.shots if shot.path not in kept]
    with _written(store) as fresh:
        for shot in track(todo, "make", total=len(season.shots), done=len(kept)):
            pixels, box = photographer.photo(shot)
            data = jpeg(pixels, shot, quality)
            path = folder / shot.path
            path.parent.mkdir(exist_ok=True)
            partial = path.with_name(path.name + ".part")
            partial.write_bytes(data)
            partial.replace(path)
            kept[shot.path] = list(box)
            fresh(shot.path, {"bytes": len(data), "bbox": list(box)})
    return kept, len(todo)


@contextmanager
def _written(store: RowStore) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """Rows go into the store in parts, the last one even when the run is stopped."""
    waiting: dict[str, dict[str, Any]] = {}

    def add(key: str, row: dict[str, Any]) -> None:
        waiting[key] = row
        if len(waiting) >= PART:
            store.add(waiting)
            waiting.clear()

    try:
        yield add
    finally:
        store.add(waiting)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def jpeg(pixels: np.ndarray, shot: Shot, quality: int) -> bytes:
    """A photo's file, with its time in its EXIF data."""
    exif = Image.Exif()
    exif[0x010E] = "synthetic, not a photograph"
    exif[0x8769] = {0x9003: f"{shot.date:%Y:%m:%d %H:%M:%S}"}  # Pillow 10 forgets what is put into get_ifd
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, exif=exif)
    return out.getvalue()


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all."""
    partial = path.with_name(path.name + ".part")
    frame.to_csv(partial, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    partial.replace(path)

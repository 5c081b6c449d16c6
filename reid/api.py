"""The verbs as functions: `from reid.api import detect, embed, identify`; `reid.census` stands at the top as well.

The rooms have the names of some verbs (`reid.embed`, `reid.identify`), so those functions live here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.cli import run_verb
from reid.config import overrides_of
from reid.tables import CROPS, DECISIONS, DETECTIONS, MATCHES, PHOTOS, read

__all__ = ["Census", "census", "convert", "detect", "embed", "estimate", "exchange", "identify", "scan", "synthesise"]


TEXT = (
    "identity", "station", "stations", "camera", "path", "encounter", "crop_id", "query", "candidate", "flanks", "file",
    "column", "found",
)  # fmt: skip
"""Columns of results that hold names, whatever these look like."""


@dataclass(frozen=True)
class Census:
    """Results of a census, read from its folder.

    Attributes:
        folder: Where everything lies, `report.html` included.
        summary: The lines that the command prints.
        counts: `census.json`: individuals, interval, encounters, photos, and so on.
        sightings: A row a crop, as in `sightings.csv`.
        individuals: A row an animal, as in `individuals.csv`.
    """

    folder: Path
    summary: str
    counts: dict[str, Any]
    sightings: pd.DataFrame
    individuals: pd.DataFrame

    @property
    def photos(self) -> pd.DataFrame:
        """The photos table."""
        return read(self.folder / "photos.parquet", PHOTOS)

    @property
    def matches(self) -> pd.DataFrame:
        """The matches table."""
        return read(self.folder / "matches.parquet", MATCHES)

    @property
    def decisions(self) -> pd.DataFrame:
        """The decisions table."""
        return read(self.folder / "decisions.parquet", DECISIONS)


def census(
    photos: str | Path,
    output: str | Path,
    detections: str | Path = "",
    catalogue: str | Path = "",
    settings: Mapping[str, Any] | None = None,
) -> Census:
    """Take a census of a folder of photos; the command `reid census` as a function.

    Args:
        photos: Folder of photos.
        output: Folder for the report and the tables; run again with the same one, it goes on where it stopped.
        detections: JSON of MegaDetector or a relative; without one the shipped detector looks for animals.
        catalogue: SQLite file of the animals known so far; empty for one in the output folder.
        settings: Any other setting by name, nested or dotted, for example
            `{"matcher": "sift", "decision.accept": 0.99}`.

    Raises:
        ReidError: something is wrong with the input or the settings; the message says what to do.
    """
    summary = _run(
        "census",
        {"photos": photos, "output": output, "detections": detections, "catalogue": catalogue},
        settings,
    )
    folder = Path(output).expanduser()
    return Census(
        folder,
        summary,
        json.loads((folder / "census.json").read_text(encoding="utf-8")),
        _csv(folder / "sightings.csv", ["date"]),
        _csv(folder / "individuals.csv", ["first_seen", "last_seen"]),
    )


def scan(photos: str | Path, output: str | Path, settings: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """List a folder of photos with times, cameras, stations and sequences; the command `reid scan` as a function.

    Returns:
        The photos table; `output` holds the stations table too.
    """
    _run("scan", {"photos": photos, "output": output}, settings)
    return read(Path(output).expanduser() / "photos.parquet", PHOTOS)


def detect(
    photos: str | Path, output: str | Path, detections: str | Path = "", settings: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Find the animals on a folder of photos; the command `reid detect` as a function.

    Returns:
        The detections table; `output` holds `megadetector.json` too.
    """
    _run("detect", {"photos": photos, "output": output, "detections": detections}, settings)
    return read(Path(output).expanduser() / "detections.parquet", DETECTIONS)


def embed(
    input: str | Path, output: str | Path, detections: str | Path = "", settings: Mapping[str, Any] | None = None
) -> tuple[np.ndarray, pd.DataFrame]:
    """Embed a folder of photos or a labelled CSV; the command `reid embed` as a function.

    Returns:
        Unit vectors, float32, (n, d), and the crops table, whose row i is vector i.
    """
    _run("embed", {"input": input, "output": output, "detections": detections}, settings)
    folder = Path(output).expanduser()
    return np.load(folder / "embeddings.npy", allow_pickle=False), read(folder / "crops.parquet", CROPS)


def identify(
    gallery: str | Path, queries: str | Path, output: str | Path, settings: Mapping[str, Any] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Name the animals of one table by those of another; the command `reid identify` as a function.

    Args:
        gallery: Labelled CSV: path, identity, and optionally bbox, orientation, encounter.
        queries: CSV with path, and optionally the same columns.
        output: Folder for `matches.csv` and `decisions.csv`.
        settings: Any other setting by name.

    Returns:
        The ranked candidates of each query, and a decision per encounter.
    """
    _run("identify", {"gallery": gallery, "queries": queries, "output": output}, settings)
    folder = Path(output).expanduser()
    return _csv(folder / "matches.csv"), read(folder / "decisions.parquet", DECISIONS)


def convert(
    source: str | Path, output: str | Path, to: str | list[str], settings: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Write a survey in the formats of other programs; the command `reid convert` as a function.

    Args:
        source: A census's folder, or a file or folder of any format that is known.
        output: Folder for the results.
        to: One format or several; `reid.formats.WRITERS` says which, and `photos` writes into photos' metadata.
        settings: Any other setting by name.

    Returns:
        The notes, also in `notes.csv`: what was repaired, left out or kept although it looks wrong, by row and column.
    """
    targets = to if isinstance(to, str) else ",".join(to)
    _run("convert", {"source": source, "output": output, "to": f"[{targets}]"}, settings)
    return _csv(Path(output).expanduser() / "notes.csv")


def estimate(
    output: str | Path,
    census: str | Path | Sequence[str | Path] = (),
    catalogue: str | Path = "",
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Estimate a population; the command `reid estimate` as a function.

    Args:
        output: Folder for `estimates.html`, its tables and plots.
        census: A census's folder, or several of one catalogue, a season each.
        catalogue: SQLite file of the animals; alone, for what is known over its seasons.
        settings: Any other setting by name, for example `{"population.occasion_days": 5}`.

    Returns:
        What `estimates.json` holds.
    """
    folders = [census] if isinstance(census, (str, Path)) else list(census)
    named = {"census": [str(folder) for folder in folders]} if folders else {}
    _run("estimate", {"output": output, "catalogue": catalogue}, {**named, **(settings or {})})
    return dict(json.loads((Path(output).expanduser() / "estimates.json").read_text(encoding="utf-8")))


def exchange(step: str, settings: Mapping[str, Any]) -> str:
    """One step of an exchange with another park; the command `reid exchange STEP` as a function.

    Args:
        step: `key`, `export`, `show`, `match`, `confirm` or `join`.
        settings: Its settings by name; see docs/exchange.md.

    Returns:
        The lines that the command prints.
    """
    words = overrides_of({key: str(v) if isinstance(v, Path) else v for key, v in settings.items()})
    return run_verb("exchange", [step, *words])


def synthesise(output: str | Path, settings: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Make photos of individuals that do not exist; the command `reid synthesise` as a function.

    Args:
        output: Folder for the photos, `annotations.csv` and `truth.json`; run again, it goes on where it stopped.
        settings: Any setting by name, for example `{"individuals": 10, "survey.cameras": 2}`.

    Returns:
        The labels, a row a photo, as text; `reid.read_labelled` reads the same from `annotations.csv`.
    """
    _run("synthesise", {"output": output}, settings)
    return pd.read_csv(Path(output).expanduser() / "annotations.csv", dtype=str)


def _csv(path: Path, times: Sequence[str] = ()) -> pd.DataFrame:
    """A result that was written as CSV. Text stays text: a station called 01 is not the number 1, nor one called NA none."""
    return pd.read_csv(
        path, dtype=dict.fromkeys(TEXT, "str"), parse_dates=list(times), keep_default_na=False, na_values=[""]
    )


def _run(verb: str, given: Mapping[str, Any], settings: Mapping[str, Any] | None) -> str:
    words = overrides_of({key: str(value) for key, value in given.items() if str(value)})
    return run_verb(verb, [*words, *overrides_of(settings or {})])

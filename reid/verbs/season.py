"""A season's first stages, shared by the verbs: photos to detections to crops to vectors, a table each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from reid.cluster.ahead import Ahead
from reid.detect import DetectorSettings, detect
from reid.embed import CropSettings, Embedded, LoadedNetwork, embed_crops, load_network, make_crops
from reid.errors import InputError
from reid.photos import ScanSettings, read_labelled, scan, scan_problems
from reid.photos.scan import scanned
from reid.store import write_json
from reid.tables import CROPS, DETECTIONS, PHOTOS, STATIONS
from reid.verbs.common import write_table

__all__ = ["Scanned", "detected_crops", "embed_stage", "labelled_crops", "scan_stage", "write_vectors"]


@dataclass(frozen=True)
class Scanned:
    """A photo folder and its tables."""

    root: Path
    photos: pd.DataFrame
    stations: pd.DataFrame
    problems: pd.DataFrame


def scan_stage(
    root: Path | None,
    folder: Path,
    settings: ScanSettings,
    ahead: Ahead | None = None,
    detector: DetectorSettings | None = None,
) -> Scanned:
    """Scan a photo folder; writes `photos.parquet` and `stations.parquet`.

    Args:
        root: The photo folder.
        folder: Of the run.
        settings: How to read it.
        ahead: Who looks at the photos, here or elsewhere, and for the detector too if one is named: a photo is then
            fetched once for both.
        detector: Which detector.
    """
    if ahead is None:
        root = Path(root or ".")
        photos, stations = scan(root, settings, cache=folder / "cache" / "scan")
    else:
        root = ahead.root
        photos, stations = scanned(*ahead.look(settings, detector), settings)
    photos = write_table(photos, folder, PHOTOS)
    stations = write_table(stations, folder, STATIONS)
    if photos["error"].notna().all():
        first = photos.iloc[0]
        raise InputError(
            f"none of the {len(photos)} photos in {root} can be read; the first is {first['path']}: {first['error']}."
        )
    return Scanned(root, photos, stations, scan_problems(photos))


def detected_crops(
    season: Scanned, folder: Path, detector: DetectorSettings, crop: CropSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the animals; writes `detections.parquet`; returns the crops table and a problems table."""
    detections, problems = detect(season.photos, season.root, detector, folder / "cache" / "boxes")
    detections = write_table(detections, folder, DETECTIONS)
    return make_crops(season.photos, detections, crop), problems


def labelled_crops(csv: Path, folder: Path, identity_required: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Crops and problems of a labelled table."""
    return read_labelled(csv, identity_required, cache=folder / "cache" / "scan")


def embed_stage(
    root: Path, crops: pd.DataFrame, network: LoadedNetwork, folder: Path, ahead: Ahead | None = None, model: str = ""
) -> Embedded:
    """Embed crops, keeping finished vectors in `cache/vectors`; with `ahead`, others may do most of it."""
    if ahead is not None:
        ahead.embed(crops, network, partial(load_network, model, network.engine))
    return embed_crops(root, crops, network, cache=folder / "cache" / "vectors")


def write_vectors(done: Embedded, network: LoadedNetwork, folder: Path) -> None:
    """Write `embeddings.npy` (float32, n by d, unit length), `crops.parquet` (row i is vector i) and `meta.json`."""
    part = folder / "embeddings.npy.part"
    with part.open("wb") as file:
        np.save(file, done.vectors.astype(np.float32), allow_pickle=False)
    part.replace(folder / "embeddings.npy")
    write_table(done.crops[CROPS.names], folder, CROPS)
    write_json(
        {
            "model": network.name,
            "fingerprint": network.fingerprint,
            "preprocessing": network.spec.to_dict(),
            "card": network.card,
            "vectors": len(done.vectors),
            "size": int(network.network.size),
        },
        folder / "meta.json",
    )

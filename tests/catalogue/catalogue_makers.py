"""Small made-up runs for the tests of the catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from reid import tables
from reid.catalogue import Catalogue
from reid.tables import CROPS, DECISIONS

DIMENSION = 8
MACHINE = "reid 0.1"


def vector(crop_id: str, dimension: int = DIMENSION) -> np.ndarray:
    """A unit vector that depends on the crop alone."""
    seed = int(hashlib.sha256(crop_id.encode()).hexdigest()[:8], 16)
    values = np.random.default_rng(seed).normal(size=dimension)
    return (values / np.linalg.norm(values)).astype(np.float32)


def crops(encounters: Mapping[str, list[str]], **extra: Any) -> pd.DataFrame:
    """A `CROPS` table from the crop ids of each encounter; `extra` columns have one value for all rows."""
    rows = [
        {
            "crop_id": crop_id,
            "image_id": f"{crop_id}.jpg@0",
            "path": f"{crop_id}.jpg",
            "content_hash": hashlib.sha256(crop_id.encode()).hexdigest(),
            "bbox": [1.0, 2.5, 30.0, 40.0],
            "confidence": 0.9,
            "orientation": "left" if sum(crop_id.encode()) % 2 else "right",
            "orientation_probability": 0.8,
            "date": pd.Timestamp("2024-05-01 12:00:00.25") + pd.Timedelta(days=sum(crop_id.encode()) % 50),
            "camera": "C1",
            "station": "S1",
            "sequence": encounter,
            "encounter": encounter,
            **extra,
        }
        for encounter, crop_ids in encounters.items()
        for crop_id in crop_ids
    ]
    return tables.from_rows(rows, CROPS)


def decisions(given: Mapping[str, str], probability: float = 0.9) -> pd.DataFrame:
    """A `DECISIONS` table: "?" is unsure, "new-..." a new individual, anything else a known one."""
    rows = [
        {
            "encounter": encounter,
            "identity": "unknown" if said == "?" else said,
            "decision": "unsure" if said == "?" else "new" if said.startswith("new-") else "known",
            "probability": probability,
            "reason": "by its spots",
        }
        for encounter, said in given.items()
    ]
    return tables.from_rows(rows, DECISIONS)


def record(
    catalogue: Catalogue,
    run: str,
    encounters: Mapping[str, list[str]],
    said: Mapping[str, str],
    by: str = MACHINE,
    fingerprint: str = "net-1",
    probability: float = 0.9,
    change_earlier: bool = False,
    links: pd.DataFrame | None = None,
    **more: Any,
) -> dict[str, str]:
    """Record a run; `said` gives what was decided about each encounter."""
    frame = crops(encounters, **more)
    vectors = np.array([vector(c) for c in frame["crop_id"]], dtype=np.float32).reshape(-1, DIMENSION)
    return catalogue.record_run(
        run,
        "photos",
        frame,
        vectors,
        fingerprint,
        decisions(said, probability),
        lambda c: b"picture of " + c.encode(),
        by,
        links,
        change_earlier,
    )


def identities(catalogue: Catalogue, run: str) -> dict[str, str]:
    """Whose each encounter of a run is."""
    frame = catalogue.decisions(run)
    return dict(zip(frame["encounter"], frame["identity"], strict=True))


def dump(catalogue: Catalogue) -> list[str]:
    """Every row of the file, as SQL."""
    return list(catalogue._connection.iterdump())

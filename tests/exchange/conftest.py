"""Two small parks for the tests of the exchange: painted flanks in catalogues, and bundles made of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid.catalogue import Catalogue
from reid.exchange import Bundle, Key, RevealSettings, bundle_of, make_key, write_bundle
from reid.match import MatcherSettings, make_matcher
from reid.tables import CROPS, DECISIONS, from_rows

WEST, EAST = (1, 2, 3, 4), (3, 4, 5, 6)
"""Coats of the animals of each park: 3 and 4 live in both."""
SECRETS = ("Narva", "waterhole", "IMG_0042", "DCIM")


@dataclass(frozen=True)
class Side:
    """One park: its catalogue, its key, and which coat each of its animals wears."""

    catalogue: Path
    key: Key
    coats: dict[str, int]


def _vector(coat: int, turn: int) -> np.ndarray:
    base = np.random.default_rng(coat).normal(size=16)
    made = base + 0.15 * np.random.default_rng((coat, turn)).normal(size=16)
    return (made / np.linalg.norm(made)).astype(np.float32)


def _picture(paint: Callable[..., np.ndarray], coat: int, turn: int) -> bytes:
    rng = np.random.default_rng((coat, turn, 7))
    pixels = np.asarray(Image.fromarray(paint(coat)).resize((int(rng.integers(220, 260)), int(rng.integers(140, 160)))))
    noisy = np.clip(pixels.astype(int) + rng.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)
    exif = Image.Exif()
    exif[0x010E] = SECRETS[1]
    out = io.BytesIO()
    Image.fromarray(noisy).save(out, "JPEG", quality=92, exif=exif, comment=SECRETS[2].encode())
    return out.getvalue()


def make_side(folder: Path, paint: Callable[..., np.ndarray], coats: tuple[int, ...], first_turn: int) -> Side:
    folder.mkdir()
    rows, decisions, vectors, pictures = [], [], [], {}
    for n, coat in enumerate(coats):
        for turn in (first_turn, first_turn + 1):
            crop_id = f"{SECRETS[3]}/{SECRETS[2]}_{coat}_{turn}.jpg@0#0"
            encounter = f"{SECRETS[1]}-{coat}-{turn}"
            rows.append(
                {
                    "crop_id": crop_id, "image_id": crop_id[:-2], "path": crop_id[:-4], "content_hash": f"{coat:032x}{turn:032x}",
                    "bbox": [0.0, 0.0, 240.0, 150.0], "confidence": 0.9, "orientation": "left", "orientation_probability": 0.97,
                    "date": pd.Timestamp("2015-06-01") + pd.Timedelta(days=turn), "camera": SECRETS[1], "station": SECRETS[1],
                    "sequence": encounter, "encounter": encounter,
                }
            )  # fmt: skip
            decisions.append({"encounter": encounter, "identity": f"new-{n}", "decision": "new", "probability": 0.97, "reason": "spots"})  # fmt: skip
            vectors.append(_vector(coat, turn))
            pictures[crop_id] = _picture(paint, coat, turn)
    path = folder / "park.sqlite"
    with Catalogue(path) as catalogue:
        names = catalogue.record_run(
            "2015", "photos", from_rows(rows, CROPS), np.array(vectors), "net-1", from_rows(decisions, DECISIONS),
            pictures.__getitem__, "reid 0",
        )  # fmt: skip
        catalogue.rename(names["new-0"], SECRETS[0], by="Anna")
        known = {label: catalogue.resolve(name) for label, name in names.items()}
    return Side(path, make_key(folder / "park.key"), {known[f"new-{n}"]: coat for n, coat in enumerate(coats)})


@pytest.fixture(scope="session")
def west(tmp_path_factory: pytest.TempPathFactory, paint_coat: Callable[..., np.ndarray]) -> Side:
    return make_side(tmp_path_factory.mktemp("exchange") / "west", paint_coat, WEST, 0)


@pytest.fixture(scope="session")
def east(tmp_path_factory: pytest.TempPathFactory, paint_coat: Callable[..., np.ndarray]) -> Side:
    return make_side(tmp_path_factory.mktemp("exchange") / "east", paint_coat, EAST, 4)


def bundled(side: Side, path: Path, partner: str, **reveal: object) -> Bundle:
    with Catalogue(side.catalogue, create=False) as catalogue:
        made = bundle_of(
            catalogue, side.key, "a park", partner, make_matcher(MatcherSettings("sift")), RevealSettings(**reveal),  # type: ignore[arg-type]
            places={SECRETS[1]: (12.3456, 45.6789)}, cache=side.catalogue.parent / "cache", made=date(2026, 1, 2),
        )  # fmt: skip
    return write_bundle(path, made, side.key)


@pytest.fixture(scope="session")
def make_bundle() -> Callable[..., Bundle]:
    return bundled


@pytest.fixture(scope="session")
def bundles(west: Side, east: Side, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    bundled(west, folder / "west.reidx", "east")
    bundled(east, folder / "east.reidx", "west", thumbnails=96, names=True)
    return folder / "west.reidx", folder / "east.reidx"

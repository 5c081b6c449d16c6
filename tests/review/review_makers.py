"""A small made-up season with its census's folder: pairs of encounters that the census left to a person."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from reid.catalogue import Catalogue
from reid.identify import decide, group_encounters, link_encounters
from reid.review import Desk, ReviewSettings, read_season
from reid.review.serve import Served, serving
from reid.tables import CROPS, LINKS, MATCHES, PHOTOS, STATIONS, from_rows, write

RUN = "2024"
PAIRS = 25
SIZE = (300, 180)
BOXES = ([20.0, 10.0, 200.0, 130.0], [80.0, 40.0, 200.0, 130.0])
"""Of the two ends of a pair: an animal that has not moved would be taken for background."""


@dataclass(frozen=True)
class Made:
    """Where it lies."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "catalogue.sqlite"

    @property
    def census(self) -> Path:
        return self.folder / "census"

    @property
    def root(self) -> Path:
        return self.folder / "photos"

    def copy(self, folder: Path) -> Made:
        shutil.copytree(self.folder, folder)
        other = Made(folder)
        (other.census / "run.json").write_text(json.dumps({"verb": "census", "photos": str(other.root.resolve())}))
        return other

    @contextmanager
    def desk(self, by: str = "Anna", draws: int = 200) -> Iterator[Desk]:
        with Catalogue(self.file, create=False, by=by) as catalogue:
            yield Desk(catalogue, [read_season(self.census)], ReviewSettings(by=by, draws=draws))

    @contextmanager
    def served(self, by: str = "Anna") -> Iterator[tuple[Served, Desk]]:
        with self.desk(by) as desk, serving(desk) as served:
            yield served, desk


def encounter(pair: int, end: int) -> str:
    return f"e{pair:02d}{'ab'[end]}"


def sighting(pair: int, end: int) -> str:
    path = f"S{pair % 5}/{encounter(pair, end)}.jpg"
    return f"{RUN}:{path}@{hashlib.sha256(path.encode()).hexdigest()[:12]}#0"


def probability(pair: int) -> float:
    """Between 0.40 and 0.64, another one for each pair, the nearest to 0.5 in the middle."""
    return round(0.4 + 0.01 * pair, 2)


def make(folder: Path, paint: Callable[..., np.ndarray], station: str = "S", more: bool = True) -> Made:
    """Pairs of encounters that may be one animal; and an animal of three encounters, two of one burst."""
    made = Made(folder)
    rows = []
    visits = [(encounter(pair, end), pair, pair, end) for pair in range(PAIRS) for end in (0, 1)]
    visits += [("known1", 90, 0, 0), ("known2", 90, 1, 1), ("known3", 90, 2, 0)] if more else []
    for name, animal, where, end in visits:
        for shot in range(2 if name == "known1" else 1):
            path = f"{station}{where % 5}/{name}{'' if shot == 0 else f'_{shot}'}.jpg"
            content = hashlib.sha256(path.encode()).hexdigest()
            random = np.random.default_rng(len(rows))
            photo = random.integers(50, 100, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
            coat = paint(animal, 130, 200).astype(float) * random.uniform(0.7, 1.1)
            left, top = (int(value) for value in BOXES[end][:2])
            photo[top : top + 130, left : left + 200] = coat.clip(0, 255).astype(np.uint8)
            (made.root / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo).save(made.root / path, quality=88)
            rows.append(
                {
                    "crop_id": f"{path}@{content[:12]}#0", "image_id": f"{path}@{content[:12]}", "path": path,
                    "content_hash": content, "bbox": BOXES[end], "confidence": 0.9, "orientation": "left",
                    "orientation_probability": 0.99,
                    "date": pd.Timestamp("2024-05-01 18:00") + pd.Timedelta(days=animal + 40 * end, seconds=9 * shot),
                    "camera": f"{station}{where % 5}", "station": f"{station}{where % 5}", "sequence": name,
                    "encounter": name,
                }
            )  # fmt: skip
    crops = from_rows(rows, CROPS)
    first = crops.groupby("encounter")["crop_id"].min()
    scored = [(encounter(pair, 0), encounter(pair, 1), probability(pair)) for pair in range(PAIRS)]
    scored += [("known1", "known2", 0.999), ("known2", "known3", 0.999)] if more else []
    matches = from_rows(
        sorted(
            (
                {"query": first[a], "candidate": first[b], "similarity": 0.6, "matches": 9, "inliers": 6,
                 "local_score": 5.0, "probability": p}
                for a, b, p in scored
            ),
            key=lambda row: (row["query"], row["candidate"]),
        ),
        MATCHES,
    )  # fmt: skip
    links = link_encounters(matches, dict(zip(crops["crop_id"], crops["encounter"], strict=True)))
    names = list(dict.fromkeys(crops["encounter"]))
    decided = decide(group_encounters(names, links, 0.95), links, {})
    vectors = np.random.default_rng(0).normal(size=(len(crops), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    boxes = dict(zip(crops["crop_id"], crops["bbox"], strict=True))

    def picture(crop_id: str) -> bytes:
        x, y, w, h = (int(value) for value in boxes[crop_id])
        out = io.BytesIO()
        with Image.open(made.root / crop_id.partition("@")[0]) as image:
            image.crop((x, y, x + w, y + h)).save(out, "JPEG", quality=90)
        return out.getvalue()

    with Catalogue(made.file) as catalogue:
        catalogue.record_run(RUN, "photos", crops, vectors, "net-1", decided, picture, "reid 0.1", links)
    _census(made, crops, matches, links, vectors)
    return made


def _census(made: Made, crops: pd.DataFrame, matches: pd.DataFrame, links: pd.DataFrame, vectors: np.ndarray) -> None:
    out = made.census
    out.mkdir()
    write(crops, out / "crops.parquet", CROPS)
    write(matches, out / "matches.parquet", MATCHES)
    write(links, out / "links.parquet", LINKS)
    photos = crops[["image_id", "path", "content_hash", "camera", "station", "date"]].to_dict("records")
    sized = [{**row, "width": SIZE[0], "height": SIZE[1], "date_source": "exif"} for row in photos]
    write(from_rows(sized, PHOTOS), out / "photos.parquet", PHOTOS)
    stations = [
        {"camera": name, "station": name, "latitude": -2 + 0.01 * n, "longitude": 35 + 0.02 * n, "source": "table"}
        for n, name in enumerate(sorted(set(crops["station"])))
    ]
    write(from_rows(stations, STATIONS), out / "stations.parquet", STATIONS)
    np.save(out / "embeddings.npy", vectors, allow_pickle=False)
    (out / "run.json").write_text(json.dumps({"verb": "census", "photos": str(made.root.resolve())}))
    (out / "settings.yaml").write_text(f"season: '{RUN}'\nmatcher: {{name: sift, points: 200, longest: 256}}\n")

"""A made-up season with its catalogue and its census's folder, of any size: what the review page is measured on.

Every animal has a coat of blotches, the same on each of its photos, drawn anew darker or lighter and shifted. Matches
have probabilities that are calibrated by construction: a pair that is given p is one individual in a share p of cases.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from reid.catalogue import Catalogue
from reid.catalogue.seasons import season_id
from reid.identify import decide, group_encounters, link_encounters
from reid.tables import CROPS, MATCHES, PHOTOS, STATIONS, from_rows, write

FINGERPRINT = "made-up"


@dataclass(frozen=True)
class MadeUp:
    """Where everything lies, and the truth: the animal of every encounter."""

    catalogue: Path
    census: Path
    run: str
    truth: dict[str, int]


def coat(animal: int, height: int, width: int) -> np.ndarray:
    """A flank with its own blotches, float in 0 to 1."""
    random = np.random.default_rng(10_000 + animal)
    fine, coarse = (
        cv2.GaussianBlur(random.normal(size=(height, width)).astype(np.float32), (0, 0), height / d) for d in (50, 18)
    )
    return (np.where(fine / fine.std() + 0.7 * coarse / coarse.std() > 0.45, 0.22, 0.72)).astype(np.float32)


def paint(path: Path, animal: int, random: np.random.Generator, size: tuple[int, int]) -> list[float]:
    """Write a photo of an animal; returns its box."""
    width, height = size
    scene = cv2.resize(random.normal(0.34, 0.1, (12, 20)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    scene += random.normal(0, 0.015, scene.shape).astype(np.float32)
    w, h = int(width * random.uniform(0.45, 0.6)), int(height * random.uniform(0.4, 0.5))
    x, y = int(random.integers(0, width - w)), int(random.integers(height // 5, height - h))
    flank = cv2.resize(coat(animal, 150, 260), (w, h), interpolation=cv2.INTER_AREA)
    shape = np.zeros((h, w), np.float32)
    cv2.ellipse(shape, (w // 2, h // 2), (w // 2 - 2, h // 2 - 2), 0, 0, 360, 1, -1)
    shape = cv2.GaussianBlur(shape, (0, 0), 2)
    scene[y : y + h, x : x + w] = scene[y : y + h, x : x + w] * (1 - shape) + flank * shape
    scene *= random.uniform(0.55, 1.15)
    tint = np.array([1.0, 0.96, 0.86] if random.random() < 0.5 else [0.93, 1.0, 0.97], np.float32)
    pixels = (np.clip(scene[..., None] * tint, 0, 1) * 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=72)
    return [float(x), float(y), float(w), float(h)]


def score(same: np.ndarray, prior: float, random: np.random.Generator, apart: float) -> np.ndarray:
    """Probabilities that are right: normal scores `apart` standard deviations apart, weighed by Bayes' rule."""
    x = random.normal(size=len(same)) + np.where(same, apart, 0.0)
    odds = np.log(prior / (1 - prior)) + apart * x - apart**2 / 2
    return 1 / (1 + np.exp(-odds))


def make(
    folder: Path,
    individuals: int,
    encounters: int,
    per_encounter: int,
    seed: int,
    size: tuple[int, int] = (480, 300),
    photos: bool = True,
    compared: int = 20,
    apart: float = 3.2,
    both_flanks: float = 0.3,
) -> MadeUp:
    """Make it, if it is not there.

    Args:
        folder: For everything.
        individuals: How many animals there are.
        encounters: How many encounters, spread unevenly over them.
        per_encounter: Photos of each.
        seed: Of everything drawn.
        size: Of a photo, in pixels.
        photos: Whether to paint them.
        compared: How many other encounters each one was compared with, besides those of its animal.
        apart: How far the scores of right and wrong pairs lie apart, in standard deviations.
        both_flanks: Share of encounters that show both sides.
    """
    root, out, file = folder / "photos", folder / "census", folder / "catalogue.sqlite"
    run = season_id("", root)
    random = np.random.default_rng(seed)
    weights = random.gamma(1.2, size=individuals)
    animal = np.concatenate(
        [np.arange(individuals), random.choice(individuals, encounters - individuals, p=weights / weights.sum())]
    )
    animal = random.permutation(animal)
    home = random.integers(0, 40, individuals)
    names = [f"e{n:05d}" for n in range(encounters)]
    truth = dict(zip(names, animal.tolist(), strict=True))
    if (folder / "done").is_file():
        return MadeUp(file, out, run, truth)
    rows, pictures = [], []
    for n, name in enumerate(names):
        station = int((home[animal[n]] + random.integers(0, 4)) % 40)
        sides = ["left", "right"] if random.random() < both_flanks else [["left", "right"][int(random.integers(0, 2))]]
        day = int(random.integers(0, 300))
        for k in range(per_encounter):
            path = f"S{station:02d}/{name}_{k}.jpg"
            content = hashlib.sha256(f"{seed} {path}".encode()).hexdigest()
            box = paint(root / path, int(animal[n]), random, size) if photos else [10.0, 10.0, 200.0, 120.0]
            side = sides[k % len(sides)]
            crop = {
                "crop_id": f"{path}@{content[:12]}#0", "image_id": f"{path}@{content[:12]}", "path": path,
                "content_hash": content, "bbox": box, "confidence": 0.9,
                # one animal has two coats: the right side is another pattern in these pictures only by its name
                "orientation": side, "orientation_probability": 0.99,
                "date": pd.Timestamp("2024-01-01 18:00") + pd.Timedelta(days=day, seconds=20 * k, minutes=int(n % 700)),
                "camera": f"S{station:02d}", "station": f"S{station:02d}", "sequence": name, "encounter": name,
            }  # fmt: skip
            rows.append(crop)
            pictures.append((root / path, box))
    crops = from_rows(rows, CROPS)
    matches = _matches(crops, truth, random, compared, apart)
    links = link_encounters(matches, dict(zip(crops["crop_id"], crops["encounter"], strict=True)))
    decided = decide(group_encounters(names, links, 0.95), links, {})
    vectors = random.normal(size=(len(crops), 64)).astype(np.float32) * 0.5
    vectors += (
        np.random.default_rng(seed + 1).normal(size=(individuals, 64)).astype(np.float32)[animal.repeat(per_encounter)]
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    out.mkdir(parents=True, exist_ok=True)
    places = {name: n for n, name in enumerate(crops["crop_id"])}

    def picture(crop_id: str) -> bytes:
        path, (x, y, w, h) = pictures[places[crop_id]]
        with Image.open(path) as image:
            import io

            buffer = io.BytesIO()
            image.crop((int(x), int(y), int(x + w), int(y + h))).save(buffer, "JPEG", quality=80)
            return buffer.getvalue()

    with Catalogue(file) as catalogue:
        catalogue.record_run(
            run, root.name, crops, vectors, FINGERPRINT, decided, picture if photos else None, "reid 0.1", links
        )
    _write_census(out, root, crops, matches, links, vectors, size)
    (folder / "done").write_text("")
    return MadeUp(file, out, run, truth)


def _matches(
    crops: pd.DataFrame, truth: dict[str, int], random: np.random.Generator, compared: int, apart: float
) -> pd.DataFrame:
    """Each encounter against the next ones of its animal and some others, on a side that both show."""
    shown: dict[str, dict[str, str]] = {}
    for crop, encounter, side in zip(crops["crop_id"], crops["encounter"], crops["orientation"], strict=True):
        shown.setdefault(encounter, {}).setdefault(side, crop)
    names = list(shown)
    own: dict[int, list[str]] = {}
    for name in names:
        own.setdefault(truth[name], []).append(name)
    pairs: dict[tuple[str, str], bool] = {}
    for name in names:
        same = [other for other in own[truth[name]] if other != name]
        chosen = [same[i] for i in random.permutation(len(same))[: max(2, compared // 4)]]
        chosen += [names[i] for i in random.integers(0, len(names), compared)]
        for other in chosen:
            if other == name:
                continue
            for side in sorted(shown[name].keys() & shown[other].keys()):
                a, b = sorted((shown[name][side], shown[other][side]))
                pairs[a, b] = truth[name] == truth[other]
    same = np.array(list(pairs.values()))
    probability = score(same, float(same.mean()), random, apart).round(6)
    rows = [
        {
            "query": a,
            "candidate": b,
            "similarity": 0.5,
            "matches": 20,
            "inliers": 12,
            "local_score": 9.0,
            "probability": p,
        }
        for (a, b), p in zip(pairs, probability.tolist(), strict=True)
    ]
    return from_rows(sorted(rows, key=lambda row: (row["query"], row["candidate"])), MATCHES)


def _write_census(
    out: Path, root: Path, crops: pd.DataFrame, matches: pd.DataFrame, links: pd.DataFrame, vectors: np.ndarray,
    size: tuple[int, int],
) -> None:  # fmt: skip
    from reid.tables import LINKS

    write(crops, out / "crops.parquet", CROPS)
    write(matches, out / "matches.parquet", MATCHES)
    write(links, out / "links.parquet", LINKS)
    photo = [
        {"image_id": image, "path": path, "content_hash": content, "bytes": 1, "width": size[0], "height": size[1],
         "exif_orientation": 1, "camera": camera, "station": station, "date": date, "date_source": "exif"}
        for image, path, content, camera, station, date in crops.drop_duplicates("image_id")[
            ["image_id", "path", "content_hash", "camera", "station", "date"]
        ].itertuples(index=False)
    ]  # fmt: skip
    write(from_rows(photo, PHOTOS), out / "photos.parquet", PHOTOS)
    stations = [
        {"camera": f"S{n:02d}", "station": f"S{n:02d}", "latitude": -2.0 + 0.02 * (n // 8), "longitude": 35.0 + 0.02 * (n % 8),
         "source": "table"}
        for n in range(40)
    ]  # fmt: skip
    write(from_rows(stations, STATIONS), out / "stations.parquet", STATIONS)
    np.save(out / "embeddings.npy", vectors, allow_pickle=False)
    (out / "run.json").write_text(json.dumps({"verb": "census", "photos": str(root.resolve())}))
    (out / "settings.yaml").write_text("season: ''\nmatcher: {name: sift}\n")

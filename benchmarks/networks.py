"""How well embedding networks tell animals apart, and how fast they are.

The shipped reid-base was trained on all of NyalaData and ATRW, so its own figures there say nothing: give the folder of a training
that held them out (docs/models.md says how) with `--models`.

`python benchmarks/networks.py --data ../shared/data [--models lite0-imagenet reid-base] [--output benchmarks/results]`

- NyalaData: ClosedSetSplit(0.8, seed=666) of its 1,514 photos, 310 queries against 1,204; top-1 of all, and of other
  encounters only (no photo of the query's own encounter in its gallery).
- ATRW: the tigers (entities) that DisjointSetSplit(0.2, seed=666) holds out, their photos searched among each other; mAP.
- Snow leopards: 29 boxes of two cats, from three cameras, no other photo of the query's own burst in its gallery; mAP, and the
  area under the curve of pairs of one cat and one flank against pairs of two cats.
- Jaguars: the four photos of which the partner at another station is known; its rank among the 18 other photos.
- Speed: crops a second, network alone (with the finder of torsos where one is used), in turns with Lite0 at 224 x 224.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import reid
from reid.embed.batch import BATCH
from reid.embed.embedder import Embedder
from reid.embed.torso import HEIGHT, WIDTH, load_finder
from reid.evaluate import ProtocolSettings, judge, make_split
from reid.photos import read_photo
from reid.verbs.season import labelled_crops

ROUNDS = 5
PARTNERS = {
    "RL_10/20051029_0045": "RL_5/20051003_1721",
    "RL_10/20051003_1721": "RL_5/20051029_0045",
}


def retrieval(table: Path, work: Path, embedder: Embedder, protocol: ProtocolSettings) -> dict[str, Any]:
    """Figures by view of a labelled table."""
    (work / table.parent.name).mkdir(parents=True, exist_ok=True)
    crops, _ = labelled_crops(table, work / table.parent.name, identity_required=True)
    split = make_split(crops, protocol)
    done = embedder.embed_table(crops, table.parent, cache=work / "cache" / embedder.fingerprint)
    vectors = np.zeros((len(split.frame), embedder.size), np.float32)
    place = {crop: n for n, crop in enumerate(split.frame["crop_id"])}
    for crop, vector in zip(done.crops["crop_id"], done.vectors, strict=True):
        vectors[place[crop]] = vector
    figures: dict[str, Any] = judge(embedder.name, vectors, split, protocol).figures["retrieval"]
    return figures


def snow_leopards(folder: Path, embedder: Embedder) -> dict[str, Any]:
    """The boxes of two cats, by bursts: photos of one camera less than ten minutes apart."""
    boxes = pd.read_csv(folder / "crops.csv").merge(
        pd.read_csv(folder / "photos.csv")[["path", "station", "date"]], on="path"
    )
    boxes = boxes.sort_values(["station", "date"], ignore_index=True)
    apart = (pd.to_datetime(boxes["date"]).diff() > pd.Timedelta(minutes=10)) | (
        boxes["station"] != boxes["station"].shift()
    )
    burst = apart.cumsum().to_numpy()
    pictures = []
    for path, box in zip(boxes["path"], boxes["bbox"].map(json.loads), strict=True):
        x, y, w, h = map(round, box)
        pictures.append(np.ascontiguousarray(read_photo(folder / path)[max(0, y) : y + h, max(0, x) : x + w]))
    vectors = embedder.embed(pictures, orientation=list(boxes["orientation"]))
    scores = vectors @ vectors.T
    who, flank = boxes["identity"].to_numpy(object), boxes["orientation"].to_numpy(object)
    other = burst[:, None] != burst[None]
    same = (who[:, None] == who[None]) & (flank[:, None] == flank[None]) & other
    precisions = []
    for n in range(len(boxes)):
        order = np.argsort(-scores[n], kind="stable")
        right = same[n, order][other[n, order]]
        if right.any():
            found = np.flatnonzero(right)
            precisions.append(float((np.arange(1, len(found) + 1) / (found + 1)).mean()))
    upper = np.triu_indices(len(boxes), 1)
    positive = scores[upper][same[upper]]
    negative = scores[upper][(who[:, None] != who[None])[upper]]
    wins = (positive[:, None] > negative[None]).mean() + 0.5 * (positive[:, None] == negative[None]).mean()
    return {
        "boxes": len(boxes),
        "queries": len(precisions),
        "map": float(np.mean(precisions)) if precisions else None,
        "pairs": len(positive),
        "auc": float(wins),
    }


def jaguars(embedder: Embedder) -> dict[str, int]:
    """Rank of the known partner among the other photos' animals, boxes of the recorded detector."""
    folder = Path(__file__).resolve().parents[1] / "samples" / "jaguars"
    images = json.loads((folder / "megadetector.json").read_text(encoding="utf-8"))["images"]
    names, pictures = [], []
    for image in images:
        for found in image["detections"]:
            photo = read_photo(folder / image["file"])
            rows, columns = photo.shape[:2]
            x, y, w, h = found["bbox"]
            names.append(image["file"].removesuffix(".jpg"))
            pictures.append(photo[int(y * rows) : round((y + h) * rows), int(x * columns) : round((x + w) * columns)])
    vectors = embedder.embed([np.ascontiguousarray(picture) for picture in pictures])
    ranks = {}
    for one, two in PARTNERS.items():
        for query, partner in ((one, two), (two, one)):
            scores = {}
            for name, score in zip(names, vectors @ vectors[names.index(query)], strict=True):
                if name != query:
                    scores[name] = max(score, scores.get(name, -1.0))
            ranks[query] = 1 + sum(bool(score > scores[partner]) for score in scores.values())
    return ranks


def speeds(names: list[str]) -> dict[str, dict[str, float]]:
    """Crops a second in turns; the ratio is the median of the rounds' ratios to Lite0."""
    loaded = {name: reid.load(name).loaded for name in dict.fromkeys(["lite0-imagenet", *names])}
    rates: dict[str, list[float]] = {name: [] for name in loaded}
    small = torch.randint(0, 255, (BATCH, 3, HEIGHT, WIDTH), dtype=torch.uint8)
    finder = load_finder()[0]
    for turn in range(ROUNDS + 1):
        for name, one in loaded.items():
            spec, network = one.spec, one.network.to(memory_format=torch.channels_last)
            images = torch.randint(0, 255, (BATCH, 3, spec.height, spec.width), dtype=torch.uint8)
            started = time.perf_counter()
            with torch.inference_mode():
                for _ in range(12):
                    if spec.frame == "torso":
                        finder(small.contiguous(memory_format=torch.channels_last))
                    network.vectors(network.feature_map(network.normalised(images)))
            if turn:  # the first round warms up
                rates[name].append(12 * BATCH / (time.perf_counter() - started))
    base = np.array(rates["lite0-imagenet"])
    return {
        name: {"crops_per_second": float(np.median(rate)), "to_lite0": float(np.median(np.array(rate) / base))}
        for name, rate in rates.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--models", nargs="+", default=["lite0-imagenet", "reid-base"])
    parser.add_argument("--work", type=Path, default=Path("runs/networks"), help="keeps vectors")
    parser.add_argument("--output", type=Path, help="folder for networks.json and networks.md")
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    rates = speeds(chosen.models)
    rows = {}
    for name in chosen.models:
        embedder = reid.load(name)
        nyala = retrieval(
            chosen.data / "nyala" / "annotations.csv", chosen.work, embedder, ProtocolSettings(name="closed", ratio=0.8)
        )
        tigers = retrieval(
            chosen.data / "atrw" / "annotations.csv",
            chosen.work,
            embedder,
            ProtocolSettings(name="disjoint", ratio=0.2),
        )
        rows[name] = {
            "fingerprint": embedder.fingerprint,
            "nyala": nyala,
            "atrw": tigers,
            "snow_leopards": snow_leopards(chosen.data / "snow_leopards", embedder),
            "jaguars": jaguars(embedder),
            "speed": rates[name],
        }
    text = table(rows)
    print(text)
    if chosen.output:
        chosen.output.mkdir(parents=True, exist_ok=True)
        (chosen.output / "networks.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        (chosen.output / "networks.md").write_text(text + "\n", encoding="utf-8")


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Markdown, a column for each network; intervals are 95 % bootstrap intervals over animals."""

    def told(figure: dict[str, Any]) -> str:
        return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"

    lines = ["| figure | " + " | ".join(rows) + " |", "| --- |" + " --- |" * len(rows)]
    for label, pick in (
        ("NyalaData, top-1", lambda r: told(r["nyala"]["all"]["top_1"])),
        ("NyalaData, top-5", lambda r: told(r["nyala"]["all"]["top_5"])),
        ("NyalaData, other encounters only, top-1", lambda r: told(r["nyala"]["other_encounters"]["top_1"])),
        ("ATRW, tigers held out, mAP", lambda r: told(r["atrw"]["all"]["map"])),
        ("snow leopards, other bursts, mAP", lambda r: f"{r['snow_leopards']['map']:.3f}"),
        (
            "snow leopards, pairs of one flank against pairs of two cats, AUC",
            lambda r: f"{r['snow_leopards']['auc']:.3f}",
        ),
        ("jaguars, rank of the known partner among 18", lambda r: ", ".join(map(str, r["jaguars"].values()))),
        ("crops a second to Lite0 at 224 px", lambda r: f"{r['speed']['to_lite0']:.2f}"),
    ):
        lines.append(f"| {label} | " + " | ".join(pick(row) for row in rows.values()) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""What lower precisions and reduced decoding cost: cosines with float32's vectors, and how many animals are still recognised.

    python benchmarks/precision.py [--data labels.csv] [--model reid-base] [--every 1]

Every crop is embedded by each class of engine that is installed here. Without `--data`, the sample photos serve, which name nobody: then
there are cosines alone. With labels, each photo asks for its nearest among the photos of other encounters: how often one shows the
same animal. A network that was trained on them finds nearly all, whatever the precision. Writes benchmarks/results/precision.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.detect import DetectorSettings, detect
from reid.embed import EngineSettings, embed_crops, load_network, make_crops
from reid.embed.engines import missing
from reid.photos import read_labelled, scan

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent / "samples" / "jaguars"
CLASSES = (
    EngineSettings(name="torch"),
    EngineSettings(name="onnxruntime"),
    EngineSettings(name="openvino"),
    EngineSettings(name="torch", precision="mixed"),
    EngineSettings(name="openvino", precision="bf16"),
    EngineSettings(name="onnxruntime", precision="int8"),
    EngineSettings(name="openvino", precision="int8"),
    EngineSettings(name="torch", decode="reduced"),
)
NEAREST = (1, 20, 200)


def recognised(vectors: np.ndarray, crops: pd.DataFrame) -> dict[str, float | int]:
    """How many crops have a photo of their animal from another encounter among their nearest of other encounters; and of how many."""
    identity, encounter = (crops[name].fillna("").astype(str).to_numpy() for name in ("identity", "encounter"))
    encounter = np.where(encounter == "", crops["image_id"], encounter)
    other = encounter[:, None] != encounter
    scores = np.where(other, vectors @ vectors.T, -9)
    same = other & (identity[:, None] == identity)
    chance = same.any(1)
    order = np.argsort(-scores, axis=1, kind="stable")
    hit = np.take_along_axis(same, order, axis=1)[chance]
    return {**{f"among_{k}": round(float(hit[:, :k].any(1).mean()), 4) for k in NEAREST}, "queries": int(chance.sum())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="labelled CSV")
    parser.add_argument("--model", default="reid-base")
    parser.add_argument("--every", type=int, default=1, help="take each n-th crop only")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    chosen = parser.parse_args()
    if chosen.data:
        crops, root = read_labelled(chosen.data, True)[0], chosen.data.parent
    else:
        photos, _ = scan(SAMPLES)
        found = detect(photos, SAMPLES, DetectorSettings(file=str(SAMPLES / "megadetector.json")))[0]
        crops, root = make_crops(photos, found), SAMPLES
    crops = crops.iloc[:: chosen.every].reset_index(drop=True)
    rows: list[dict[str, Any]] = []
    plain: np.ndarray | None = None
    for settings in CLASSES:
        if missing(settings.name):
            continue
        vectors = embed_crops(root, crops, load_network(chosen.model, settings)).vectors
        plain = vectors if plain is None else plain
        cosines = (vectors * plain).sum(1)
        row: dict[str, Any] = {
            "engine": settings.name,
            "precision": settings.precision,
            "decode": settings.decode,
            "median_cosine": round(float(np.median(cosines)), 5),
            "cosine_of_the_worst_percent": round(float(np.quantile(cosines, 0.01)), 5),
            "largest_difference": float(f"{np.abs(vectors - plain).max():.2g}"),
        }
        if chosen.data:
            row |= recognised(vectors, crops)
        rows.append(row)
        print(json.dumps(row), flush=True)
    result = {"model": chosen.model, "data": chosen.data.parent.name if chosen.data else "samples", "crops": len(crops)}
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "precision.json").write_text(json.dumps({**result, "classes": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

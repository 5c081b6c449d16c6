"""How well and how fast detectors find spotted cats, on photos of sources that the shipped one was not trained on.

    python scripts/detector_data.py --data ../shared/data --output runs/detector-data
    python benchmarks/detect.py --sets runs/detector-data --data ../shared/data

Writes benchmarks/results/detect.json and detect.md. Beside the shipped detector it judges `megadetector-lite` (package
zamba) and any further one named by `--onnx NAME=FILE=LAYOUT=SIDE=CATEGORIES`, all on the same photos in the same run. The
speed is that of `detect` from JPEGs of 1280 pixels on disk to boxes, on two threads, the detectors in turns.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.detect import DetectorSettings, make_detector
from reid.detect.bursts import BurstSettings, believe_motion
from reid.detect.coco import BoxPhoto, read_boxes
from reid.detect.onnx_file import OnnxSettings
from reid.detect.protocol import rows_of
from reid.evaluate.boxes import Found, judge_boxes
from reid.evaluate.detectors import box_figures, find_boxes
from reid.photos import scan
from reid.verbs.evaluate_boxes import boxes_table

HERE = Path(__file__).resolve().parent
SETS = ("amur", "amur_whole", "snow", "jaguars", "others", "blanks")
ROUNDS, COUNT = 3, 40
MOTION = ((0.0, 0.0), (0.25, 0.0), (0.5, 0.0), (0.5, 0.1), (0.5, 0.2))
"""Settings lift and alone of the bursts."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=Path, required=True, help="folder that scripts/detector_data.py wrote")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets, for the bursts")
    parser.add_argument(
        "--model", default="", help="another detector of the package's kind in place of the shipped one"
    )
    parser.add_argument(
        "--onnx", action="append", default=[], help="NAME=FILE=LAYOUT=SIDE=CATEGORIES, the last with commas"
    )
    parser.add_argument("--no-speed", action="store_true", help="leave the speed out, on a machine that is busy")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    chosen = parser.parse_args()
    own = DetectorSettings(model=chosen.model, threads=2, confidence=0.1)
    detectors = {"own": own, "megadetector-lite": replace(own, model="megadetector-lite", side=640, confidence=0.2)}
    for given in chosen.onnx:
        name, file, layout, side, names = given.split("=")
        onnx = OnnxSettings(layout=layout, names=tuple(names.split(",")))
        detectors[name] = DetectorSettings(name="onnx", model=file, side=int(side), onnx=onnx, threads=2)
    known = {name: read_boxes(chosen.sets / f"{name}.json", ["animal"]).photos for name in SETS}
    result: dict[str, Any] = {"machine": f"{platform.machine()}, {_cores()} cores", "detectors": {}}
    for name, settings in detectors.items():
        detector = make_detector(settings)
        figures = {}
        for part, photos in known.items():
            found = find_boxes(detector, photos)
            figures[part] = box_figures(found, photos) | {"at_default": _at(found, settings.confidence)}
        result["detectors"][name] = {"figures": figures}
    result["whole_by_given"] = whole_by_given(known["amur"], known["amur_whole"])
    result["bursts"] = bursts(own, chosen.data / "snow_leopards" / "photos", known["snow"])
    if not chosen.no_speed:
        for name, speed in speeds(detectors).items():
            result["detectors"][name]["photos_per_second"] = speed
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "detect.json").write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    (chosen.output / "detect.md").write_text(report(result))
    print(report(result))
    return 0


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _at(found: list[Found], confidence: float) -> dict[str, float | None]:
    outcomes = judge_boxes(found)
    recall = outcomes.recall(confidence) if outcomes.truths else None
    return {"confidence": confidence, "recall": recall, "false_per_photo": outcomes.false_per_photo(confidence)}


def whole_by_given(given: list[BoxPhoto], whole: list[BoxPhoto]) -> dict[str, Any]:
    """What a detector would reach by the data set's labels that says just the boxes of whole animals, drawn by eye.

    Its boxes have no order of their own, so its recall at 0.15 false boxes per photo is that of a thousand drawn orders:
    their mean, and the range of nineteen in twenty.
    """
    boxes = {photo.path.resolve(): photo.boxes for photo in whole}
    drawn = [(boxes[photo.path.resolve()], photo.boxes) for photo in given]
    every = judge_boxes([Found(said, np.ones(len(said)), truth) for said, truth in drawn])
    rng = np.random.default_rng(0)
    recalls = [
        judge_boxes([Found(said, rng.random(len(said)), truth) for said, truth in drawn]).recall_at(0.15)
        for _ in range(1000)
    ]
    return {
        "recall": every.recall(1.0),
        "false_per_photo": every.false_per_photo(1.0),
        "recall_at_0.15": float(np.mean(recalls)),
        "range_at_0.15": np.quantile(recalls, [0.025, 0.975]).tolist(),
    }


def bursts(settings: DetectorSettings, root: Path, known: list[BoxPhoto]) -> dict[str, Any]:
    """Recall on the snow leopards' bursts with and without what motion tells."""
    photos, _ = scan(root)
    place = {str(photo.path.resolve()): photo for photo in known}
    asked = [str((root / path).resolve()) in place for path in photos["path"]]
    photos = photos[asked].reset_index(drop=True)
    found, _ = make_detector(settings).detect(photos, root)
    out = {}
    for lift, alone in MOTION:
        lifted = believe_motion(found, photos, root, BurstSettings(lift=lift, alone=alone))
        outcomes = judge_boxes(
            [_found(lifted, row, place[str((root / row.path).resolve())]) for row in rows_of(photos)]
        )
        out[f"lift {lift:g}, alone {alone:g}"] = {str(limit): outcomes.recall_at(limit) for limit in (0.05, 0.15, 0.5)}
    return out


def _found(table: pd.DataFrame, row: Any, photo: BoxPhoto) -> Found:
    mine = table[table["image_id"] == row.image_id]
    boxes = np.array(list(mine["bbox"]), float).reshape(-1, 4)
    return Found(boxes, mine["confidence"].to_numpy(float), photo.boxes)


def speeds(detectors: dict[str, DetectorSettings]) -> dict[str, float]:
    """Photos per second of each, the median of rounds in turns, after one to warm up; makers are not timed."""
    from embed import photos_of_1280

    out: dict[str, list[float]] = {name: [] for name in detectors}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photos_of_1280(root, COUNT)
        photos, _ = scan(root)
        made = {name: make_detector(settings) for name, settings in detectors.items()}
        for turn in range(ROUNDS + 1):
            for name, detector in made.items():
                started = time.perf_counter()
                detector.detect(photos, root)
                if turn:
                    out[name].append(COUNT / (time.perf_counter() - started))
    return {name: float(np.median(values)) for name, values in out.items()}


def report(result: dict[str, Any]) -> str:
    lines = ["# Detectors on held-out sources", "", f"Machine: {result['machine']}."]
    for name, about in result["detectors"].items():
        speed = about.get("photos_per_second")
        lines += ["", f"## {name}", "", boxes_table({k: v for k, v in about["figures"].items() if v["boxes"]})]
        blank = about["figures"]["blanks"]
        lines.append(
            f"Photos without an animal: {blank['photos']}, the largest confidence on them {blank['largest_confidence_on_empty']:.2f}; "
            f"{blank['at_default']['false_per_photo']:.2f} boxes a photo at the default confidence."
        )
        if speed:
            lines.append(f"\n{speed:.1f} photos a second, from JPEGs of 1280 pixels on disk to boxes, two threads.")
    bound = result["whole_by_given"]
    lines += [
        "",
        "## Boxes of whole Amur leopards, drawn by eye, judged by the data set's labels",
        "",
        f"Recall {bound['recall']:.3f} at {bound['false_per_photo']:.2f} false boxes a photo; at 0.15, in a drawn order, "
        f"{bound['recall_at_0.15']:.2f} ({bound['range_at_0.15'][0]:.2f} to {bound['range_at_0.15'][1]:.2f}).",
    ]
    lines += [
        "",
        "## Motion within bursts, snow leopards",
        "",
        "| settings | recall at 0.05 | recall at 0.15 | recall at 0.5 |",
        "| --- | --- | --- | --- |",
    ]
    for lift, values in result["bursts"].items():
        lines.append(f"| {lift} | " + " | ".join(f"{value:.3f}" for value in values.values()) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())

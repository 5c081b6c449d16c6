"""`reid evaluate detector=...`: a detector judged on COCO boxes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid.detect import make_detector
from reid.detect.coco import read_boxes
from reid.evaluate.boxes import judge_boxes
from reid.evaluate.detectors import AT_FALSE, box_figures, find_boxes
from reid.store import write_json
from reid.verbs.common import input_path, run_folder, write_settings

if TYPE_CHECKING:
    from reid.verbs.evaluate import EvaluateConfig

__all__ = ["boxes_table", "evaluate_boxes"]


def evaluate_boxes(config: EvaluateConfig) -> str:
    """Judge; returns the summary for the terminal. Writes `boxes.json` and `boxes.md`."""
    source = input_path(config.data, "data", "COCO file")
    known = read_boxes(source, config.detector.categories)
    with run_folder(config.output, "evaluate", {"data": str(source.resolve())}) as folder:
        detector = make_detector(config.detector, folder / "cache" / "boxes")
        found = find_boxes(detector, known.photos, config.detector.categories)
        figures = box_figures(found, known.photos)
        outcomes = judge_boxes(found)
        chosen = config.detector.confidence
        figures["chosen"] = {
            "confidence": chosen,
            "recall": outcomes.recall(chosen) if outcomes.truths else None,
            "false_per_photo": outcomes.false_per_photo(chosen),
        }
        write_json({"data": source.name, "left_out": known.left_out, "figures": figures}, folder / "boxes.json")
        (folder / "boxes.md").write_text(boxes_table({source.stem: figures}), encoding="utf-8")
        write_settings(config, folder)
    lines = [f"{figures['boxes']} boxes on {figures['photos']} photos; {len(known.left_out)} rows left out or cut."]
    if figures["boxes"]:
        at = ", ".join(f"{figures['recall'][str(limit)]:.3f} at {limit:g} false boxes a photo" for limit in AT_FALSE)
        lines.append(f"Recall at an overlap of 0.5: {at}; AP {figures['AP']:.3f}, AP50 {figures['AP50']:.3f}.")
    said = figures["chosen"]
    recall = "" if said["recall"] is None else f"recall {said['recall']:.3f}, "
    lines.append(f"At a confidence of {chosen:g}: {recall}{said['false_per_photo']:.3f} false boxes a photo.")
    lines.append(f"boxes.json and boxes.md in {Path(config.output)}")
    return "\n".join(lines)


def boxes_table(sets: dict[str, dict[str, Any]]) -> str:
    """Figures of several sets of photos as a table in Markdown."""
    head = ["photos of", "photos", "boxes", *(f"recall at {limit:g}" for limit in AT_FALSE), "AP", "AP50"]
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for name, figures in sets.items():
        own = figures["recall"] if figures["boxes"] else {}
        cells = [name, str(figures["photos"]), str(figures["boxes"])]
        cells += [_number(own.get(str(limit))) for limit in AT_FALSE]
        cells += [_number(figures.get("AP")), _number(figures.get("AP50"))]
        lines.append(" | ".join(cells))
        for kind, value in figures.get("recall_by", {}).items():
            by = [f"{name}, {kind}", "", str(value["boxes"]), "", _number(value["recall"]), "", "", ""]
            lines.append(" | ".join(by))
    note = "Recall at so many false boxes per photo; a box counts as found from an intersection over union of 0.5 on."
    return "\n".join(f"| {line} |" for line in lines) + f"\n\n{note}\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"

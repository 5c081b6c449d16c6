"""`reid evaluate`: labelled animals and one network or several in, a table of figures that could be published out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.detect import DetectorSettings
from reid.embed import Embedded, EngineSettings, LoadedNetwork, load_network
from reid.errors import ConfigError, InputError
from reid.evaluate import (
    ATRW,
    Judged,
    ProtocolSettings,
    Report,
    Split,
    atrw_figures,
    atrw_table,
    judge,
    make_split,
    read_ground_truth,
    without_rows,
    write_report,
)
from reid.evaluate.curves import draw_curves
from reid.evaluate.grid import draw_grid
from reid.identify import assign_encounters
from reid.tables import PROBLEMS, UNKNOWN, write_csv
from reid.train.datasets import labels_hash
from reid.verbs.common import collect_problems, input_path, run_folder, write_settings, write_table
from reid.verbs.evaluate_boxes import evaluate_boxes
from reid.verbs.season import embed_stage, labelled_crops

__all__ = ["EvaluateConfig", "run"]


@dataclass(frozen=True)
class EvaluateConfig:
    """What is judged, and how.

    Attributes:
        data: Labelled CSV; for a detector a COCO file with boxes.
        output: Folder for the report.
        model: Name of a network, or a training run's folder; a list for several side by side; empty for the default.
        detections: A detections file to judge on COCO boxes, as MegaDetector writes it.
        draws: Samples of the animals behind each interval; 0 for no intervals.
        protocol: The split, and what is left out of a query's gallery.
        detector: A detector to judge; `whole` judges networks instead.
    """

    data: str
    output: str
    model: str | list[str] = ""
    detections: str = ""
    draws: int = 1000
    protocol: ProtocolSettings = field(default_factory=ProtocolSettings)
    detector: DetectorSettings = field(default_factory=lambda: DetectorSettings(name="whole"))
    engine: EngineSettings = field(default_factory=EngineSettings)

    def __post_init__(self) -> None:
        if self.draws < 0:
            raise ConfigError(f"draws={self.draws} must be 0 or more.")

    @property
    def models(self) -> list[str]:
        """The networks by name."""
        return [self.model] if isinstance(self.model, str) else list(self.model)


def run(config: EvaluateConfig) -> str:
    """Evaluate; returns the summary for the terminal."""
    if config.detector.name != "whole":
        return evaluate_boxes(config)
    source = input_path(config.data, "data", "labelled table")
    if not config.models:
        raise ConfigError("model=[] names no network; write model=NAME, or model=[NAME, FOLDER].")
    networks = [load_network(name, config.engine) for name in config.models]
    with run_folder(config.output, "evaluate", {"data": str(source.resolve())}) as folder:
        crops, bad = labelled_crops(source, folder, identity_required=config.protocol.name != ATRW)
        if crops.empty:
            raise InputError(f"{source} names no photo that can be read; problems.csv in {config.output} says why.")
        taught = _taught(networks, labels_hash(crops))
        done = [embed_stage(source.parent, crops, network, folder) for network in networks]
        if config.protocol.name == ATRW:
            report, judged = _by_atrw(config, source, crops, networks, done)
        else:
            report, judged = _by_split(config, source, crops, networks, done, folder)
        report = replace(report, leaks=[*report.leaks, *taught])
        write_report(folder, report)
        problems = collect_problems(bad, *(one.problems for one in done))
        write_table(problems, folder, PROBLEMS, csv=True)
        write_settings(config, folder)
    return "\n".join([*taught, _summary(config, judged, len(problems))])


def _taught(networks: list[LoadedNetwork], labels: str) -> list[str]:
    """Which networks learned from this very table, as their cards say: figures of what taught them say nothing of new photos."""
    told = []
    for name, network in zip(_names(networks), networks, strict=True):
        data = network.card.get("data")
        for facts in data.values() if isinstance(data, dict) else ():
            if isinstance(facts, dict) and facts.get("hash") == labels:
                held = int(facts.get("held_out_crops") or 0)
                told.append(
                    f"{name} was trained on this table: {int(facts.get('training_crops') or 0):,} of its photos taught it, {held:,} were held out. "
                    + (
                        "Only what is asked of those says anything."
                        if held
                        else "Its figures here say nothing of other photos."
                    )
                )
    return told


def _by_split(
    config: EvaluateConfig,
    source: Path,
    crops: pd.DataFrame,
    networks: list[LoadedNetwork],
    done: list[Embedded],
    folder: Path,
) -> tuple[Report, list[Judged]]:
    frame = crops
    if crops["encounter"].isna().all() and crops["sequence"].notna().any():
        frame = assign_encounters(crops)
    split = make_split(frame, config.protocol)
    seen = [set(one.crops["crop_id"]) for one in done]
    split = without_rows(split, ~split.frame["crop_id"].isin(set.intersection(*seen)).to_numpy(dtype=bool))
    judged = [
        judge(name, _aligned(one, split.frame), split, config.protocol, config.draws)
        for name, one in zip(_names(networks), done, strict=True)
    ]
    write_csv(split.frame[["crop_id", "path", "identity", "split"]], folder / "split.csv")
    queries, gallery = split.frame.iloc[split.queries], split.frame.iloc[split.gallery]
    facts = {
        "queries": len(queries),
        "gallery photos": len(gallery),
        "animals asked about": int(queries["identity"].nunique()),
        "animals in the gallery": int(gallery["identity"].nunique()),
        "photos that take no part": split.left_out,
    }
    _clear(folder)
    pictures = draw_curves(judged, folder)
    for n, model in enumerate(judged, 1):
        name = f"queries_{n}.jpg"
        if model.ranking and draw_grid(folder / name, model.ranking, queries, gallery, source.parent):
            caption = (
                f"{model.name}: queries on the left, their most similar photos beside them; right ones framed green, wrong ones red. "
                "First its surest misses, then its surest hits."
            )
            pictures.append((name, caption))
    return _report(config, source, networks, judged, facts, _leaks(split), pictures), judged


def _by_atrw(
    config: EvaluateConfig, source: Path, crops: pd.DataFrame, networks: list[LoadedNetwork], done: list[Embedded]
) -> tuple[Report, list[Judged]]:
    truth = read_ground_truth(input_path(config.protocol.truth, "protocol.truth", "ground truth"))
    judged = []
    for name, one in zip(_names(networks), done, strict=True):
        numbers = [_image_number(row) for row in one.crops.to_dict("records")]
        vectors = {number: one.vectors[n] for n, number in enumerate(numbers) if number is not None}
        figures = {"retrieval": atrw_figures(atrw_table(truth, vectors), config.draws)}
        judged.append(Judged(name, figures, {}, None))
    facts = {"photos": len(truth.images), "entities": len(np.unique(truth.entities))}
    leaks = [
        "a query keeps photos of its own clip that are more than three frames away",
        "queries of the cross-camera track keep photos of their own camera",
        "two sides of one tiger are two entities",
    ]
    return _report(config, source, networks, judged, facts, leaks, []), judged


def _image_number(row: dict[Any, Any]) -> int | None:
    label = row.get("label_id")
    text = str(label) if isinstance(label, str) else Path(row["path"]).stem
    return int(text) if text.isdecimal() else None


def _aligned(done: Embedded, frame: pd.DataFrame) -> np.ndarray:
    """The vectors in the frame's order; zeros for rows without one, which take no part."""
    place = {crop_id: n for n, crop_id in enumerate(frame["crop_id"])}
    out = np.zeros((len(frame), done.vectors.shape[1]), np.float32)
    out[[place[crop_id] for crop_id in done.crops["crop_id"]]] = done.vectors
    return out


def _names(networks: list[LoadedNetwork]) -> list[str]:
    """The networks' names, with their fingerprints where two share one."""
    times = Counter(network.name for network in networks)
    return [n.name if times[n.name] == 1 else f"{n.name} ({n.fingerprint[:8]})" for n in networks]


def _leaks(split: Split) -> list[str]:
    unknown = int((split.frame["identity"] == UNKNOWN).sum())
    return [*split.leaks, f"{unknown} photos of unknown identity take no part"] if unknown else list(split.leaks)


def _clear(folder: Path) -> None:
    """Take away an earlier run's pictures, which this one may not have."""
    for path in (*folder.glob("queries_*.jpg"), *folder.glob("*.png")):
        path.unlink()


def _report(
    config: EvaluateConfig,
    source: Path,
    networks: list[LoadedNetwork],
    judged: list[Judged],
    facts: dict[str, Any],
    leaks: list[str],
    pictures: list[tuple[str, str]],
) -> Report:
    models = [
        {"name": one.name, "fingerprint": network.fingerprint, "figures": one.figures, "curves": one.curves}
        for one, network in zip(judged, networks, strict=True)
    ]
    return Report(source.name, config.protocol.record(), facts, leaks, models, config.draws, pictures)


def _summary(config: EvaluateConfig, judged: list[Judged], problems: int) -> str:
    lines = []
    for model in judged:
        for view, figures in model.figures["retrieval"].items():
            told = ", ".join(
                f"{label} {figures[key]['value']:.3f}"
                for key, label in (("top_1", "top-1"), ("top_5", "top-5"), ("map", "mAP"))
                if figures[key]["value"] is not None
            )
            told = told or "undefined"
            lines.append(f"{model.name}, {view.replace('_', ' ')}: {told} ({figures['queries']} queries)")
    lines.append(f"{problems} problems. report.html, report.md and metrics.json in {config.output}")
    return "\n".join(lines)

"""`reid train`: labelled animals become weights."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid.detect import DetectorSettings
from reid.embed.network import NetworkSpec
from reid.errors import ConfigError
from reid.match.local import MatcherSettings
from reid.train.augment import AugmentationSettings
from reid.train.box_fit import BoxSettings
from reid.train.classes import LabelSettings
from reid.train.glue_settings import GlueSettings
from reid.train.holdout import ValidationSettings
from reid.train.loss_settings import LossSettings
from reid.train.optimiser import OptimiserSettings
from reid.train.recipe import Recipe, TrainerSettings
from reid.train.sampler import SamplerSettings
from reid.verbs.common import input_path, run_folder, write_settings

if TYPE_CHECKING:
    from reid.train.fit import Outcome

__all__ = ["TrainConfig", "run"]


WHOLE = "whole"
"""The detector that finds nothing: what is trained is then a network that tells individuals apart."""
UNNAMED = "auto"
"""The matcher where none is named: none is trained."""


@dataclass(frozen=True)
class TrainConfig:
    data: str | list[str]
    output: str
    model: str = "lite0-imagenet"
    cache: str = ""
    licence: str = ""
    learns: str = "vectors"
    detector: DetectorSettings = field(default_factory=lambda: DetectorSettings(name=WHOLE))
    boxes: BoxSettings = field(default_factory=BoxSettings)
    matcher: MatcherSettings = field(default_factory=MatcherSettings)
    glue: GlueSettings = field(default_factory=GlueSettings)
    network: NetworkSpec = field(default_factory=NetworkSpec)
    labels: LabelSettings = field(default_factory=LabelSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)

    def __post_init__(self) -> None:
        if self.learns not in ("vectors", "coat"):
            raise ConfigError(f"learns={self.learns!r} is unknown; choose one of vectors, coat (by recipe=coat).")
        named = [
            *([f"detector={self.detector.name}"] if self.detector.name != WHOLE else []),
            *([f"matcher={self.matcher.name}"] if self.matcher.name != UNNAMED else []),
            *([f"learns={self.learns}"] if self.learns != "vectors" else []),
        ]
        if len(named) > 1:
            raise ConfigError(f"{' and '.join(named)} cannot be trained in one run; name one of them.")


GROUPS = ("network", "labels", "validation", "loss", "sampler", "augmentation", "optimiser", "trainer")


def run(config: TrainConfig) -> str:
    """Train; returns the summary for the terminal."""
    if config.detector.name != WHOLE:
        return _run_boxes(config)
    if config.matcher.name != UNNAMED:
        return _run_glue(config)
    from reid.train.coat import train_coat
    from reid.train.fit import train

    recipe = Recipe(**{name: getattr(config, name) for name in GROUPS})
    sources = [config.data] if isinstance(config.data, str) else list(config.data)
    for source in sources:
        input_path(source, "data", "file or folder")
    cache = Path(config.cache).expanduser() if config.cache else None
    what = {
        "data": [str(Path(source).expanduser().resolve()) for source in sources],
        "model": config.model,
        **({"learns": "coat"} if config.learns == "coat" else {}),
        **recipe.identity(),
    }
    # of several processes, on however many machines, the first holds the folder
    first = is_first()
    claimed: Any = run_folder(config.output, "train", what) if first else nullcontext(Path(config.output).expanduser())
    with claimed as folder:
        if first:
            write_settings(config, folder)
        fitted = train_coat if config.learns == "coat" else train
        done = fitted(sources, recipe, config.model, folder, cache, config.licence)
    return _summary(config, recipe, done) if first else ""


def is_first() -> bool:
    """Whether this is the only process of a training, or the first of all.

    torchrun says which process of all one is; Lightning, which starts the others of a machine itself, says which of the
    machine and which machine.
    """
    if os.environ.get("RANK", "").isdigit():
        return int(os.environ["RANK"]) == 0
    return all(int(os.environ.get(name) or 0) == 0 for name in ("LOCAL_RANK", "NODE_RANK"))


def _run_boxes(config: TrainConfig) -> str:
    from reid.train.box_fit import train_boxes

    sources = [config.data] if isinstance(config.data, str) else list(config.data)
    for source in sources:
        input_path(source, "data", "COCO file")
    what = {
        "data": [str(Path(source).expanduser().resolve()) for source in sources],
        "detector": config.detector.name,
        "model": config.detector.model,
        **config.boxes.identity(config.trainer),
    }
    with run_folder(config.output, "train", what) as folder:
        write_settings(config, folder)
        done = train_boxes(sources, config.detector, config.boxes, config.trainer, folder, config.licence)
    choice = f"detector={'spotted-cats' if config.detector.name == 'own' else config.detector.name}"
    return (
        f"{done.boxes} boxes on {done.photos} photos; {done.left_out} rows left out or cut (left_out.csv says why).\n"
        f"Weights (fingerprint {done.fingerprint}) in {config.output}; use {choice} detector.model={config.output}"
    )


def _run_glue(config: TrainConfig) -> str:
    from reid.train.glue import train_glue

    sources = [config.data] if isinstance(config.data, str) else list(config.data)
    for source in sources:
        input_path(source, "data", "file or folder")
    recipe = Recipe(**{name: getattr(config, name) for name in GROUPS})
    what = {
        "data": [str(Path(source).expanduser().resolve()) for source in sources],
        "matcher": asdict(config.matcher),
        "labels": asdict(config.labels),
        "validation": asdict(config.validation),
        **config.glue.identity(config.trainer),
    }
    cache = Path(config.cache).expanduser() if config.cache else None
    with run_folder(config.output, "train", what) as folder:
        write_settings(config, folder)
        done = train_glue(sources, config.matcher, config.glue, recipe, folder, cache, config.licence)
    pairs = done.material.facts["pairs"]
    lines = [
        f"{pairs['same']} pairs of one flank ({pairs['tried']} were tried, the others agree on no map), {pairs['made']} of a crop and "
        f"a changed copy, {pairs['others']} of two animals; {len(done.material.left_out)} rows left out (left_out.csv says why)."
    ]
    told = done.figures
    if told:
        lines.append(
            f"AUROC over {pairs['judged']} pairs of held-out animals: {told['before']:.3f} before, {told['after']:.3f} after; gained "
            f"{told['gain']:+.3f} ({told['gain_low']:+.3f} to {told['gain_high']:+.3f})."
        )
    else:
        lines.append("Nothing was held out, so nothing says how good the weights are.")
    lines.append(
        f"lightglue.safetensors (fingerprint {done.fingerprint}) in {config.output}; use matcher={config.matcher.name} "
        f"matcher.weights={config.output}, with a calibration fitted for it (reid calibrate)."
    )
    return "\n".join(lines)


def _summary(config: TrainConfig, recipe: Recipe, done: Outcome) -> str:
    facts = done.material.facts.values()
    crops, sets = sum(fact["training_crops"] for fact in facts), len(done.material.facts)
    lines = [
        f"{crops} crops of {len(done.material.names)} classes from {sets} data set{'s' * (sets > 1)}; "
        f"{len(done.material.left_out)} rows left out (left_out.csv says why)."
    ]
    figure = "top1" if config.learns == "coat" else recipe.validation.figure
    if done.before:
        kept = f"epoch {done.epoch} of {recipe.trainer.epochs}"
        lines.append(
            f"{figure} on what was held out: {done.before[figure]:.3f} before, {done.after[figure]:.3f} after ({kept})."
        )
    elif done.after:
        lines.append(f"{figure} on what was held out: {done.after[figure]:.3f}.")
    else:
        lines.append("Nothing was held out, so nothing says how good the weights are.")
    if config.learns == "coat":
        lines.append(
            f"coat.safetensors (fingerprint {done.fingerprint}) in {config.output}; use coats.weights={config.output}"
        )
        return "\n".join(lines)
    lines.append(
        f"weights.safetensors and network.json (fingerprint {done.fingerprint}) in {config.output}; use model={config.output}"
    )
    return "\n".join(lines)

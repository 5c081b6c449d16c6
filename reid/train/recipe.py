"""Everything that decides how a training goes, in groups."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from reid.embed.network import NetworkSpec
from reid.errors import ConfigError, choices
from reid.train.augment import AugmentationSettings
from reid.train.classes import LabelSettings
from reid.train.holdout import ValidationSettings
from reid.train.loss_settings import CENTRES, PAIRS, LossSettings
from reid.train.optimiser import OptimiserSettings
from reid.train.resize import ResizeStage, check_stages, size_in
from reid.train.sampler import SamplerSettings

__all__ = ["Recipe", "TrainerSettings", "flat"]

PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
NO_MATTER = ("trainer.workers", "trainer.threads", "trainer.accelerator", "trainer.devices", "trainer.nodes")
"""Settings that may change between the parts of one run."""
CAME_LATER = {
    "network.quality": False,
    "sampler.apart": False,
    "sampler.alone": 0,
    "sampler.root": False,
    "sampler.elsewhere": False,
    "loss.quality.weight": 1.0,
    "loss.quality.share": 0.25,
    "trainer.resize": (),
    "optimiser.hold": 0.0,
    "network.level": 0,
    "network.frame": "whole",
}
"""Settings that earlier versions lacked, with what stands for them: at it, a run that they began goes on."""


@dataclass(frozen=True)
class TrainerSettings:
    """How long and where.

    Attributes:
        epochs: Passes over the data.
        resize: Stages of the training at smaller inputs, in order, each `until` a share of the epochs is over and at a
            `scale` of the input's height and width, to the nearest multiple of 32: `[{until: 0.5, scale: 0.625},
            {until: 0.8, scale: 0.8}]` trains half of the epochs at five eighths. What follows the last stage, and every
            judgement, has the full size.
        precision: `fp32`; `bf16` for GPUs and CPUs that have it; `fp16` for older GPUs, and refused on a CPU. The losses stay
            in float32.
        accumulate: Batches summed up for one step of the optimiser.
        average: Decay a step of the averaged weights that are judged and kept; 0 keeps the weights themselves.
        patience: Judgements without a better figure after which training stops; 0 never stops early.
        seed: Of everything that is drawn.
        workers: Processes that augment; 0 does it between the steps, which suits one or two cores.
        threads: Of torch on the CPU; 0 leaves its own choice.
        accelerator: `auto`, `cpu`, `gpu`, ...
        devices: How many on each machine, with a process each.
        nodes: How many machines; on each, the command is started by torchrun or by the cluster's own launcher.
    """

    epochs: int = 20
    resize: tuple[ResizeStage, ...] = ()
    precision: str = "fp32"
    accumulate: int = 1
    average: float = 0.999
    patience: int = 0
    seed: int = 0
    workers: int = 0
    threads: int = 0
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f"trainer.precision={self.precision!r} is unknown; choose one of {choices(PRECISIONS)}.")
        for name, least in (
            ("epochs", 1),
            ("accumulate", 1),
            ("devices", 1),
            ("nodes", 1),
            ("patience", 0),
            ("workers", 0),
            ("threads", 0),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"trainer.{name}={getattr(self, name)} must be at least {least}.")
        if not 0 <= self.average < 1:
            raise ConfigError(f"trainer.average={self.average} must be at least 0 and below 1.")
        check_stages(self.resize)


@dataclass(frozen=True)
class Recipe:
    """The groups together; what does not fit together is refused."""

    network: NetworkSpec = field(default_factory=NetworkSpec)
    labels: LabelSettings = field(default_factory=LabelSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)

    def __post_init__(self) -> None:
        pairs = sorted(set(self.loss.active) & set(PAIRS))
        if pairs and self.sampler.name != "pxk":
            raise ConfigError(
                f"the loss {', '.join(pairs)} learns from pairs within a batch, and sampler={self.sampler.name} puts few of them there; "
                f"set sampler=pxk."
            )
        if self.network.flank and not self.loss.flank.weight:
            raise ConfigError(
                "network.flank=true adds a head that nothing would train; set loss.flank.weight, for example 0.2."
            )
        if self.loss.flank.weight and not self.network.flank:
            raise ConfigError(
                f"loss.flank.weight={self.loss.flank.weight} trains a head that is not there; set network.flank=true."
            )
        if self.network.quality and not set(self.loss.active) & set(CENTRES):
            raise ConfigError(
                f"network.quality=true learns from the centres of classes, and the loss {', '.join(self.loss.active)} has none; "
                f"add one of {choices(CENTRES)}, for example loss.arcface.weight=1, or set network.quality=false."
            )
        if self.network.quality and not self.loss.quality.weight:
            raise ConfigError(
                "network.quality=true adds a head that nothing would train; set loss.quality.weight, for example 1."
            )
        if self.validation.every > self.trainer.epochs and self.validation.share:
            raise ConfigError(
                f"validation.every={self.validation.every} is more than trainer.epochs={self.trainer.epochs}: nothing would ever be judged."
            )

    def identity(self) -> dict[str, Any]:
        """What makes two runs the same run: all settings but those of the machine, `group.name` to value."""
        values = {key: value for key, value in flat(asdict(self)).items() if key not in NO_MATTER}
        return {key: value for key, value in values.items() if key not in CAME_LATER or value != CAME_LATER[key]}

    def size_in(self, epoch: int) -> tuple[int, int]:
        """Height and width of the training's input in an epoch, counted from 0."""
        full = self.network.height, self.network.width
        return size_in(epoch, self.trainer.epochs, self.trainer.resize, full)


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings in one level.

    >>> flat({"loss": {"triplet": {"weight": 1}}, "seed": 2})
    {'loss.triplet.weight': 1, 'seed': 2}
    """
    out: dict[str, Any] = {}
    for key, value in values.items():
        out.update(flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return out

"""Rates of the backbone and the head, warm-up and cosine, and what stays frozen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from reid.embed.network import EmbeddingNetwork
from reid.errors import ConfigError, choices

__all__ = ["OptimiserSettings", "freeze", "held_steps", "keep_frozen", "make_optimiser", "schedule"]

NAMES = ("adamw", "sgd")


@dataclass(frozen=True)
class OptimiserSettings:
    """How weights move.

    Attributes:
        name: `adamw` or `sgd`.
        backbone_rate: Highest learning rate of the backbone.
        head_rate: Highest learning rate of the rest: neck, heads, the classes' centres.
        decay: Weight decay; not of norms, biases and the classes' centres.
        momentum: Of `sgd`.
        warmup: Share of all steps in which the rates rise from 0; after it they fall along a cosine
        final: to this share of themselves.
        clip: Longest gradient; 0 does not clip.
        freeze_stages: First stages of the backbone that do not move (1 is the stem).
        hold: Share of the steps, from the start, in which the backbone stands still and only the rest learns. A pooling and a
            neck that begin at random would pull a pretrained backbone apart (Kumar et al. 2022, "Fine-Tuning can Distort
            Pretrained Features and Underperform Out-of-Distribution"). The backbone's rate then has a warm-up of its own.
        freeze_norms: Whether the backbone's batch norms keep the means and variances that they came with.
    """

    name: str = "adamw"
    backbone_rate: float = 3e-4
    head_rate: float = 3e-3
    decay: float = 0.05
    momentum: float = 0.9
    warmup: float = 0.1
    final: float = 0.01
    clip: float = 5.0
    freeze_stages: int = 0
    freeze_norms: bool = False
    hold: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ConfigError(f"optimiser.name={self.name!r} is unknown; choose one of {choices(NAMES)}.")
        for name in ("backbone_rate", "head_rate", "decay", "clip", "freeze_stages"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"optimiser.{name}={getattr(self, name)} must not be negative.")
        if not 0 <= self.hold < 1:
            raise ConfigError(f"optimiser.hold={self.hold} must be at least 0 and below 1 (a share of the steps).")
        for name in ("warmup", "final", "momentum"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"optimiser.{name}={getattr(self, name)} must lie between 0 and 1.")


def make_optimiser(
    network: nn.Module,
    settings: OptimiserSettings,
    is_head: Callable[[str], bool],
    losses: nn.Module | None = None,
) -> torch.optim.Optimizer:
    """The optimiser over everything that may move, in groups named `backbone`, `head` and `centres`.

    Args:
        network: What learns.
        settings: Rates and decay.
        is_head: Whether a weight of this name moves at the heads' rate.
        losses: Whose weights learn too: the classes' centres.

    Raises:
        ConfigError: nothing may move.
    """
    groups: dict[tuple[str, float], list[nn.Parameter]] = {}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            part = "head" if is_head(name) else "backbone"
            decay = settings.decay if weight.ndim > 1 else 0.0
            groups.setdefault((part, decay), []).append(weight)
    for weight in losses.parameters() if losses is not None else ():
        groups.setdefault(("centres", 0.0), []).append(weight)
    rates = {"backbone": settings.backbone_rate, "head": settings.head_rate, "centres": settings.head_rate}
    params: list[dict[str, Any]] = [
        {"params": weights, "lr": rates[part], "weight_decay": decay, "name": f"{part}{'' if decay else ', no decay'}"}
        for (part, decay), weights in groups.items()
    ]
    if not params:
        raise ConfigError(
            "nothing is left to train: all stages are frozen and the loss has no weights; lower optimiser.freeze_stages."
        )
    if settings.name == "sgd":
        return torch.optim.SGD(
            params, lr=settings.head_rate, momentum=settings.momentum, nesterov=settings.momentum > 0
        )
    return torch.optim.AdamW(params, lr=settings.head_rate)


def schedule(steps: int, settings: OptimiserSettings, begin: int = 0) -> Callable[[int], float]:
    """The share of the highest rate at each step.

    Args:
        steps: Of the whole training.
        settings: Warm-up and end.
        begin: Step before which the rate is 0.

    >>> share = schedule(100, OptimiserSettings(warmup=0.1, final=0.01))
    >>> [round(share(step), 3) for step in (0, 4, 9, 54, 99)]
    [0.1, 0.5, 1.0, 0.514, 0.01]
    >>> later = schedule(100, OptimiserSettings(warmup=0.1, final=0.01), begin=50)
    >>> [round(later(step), 3) for step in (0, 49, 50, 54, 99)]
    [0.0, 0.0, 0.2, 1.0, 0.01]
    """
    rising = round(settings.warmup * (steps - begin))

    def share(step: int) -> float:
        step -= begin
        if step < 0:
            return 0.0
        if step < rising:
            return (step + 1) / rising
        done = (step - rising) / max(1, steps - begin - 1 - rising)
        return settings.final + (1 - settings.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return share


def held_steps(steps: int, settings: OptimiserSettings) -> int:
    """How many steps the backbone stands still."""
    return round(settings.hold * steps)


def freeze(network: EmbeddingNetwork, settings: OptimiserSettings) -> None:
    """Take the gradient from the first stages; `keep_frozen` does the rest, step by step."""
    if not settings.freeze_stages:
        return
    from timm.models import group_parameters

    matcher = getattr(network.backbone, "group_matcher", None)
    if matcher is None:
        raise ConfigError(f"{network.spec.backbone} does not say what its stages are; set optimiser.freeze_stages=0.")
    stages = group_parameters(network.backbone, matcher(coarse=True))
    if settings.freeze_stages > len(stages):
        raise ConfigError(
            f"optimiser.freeze_stages={settings.freeze_stages}, but {network.spec.backbone} has {len(stages)} stages."
        )
    frozen = {name for stage in sorted(stages)[: settings.freeze_stages] for name in stages[stage]}
    for name, weight in network.backbone.named_parameters():
        if name in frozen:
            weight.requires_grad_(False)


def keep_frozen(network: EmbeddingNetwork, settings: OptimiserSettings) -> None:
    """Put batch norms that must not learn back into evaluation; call after each `train()`."""
    for module in network.backbone.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            still = module.weight is not None and not module.weight.requires_grad
            if settings.freeze_norms or still:
                module.eval()

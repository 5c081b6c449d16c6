"""Progressive resizing: early epochs at a smaller input, which is quicker, the last ones at the full size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reid.errors import ConfigError

__all__ = ["ResizeStage", "check_stages", "size_in"]

MULTIPLE = 32
"""Smaller sizes are multiples of this, as backbones halve their input five times."""


@dataclass(frozen=True)
class ResizeStage:
    """Some epochs at one size.

    Attributes:
        until: Share of all epochs after which this stage is over, above 0 and up to 1.
        scale: Share of the input's height and width, above 0 and up to 1.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  not a field: a misspelt key of a stage is refused

    until: float
    scale: float


def check_stages(stages: Sequence[ResizeStage]) -> None:
    """Refuse stages that are not in order.

    Raises:
        ConfigError: a share is out of its range, or an `until` is not above the one before.
    """
    before = 0.0
    for number, stage in enumerate(stages):
        name = f"trainer.resize[{number}]"
        if not before < stage.until <= 1:
            raise ConfigError(
                f"{name}.until={stage.until} must be above {before:g} and at most 1: a share of the epochs, one stage after the other."
            )
        if not 0 < stage.scale <= 1:
            raise ConfigError(f"{name}.scale={stage.scale} must be above 0 and at most 1: a share of the input's size.")
        before = stage.until


def size_in(epoch: int, epochs: int, stages: Sequence[ResizeStage], full: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the training's input in an epoch; a function of the epoch alone, so a resumed run agrees.

    Args:
        epoch: From 0.
        epochs: Of the whole training.
        stages: In order; after the last one the size is the full one.
        full: The network's height and width.

    >>> stages = [ResizeStage(until=0.5, scale=0.625), ResizeStage(until=0.8, scale=0.8)]
    >>> [size_in(epoch, 10, stages, (224, 304)) for epoch in (0, 4, 5, 7, 8, 9)]
    [(128, 192), (128, 192), (192, 256), (192, 256), (224, 304), (224, 304)]
    """
    for stage in stages:
        # rounded, since 0.55 * 20 is a little more than 11
        if epoch < round(stage.until * epochs, 6):
            return _scaled(full[0], stage.scale), _scaled(full[1], stage.scale)
    return full


def _scaled(size: int, scale: float) -> int:
    if scale == 1:
        return size  # which may be no multiple
    return min(size, max(MULTIPLE, MULTIPLE * round(size * scale / MULTIPLE)))

"""Settings of the losses: each has a weight, and those above 0 are summed."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from reid.errors import ConfigError, choices

__all__ = ["CENTRES", "PAIRS", "LossSettings"]

PAIRS = ("circle", "multisimilarity", "triplet", "supcon")
"""Losses over pairs of one batch; they need several photos of a class in it."""
CENTRES = ("arcface", "cosface", "subcenter", "dynamic")
"""Losses that learn a centre for each class, to which crops have a cosine; the head for the quality needs one."""
HEADS = ("flank", "quality")
"""Losses of heads, which no vector needs."""
BEGINNINGS = ("random", "means")
MINERS = ("all", "semihard", "hard", "batch-hard")


@dataclass(frozen=True)
class Arcface:
    """Deng et al. 2019, "ArcFace": margin in radians.

    With few photos of each class a full margin from random centres can stand still for many epochs. The margin can
    `rise` from 0 over this share of the steps, and the centres can `begin` as the `means` of their classes' vectors
    under the starting weights instead of `random`.
    """

    weight: float = 0.0
    margin: float = 0.5
    scale: float = 32.0
    rise: float = 0.0
    begin: str = "random"

    def __post_init__(self) -> None:
        if not 0 <= self.rise <= 1:
            raise ConfigError(f"loss.arcface.rise={self.rise} must lie between 0 and 1: a share of the steps.")
        if self.begin not in BEGINNINGS:
            raise ConfigError(f"loss.arcface.begin={self.begin!r} is unknown; choose one of {choices(BEGINNINGS)}.")


@dataclass(frozen=True)
class Cosface:
    """Wang et al. 2018, "CosFace": margin as a cosine."""

    weight: float = 0.0
    margin: float = 0.35
    scale: float = 32.0


@dataclass(frozen=True)
class Subcenter:
    """Deng et al. 2020, "Sub-center ArcFace": margin in radians; `centers` for each class."""

    weight: float = 0.0
    margin: float = 0.5
    scale: float = 32.0
    centers: int = 3


@dataclass(frozen=True)
class Dynamic:
    """Ha et al. 2020, "Google Landmark Recognition 2020 Competition Third Place Solution": ArcFace with a wider
    margin for rarer classes, `spread` x photos^-`power` + `least`, in radians."""

    weight: float = 0.0
    spread: float = 0.5
    power: float = 0.25
    least: float = 0.05
    scale: float = 32.0


@dataclass(frozen=True)
class Circle:
    """Sun et al. 2020, "Circle Loss"."""

    weight: float = 0.0
    margin: float = 0.25
    scale: float = 80.0


@dataclass(frozen=True)
class Multisimilarity:
    """Wang et al. 2019, "Multi-Similarity Loss"; pairs by its own miner with `epsilon`."""

    weight: float = 0.0
    alpha: float = 2.0
    beta: float = 50.0
    base: float = 0.5
    epsilon: float = 0.1


@dataclass(frozen=True)
class Triplet:
    """Schroff et al. 2015, "FaceNet": distances of unit vectors; `miner` says which triplets count: `all`,
    `semihard`, `hard`, or `batch-hard` (Hermans et al. 2017)."""

    weight: float = 0.0
    margin: float = 0.2
    miner: str = "semihard"


@dataclass(frozen=True)
class Proxyanchor:
    """Kim et al. 2020, "Proxy Anchor Loss"."""

    weight: float = 0.0
    margin: float = 0.1
    alpha: float = 32.0


@dataclass(frozen=True)
class Supcon:
    """Khosla et al. 2020, "Supervised Contrastive Learning"."""

    weight: float = 0.0
    temperature: float = 0.1


@dataclass(frozen=True)
class Center:
    """Wen et al. 2016, "A Discriminative Feature Learning Approach": distance of unit vectors to their class's
    centre. It pulls only; give it together with another loss."""

    weight: float = 0.0


@dataclass(frozen=True)
class Flank:
    """Cross-entropy of the head for the flank, where the flank is labelled; needs network.flank=true.

    With network.face=left a `mirrored` share of each batch goes through once more unturned, so that the head
    sees animals facing right too.
    """

    weight: float = 0.0
    mirrored: float = 0.25


@dataclass(frozen=True)
class Quality:
    """Boutros et al. 2023, "CR-FIQA": smooth L1 of the head for the quality, where network.quality=true.

    The head alone learns from it. A `share` of each batch goes through once more, as the finished network will see it,
    and every second crop of it is spoilt, so that the head knows bad ones.
    """

    weight: float = 1.0
    share: float = 0.25


@dataclass(frozen=True)
class LossSettings:
    """The weighted sum that training makes small."""

    arcface: Arcface = field(default_factory=Arcface)
    cosface: Cosface = field(default_factory=Cosface)
    subcenter: Subcenter = field(default_factory=Subcenter)
    dynamic: Dynamic = field(default_factory=Dynamic)
    circle: Circle = field(default_factory=Circle)
    multisimilarity: Multisimilarity = field(default_factory=Multisimilarity)
    triplet: Triplet = field(default_factory=Triplet)
    proxyanchor: Proxyanchor = field(default_factory=Proxyanchor)
    supcon: Supcon = field(default_factory=Supcon)
    center: Center = field(default_factory=Center)
    flank: Flank = field(default_factory=Flank)
    quality: Quality = field(default_factory=Quality)

    def __post_init__(self) -> None:
        names = [f.name for f in fields(self) if f.name not in HEADS]
        for name in (*names, *HEADS):
            if getattr(self, name).weight < 0:
                raise ConfigError(f"loss.{name}.weight={getattr(self, name).weight} must not be negative.")
        if not self.active:
            raise ConfigError(
                f"no loss has a weight above 0; choose loss=..., or set loss.NAME.weight of {choices(names)}."
            )
        if set(self.active) == {"center"}:
            raise ConfigError("the centre loss alone lets all vectors fall together; add another, as loss=center does.")
        if self.triplet.miner not in MINERS:
            raise ConfigError(f"loss.triplet.miner={self.triplet.miner!r} is unknown; choose one of {choices(MINERS)}.")
        if not 0 <= self.flank.mirrored <= 1:
            raise ConfigError(f"loss.flank.mirrored={self.flank.mirrored} must lie between 0 and 1.")
        if not 0 < self.quality.share <= 1:
            raise ConfigError(f"loss.quality.share={self.quality.share} must be above 0 and at most 1.")
        if self.subcenter.centers < 1:
            raise ConfigError(f"loss.subcenter.centers={self.subcenter.centers} must be at least 1.")

    @property
    def active(self) -> dict[str, Any]:
        """The losses over classes that have a weight above 0, by name."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in HEADS and getattr(self, f.name).weight > 0
        }

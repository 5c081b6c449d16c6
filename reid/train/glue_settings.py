"""How LightGlue is trained on animals: what pairs it sees, and how its weights move."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from reid.errors import ConfigError, choices
from reid.match.geometry import GEOMETRIES
from reid.train.optimiser import OptimiserSettings
from reid.train.recipe import TrainerSettings

__all__ = ["KINDS", "GlueSettings"]

KINDS = ("same", "made", "others")
NO_MATTER = ("workers", "threads", "accelerator", "devices", "nodes")
"""The trainer's settings that may change between the parts of one run."""


def _gentle() -> OptimiserSettings:
    return OptimiserSettings("adamw", 2e-5, 5e-5, 0.01, warmup=0.1, final=0.05, clip=5.0)


@dataclass(frozen=True)
class GlueSettings:
    """What LightGlue learns from.

    Attributes:
        photos: Most crops that are learned from, by whole individuals drawn by the seed; 0 takes all. Each is looked at
            `1 + views` times, at about a second a look on one core.
        pairs: Pairs of an epoch.
        batch: Pairs of a step.
        same: How often a pair of two photos of one flank is drawn, relative to the other kinds.
        made: How often a crop and a changed copy of itself is drawn.
        others: How often a pair of two animals is drawn.
        views: Changed copies of each crop.
        most: Most pairs of one flank, so that an animal with many photos is not all that is learned.
        hard: Of so many pairs of two animals one is learned from, that which the starting weights find most alike.
        weak: Least confidence of a match that may count where it agrees with the others.
        agree: Fewest matches that must agree on one map, or a pair of photos of one flank is not learned from.
        geometry: That map: `affine`, `affine-magsac` or `homography`.
        gap: Encounters that two photos must lie apart, where encounters are numbers; 0 asks only that they be of two.
        judged: Most pairs of one animal, and twice as many of two, that the held-out animals are judged by.
        optimiser: How the weights move; `head_rate` is that of the layers' heads, `backbone_rate` of the rest.
    """

    photos: int = 400
    pairs: int = 120
    batch: int = 4
    same: float = 0.4
    made: float = 0.2
    others: float = 0.4
    views: int = 1
    most: int = 4
    hard: int = 2
    weak: float = 0.05
    agree: int = 12
    geometry: str = "affine-magsac"
    gap: int = 0
    judged: int = 150
    optimiser: OptimiserSettings = field(default_factory=_gentle)

    def __post_init__(self) -> None:
        for name, least in (("photos", 0), ("batch", 1), ("views", 0), ("most", 1), ("hard", 1), ("agree", 5), ("gap", 0), ("judged", 2)):  # fmt: skip
            if getattr(self, name) < least:
                raise ConfigError(f"glue.{name}={getattr(self, name)} must be at least {least}.")
        if self.pairs < self.batch:
            raise ConfigError(f"glue.pairs={self.pairs} must be at least glue.batch={self.batch}.")
        shares = {name: getattr(self, name) for name in KINDS}
        if not all(share >= 0 for share in shares.values()) or not sum(shares.values()):
            raise ConfigError(
                f"glue.same, glue.made and glue.others must not be negative, and not all of them 0: {shares}."
            )
        if self.made and not self.views:
            raise ConfigError(
                f"glue.made={self.made} draws changed copies, and glue.views=0 makes none; set one of them."
            )
        if not 0 < self.weak < 1:
            raise ConfigError(f"glue.weak={self.weak} must lie between 0 and 1.")
        if self.geometry not in GEOMETRIES:
            raise ConfigError(f"glue.geometry={self.geometry!r} is unknown; choose one of {choices([*GEOMETRIES])}.")
        if self.optimiser.name != "adamw" or self.optimiser.hold or self.optimiser.freeze_stages:
            raise ConfigError(
                "LightGlue is trained by adamw, all layers from the first step; leave glue.optimiser.name, hold and freeze_stages."
            )

    def identity(self, trainer: TrainerSettings) -> dict[str, Any]:
        """What makes a run this one and no other."""
        own = {name: value for name, value in asdict(trainer).items() if name not in NO_MATTER}
        return {"glue": asdict(self), "trainer": own}

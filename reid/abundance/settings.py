"""Settings of the estimates."""

from __future__ import annotations

from dataclasses import dataclass, field

from reid.abundance.closed import MODELS
from reid.abundance.detection import DETECTORS, FUNCTIONS
from reid.errors import ConfigError, choices

__all__ = ["PopulationSettings"]


@dataclass(frozen=True)
class PopulationSettings:
    """How a season's population is estimated.

    Args:
        models: Closed models; `reid.abundance.MODELS` says what each allows.
        headline: The one of them that is named first.
        start: First day of the first occasion, ISO 8601; empty for the first day with a photo.
        occasion_days: Days of an occasion; 0 for a tenth of the season, in whole days.
        occasions: How many; 0 for as many as reach the last photo.
        confidence: Of the intervals.
        draws: How often the undecided identities are drawn; 0 for not at all.
        seed: Of the draws.
        least_recaptures: With fewer recaptures of a flank there is no estimate from it.
        spatial: Whether a spatial model is fitted: `auto`, where the stations have coordinates, `yes` or `no`.
        spatial_draws: As `draws`, for the spatial model, which takes a second or more each time.
        detector: `proximity`, `count` or `multi`, see `reid.abundance.fit_spatial`.
        function: `halfnormal` or `hazard`.
        buffer: Metres of state space around the stations; 0 for four times sigma.
        spacing: Metres between its points; 0 for a 64th of its longer side.

    Raises:
        ConfigError: a value is outside what it may be.
    """

    models: list[str] = field(
        default_factory=lambda: ["minimum", "M0", "Mt", "Mb", "Mh-jackknife", "Mh-chao", "Mt-chao"]
    )
    headline: str = "Mh-chao"
    start: str = ""
    occasion_days: float = 0.0
    occasions: int = 0
    confidence: float = 0.95
    draws: int = 100
    seed: int = 0
    least_recaptures: int = 5
    spatial: str = "auto"
    spatial_draws: int = 20
    detector: str = "proximity"
    function: str = "halfnormal"
    buffer: float = 0.0
    spacing: float = 0.0

    def __post_init__(self) -> None:
        for name in (*self.models, self.headline):
            if name not in MODELS:
                raise ConfigError(f"population.models: there is no {name!r}; choose from {choices(MODELS)}.")
        if self.headline not in self.models:
            raise ConfigError(f"population.headline={self.headline!r} is none of population.models {self.models}.")
        for name, value, valid in (
            ("spatial", self.spatial, ("auto", "yes", "no")),
            ("detector", self.detector, DETECTORS),
            ("function", self.function, FUNCTIONS),
        ):
            if value not in valid:
                raise ConfigError(f"population.{name}={value!r} is unknown; choose one of {choices(valid)}.")
        if not 0 < self.confidence < 1:
            raise ConfigError(f"population.confidence={self.confidence!r} must lie between 0 and 1.")
        if min(self.occasion_days, self.occasions, self.buffer, self.spacing) < 0 or self.least_recaptures < 1:
            given = ", ".join(
                f"{name}={getattr(self, name)}" for name in ("occasion_days", "occasions", "buffer", "spacing")
            )
            raise ConfigError(
                f"population has {given} and least_recaptures={self.least_recaptures}; the last must be at least 1, the others "
                "at least 0."
            )
        if min(self.draws, self.spatial_draws) < 0 or 1 in (self.draws, self.spatial_draws):
            raise ConfigError(
                f"population.draws={self.draws} and population.spatial_draws={self.spatial_draws} must be 0, for none, or at "
                "least 2."
            )

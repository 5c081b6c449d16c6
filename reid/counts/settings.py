"""Settings of the count and its report."""

from __future__ import annotations

from dataclasses import dataclass

from reid.errors import ConfigError

__all__ = ["CountSettings"]


@dataclass(frozen=True)
class CountSettings:
    """How the number of animals and its interval are worked out, and how much the report shows.

    Args:
        confidence: Share of the draws that the interval spans, between 0 and 1.
        draws: How often the open decisions are drawn.
        seed: Of the draws; the same seed gives the same interval.
        photos_per_individual: How many photos of one animal the report shows at most.

    Raises:
        ConfigError: a value is outside what it may be.

    >>> CountSettings(draws=500).draws
    500
    """

    confidence: float = 0.9
    draws: int = 2000
    seed: int = 0
    photos_per_individual: int = 12

    def __post_init__(self) -> None:
        value = self.confidence
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
            raise ConfigError(f"counts.confidence is {value!r}; give a number between 0 and 1, such as 0.9.")
        for name, low in (("draws", 1), ("seed", 0), ("photos_per_individual", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise ConfigError(f"counts.{name} is {value!r}; give a whole number of at least {low}.")

"""What to make: how many individuals and photos, which coats, cameras and light."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reid.errors import ConfigError, choices
from reid.synthetic.coats import PATTERNS
from reid.synthetic.light import LIGHTS

__all__ = ["MIXED", "PictureSettings", "SurveySettings", "SynthesisSettings"]

MIXED = "mixed"


@dataclass(frozen=True)
class SurveySettings:
    """The cameras, and how the animals pass them.

    Raises:
        ConfigError: a value is wrong; the message says which and what is allowed.
    """

    stations: int = 12
    cameras: int = 1
    """Cameras of a station: 1, or 2 that face each other, so that one visit shows both flanks."""
    burst: int = 3
    """Most photos of one visit."""
    days: int = 60
    start: str = "2015-06-01"
    """First day, ISO 8601."""

    def __post_init__(self) -> None:
        _whole("survey.stations", self.stations, 1, 10_000)
        _whole("survey.cameras", self.cameras, 1, 2)
        _whole("survey.burst", self.burst, 1, 100)
        _whole("survey.days", self.days, 1, 3650)
        try:
            year = date.fromisoformat(self.start).year
        except (TypeError, ValueError):
            year = 0
        if not 2001 <= year <= 2080:
            raise ConfigError(f"survey.start must be a day such as 2015-06-01, 2001 to 2080, found {self.start!r}.")


@dataclass(frozen=True)
class PictureSettings:
    """How the photos look.

    Raises:
        ConfigError: a value is wrong; the message says which and what is allowed.
    """

    width: int = 640
    """Pixels."""
    height: int = 480
    quality: int = 88
    """Of the JPEG, 1 to 95."""
    lights: tuple[str, ...] = LIGHTS
    """Which light there is: day, flash, infrared. A camera has one light for the night."""
    size: tuple[float, float] = (0.35, 0.75)
    """Shortest and longest body, nose to rump, against the photo's width."""
    yaw: float = 35.0
    """Degrees by which an animal is turned out of the picture's plane, at most."""
    occlusion: float = 0.3
    """Share of the visits in which the animal is behind grass or a trunk."""
    motion: float = 8.0
    """Pixels that an animal moves while the shutter is open, at most."""
    noise: float = 7.0
    """Deviation of the sensor's noise, in grey levels, at most."""

    def __post_init__(self) -> None:
        _whole("picture.width", self.width, 160, 4096)
        _whole("picture.height", self.height, 120, 4096)
        _whole("picture.quality", self.quality, 1, 95)
        _number("picture.yaw", self.yaw, 0, 50)
        _number("picture.occlusion", self.occlusion, 0, 1)
        _number("picture.motion", self.motion, 0, 100)
        _number("picture.noise", self.noise, 0, 100)
        _several("picture.lights", self.lights, LIGHTS)
        if isinstance(self.size, str) or len(self.size) != 2:
            raise ConfigError(f"picture.size must be two shares of the width, found {self.size!r}.")
        for value in self.size:
            _number("picture.size", value, 0.1, 1)
        if self.size[0] > self.size[1]:
            raise ConfigError(f"picture.size must rise, found {self.size[0]:g} before {self.size[1]:g}.")


@dataclass(frozen=True)
class SynthesisSettings:
    """Everything that decides the photos.

    Raises:
        ConfigError: a value is wrong; the message says which and what is allowed.
    """

    individuals: int = 50
    photos: int = 6
    """Of each individual, both flanks together."""
    seed: int = 0
    coat: str = "rosettes"
    """rosettes, spots, stripes, or mixed: one of them for each individual."""
    backgrounds: str = ""
    """Folder of photos without animals, to stand before; empty for places made from noise."""
    survey: SurveySettings = field(default_factory=SurveySettings)
    picture: PictureSettings = field(default_factory=PictureSettings)

    def __post_init__(self) -> None:
        _whole("individuals", self.individuals, 1, 100_000)
        _whole("photos", self.photos, 1, 10_000)
        _whole("seed", self.seed, 0, 2**63 - 1)
        if self.coat not in (*PATTERNS, MIXED):
            raise ConfigError(f"coat={self.coat!r} is unknown; choose one of {choices([*PATTERNS, MIXED])}.")


def _whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, found {value!r}.")


def _number(name: str, value: Any, low: float, high: float) -> None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not low <= value <= high:
        raise ConfigError(f"{name} must be a number from {low:g} to {high:g}, found {value!r}.")


def _several(name: str, values: Any, allowed: tuple[str, ...]) -> None:
    if isinstance(values, str) or not values or len(set(values)) < len(values) or set(values) - set(allowed):
        raise ConfigError(f"{name} must be a list of different ones of {choices(allowed)}, found {values!r}.")

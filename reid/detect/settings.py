"""Settings of the detect stage, and the detectors that they can name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from reid.detect.protocol import Detector
from reid.detect.recorded import RecordedBoxes
from reid.detect.whole import WholePhoto
from reid.errors import ConfigError, choices

__all__ = ["DETECTORS", "DetectorSettings", "make_detector"]


@dataclass(frozen=True)
class DetectorSettings:
    """Which detector, and which of its boxes go on.

    Raises:
        ConfigError: a value is wrong; the message says which are right.
    """

    name: str = "recorded"
    """"recorded": boxes from a file; "whole": the whole photo is one box."""
    file: str = ""
    """The detections file, for "recorded"."""
    confidence: float = 0.2
    """Boxes below this are left out; 0 to 1. MegaDetector's authors advise 0.2 for its version 5."""
    categories: tuple[str, ...] = ("animal",)
    """Boxes of other categories are left out."""
    min_side: int = 32
    """Boxes whose short side has fewer pixels are left out: no spots can be told on them."""

    def __post_init__(self) -> None:
        if self.name not in tuple(DETECTORS):
            raise ConfigError(f"no detector is called {self.name!r}; there are {choices(DETECTORS)}.")
        if not isinstance(self.file, (str, Path)):
            raise ConfigError(f"detector.file is {self.file!r}; expected is the path of a detections file.")
        if not _is_number(self.confidence) or not 0 <= self.confidence <= 1:
            raise ConfigError(f"detector.confidence is {self.confidence!r}; expected is a number from 0 to 1.")
        if not _is_number(self.min_side) or self.min_side < 1 or self.min_side != int(self.min_side):
            raise ConfigError(f"detector.min_side is {self.min_side!r}; expected is a whole number from 1, in pixels.")
        given = self.categories
        names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else ()
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            raise ConfigError(f"detector.categories is {given!r}; expected is a list of names, such as [animal].")
        # Detectors give names in lower case, and settings read from YAML come as lists.
        object.__setattr__(self, "categories", tuple(name.strip().lower() for name in names))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _recorded(settings: DetectorSettings) -> Detector:
    if not settings.file:
        raise ConfigError(
            "the detector 'recorded' needs a detections file: set detections=FILE, "
            "or choose the detector 'whole' if each photo is a crop already."
        )
    return RecordedBoxes(Path(settings.file))


DETECTORS: dict[str, Callable[[DetectorSettings], Detector]] = {
    "recorded": _recorded,
    "whole": lambda settings: WholePhoto(),
}
"""How each detector is made from the settings, by name."""


def make_detector(settings: DetectorSettings) -> Detector:
    """The detector that the settings name.

    Raises:
        ConfigError: it lacks a setting.

    >>> make_detector(DetectorSettings(name="whole")).name
    'whole'
    """
    return DETECTORS[settings.name](settings)

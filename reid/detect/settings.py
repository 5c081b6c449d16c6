"""Settings of the detect stage, and the detectors that they can name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reid.detect.bursts import BurstSettings
from reid.detect.fusion import Together
from reid.detect.onnx_file import OnnxSettings
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

    name: str = ""
    """Empty: "recorded" where a file is named, else "own". "own": the shipped detector, or one that `reid train` made; "recorded": boxes from a file; "whole": the whole photo is
    one box; "onnx": a network in an ONNX file; "torchvision": one of torchvision's, trained here; "megadetector":
    MegaDetector through its own package; "together": several of these."""
    file: str = ""
    """The detections file, for "recorded"."""
    model: str = ""
    """Weights: a name or a folder for "own", an ONNX file, a folder, or a name or a file of MegaDetector's."""
    engine: str = "auto"
    """What runs "own" and "onnx": openvino, onnxruntime, torch ("own" alone), or auto for the fastest that is installed."""
    device: str = "cpu"
    """For torch: cpu, cuda, mps."""
    threads: int = 0
    """For the engine; 0 for its own choice."""
    side: int = 0
    """Pixels of the input's side, a multiple of 32; 0 for the network's own."""
    confidence: float = 0.2
    """Boxes below this are left out; 0 to 1. MegaDetector's authors advise 0.2 for its version 5."""
    overlap: float = 0.5
    """Of two boxes of a network whose intersection over union is above this, the less confident goes."""
    inside: float = 0.9
    """Of two boxes of "own" of which the smaller lies in the other by more than this share, the less confident goes; 1 keeps
    both."""
    categories: tuple[str, ...] = ("animal",)
    """Boxes of other categories are left out."""
    min_side: int = 32
    """Boxes whose short side has fewer pixels are left out: no spots can be told on them."""
    onnx: OnnxSettings = field(default_factory=OnnxSettings)
    """How the network of "onnx" takes photos and what it puts out."""
    members: tuple[dict[str, Any], ...] = ()
    """For "together": the settings of each detector, such as {name: own} and {name: megadetector, model: MDV5A}."""
    weights: tuple[float, ...] = ()
    """For "together": how much each of them counts; empty for all alike."""
    fusion: float = 0.55
    """For "together": boxes of two detectors are of one animal above this intersection over union."""
    burst: BurstSettings = field(default_factory=BurstSettings)
    """What the photos of one burst tell about each other."""

    def __post_init__(self) -> None:
        if self.name == "":
            object.__setattr__(self, "name", "recorded" if self.file else "own")
        if self.name not in tuple(DETECTORS):
            raise ConfigError(f"no detector is called {self.name!r}; there are {choices(DETECTORS)}.")
        if not isinstance(self.file, (str, Path)):
            raise ConfigError(f"detector.file is {self.file!r}; expected is the path of a detections file.")
        for key in ("confidence", "overlap", "inside", "fusion"):
            if not _is_number(getattr(self, key)) or not 0 <= getattr(self, key) <= 1:
                raise ConfigError(f"detector.{key} is {getattr(self, key)!r}; expected is a number from 0 to 1.")
        if not _is_number(self.min_side) or self.min_side < 1 or self.min_side != int(self.min_side):
            raise ConfigError(f"detector.min_side is {self.min_side!r}; expected is a whole number from 1, in pixels.")
        if self.side < 0 or self.side % 32 or 0 < self.side < 64:
            raise ConfigError(f"detector.side is {self.side!r}; expected is a multiple of 32 from 64, or 0.")
        if self.threads < 0:
            raise ConfigError(f"detector.threads is {self.threads!r}; expected is a whole number from 0.")
        if self.name == "together" and len(self.members) < 2:
            raise ConfigError(
                "the detector 'together' needs two or more: detector.members=[{name: own}, {name: megadetector, model: MDV5A}]."
            )
        if self.weights and (len(self.weights) != len(self.members) or not all(w > 0 for w in self.weights)):
            raise ConfigError(
                f"detector.weights={list(self.weights)} needs a number above 0 for each of detector.members."
            )
        given = self.categories
        names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else ()
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            raise ConfigError(f"detector.categories is {given!r}; expected is a list of names, such as [animal].")
        # Detectors give names in lower case, and settings read from YAML come as lists.
        object.__setattr__(self, "categories", tuple(name.strip().lower() for name in names))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _recorded(settings: DetectorSettings, cache: Path | None) -> Detector:
    if not settings.file:
        raise ConfigError(
            "the detector 'recorded' needs a detections file: set detections=FILE, "
            "or choose the detector 'whole' if each photo is a crop already."
        )
    return RecordedBoxes(Path(settings.file))


def _own(settings: DetectorSettings, cache: Path | None) -> Detector:
    from reid.detect.own import own_detector

    return own_detector(settings, cache)


def _onnx(settings: DetectorSettings, cache: Path | None) -> Detector:
    from reid.detect.onnx_file import onnx_detector

    return onnx_detector(settings, cache)


def _torchvision(settings: DetectorSettings, cache: Path | None) -> Detector:
    from reid.detect.torchvision_models import torchvision_detector

    return torchvision_detector(settings, cache)


def _megadetector(settings: DetectorSettings, cache: Path | None) -> Detector:
    from reid.detect.megadetector_models import megadetector

    return megadetector(settings, cache)


def _together(settings: DetectorSettings, cache: Path | None) -> Detector:
    from pydantic import TypeAdapter, ValidationError

    members = []
    for number, given in enumerate(settings.members):
        try:
            own = TypeAdapter(DetectorSettings).validate_python(dict(given))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"detector.members[{number}].{where}: {first['msg']}.") from None
        unknown = set(given) - set(DetectorSettings.__dataclass_fields__)
        if unknown:
            raise ConfigError(
                f"detector.members[{number}] has no setting {min(unknown)!r}; valid are {choices(DetectorSettings.__dataclass_fields__)}."
            )
        if own.name == "together":
            raise ConfigError("detector.members must not hold a detector 'together' again.")
        # each may have its own names for what the stage asks for; the stage decides for all
        members.append(make_detector(replace(own, burst=BurstSettings()), cache))
    return Together(tuple(members), settings.fusion, tuple(settings.weights))


DETECTORS: dict[str, Callable[[DetectorSettings, Path | None], Detector]] = {
    "own": _own,
    "recorded": _recorded,
    "whole": lambda settings, cache: WholePhoto(),
    "onnx": _onnx,
    "torchvision": _torchvision,
    "megadetector": _megadetector,
    "together": _together,
}
"""How each detector is made from the settings, by name."""


def make_detector(settings: DetectorSettings, cache: Path | None = None) -> Detector:
    """The detector that the settings name.

    Args:
        settings: Which, and how.
        cache: Folder that keeps what detectors find that look at pixels, so that a stopped run goes on.

    Raises:
        ConfigError: it lacks a setting.

    >>> make_detector(DetectorSettings(name="whole")).name
    'whole'
    """
    return DETECTORS[settings.name](settings, cache)

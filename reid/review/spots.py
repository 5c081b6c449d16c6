"""The spots that two crops share: out of the census's folder where it compared them, found and kept where it did not."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reid.catalogue import Catalogue
from reid.embed import crop_picture
from reid.embed.crops import resize_crop
from reid.errors import InputError
from reid.match import Calibrations, PairVerifier, Verified, coats_network, load_calibrations, make_matcher
from reid.match.calibration import COAT, LOCAL
from reid.match.features import FeatureStore
from reid.match.pairs import SCHEMA
from reid.photos import photo_size, read_photo
from reid.review.pictures import Pictures
from reid.review.season import Season
from reid.store import RowStore

__all__ = ["Shared", "Spots"]

MOST = 60
"""Spots drawn at most, the strongest ones."""


@dataclass(frozen=True)
class Shared:
    """What two crops share.

    Attributes:
        points: (n, 4) x, y on the query and x, y on the candidate, as shares of the crop's width and height.
        weights: (n,) confidence of each, 0 to 1, the strongest first.
        inlier: (n,) whether it agrees with one map of the flank.
        spots: How many were matched, those not drawn included.
        probability: That both are one animal, by the calibration.
        turn: Degrees by which the candidate has to be turned to lie as the query does, clockwise; and the factor by which
            it has to be enlarged, both crops being as wide as their frames. None where the spots do not say.
    """

    points: np.ndarray
    weights: np.ndarray
    inlier: np.ndarray
    spots: int
    probability: float
    turn: tuple[float, float] | None


class _Both(RowStore):
    """Compared pairs of the census's folder and of ours.

    Args:
        folder: Where pairs compared by the page are kept.
        census: Where the census kept its own; only read.
    """

    def __init__(self, folder: Path, census: Path | None) -> None:
        super().__init__(folder, SCHEMA)
        self._census = RowStore(census, SCHEMA) if census else None

    def get(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        keys = list(keys)
        return {**(self._census.get(keys) if self._census else {}), **super().get(keys)}


class Spots:
    """Finds the spots of pairs, one pair at a time.

    Args:
        catalogue: Whose sightings these are.
        pictures: Knows where the photos lie.
        season: Its matcher and calibration are used, and its folder is looked into first.
    """

    def __init__(self, catalogue: Catalogue, pictures: Pictures, season: Season) -> None:
        self.catalogue = catalogue
        self.pictures = pictures
        self.season = season
        self._turn = threading.Lock()
        self._verifier: PairVerifier | None = None
        self._calibration: Calibrations | None = None

    def of(self, query: dict[str, Any], candidate: dict[str, Any]) -> Shared:
        """The spots of two sightings, given as `Catalogue.sighting` gives them.

        Raises:
            InputError: A picture is missing.
            MissingPartError: The matcher of this season is not installed.
        """
        with self._turn:
            verifier, calibration = self._ready()
            one, other = str(query["sighting"]), str(candidate["sighting"])
            verifier.crops.update({one: query, other: candidate})
            if not verifier.has(one, other) and verifier.has(other, one):
                verified = _turned(verifier.verify(other, one))
            else:
                verified = verifier.verify(one, other)
            likeness = self._likeness(one, other)
        scores = {LOCAL: np.array([verified.score]), COAT: np.array([likeness])}
        probability = float(calibration.probability(scores)[0])
        return _shared(verified, query["bbox"], candidate["bbox"], probability)

    def _likeness(self, one: str, other: str) -> float:
        """Of the two coats, as the season found it; NaN of a pair that it did not compare."""
        pairs = self.season.matches
        rows = (pairs["query"].isin([one, other]) & pairs["candidate"].isin([one, other])).to_numpy()
        found = pairs["coat"].to_numpy(float)[rows] if "coat" in pairs else np.zeros(0)
        found = found[np.isfinite(found)]
        return float(found[0]) if len(found) else float("nan")

    def _ready(self) -> tuple[PairVerifier, Calibrations]:
        if self._verifier is None or self._calibration is None:
            matcher = make_matcher(self.season.matcher)
            network = coats_network(self.season.coats)
            whose = network.fingerprint if network else ""
            try:
                self._calibration = load_calibrations(matcher.name, self.season.calibration, whose)
            except InputError:  # the census's own file was moved
                self._calibration = load_calibrations(matcher.name, coat=whose)
            own = self.catalogue.data / "compared"
            census = self.season.folder / "cache" if self.season.folder else None
            verifier = PairVerifier(matcher, {}, self._picture, self._size, own)
            if census is not None and os.access(census, os.W_OK):
                verifier.features = FeatureStore(matcher, census / "features")
            verifier.store = _Both(own / "pairs", census / "pairs" if census else None)
            self._verifier = verifier
        return self._verifier, self._calibration

    def _picture(self, sighting: str, longest: int) -> np.ndarray:
        """As the census saw it: out of the photo, or, where that is gone, the picture in the catalogue's folder."""
        row = self._verifier.crops[sighting] if self._verifier else {}
        try:
            path = self.pictures.file(row)
            return crop_picture(path.parent, {"path": path.name, "bbox": row["bbox"]}, longest)
        except InputError:
            kept = self.catalogue.picture(sighting)
            if kept is None:
                raise
        picture = read_photo(kept)
        scale = min(1.0, longest / max(picture.shape[:2]))
        return resize_crop(picture, max(1, round(picture.shape[0] * scale)), max(1, round(picture.shape[1] * scale)))

    def _size(self, sighting: str) -> tuple[float, float]:
        row = self._verifier.crops[sighting] if self._verifier else {}
        known = self.season.sizes.get(str(row["image_id"]))
        if known is None:
            try:
                width, height = photo_size(self.pictures.file(row))
                return float(width), float(height)
            except InputError:
                x, y, w, h = row["bbox"]  # the least that it can be
                return x + w, y + h
        return known


def _turned(verified: Verified) -> Verified:
    return Verified(verified.points[:, [2, 3, 0, 1]], verified.confidences, verified.inlier)


def _shared(verified: Verified, here: list[float], there: list[float], probability: float) -> Shared:
    order = np.argsort(-verified.confidences, kind="stable")[:MOST]
    frames = np.array([*here[:2], *there[:2]]), np.array([*here[2:], *there[2:]])
    points = (verified.points.astype(float) - frames[0]) / frames[1]
    return Shared(
        points=points[order],
        weights=verified.confidences[order],
        inlier=verified.inlier[order],
        spots=len(points),
        probability=probability,
        turn=_turn(verified, here[2], there[2]),
    )


def _turn(verified: Verified, here: float, there: float) -> tuple[float, float] | None:
    """How the candidate has to be turned and enlarged to lie on the query, both frames being equally wide."""
    import cv2

    if verified.inlier.sum() < 4:
        return None
    points = verified.points[verified.inlier].astype(np.float64)
    cv2.setRNGSeed(0)
    found, _ = cv2.estimateAffinePartial2D(points[:, 2:] / there, points[:, :2] / here, ransacReprojThreshold=0.05)
    if found is None:
        return None
    angle, factor = float(np.degrees(np.arctan2(found[1, 0], found[0, 0]))), float(np.hypot(found[0, 0], found[1, 0]))
    return (angle, factor) if abs(angle) <= 60 and 0.4 <= factor <= 2.5 else None

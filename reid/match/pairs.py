"""The match stage: shortlisted pairs are verified spot by spot and get a probability."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reid.embed.crops import within
from reid.errors import InputError
from reid.match.calibration import COAT, LOCAL
from reid.match.calibrations import Calibrations
from reid.match.features import FeatureStore
from reid.match.local import Features, LocalMatcher
from reid.match.verify import ToVerify, Verified, verify_many
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import MATCHES, PROBLEMS, check, from_rows
from reid.threads import ahead

__all__ = ["PairVerifier", "score_pairs"]

SCHEMA = pa.schema([("points", pa.binary()), ("confidences", pa.binary()), ("inlier", pa.binary())])
SCORES = ("matches", "inliers", "local_score")
PART = 64
"""Verified pairs that are matched and written together: what a kill can cost."""


@dataclass(frozen=True)
class _Pair:
    """Keys of two crops' spots, their boxes, and the photo's size where one camera took both."""

    keys: tuple[str, str]
    boxes: tuple[list[float], list[float]]
    static_size: tuple[float, float] | None


class PairVerifier:
    """Compares crops spot by spot, each pair once.

    Args:
        matcher: The local matcher.
        crops: Rows by crop_id, of the season and of the gallery: `content_hash`, `bbox`, `camera`, `path`.
        picture: Gives a crop's picture, uint8 RGB, of at most `longest` pixels; may raise InputError. Threads call it.
        photo_size: Gives width and height of a crop's photo, for telling background from animal.
        cache: Folder for spots and verified pairs.
    """

    def __init__(
        self,
        matcher: LocalMatcher,
        crops: dict[str, dict[str, Any]],
        picture: Callable[[str, int], np.ndarray],
        photo_size: Callable[[str], tuple[float, float]],
        cache: Path | None = None,
    ) -> None:
        self.matcher = matcher
        self.crops = crops
        self.picture = picture
        self.photo_size = photo_size
        self.features = FeatureStore(matcher, cache / "features" if cache else None)
        self.store = RowStore(cache / "pairs", SCHEMA) if cache else None
        self._keys: dict[str, str] = {}

    def prepare(self, crop_ids: list[str]) -> pd.DataFrame:
        """Seek the spots of all crops named, so that verifying needs no photo; returns a problems table."""
        problems = {}
        keys = {crop_id: self._key(crop_id) for crop_id in crop_ids}
        missing = [crop_id for crop_id in crop_ids if not self.features.has(keys[crop_id])]
        done = len(crop_ids) - len(missing)
        for crop_id, found in track(ahead(self._sought, missing), "spots", total=len(crop_ids), unit="crop", done=done):
            if isinstance(found, str):
                path = str(self.crops[crop_id]["path"])
                problems[path, found] = {"stage": "match", "path": path, "reason": found}
            else:
                self.features.put(keys[crop_id], found if isinstance(found, Features) else self.matcher.extract(found))
        return from_rows(problems.values(), PROBLEMS)

    @property
    def in_threads(self) -> bool:
        """Whether several threads may `seek` at once."""
        return bool(getattr(self.matcher, "in_threads", False))

    def seek(self, crop_id: str, picture: np.ndarray) -> None:
        """Seek a crop's spots on its picture, uint8 RGB at full size, which somebody has read for another reason."""
        key = self._key(crop_id)
        if not self.features.has(key):
            self.features.put(key, self.matcher.extract(within(picture, self.matcher.longest)))

    def _sought(self, crop_id: str) -> tuple[str, Features | np.ndarray | str]:
        """A crop with its spots; with its picture, where the matcher wants to be asked by one thread; or with why there is none."""
        try:
            picture = self.picture(crop_id, self.matcher.longest)
        except InputError as error:
            return crop_id, str(error)
        return crop_id, self.matcher.extract(picture) if self.in_threads else picture

    def ready(self, crop_id: str) -> bool:
        """Whether the crop's spots are kept, as `prepare` leaves them where its picture can be read."""
        return self.features.has(self._key(crop_id))

    def has(self, query: str, candidate: str) -> bool:
        """Whether this pair, in this order, was compared before."""
        key = self._pair_key(self._pair(query, candidate))
        return bool(self.store and self.store.get([key]))

    def verify(self, query: str, candidate: str) -> Verified:
        """How well two crops agree; their spots are sought, and the result kept, if need be."""
        pair = self._pair(query, candidate)
        key = self._pair_key(pair)
        kept = self.store.get([key]).get(key) if self.store else None
        if kept is None:
            kept = _pack(self._compare([(query, candidate)], [pair])[0])
            if self.store:
                self.store.add({key: kept})
        return _unpack(kept)

    def verify_all(self, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
        """`matches`, `inliers` and `local_score` of each pair, in order."""
        place: dict[str, int] = {}
        keys = (self._pair_key(self._pair(*pair)) for pair in pairs)
        # a pair named twice is compared once
        row = np.array([place.setdefault(key, len(place)) for key in keys], int)
        first = np.unique(row, return_index=True)[1]
        scores = np.full((len(place), len(SCORES)), np.nan)
        # a part at a time: the spots of all pairs of a season are too many for the memory
        for key, kept in self.store.rows(place) if self.store else ():
            scores[place[key]] = _scores(kept)
        todo = [(key, n) for key, n in place.items() if np.isnan(scores[n, 0])]
        part: dict[str, tuple[str, str]] = {}
        for key, n in track(todo, "verify", total=len(place), unit="pair", done=len(place) - len(todo)):
            part[key] = pairs[first[n]]
            if len(part) == PART or n == todo[-1][1]:
                # scored as it is kept, so that a resumed run gives the same digits
                for done, kept in self._verify_part(part).items():
                    scores[place[done]] = _scores(kept)
                part = {}
        table = pd.DataFrame(scores[row], columns=list(SCORES))
        return table.astype({"matches": int, "inliers": int})

    def seconds_per_pair(self, pairs: list[tuple[str, str]]) -> float:
        """Seconds by the clock that a pair takes once its spots are known; pairs with a crop that cannot be read are left out.

        Returns:
            0.0 where none is left. Nothing is kept of the comparison, of the spots all is.
        """
        self.prepare(sorted({name for pair in pairs for name in pair}))
        pairs = [pair for pair in pairs if self.ready(pair[0]) and self.ready(pair[1])]
        described = [self._pair(query, candidate) for query, candidate in pairs]
        if not pairs:
            return 0.0
        self._compare(pairs[:1], described[:1])  # the first takes longer
        begun = time.perf_counter()
        self._compare(pairs, described)
        return (time.perf_counter() - begun) / len(pairs)

    def _verify_part(self, part: dict[str, tuple[str, str]]) -> dict[str, dict[str, bytes]]:
        """Compare pairs, named by their keys, that were not compared yet, and keep them."""
        pairs = list(part.values())
        found = self._compare(pairs, [self._pair(*pair) for pair in pairs])
        packed = {key: _pack(verified) for key, verified in zip(part, found, strict=True)}
        if self.store:
            self.store.add(packed)
        return packed

    def _key(self, crop_id: str) -> str:
        if crop_id not in self._keys:
            crop = self.crops[crop_id]
            self._keys[crop_id] = self.features.key(crop["content_hash"], crop["bbox"])
        return self._keys[crop_id]

    def _pair(self, query: str, candidate: str) -> _Pair:
        a, b = self.crops[query], self.crops[candidate]
        keys = self._key(query), self._key(candidate)
        same_camera = bool(pd.notna(a["camera"]) and a["camera"] == b["camera"])
        # of one photo found twice nothing moved, and yet it is the same animal
        size = self.photo_size(query) if same_camera and keys[0] != keys[1] else None
        return _Pair(keys, (list(a["bbox"]), list(b["bbox"])), size)

    def _pair_key(self, pair: _Pair) -> str:
        # where spots of one kind can be matched in several ways, the way belongs to the pair
        made_by = self.matcher.fingerprint
        way = [] if getattr(self.matcher, "seeks", made_by) == made_by else [made_by]
        return digest(list(pair.keys), pair.static_size, *way, length=24)

    def _compare(self, names: list[tuple[str, str]], pairs: list[_Pair]) -> list[Verified]:
        todo = []
        for crop_ids, pair in zip(names, pairs, strict=True):
            query, candidate = (
                self.features.get(key, partial(self.picture, crop_id, self.matcher.longest))
                for key, crop_id in zip(pair.keys, crop_ids, strict=True)
            )
            todo.append(ToVerify(query, candidate, pair.boxes, pair.static_size))
        return verify_many(todo, self.matcher)


def score_pairs(
    pairs: pd.DataFrame, verifier: PairVerifier, calibrations: Calibrations
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Verify shortlisted pairs.

    Args:
        pairs: `query`, `candidate`, `similarity`, and `coat` where coats were compared.
        verifier: Compares them.
        calibrations: Make a probability of the scores.

    Returns:
        Matches table, and a problems table; pairs with a crop that cannot be read are left out.
    """
    problems = verifier.prepare(sorted({*pairs["query"], *pairs["candidate"]}))
    lost = {crop_id for crop_id in {*pairs["query"], *pairs["candidate"]} if not verifier.ready(crop_id)}
    pairs = pairs[~pairs["query"].isin(lost) & ~pairs["candidate"].isin(lost)].reset_index(drop=True)
    scores = verifier.verify_all(list(zip(pairs["query"].tolist(), pairs["candidate"].tolist(), strict=True)))
    table = pd.concat([pairs, scores], axis=1)
    table["similarity"] = table["similarity"].astype(float).round(6).clip(-1, 1)
    scored = {name: table[name].to_numpy(float) for name in (LOCAL, COAT) if name in table}
    table["probability"] = calibrations.probability(scored).round(6)
    return check(table, MATCHES), problems


def _scores(row: Mapping[str, bytes]) -> tuple[int, int, float]:
    """Matched spots, those that agree, and the local score of a pair as it is kept."""
    score = float(np.frombuffer(row["confidences"], np.float32).astype(float).sum())
    return len(row["inlier"]), row["inlier"].count(1), round(score, 4)


def _pack(verified: Verified) -> dict[str, bytes]:
    return {
        "points": verified.points.astype(np.float32).tobytes(),
        "confidences": verified.confidences.astype(np.float32).tobytes(),
        "inlier": verified.inlier.astype(np.uint8).tobytes(),
    }


def _unpack(row: dict[str, bytes]) -> Verified:
    return Verified(
        np.frombuffer(row["points"], np.float32).reshape(-1, 4),
        np.frombuffer(row["confidences"], np.float32).astype(float),
        np.frombuffer(row["inlier"], np.uint8).astype(bool),
    )

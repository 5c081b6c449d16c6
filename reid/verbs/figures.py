"""The pictures of a census report: crops, and each claimed match drawn spot to spot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reid._version import __version__
from reid.counts import MatchFigure, draw_match, jpeg_bytes
from reid.errors import InputError
from reid.match import PairVerifier
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import UNKNOWN, records
from reid.threads import ahead

__all__ = ["Drawn", "crop_pictures", "match_figures"]

SCHEMA = pa.schema([("jpeg", pa.binary())])

LONGEST = 640
"""Pixels of the longest side of a crop in a drawing."""
PART = 32
"""Pictures that are written together."""


class Drawn:
    """JPEG pictures of a report, kept by what they show, so that a season that grows draws what is new.

    Args:
        verifier: Knows the crops, and the spots of each pair.
        known: Crops of the catalogue: their pictures come from there, and not from a photo.
        folder: Where they are kept; None keeps none.
    """

    def __init__(
        self, verifier: PairVerifier, known: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        self.verifier, self.known = verifier, known or {}
        self.store = RowStore(folder, SCHEMA) if folder else None
        self.fresh: dict[str, dict[str, bytes]] = {}
        self.read: dict[str, dict[str, bytes]] = {}

    def look(self, what: str, shown: Iterable[Sequence[str]]) -> None:
        """Read in one go those pictures of these crops that are kept: to open the store for each takes longer."""
        if self.store:
            self.read.update(self.store.get(self._key(what, crop_ids) for crop_ids in shown))

    def get(self, what: str, crop_ids: Sequence[str], draw: Callable[[], bytes]) -> bytes:
        """The picture of these crops; `draw` makes it if it is not kept."""
        kept = self.kept(what, crop_ids)
        return self.keep(what, crop_ids, draw()) if kept is None else kept

    def kept(self, what: str, crop_ids: Sequence[str]) -> bytes | None:
        """The picture of these crops, if it was drawn before."""
        key = self._key(what, crop_ids)
        row = self.fresh.get(key) or self.read.get(key) or (self.store.get([key]).get(key) if self.store else None)
        return row["jpeg"] if row else None

    def keep(self, what: str, crop_ids: Sequence[str], picture: bytes) -> bytes:
        """Keep the picture of these crops, and give it back."""
        if self.store:
            self.fresh[self._key(what, crop_ids)] = {"jpeg": picture}
            if len(self.fresh) >= PART:
                self.write()
        return picture

    def _key(self, what: str, crop_ids: Sequence[str]) -> str:
        crops = [self.verifier.crops[crop_id] for crop_id in crop_ids]
        shown = [
            [self.verifier.features.key(crop["content_hash"], crop["bbox"]), str(crop["camera"]), crop_id in self.known]
            for crop, crop_id in zip(crops, crop_ids, strict=True)
        ]
        return digest(__version__, what, shown, length=24)

    def write(self) -> None:
        """Keep what was drawn."""
        if self.store:
            self.store.add(self.fresh)
        self.fresh = {}


def crop_pictures(crop_ids: Iterable[str], verifier: PairVerifier, drawn: Drawn | None = None) -> dict[str, bytes]:
    """JPEG pictures of crops for the report; one that can no longer be read is left out."""
    drawn = drawn or Drawn(verifier)
    drawn.look("crop", [[crop_id] for crop_id in set(crop_ids)])
    pictures = {crop_id: drawn.kept("crop", [crop_id]) for crop_id in sorted(set(crop_ids))}
    fresh = [crop_id for crop_id, picture in pictures.items() if picture is None]
    # threads read the photos ahead
    read = ahead(partial(_crop, verifier=verifier), fresh)
    progress = track(read, "pictures", len(pictures), "crop", len(pictures) - len(fresh))
    for crop_id, picture in zip(fresh, progress, strict=True):
        pictures[crop_id] = drawn.keep("crop", [crop_id], picture) if picture else None
    drawn.write()
    return {crop_id: picture for crop_id, picture in pictures.items() if picture}


def _crop(crop_id: str, verifier: PairVerifier) -> bytes:
    """A crop's picture; empty where it can no longer be read."""
    try:
        return jpeg_bytes(verifier.picture(crop_id, 480), 480, 80)
    except InputError:
        return b""


def match_figures(
    decisions: pd.DataFrame,
    crops: pd.DataFrame,
    matches: pd.DataFrame,
    verifier: PairVerifier,
    known: Mapping[str, str],
    least: float,
    most: int | None = None,
    drawn: Drawn | None = None,
) -> dict[str, list[MatchFigure]]:
    """Every claimed match, drawn as far as the report shows it.

    Args:
        decisions: Decisions table with the individuals' final names.
        crops: Crops table of the season.
        matches: Matches table.
        verifier: Knows the spots of each pair.
        known: Individual of every crop of the catalogue.
        least: Probability from which a match is a claim.
        most: Figures of an individual that the report shows; the others are without a picture. None draws all.
        drawn: Pictures kept from an earlier run.

    Returns:
        Figures by individual: for each of its encounters and sides the surest match, and the two sides that a pair of
        cameras saw; by encounter for unsure ones: what it may be.
    """
    named = dict(zip(decisions["encounter"], decisions["identity"], strict=True))
    whose = dict(known) | {
        crop: named[encounter] for crop, encounter in zip(crops["crop_id"], crops["encounter"], strict=True)
    }
    titles = {crop_id: _title(row) for crop_id, row in verifier.crops.items()}
    claimed = matches[matches["probability"] >= least]
    wanted = [
        *_claims(claimed, whose, verifier.crops),
        *_doubts(decisions[decisions["decision"] == "unsure"], claimed, verifier.crops),
    ]
    drawn = drawn or Drawn(verifier, known)
    figures: dict[str, list[MatchFigure]] = {}
    drawn.look("match", [(row.query, row.candidate) for _, row in wanted])
    for owner, row in track(wanted, "drawings", unit="match"):
        shown = most is None or len(figures.get(owner, ())) < most
        figure = _figure(row, titles, verifier, drawn if shown else None)
        if figure:
            figures.setdefault(owner, []).append(figure)
    for owner, ids in _paired(decisions, crops):
        shown = most is None or len(figures.get(owner, ())) < most
        pair = _pair_figure(ids, titles, verifier, drawn if shown else None)
        if pair:
            figures.setdefault(owner, []).append(pair)
    drawn.write()
    return figures


def _claims(
    matches: pd.DataFrame, whose: Mapping[str, str], crops: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Any]]:
    """The surest matches first, as long as they say something new about an encounter and a side of an individual."""
    shown: set[tuple[str, str]] = set()
    ranked = matches.sort_values(["probability", "local_score", "query"], ascending=[False, False, True], kind="stable")
    for row in records(ranked):
        owner = whose.get(row.query, UNKNOWN)
        ends = {(str(crops[crop]["encounter"]), str(crops[crop]["orientation"])) for crop in (row.query, row.candidate)}
        if owner != UNKNOWN and owner == whose.get(row.candidate) and not ends <= shown:
            shown |= ends
            yield owner, row


def _doubts(
    unsure: pd.DataFrame, matches: pd.DataFrame, crops: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Any]]:
    """The match that each unsure encounter may be somebody's by."""
    scored = {frozenset((row.query, row.candidate)): row for row in records(matches)}
    for row in records(unsure):
        if row.query in crops and row.candidate in crops and frozenset((row.query, row.candidate)) in scored:
            yield row.encounter, scored[frozenset((row.query, row.candidate))]


def _figure(row: Any, titles: Mapping[str, str], verifier: PairVerifier, drawn: Drawn | None) -> MatchFigure | None:
    """A match with its drawing; None where a picture can no longer be read."""
    ids = (row.query, row.candidate)

    def draw() -> bytes:
        pictures = [verifier.picture(crop_id, LONGEST) for crop_id in ids]
        verified = verifier.verify(*ids)
        spots = (verified.points[:, :2], verified.points[:, 2:])
        ends = [
            _in_picture(points, verifier.crops[crop_id]["bbox"], picture)
            for points, crop_id, picture in zip(spots, ids, pictures, strict=True)
        ]
        return jpeg_bytes(draw_match(pictures[0], pictures[1], ends[0], ends[1], verified.confidences), 1000, 80)

    try:
        image = drawn.get("match", ids, draw) if drawn else None
    except InputError:
        return None
    return MatchFigure(
        caption=f"{titles[row.query]} and {titles[row.candidate]}",
        image=image,
        probability=float(row.probability),
        score=round(float(row.local_score), 1),
        spots=int(row.matches),
        kind="same flank",
    )


def _paired(decisions: pd.DataFrame, crops: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """The crops of two sides of an encounter that two cameras of one station saw, with whose it is."""
    owner = dict(zip(decisions["encounter"], decisions["identity"], strict=True))
    for encounter, group in crops.groupby("encounter", sort=True):
        if owner.get(encounter, UNKNOWN) == UNKNOWN or group["camera"].nunique() < 2:
            continue
        area = group["bbox"].map(lambda box: box[2] * box[3])
        best = group.loc[area.groupby(group["camera"]).idxmax()].sort_values("camera", kind="stable").head(2)
        yield owner[encounter], [str(crop_id) for crop_id in best["crop_id"]]


def _pair_figure(
    ids: list[str], titles: Mapping[str, str], verifier: PairVerifier, drawn: Drawn | None
) -> MatchFigure | None:
    def draw() -> bytes:
        pictures, none = [verifier.picture(crop_id, LONGEST) for crop_id in ids], np.zeros((0, 2))
        return jpeg_bytes(draw_match(pictures[0], pictures[1], none, none, np.zeros(0)), 1000, 80)

    try:
        image = drawn.get("pair", ids, draw) if drawn else None
    except InputError:
        return None
    return MatchFigure(
        caption=f"{titles[ids[0]]} and {titles[ids[1]]}: one animal between two cameras",
        image=image,
        kind="paired cameras",
    )


def _title(row: Mapping[str, Any]) -> str:
    """Camera, time and flank of a crop."""
    place = row["camera"] if pd.notna(row["camera"]) else row["path"]
    when = f" {row['date']:%Y-%m-%d %H:%M}" if pd.notna(row["date"]) else ""
    return f"{place}{when}, {row['orientation']}"


def _in_picture(points: np.ndarray, box: list[float], picture: np.ndarray) -> np.ndarray:
    """Spots in pixels of a photo, in pixels of the crop's picture."""
    scale = np.array([picture.shape[1] / box[2], picture.shape[0] / box[3]])
    return (points - np.array(box[:2])) * scale

"""The pictures of a census report: crops, and each claimed match drawn spot to spot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from reid.counts import MatchFigure, draw_match, jpeg_bytes
from reid.errors import InputError
from reid.match import PairVerifier
from reid.progress import track
from reid.tables import UNKNOWN, records

__all__ = ["crop_pictures", "match_figures"]

LONGEST = 640
"""Pixels of the longest side of a crop in a drawing."""


def crop_pictures(crop_ids: Iterable[str], verifier: PairVerifier) -> dict[str, bytes]:
    """JPEG pictures of crops for the report; one that can no longer be read is left out."""
    pictures = {}
    for crop_id in track(sorted(set(crop_ids)), "pictures", unit="crop"):
        try:
            pictures[crop_id] = jpeg_bytes(verifier.picture(crop_id, 480), 480, 80)
        except InputError:
            continue
    return pictures


def match_figures(
    decisions: pd.DataFrame,
    crops: pd.DataFrame,
    matches: pd.DataFrame,
    verifier: PairVerifier,
    known: Mapping[str, str],
    least: float,
) -> dict[str, list[MatchFigure]]:
    """Every claimed match, drawn.

    Args:
        decisions: Decisions table with the individuals' final names.
        crops: Crops table of the season.
        matches: Matches table.
        verifier: Knows the spots of each pair.
        known: Individual of every crop of the catalogue.
        least: Probability from which a match is a claim.

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
    figures: dict[str, list[MatchFigure]] = {}
    for owner, row in track(wanted, "drawings", unit="match"):
        figure = _drawn(row, titles, verifier)
        if figure:
            figures.setdefault(owner, []).append(figure)
    for owner, figure in _paired(decisions, crops, titles, verifier.picture):
        figures.setdefault(owner, []).append(figure)
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


def _drawn(row: Any, titles: Mapping[str, str], verifier: PairVerifier) -> MatchFigure | None:
    ids = (row.query, row.candidate)
    try:
        pictures = [verifier.picture(crop_id, LONGEST) for crop_id in ids]
        verified = verifier.verify(*ids)
    except InputError:
        return None
    spots = (verified.points[:, :2], verified.points[:, 2:])
    ends = [
        _in_picture(points, verifier.crops[crop_id]["bbox"], picture)
        for points, crop_id, picture in zip(spots, ids, pictures, strict=True)
    ]
    return MatchFigure(
        caption=f"{titles[row.query]} and {titles[row.candidate]}",
        image=jpeg_bytes(draw_match(pictures[0], pictures[1], ends[0], ends[1], verified.confidences), 1000, 80),
        probability=float(row.probability),
        score=round(verified.score, 1),
        spots=len(verified.points),
        kind="same flank",
    )


def _paired(
    decisions: pd.DataFrame,
    crops: pd.DataFrame,
    titles: Mapping[str, str],
    picture: Callable[[str, int], np.ndarray],
) -> Iterable[tuple[str, MatchFigure]]:
    """The two sides of an encounter that two cameras of one station saw."""
    owner = dict(zip(decisions["encounter"], decisions["identity"], strict=True))
    for encounter, group in crops.groupby("encounter", sort=True):
        if owner.get(encounter, UNKNOWN) == UNKNOWN or group["camera"].nunique() < 2:
            continue
        area = group["bbox"].map(lambda box: box[2] * box[3])
        best = group.loc[area.groupby(group["camera"]).idxmax()].sort_values("camera", kind="stable").head(2)
        ids = [str(crop_id) for crop_id in best["crop_id"]]
        try:
            pictures = [picture(crop_id, LONGEST) for crop_id in ids]
        except InputError:
            continue
        none = np.zeros((0, 2))
        image = draw_match(pictures[0], pictures[1], none, none, np.zeros(0))
        yield (
            owner[encounter],
            MatchFigure(
                caption=f"{titles[ids[0]]} and {titles[ids[1]]}: one animal between two cameras",
                image=jpeg_bytes(image, 1000, 80),
                kind="paired cameras",
            ),
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

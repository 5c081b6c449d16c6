"""The pictures of a census report: crops, and each claimed match drawn spot to spot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    decisions: pd.DataFrame, crops: pd.DataFrame, matches: pd.DataFrame, verifier: PairVerifier
) -> dict[str, list[MatchFigure]]:
    """Every claimed match, drawn.

    Args:
        decisions: Decisions table with the individuals' final names.
        crops: Crops table of the season.
        matches: Matches table.
        verifier: Knows the spots of each pair.

    Returns:
        Figures by individual: the pair of crops that holds each of its encounters, the surest first, and the two
        sides that a pair of cameras saw; by encounter for unsure ones: what it may be.
    """
    scored = {frozenset((row.query, row.candidate)): row for row in records(matches)}
    titles = {row["crop_id"]: _title(row) for row in verifier.crops.values()}
    figures: dict[str, list[MatchFigure]] = {}
    wanted: dict[tuple[str, frozenset[str]], tuple[str, str]] = {}
    for row in records(decisions):
        if (
            pd.isna(row.query)
            or pd.isna(row.candidate)
            or row.query not in verifier.crops
            or row.candidate not in verifier.crops
        ):
            continue
        if row.decision == "unsure":
            wanted[row.encounter, frozenset((row.query, row.candidate))] = (row.query, row.candidate)
        elif row.reason.startswith("same spots"):
            wanted.setdefault((row.identity, frozenset((row.query, row.candidate))), (row.query, row.candidate))
    ranked = sorted(wanted.items(), key=lambda item: (item[0][0], -_probability(scored.get(item[0][1])), item[1]))
    for (owner, pair), (query, candidate) in track(ranked, "drawings", unit="match"):
        figure = _drawn(query, candidate, scored.get(pair), titles, verifier)
        if figure:
            figures.setdefault(owner, []).append(figure)
    for owner, figure in _paired(decisions, crops, titles, verifier.picture):
        figures.setdefault(owner, []).append(figure)
    return figures


def _probability(row: Any) -> float:
    return float(row.probability) if row is not None else 0.0


def _drawn(
    query: str, candidate: str, row: Any, titles: Mapping[str, str], verifier: PairVerifier
) -> MatchFigure | None:
    try:
        pictures = [verifier.picture(crop_id, LONGEST) for crop_id in (query, candidate)]
        verified = verifier.verify(query, candidate)
    except InputError:
        return None
    ends = [
        _in_picture(points, verifier.crops[crop_id]["bbox"], picture)
        for points, crop_id, picture in zip(
            (verified.points[:, :2], verified.points[:, 2:]), (query, candidate), pictures, strict=True
        )
    ]
    image = draw_match(
        pictures[0], pictures[1], ends[0], ends[1], verified.confidences, titles[query], titles[candidate]
    )
    return MatchFigure(
        caption=f"{titles[query]} and {titles[candidate]}",
        image=jpeg_bytes(image, 1000, 80),
        probability=_probability(row) if row is not None else None,
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
        image = draw_match(pictures[0], pictures[1], none, none, np.zeros(0), titles[ids[0]], titles[ids[1]])
        yield (
            owner[encounter],
            MatchFigure(
                caption=f"{titles[ids[0]]} and {titles[ids[1]]}: one animal between two cameras",
                image=jpeg_bytes(image, 1000, 80),
                kind="paired cameras",
            ),
        )


def _title(row: Mapping[str, Any]) -> str:
    """Camera, time and flank of a crop; the run too, for one from the catalogue."""
    place = row["camera"] if pd.notna(row["camera"]) else row["path"]
    when = f" {row['date']:%Y-%m-%d %H:%M}" if pd.notna(row["date"]) else ""
    return f"{place}{when}, {row['orientation']}"


def _in_picture(points: np.ndarray, box: list[float], picture: np.ndarray) -> np.ndarray:
    """Spots in pixels of a photo, in pixels of the crop's picture."""
    scale = np.array([picture.shape[1] / box[2], picture.shape[0] / box[3]])
    return (points - np.array(box[:2])) * scale

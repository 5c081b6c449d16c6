"""The official protocol of ATRW's plain re-identification track (Amur Tiger Re-identification in the Wild), from its own
ground-truth file.

The file is a JSON list with an entry a photo: `imgid`, a number; `query`, `sing` or `multi` for a query of the
single-camera or cross-camera track; `frame`, three numbers, of which the first two say the clip and the third the frame in
it; `entityid`, one flank of one tiger, -1 for a photo that is left out of every gallery.

Each query is asked against all other photos, of either track. Left out are photos of the same entity, clip and at most
three frames away. Tracks differ in their queries alone: a cross-camera query keeps the photos of its own camera, too.
A query without a right photo has an average precision of 0 and misses every top-k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import FormatError, InputError
from reid.evaluate.bootstrap import Statistic, with_interval
from reid.evaluate.retrieval import placed, similarity_blocks
from reid.outside import LARGEST, read_json

__all__ = ["GroundTruth", "atrw_answers", "atrw_figures", "atrw_table", "read_ground_truth"]

TRACKS = {"sing": "single_camera", "multi": "cross_camera"}
FRAMES = 3
JUNK = -1


@dataclass(frozen=True)
class GroundTruth:
    """ATRW's ground truth; one entry a photo, in the file's order.

    Attributes:
        images: Numbers of the photos, int64, (n,).
        entities: Numbers of the entities, int64, (n,).
        frames: Clip, in two numbers, and frame, int64, (n, 3).
        tracks: `single_camera`, `cross_camera`, or an empty text, (n,).
    """

    images: np.ndarray
    entities: np.ndarray
    frames: np.ndarray
    tracks: np.ndarray


def read_ground_truth(path: str | Path) -> GroundTruth:
    """Read `gt_test_plain.json`.

    Raises:
        InputError: there is no such file.
        FormatError: it is not ATRW's ground truth.
    """
    path = Path(path)
    try:
        entries = read_json(path, LARGEST)
        rows = [(int(e["imgid"]), int(e["entityid"]), [int(v) for v in e["frame"]], e["query"]) for e in entries]
    except OSError as error:
        raise InputError(f"no ground truth can be read from {path}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FormatError(
            f"{path} is not ATRW's ground truth ({type(error).__name__}: {error}); expected is a list with imgid, query, frame "
            "and entityid."
        ) from None
    if not rows or any(len(frame) != 3 for _, _, frame, _ in rows):
        raise FormatError(f"{path} is not ATRW's ground truth: it is empty, or a frame is not three numbers.")
    if not all(abs(number) < 1 << 62 for row in rows for number in (row[0], row[1], *row[2])):
        raise FormatError(f"{path} is not ATRW's ground truth: a number in it is larger than any of a photo's.")
    images = np.array([row[0] for row in rows])
    if len(np.unique(images)) != len(images):
        raise FormatError(f"{path} names an imgid twice; expected is one entry a photo.")
    tracks = np.array([TRACKS.get(row[3], "") if isinstance(row[3], str) else "" for row in rows])
    return GroundTruth(images, np.array([row[1] for row in rows]), np.array([row[2] for row in rows]), tracks)


def atrw_table(truth: GroundTruth, vectors: Mapping[int, np.ndarray], block: int = 0) -> pd.DataFrame:
    """How each query fared.

    Args:
        truth: The ground truth.
        vectors: Unit vectors by `imgid`, for every photo of the ground truth.
        block: Queries at a time; 0 for a size that suits.

    Returns:
        A row a query: `image`, `identity` (the entity), `track`, `positives`, `first_rank`, `ap`.

    Raises:
        InputError: a photo of the ground truth has no vector.
    """
    gallery, asked = _stacked(truth, vectors), np.flatnonzero(truth.tracks != "")
    rows = []
    for start, similarity in similarity_blocks(gallery[asked], gallery, block):
        for n, scores in enumerate(similarity, start):
            query = asked[n]
            out = _excluded(truth, query)
            out[query] = True
            right = (truth.entities == truth.entities[query]) & ~out
            rows.append(_row(truth, query, scores[right], scores[~right & ~out]))
    return pd.DataFrame(rows, columns=["image", "identity", "track", "positives", "first_rank", "ap"])


def atrw_answers(truth: GroundTruth, answers: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The same from a submission: a list of `query_id` and `ans_ids`, the most similar first.

    Photos that an answer does not list are not ranked, so right ones among them do not lower its average precision: the
    official script does not miss them either. List all.

    Raises:
        FormatError: an answer names a photo that the ground truth does not have, or a query has no answer.
    """
    place = {int(image): n for n, image in enumerate(truth.images)}
    rows = []
    for answer in answers:
        try:
            query = place[int(answer["query_id"])]
            listed = np.array([place[int(image)] for image in answer["ans_ids"]], dtype=np.int64)
        except (KeyError, ValueError, TypeError) as error:
            raise FormatError(f"an answer does not fit the ground truth: {type(error).__name__} {error}.") from None
        if truth.tracks[query]:
            kept = listed[~_excluded(truth, query)[listed] & (listed != query)]
            right = truth.entities[kept] == truth.entities[query]
            scores = -np.arange(len(kept), dtype=float)
            rows.append(_row(truth, query, scores[right], scores[~right]))
    missing = sorted(set(truth.images[truth.tracks != ""].tolist()) - {row[0] for row in rows})
    if missing:
        raise FormatError(f"{len(missing)} queries have no answer, the first is {missing[0]}; each needs one.")
    return pd.DataFrame(rows, columns=["image", "identity", "track", "positives", "first_rank", "ap"])


def atrw_figures(table: pd.DataFrame, draws: int = 1000) -> dict[str, Any]:
    """By track: number of queries, those without a right photo, and mAP, top-1 and top-5 with intervals over entities."""
    out: dict[str, Any] = {}
    for track in TRACKS.values():
        part = table[table["track"] == track]
        if part.empty:
            continue
        first = part["first_rank"].to_numpy(dtype=float, na_value=np.inf)
        figures: dict[str, Any] = {"queries": len(part), "undefined": int((part["positives"] == 0).sum())}
        named = {"map": part["ap"].to_numpy(dtype=float), "top_1": first <= 1, "top_5": first <= 5}
        for name, values in named.items():
            figures[name] = with_interval(_mean_of(np.asarray(values, dtype=float)), part["identity"].tolist(), draws)
        out[track] = figures
    return out


def _mean_of(values: np.ndarray) -> Statistic:
    return lambda rows: float(values[rows].mean())


def _excluded(truth: GroundTruth, query: int) -> np.ndarray:
    """Photos that are no answer to a query: a few frames away in its own clip, or junk."""
    same = truth.entities == truth.entities[query]
    clip = np.all(truth.frames[:, :2] == truth.frames[query, :2], axis=1)
    near = np.abs(truth.frames[:, 2] - truth.frames[query, 2]) <= FRAMES
    return np.asarray((same & clip & near) | (truth.entities == JUNK))


def _row(truth: GroundTruth, query: int, right: np.ndarray, wrong: np.ndarray) -> tuple[Any, ...]:
    count, first, ap, _ = placed(right, np.sort(wrong))
    about = int(truth.images[query]), str(truth.entities[query]), str(truth.tracks[query])
    return (*about, count, first if count else np.inf, ap if count else 0.0)


def _stacked(truth: GroundTruth, vectors: Mapping[int, np.ndarray]) -> np.ndarray:
    missing = [int(image) for image in truth.images if int(image) not in vectors]
    if missing:
        raise InputError(
            f"{len(missing)} photos of ATRW's ground truth have no vector, the first is {missing[0]}. The table's image_id, or "
            "its file names without their ending, must be the ground truth's imgid."
        )
    return np.stack([vectors[int(image)] for image in truth.images])

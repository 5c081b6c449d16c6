"""From labelled data sets to arrays: what is trained on, what is judged, and what was left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd

from reid.errors import InputError
from reid.tables import FLANKS, UNKNOWN
from reid.train.classes import usable
from reid.train.datasets import labels_hash, read_data_sets
from reid.train.facing import facing, posed
from reid.train.holdout import Parts, hold_out
from reid.train.pictures import decoded, enlarged
from reid.train.recipe import Recipe
from reid.train.retrieval import Task, task_of

__all__ = ["Material", "prepare"]


@dataclass(frozen=True)
class Material:
    """What a training works on.

    Attributes:
        pictures: uint8 (n, 3, H, W), training crops, larger than the network's input.
        classes: (n,) numbers of their classes.
        datasets: (n,) numbers of their data sets.
        encounters: (n,) numbers of their encounters; a crop that names none is one of its own.
        flanks: (n,) the flank that each picture shows as it is kept, in the order of `FLANKS`; -1 where no label says.
        names: Names of the classes.
        held_out: uint8 (m, 3, h, w), at the network's input; None where nothing is judged.
        task: What is judged; None likewise.
        left_out: Table of dataset, path, reason.
        facts: JSON-like: each data set's hash and numbers.
    """

    pictures: np.ndarray
    classes: np.ndarray
    datasets: np.ndarray
    encounters: np.ndarray
    flanks: np.ndarray
    names: list[str]
    held_out: np.ndarray | None
    task: Task | None
    left_out: pd.DataFrame
    facts: dict[str, Any]


def prepare(sources: Sequence[str], recipe: Recipe, cache: Path) -> Material:
    """Read, check, divide and decode.

    Args:
        sources: Data sets, as for `read_data_sets`.
        recipe: The settings.
        cache: Folder for decoded crops and photos' facts; runs may share it.

    Raises:
        InputError, FormatError, TableError: the data cannot be trained on; the message says why.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(str(cache / "material.lock")):
        frame, unread = read_data_sets(sources, cache / "scan")
        hashes = {str(name): labels_hash(rows) for name, rows in frame.groupby("dataset")}
        rows, unused = usable(frame, recipe.labels)
        find = recipe.labels.find_flanks and recipe.network.face == "left"
        if recipe.network.frame == "torso":
            rows["facing"], rows["torso"] = posed(rows, find, cache / "torsos")
        else:
            rows["facing"] = facing(rows, find, cache / "flanks")
        parts = hold_out(rows, recipe.validation, frame)
        pictures, bad = decoded(rows.iloc[parts.train], enlarged(recipe.network), cache / "crops")
        judged = np.union1d(parts.query, parts.gallery)
        held_out, bad_held = decoded(rows.iloc[judged], recipe.network, cache / "crops") if len(judged) else (None, {})
    damaged = {int(parts.train[n]): why for n, why in bad.items()} | {
        int(judged[n]): why for n, why in bad_held.items()
    }
    unreadable = rows.iloc[sorted(damaged)][["dataset", "path"]].assign(reason=[damaged[n] for n in sorted(damaged)])
    left_out = pd.concat([unread, unused, unreadable], ignore_index=True).drop_duplicates(ignore_index=True)
    kept, parts = _without(parts, damaged)
    labels = rows["label"].iloc[parts.train]
    if labels.nunique() < 2:
        raise InputError(
            f"fewer than two classes have photos that can be decoded; {len(unreadable)} cannot, the first: {left_out['path'].iloc[-1]}."
        )
    classes, names = pd.factorize(labels, sort=True)
    task = task_of(rows, parts.query, parts.gallery) if len(parts.query) else None
    if task is not None and held_out is not None and len(task.rows) < len(held_out):
        held_out = held_out[np.searchsorted(judged, task.rows)]
    return Material(
        pictures if len(kept) == len(pictures) else pictures[kept],
        classes,
        pd.factorize(rows["dataset"].iloc[parts.train])[0],
        _encounters(rows.iloc[parts.train]),
        _shown(rows["orientation"].iloc[parts.train], recipe.network.face),
        list(map(str, names)),
        held_out,
        task,
        left_out,
        {str(name): _facts(str(name), rows, parts, left_out, hashes[str(name)]) for name in rows["dataset"].unique()},
    )


def _without(parts: Parts, damaged: dict[int, str]) -> tuple[np.ndarray, Parts]:
    """The parts without rows that cannot be decoded, and which of the training rows are left."""
    bad = list(damaged)
    kept = np.flatnonzero(~np.isin(parts.train, bad))
    query, gallery = (part[~np.isin(part, bad)] for part in (parts.query, parts.gallery))
    return kept, replace(parts, train=parts.train[kept], query=query, gallery=gallery)


def _encounters(rows: pd.DataFrame) -> np.ndarray:
    alone = pd.Series([f"crop {number}" for number in range(len(rows))], rows.index)
    named = rows["dataset"].astype(str) + "/" + rows["encounter"].astype(str)
    return np.asarray(pd.factorize(named.where(rows["encounter"].notna(), alone))[0], np.int64)


def _shown(orientation: pd.Series, face: str) -> np.ndarray:
    """Numbers of the flanks that the kept pictures show: turned right flanks look left."""
    names = orientation.replace("right", "left") if face == "left" else orientation
    return np.array([-1 if name == UNKNOWN else FLANKS.index(name) for name in names], np.int64)


def _facts(name: str, rows: pd.DataFrame, parts: Parts, left_out: pd.DataFrame, digest: str) -> dict[str, Any]:
    own = {part: rows.iloc[getattr(parts, part)] for part in ("train", "query")}
    own = {part: table[table["dataset"] == name] for part, table in own.items()}
    return {
        "hash": digest,
        "training_crops": len(own["train"]),
        "training_individuals": int(own["train"]["identity"].nunique()),
        "classes": int(own["train"]["label"].nunique()),
        "held_out_crops": len(own["query"]),
        "held_out_individuals": int(own["query"]["identity"].nunique()),
        "left_out": int((left_out["dataset"] == name).sum()),
    }

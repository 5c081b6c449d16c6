"""How well vectors find the same flank again; the figures that choose the best weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["Task", "figures", "task_of"]

BLOCK = 512


@dataclass(frozen=True)
class Task:
    """What is asked about and what is searched.

    Attributes:
        rows: (n,) numbers in the labelled table of every crop that needs a vector.
        query: (q,) which of them are asked about.
        gallery: (g,) which of them are searched.
        dataset, identity, label, encounter: (n,) codes; an encounter of -1 is not known.
    """

    rows: np.ndarray
    query: np.ndarray
    gallery: np.ndarray
    dataset: np.ndarray
    identity: np.ndarray
    label: np.ndarray
    encounter: np.ndarray
    names: tuple[str, ...]


def task_of(frame: pd.DataFrame, query: np.ndarray, gallery: np.ndarray) -> Task:
    """The task for rows of a labelled table (needs `dataset`, `identity`, `label`, `encounter`)."""
    rows = np.union1d(query, gallery)
    part = frame.iloc[rows]
    dataset, names = pd.factorize(part["dataset"], sort=True)
    who = part["dataset"].astype(str) + "/" + part["identity"].astype(str)
    when = part["dataset"].astype(str) + "/" + part["encounter"].astype(str)
    encounter = np.where(part["encounter"].isna(), -1, pd.factorize(when)[0])
    return Task(
        rows,
        np.searchsorted(rows, query),
        np.searchsorted(rows, gallery),
        dataset,
        pd.factorize(who)[0],
        pd.factorize(part["label"])[0],
        encounter,
        tuple(map(str, names)),
    )


def figures(vectors: np.ndarray, task: Task) -> dict[str, float]:
    """Retrieval of a task.

    A query is searched in the gallery of its own data set, by cosine. Photos of its class (individual and flank)
    are right. Itself, photos of its own encounter, and other flanks of its individual count neither way. Queries
    that nothing right is left for are not asked.

    Args:
        vectors: Unit vectors (n, d), one for each of `task.rows`.
        task: What is asked.

    Returns:
        `mAP`, mean average precision over the whole gallery, and `top1`, the share whose first answer is right,
        each as the mean over the data sets; the same for each data set as `NAME/mAP` and `NAME/top1`, with
        `NAME/queries`, how many were asked. Data sets without a query that can be asked are not named.
    """
    out: dict[str, float] = {}
    for code, name in enumerate(task.names):
        query = task.query[task.dataset[task.query] == code]
        gallery = task.gallery[task.dataset[task.gallery] == code]
        parts = [_answers(vectors, query[s : s + BLOCK], gallery, task) for s in range(0, len(query), BLOCK)]
        precision, first = (
            (np.concatenate(both) for both in zip(*parts, strict=True)) if parts else (np.zeros(0), np.zeros(0))
        )
        if len(precision):
            out[f"{name}/mAP"] = float(precision.mean())
            out[f"{name}/top1"] = float(first.mean())
            out[f"{name}/queries"] = float(len(precision))
    for figure in ("mAP", "top1"):
        values = [value for key, value in out.items() if key.endswith(f"/{figure}")]
        if values:
            out[figure] = float(np.mean(values))
    return out


def _answers(vectors: np.ndarray, query: np.ndarray, gallery: np.ndarray, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and whether the first is right, of the queries that can be asked."""
    similarity = vectors[query] @ vectors[gallery].T
    same = task.label[query][:, None] == task.label[gallery]
    aside = (task.identity[query][:, None] == task.identity[gallery]) & ~same
    together = (task.encounter[query][:, None] == task.encounter[gallery]) & (task.encounter[query] >= 0)[:, None]
    aside |= together | (query[:, None] == gallery)
    similarity[aside] = -np.inf
    order = np.argsort(-similarity, axis=1, kind="stable")
    right = np.take_along_axis(same & ~aside, order, axis=1)
    asked = right.any(axis=1)
    right = right[asked]
    hits = right.cumsum(axis=1)
    precision = (hits / np.arange(1, len(gallery) + 1) * right).sum(axis=1) / np.maximum(1, right.sum(axis=1))
    return precision, right[:, 0] if len(right) else np.zeros(0)

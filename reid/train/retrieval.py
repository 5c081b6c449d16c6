"""How well vectors find the same flank again; the figures that choose the best weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid.evaluate.retrieval import rank

__all__ = ["Task", "figures", "tally", "task_of"]

COLUMNS = ["dataset", "crop_id", "identity", "label", "encounter"]


@dataclass(frozen=True)
class Task:
    """What is asked about and what is searched.

    Attributes:
        rows: (n,) numbers in the labelled table of every crop that needs a vector.
        frame: These n rows: `dataset`, `crop_id`, `identity`, `label`, `encounter`.
        query: (q,) which of the n are asked about.
        gallery: (g,) which of them are searched.
    """

    rows: np.ndarray
    frame: pd.DataFrame
    query: np.ndarray
    gallery: np.ndarray


def task_of(frame: pd.DataFrame, query: np.ndarray, gallery: np.ndarray) -> Task:
    """The task for rows of a labelled table; queries and gallery may overlap."""
    rows = np.union1d(query, gallery)
    part = frame.iloc[rows][COLUMNS].reset_index(drop=True)
    return Task(rows, part, np.searchsorted(rows, query), np.searchsorted(rows, gallery))


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

    Raises:
        InputError: a vector is not finite.
    """
    return tally(task, lambda query, gallery: (vectors[query], vectors[gallery]))


def tally(task: Task, seen: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """As `figures`, of whatever compares the crops of a task.

    Args:
        task: What is asked.
        seen: From the numbers of a data set's queries (q,) and gallery (g,) to vectors of both, (q, d) and (g, d), whose
            products are the similarities.
    """
    out: dict[str, float] = {}
    dataset = task.frame["dataset"].to_numpy(dtype=object)
    for name in sorted(set(dataset)):
        query, gallery = (rows[dataset[rows] == name] for rows in (task.query, task.gallery))
        asked, searched = task.frame.iloc[query], task.frame.iloc[gallery]
        found = rank(*seen(query, gallery), asked, searched, ("encounter",), hits=1, right="label").table
        found = found[found["positives"] > 0]
        if len(found):
            out[f"{name}/mAP"] = float(found["ap"].mean())
            out[f"{name}/top1"] = float((found["first_rank"] == 1).mean())
            out[f"{name}/queries"] = float(len(found))
    for figure in ("mAP", "top1"):
        values = [value for key, value in out.items() if key.endswith(f"/{figure}")]
        if values:
            out[figure] = float(np.mean(values))
    return out

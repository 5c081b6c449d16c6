"""One model's vectors, judged by one split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reid.evaluate.figures import cmc, grouped, retrieval_figures
from reid.evaluate.grouping import choose_threshold, group_photos, grouping_figures, halves
from reid.evaluate.openset import OpenSet, openset_curve, openset_figures
from reid.evaluate.protocol import ProtocolSettings
from reid.evaluate.retrieval import Ranking, rank
from reid.evaluate.splits import Split

__all__ = ["Judged", "judge"]

LEAST_ANIMALS = 8
"""Animals below which photos are not grouped: half of them choose the threshold, half are judged."""


@dataclass(frozen=True)
class Judged:
    """A model's figures, and what its curves and pictures are drawn from.

    Attributes:
        name: Of the model.
        figures: As in `metrics.json`.
        curves: `cmc` by view, and `open_set`.
        ranking: Of the queries, by the protocol's own exclusions; None for a protocol that brings its own ranking.
    """

    name: str
    figures: dict[str, Any]
    curves: dict[str, Any]
    ranking: Ranking | None


def judge(name: str, vectors: np.ndarray, split: Split, settings: ProtocolSettings, draws: int = 1000) -> Judged:
    """Judge a model's vectors.

    Args:
        name: Of the model.
        vectors: Unit vectors, (n, d), a row for each row of the split's frame; those of rows that take no part are not
            looked at.
        split: Who is known and who is asked about.
        settings: The protocol.
        draws: Of the bootstrap; 0 for no intervals.

    Returns:
        Figures `retrieval` by view (`all`, and `other_encounters` where the table names encounters), `by` number of
        right photos and flank, `open_set` where some queries show new animals, and `grouping` of the queries among
        themselves; the last two are null where they are undefined.
    """
    queries, gallery = split.frame.iloc[split.queries], split.frame.iloc[split.gallery]

    def ranked(exclude: tuple[str, ...]) -> Ranking:
        return rank(vectors[split.queries], vectors[split.gallery], queries, gallery, exclude)

    ranking = ranked(settings.exclude)
    views = {"all": ranking}
    named = "encounter" in split.frame.columns and bool(queries["encounter"].notna().any())
    if named and "encounter" not in settings.exclude and split.name != "encounter":
        views["other_encounters"] = ranked((*settings.exclude, "encounter"))
    strangers = _strangers(queries, gallery, split)
    figures = {
        "retrieval": {key: retrieval_figures(view.table, settings.undefined, draws) for key, view in views.items()},
        "by": {key: grouped(view.table, settings.undefined) for key, view in views.items()},
        "open_set": openset_figures(ranking.table, draws) if strangers else None,
        "grouping": _grouping(vectors[split.queries], queries),
    }
    curves = {
        "cmc": {key: cmc(view.table, undefined=settings.undefined).tolist() for key, view in views.items()},
        "open_set": openset_curve(OpenSet.of(ranking.table)) if strangers else None,
    }
    return Judged(name, figures, curves, ranking)


def _strangers(queries: pd.DataFrame, gallery: pd.DataFrame, split: Split) -> bool:
    """Whether some queries show animals that the gallery truly lacks."""
    return not split.among_themselves and not queries["identity"].isin(gallery["identity"]).all()


def _grouping(vectors: np.ndarray, queries: pd.DataFrame) -> dict[str, Any] | None:
    """Groups among half of the animals, with the threshold that suits the other half."""
    names = queries["identity"].to_numpy(dtype=object)
    if len(set(names)) < LEAST_ANIMALS:
        return None
    chosen = halves(names.tolist())

    def among(rows: np.ndarray) -> Ranking:
        return rank(vectors[rows], vectors[rows], queries[rows], queries[rows])

    threshold = choose_threshold(among(chosen), names[chosen].tolist())
    groups = group_photos(among(~chosen), threshold)
    figures = grouping_figures(names[~chosen].tolist(), groups.tolist())
    return {"threshold": threshold, "photos": int((~chosen).sum()), **figures}

"""Drawings of seasons and of discovery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_discovery", "draw_seasons", "save_figure"]

MET, NEW, LINE = "#4c78a8", "#f2a541", "#333333"


def draw_seasons(table: pd.DataFrame) -> Figure:
    """Known individuals by season: those met before below, new ones above, and all known so far as a line.

    Args:
        table: As `known_by_season` makes it.
    """
    figure, axes = _axes("season", "individuals")
    labels = [str(season) for season in table.index]
    again = table["met"] - table["new"]
    axes.bar(labels, again, color=MET, label="met before")
    axes.bar(labels, table["new"], bottom=again, color=NEW, label="new")
    axes.plot(labels, table["known"], color=LINE, marker="o", markersize=4, label="known so far")
    axes.legend(frameon=False)
    return figure


def draw_discovery(curve: pd.DataFrame) -> Figure:
    """Individuals against encounters, as they came and as chance alone would have it.

    Args:
        curve: As `discovery` makes it.
    """
    figure, axes = _axes("encounters", "individuals")
    axes.step(curve["encounters"], curve["individuals"], where="post", color=MET, label="as they came")
    axes.plot(curve["encounters"], curve["expected"], color=LINE, linestyle="--", label="mean of all orders")
    axes.legend(frameon=False, loc="lower right")
    return figure


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, the same bytes every time."""
    path = Path(path)
    figure.savefig(path, format="png", dpi=144, metadata={"Software": None})
    return path

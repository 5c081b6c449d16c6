"""Drawings of seasons and of discovery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_discovery", "draw_estimates", "draw_residency", "draw_seasons", "save_figure"]

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


def draw_estimates(rows: pd.DataFrame, confidence: float) -> Figure:
    """Closed estimates with their intervals, a line for each model and flank, as named and with identities drawn.

    Args:
        rows: As `estimate_population` makes them: `model`, `flanks`, `identities`, `n`, `low`, `high`, `captured`.
        confidence: Of the intervals.
    """
    from matplotlib.figure import Figure

    rows = rows[rows["flanks"].isin(["left", "right", "averaged"]) & (rows["model"] != "minimum")]
    models = list(dict.fromkeys(rows["model"]))
    panels = list(dict.fromkeys(rows["flanks"]))
    figure = Figure(figsize=(2.6 + 2.3 * max(len(panels), 1), 1.2 + 0.42 * max(len(models), 1)), layout="constrained")
    every = figure.subplots(1, max(len(panels), 1), sharey=True, sharex=True, squeeze=False)[0]
    ends = [x for x in rows["high"].astype(float) if x == x]
    most = max([1.0, *rows["n"].astype(float).dropna()])
    right = min(max([most, *ends]), 3 * most) * 1.05
    for axes, flank in zip(every, panels, strict=False):
        for identities, colour, shift in (("as named", MET, -0.14), ("drawn", NEW, 0.14)):
            part = rows[(rows["flanks"] == flank) & (rows["identities"] == identities)].set_index("model")
            label = {"as named": "as named", "drawn": "undecided identities drawn"}[identities]
            for at, model in enumerate(models):
                if model not in part.index or part.loc[model, "n"] != part.loc[model, "n"]:
                    continue
                n, low, high = (float(part.loc[model, name]) for name in ("n", "low", "high"))
                beyond = high != high or high > right
                axes.plot([low, right if beyond else high], [at + shift] * 2, color=colour, linewidth=1.6)
                if beyond:
                    axes.plot([right], [at + shift], color=colour, marker=">", markersize=5, clip_on=False)
                axes.plot([n], [at + shift], color=colour, marker="o", markersize=5, label=label)
                label = "_"
        met = rows.loc[rows["flanks"] == flank, "captured"].max()
        axes.axvline(met, color=LINE, linewidth=0.8, linestyle=":")
        axes.set_title({"averaged": "both, averaged"}.get(flank, f"{flank} flanks"), fontsize=10)
        axes.set_xlim(0, right)
        axes.spines[["top", "right"]].set_visible(False)
    every[0].set_yticks(range(len(models)), models)
    every[0].set_ylim(len(models) - 0.5, -0.5)
    figure.supxlabel(f"animals, {100 * confidence:g} % interval; dotted: met", fontsize=10)
    handles, labels = every[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def draw_residency(table: pd.DataFrame, most: int = 40) -> Figure:
    """Who was met where: individuals × stations, a disc whose area is the number of encounters.

    Args:
        table: As `residency` makes it.
        most: Individuals with the most encounters that are drawn.
    """
    from matplotlib.figure import Figure

    totals = table.groupby("identity")["encounters"].sum().sort_values(ascending=False, kind="stable")
    shown = sorted(totals.index[:most])
    part = table[table["identity"].isin(shown)]
    stations = sorted(part["station"].unique())
    size = (1.8 + 0.34 * max(len(stations), 4), 1.4 + 0.26 * max(len(shown), 3))
    figure = Figure(figsize=(min(size[0], 14), size[1]), layout="constrained")
    axes = figure.subplots()
    x = [stations.index(s) for s in part["station"]]
    y = [shown.index(i) for i in part["identity"]]
    largest = max([1, *part["encounters"]])
    axes.scatter(x, y, s=[12 + 130 * n / largest for n in part["encounters"]], color=MET, alpha=0.85, linewidths=0)
    axes.set_xticks(range(len(stations)), stations, rotation=90)
    axes.set_yticks(range(len(shown)), shown)
    axes.tick_params(labelsize=8, length=0)
    axes.set_xlim(-0.7, len(stations) - 0.3)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    return figure


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, or as SVG where the name ends so, the same bytes every time."""
    from matplotlib import rc_context

    path = Path(path)
    if path.suffix == ".svg":
        with rc_context({"svg.hashsalt": "reid", "svg.fonttype": "path"}):
            figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        return path
    figure.savefig(path, format="png", dpi=144, metadata={"Software": None})
    return path

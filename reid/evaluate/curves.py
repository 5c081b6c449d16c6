"""Curves of an evaluation as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reid.evaluate.judge import Judged

__all__ = ["draw_curves"]

VIEWS = {"all": "-", "other_encounters": "--"}
SHORT = {"all": "", "other_encounters": ", other encounters"}


def draw_curves(models: Sequence[Judged], folder: Path) -> list[tuple[str, str]]:
    """Draw what there is to draw, the same bytes for the same figures.

    Args:
        models: The judged models, one colour each.
        folder: Where the files go.

    Returns:
        File name and caption of each picture.
    """
    from matplotlib.figure import Figure

    out = []
    if any(model.curves.get("cmc") for model in models):
        figure = Figure(figsize=(6.4, 4.2), dpi=110, layout="constrained")
        axes = figure.subplots()
        for n, model in enumerate(models):
            for view, values in model.curves["cmc"].items():
                label = model.name + SHORT[view]
                axes.plot(range(1, len(values) + 1), values, VIEWS[view], color=f"C{n % 10}", label=label)
        _finish(axes, "first k photos", "share of queries with a right one")
        axes.set_ylim(0, 1)
        out.append(_saved(figure, folder, "top_k.png", "Queries with a right photo among the first k."))
        sizes = Figure(figsize=(6.4, 4.2), dpi=110, layout="constrained")
        axes = sizes.subplots()
        names = list(models[0].figures["by"]["all"]["gallery_photos"])
        for n, model in enumerate(models):
            by = model.figures["by"]["all"]["gallery_photos"]
            axes.plot(names, [by[name]["top_1"] for name in names], "o-", color=f"C{n % 10}", label=model.name)
        _finish(axes, "right photos in the gallery", "top-1")
        axes.set_ylim(0, 1)
        out.append(_saved(sizes, folder, "gallery_photos.png", "Top-1 by how many photos of the animal are known."))
    if any(model.curves.get("open_set") for model in models):
        figure = Figure(figsize=(5.2, 4.8), dpi=110, layout="constrained")
        axes = figure.subplots()
        for n, model in enumerate(models):
            curve = model.curves["open_set"]
            axes.plot(curve["baus"], curve["baks"], color=f"C{n % 10}", label=model.name)
        _finish(axes, "new animals called new (BAUS)", "known animals named rightly (BAKS)")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        out.append(_saved(figure, folder, "open_set.png", "Known against new animals, as the threshold moves."))
    return out


def _finish(axes: Any, across: str, up: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize=8)


def _saved(figure: Any, folder: Path, name: str, caption: str) -> tuple[str, str]:
    # no version and no date in the file
    figure.savefig(folder / name, metadata={"Software": None})
    return name, caption

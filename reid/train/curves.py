"""A training's log as a table and as pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

__all__ = ["draw_batches", "draw_curves", "write_metrics"]


def write_metrics(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """One row an epoch as CSV, whole or not at all; a column that an epoch lacks is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names = [*(name for name in names if name != "seconds"), "seconds"]
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows({name: f"{value:.8g}" for name, value in row.items()} for row in rows)
    partial = path.with_name(path.name + ".part")
    partial.write_text(text.getvalue(), encoding="utf-8")
    partial.replace(path)


def draw_curves(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Losses, figures and rates over the epochs, side by side; of these, those that the log has."""
    from matplotlib.figure import Figure

    names = dict.fromkeys(name for row in rows for name in row)
    panels = {
        "loss": [n for n in names if n.startswith("loss")],
        "held-out retrieval": [n for n in names if n.rpartition("/")[2] in ("mAP", "top1")],
        "learning rate": [n for n in names if n.startswith("rate_")],
    }
    panels = {title: wanted for title, wanted in panels.items() if wanted}
    figure = Figure(figsize=(4 * max(len(panels), 1), 3.6), layout="constrained")
    for axis, (title, wanted) in zip(
        figure.subplots(1, max(len(panels), 1), squeeze=False)[0], panels.items(), strict=False
    ):
        for name in wanted:
            points = [(row["epoch"], row[name]) for row in rows if name in row]
            axis.plot(*zip(*points, strict=True), marker=".", label=name, linewidth=1 if "/" in name else 2)
        axis.set_title(title)
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
        if title == "held-out retrieval":
            axis.set_ylim(0, 1)
        if title == "learning rate" and any(row.get(n, 0) > 0 for row in rows for n in wanted):
            axis.set_yscale("log")
    partial = path.with_name(path.name + ".part")
    figure.savefig(partial, dpi=110, format="png")
    partial.replace(path)


def draw_batches(images: np.ndarray, names: Sequence[str], path: Path, columns: int = 8) -> None:
    """Augmented crops with their classes, to look at before a long training.

    Args:
        images: uint8 (n, 3, h, w).
        names: n classes.
        path: The PNG.
        columns: Pictures in a row.
    """
    from matplotlib.figure import Figure

    rows = -(-len(images) // columns)
    shape = images.shape[2] / images.shape[3]
    figure = Figure(figsize=(2 * columns, (2 * shape + 0.3) * rows), layout="constrained")
    for axis in np.atleast_1d(figure.subplots(rows, columns)).flat:
        axis.axis("off")
    for axis, image, name in zip(figure.axes, images, names, strict=False):
        axis.imshow(image.transpose(1, 2, 0))
        axis.set_title(name[-28:], fontsize=7)
    figure.savefig(path, dpi=90, format="png")

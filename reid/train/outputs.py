"""What a training leaves beside its weights: data, classes, versions, pictures, and the weights' card."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from reid._version import __version__
from reid.errors import OutputError
from reid.store import write_json
from reid.tables import write_csv
from reid.train.augment import Augmenter
from reid.train.curves import draw_batches
from reid.train.material import Material
from reid.train.recipe import Recipe
from reid.train.sampler import Batches

__all__ = ["card", "check_same_data", "describe", "show"]

PACKAGES = (
    "torch",
    "timm",
    "lightning",
    "pytorch-metric-learning",
    "albumentations",
    "numpy",
    "opencv-python-headless",
    "pillow",
)
SHOWN = 32
"""Augmented crops on the picture."""

PROTOCOLS = {
    "identity": "retrieval among the photos of individuals that were held out of training",
    "encounter": "retrieval of held-out encounters among the training photos",
    "photo": "retrieval of held-out photos among the training photos, those of the same encounter left out",
    "auto": "retrieval on held-out encounters where a data set names them, on held-out individuals elsewhere",
}
"""What each rule of validation asks."""


def check_same_data(folder: Path, facts: Mapping[str, Any], begun: bool) -> None:
    """A training that has begun goes on with the same data only."""
    path = folder / "data.json"
    if begun and path.is_file() and json.loads(path.read_text(encoding="utf-8")) != facts:
        raise OutputError(
            f"the data has changed since the training in {folder} began; name another output folder, or remove this one."
        )


def describe(material: Material, folder: Path) -> None:
    """Write `data.json`, `classes.json`, `left_out.csv` and `versions.json`."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    write_json({"reid": __version__, "python": platform.python_version(), **found}, folder / "versions.json")
    write_json(material.facts, folder / "data.json")
    counts = np.bincount(material.classes)
    write_json({name: int(count) for name, count in zip(material.names, counts, strict=True)}, folder / "classes.json")
    write_csv(material.left_out, folder / "left_out.csv")


def show(material: Material, batches: Batches, augment: Augmenter, path: Path) -> None:
    """The first crops of the first epoch as the network will see them."""
    items = [
        item for batch in zip(range(-(-SHOWN // batches.settings.batch)), batches, strict=False) for item in batch[1]
    ][:SHOWN]
    images = np.stack([augment(np.asarray(material.pictures[row]), seed, size) for row, seed, size in items])
    draw_batches(images, [material.names[material.classes[draw.row]] for draw in items], path)


def card(
    recipe: Recipe,
    material: Material,
    origin: str,
    licence: str,
    before: dict[str, float],
    after: dict[str, float],
    epoch: int,
) -> dict[str, Any]:
    """The weights' card: licence, data, protocol, figures."""
    return {
        "licence": licence or "not stated",
        "started_from": origin,
        "data": material.facts,
        "classes": len(material.names),
        "losses": {name: own.weight for name, own in recipe.loss.active.items()},
        "epoch": epoch,
        "protocol": _protocol(recipe) if material.task is not None else "not judged: nothing was held out",
        "figures": {name: round(value, 4) for name, value in after.items()},
        "figures_of_the_start": {name: round(value, 4) for name, value in before.items()},
    }


def _protocol(recipe: Recipe) -> str:
    rules = recipe.validation.rules
    return "; ".join(PROTOCOLS[rule] for rule in rules) + (
        " (one for each data set, in order)" if len(rules) > 1 else ""
    )

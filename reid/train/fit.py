"""A training from data sets to a run folder whose weights every verb accepts."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from reid.embed.allocator import keep_memory
from reid.embed.weights import fingerprint, save_network
from reid.train.augment import Augmenter
from reid.train.before import check, judge, refuse_half_on_cpu
from reid.train.begin import class_means
from reid.train.callbacks import Averaged, Bar, Epochs, KeepLast, Log, Patience
from reid.train.loaders import training_loader, validation_loader
from reid.train.material import Material, prepare
from reid.train.module import Training
from reid.train.outputs import card, check_same_data, describe, show
from reid.train.recipe import PRECISIONS, Recipe, TrainerSettings
from reid.train.sampler import Batches
from reid.train.start import starting_network

__all__ = ["Outcome", "feed", "fit", "make_trainer", "quiet", "take", "train"]


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    Attributes:
        fingerprint: Of the final weights.
        before: Held-out figures of the starting weights; empty where nothing was held out.
        after: Those of the final weights.
        epoch: The epoch that the final weights are of.
        material: What was trained on.
    """

    fingerprint: str
    before: dict[str, float]
    after: dict[str, float]
    epoch: int
    material: Material


def train(
    sources: Sequence[str], recipe: Recipe, model: str, folder: Path, cache: Path | None = None, licence: str = ""
) -> Outcome:
    """Train a network; an interrupted training goes on from its last whole epoch.

    Args:
        sources: Data sets, as for `reid.train.datasets.read_data_sets`.
        recipe: The settings.
        model: Weights to start from, as for `reid.train.start.starting_network`.
        folder: The run folder: `weights.safetensors`, `network.json`, `metrics.csv`, `curves.png`, `augmented.png`,
            `data.json`, `classes.json`, `left_out.csv`, `versions.json`, `checkpoints/`, `tensorboard/`.
        cache: Folder for decoded crops; default: `cache` in the run folder. Runs may share one.
        licence: Of the weights, for their card.

    Raises:
        DivergedError: a loss became infinite or no number.
        ReidError: the data or the settings do not do; the message says why.
    """
    quiet()
    keep_memory()
    refuse_half_on_cpu(recipe)
    if recipe.trainer.threads:
        torch.set_num_threads(recipe.trainer.threads)
    network, origin = starting_network(recipe.network, model, recipe.trainer.seed)
    material = prepare(sources, recipe, cache or folder / "cache")
    before = judge(network, material, recipe)
    check(recipe, network, material, before)
    last = folder / "checkpoints" / "last.ckpt"
    check_same_data(folder, material.facts, last.is_file())
    log = Log(folder, recipe.size_in)
    log.rows.append({"epoch": 0.0, "step": 0.0, **before})
    best = _best(recipe, folder) if material.task is not None else None
    callbacks = [Bar(), log, KeepLast(last), *([best] if best else [])]
    if recipe.trainer.average:
        callbacks.append(Averaged(recipe.trainer.average))
    if recipe.trainer.patience and best:
        callbacks.append(Patience(recipe.validation.figure, recipe.trainer.patience))
    held = recipe.optimiser.hold > 0
    trainer = make_trainer(recipe.trainer, recipe.optimiser.clip, folder, callbacks, recipe.validation.every, held)
    batches, loader = feed(trainer, material, recipe, folder)
    steps = recipe.trainer.epochs * -(-len(batches) // recipe.trainer.accumulate)
    counts = np.bincount(material.classes)
    torch.manual_seed(recipe.trainer.seed)
    module = Training(network, recipe.loss, recipe.optimiser, counts, steps, material.task, recipe.trainer.seed)
    if recipe.loss.arcface.begin == "means" and "arcface" in recipe.loss.active and not last.is_file():
        module.losses.begin(class_means(module.network, material.pictures, material.classes))
    held_out = validation_loader(material.held_out, recipe.sampler.batch, 0) if material.held_out is not None else None
    fit(trainer, module, loader, held_out, last)
    trainer.strategy.barrier()  # until the first process has put its last state in place
    path = Path(best.best_model_path) if best and best.best_model_path else last
    epoch = take(network, path)
    row = next((row for row in log.rows if row["epoch"] == epoch), {})
    after = {name: row[name] for name in before if name in row}
    if trainer.is_global_zero:
        save_network(network, folder, card(recipe, material, origin, licence, before, after, epoch))
    return Outcome(fingerprint(network), before, after, epoch, material)


def feed(trainer: pl.Trainer, material: Material, recipe: Recipe, folder: Path) -> tuple[Batches, Any]:
    """The batches and what loads them, drawn anew in each epoch; the first process writes beside the weights what they are made of."""
    batches = Batches(
        material.classes,
        material.datasets,
        recipe.sampler,
        recipe.trainer.seed,
        trainer.global_rank,
        trainer.world_size,
        recipe.size_in,
        material.encounters,
    )
    trainer.callbacks.append(Epochs(batches))  # type: ignore[attr-defined]
    augment = Augmenter(recipe.augmentation, recipe.network)
    loader = training_loader(
        material.pictures, material.classes, material.flanks, augment, batches, recipe.trainer.workers
    )
    if trainer.is_global_zero:
        describe(material, folder)
        show(material, batches, augment, folder / "augmented.png")
    return batches, loader


def quiet() -> None:
    """Keep Lightning's own words off the terminal: the bar and the summary say what matters."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")


def _best(recipe: Recipe, folder: Path) -> ModelCheckpoint:
    return ModelCheckpoint(
        folder / "checkpoints", "best", monitor=recipe.validation.figure, mode="max", save_top_k=1,
        enable_version_counter=False, save_on_train_epoch_end=False,
    )  # fmt: skip


def make_trainer(
    own: TrainerSettings, clip: float, folder: Path, callbacks: list[Any], judge_every: int = 1, held: bool = False
) -> pl.Trainer:
    """Lightning's trainer as the settings ask for it; its log for TensorBoard where that is installed.

    Args:
        own: The settings.
        clip: Longest gradient; 0 does not clip.
        folder: Of the run.
        callbacks: What is called as it goes.
        judge_every: Epochs from one judgement to the next.
        held: Whether some weights stand still for a while: they have no gradients that several devices could share.
    """
    logger: Any = False
    if find_spec("tensorboard") or find_spec("tensorboardX"):
        from lightning.pytorch.loggers import TensorBoardLogger

        logger = TensorBoardLogger(folder, name="tensorboard", version="")
    return pl.Trainer(
        strategy="ddp_find_unused_parameters_true" if held and own.devices * own.nodes > 1 else "auto",
        accelerator=own.accelerator, devices=own.devices, num_nodes=own.nodes, precision=PRECISIONS[own.precision],  # type: ignore[arg-type]
        max_epochs=own.epochs, accumulate_grad_batches=own.accumulate, callbacks=callbacks, logger=logger,
        gradient_clip_val=clip or None, check_val_every_n_epoch=judge_every,
        num_sanity_val_steps=0, use_distributed_sampler=False, enable_progress_bar=False, enable_model_summary=False,
        log_every_n_steps=10, default_root_dir=folder,
    )  # fmt: skip


def fit(trainer: pl.Trainer, module: pl.LightningModule, loader: Any, held_out: Any, last: Path) -> None:
    """Train, from the last state where there is one."""
    before = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, loader, held_out, ckpt_path=last if last.is_file() else None, weights_only=True)
    except SystemExit:
        # Lightning turns Ctrl-C into an exit; the command line has its own words for it
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)


def take(network: nn.Module, path: Path) -> int:
    """Put a checkpoint's weights (the averaged ones, where there are such) into the network; returns its epoch."""
    kept = torch.load(path, map_location="cpu", weights_only=True)
    prefix = "network."
    state = {name.removeprefix(prefix): value for name, value in kept["state_dict"].items() if name.startswith(prefix)}
    network.cpu().load_state_dict(state)
    network.eval()
    return int(kept["epoch"]) + 1

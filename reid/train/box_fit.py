"""A detector's training: from COCO files to a folder of weights, resumable after each epoch."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from reid.detect import DetectorSettings
from reid.detect.coco import BoxSet, read_box_sets, read_boxes
from reid.detect.torchvision_models import TorchvisionSpec
from reid.embed.allocator import keep_memory
from reid.errors import ConfigError, OutputError
from reid.store import write_json
from reid.train.box_models import trainee
from reid.train.box_module import BoxBatch, BoxTraining
from reid.train.box_scenes import Scenes, SceneSettings
from reid.train.callbacks import Averaged, Bar, Epochs, KeepLast, Log
from reid.train.fit import fit, make_trainer, quiet, take
from reid.train.optimiser import OptimiserSettings
from reid.train.recipe import TrainerSettings

__all__ = ["BoxOutcome", "BoxSettings", "train_boxes"]

NO_MATTER = ("workers", "threads", "accelerator", "devices")
"""The trainer's settings that may change between the parts of one run."""


def _gentle() -> OptimiserSettings:
    return OptimiserSettings("adamw", 3e-4, 6e-4, 0.02, warmup=0.05, final=0.02, clip=10.0)


@dataclass(frozen=True)
class BoxSettings:
    """How a detector is trained.

    Attributes:
        shares: How often each of the data sets is drawn, relative to the others; empty draws every photo alike.
        cutouts: A COCO file whose boxes with outlines are pasted into the pictures; "" for the data's own.
        pictures: Training pictures of an epoch.
        batch: Pictures of a step.
        vary: The side of a step's pictures is drawn between this share of the network's side and its inverse.
        torchvision: What kind of network, for detector=torchvision.
        scene: How the pictures are made.
        optimiser: How the weights move.
    """

    shares: tuple[float, ...] = ()
    cutouts: str = ""
    pictures: int = 800
    batch: int = 16
    vary: float = 0.8
    torchvision: TorchvisionSpec = field(default_factory=TorchvisionSpec)
    scene: SceneSettings = field(default_factory=SceneSettings)
    optimiser: OptimiserSettings = field(default_factory=_gentle)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", tuple(self.shares))
        if self.batch < 2 or self.pictures < self.batch:
            raise ConfigError(
                f"boxes.batch={self.batch} must be at least 2, and boxes.pictures={self.pictures} at least as many."
            )
        if not 0.3 <= self.vary <= 1:
            raise ConfigError(f"boxes.vary={self.vary} must lie between 0.3 and 1.")
        if any(share < 0 for share in self.shares) or (self.shares and not sum(self.shares)):
            raise ConfigError(f"boxes.shares={list(self.shares)} must not be negative, and not all of them 0.")

    def identity(self, trainer: TrainerSettings) -> dict[str, Any]:
        """What makes a run this one and no other."""
        own = {name: value for name, value in asdict(trainer).items() if name not in NO_MATTER}
        return {"boxes": asdict(self), "trainer": own}


@dataclass(frozen=True)
class BoxOutcome:
    """Fingerprint of the final weights, what was trained on, and how many photos and boxes were left out."""

    fingerprint: str
    photos: int
    boxes: int
    left_out: int


class Steps(IterableDataset[BoxBatch]):
    """The batches of an epoch; the same epoch always gives the same ones.

    Args:
        scenes: What makes the pictures.
        weights: Chance of each photo.
        side: Of the network's input.
        settings: How many pictures.
        trainer: How many epochs, and the seed.
    """

    def __init__(
        self, scenes: Scenes, weights: np.ndarray, side: int, settings: BoxSettings, trainer: TrainerSettings
    ) -> None:
        self.scenes, self.weights, self.side, self.settings, self.trainer = scenes, weights, side, settings, trainer
        self.epoch = 0

    def __len__(self) -> int:
        return self.settings.pictures // self.settings.batch

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes; `reid.train.callbacks.Epochs` says it."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[BoxBatch]:
        own = self.settings
        worker = torch.utils.data.get_worker_info()
        first, every = (worker.id, worker.num_workers) if worker else (0, 1)
        mosaic = self.epoch < self.trainer.epochs * (1 - own.scene.plain)
        for step in range(first, len(self), every):
            rng = np.random.default_rng([self.trainer.seed, self.epoch, step])
            low, high = (max(round(self.side * share / 32), 2) for share in (own.vary, 1 / own.vary))
            side = 32 * int(rng.integers(low, high + 1))
            numbers = rng.choice(len(self.weights), own.batch, p=self.weights)
            seeds = rng.integers(1 << 31, size=own.batch)
            made = [self.scenes(int(n), int(s), side, mosaic) for n, s in zip(numbers, seeds, strict=True)]
            pixels = np.stack([picture.pixels.transpose(2, 0, 1) for picture in made])
            truths = [
                (torch.from_numpy(picture.boxes).float(), torch.from_numpy(np.asarray(picture.categories, np.int64)))
                for picture in made
            ]
            yield BoxBatch(torch.from_numpy(pixels), truths)


def train_boxes(
    sources: Sequence[str],
    detector: DetectorSettings,
    settings: BoxSettings,
    trainer: TrainerSettings,
    folder: Path,
    licence: str = "",
) -> BoxOutcome:
    """Train a detector; an interrupted training goes on from its last whole epoch.

    Args:
        sources: COCO files with boxes.
        detector: What is trained, and the weights that it begins from (`model`).
        settings: How.
        trainer: How long, and where.
        folder: Gets the weights and their card, `metrics.csv`, `curves.png`, `pictures.png` and `left_out.csv`.
        licence: Of the weights, for their card.

    Raises:
        DivergedError: a loss became infinite or no number.
        ReidError: the data or the settings do not do; the message says why.
    """
    quiet()
    keep_memory()
    if trainer.threads:
        torch.set_num_threads(trainer.threads)
    folder.mkdir(parents=True, exist_ok=True)
    own = trainee(detector, settings.torchvision, trainer.seed)
    sets = read_box_sets(sources, own.categories)
    every = [photo for found in sets for photo in found.photos]
    pasted = read_boxes(settings.cutouts, own.categories) if settings.cutouts else BoxSet(every)
    last = folder / "checkpoints" / "last.ckpt"
    _same_data(folder, sets, pasted, last.is_file())
    _write_left_out(sources, sets, folder / "left_out.csv")
    scenes = Scenes(every, pasted.photos, settings.scene)
    steps = Steps(scenes, _weights(sets, settings.shares, sources), own.side, settings, trainer)
    _show(steps, folder / "pictures.png")
    callbacks: list[Any] = [Bar(), Log(folder, lambda epoch: (own.side, own.side)), KeepLast(last), Epochs(steps)]
    if trainer.average:
        callbacks.append(Averaged(trainer.average))
    loop = make_trainer(trainer, settings.optimiser.clip, folder, callbacks)
    torch.manual_seed(trainer.seed)
    module = BoxTraining(own, settings.optimiser, trainer.epochs * len(steps), trainer.seed)
    fit(loop, module, DataLoader(steps, batch_size=None, num_workers=trainer.workers), None, last)
    take(own.network, last)
    card = {
        "licence": licence or "not stated",
        "started_from": own.origin,
        "data": {
            Path(source).name: {"photos": len(found.photos), "boxes": sum(len(p.boxes) for p in found.photos)}
            for source, found in zip(sources, sets, strict=True)
        },
        "epochs": trainer.epochs,
        "protocol": "not judged; reid evaluate detector=... judges it on photos that it was not trained on",
    }
    mark = own.save(folder, card)
    left_out = sum(len(found.left_out) for found in sets)
    return BoxOutcome(mark, len(every), sum(len(photo.boxes) for photo in every), left_out)


def _weights(sets: Sequence[BoxSet], shares: Sequence[float], sources: Sequence[str]) -> np.ndarray:
    """Chance of each photo to be drawn."""
    if shares and len(shares) != len(sets):
        raise ConfigError(
            f"boxes.shares has {len(shares)} numbers for {len(sets)} data sets; give one for each of {', '.join(sources)}."
        )
    parts = [
        np.full(len(found.photos), (share / len(found.photos)) if shares else 1.0)
        for found, share in zip(sets, shares or [1.0] * len(sets), strict=True)
    ]
    weights = np.concatenate(parts)
    return np.asarray(weights / weights.sum())


def _same_data(folder: Path, sets: Sequence[BoxSet], pasted: BoxSet, resumed: bool) -> None:
    """Refuse to go on with other data than the run began with."""
    state = hashlib.sha256()
    for photo in (*(p for found in sets for p in found.photos), *pasted.photos):
        state.update(f"{photo.path.name} {photo.size} {photo.boxes.tolist()} {photo.categories.tolist()}".encode())
    path = folder / "data.json"
    if resumed and path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("boxes") != state.hexdigest():
        raise OutputError(
            f"{folder} holds a training on other boxes; name another output folder, or give the data as they were."
        )
    write_json({"boxes": state.hexdigest()}, path)


def _write_left_out(sources: Sequence[str], sets: Sequence[BoxSet], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["data", "path", "reason"])
        table.writerows(
            [Path(source).name, *row] for source, found in zip(sources, sets, strict=True) for row in found.left_out
        )


def _show(steps: Steps, path: Path) -> None:
    """The first pictures of the first epoch with their boxes, to look at before a long training."""
    import cv2
    from PIL import Image

    batch = next(iter(steps))
    pictures = []
    for pixels, (boxes, _) in zip(batch.pictures.numpy(), batch.truths, strict=True):
        picture = np.ascontiguousarray(pixels.transpose(1, 2, 0))
        for x1, y1, x2, y2 in boxes.round().int().tolist():
            cv2.rectangle(picture, (x1, y1), (x2, y2), (255, 40, 40), 2)
        pictures.append(cv2.resize(picture, (240, 240), interpolation=cv2.INTER_AREA))
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % 4)
    rows = [np.hstack(pictures[i : i + 4]) for i in range(0, len(pictures), 4)]
    Image.fromarray(np.vstack(rows)).save(path)

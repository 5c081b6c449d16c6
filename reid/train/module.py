"""One step of training and one of validation, for Lightning to repeat."""

from __future__ import annotations

from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from reid.embed.heads import FlankHead, QualityHead
from reid.embed.network import EmbeddingNetwork
from reid.errors import DivergedError
from reid.tables import FLANKS
from reid.train.loss_settings import LossSettings
from reid.train.losses import LossSum
from reid.train.optimiser import OptimiserSettings, freeze, held_steps, keep_frozen, make_optimiser, schedule
from reid.train.quality import quality_loss, spoilt
from reid.train.retrieval import Task, figures

__all__ = ["Batch", "Training"]

LEFT, RIGHT = FLANKS.index("left"), FLANKS.index("right")
NO_FLANK = -1


class Batch(NamedTuple):
    """uint8 images (B, 3, H, W), classes (B,), and the flank that each image shows (B,), -1 where nobody said."""

    images: Tensor
    classes: Tensor
    flanks: Tensor


class Training(pl.LightningModule):
    """A network, its losses, and how both move.

    Args:
        network: What is trained.
        losses: Which losses.
        optimiser: How the weights move.
        counts: (classes,) training crops of each class.
        steps: Optimiser's steps of the whole training.
        task: What validation asks; None for none.
        seed: Of dropout and the like, together with the epoch.
    """

    def __init__(
        self, network: EmbeddingNetwork, losses: LossSettings, optimiser: OptimiserSettings,
        counts: np.ndarray, steps: int, task: Task | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        # convolutions on the CPU take half the time this way
        self.network = network.to(memory_format=torch.channels_last)
        self.losses = LossSum(losses, counts, network.size)
        self.settings, self.of_flank, self.of_quality = optimiser, losses.flank, losses.quality
        self.steps, self.task, self.seed = steps, task, seed
        self.held = held_steps(steps, optimiser)
        self.found: list[Tensor] = []
        freeze(network, optimiser)

    def configure_optimizers(self) -> Any:
        optimiser = make_optimiser(self.network, self.settings, _is_head, self.losses)
        shares = {True: schedule(self.steps, self.settings, self.held), False: schedule(self.steps, self.settings)}
        own = [shares[group["name"].startswith("backbone")] for group in optimiser.param_groups]
        rates = torch.optim.lr_scheduler.LambdaLR(optimiser, own)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rates, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        # a resumed run draws the same numbers from here on as one that was not stopped
        torch.manual_seed(self.seed * 100_003 + self.current_epoch)
        # the judgement of the starting weights left it in evaluation, and Lightning leaves it as it is
        self._to_training()

    def training_step(self, batch: Batch, number: int) -> Tensor:
        images = batch.images.contiguous(memory_format=torch.channels_last)
        with torch.set_grad_enabled(self.global_step >= self.held):
            features = self.network.feature_map(self.network.normalised(images))
        vectors = self.network.vectors(features)
        self.losses.at(self.global_step / self.steps)
        terms = self.losses(*self._of_all(vectors, batch.classes))
        total = self.losses.total(terms)
        if self.network.flank_head is not None and self.of_flank.weight:
            seen = features if self.network.spec.flank_scale == 1 else self.network.flank_map(images)
            terms["flank"] = self._flank_loss(self.network.flank_head, batch, seen)
            total = total + self.of_flank.weight * terms["flank"]
        if self.network.quality_head is not None:
            terms["quality"] = self._quality_loss(self.network.quality_head, batch, number)
            total = total + self.of_quality.weight * terms["quality"]
        if not torch.isfinite(total):
            raise DivergedError(self._why(vectors, terms))
        self.log("loss", total.detach(), on_step=False, on_epoch=True, batch_size=len(vectors))
        if len(terms) > 1:
            parts = {f"loss_{name}": value.detach() for name, value in terms.items()}
            self.log_dict(parts, on_step=False, on_epoch=True, batch_size=len(vectors))
        return total

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip the gradient of the head for the quality by itself, so that it changes no step of the others."""
        if not gradient_clip_val:
            return
        own = [] if self.network.quality_head is None else list(self.network.quality_head.parameters())
        apart = {id(weight) for weight in own}
        rest = [weight for group in optimizer.param_groups for weight in group["params"] if id(weight) not in apart]
        for weights in (rest, own):
            torch.nn.utils.clip_grad_norm_(weights, gradient_clip_val)

    def _of_all(self, vectors: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """The vectors and classes of all processes, in their order: a loss over pairs needs them, and means are right over all.

        Gradients go back to the process that a vector came from, added up over the processes. Each of them has the whole
        loss, and the strategy takes the mean of their gradients, so the step is that of one process with all crops.
        """
        if _processes() == 1:
            return vectors, classes
        every: Any = self.all_gather(vectors, sync_grads=True)
        theirs: Any = self.all_gather(classes)
        return every.flatten(0, 1), theirs.flatten(0, 1)

    def _flank_loss(self, head: FlankHead, batch: Batch, features: Tensor) -> Tensor:
        """Cross-entropy where the flank is known; some images go through mirrored, with their flank mirrored."""
        many = int(len(batch.images) * self.of_flank.mirrored) if self.network.spec.face == "left" else 0
        flanks = batch.flanks
        with torch.autocast(device_type=features.device.type, enabled=False):
            logits = head(features.float())
        if many:
            mirrored = self.network.flank_map(batch.images[:many].flip(-1))
            with torch.autocast(device_type=features.device.type, enabled=False):
                logits = torch.cat([logits, head(mirrored.float())])
            flanks = torch.cat([flanks, mirror_flanks(flanks[:many])])
        known = flanks != NO_FLANK
        if _processes() == 1:
            return F.cross_entropy(logits[known], flanks[known]) if known.any() else logits.sum() * 0
        # the mean over all processes' known flanks, of which each may have another number; the strategy divides by them
        counts: Any = self.all_gather(known.sum())
        count = counts.sum().clamp(min=1) / _processes()
        return (F.cross_entropy(logits[known], flanks[known], reduction="sum") + logits.sum() * 0) / count

    def _quality_loss(self, head: QualityHead, batch: Batch, number: int) -> Tensor:
        """Of some of the batch as inference sees it, with the norms' running statistics, which stay as they are."""
        many = max(2, round(len(batch.images) * self.of_quality.share))
        images = spoilt(batch.images[:many], self.seed * 100_003 + self.current_epoch * 10_007 + number)
        self.network.eval()
        with torch.no_grad():
            vectors = self.network(self.network.normalised(images.contiguous(memory_format=torch.channels_last)))
        self._to_training()
        return quality_loss(head, vectors, self.losses.cosines(vectors), batch.classes[:many])

    def _to_training(self) -> None:
        self.network.train()
        keep_frozen(self.network, self.settings)

    def _why(self, vectors: Tensor, terms: dict[str, Tensor]) -> str:
        """The cause of a loss that is no finite number, as far as it shows, and what to do."""
        where = f"training stopped in epoch {self.current_epoch + 1} at step {self.global_step + 1}"
        if not all(torch.isfinite(weight).all() for weight in self.parameters()):
            rates = f"optimiser.backbone_rate={self.settings.backbone_rate:g} and optimiser.head_rate={self.settings.head_rate:g}"
            return (
                f"{where}: the step before made weights infinite, so the learning rate is too high. Lower {rates} to a third, "
                f"or clip the gradient (optimiser.clip=1; it is {self.settings.clip:g})."
            )
        if not torch.isfinite(vectors).all():
            half = self.trainer.precision != "32-true"
            cure = "set trainer.precision=fp32" if half else "lower optimiser.backbone_rate and optimiser.clip"
            return f"{where}: the network gives vectors that are no finite numbers, with sound weights; {cure}."
        names = [name for name, value in terms.items() if not torch.isfinite(value)]
        return (
            f"{where}: the loss {', '.join(names) or 'sum'} is no finite number, with sound vectors. Lower its scale or its margin "
            f"(loss.{(names or ['NAME'])[0]}...), then the rates."
        )

    def on_validation_epoch_start(self) -> None:
        self.found = []

    def validation_step(self, batch: Tensor, number: int) -> None:
        images = batch.contiguous(memory_format=torch.channels_last)
        self.found.append(self.network.embed(images).vectors.float().cpu())

    def on_validation_epoch_end(self) -> None:
        if self.task is None:
            return
        vectors = torch.cat(self.found)
        self.found = []
        if not torch.isfinite(vectors).all():
            raise DivergedError(
                f"training stopped after epoch {self.current_epoch + 1}: the network gives held-out photos vectors that are no "
                f"finite numbers. Lower optimiser.backbone_rate={self.settings.backbone_rate:g}, or set trainer.precision=fp32."
            )
        found = figures(vectors.numpy(), self.task)
        if _processes() > 1:  # the statistics of norms differ a little: all take the decisions of the first
            found = self.trainer.strategy.broadcast(found)
        for name, value in found.items():
            # in double, so that 0.3 is not written as 0.30000001192
            self.log(name, torch.tensor(value, dtype=torch.float64))


def _processes() -> int:
    """How many processes train together."""
    together = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if together else 1


def mirror_flanks(flanks: Tensor) -> Tensor:
    """What mirrored images show: left for right and right for left."""
    out = flanks.clone()
    out[flanks == LEFT], out[flanks == RIGHT] = RIGHT, LEFT
    return out


def _is_head(name: str) -> bool:
    return not name.startswith("backbone.")

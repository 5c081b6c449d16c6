"""What happens around the steps: the sampler's epoch, averaged weights, the last state kept, patience, the log, the bar."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import EarlyStopping, WeightAveraging
from torch import Tensor

from reid.train.curves import draw_curves, write_metrics

__all__ = ["Averaged", "Bar", "Epochs", "KeepLast", "Log", "Patience", "latest_figures"]


def latest_figures(trainer: pl.Trainer) -> dict[str, float]:
    """What the last validation gave."""
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return {name: value for name, value in logged.items() if name.rpartition("/")[2] in ("mAP", "top1", "queries")}


class ByEpoch(Protocol):
    """What draws anew in each epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes."""
        ...


class Epochs(pl.Callback):
    """Tells the sampler which epoch comes. Lightning tells it to samplers of single crops, and not to those of batches."""

    def __init__(self, batches: ByEpoch) -> None:
        self.batches = batches

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        # workers of a resumed run begin to draw before its first epoch begins
        self.batches.set_epoch(int(checkpoint["epoch"]) + 1)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.batches.set_epoch(trainer.current_epoch)


class Averaged(WeightAveraging):
    """An exponential moving average of the weights, which validation and the final weights use.

    The average follows closely at first and more slowly later, up to `decay` a step, so that short trainings gain
    too. Norms' means and variances are averaged alike; counters are taken as they are.
    """

    def __init__(self, decay: float) -> None:
        def follow(average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
            if not average.is_floating_point():
                return current
            now = min(decay, (1 + int(count)) / (10 + int(count)))
            return torch.lerp(current, average, now)

        super().__init__(use_buffers=True, avg_fn=follow)


class KeepLast(pl.Callback):
    """Keep the state at the end of each epoch, whole or not at all, to go on from after a kill."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        partial = self.path.with_name(self.path.name + ".part")
        trainer.save_checkpoint(partial)
        if trainer.is_global_zero:
            partial.replace(self.path)


class Patience(EarlyStopping):
    """Stop after so many judgements without a better figure; a run that has stopped so stays finished when it is resumed."""

    def __init__(self, figure: str, patience: int) -> None:
        super().__init__(figure, mode="max", patience=patience, check_on_train_epoch_end=False)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class Log(pl.Callback):
    """One row an epoch, in `metrics.csv` and as curves; the rows travel with the state, so a resumed log has no gap.

    Args:
        folder: Where they are written.
        size_in: Height and width of the input in an epoch.
    """

    def __init__(self, folder: Path, size_in: Callable[[int], tuple[int, int]]) -> None:
        self.folder, self.size_in = folder, size_in
        self.rows: list[dict[str, float]] = []
        self.started = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        judged = bool(trainer.num_val_batches) and (trainer.current_epoch + 1) % trainer.check_val_every_n_epoch == 0  # type: ignore[operator]
        row = {"epoch": float(trainer.current_epoch + 1), "step": float(trainer.global_step)}
        row["height"], row["width"] = map(float, self.size_in(trainer.current_epoch))
        row |= {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("loss")}
        row |= latest_figures(trainer) if judged else {}
        for group in trainer.optimizers[0].param_groups:
            row["rate_" + group["name"].partition(",")[0]] = float(group["lr"])
        self.rows.append({**row, "seconds": round(time.monotonic() - self.started, 1)})
        if trainer.is_global_zero:
            write_metrics(self.rows, self.folder / "metrics.csv")
            draw_curves(self.rows, self.folder / "curves.png")

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])


class Bar(pl.Callback):
    """One bar over all steps of the training, in the look of the other stages."""

    def __init__(self) -> None:
        self.bar: Any = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        from tqdm import tqdm

        steps = int(trainer.num_training_batches)
        done = trainer.current_epoch * steps
        total = steps * int(trainer.max_epochs or 1)
        self.bar = tqdm(
            total=total,
            initial=done,
            desc=f"{'train':>8}",
            unit="step",
            dynamic_ncols=True,
            disable=not trainer.is_global_zero,
        )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.bar.update()
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        said = {name: f"{value:.3f}" for name, value in latest_figures(trainer).items() if "/" not in name}
        shown = {"epoch": f"{trainer.current_epoch + 1}/{trainer.max_epochs}", "loss": f"{float(loss):.2f}", **said}
        self.bar.set_postfix(shown, refresh=False)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.bar.close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if self.bar is not None:
            self.bar.close()

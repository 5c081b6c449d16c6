"""Trains the network that compares coats place by place, on labelled animals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.embed.allocator import keep_memory
from reid.embed.network import EmbeddingNetwork
from reid.errors import ConfigError, DivergedError
from reid.match.coat import PLACES, SIZE, SPEC, CoatNetwork, describe, likeness, save_coat
from reid.progress import track
from reid.train.callbacks import Averaged, Bar, KeepLast, Log
from reid.train.fit import Outcome, feed, fit, make_trainer, quiet, take
from reid.train.material import Material, prepare
from reid.train.module import Batch
from reid.train.optimiser import OptimiserSettings, schedule
from reid.train.outputs import card, check_same_data
from reid.train.recipe import Recipe
from reid.train.retrieval import tally
from reid.train.start import starting_network

__all__ = ["CoatTraining", "begin", "coat_loss", "judge_coat", "train_coat"]

SOME = 80
"""Places of each coat that take part in a step, drawn anew: all of them would take three times as long."""


def coat_loss(
    places: Tensor, weights: Tensor, classes: Tensor, network: CoatNetwork, sharpness: Tensor, some: Tensor
) -> Tensor:
    """How badly coats of one class find each other among all of a batch: a cross-entropy over the others, for each coat.

    The supervised contrastive loss (Khosla et al. 2020, "Supervised Contrastive Learning") with log-likenesses in place of cosines.

    Args:
        places: Unit descriptions (B, PLACES, SIZE).
        weights: (B, PLACES).
        classes: (B,).
        network: Whose window and votes count.
        sharpness: Scalar that log-likenesses are multiplied by.
        some: Numbers of the places that ask, (s,); all places answer.
    """
    cosines = torch.einsum("and,bmd->abnm", places[:, some], places) + network.apart[some]
    asking = weights[:, some]
    ours = (network.votes(cosines.amax(3)) * asking[:, None]).sum(2) / asking.sum(1)[:, None]
    logits = torch.log(ours + 1e-9)
    logits = (logits + logits.T) / 2 * sharpness
    own = torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    same = (classes[:, None] == classes) & ~own
    shares = F.log_softmax(logits.masked_fill(own, -1e4), dim=1)
    asked = same.any(1)
    each = -(shares * same).sum(1)[asked] / same.sum(1)[asked]
    return each.mean() if asked.any() else logits.sum() * 0


class CoatTraining(pl.LightningModule):
    """The network and how it moves. Its stem stays as ImageNet taught it, and so do all norms.

    Args:
        network: What is trained.
        settings: Rates and decay.
        steps: Of the whole training.
        seed: Of the places that are drawn, together with the epoch.
    """

    def __init__(self, network: CoatNetwork, settings: OptimiserSettings, steps: int, seed: int) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.sharpness = nn.Parameter(torch.tensor(12.0))
        self.settings, self.steps, self.seed = settings, steps, seed
        self.network.stem.requires_grad_(False)

    def configure_optimizers(self) -> Any:
        own, head = self.settings, [*self.network.describe.parameters(), *self.network.weigh.parameters()]
        groups = [
            {"params": list(self.network.stages.parameters()), "lr": own.backbone_rate, "name": "backbone"},
            {"params": head, "lr": own.head_rate, "name": "head"},
            # two numbers that must travel far
            {
                "params": [self.network.steep, self.sharpness],
                "lr": own.head_rate * 20,
                "weight_decay": 0.0,
                "name": "sharpness",
            },
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=own.decay)
        rates = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule(self.steps, own))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rates, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        self.network.train()
        for part in self.network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()

    def training_step(self, batch: Batch, number: int) -> Tensor:
        images = batch.images.contiguous(memory_format=torch.channels_last)
        places, weights = self.network(images)
        # drawn by the step's number, so that a resumed run draws what one that was not stopped draws
        own = torch.Generator().manual_seed((self.seed * 100_003 + self.current_epoch) * 10_007 + number)
        some = torch.randperm(PLACES, generator=own)[:SOME].to(places.device)
        loss = coat_loss(places, weights, batch.classes, self.network, self.sharpness, some)
        if not torch.isfinite(loss):
            raise DivergedError(
                f"training stopped in epoch {self.current_epoch + 1}: the loss is no finite number. Lower "
                f"optimiser.backbone_rate={self.settings.backbone_rate:g} and optimiser.head_rate={self.settings.head_rate:g}."
            )
        self.log("loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(images))
        return loss


def begin(start: EmbeddingNetwork, pictures: np.ndarray, seed: int = 0) -> CoatNetwork:
    """A network with the backbone of another, whose descriptions are at first the main directions of its features.

    Args:
        start: An embedding network on EfficientNet-Lite0.
        pictures: uint8 (n, 3, H, W), of which a few hundred are looked at.
        seed: Of which.

    Raises:
        ConfigError: the backbone is another one.
    """
    network = CoatNetwork()
    backbone: Any = start.backbone
    backbone = getattr(backbone, "model", backbone)
    try:
        network.stem.load_state_dict(nn.Sequential(backbone.conv_stem, backbone.bn1, *backbone.blocks[:3]).state_dict())
        network.stages.load_state_dict(nn.Sequential(*backbone.blocks[3:5]).state_dict())
    except (AttributeError, RuntimeError):
        raise ConfigError(
            "recipe=coat begins from a network on tf_efficientnet_lite0, such as model=reid-base."
        ) from None
    network.eval()
    chosen = np.sort(np.random.default_rng(seed).permutation(len(pictures))[:256])
    found = []
    with torch.inference_mode():
        for rows in np.array_split(chosen, -(-len(chosen) // 32)):
            images = torch.from_numpy(np.stack([pictures[row] for row in rows]))
            sized = F.interpolate(images.float(), (SPEC.height, SPEC.width), mode="area")
            found.append(network.features(sized).permute(0, 2, 3, 1).reshape(-1, 112))
    seen = torch.cat(found)
    middle = seen.mean(0)
    _, spread, directions = torch.linalg.svd(seen - middle, full_matrices=False)
    # half-way to whitening: without it a few strong directions would be all that counts
    maps = directions[:SIZE].T / (spread[:SIZE] / len(seen) ** 0.5 + 1e-3) ** 0.5
    network.describe.load_state_dict({"weight": maps.T[:, :, None, None].clone(), "bias": -(middle @ maps)})
    return network


def judge_coat(network: CoatNetwork, material: Material) -> dict[str, float]:
    """Retrieval of the held-out task by likeness, as `reid.train.retrieval.figures` counts; empty where nothing is held out."""
    if material.task is None or material.held_out is None:
        return {}
    seen = describe(material.held_out, network.eval())

    def compared(query: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = [likeness(seen[row], seen[gallery], network) for row in track(query, "judge", unit="crop")]
        # a likeness to each of the gallery is a vector, whose product with that one's axis it is
        return np.array(scores, np.float32).reshape(len(query), len(gallery)), np.eye(len(gallery), dtype=np.float32)

    return tally(material.task, compared)


def train_coat(
    sources: Sequence[str], recipe: Recipe, model: str, folder: Path, cache: Path | None = None, licence: str = ""
) -> Outcome:
    """Train; an interrupted training goes on from its last whole epoch.

    Args:
        sources: Data sets, as for `reid.train.datasets.read_data_sets`.
        recipe: The settings; the network's are those of torsos, and losses are not used.
        model: Embedding network to begin from.
        folder: The run folder: `coat.safetensors`, `coat.json` and what every training leaves.
        cache: Folder for decoded crops; default: `cache` in the run folder.
        licence: Of the weights, for their card.

    Raises:
        ConfigError: the sampler, `trainer.resize` or several devices do not suit it.
        DivergedError: the loss became infinite or no number.
        ReidError: the data or the settings do not do; the message says why.
    """
    if recipe.sampler.name != "pxk":
        raise ConfigError("recipe=coat compares the photos of a batch with each other; set sampler=pxk.")
    if recipe.trainer.resize:
        raise ConfigError("recipe=coat describes places of one size of input; set trainer.resize=[].")
    if recipe.trainer.devices > 1:
        raise ConfigError("recipe=coat compares the photos of a batch in one process; set trainer.devices=1.")
    quiet()
    keep_memory()
    if recipe.trainer.threads:
        torch.set_num_threads(recipe.trainer.threads)
    start, origin = starting_network(recipe.network, model, recipe.trainer.seed)
    material = prepare(sources, recipe, cache or folder / "cache")
    network = begin(start, material.pictures, recipe.trainer.seed)
    last = folder / "checkpoints" / "last.ckpt"
    check_same_data(folder, material.facts, last.is_file())
    callbacks: list[Any] = [Bar(), Log(folder, recipe.size_in), KeepLast(last)]
    if recipe.trainer.average:
        callbacks.append(Averaged(recipe.trainer.average))
    trainer = make_trainer(recipe.trainer, recipe.optimiser.clip, folder, callbacks)
    batches, loader = feed(trainer, material, recipe, folder)
    steps = recipe.trainer.epochs * -(-len(batches) // recipe.trainer.accumulate)
    module = CoatTraining(network, recipe.optimiser, steps, recipe.trainer.seed)
    fit(trainer, module, loader, None, last)
    epoch = take(network, last)
    after = judge_coat(network, material)
    written = card(recipe, material, origin, licence, {}, after, epoch) | {"losses": {"coat": 1.0}}
    fingerprint = save_coat(network, folder, written) if trainer.is_global_zero else ""
    return Outcome(fingerprint, {}, after, epoch, material)

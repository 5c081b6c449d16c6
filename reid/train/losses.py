"""The losses, of pytorch-metric-learning where it has them, in float32 and summed by weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning import miners
from torch import Tensor, nn
from torch.nn import functional as F

from reid.train.loss_settings import CENTRES, LossSettings, Triplet

__all__ = ["ArcFace", "CenterLoss", "DynamicMargin", "LossSum"]

NEAR_ONE = 1 - 1e-6
"""Cosines are kept inside this: the angle's slope is infinite at 1, and 0 times infinity is NaN."""


class SafeAngles:
    """Angles whose gradient stays finite."""

    def get_angles(self, cosine_of_target_classes: Tensor) -> Tensor:
        return torch.acos(cosine_of_target_classes.clamp(-NEAR_ONE, NEAR_ONE))


class ArcFace(SafeAngles, pml.ArcFaceLoss):
    """ArcFace, safe where a vector meets its class's centre."""


class SubCenterArcFace(SafeAngles, pml.SubCenterArcFaceLoss):
    """Sub-center ArcFace, likewise."""


class DynamicMargin(ArcFace):
    """ArcFace with a margin for each class.

    Args:
        margins: (classes,) radians.
        kwargs: As for ArcFaceLoss.
    """

    def __init__(self, margins: np.ndarray, **kwargs: Any) -> None:
        super().__init__(num_classes=len(margins), margin=0.0, **kwargs)
        self.register_buffer("margins", torch.as_tensor(margins, dtype=torch.float32))

    def compute_loss(self, embeddings: Tensor, labels: Tensor, *rest: Any) -> Any:
        self.of_targets = self.margins[labels]
        return super().compute_loss(embeddings, labels, *rest)

    def modify_cosine_of_target_classes(self, cosine_of_target_classes: Tensor) -> Tensor:
        angles, margin = self.get_angles(cosine_of_target_classes), self.of_targets
        # past pi - margin the cosine would rise again, so the loss goes on as a straight line
        beyond = torch.cos(angles) - margin * torch.sin(margin)
        return torch.where(angles <= np.pi - margin, torch.cos(angles + margin), beyond)


class CenterLoss(nn.Module):
    """Half the mean squared distance between unit vectors and the learned centres of their classes."""

    def __init__(self, num_classes: int, embedding_size: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(F.normalize(torch.randn(num_classes, embedding_size)))

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        return 0.5 * (F.normalize(vectors) - self.centers[labels]).pow(2).sum(1).mean()


class LossSum(nn.Module):
    """Every loss that has a weight.

    Args:
        settings: Which, and how much.
        counts: (classes,) training crops of each class.
        size: Length of a vector.
    """

    def __init__(self, settings: LossSettings, counts: np.ndarray, size: int) -> None:
        super().__init__()
        self.settings = settings
        self.weights = {name: own.weight for name, own in settings.active.items()}
        self.terms = nn.ModuleDict()
        self.miners: dict[str, Any] = {}
        for name, own in settings.active.items():
            self.terms[name] = BUILD[name](own, counts, size)
        if "triplet" in self.weights:
            self.miners["triplet"] = _triplet_miner(settings.triplet)
        if "multisimilarity" in self.weights:
            self.miners["multisimilarity"] = miners.MultiSimilarityMiner(epsilon=settings.multisimilarity.epsilon)

    def forward(self, vectors: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Each loss by name, without its weight, in float32 whatever the vectors (B, size) are."""
        with torch.autocast(device_type=vectors.device.type, enabled=False):
            vectors = vectors.float()
            out = {}
            for name, term in self.terms.items():
                miner = self.miners.get(name)
                out[name] = term(vectors, labels, miner(vectors, labels)) if miner else term(vectors, labels)
        return out

    def cosines(self, vectors: Tensor) -> Tensor:
        """Cosines of vectors (B, size) to the classes' centres of the first loss that has such, (B, classes)."""
        name = next(name for name in self.terms if name in CENTRES)
        with torch.no_grad(), torch.autocast(device_type=vectors.device.type, enabled=False):
            found: Tensor = self.terms[name].get_cosine(vectors.float())  # type: ignore[operator]
        return found

    def at(self, done: float) -> None:
        """Set what changes in the course of a training, from the share of its steps that are done."""
        own = self.settings.arcface
        if "arcface" in self.terms and own.rise:
            self.terms["arcface"].margin = own.margin * min(1.0, done / own.rise)  # type: ignore[assignment]

    def begin(self, means: Tensor) -> None:
        """Put ArcFace's centres at the classes' mean unit vectors (classes, size).

        They are made long enough for AdamW, whose steps do not shrink with the weights, to turn them slowly.
        """
        centres = F.normalize(means.float()) * (0.1 * means.shape[1] ** 0.5)
        self.terms["arcface"].W.data.copy_(centres.T)  # type: ignore[operator]

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """The weighted sum of what `forward` gave."""
        return torch.stack([self.weights[name] * value for name, value in terms.items()]).sum()


def dynamic_margins(counts: np.ndarray, spread: float, power: float, least: float) -> np.ndarray:
    """Margins by class from its number of crops.

    >>> dynamic_margins(np.array([1, 16]), 0.5, 0.25, 0.05).round(3).tolist()
    [0.55, 0.3]
    """
    return np.asarray(spread * np.maximum(counts, 1.0) ** -power + least)


def _triplet_miner(own: Triplet) -> Any:
    if own.miner == "batch-hard":
        return miners.BatchHardMiner()
    return miners.TripletMarginMiner(margin=own.margin, type_of_triplets=own.miner)


def _dynamic(own: Any, counts: np.ndarray, size: int) -> nn.Module:
    return DynamicMargin(
        dynamic_margins(counts, own.spread, own.power, own.least), embedding_size=size, scale=own.scale
    )


BUILD: dict[str, Callable[[Any, np.ndarray, int], nn.Module]] = {
    "arcface": lambda o, c, d: ArcFace(
        num_classes=len(c), embedding_size=d, margin=np.degrees(o.margin), scale=o.scale
    ),
    "cosface": lambda o, c, d: pml.CosFaceLoss(num_classes=len(c), embedding_size=d, margin=o.margin, scale=o.scale),
    "subcenter": lambda o, c, d: SubCenterArcFace(
        num_classes=len(c), embedding_size=d, margin=np.degrees(o.margin), scale=o.scale, sub_centers=o.centers
    ),
    "dynamic": _dynamic,
    "circle": lambda o, c, d: pml.CircleLoss(m=o.margin, gamma=o.scale),
    "multisimilarity": lambda o, c, d: pml.MultiSimilarityLoss(alpha=o.alpha, beta=o.beta, base=o.base),
    "triplet": lambda o, c, d: pml.TripletMarginLoss(margin=o.margin),
    "proxyanchor": lambda o, c, d: pml.ProxyAnchorLoss(
        num_classes=len(c), embedding_size=d, margin=o.margin, alpha=o.alpha
    ),
    "supcon": lambda o, c, d: pml.SupConLoss(temperature=o.temperature),
    "center": lambda o, c, d: CenterLoss(len(c), d),
}
"""How each loss is made from its settings, the classes' numbers of crops, and the length of a vector."""

"""Trains the head that tells the flank on a frozen network's feature maps, and measures it.

The maps are made once; the head learns from them in seconds. Its temperature is fitted on held-out
individuals and folded into its weights (Guo et al. 2017, "On Calibration of Modern Neural Networks").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from reid.embed.heads import FlankHead
from reid.tables import FLANKS
from reid.train.flank_data import FlankCrop
from reid.train.flank_views import Maps

__all__ = [
    "FlankTraining",
    "fit_head",
    "fit_temperature",
    "folds",
    "head_logits",
    "held_out_logits",
    "measure",
    "scale",
]


@dataclass(frozen=True)
class FlankTraining:
    """How the head learns.

    Attributes:
        epochs: Passes over the maps.
        batch: Maps per step.
        rate: Highest learning rate, of AdamW with one cycle.
        decay: Weight decay.
        dropout: Share of the feature map's channels that are hidden from the head in each step.
        smoothing: Share of the label's probability that is spread over all flanks.
        seed: Of weights, order and dropout.
    """

    epochs: int = 8
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.05
    dropout: float = 0.3
    smoothing: float = 0.05
    seed: int = 0


def fit_head(
    features: np.ndarray,
    flank: np.ndarray,
    settings: FlankTraining | None = None,
    weight: np.ndarray | None = None,
) -> FlankHead:
    """Train a head.

    Args:
        features: (n, C, h, w), of any float type.
        flank: (n,), numbers in the order of `reid.tables.FLANKS`.
        settings: How.
        weight: (n,), how much each row counts; default: all the same.

    Returns:
        The head, in evaluation mode. The same input gives the same head.
    """
    settings = settings or FlankTraining()
    order = np.random.default_rng(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        head = FlankHead(features.shape[1]).train()
        optimizer = torch.optim.AdamW(head.parameters(), lr=settings.rate, weight_decay=settings.decay)
        steps = settings.epochs * -(-len(features) // settings.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, total_steps=steps)
        target = torch.from_numpy(np.asarray(flank, np.int64))
        counts = torch.from_numpy(np.ones(len(flank)) if weight is None else weight).float()
        for _ in range(settings.epochs):
            shuffled = order.permutation(len(features))
            for start in range(0, len(features), settings.batch):
                rows = np.sort(shuffled[start : start + settings.batch])
                x = F.dropout2d(torch.from_numpy(features[rows]).float(), settings.dropout)
                loss = F.cross_entropy(head(x), target[rows], reduction="none", label_smoothing=settings.smoothing)
                loss = (loss * counts[rows]).sum() / counts[rows].sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    return head.eval()


def head_logits(head: FlankHead, features: np.ndarray, batch: int = 256) -> np.ndarray:
    """Logits (n, 5), float64, of feature maps (n, C, h, w)."""
    parts = [np.zeros((0, len(FLANKS)))]
    with torch.inference_mode():
        for start in range(0, len(features), batch):
            parts.append(head(torch.from_numpy(features[start : start + batch]).float()).double().numpy())
    return np.concatenate(parts)


def folds(crops: Sequence[FlankCrop], count: int = 5, seed: int = 0) -> np.ndarray:
    """The fold of each crop, (n,); crops of one group share a fold, and every data set is in every fold."""
    rng = np.random.default_rng(seed)
    fold: dict[str, int] = {}
    for dataset in sorted({crop.dataset for crop in crops}):
        groups = sorted({crop.group for crop in crops if crop.dataset == dataset} - set(fold))
        fold.update(zip(rng.permutation(groups), np.arange(len(groups)) % count, strict=True))
    return np.array([fold[crop.group] for crop in crops])


def held_out_logits(
    maps: Maps, part: np.ndarray, settings: FlankTraining | None = None, weight: np.ndarray | None = None
) -> np.ndarray:
    """Logits of every row from a head that saw no row of the same part.

    Args:
        maps: n rows.
        part: (n,) fold of each row; rows of a negative one are always trained on, and get NaN.
        settings: How the heads learn.
        weight: (n,), how much each row counts in training.
    """
    logits = np.full((len(part), len(FLANKS)), np.nan)
    for one in sorted(set(part[part >= 0].tolist())):
        seen = np.flatnonzero(part != one)
        head = fit_head(maps.features[seen], maps.flank[seen], settings, None if weight is None else weight[seen])
        out = np.flatnonzero(part == one)
        logits[out] = head_logits(head, maps.features[out])
    return logits


def fit_temperature(logits: np.ndarray, flank: np.ndarray) -> float:
    """The temperature, 0.1 to 10, with which `softmax(logits / temperature)` fits the flanks best."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def cost(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[np.arange(len(flank)), flank].mean())

    return float(np.exp(minimize_scalar(cost, bounds=(np.log(0.1), np.log(10.0)), method="bounded").x))


def scale(head: FlankHead, temperature: float) -> None:
    """Divide the head's logits by the temperature for good, in its last layer."""
    with torch.no_grad():
        head.classify.weight.div_(temperature)
        head.classify.bias.div_(temperature)


def measure(logits: np.ndarray, flank: np.ndarray, least: float = 0.9) -> dict[str, Any]:
    """How well calibrated logits tell the flank.

    Args:
        logits: (n, 5).
        flank: (n,), the truth.
        least: The probability from which an answer counts as sure.

    Returns:
        `crops`; `accuracy` over the five; `sides`, how many are truly left or right, and `left_or_right`, the
        share of those with the true one of these two above the other; `sure`, the share with a probability of
        at least `least`, and `wrong_where_sure`, the share of wrong ones among them; `calibration_error`, the
        mean distance between probability and accuracy in ten bins of equal width. A share of nothing is null.
    """
    from scipy.special import softmax

    probability = softmax(logits, axis=1)
    top, right = probability.max(1), probability.argmax(1) == flank
    sides = flank < 2
    sure = top >= least
    bins = np.minimum((top * 10).astype(int), 9)
    gaps = [abs(float(top[bins == k].sum() - right[bins == k].sum())) for k in range(10)]
    better = logits[sides, :2].argmax(1) == flank[sides]

    def share(values: np.ndarray) -> float | None:
        return round(float(values.mean()), 4) if len(values) else None

    return {
        "crops": len(flank),
        "accuracy": share(right),
        "sides": int(sides.sum()),
        "left_or_right": share(better),
        "sure": share(sure),
        "wrong_where_sure": share(~right[sure]),
        "calibration_error": round(sum(gaps) / max(1, len(flank)), 4),
    }

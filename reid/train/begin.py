"""Where the classes' centres begin: at the means of their crops under the starting weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.embed.network import EmbeddingNetwork
from reid.progress import track

__all__ = ["class_means"]


def class_means(network: EmbeddingNetwork, pictures: np.ndarray, classes: np.ndarray, batch: int = 32) -> Tensor:
    """The mean unit vector of each class, and a neck whose norm knows these vectors.

    A fresh norm takes means of 0 and variances of 1 for granted, and then all unit vectors point nearly one way: so
    its statistics are taken from the crops first.

    Args:
        network: With its starting weights; the running statistics of its neck are set.
        pictures: uint8 (n, 3, H, W), as kept for training.
        classes: (n,) from 0, none without a picture.
        batch: Crops a step.

    Returns:
        (classes, size), of unit length.
    """
    network = network.eval().to(memory_format=torch.channels_last)
    raw, size = [], (network.spec.height, network.spec.width)
    with torch.inference_mode():
        for start in track(range(0, len(pictures), batch), "begin", unit="batch"):
            images = torch.from_numpy(np.array(pictures[start : start + batch])).float()
            images = network.normalised(F.interpolate(images, size, mode="area"))
            images = images.contiguous(memory_format=torch.channels_last)
            raw.append(network.before_norm(network.feature_map(images)).float())
    vectors = torch.cat(raw).clone()
    if isinstance(network.norm, nn.BatchNorm1d):
        spread, middle = torch.var_mean(vectors, dim=0)
        network.norm.running_mean.copy_(middle)  # type: ignore[union-attr]
        network.norm.running_var.copy_(spread)  # type: ignore[union-attr]
        with torch.no_grad():
            vectors = network.norm(vectors)
    sums = torch.zeros(int(classes.max()) + 1, vectors.shape[1])
    return F.normalize(sums.index_add_(0, torch.from_numpy(classes), F.normalize(vectors)))

"""Heads that read a network's features and change no vector: which flank a crop shows, and how good it is."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from reid.tables import FLANKS

__all__ = ["MIRRORED", "FlankHead", "QualityHead"]

MIRRORED = [FLANKS.index({"left": "right", "right": "left"}.get(name, name)) for name in FLANKS]
"""Where each flank is found after mirroring."""


class FlankHead(nn.Module):
    """Which flank a crop shows: the backbone's feature map (B, C, h, w) to logits (B, 5), in the order of `FLANKS`.

    Keeps a grid of places, since left and right differ by where the head is and not by what there is. It reads
    the map both ways round, so a mirrored map has the same logits with left and right exchanged, whatever the
    weights. Every place is brought to about the same strength first, which carries over better to species that
    it never saw.
    """

    def __init__(self, channels: int, hidden: int = 32, grid: int = 7) -> None:
        super().__init__()
        self.grid = grid
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.hide = nn.Dropout(0.5)
        self.classify = nn.Linear(hidden * grid * grid, len(FLANKS))

    def forward(self, features: Tensor) -> Tensor:
        features = features / (features.pow(2).mean(1, keepdim=True).sqrt() + 0.25)
        x = F.adaptive_avg_pool2d(F.relu(self.reduce(features)), self.grid)
        ahead = self.classify(self.hide(x.flatten(1)))
        mirrored = self.classify(self.hide(x.flip(-1).flatten(1)))
        return (ahead + mirrored[:, MIRRORED]) / 2


class QualityHead(nn.Module):
    """How good a crop is to recognise an animal by: vectors (B, size), not of unit length, to scores (B,).

    It learns to foretell how much nearer a crop lies to its own animal than to the next one (Boutros et al. 2023,
    "CR-FIQA: Face Image Quality Assessment by Learning Sample Relative Classifiability"). Scores mean 0 to 1 and may stray
    a little beyond: a curve that kept them inside would be flat at its ends, where learning would stop.
    """

    def __init__(self, size: int, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, vectors: Tensor) -> Tensor:
        return self.layers(vectors).squeeze(1)

"""How a feature map becomes one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["GeM", "GridPool", "pooling_matrix"]


class GeM(nn.Module):
    """Generalised-mean pooling with a learned exponent: (B, C, H, W) to (B, C).

    After Radenović et al. 2018, "Fine-tuning CNN Image Retrieval with No Human Annotation".
    """

    def __init__(self, power: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(float(power)))
        self.eps = eps

    def forward(self, features: Tensor) -> Tensor:
        # in float32: a power of small half-precision numbers underflows
        x = features.float().clamp(min=self.eps)
        return x.pow(self.power).mean((-2, -1)).pow(1.0 / self.power)


class GridPool(nn.Module):
    """The mean of each cell of a grid, side by side: (B, C, H, W) to (B, channels * rows * columns).

    A mark at the shoulder and the same mark at the hip are different marks. A mean over the whole map forgets which it
    was; here the vector keeps it, as coarsely as the grid, after the stripes of Sun et al. 2018, "Beyond Part Models:
    Person Retrieval with Refined Part Pooling". The channels are reduced first, so that the vector stays short, and each
    place then sees its neighbours: a mark beside another one is what tells animals apart.
    """

    def __init__(self, size: int, rows: int, columns: int, channels: int) -> None:
        super().__init__()
        self.grid = (rows, columns)
        self.reduce = nn.Sequential(nn.Conv2d(size, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        self.join = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False), nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        x = self.join(self.reduce(features)).float()
        # torch's adaptive pooling, as products of matrices, which every engine has
        rows, columns = (pooling_matrix(int(size), grid) for size, grid in zip(x.shape[-2:], self.grid, strict=True))
        return (rows.to(x.device) @ x @ columns.to(x.device).T).flatten(1)


def pooling_matrix(size: int, grid: int) -> Tensor:
    """Averages of `size` places in `grid` equal parts that may overlap, (grid, size).

    >>> pooling_matrix(3, 2).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    out = torch.zeros(grid, size)
    for part in range(grid):
        start, end = part * size // grid, -(-(part + 1) * size // grid)
        out[part, start:end] = 1 / (end - start)
    return out

"""The package's own detector: a small network that says at each place of a photo whether an animal is there, and how large.

The layout is that of YOLOX (Ge et al. 2021, arXiv:2107.08430): a cross-stage partial darknet (Wang et al. 2020,
arXiv:1911.11929) with spatial pyramid pooling (He et al. 2015, arXiv:1406.4729), a path aggregation network over three
scales (Liu et al. 2018, arXiv:1803.01534), and a decoupled head without anchors. It was written from the papers; the
layers come in the order in which published YOLOX weights list them, so that such weights fit in order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.errors import ConfigError

__all__ = ["STRIDES", "BoxNetwork", "BoxNetworkSpec", "decode", "places"]

STRIDES = (8, 16, 32)
"""Pixels between the places of each of the three scales."""


@dataclass(frozen=True)
class BoxNetworkSpec:
    """The size of the network and of its input.

    Attributes:
        width: Share of the widths of the largest network of the paper: 0.25 nano, 0.375 tiny, 0.5 s, 1 l.
        depth: Share of its depths: 0.33 up to s, 0.67 m, 1 l.
        categories: Names of what it finds, in the order of its outputs.
        side: Pixels of the square that photos are fitted into, a multiple of 32.

    Raises:
        ConfigError: a value is wrong.
    """

    width: float = 0.375
    depth: float = 0.33
    categories: tuple[str, ...] = ("animal",)
    side: int = 416

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", tuple(self.categories))
        if not 0 < self.width <= 2 or not 0 < self.depth <= 2:
            raise ConfigError(f"width={self.width} and depth={self.depth} must be above 0 and at most 2.")
        if not self.categories or not all(isinstance(name, str) and name for name in self.categories):
            raise ConfigError(f"categories={self.categories!r} must be names, such as [animal].")
        if self.side < 64 or self.side % 32:
            raise ConfigError(f"side={self.side} must be a multiple of 32, and at least 64.")

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "categories": list(self.categories)}


class Unit(nn.Module):
    """Convolution, batch norm, and x times sigmoid of x."""

    def __init__(self, inner: int, outer: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outer, eps=1e-3, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.norm(self.conv(x)), inplace=True)


class Residue(nn.Module):
    def __init__(self, size: int, shortcut: bool) -> None:
        super().__init__()
        self.narrow, self.look, self.shortcut = Unit(size, size, 1), Unit(size, size, 3), shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = self.look(self.narrow(x))
        return x + out if self.shortcut else out


class Partial(nn.Module):
    """Cross-stage partial block: one half passes residues, the other goes past them."""

    def __init__(self, inner: int, outer: int, count: int, shortcut: bool) -> None:
        super().__init__()
        half = outer // 2
        self.through, self.past, self.join = Unit(inner, half, 1), Unit(inner, half, 1), Unit(2 * half, outer, 1)
        self.residues = nn.Sequential(*(Residue(half, shortcut) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        return self.join(torch.cat((self.residues(self.through(x)), self.past(x)), 1))


class Pyramid(nn.Module):
    """Spatial pyramid pooling: the largest values of three neighbourhoods beside the map itself."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.narrow, self.widen = Unit(size, size // 2, 1), Unit(2 * size, size, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(x)
        return self.widen(torch.cat((x, *(F.max_pool2d(x, k, 1, k // 2) for k in (5, 9, 13))), 1))


class Stem(nn.Module):
    """Each square of two by two pixels becomes one place of twelve channels."""

    def __init__(self, outer: int) -> None:
        super().__init__()
        self.unit = Unit(12, outer, 3)

    def forward(self, x: Tensor) -> Tensor:
        corners = (x[..., i::2, j::2] for j in (0, 1) for i in (0, 1))
        return self.unit(torch.cat(tuple(corners), 1))


class Darknet(nn.Module):
    def __init__(self, base: int, count: int) -> None:
        super().__init__()
        self.stem = Stem(base)
        self.quarter = nn.Sequential(Unit(base, 2 * base, 3, 2), Partial(2 * base, 2 * base, count, True))
        self.eighth = nn.Sequential(Unit(2 * base, 4 * base, 3, 2), Partial(4 * base, 4 * base, 3 * count, True))
        self.sixteenth = nn.Sequential(Unit(4 * base, 8 * base, 3, 2), Partial(8 * base, 8 * base, 3 * count, True))
        self.last = nn.Sequential(
            Unit(8 * base, 16 * base, 3, 2), Pyramid(16 * base), Partial(16 * base, 16 * base, count, False)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        eighth = self.eighth(self.quarter(self.stem(x)))
        sixteenth = self.sixteenth(eighth)
        return eighth, sixteenth, self.last(sixteenth)


class Neck(nn.Module):
    """Path aggregation: what the coarse scales know goes down to the fine ones, and back up."""

    def __init__(self, base: int, count: int) -> None:
        super().__init__()
        small, middle, large = 4 * base, 8 * base, 16 * base
        self.narrow_large = Unit(large, middle, 1)
        self.down_middle = Partial(2 * middle, middle, count, False)
        self.narrow_middle = Unit(middle, small, 1)
        self.down_small = Partial(2 * small, small, count, False)
        self.shrink_small = Unit(small, small, 3, 2)
        self.up_middle = Partial(2 * small, middle, count, False)
        self.shrink_middle = Unit(middle, middle, 3, 2)
        self.up_large = Partial(2 * middle, large, count, False)

    def forward(self, maps: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        small, middle, large = maps
        top = self.narrow_large(large)
        middle = self.narrow_middle(self.down_middle(torch.cat((_double(top), middle), 1)))
        small = self.down_small(torch.cat((_double(middle), small), 1))
        middle = self.up_middle(torch.cat((self.shrink_small(small), middle), 1))
        return small, middle, self.up_large(torch.cat((self.shrink_middle(middle), top), 1))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Heads(nn.Module):
    """For each scale: one branch says what is there, another where, and whether anything is."""

    def __init__(self, sizes: tuple[int, ...], size: int, categories: int) -> None:
        super().__init__()
        scales = range(len(sizes))
        self.what = nn.ModuleList(nn.Sequential(Unit(size, size, 3), Unit(size, size, 3)) for _ in scales)
        self.where = nn.ModuleList(nn.Sequential(Unit(size, size, 3), Unit(size, size, 3)) for _ in scales)
        self.categories = nn.ModuleList(nn.Conv2d(size, categories, 1) for _ in scales)
        self.boxes = nn.ModuleList(nn.Conv2d(size, 4, 1) for _ in scales)
        self.objects = nn.ModuleList(nn.Conv2d(size, 1, 1) for _ in scales)
        self.stems = nn.ModuleList(Unit(inner, size, 1) for inner in sizes)

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        parts = []
        for i, features in enumerate(maps):
            x = self.stems[i](features)
            where = self.where[i](x)
            out = torch.cat((self.boxes[i](where), self.objects[i](where), self.categories[i](self.what[i](x))), 1)
            parts.append(out.flatten(2))
        return torch.cat(parts, 2).transpose(1, 2)


class BoxNetwork(nn.Module):
    """Photos to raw outputs, one row for each place of the three scales.

    `forward` takes RGB pictures (batch, 3, height, width) of 0 to 255, sides a multiple of 32, and gives
    (batch, places, 5 + categories): offsets of the centre, logarithms of the size (both in strides), and the logits of
    "something" and of each category. `decode` turns them into boxes.
    """

    def __init__(self, spec: BoxNetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        base, count = int(spec.width * 64), max(round(spec.depth * 3), 1)
        self.body, self.neck = Darknet(base, count), Neck(base, count)
        self.heads = Heads((4 * base, 8 * base, 16 * base), int(256 * spec.width), len(spec.categories))

    def begin(self) -> None:
        """Set the heads' last biases so that hardly any place claims an animal, where training begins at random.

        After Lin et al. 2017, arXiv:1708.02002: otherwise the many empty places drown the first steps.
        """
        for layers in (self.heads.objects, self.heads.categories):
            for layer in layers:
                nn.init.constant_(layer.get_parameter("bias"), -4.6)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.heads(self.neck(self.body(pictures)))


def places(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Upper left corners (places, 2), in strides, and strides (places,) of an input's places, in the outputs' order."""
    corners, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        corners.append(torch.stack((x, y), -1).flatten(0, 1).float())
        strides.append(torch.full((len(corners[-1]),), float(stride)))
    return torch.cat(corners), torch.cat(strides)


def decode(raw: Tensor, corners: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (..., places, 4) as x1, y1, x2, y2 in pixels of the input, and confidences (..., places, categories)."""
    centres = (raw[..., :2] + corners) * strides[:, None]
    halves = raw[..., 2:4].clamp(max=10).exp() * strides[:, None] / 2
    return torch.cat((centres - halves, centres + halves), -1), raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()

"""The embedding network: a timm backbone, a pooling and a neck, described by data that travels with its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.embed.heads import FlankHead, QualityHead
from reid.embed.pooling import GeM, GridPool
from reid.errors import ConfigError, choices
from reid.tables import FLANKS, UNKNOWN

__all__ = ["Embedding", "EmbeddingNetwork", "NetworkSpec"]

POOLINGS = ("avg", "gem", "grid", "own")
GRID = (2, 4, 128)
LARGEST_SIZE = 16_384
"""Of an input's side, a vector, a grid, and of whatever number shapes a body."""
LOADING = {
    "cache_dir", "checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict",
    "scriptable",
}  # fmt: skip
"""Arguments of timm's that say where something is loaded from."""
NECKS = ("none", "bn", "linear")
RESIZES = ("squash", "pad")
INTERPOLATIONS = ("area", "bicubic", "bilinear")
FRAMES = ("whole", "torso")


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is and what it expects to see; saved beside its weights.

    Attributes:
        backbone: Name of a timm network.
        pooling: How the feature map becomes one vector: `avg`; `gem`, a generalised mean; `grid`, the mean of each
            cell of a grid (see `reid.embed.pooling`); or `own`, whatever pooling and norms timm's network ends in, as
            published weights expect it.
        grid: Rows, columns and channels of `grid`.
        neck: What follows: `none`; `bn`, batch normalisation alone (Luo et al. 2019, "Bag of Tricks and a Strong
            Baseline for Deep Person Re-identification"); `linear`, a projection to `embedding_size` and then `bn`.
        embedding_size: Length of a vector; 0 takes the backbone's.
        level: Which of timm's feature levels is read, counted from 1 (each has half the height and width of the one before);
            what comes after it is cut off. 0 reads the end of the backbone.
        frame: What of a crop the network sees: `whole`, or the `torso`, found and cut out as `reid.embed.torso` says.
        height: Pixels of the network's input.
        width: Pixels of the network's input.
        resize: `squash` fills the input and ignores the crop's aspect; `pad` keeps it and fills with the mean colour.
        interpolation: `area`, `bilinear` or `bicubic`.
        mean: Subtracted per channel (RGB, range 0 to 1) before
        std: the division by this.
        face: `as_is`, or `left`: crops of right flanks are mirrored, so that all animals face one way.
        flank: Whether a head tells the flank from the same backbone.
        flank_scale: Share of the input's height and width at which it does so. Where crops must be turned to face left
            before they become vectors, the flank takes a pass of its own, and half the size costs a quarter.
        quality: Whether a head tells from the vector how good the crop is to recognise an animal by. Only scores of one
            network can be compared. It learns from crops like those of the training: crops much worse than these, of
            animals never seen, can get a high score.
        arguments: Further arguments of timm's network, for published weights of another shape than its usual one.
    """

    backbone: str = "tf_efficientnet_lite0"
    pooling: str = "avg"
    grid: tuple[int, int, int] = GRID
    neck: str = "none"
    embedding_size: int = 0
    level: int = 0
    frame: str = "whole"
    height: int = 224
    width: int = 224
    resize: str = "squash"
    interpolation: str = "area"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    face: str = "as_is"
    flank: bool = False
    flank_scale: float = 1.0
    quality: bool = False
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name, valid in (
            ("pooling", POOLINGS),
            ("neck", NECKS),
            ("resize", RESIZES),
            ("interpolation", INTERPOLATIONS),
            ("frame", FRAMES),
            ("face", ("as_is", "left")),
        ):
            if getattr(self, name) not in valid:
                raise ConfigError(f"{name}={getattr(self, name)!r} is unknown; choose one of {choices(valid)}.")
        self._check_source()
        if self.neck != "linear" and self.embedding_size:
            raise ConfigError(
                f"embedding_size={self.embedding_size} needs neck=linear; neck={self.neck} keeps the backbone's."
            )
        if self.neck == "linear" and self.embedding_size < 1:
            raise ConfigError("neck=linear needs embedding_size, for example 512.")
        if len(self.grid) != 3 or min(self.grid) < 1:
            raise ConfigError(f"grid={list(self.grid)} needs three whole numbers above 0: rows, columns and channels.")
        if self.level and self.pooling == "own":
            raise ConfigError(f"level={self.level} cuts off what pooling=own needs; choose another pooling.")
        if self.frame == "torso" and (self.flank or self.resize == "pad"):
            raise ConfigError(
                "frame=torso has the flank told from the whole crop, by a head that is shipped, and fills the input with the torso; "
                "set flank=false and resize=squash."
            )
        if not all(_three(values) for values in (self.mean, self.std)) or min(self.std) <= 0:
            raise ConfigError(
                f"mean={list(self.mean)} and std={list(self.std)} must be three numbers each, one for each colour, and std "
                "above 0."
            )
        if not 0.2 <= self.flank_scale <= 1:
            raise ConfigError(
                f"flank_scale={self.flank_scale} must lie between 0.2 and 1: a share of the input's size."
            )
        if not all(isinstance(side, int) for side in (self.height, self.width)):
            raise ConfigError(f"height={self.height!r} and width={self.width!r} must be whole numbers of pixels.")
        if min(self.height, self.width) < 32:
            raise ConfigError(f"an input of {self.height} x {self.width} pixels is too small; use at least 32 x 32.")

    def _check_source(self) -> None:
        """A description of a network comes with its weights, from anybody: it may shape the body, and name no place to
        load anything from."""
        if not isinstance(self.backbone, str) or ":" in self.backbone or "/" in self.backbone:
            raise ConfigError(f"backbone={self.backbone!r} must be the name of a network of timm, and no place.")
        asked = sorted(LOADING & {str(key) for key in self.arguments})
        if asked:
            raise ConfigError(
                f"arguments of a network shape its body and load nothing; {', '.join(asked)} is not allowed."
            )
        sizes = (self.height, self.width, self.embedding_size, *self.grid, *_numbers(self.arguments))
        if max(sizes) > LARGEST_SIZE:
            raise ConfigError(f"a network's sizes go up to {LARGEST_SIZE}, found {max(sizes)}.")

    def to_dict(self) -> dict[str, Any]:
        """JSON-like; `NetworkSpec.from_dict` reverses it."""
        values: dict[str, Any] = asdict(self)
        # few networks have these; the others keep the fingerprint that they had
        if not self.arguments:
            del values["arguments"]
        if self.pooling != "grid":
            del values["grid"]
        if self.flank_scale == 1:
            del values["flank_scale"]
        if not self.level:
            del values["level"]
        if self.frame == "whole":
            del values["frame"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkSpec:
        """From the JSON-like form; an unknown key is refused by name."""
        names = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ConfigError(f"a network has no setting {', '.join(unknown)}; it has {choices(names)}.")
        series: dict[str, Any] = {k: tuple(values[k]) for k in ("mean", "std", "grid") if k in values}
        return cls(**(values | series))


def _three(values: Any) -> bool:
    return len(values) == 3 and all(isinstance(value, (int, float)) and isfinite(value) for value in values)


def _numbers(value: Any) -> list[float]:
    """All numbers in nested lists and dictionaries."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [number for inner in value for number in _numbers(inner)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


class Embedding(NamedTuple):
    """Of a batch, all float32: unit vectors (B, size), probabilities of the flanks (B, 5) in the order of `FLANKS`,
    and the quality (B,), 0 to 1.

    Without a head for the flank, all its probability lies on `unknown`; without one for the quality, it is NaN.
    """

    vectors: Tensor
    flanks: Tensor
    quality: Tensor


class EmbeddingNetwork(nn.Module):
    """Crops to vectors, and to flanks and quality if it has heads for them.

    Args:
        spec: What to build.
        pretrained: Ask timm for the backbone's published weights; needs a network connection.
    """

    def __init__(self, spec: NetworkSpec, pretrained: bool = False) -> None:
        super().__init__()
        import timm

        self.spec = spec
        try:
            pooling = {} if spec.pooling == "own" else {"global_pool": ""}
            arguments = {**spec.arguments, **pooling, "num_classes": 0}
            backbone: Any = timm.create_model(spec.backbone, pretrained=pretrained, **arguments)
        except TypeError as error:
            raise ConfigError(f"timm's {spec.backbone} does not take arguments={spec.arguments} ({error}).") from None
        except RuntimeError as error:
            near = timm.list_models(f"*{spec.backbone.split('_')[0]}*")[:8]
            raise ConfigError(
                f"timm has no network {spec.backbone!r} ({error}); similar ones are {', '.join(near) or 'in timm.list_models()'}."
            ) from None
        self.backbone = backbone
        self.backbone_size = int(backbone.num_features) if not spec.level else self._cut(backbone, spec.level)
        self.pool = self._pooling(spec)
        # timm's own head may end in another width than its feature map has
        width = getattr(backbone, "head_hidden_size", 0) if spec.pooling == "own" else 0
        pooled = (
            spec.grid[0] * spec.grid[1] * spec.grid[2] if spec.pooling == "grid" else int(width or self.backbone_size)
        )
        size = spec.embedding_size if spec.neck == "linear" else pooled
        self.projection = nn.Linear(pooled, size, bias=False) if spec.neck == "linear" else nn.Identity()
        self.norm = nn.BatchNorm1d(size) if spec.neck != "none" else nn.Identity()
        if isinstance(self.norm, nn.BatchNorm1d):
            self.norm.bias.requires_grad_(False)
        self.size = size
        self.flank_head = FlankHead(self.backbone_size) if spec.flank else None
        self.quality_head = QualityHead(size) if spec.quality else None

    def _cut(self, backbone: Any, level: int) -> int:
        """Cut off what comes after a level of features; returns its channels."""
        levels = [info["num_chs"] for info in getattr(backbone, "feature_info", [])]
        if not hasattr(backbone, "prune_intermediate_layers") or not 0 < level <= len(levels):
            raise ConfigError(
                f"network.level={level}: {self.spec.backbone} has {len(levels) or 'no'} levels of features that it could be cut at; "
                "set network.level=0."
            )
        backbone.prune_intermediate_layers([level - 1], prune_norm=True, prune_head=True)
        return int(levels[level - 1])

    def _pooling(self, spec: NetworkSpec) -> nn.Module | None:
        if spec.pooling == "grid":
            return GridPool(self.backbone_size, *spec.grid)
        return GeM() if spec.pooling == "gem" else None

    def feature_map(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) to the backbone's feature map (B, C, h, w), or tokens (B, N, C)."""
        features = self.backbone.forward_features(images)
        if not isinstance(features, Tensor):
            raise ConfigError(f"timm's {self.spec.backbone} gives several feature maps; choose one that gives one.")
        if features.ndim == 4 and features.shape[1] != self.backbone_size:
            features = features.permute(0, 3, 1, 2)  # some transformers keep channels last
        return features

    def vectors(self, features: Tensor) -> Tensor:
        """A feature map or tokens to vectors (B, size), not yet of unit length."""
        return self.norm(self.before_norm(features))

    def before_norm(self, features: Tensor) -> Tensor:
        """The same, before the neck's norm."""
        if self.spec.pooling == "own":
            if features.ndim == 4 and getattr(self.backbone, "output_fmt", "") == "NHWC":
                features = features.permute(0, 2, 3, 1)  # as its own head wants them
            pooled = self.backbone.forward_head(features)
        elif features.ndim == 4:
            pooled = features.float().mean((-2, -1)) if self.pool is None else self.pool(features)
        elif isinstance(self.pool, GridPool):
            raise ConfigError(
                f"pooling=grid needs a feature map, and {self.spec.backbone} gives tokens; use gem or avg."
            )
        elif self.pool is not None:
            pooled = self.pool(features.transpose(1, 2).unsqueeze(-1))
        else:
            pooled = features[:, getattr(self.backbone, "num_prefix_tokens", 0) :].float().mean(1)
        projected: Tensor = self.projection(pooled)
        return projected

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) to vectors (B, size), not yet of unit length."""
        return self.vectors(self.feature_map(images))

    def normalised(self, images: Tensor) -> Tensor:
        """uint8 images (B, 3, H, W) to what the backbone sees."""
        mean = torch.tensor(self.spec.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.spec.std, device=images.device).view(1, 3, 1, 1)
        return (images.float() / 255 - mean) / std

    def flank_map(self, images: Tensor) -> Tensor:
        """uint8 images (B, 3, H, W) to the feature map that the head for the flank reads."""
        normalised = self.normalised(images)
        if self.spec.flank_scale < 1:
            size = [round(side * self.spec.flank_scale) for side in normalised.shape[-2:]]
            normalised = F.interpolate(normalised, size, mode="area")
        return self.feature_map(normalised)

    def flanks(self, images: Tensor, features: Tensor | None = None) -> Tensor:
        """uint8 images (B, 3, H, W) to the probabilities of their flanks (B, 5), without their vectors.

        Args:
            images: What to look at.
            features: Their `flank_map`, where it is there already.
        """
        if self.flank_head is None:
            unknown = torch.zeros(len(images), len(FLANKS), device=images.device)
            unknown[:, FLANKS.index(UNKNOWN)] = 1
            return unknown
        features = self.flank_map(images) if features is None else features
        found: Tensor = self.flank_head(features.float()).softmax(1)
        return found

    def embed(self, images: Tensor, flanks: Tensor | None = None) -> Embedding:
        """uint8 images (B, 3, H, W) to what is known of them.

        Args:
            images: What to look at.
            flanks: Their probabilities (B, 5), where they are known already.
        """
        features = self.feature_map(self.normalised(images))
        vectors = self.vectors(features).float()
        if flanks is None:
            flanks = self.flanks(images, features if self.spec.flank_scale == 1 else None)
        quality = vectors.new_full((len(images),), torch.nan)
        if self.quality_head is not None:
            quality = self.quality_head(vectors).float().clamp(0, 1)
        return Embedding(F.normalize(vectors), flanks, quality)

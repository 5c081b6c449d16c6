"""The embedding network: a timm backbone, a pooling and a neck, described by data that travels with its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.errors import ConfigError, choices
from reid.tables import FLANKS, UNKNOWN

__all__ = ["EmbeddingNetwork", "FlankHead", "GeM", "NetworkSpec"]

POOLINGS = ("avg", "gem")
NECKS = ("none", "bn", "linear")
RESIZES = ("squash", "pad")
INTERPOLATIONS = ("area", "bicubic", "bilinear")
MIRRORED = [FLANKS.index({"left": "right", "right": "left"}.get(name, name)) for name in FLANKS]
"""Where each flank is found after mirroring."""


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is and what it expects to see; saved beside its weights.

    Attributes:
        backbone: Name of a timm network.
        pooling: How the feature map becomes one vector: `avg`, or `gem` (generalised mean; Radenović et al. 2018,
            "Fine-tuning CNN Image Retrieval with No Human Annotation").
        neck: What follows: `none`; `bn`, batch normalisation alone (Luo et al. 2019, "Bag of Tricks and a Strong
            Baseline for Deep Person Re-identification"); `linear`, a projection to `embedding_size` and then `bn`.
        embedding_size: Length of a vector; 0 takes the backbone's.
        height: Pixels of the network's input.
        width: Pixels of the network's input.
        resize: `squash` fills the input and ignores the crop's aspect; `pad` keeps it and fills with the mean colour.
        interpolation: `area`, `bilinear` or `bicubic`.
        mean: Subtracted per channel (RGB, range 0 to 1) before
        std: the division by this.
        face: `as_is`, or `left`: crops of right flanks are mirrored, so that all animals face one way.
        flank: Whether a head tells the flank from the same features.
    """

    backbone: str = "tf_efficientnet_lite0"
    pooling: str = "avg"
    neck: str = "none"
    embedding_size: int = 0
    height: int = 224
    width: int = 224
    resize: str = "squash"
    interpolation: str = "area"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    face: str = "as_is"
    flank: bool = False

    def __post_init__(self) -> None:
        for name, valid in (
            ("pooling", POOLINGS),
            ("neck", NECKS),
            ("resize", RESIZES),
            ("interpolation", INTERPOLATIONS),
            ("face", ("as_is", "left")),
        ):
            if getattr(self, name) not in valid:
                raise ConfigError(f"{name}={getattr(self, name)!r} is unknown; choose one of {choices(valid)}.")
        if self.neck != "linear" and self.embedding_size:
            raise ConfigError(
                f"embedding_size={self.embedding_size} needs neck=linear; neck={self.neck} keeps the backbone's."
            )
        if self.neck == "linear" and self.embedding_size < 1:
            raise ConfigError("neck=linear needs embedding_size, for example 512.")
        if min(self.height, self.width) < 32:
            raise ConfigError(f"an input of {self.height} x {self.width} pixels is too small; use at least 32 x 32.")

    def to_dict(self) -> dict[str, Any]:
        """JSON-like; `NetworkSpec.from_dict` reverses it."""
        values: dict[str, Any] = asdict(self)
        return values | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkSpec:
        """From the JSON-like form; an unknown key is refused by name."""
        names = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ConfigError(f"a network has no setting {', '.join(unknown)}; it has {choices(names)}.")
        colours: dict[str, Any] = {k: tuple(values[k]) for k in ("mean", "std") if k in values}
        return cls(**(values | colours))


class GeM(nn.Module):
    """Generalised-mean pooling with a learned exponent: (B, C, H, W) to (B, C)."""

    def __init__(self, power: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(float(power)))
        self.eps = eps

    def forward(self, features: Tensor) -> Tensor:
        # in float32: a power of small half-precision numbers underflows
        x = features.float().clamp(min=self.eps)
        return x.pow(self.power).mean((-2, -1)).pow(1.0 / self.power)


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


class EmbeddingNetwork(nn.Module):
    """Crops to vectors, and to flanks if it has a head for them.

    Args:
        spec: What to build.
        pretrained: Ask timm for the backbone's published weights; needs a network connection.
    """

    def __init__(self, spec: NetworkSpec, pretrained: bool = False) -> None:
        super().__init__()
        import timm

        self.spec = spec
        try:
            backbone: Any = timm.create_model(spec.backbone, pretrained=pretrained, num_classes=0, global_pool="")
        except RuntimeError as error:
            near = timm.list_models(f"*{spec.backbone.split('_')[0]}*")[:8]
            raise ConfigError(
                f"timm has no network {spec.backbone!r} ({error}); similar ones are {', '.join(near) or 'in timm.list_models()'}."
            ) from None
        self.backbone = backbone
        self.backbone_size = int(backbone.num_features)
        self.pool = GeM() if spec.pooling == "gem" else None
        size = spec.embedding_size if spec.neck == "linear" else self.backbone_size
        self.projection = nn.Linear(self.backbone_size, size, bias=False) if spec.neck == "linear" else nn.Identity()
        self.norm = nn.BatchNorm1d(size) if spec.neck != "none" else nn.Identity()
        if isinstance(self.norm, nn.BatchNorm1d):
            self.norm.bias.requires_grad_(False)
        self.size = size
        self.flank_head = FlankHead(self.backbone_size) if spec.flank else None

    def feature_map(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) to the backbone's feature map (B, C, h, w), or tokens (B, N, C)."""
        features = self.backbone.forward_features(images)
        if features.ndim == 4 and features.shape[1] != self.backbone_size:
            features = features.permute(0, 3, 1, 2)  # some transformers keep channels last
        return features

    def vectors(self, features: Tensor) -> Tensor:
        """A feature map or tokens to vectors (B, size), not yet of unit length."""
        if features.ndim == 4:
            pooled = features.float().mean((-2, -1)) if self.pool is None else self.pool(features)
        elif self.pool is not None:
            pooled = self.pool(features.transpose(1, 2).unsqueeze(-1))
        else:
            pooled = self.backbone.forward_head(features, pre_logits=True)
        return self.norm(self.projection(pooled))

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) to vectors (B, size), not yet of unit length."""
        return self.vectors(self.feature_map(images))

    def normalised(self, images: Tensor) -> Tensor:
        """uint8 images (B, 3, H, W) to what the backbone sees."""
        mean = torch.tensor(self.spec.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.spec.std, device=images.device).view(1, 3, 1, 1)
        return (images.float() / 255 - mean) / std

    def embed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images (B, 3, H, W) to unit vectors (B, size) and probabilities of the flanks (B, 5), both float32.

        Without a head for the flank, all its probability lies on `unknown`.
        """
        features = self.feature_map(self.normalised(images))
        vectors = F.normalize(self.vectors(features).float())
        if self.flank_head is None:
            flanks = torch.zeros(len(images), len(FLANKS), device=images.device)
            flanks[:, FLANKS.index(UNKNOWN)] = 1
        else:
            flanks = self.flank_head(features.float()).softmax(1)
        return vectors, flanks

"""torchvision's detectors, one-stage and two-stage, with its own backbones or any of timm's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from reid.detect.engines import check_device
from reid.detect.pictures import LEAST, PhotoDetector, Seen
from reid.errors import ConfigError, FormatError, InputError, choices
from reid.outside import read_json
from reid.store import write_json, write_tensors

if TYPE_CHECKING:
    from reid.detect.settings import DetectorSettings

__all__ = ["FAMILIES", "TorchvisionSpec", "build", "load_torchvision", "save_torchvision", "torchvision_detector"]

WEIGHTS, CARD = "weights.safetensors", "torchvision.json"
WIDTH = 128
"""Channels of the pyramid over a backbone of timm's."""
STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class TorchvisionSpec:
    """A network of torchvision's.

    Attributes:
        family: One of `FAMILIES`: `fasterrcnn` is two-stage; `fcos`, `retinanet` and `ssdlite` are one-stage.
        backbone: "" for torchvision's own (ResNet-50, for ssdlite MobileNetV3), or the name of a network of timm's, for the
            families with a pyramid.
        categories: What it finds.
        side: Pixels of the longer side of its input.
        pretrained: For building alone: begin with the backbone's weights for ImageNet, which torchvision or timm download.

    Raises:
        ConfigError: a value is wrong.
    """

    family: str = "fcos"
    backbone: str = ""
    categories: tuple[str, ...] = ("animal",)
    side: int = 640
    pretrained: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", tuple(self.categories))
        if self.family not in FAMILIES:
            raise ConfigError(f"torchvision.family={self.family!r} is unknown; choose one of {choices(FAMILIES)}.")
        if self.family == "ssdlite" and self.backbone:
            raise ConfigError(
                "torchvision.family=ssdlite has its own backbone; choose fcos, retinanet or fasterrcnn for another."
            )
        if self.side < 64 or not self.categories:
            raise ConfigError(f"torchvision.side={self.side} must be 64 or more, and categories must not be empty.")


class TimmPyramid(nn.Module):
    """A backbone of timm's and a feature pyramid (Lin et al. 2017, arXiv:1612.03144) over its strides 8, 16 and 32."""

    def __init__(self, name: str, pretrained: bool) -> None:
        super().__init__()
        import timm
        from torchvision.ops import FeaturePyramidNetwork
        from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

        if not timm.is_model(name.partition(".")[0]):
            raise ConfigError(f"timm has no network {name!r}; see timm.list_models().")
        try:
            whole: Any = timm.create_model(name, pretrained=pretrained, features_only=True)
        except RuntimeError as error:
            raise ConfigError(f"{name} gives no feature maps ({' '.join(str(error).split())[:120]}).") from None
        strides = whole.feature_info.reduction()
        places = [i for i, stride in enumerate(strides) if stride in STRIDES]
        if len(places) != len(STRIDES):
            raise ConfigError(f"{name} has maps at the strides {strides}; needed are {STRIDES}.")
        self.body, self.places = whole, places
        sizes = [whole.feature_info.channels()[i] for i in places]
        self.pyramid, self.out_channels = FeaturePyramidNetwork(sizes, WIDTH, LastLevelMaxPool()), WIDTH

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps = self.body(x)
        return dict(self.pyramid({str(n): maps[i] for n, i in enumerate(self.places)}))


def _anchors(levels: int, each: bool) -> Any:
    from torchvision.models.detection.anchor_utils import AnchorGenerator

    base = [2 ** (i + 4) for i in range(levels)]
    sizes = tuple((b, round(b * 2 ** (1 / 3)), round(b * 2 ** (2 / 3))) if each else (b,) for b in base)
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * levels)


def _common(spec: TorchvisionSpec) -> dict[str, Any]:
    own = {"weights": None, "weights_backbone": "DEFAULT" if spec.pretrained else None}
    return {"min_size": spec.side, "max_size": spec.side, **({} if spec.backbone else own)}


def _fasterrcnn(spec: TorchvisionSpec) -> nn.Module:
    from torchvision.models.detection import FasterRCNN, fasterrcnn_resnet50_fpn

    if not spec.backbone:
        return fasterrcnn_resnet50_fpn(num_classes=len(spec.categories) + 1, **_common(spec))
    from torchvision.ops import MultiScaleRoIAlign

    pooled = MultiScaleRoIAlign([str(n) for n in range(len(STRIDES))], 7, 2)
    return FasterRCNN(
        TimmPyramid(spec.backbone, spec.pretrained), len(spec.categories) + 1, box_roi_pool=pooled,
        rpn_anchor_generator=_wide_anchors(len(STRIDES) + 1), **_common(spec),
    )  # fmt: skip


def _wide_anchors(levels: int) -> Any:
    from torchvision.models.detection.anchor_utils import AnchorGenerator

    return AnchorGenerator(tuple((2 ** (i + 5),) for i in range(levels)), ((0.5, 1.0, 2.0),) * levels)


def _retinanet(spec: TorchvisionSpec) -> nn.Module:
    from torchvision.models.detection import RetinaNet, retinanet_resnet50_fpn

    # these two count no background among their classes; the labels begin at 1 all the same
    if not spec.backbone:
        return retinanet_resnet50_fpn(num_classes=len(spec.categories) + 1, **_common(spec))
    body = TimmPyramid(spec.backbone, spec.pretrained)
    return RetinaNet(body, len(spec.categories) + 1, anchor_generator=_anchors(len(STRIDES) + 1, True), **_common(spec))


def _fcos(spec: TorchvisionSpec) -> nn.Module:
    from torchvision.models.detection import FCOS, fcos_resnet50_fpn
    from torchvision.models.detection.anchor_utils import AnchorGenerator

    if not spec.backbone:
        return fcos_resnet50_fpn(num_classes=len(spec.categories) + 1, **_common(spec))
    levels = len(STRIDES) + 1
    places = AnchorGenerator(tuple((2 ** (i + 3),) for i in range(levels)), ((1.0,),) * levels)
    return FCOS(
        TimmPyramid(spec.backbone, spec.pretrained), len(spec.categories) + 1, anchor_generator=places, **_common(spec)
    )


def _ssdlite(spec: TorchvisionSpec) -> nn.Module:
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    backbone = "DEFAULT" if spec.pretrained else None
    return ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=backbone, num_classes=len(spec.categories) + 1)


FAMILIES: dict[str, Callable[[TorchvisionSpec], nn.Module]] = {
    "fasterrcnn": _fasterrcnn,
    "fcos": _fcos,
    "retinanet": _retinanet,
    "ssdlite": _ssdlite,
}
"""How each family is built."""


def build(spec: TorchvisionSpec) -> nn.Module:
    """The network that the spec describes: torchvision's detectors take a list of float32 pictures (3, height, width) of 0
    to 1; in training with targets (`boxes` x1, y1, x2, y2 and `labels` from 1) they give their losses, else boxes.
    """
    return FAMILIES[spec.family](spec)


def save_torchvision(
    network: nn.Module, spec: TorchvisionSpec, folder: Path, card: dict[str, Any] | None = None
) -> str:
    """Write `weights.safetensors` and `torchvision.json`; returns a fingerprint of 16 hex digits."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    write_tensors(state, folder / WEIGHTS)
    mark = sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:16]
    values = {key: value for key, value in asdict(spec).items() if key != "pretrained"}
    write_json(
        {"network": {**values, "categories": list(spec.categories)}, "fingerprint": mark, "card": card or {}},
        folder / CARD,
    )
    return mark


def load_torchvision(folder: Path) -> tuple[nn.Module, TorchvisionSpec, str]:
    """A network, in evaluation mode, from a folder that `save_torchvision` or `reid train` wrote; its spec and fingerprint.

    Raises:
        InputError: a file is missing.
        FormatError: the files do not fit each other.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    missing = [file for file in (CARD, WEIGHTS) if not (folder / file).is_file()]
    if missing:
        raise InputError(
            f"{folder} holds no detector of torchvision's: {missing[0]} is missing. Name the folder of a training with "
            f"detector=torchvision, which has {CARD} and {WEIGHTS}."
        )
    try:
        about = read_json(folder / CARD)
        spec = TorchvisionSpec(**about["network"])
        network = build(spec)
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (ValueError, KeyError, TypeError, RuntimeError, ConfigError, SafetensorError) as error:
        raise FormatError(f"the detector in {folder} cannot be read ({' '.join(str(error).split())[:160]}).") from None
    return network.eval(), spec, str(about.get("fingerprint", ""))


def torchvision_detector(settings: DetectorSettings, cache: Path | None = None) -> PhotoDetector:
    """A detector from the folder that `detector.model` names.

    Raises:
        ConfigError: no folder is named, or the device is not there.
        InputError, FormatError: it holds no such network.
    """
    import cv2

    if not settings.model:
        raise ConfigError("the detector 'torchvision' needs weights: set detector.model=FOLDER of a training's output.")
    check_device(settings.device)
    folder = Path(settings.model).expanduser()
    network, spec, mark = load_torchvision(folder)
    network.to(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)

    def look(photo: np.ndarray, size: tuple[int, int]) -> Seen:
        scale = min(spec.side / max(photo.shape[:2]), 1.0)
        wide, high = (max(round(n * scale), 1) for n in photo.shape[1::-1])
        pixels = cv2.resize(photo, (wide, high), interpolation=cv2.INTER_AREA) if scale < 1 else photo
        given = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float().to(settings.device) / 255
        with torch.inference_mode():
            found = {key: value.cpu().numpy() for key, value in network([given])[0].items()}
        good = found["scores"] >= LEAST
        corners = found["boxes"][good] * np.tile((size[0] / pixels.shape[1], size[1] / pixels.shape[0]), 2)
        boxes = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), 1)
        names = tuple(
            spec.categories[n - 1] if 0 < n <= len(spec.categories) else f"category {n}" for n in found["labels"][good]
        )
        return Seen(boxes, found["scores"][good], names)

    return PhotoDetector(
        "torchvision", f"{spec.family} {mark[:8]}", f"torchvision {mark} {spec}", look, spec.side, cache
    )

"""The detectors that can be trained, each as its network, its losses, and how it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reid.detect import DetectorSettings
from reid.detect.kept import load_boxes, save_boxes
from reid.detect.network import BoxNetwork, BoxNetworkSpec, places
from reid.detect.torchvision_models import TorchvisionSpec, build, load_torchvision, save_torchvision
from reid.errors import ConfigError
from reid.train.box_loss import box_losses

__all__ = ["RANDOM", "Trainee", "own_trainee", "torchvision_trainee", "trainee"]

RANDOM = "random"
Truths = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Trainee:
    """What a training needs to know of a detector.

    Attributes:
        network: What is trained.
        losses: Terms of the loss from pictures of 0 to 255 (B, 3, side, side) and their boxes and categories.
        heads: Beginnings of the names of weights that the heads' rate moves.
        side: Pixels of the pictures.
        categories: Names of what is found.
        origin: Where the weights come from.
        save: Write the network into a folder with its card; returns its fingerprint.
    """

    network: nn.Module
    losses: Callable[[Tensor, Truths], dict[str, Tensor]]
    heads: tuple[str, ...]
    side: int
    categories: tuple[str, ...]
    origin: str
    save: Callable[[Path, dict[str, Any]], str]


def trainee(settings: DetectorSettings, torchvision: TorchvisionSpec, seed: int = 0) -> Trainee:
    """What `reid train detector=...` trains.

    Args:
        settings: The detector: `own` or `torchvision`; `model` says which weights it begins from, `random` for none.
        torchvision: What kind of torchvision's.
        seed: Of random weights.

    Raises:
        ConfigError: a detector of this kind is not trained here.
    """
    torch.manual_seed(seed)
    if settings.name == "own":
        return own_trainee(settings)
    if settings.name == "torchvision":
        return torchvision_trainee(settings, torchvision)
    raise ConfigError(
        f"a detector {settings.name!r} is not trained here; choose detector=spotted-cats or detector=torchvision."
    )


def own_trainee(settings: DetectorSettings) -> Trainee:
    """The package's own network.

    Raises:
        ConfigError: the weights to begin from are of other categories.
    """
    if settings.model == RANDOM:
        network = BoxNetwork(BoxNetworkSpec(categories=settings.categories, side=settings.side or 416))
        network.begin()
        origin = "random weights"
    else:
        loaded = load_boxes(settings.model)
        own = loaded.network.spec
        if own.categories != settings.categories:
            raise ConfigError(
                f"the weights {loaded.name} are of the categories {', '.join(own.categories)}, detector.categories asks for "
                f"{', '.join(settings.categories)}. Set detector.model={RANDOM}, or the same categories."
            )
        network = BoxNetwork(BoxNetworkSpec(own.width, own.depth, own.categories, settings.side or own.side))
        network.load_state_dict(loaded.network.state_dict())
        origin = f"{loaded.name} ({loaded.card.get('licence', 'licence not stated')})"

    def losses(pictures: Tensor, truths: Truths) -> dict[str, Tensor]:
        raw = network(pictures)
        corners, strides = (part.to(raw.device) for part in places(*pictures.shape[-2:]))
        with torch.autocast(device_type=raw.device.type, enabled=False):
            return box_losses(raw, truths, corners, strides)

    def save(folder: Path, card: dict[str, Any]) -> str:
        return save_boxes(network, folder, card)

    return Trainee(network, losses, ("heads.",), network.spec.side, network.spec.categories, origin, save)


def torchvision_trainee(settings: DetectorSettings, spec: TorchvisionSpec) -> Trainee:
    """One of torchvision's networks, from a folder of weights or from its backbone's alone.

    Raises:
        ConfigError: the weights to begin from are of other categories.
    """
    if settings.model and settings.model != RANDOM:
        network, spec, mark = load_torchvision(Path(settings.model).expanduser())
        origin = f"{Path(settings.model).name} {mark[:8]}"
        if spec.categories != settings.categories:
            raise ConfigError(
                f"the weights in {settings.model} are of the categories {', '.join(spec.categories)}, detector.categories asks "
                f"for {', '.join(settings.categories)}."
            )
    else:
        spec = TorchvisionSpec(
            spec.family, spec.backbone, settings.categories, settings.side or spec.side, spec.pretrained
        )
        network = build(spec)
        origin = "its backbone's weights for ImageNet" if spec.pretrained else "random weights"

    def losses(pictures: Tensor, truths: Truths) -> dict[str, Tensor]:
        targets = [{"boxes": boxes, "labels": categories + 1} for boxes, categories in truths]
        return dict(network(list(pictures / 255), targets))

    def save(folder: Path, card: dict[str, Any]) -> str:
        return save_torchvision(network, spec, folder, card)

    return Trainee(network, losses, ("head.", "rpn.", "roi_heads."), spec.side, spec.categories, origin, save)

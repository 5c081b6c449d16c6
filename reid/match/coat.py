"""Coats compared place by place: each place of one torso is sought near the same place of the other.

A vector says what a coat is like as a whole, and spots say where two coats agree exactly. Between them stands this: torsos
are cut out and straightened (`reid.embed.torso`), a small network describes each place of a grid on them, and two coats are
alike as far as each place of one finds its like in a small window around the same place of the other. The window takes up
what the torso's cut and the animal's step have moved; what is the same but elsewhere on the body does not count.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.embed import NetworkSpec
from reid.errors import FormatError, InputError, MissingPartError
from reid.store import write_json, write_tensors

__all__ = ["CoatNetwork", "LoadedCoat", "alike", "describe", "likeness", "load_coat", "neighbours", "save_coat"]

WEIGHTS = Path(__file__).parent / "weights" / "coat.safetensors"
SPEC = NetworkSpec(level=4, frame="torso", face="left", height=192, width=320)
"""What the network sees: torsos that face left."""
ROWS, COLUMNS = SPEC.height // 16, SPEC.width // 16
PLACES = ROWS * COLUMNS
REACH = (2, 3)
"""Rows and columns that a place may have moved by, either way."""
FAR = -2.0
"""Added to the cosine of places that are farther apart, so that they never count."""
SIZE = 64
BATCH = 8


def neighbours(reach: tuple[int, int] = REACH) -> np.ndarray:
    """Which places may answer each other, bool (PLACES, PLACES)."""
    row, column = (part.ravel() for part in np.mgrid[:ROWS, :COLUMNS])
    near: np.ndarray = (abs(row[:, None] - row) <= reach[0]) & (abs(column[:, None] - column) <= reach[1])
    return near


class CoatNetwork(nn.Module):
    """Torsos to descriptions of their places: EfficientNet-Lite0 to a sixteenth of the input's size, then one linear map.

    Beside `SIZE` numbers of unit length, each place has a weight: how much it tells. `steep` says how fast a place's vote
    falls as its cosine falls: exp(steep * (cosine - 1)).
    """

    apart: Tensor

    def __init__(self) -> None:
        super().__init__()
        import timm

        whole: Any = timm.create_model("tf_efficientnet_lite0", num_classes=0, global_pool="")
        self.stem = nn.Sequential(whole.conv_stem, whole.bn1, *list(whole.blocks)[:3])
        self.stages = nn.Sequential(*list(whole.blocks)[3:5])
        self.describe = nn.Conv2d(112, SIZE, 1)
        self.weigh = nn.Conv2d(112, 1, 1)
        for value in self.weigh.parameters():
            nn.init.zeros_(value)
        self.steep = nn.Parameter(torch.tensor(6.0))
        self.register_buffer("apart", torch.where(torch.from_numpy(neighbours()), 0.0, FAR), persistent=False)

    def features(self, images: Tensor) -> Tensor:
        """uint8 images (B, 3, 192, 320) to what places are described from, (B, 112, ROWS, COLUMNS)."""
        return self.stages(self.stem((images.float() / 255 - 0.5) / 0.5))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images (B, 3, 192, 320) to unit descriptions (B, PLACES, SIZE) and weights (B, PLACES) that sum to 1."""
        features = self.features(images)
        places = F.normalize(self.describe(features).flatten(2), dim=1).transpose(1, 2)
        weights = F.softplus(self.weigh(features).flatten(1)) + 1e-3
        return places, weights / weights.sum(1, keepdim=True)

    def votes(self, cosines: Tensor) -> Tensor:
        """What a place's best cosine is worth, in 0 to 1."""
        return torch.exp(self.steep * (cosines - 1))


@dataclass(frozen=True)
class LoadedCoat:
    """A network with its fingerprint, 16 hex digits of its weights, and its card."""

    network: CoatNetwork
    fingerprint: str
    card: dict[str, Any]


def save_coat(network: CoatNetwork, folder: Path, card: dict[str, Any]) -> str:
    """Write `coat.safetensors`, in halves, and `coat.json`; returns the fingerprint."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    path = folder / WEIGHTS.name
    write_tensors(state, path)
    write_json(card, path.with_suffix(".json"))
    return _fingerprint(path)


@lru_cache(maxsize=2)
def load_coat(weights: str = "") -> LoadedCoat:
    """The network that ships, or one from a training's folder, ready to describe.

    Args:
        weights: Folder with `coat.safetensors` and `coat.json`; empty for the shipped one.

    Raises:
        InputError: the folder holds no such network.
        MissingPartError: the shipped one is not installed.
        FormatError: the files do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(weights).expanduser() / WEIGHTS.name if weights else WEIGHTS
    for file in (path, path.with_suffix(".json")):
        if not file.is_file() and weights:
            raise InputError(
                f"{weights} lacks {file.name}; name the folder of a training of coats (reid train recipe=coat)."
            )
        if not file.is_file():
            raise MissingPartError(f"the network that compares coats lacks {file}; install the package anew.")
    network = CoatNetwork()
    try:
        card = dict(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
        state = {name: v.float() if v.is_floating_point() else v for name, v in load_file(path).items()}
        network.load_state_dict(state)
    except (ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise FormatError(f"{path} does not fit: {' '.join(str(error).split())[:200]}; train it anew.") from None
    return LoadedCoat(network.eval().to(memory_format=torch.channels_last), _fingerprint(path), card)


def _fingerprint(path: Path) -> str:
    return sha256(path.read_bytes() + repr((SPEC.height, SPEC.width, REACH)).encode()).hexdigest()[:16]


def describe(images: Sequence[np.ndarray] | np.ndarray, network: CoatNetwork) -> np.ndarray:
    """Describe torsos.

    Args:
        images: uint8 (n, 3, 192, 320), cut out, facing left.
        network: In evaluation mode.

    Returns:
        float16 (n, PLACES, SIZE + 1): unit descriptions, and last each place's weight times PLACES.
    """
    out = np.zeros((len(images), PLACES, SIZE + 1), np.float16)
    filled = np.zeros((BATCH, 3, SPEC.height, SPEC.width), np.uint8)
    for start in range(0, len(images), BATCH):
        part = np.asarray(images[start : start + BATCH])
        # one shape always, so that a description does not depend on how many stand beside it
        filled[: len(part)] = part
        with torch.inference_mode():
            places, weights = network(torch.from_numpy(filled).contiguous(memory_format=torch.channels_last))
        out[start : start + len(part), :, :SIZE] = places[: len(part)].numpy()
        out[start : start + len(part), :, SIZE] = weights[: len(part)].numpy() * PLACES
    return out


def alike(query: Tensor, candidates: Tensor, network: CoatNetwork) -> tuple[Tensor, Tensor]:
    """Each place's best cosine within reach.

    Args:
        query: Unit descriptions (PLACES, SIZE).
        candidates: (n, PLACES, SIZE).

    Returns:
        Of the query's places (n, PLACES), and of the candidates' (n, PLACES).
    """
    cosines = query @ candidates.transpose(1, 2) + network.apart
    return cosines.amax(2), cosines.amax(1)


def likeness(query: np.ndarray, candidates: np.ndarray, network: CoatNetwork, chunk: int = 64) -> np.ndarray:
    """How alike one coat is to others.

    Args:
        query: float16 (PLACES, SIZE + 1), as `describe` gives it.
        candidates: float16 (n, PLACES, SIZE + 1).
        network: That described them.
        chunk: Candidates compared at once; bounds memory to 230 KB each.

    Returns:
        float32 (n,), in 0 to 1: the geometric mean of both directions' weighted votes. 1 is the same picture.
    """
    one = torch.from_numpy(query.astype(np.float32))
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(candidates), chunk):
        many = torch.from_numpy(candidates[start : start + chunk].astype(np.float32))
        with torch.inference_mode():
            here, there = alike(one[:, :SIZE], many[:, :, :SIZE], network)
            ours = (network.votes(here) * one[:, SIZE]).sum(1) / one[:, SIZE].sum()
            theirs = (network.votes(there) * many[:, :, SIZE]).sum(1) / many[:, :, SIZE].sum(1)
            found.append(torch.sqrt(ours * theirs).numpy())
    return np.concatenate(found)

"""The shipped head that tells which flank a crop shows, and the reading of its probabilities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reid.errors import ConfigError, FingerprintError, FormatError, MissingPartError
from reid.tables import FLANKS, UNKNOWN

if TYPE_CHECKING:
    from reid.embed.network import EmbeddingNetwork

__all__ = ["LEAST", "flank_of", "flank_reader", "load_flank_head", "read_flanks", "reader_fingerprint"]

LEAST = 0.6
"""Below this probability a flank is not named."""

WEIGHTS = Path(__file__).parent / "weights" / "flank-lite0.safetensors"
SMALL_WEIGHTS = WEIGHTS.with_name("flank-small.safetensors")
SMALL = (160, 192)
"""Height and width of the input that the small head goes with."""


def load_flank_head(network: EmbeddingNetwork, path: Path = WEIGHTS) -> dict[str, Any]:
    """Attach the shipped head to the network that it was trained on.

    The head reads the network's feature map and changes no vector, so the network keeps its fingerprint.

    Args:
        network: `lite0-imagenet`; its `flank_head` and `spec.flank` are set.
        path: The head's weights, with its card (the same name, ending in .json) beside them.

    Returns:
        The head's card: licence, data, protocol, figures.

    Raises:
        FingerprintError: the network has other weights or another preprocessing than the one it belongs to.
        FormatError: the files do not fit each other.
        MissingPartError: the files are not installed.
    """
    from dataclasses import replace

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from reid.embed.heads import FlankHead
    from reid.embed.weights import fingerprint

    for file in (path, path.with_suffix(".json")):
        if not file.is_file():
            raise MissingPartError(f"the head for the flank lacks {file}; install the package anew, or train one.")
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        belongs = card["fingerprint"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path.with_suffix('.json')} is no card of a head for the flank ({error!r}).") from None
    found = fingerprint(network)
    if found != belongs:
        raise FingerprintError(
            f"the head for the flank in {path.name} reads the network {belongs}, and this one is {found}; "
            f"use lite0-imagenet, or train a head for this network."
        )
    head = FlankHead(network.backbone_size)
    try:
        # halves on disk become the head's float32 here
        head.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    except (RuntimeError, SafetensorError) as error:
        raise FormatError(
            f"{path} does not fit the head for the flank: {' '.join(str(error).split())[:200]}."
        ) from None
    network.flank_head = head.train(network.training)
    network.spec = replace(network.spec, flank=True)
    return dict(card)


@lru_cache(maxsize=1)
def reader_fingerprint() -> str:
    """16 hex digits of the small head's weights and input; part of the key of whatever was turned by what it said."""
    if not SMALL_WEIGHTS.is_file():
        raise MissingPartError(f"the head for the flank lacks {SMALL_WEIGHTS}; install the package anew.")
    return sha256(SMALL_WEIGHTS.read_bytes() + repr(SMALL).encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def flank_reader() -> EmbeddingNetwork:
    """`lite0-imagenet` at a smaller input with the shipped head for it: tells flanks for networks that see torsos only."""
    from dataclasses import replace

    from reid.embed.weights import load_network

    network = load_network("lite0-imagenet").network
    network.spec = replace(network.spec, flank=False, height=SMALL[0], width=SMALL[1])
    load_flank_head(network, SMALL_WEIGHTS)
    network.eval()
    return network


def read_flanks(pictures: Sequence[np.ndarray], batch: int = 0) -> np.ndarray:
    """Which flank pictures show.

    Args:
        pictures: uint8 RGB (h, w, 3), of any size.
        batch: Fill up with black to so many, so that each step has one shape; 0 does not.

    Returns:
        Probabilities (n, 5), in the order of `reid.tables.FLANKS`.
    """
    import torch

    from reid.embed.crops import squashed

    with torch.inference_mode():
        found = flank_reader().flanks(torch.from_numpy(squashed(pictures, *SMALL, batch)))
    return np.asarray(found.numpy()[: len(pictures)])


def flank_of(probabilities: np.ndarray, least: float = LEAST) -> tuple[list[str], np.ndarray]:
    """Name the flank of each crop, or `unknown` where the head is not sure enough.

    Args:
        probabilities: (n, 5), in the order of `reid.tables.FLANKS`.
        least: The smallest probability that names a flank, 0 to 1.

    Returns:
        n names, and the probability of the likeliest flank, (n,): where the name is `unknown` for want of
        probability, it still says how likely the likeliest was.

    Raises:
        ConfigError: `least` or the shape is out of range.

    >>> flank_of(np.array([[0.9, 0.1, 0, 0, 0], [0.5, 0.4, 0.1, 0, 0]]))
    (['left', 'unknown'], array([0.9, 0.5]))
    """
    if not 0 <= least <= 1:
        raise ConfigError(f"least={least} must lie between 0 and 1 (a probability).")
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(FLANKS):
        raise ConfigError(
            f"probabilities of the flanks have the shape {probabilities.shape}; expected (n, {len(FLANKS)})."
        )
    best = probabilities.argmax(1)
    top = probabilities[np.arange(len(best)), best]
    return [FLANKS[k] if p >= least else UNKNOWN for k, p in zip(best, top, strict=True)], top

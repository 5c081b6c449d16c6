"""The weights that training starts from."""

from __future__ import annotations

import torch

from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.weights import load_network
from reid.errors import ConfigError

__all__ = ["TIMM", "starting_network"]

TIMM = "timm"
"""Stands for the weights that timm publishes for a backbone."""


def starting_network(spec: NetworkSpec, model: str, seed: int) -> tuple[EmbeddingNetwork, str]:
    """A network to train.

    Args:
        spec: What it shall be.
        model: Name of a network or a training run's folder, whose backbone is taken, and whose pooling, neck and
            head for the flank are taken where they have the same shape; `timm` for the weights that timm
            publishes, which needs a connection; empty for random weights.
        seed: Of what is random.

    Returns:
        The network, and where its weights come from in words.

    Raises:
        ConfigError: the model has another backbone.
        InputError: there is no such model.
    """
    torch.manual_seed(seed)
    network = EmbeddingNetwork(spec, pretrained=model == TIMM)
    if model in ("", TIMM):
        return network, f"timm's weights of {spec.backbone}" if model else "random weights"
    loaded = load_network(model)
    other = loaded.spec.backbone
    if other != spec.backbone:
        raise ConfigError(
            f"model={model} is a checkpoint of another network: its backbone is {other}, and network.backbone is {spec.backbone}. "
            f"Set network.backbone={other}, or start from model={TIMM} (timm's weights) or model='' (random ones)."
        )
    state = network.state_dict()
    for name, value in loaded.network.state_dict().items():
        if name in state and state[name].shape == value.shape:
            state[name] = value
        elif name.startswith("backbone.") and (name in state or not spec.level):  # else it is what the level cuts off
            raise ConfigError(f"model={model} does not fit network.backbone={spec.backbone}: {name} differs.")
    network.load_state_dict(state)
    return network, f"{loaded.name} (fingerprint {loaded.fingerprint})"

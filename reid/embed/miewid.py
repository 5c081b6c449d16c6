"""MiewID's networks (Wild Me; Otarashvili et al. 2024), rebuilt from their weights and config without their code."""

from __future__ import annotations

from typing import Any

from reid.embed.hub import CONFIG, Published, read_state, shorten
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.errors import ConfigError, FormatError

__all__ = ["is_miewid", "miewid_network"]

SIDE = 440
"""Pixels of the input; the config does not say it, the publisher's example does: squashed, ImageNet's colours."""

POWERS = ("backbone.global_pool.p", "pooling.p")
"""The pooling's exponent, as the hub's files name it and as training checkpoints do."""

UNUSED = ("final.", "fc.", "backbone.classifier.")
"""Classifiers, which no vector passes through."""


def is_miewid(config: dict[str, Any]) -> bool:
    """Whether a `config.json` describes a network of MiewID.

    >>> is_miewid({"model_type": "miewid"}), is_miewid({"architecture": "resnet18"})
    (True, False)
    """
    return config.get("model_type") == "miewid" or config.get("architectures") == ["MiewIdNet"]


def miewid_network(found: Published) -> tuple[EmbeddingNetwork, dict[str, Any]]:
    """Backbone, generalised-mean pooling and batch normalisation, with MiewID's weights.

    Returns:
        The network, and its card.

    Raises:
        FormatError: the config asks for what is not known here, or the weights do not fit.
    """
    where = f"{CONFIG} of {found.source}"
    backbone = found.config.get("model_name")
    if not isinstance(backbone, str):
        raise FormatError(f"{where} does not name its backbone (model_name), for example efficientnetv2_rw_m.")
    if found.config.get("use_fc"):
        raise FormatError(f"{where} asks for use_fc=true, which no published MiewID has; use_fc=false is known here.")
    try:
        spec = NetworkSpec(
            backbone=backbone, pooling="gem", neck="bn", height=SIDE, width=SIDE,
            mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
        )  # fmt: skip
        network = EmbeddingNetwork(spec)
    except ConfigError as error:
        raise FormatError(f"{where} cannot be used: {error}") from None
    if hasattr(network.backbone, "cls_token"):
        raise FormatError(
            f"{where}: a MiewID with the transformer {backbone} is not known here, one with a feature map is."
        )
    state = {}
    for key, value in read_state(found.weights).items():
        if key in POWERS:
            state["pool.power"] = value.reshape(())
        elif not key.startswith(UNUSED):
            state[f"norm.{key[3:]}" if key.startswith("bn.") else key] = value
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise FormatError(
            f"the weights of {found.source} do not fit MiewID with {backbone}: {shorten(error)}."
        ) from None
    return network, {
        "what": f"MiewID: {backbone}, generalised-mean pooling, batch normalisation",
        "source": found.source,
        "licence": found.licence,
        "preprocessing": f"crops squashed to {SIDE} x {SIDE} px, ImageNet's mean and standard deviation",
    }

"""Before the first step: how good the starting weights are, and what does not fit together."""

from __future__ import annotations

import numpy as np
import torch

from reid.embed.network import EmbeddingNetwork
from reid.errors import ConfigError, choices
from reid.progress import track
from reid.train.loaders import validation_loader
from reid.train.material import Material
from reid.train.recipe import Recipe
from reid.train.retrieval import figures

__all__ = ["check", "judge", "refuse_half_on_cpu"]


def refuse_half_on_cpu(recipe: Recipe) -> None:
    """fp16 needs a GPU: on a CPU, Lightning would take bf16 in its place and not say so.

    Raises:
        ConfigError: fp16 was asked for, and there is no GPU, or none is to be used.
    """
    found = torch.cuda.is_available() or torch.backends.mps.is_available()
    on_cpu = recipe.trainer.accelerator == "cpu" or (recipe.trainer.accelerator == "auto" and not found)
    if recipe.trainer.precision == "fp16" and on_cpu:
        raise ConfigError("trainer.precision=fp16 needs a GPU; on this CPU set trainer.precision=bf16 or fp32.")


def judge(network: EmbeddingNetwork, material: Material, recipe: Recipe) -> dict[str, float]:
    """The held-out figures of a network as it is, on the CPU; empty where nothing is held out."""
    if material.task is None or material.held_out is None:
        return {}
    network = network.eval().to(memory_format=torch.channels_last)
    loader = validation_loader(material.held_out, recipe.sampler.batch, 0)
    half = torch.autocast("cpu", torch.bfloat16, enabled=recipe.trainer.precision == "bf16")
    vectors = []
    with torch.inference_mode(), half:
        for images in track(loader, "judge", unit="batch"):
            vectors.append(network.embed(images.contiguous(memory_format=torch.channels_last)).vectors.numpy())
    return figures(np.concatenate(vectors), material.task)


def check(recipe: Recipe, network: EmbeddingNetwork, material: Material, before: dict[str, float]) -> None:
    """Refuse what shows only now that the data and the network are there.

    Args:
        recipe: The settings.
        network: With its starting weights.
        material: What is trained on.
        before: As from `judge`.

    Raises:
        ConfigError: the figure that chooses the best weights cannot be computed, the head for the flank has nothing to learn
            from, or the backbone takes no smaller input.
    """
    if material.task is not None and recipe.validation.figure not in before:
        valid = choices(name for name in before if not name.endswith("/queries"))
        what = f"it has {valid}" if valid else "no held-out photo has another one of its class from another encounter"
        raise ConfigError(
            f"validation.figure={recipe.validation.figure} cannot be computed on the held-out photos: {what}."
        )
    if network.flank_head is not None:
        if (material.flanks < 0).all():
            raise ConfigError(
                "network.flank=true needs labelled flanks, and no training photo has one; set network.flank=false."
            )
        with torch.inference_mode():
            features = network.feature_map(torch.zeros(1, 3, recipe.network.height, recipe.network.width))
        if features.ndim != 4:
            raise ConfigError(
                f"network.flank=true needs a backbone with a feature map; {recipe.network.backbone} gives tokens."
            )
    try_sizes(recipe, network)


def try_sizes(recipe: Recipe, network: EmbeddingNetwork) -> None:
    """Send one black picture of each size through; some transformers know one size only.

    Raises:
        ConfigError: the backbone does not take a size that `trainer.resize` asks for.
    """
    sizes = {recipe.size_in(epoch) for epoch in range(recipe.trainer.epochs)}
    for height, width in sorted(sizes - {(recipe.network.height, recipe.network.width)}):
        try:
            with torch.inference_mode():
                network.vectors(network.feature_map(torch.zeros(1, 3, height, width)))
        except (AssertionError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"trainer.resize asks for inputs of {height} x {width}, and {recipe.network.backbone} does not take them "
                f"({' '.join(str(error).split())[:160]}); set trainer.resize=[]."
            ) from None

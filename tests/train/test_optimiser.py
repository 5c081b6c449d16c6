"""Rates, warm-up and what stays frozen."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.errors import ConfigError
from reid.train.optimiser import OptimiserSettings, freeze, keep_frozen, make_optimiser, schedule

SPEC = NetworkSpec(backbone="test_resnet", height=64, width=64, pooling="gem", neck="linear", embedding_size=16)


def is_head(name: str) -> bool:
    return not name.startswith("backbone.")


def moved(settings: OptimiserSettings) -> dict[str, bool]:
    """Which tensors of the network three steps change, its norms' statistics among them."""
    torch.manual_seed(0)
    network = EmbeddingNetwork(SPEC)
    freeze(network, settings)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = make_optimiser(network, settings, is_head, torch.nn.Linear(16, 2))
    network.train()
    keep_frozen(network, settings)
    for _ in range(3):  # some norms start at 0, and what stands before them moves from the second step on
        network(torch.randn(4, 3, 64, 64)).pow(3).sum().backward()
        optimiser.step()
    return {name: not torch.equal(value, before[name]) for name, value in network.state_dict().items()}


def test_everything_moves_and_frozen_stages_do_not() -> None:
    free = moved(OptimiserSettings())
    assert all(changed for name, changed in free.items() if name.endswith(("weight", "running_mean")))
    frozen = moved(OptimiserSettings(freeze_stages=2))
    still = {name for name, changed in frozen.items() if not changed and name.startswith("backbone.")}
    assert {name.split(".")[1] for name in still if name.endswith(("weight", "running_mean"))} == {
        "conv1",
        "bn1",
        "layer1",
    }


def test_frozen_norms_keep_their_statistics_and_move_their_weights() -> None:
    frozen = moved(OptimiserSettings(freeze_norms=True))
    norms = {name: changed for name, changed in frozen.items() if "backbone" in name and "bn1" in name}
    assert not any(changed for name, changed in norms.items() if "running" in name or "tracked" in name)
    assert all(changed for name, changed in norms.items() if name.endswith("weight"))


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet"])
def test_frozen_stages_keep_no_activations_and_their_norms_stand_still(backbone: str) -> None:
    """No weight and no input of the first stages asks for a gradient, so autograd keeps nothing of them."""

    def kept(settings: OptimiserSettings) -> tuple[int, dict[str, bool], EmbeddingNetwork]:
        """Bytes that the backward pass is kept ready with, and whether each part of the backbone hands on a graph."""
        torch.manual_seed(0)
        network = EmbeddingNetwork(replace(SPEC, backbone=backbone)).train()
        freeze(network, settings)
        keep_frozen(network, settings)
        total, graph = 0, {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal total
            total += tensor.numel() * tensor.element_size() * (not isinstance(tensor, torch.nn.Parameter))
            return tensor

        for name, part in network.backbone.named_children():
            part.register_forward_hook(lambda _, __, out, name=name: graph.update({name: out.requires_grad}))
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            network(torch.randn(4, 3, 64, 64))
        return total, graph, network

    free, graph, _ = kept(OptimiserSettings())
    assert all(graph.values())
    bytes_of = [free]
    for stages in (1, 2, 3):
        frozen, graph, network = kept(OptimiserSettings(freeze_stages=stages, freeze_norms=True))
        bytes_of.append(frozen)
        parts = {
            name: [weight.requires_grad for weight in part.parameters()]
            for name, part in network.backbone.named_children()
            if name in graph
        }
        # the graph begins where the first weight moves
        begun = False
        for name, own in parts.items():
            begun = begun or any(own)
            assert graph[name] == begun, name
        norms = [m for m in network.backbone.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
        assert norms and not any(norm.training for norm in norms)
    assert bytes_of == sorted(bytes_of, reverse=True) and len(set(bytes_of)) == 4
    # the first stages have the largest maps
    assert bytes_of[-1] < 0.5 * bytes_of[0]


def test_groups_have_their_rates_and_decays() -> None:
    network, losses = EmbeddingNetwork(SPEC), torch.nn.Linear(16, 2, bias=False)
    optimiser = make_optimiser(
        network, OptimiserSettings(backbone_rate=1e-4, head_rate=1e-2, decay=0.1), is_head, losses
    )
    of = {id(p): (g["lr"], g["weight_decay"]) for g in optimiser.param_groups for p in g["params"]}
    assert of[id(network.backbone.conv1[0].weight)] == (1e-4, 0.1)
    assert of[id(network.backbone.bn1.weight)] == (1e-4, 0.0)
    assert of[id(network.projection.weight)] == (1e-2, 0.1)
    assert of[id(losses.weight)] == (1e-2, 0.0)
    assert len(of) == sum(p.requires_grad for p in [*network.parameters(), *losses.parameters()])


def test_schedule_rises_straight_and_falls_as_a_cosine() -> None:
    share = schedule(200, OptimiserSettings(warmup=0.25, final=0.1))
    assert [share(n) for n in range(50)] == pytest.approx([(n + 1) / 50 for n in range(50)])
    assert share(50 + 149) == pytest.approx(0.1)
    assert share(100) == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 50 / 149)))


@pytest.mark.parametrize(
    "wrong", [{"name": "lion"}, {"head_rate": -1.0}, {"warmup": 2.0}, {"backbone_rate": math.nan}, {"hold": 1.0}]
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"optimiser.{next(iter(wrong))}="):
        OptimiserSettings(**wrong)  # type: ignore[arg-type]


def test_more_stages_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="freeze_stages=9, but test_resnet has 5"):
        freeze(EmbeddingNetwork(SPEC), OptimiserSettings(freeze_stages=9))

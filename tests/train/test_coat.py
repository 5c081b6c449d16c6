"""The network of coats: its loss is the plain one, it learns toy animals, an interrupted training ends the same, and what cannot be is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from reid.config import compose
from reid.errors import ConfigError
from reid.match.coat import PLACES, SIZE, CoatNetwork, load_coat
from reid.train.coat import CoatTraining, coat_loss
from reid.verbs.train import TrainConfig, run

SMALL = [
    "recipe=coat", "model=lite0-imagenet", "sampler.batch=12", "sampler.steps=3", "trainer.epochs=2", "trainer.average=0",
    "trainer.accelerator=cpu", "augmentation=none", "labels.find_flanks=false",
]  # fmt: skip


def train(data: Path, output: Path, *words: str) -> str:
    return run(compose("train", TrainConfig, [f"data={data}", f"output={output}", *SMALL, *words]))


def test_the_loss_is_the_mean_cross_entropy_over_the_others() -> None:
    torch.manual_seed(0)
    network = CoatNetwork().eval()
    places = torch.nn.functional.normalize(torch.randn(5, PLACES, SIZE), dim=2)
    weights = torch.rand(5, PLACES)
    weights = weights / weights.sum(1, keepdim=True)
    classes = torch.tensor([0, 0, 1, 0, 2])
    some = torch.arange(0, PLACES, 7)
    with torch.inference_mode():
        found = float(coat_loss(places, weights, classes, network, torch.tensor(9.0), some))
        one_way = np.zeros((5, 5))
        for a in range(5):
            for b in range(5):
                best = (places[a, some] @ places[b].T + network.apart[some]).max(1).values
                share = weights[a, some] / weights[a, some].sum()
                one_way[a, b] = float((torch.exp(network.steep * (best - 1)) * share).sum())
    logits = (np.log(one_way) + np.log(one_way).T) / 2 * 9
    each = []
    for a in (0, 1, 3):
        others = [b for b in range(5) if b != a]
        shares = logits[a] - np.log(np.exp(logits[a, others]).sum())
        each.append(-np.mean([shares[b] for b in others if classes[b] == classes[a]]))
    assert found == pytest.approx(float(np.mean(each)), rel=1e-4)


def test_coats_without_a_partner_ask_nothing() -> None:
    network = CoatNetwork().eval()
    places = torch.nn.functional.normalize(torch.randn(2, PLACES, SIZE), dim=2).requires_grad_()
    weights = torch.full((2, PLACES), 1 / PLACES)
    loss = coat_loss(places, weights, torch.tensor([0, 1]), network, torch.tensor(9.0), torch.arange(5))
    loss.backward()
    assert float(loss.detach()) == 0
    assert places.grad is not None and torch.isfinite(places.grad).all()


@pytest.mark.slow
def test_toy_animals_are_learnt_and_an_interrupted_training_ends_the_same(
    toys: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toys(6, 4)
    said = train(data, tmp_path / "whole", "validation.by=identity", "validation.share=0.34")
    assert "on what was held out" in said
    assert f"coats.weights={tmp_path / 'whole'}" in said
    whole = load_coat(str(tmp_path / "whole"))
    assert whole.card["losses"] == {"coat": 1.0}
    assert 0 <= whole.card["figures"]["top1"] <= 1

    begin = CoatTraining.on_train_epoch_start

    def killed(module: CoatTraining) -> None:
        if module.current_epoch == 1:
            raise RuntimeError("killed")
        begin(module)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(CoatTraining, "on_train_epoch_start", killed)
        train(data, tmp_path / "stopped", "validation.by=identity", "validation.share=0.34")
    train(data, tmp_path / "stopped", "validation.by=identity", "validation.share=0.34")
    stopped = load_coat(str(tmp_path / "stopped"))
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(stopped.network.state_dict()[name], value, rtol=0, atol=0)
    assert whole.fingerprint == stopped.fingerprint


def test_what_cannot_be_trained_is_refused(toys: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set sampler=pxk"):
        train(toys(6, 4), tmp_path / "a", "sampler=shuffled")
    with pytest.raises(ConfigError, match="one size of input"):
        train(toys(6, 4), tmp_path / "c", "trainer.resize=[{until: 0.5, scale: 0.5}]")
    with pytest.raises(ConfigError, match="in one process"):
        train(toys(6, 4), tmp_path / "d", "trainer.devices=2")
    with pytest.raises(ConfigError, match="learns='spots' is unknown"):
        train(toys(6, 4), tmp_path / "b", "learns=spots")

"""Centres that begin as means, and a margin that rises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.errors import ConfigError
from reid.train.begin import class_means
from reid.train.loss_settings import Arcface, LossSettings
from reid.train.losses import LossSum


def test_means_are_those_of_a_plain_loop_and_the_neck_knows_the_vectors() -> None:
    torch.manual_seed(0)
    network = EmbeddingNetwork(NetworkSpec("test_resnet", neck="bn", height=48, width=64))
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (7, 3, 96, 128), dtype=np.uint8)  # twice the input: areas are means of four
    classes = np.array([0, 0, 1, 2, 2, 2, 1])
    means = class_means(network, pictures, classes, batch=3).numpy()
    small = pictures.reshape(7, 3, 48, 2, 64, 2).astype(np.float32).mean((3, 5))
    with torch.no_grad():
        raw = network.eval().before_norm(network.feature_map((torch.from_numpy(small) / 255 - 0.5) / 0.5)).numpy()
    mean, spread = raw.mean(0), raw.var(0, ddof=1)
    assert np.allclose(network.norm.running_mean.numpy(), mean, atol=1e-4)  # type: ignore[union-attr,operator]
    vectors = (raw - mean) / np.sqrt(spread + 1e-5)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for number in range(3):
        own = vectors[classes == number].mean(0)
        assert np.allclose(means[number], own / np.linalg.norm(own), atol=1e-3)


def test_centres_begin_where_their_classes_lie() -> None:
    means = F.normalize(torch.randn(5, 8, generator=torch.manual_seed(1)))
    losses = LossSum(LossSettings(arcface=Arcface(weight=1.0)), np.ones(5), 8)
    losses.begin(means)
    assert torch.allclose(losses.cosines(means).diagonal(), torch.ones(5), atol=1e-6)


@pytest.mark.parametrize(("done", "margin"), [(0.0, 0.0), (0.1, 0.25), (0.2, 0.5), (0.9, 0.5)])
def test_the_margin_rises_in_its_share_of_the_steps(done: float, margin: float) -> None:
    torch.manual_seed(0)
    losses = LossSum(LossSettings(arcface=Arcface(weight=1.0, margin=0.5, scale=16.0, rise=0.2)), np.ones(4), 6)
    vectors, classes = torch.randn(9, 6), torch.arange(9) % 4
    losses.at(done)
    found = losses(vectors, classes)["arcface"]
    cosines = losses.cosines(vectors)
    own = torch.cos(torch.acos(cosines[torch.arange(9), classes]) + margin)
    logits = 16.0 * cosines.scatter(1, classes[:, None], own[:, None])
    assert found.item() == pytest.approx(F.cross_entropy(logits, classes).item(), abs=1e-4)


@pytest.mark.parametrize("wrong", [{"rise": 1.5}, {"begin": "zero"}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"loss.arcface.{next(iter(wrong))}"):
        Arcface(**wrong)  # type: ignore[arg-type]

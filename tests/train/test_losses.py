"""Losses against slow plain references, each by its configuration, and in float32 throughout."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from reid.config import compose
from reid.errors import ConfigError
from reid.train.loss_settings import Arcface, Center, Dynamic, LossSettings, Quality, Subcenter, Triplet
from reid.train.losses import ArcFace, CenterLoss, DynamicMargin, LossSum, dynamic_margins
from reid.verbs.train import TrainConfig

COUNTS = np.array([4, 4, 4, 4, 4])
LABELS = torch.arange(5).repeat_interleave(4)


def vectors(seed: int = 0, size: int = 6) -> torch.Tensor:
    return torch.randn(20, size, generator=torch.Generator().manual_seed(seed), requires_grad=True)


def plain_arcface(x: np.ndarray, centres: np.ndarray, labels: np.ndarray, margin: np.ndarray, scale: float) -> float:
    """Deng et al. 2019, equation 3, a loop over numbers."""
    losses = []
    for row, label in zip(x, labels, strict=True):
        logits = []
        for k in range(centres.shape[1]):
            cosine = float(row @ centres[:, k] / np.linalg.norm(row) / np.linalg.norm(centres[:, k]))
            if k == label:
                angle, m = math.acos(cosine), float(margin[k])
                cosine = math.cos(angle + m) if angle + m <= math.pi else cosine - m * math.sin(m)
            logits.append(scale * cosine)
        top = max(logits)
        losses.append(math.log(sum(math.exp(v - top) for v in logits)) + top - logits[label])
    return float(np.mean(losses))


def test_arcface_is_the_plain_one() -> None:
    torch.manual_seed(0)
    loss = LossSum(LossSettings(Arcface(1.0, margin=0.4, scale=16.0)), COUNTS, 6)
    x = vectors()
    centres = loss.terms["arcface"].W.detach().double().numpy()
    expected = plain_arcface(x.detach().double().numpy(), centres, LABELS.numpy(), np.full(5, 0.4), 16.0)
    assert loss(x, LABELS)["arcface"].item() == pytest.approx(expected, rel=1e-5)


def test_dynamic_margin_is_the_plain_one_with_margins_by_class() -> None:
    torch.manual_seed(0)
    counts = np.array([1, 2, 16, 81, 256])
    loss = LossSum(LossSettings(dynamic=Dynamic(1.0, spread=0.6, power=0.5, least=0.1, scale=16.0)), counts, 6)
    margins = np.array([0.7, 0.6 / math.sqrt(2) + 0.1, 0.25, 0.6 / 9 + 0.1, 0.1375])
    assert dynamic_margins(counts, 0.6, 0.5, 0.1) == pytest.approx(margins)
    x = vectors()
    centres = loss.terms["dynamic"].W.detach().double().numpy()
    expected = plain_arcface(x.detach().double().numpy(), centres, LABELS.numpy(), margins, 16.0)
    assert loss(x, LABELS)["dynamic"].item() == pytest.approx(expected, rel=1e-5)


def test_margins_past_the_turn_stay_monotonous() -> None:
    """Near the opposite of its centre, a vector's loss must still fall when it comes closer."""
    loss = DynamicMargin(np.array([0.5, 0.5]), embedding_size=2, scale=8.0)
    loss.W.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    angles = torch.linspace(math.pi, math.pi - 1, 30)
    x = torch.stack([angles.cos(), -angles.sin()], 1)
    values = [loss(row[None], torch.tensor([0])).item() for row in x]
    assert all(b <= a + 1e-6 for a, b in pairwise(values))


def test_one_sub_center_is_arcface() -> None:
    torch.manual_seed(0)
    settings = LossSettings(Arcface(1.0, 0.4, 16.0), subcenter=Subcenter(1.0, 0.4, 16.0, centers=1))
    loss = LossSum(settings, COUNTS, 6)
    loss.terms["subcenter"].W.data = loss.terms["arcface"].W.data.clone()
    terms = loss(vectors(), LABELS)
    assert terms["subcenter"].item() == pytest.approx(terms["arcface"].item(), rel=1e-6)


def test_center_is_the_mean_squared_distance() -> None:
    loss = CenterLoss(2, 2)
    loss.centers.data = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    # (3, 0) lies on its centre when it has unit length; (0, 5) is 1 away from the origin
    assert loss(torch.tensor([[3.0, 0.0], [0.0, 5.0]]), torch.tensor([0, 1])).item() == pytest.approx(0.25)


def test_batch_hard_triplets_are_the_plain_ones() -> None:
    x, margin = vectors(), 0.3
    loss = LossSum(LossSettings(triplet=Triplet(1.0, margin, "batch-hard")), COUNTS, 6)
    unit = F.normalize(x.detach()).double().numpy()
    values = []
    for a in range(20):
        distance = np.linalg.norm(unit - unit[a], axis=1)
        same = (LABELS[a] == LABELS).numpy()
        far = max(distance[n] for n in range(20) if same[n] and n != a)
        near = min(distance[n] for n in range(20) if not same[n])
        values.append(max(0.0, far - near + margin))
    values = [v for v in values if v > 0]
    assert loss(x, LABELS)["triplet"].item() == pytest.approx(np.mean(values), rel=1e-4)


def test_gradient_is_finite_on_the_centre_itself() -> None:
    loss = ArcFace(num_classes=2, embedding_size=2, margin=math.degrees(0.5), scale=32.0)
    loss.W.data = torch.eye(2)
    x = torch.eye(2).requires_grad_()
    loss(x, torch.tensor([0, 1])).backward()
    assert torch.isfinite(x.grad).all() and torch.isfinite(loss.W.grad).all()


def test_sum_is_weighted() -> None:
    loss = LossSum(LossSettings(Arcface(2.0), center=Center(0.5)), COUNTS, 6)
    terms = loss(vectors(), LABELS)
    expected = 2 * terms["arcface"] + 0.5 * terms["center"]
    assert loss.total(terms).item() == pytest.approx(expected.item())


NAMES = (
    "arcface",
    "center",
    "circle",
    "cosface",
    "dynamic",
    "multisimilarity",
    "proxyanchor",
    "subcenter",
    "supcon",
    "triplet",
)


def parted(x: torch.Tensor) -> float:
    """Mean cosine within classes above that between them."""
    cosine = F.normalize(x.detach()) @ F.normalize(x.detach()).T
    same = LABELS[:, None] == LABELS
    return float(cosine[same & ~torch.eye(20, dtype=torch.bool)].mean() - cosine[~same].mean())


@pytest.mark.parametrize("name", NAMES)
def test_each_by_its_configuration_in_float32_and_parting_the_classes(name: str) -> None:
    """Half-precision vectors in, float32 out; a few steps on the vectors themselves part the classes."""
    config = compose("train", TrainConfig, ["data=x", "output=y", f"loss={name}", "sampler=pxk"])
    assert name in config.loss.active and (name == "center" or list(config.loss.active) == [name])
    torch.manual_seed(0)
    loss = LossSum(config.loss, COUNTS, 6)
    x = torch.nn.Parameter(vectors().detach())
    with torch.autocast("cpu", torch.bfloat16):
        terms = loss(x.bfloat16(), LABELS)
    assert all(value.dtype == torch.float32 and torch.isfinite(value) for value in terms.values())
    optimiser = torch.optim.Adam([x, *loss.parameters()], lr=0.1)
    before = parted(x)
    for _ in range(60):
        optimiser.zero_grad()
        loss.total(loss(x, LABELS)).backward()
        assert torch.isfinite(x.grad).all()
        optimiser.step()
    # with several centres a class may stay in several places
    assert parted(x) > before + (0.15 if name == "subcenter" else 0.3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "no loss has a weight"),
        ({"center": Center(1.0)}, "centre loss alone"),
        ({"arcface": Arcface(-1.0)}, "loss.arcface.weight=-1.0"),
        ({"arcface": Arcface(1.0), "triplet": Triplet(miner="easy")}, "loss.triplet.miner='easy'"),
        ({"subcenter": Subcenter(1.0, centers=0)}, "loss.subcenter.centers=0"),
        ({"arcface": Arcface(1.0), "quality": Quality(share=0.0)}, "loss.quality.share=0"),
    ],
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        LossSettings(**wrong)  # type: ignore[arg-type]


def test_pair_losses_ask_for_pairs() -> None:
    from reid.train.recipe import Recipe

    with pytest.raises(ConfigError, match=r"triplet learns from pairs.*sampler=pxk"):
        Recipe(loss=replace(LossSettings(Arcface(1.0)), triplet=Triplet(0.5)))

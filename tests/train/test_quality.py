"""The head for the quality: what it learns, that it bends nothing else, and that its scores are worth something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from train_helpers import metrics, picture, train

from reid.config import compose
from reid.embed.network import NetworkSpec
from reid.embed.weights import load_network
from reid.errors import ConfigError
from reid.evaluate import rank
from reid.train.loss_settings import Arcface, LossSettings, Quality, Triplet
from reid.train.losses import LossSum
from reid.train.quality import certainty, quality_loss, spoilt
from reid.train.recipe import Recipe
from reid.train.sampler import SamplerSettings
from reid.verbs.train import TrainConfig

Toys = Callable[..., Path]
LABELS = torch.arange(5).repeat_interleave(4)


def test_certainty_is_the_plain_one() -> None:
    cosines = torch.rand(40, 7, generator=torch.Generator().manual_seed(0)) * 2 - 1
    classes = torch.arange(40) % 7
    found = certainty(cosines, classes)
    for row, (values, own) in enumerate(zip(cosines.tolist(), classes.tolist(), strict=True)):
        nearest = max(value for number, value in enumerate(values) if number != own)
        assert found[row].item() == pytest.approx(min(1, max(0, values[own] / (1 + nearest))), abs=1e-6)
    # a centre exactly opposite all others divides by nothing
    assert certainty(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), torch.tensor([0, 0])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("name", ["arcface", "cosface", "subcenter", "dynamic"])
def test_cosines_are_those_to_the_centres_that_the_loss_learns(name: str) -> None:
    torch.manual_seed(0)
    loss = LossSum(compose("train", TrainConfig, ["data=x", "output=y", f"loss={name}"]).loss, np.full(5, 4), 6)
    vectors = torch.randn(20, 6)
    centres = loss.terms[name].W.detach().numpy().T
    plain = vectors.numpy() @ centres.T
    plain /= np.linalg.norm(vectors.numpy(), axis=1)[:, None] * np.linalg.norm(centres, axis=1)
    if name == "subcenter":  # three for each class: the nearest one
        plain = plain.reshape(20, 5, 3).max(2)
    assert loss.cosines(vectors).numpy() == pytest.approx(plain, abs=1e-6)


def test_neither_vectors_nor_centres_learn_from_it() -> None:
    from reid.embed.heads import QualityHead

    torch.manual_seed(0)
    loss = LossSum(LossSettings(Arcface(1.0)), np.full(5, 4), 6)
    vectors, head = torch.randn(20, 6, requires_grad=True), QualityHead(6)
    quality_loss(head, vectors, loss.cosines(vectors), LABELS).backward()
    assert vectors.grad is None and all(weight.grad is None for weight in loss.parameters())
    assert all(weight.grad is not None for weight in head.parameters())


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (
            LossSettings(triplet=Triplet(1.0)),
            r"the loss triplet has none; add one of arcface, cosface, dynamic, subcenter",
        ),
        (LossSettings(Arcface(1.0), quality=Quality(0.0)), r"set loss\.quality\.weight"),
    ],
)
def test_a_loss_that_cannot_teach_it_is_refused(loss: LossSettings, words: str) -> None:
    recipe = Recipe(loss=loss, sampler=SamplerSettings("pxk"))
    with pytest.raises(ConfigError, match=words):
        replace(recipe, network=NetworkSpec(quality=True))


def test_a_training_with_the_head_gives_the_same_vectors_as_one_without(toys: Toys, tmp_path: Path) -> None:
    # a short clip, which a gradient of the head would make shorter for the others
    words = ["trainer.epochs=2", "sampler.steps=3", "optimiser.clip=0.5", f"cache={tmp_path / 'cache'}"]
    train(toys(), tmp_path / "without", *words)
    train(toys(), tmp_path / "with", *words, "network.quality=true")
    without, having = (load_network(tmp_path / name) for name in ("without", "with"))
    assert having.fingerprint == without.fingerprint
    assert having.flank_fingerprint and not without.flank_fingerprint
    state = having.network.state_dict()
    assert all(torch.equal(state[name], value) for name, value in without.network.state_dict().items())
    assert metrics(tmp_path / "with")[-1]["loss_quality"] > 0


def test_every_second_crop_is_spoilt_in_the_same_way_for_one_seed() -> None:
    images = torch.randint(0, 256, (12, 3, 48, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    state = torch.get_rng_state()
    found = spoilt(images, 5)
    assert torch.equal(torch.get_rng_state(), state)  # nothing else in a training draws other numbers for it
    assert found.shape == images.shape and found.dtype == torch.uint8
    assert torch.equal(found[::2], images[::2]) and torch.equal(found, spoilt(images, 5))
    assert not torch.equal(found, spoilt(images, 6))
    # the crops are noise, so what lost detail has neighbours that differ by less
    before, after = ((part[..., 1:].float() - part[..., :-1].float()).abs().mean((1, 2, 3)) for part in (images, found))
    assert (after[1::2] < 0.8 * before[1::2]).all()


def flock(seed: int, animals: int = 40, photos: int = 6) -> tuple[np.ndarray, pd.DataFrame]:
    """Animals never seen: two sharp photos of each and four blurred ones, with how much, in pixels."""
    rng = np.random.default_rng(seed)
    images, rows = [], []
    for animal in range(animals):
        spots = rng.uniform(0.12, 0.88, (7, 2))
        for photo in range(photos):
            image, blur = picture(spots, rng), 0.0 if photo < 2 else rng.uniform(0.5, 6)
            images.append((cv2.GaussianBlur(image, (0, 0), blur) if blur else image).transpose(2, 0, 1))
            rows.append({"crop_id": f"{animal}-{photo}", "identity": str(animal), "blur": blur})
    return np.stack(images), pd.DataFrame(rows)


@pytest.mark.slow
def test_blurred_crops_score_lower_and_the_score_foretells_errors(toys: Toys, tmp_path: Path) -> None:
    train(
        toys(animals=30), tmp_path / "run", "network.quality=true", "trainer.epochs=8", "sampler.steps=12",
        "trainer.average=0.9", "optimiser.backbone_rate=0.003", "optimiser.head_rate=0.01", "loss.arcface.scale=16",
    )  # fmt: skip
    images, frame = flock(seed=7)
    with torch.inference_mode():
        found = load_network(tmp_path / "run").network.embed(torch.from_numpy(images))
    score, blur = found.quality.numpy(), frame["blur"].to_numpy()
    assert score.min() >= 0 and score.max() <= 1
    own = frame["identity"].to_numpy()
    lower = [
        score[(own == who) & (blur > 3)].max() < score[(own == who) & (blur == 0)].max() for who in set(own[blur > 3])
    ]
    assert np.mean(lower) > 0.8 and score[blur > 3].mean() < 0.5 * score[blur == 0].mean()
    # error against share refused: the worst quarter and the worst half of the queries are not asked
    vectors = found.vectors.numpy()
    wrong = (rank(vectors, vectors, frame, frame).table["first_rank"] != 1).to_numpy()
    order = np.argsort(score)
    errors = [wrong[order[int(share * len(order)) :]].mean() for share in (0.0, 0.25, 0.5)]
    assert errors[0] > errors[1] > errors[2]
    # no order of a thousand drawn by chance does as well
    rng = np.random.default_rng(0)
    assert errors[2] < min(wrong[rng.permutation(len(wrong))[len(wrong) // 2 :]].mean() for _ in range(1000))

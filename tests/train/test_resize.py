"""Progressive resizing: which epoch has which size, and that workers and resumed runs agree on it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from train_helpers import metrics, train

from reid.config import compose
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.errors import ConfigError
from reid.train.augment import AugmentationSettings, Augmenter
from reid.train.before import try_sizes
from reid.train.loss_settings import Arcface, LossSettings
from reid.train.module import Batch, Training
from reid.train.recipe import Recipe, TrainerSettings
from reid.train.resize import ResizeStage, size_in
from reid.verbs.train import TrainConfig

Toys = Callable[..., Path]
HALF = "trainer.resize=[{until:0.5,scale:0.625},{until:0.8,scale:0.8}]"


def test_a_run_of_twenty_epochs_worked_by_hand() -> None:
    stages = [ResizeStage(0.5, 0.625), ResizeStage(0.8, 0.8)]
    # 224 x 304: five eighths are 140 x 190, four fifths 179.2 x 243.2
    expected = [(128, 192)] * 10 + [(192, 256)] * 6 + [(224, 304)] * 4
    assert [size_in(epoch, 20, stages, (224, 304)) for epoch in range(20)] == expected
    # 0.55 * 20 is 11.000000000000002 in floating point, and means 11 epochs
    assert [size_in(e, 20, [ResizeStage(0.55, 0.5)], (64, 64)) for e in (10, 11)] == [(32, 32), (64, 64)]


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.05, 1)), max_size=3, unique_by=lambda pair: pair[0]),
    st.integers(1, 40),
    st.integers(32, 500),
    st.integers(32, 500),
)
def test_sizes_are_multiples_or_the_full_one(
    pairs: list[tuple[float, float]], epochs: int, height: int, width: int
) -> None:
    stages = [ResizeStage(until, scale) for until, scale in sorted(pairs)]
    TrainerSettings(resize=tuple(stages))
    for epoch in range(epochs):
        for size, full in zip(size_in(epoch, epochs, stages, (height, width)), (height, width), strict=True):
            assert size == full or (size % 32 == 0 and 32 <= size < full)
    assert size_in(epochs, epochs, stages, (height, width)) == (height, width)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("[{until:0.5,scale:1.2}]", r"trainer\.resize\[0\]\.scale=1\.2"),
        ("[{until:0.5,scale:0}]", r"trainer\.resize\[0\]\.scale=0"),
        ("[{until:1.5,scale:0.5}]", r"trainer\.resize\[0\]\.until=1\.5"),
        ("[{until:0.5,scale:0.5},{until:0.5,scale:0.8}]", r"trainer\.resize\[1\]\.until=0\.5 must be above 0\.5"),
        ("[{until:0.5,size:0.5}]", r"trainer\.resize\.0\.s"),
        ("[{until:0.5,scale:0.5,seale:1}]", r"trainer\.resize\.0\.seale"),
        ("0.5", r"trainer\.resize"),
    ],
)
def test_wrong_stages_are_refused_by_name(words: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        compose("train", TrainConfig, ["data=x", "output=y", f"trainer.resize={words}"])


def test_stages_come_back_from_a_file_of_settings(tmp_path: Path) -> None:
    config = compose("train", TrainConfig, ["data=x", "output=y", HALF])
    assert config.trainer.resize == (ResizeStage(0.5, 0.625), ResizeStage(0.8, 0.8))
    file = tmp_path / "settings.yaml"
    stages = [{"until": 0.5, "scale": 0.625}, {"until": 0.8, "scale": 0.8}]
    file.write_text(yaml.safe_dump({"data": "x", "output": "y", "trainer": {"resize": stages}}))
    assert compose("train", TrainConfig, [f"config={file}"]) == config


def test_a_run_without_stages_is_the_run_that_it_was_before_there_were_any() -> None:
    loss = LossSettings(Arcface(1.0))
    later = {"trainer.resize", "network.quality", "loss.quality.weight", "loss.quality.share"}
    assert not later & set(Recipe(loss=loss).identity())
    stages = (ResizeStage(0.5, 0.5),)
    assert "trainer.resize" in Recipe(loss=loss, trainer=TrainerSettings(resize=stages)).identity()


def test_an_augmenter_gives_the_size_asked_for_in_another_process_too() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 74, 110), np.uint8)
    augment = Augmenter(AugmentationSettings(), NetworkSpec(height=64, width=96))
    first = augment(picture, 3, (32, 64))
    assert first.shape == (3, 32, 64) and augment(picture, 3).shape == (3, 64, 96)
    sent = pickle.loads(pickle.dumps(augment))
    assert np.array_equal(sent(picture, 3, (32, 64)), first) and np.array_equal(sent(picture, 3), augment(picture, 3))


def seen_sizes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, tuple[int, ...]]]:
    """Fills with the epoch and the shape of each batch that training gets, as it runs."""
    seen: list[tuple[int, tuple[int, ...]]] = []
    step = Training.training_step

    def noted(self: Training, batch: Batch, number: int) -> object:
        seen.append((self.current_epoch, tuple(batch.images.shape[2:])))
        return step(self, batch, number)

    monkeypatch.setattr(Training, "training_step", noted)
    return seen


@pytest.mark.slow
def test_workers_that_outlive_an_epoch_follow_its_size(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_sizes(monkeypatch)
    words = ["trainer.epochs=3", "sampler.steps=3", "trainer.resize=[{until:0.4,scale:0.6}]", f"cache={tmp_path / 'c'}"]
    for workers in (0, 2):
        train(toys(), tmp_path / str(workers), *words, f"trainer.workers={workers}")
    expected = [(epoch, (32, 32) if epoch < 2 else (48, 64)) for epoch in range(3) for _ in range(3)]
    assert seen == expected * 2
    log = metrics(tmp_path / "2")
    assert [(row["height"], row["width"]) for row in log[1:]] == [(32, 32), (32, 32), (48, 64)]
    assert log == metrics(tmp_path / "0")
    one, other = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("0", "2"))
    assert one == other


@pytest.mark.parametrize(("backbone", "refused"), [("vit_tiny_patch16_224", True), ("test_vit", False)])
def test_a_backbone_of_one_size_is_refused(backbone: str, refused: bool) -> None:
    spec = NetworkSpec(backbone=backbone, height=224, width=224)
    trainer = TrainerSettings(epochs=2, resize=(ResizeStage(0.5, 0.6),))
    recipe = Recipe(network=spec, loss=LossSettings(Arcface(1.0)), trainer=trainer)
    network = EmbeddingNetwork(spec).eval()
    words = rf"inputs of 128 x 128, and {backbone} does not take them.*set trainer\.resize=\[\]"
    with pytest.raises(ConfigError, match=words) if refused else nullcontext():
        try_sizes(recipe, network)

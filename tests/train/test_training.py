"""Whole trainings of tiny networks on toy animals: they learn, they resume exactly, and they stop when they must."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from train_helpers import TINY, metrics, train

import reid
from reid.config import compose
from reid.embed.network import EmbeddingNetwork
from reid.embed.weights import load_network
from reid.errors import ConfigError, DivergedError, InputError, OutputError
from reid.photos import read_photo
from reid.train.classes import LabelSettings, usable
from reid.train.datasets import read_data_sets
from reid.train.facing import posed
from reid.train.module import Batch, Training, mirror_flanks
from reid.train.pictures import decoded, enlarged
from reid.train.start import starting_network
from reid.verbs.train import TrainConfig

Toys = Callable[..., Path]


@pytest.mark.slow
def test_loss_falls_and_retrieval_rises_on_animals_never_seen(toys: Toys, tmp_path: Path) -> None:
    said = train(
        toys(animals=30, photos=4), tmp_path / "run", "trainer.epochs=14", "sampler.steps=12", "optimiser.backbone_rate=0.003",
        "optimiser.head_rate=0.01", "trainer.average=0.9",
    )  # fmt: skip
    found = metrics(tmp_path / "run")
    assert found[-1]["loss"] < 0.5 * found[1]["loss"]
    best = max(row["mAP"] for row in found)
    assert best > found[0]["mAP"] + 0.15, found
    assert f"{best:.3f} after" in said
    for name in (
        "curves.png",
        "augmented.png",
        "settings.yaml",
        "versions.json",
        "classes.json",
        "left_out.csv",
        "data.json",
    ):
        assert (tmp_path / "run" / name).stat().st_size > 10, name
    card = reid.load(tmp_path / "run").card
    assert card["figures"]["mAP"] == pytest.approx(best, abs=1e-4)
    facts = card["data"]["toys0"]
    assert facts["training_individuals"] + facts["held_out_individuals"] == 30


def test_run_folder_loads_and_embeds_what_was_judged(toys: Toys, tmp_path: Path) -> None:
    """The figures of the log come out again from the shipped embedder and the photos: the same geometry throughout."""
    train(toys(), tmp_path / "run", "trainer.epochs=1", "trainer.average=0")
    embedder = reid.load(tmp_path / "run")
    frame, _ = usable(read_data_sets([str(toys())])[0], LabelSettings())
    frame["facing"] = frame["orientation"]
    kept, _ = decoded(frame, embedder.spec, tmp_path / "crops")
    with torch.inference_mode():
        expected = embedder.loaded.network.embed(torch.from_numpy(np.array(kept)))[0].numpy()
    found = embedder.embed_table(
        frame[["crop_id", "image_id", "path", "content_hash", "bbox", "orientation"]], toys()
    ).vectors
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_epoch_draws_other_batches_and_augments_them_anew(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    seen: dict[int, list[int]] = {}
    step = Training.training_step

    def noted(self: Training, batch: Batch, number: int) -> torch.Tensor:
        seen.setdefault(self.current_epoch, []).append(int(batch.images.long().sum()))
        return step(self, batch, number)

    monkeypatch.setattr(Training, "training_step", noted)
    words = ["trainer.epochs=3", "sampler.steps=3", "augmentation.noise=1", f"trainer.workers={workers}"]
    train(toys(), tmp_path / "run", *words)
    assert [len(sums) for sums in seen.values()] == [3, 3, 3]
    assert len({total for sums in seen.values() for total in sums}) == 9


@pytest.mark.parametrize("frozen", [False, True])
def test_norms_learn_in_a_training_and_frozen_ones_do_not(toys: Toys, tmp_path: Path, frozen: bool) -> None:
    words = ["trainer.epochs=2", "sampler.steps=2", "trainer.average=0", f"optimiser.freeze_norms={frozen}".lower()]
    train(toys(), tmp_path / "run", *words)
    state = load_network(tmp_path / "run").network.state_dict()
    start = starting_network(load_network(tmp_path / "run").spec, "", 0)[0].state_dict()
    moved = {name: not torch.equal(value, start[name]) for name, value in state.items() if "running" in name}
    assert moved["norm.running_mean"] and moved["norm.running_var"]
    assert {now for name, now in moved.items() if name.startswith("backbone.")} == {not frozen}


def test_a_held_backbone_stands_still_and_then_moves(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four epochs, the first two move pooling, neck and centres only; then the backbone's rate has its own warm-up."""
    seen: dict[int, dict[str, torch.Tensor]] = {}
    rates: list[float] = []
    start, step = Training.on_train_epoch_start, Training.training_step

    def noted(self: Training) -> None:
        seen[self.current_epoch] = {name: value.detach().clone() for name, value in self.network.named_parameters()}
        start(self)

    def rated(self: Training, batch: Batch, number: int) -> torch.Tensor:
        groups = self.trainer.optimizers[0].param_groups
        rates.append(next(group["lr"] for group in groups if group["name"].startswith("backbone")))
        return step(self, batch, number)

    monkeypatch.setattr(Training, "on_train_epoch_start", noted)
    monkeypatch.setattr(Training, "training_step", rated)
    words = ["trainer.epochs=4", "sampler.steps=3", "optimiser.hold=0.5", "optimiser.warmup=0.5", "network.neck=linear"]
    train(toys(), tmp_path / "run", *words, "network.embedding_size=8", "optimiser.backbone_rate=0.01")

    def moved(one: int, other: int, part: str) -> list[bool]:
        return [not torch.equal(seen[one][name], seen[other][name]) for name in seen[0] if name.startswith(part)]

    assert not any(moved(0, 2, "backbone.")) and all(moved(0, 1, "projection."))
    assert any(moved(2, 3, "backbone."))
    assert rates[:6] == [0.0] * 6
    assert rates[6:9] == pytest.approx([0.01 / 3, 0.02 / 3, 0.01])
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_a_network_that_sees_torsos_is_trained_and_judged_as_it_embeds(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the finder says, the crops that are judged are those that the trained network embeds."""
    torso = np.array([0.5, 0.45, 0.35, 0.05, -0.03, 0.3], np.float32)

    def found(pictures: Sequence[np.ndarray]) -> np.ndarray:
        return np.repeat(torso[None], len(pictures), 0)

    monkeypatch.setattr("reid.train.facing.look", found)
    monkeypatch.setattr("reid.embed.framing.settled", found)
    train(
        toys(),
        tmp_path / "run",
        "trainer.epochs=1",
        "trainer.average=0",
        "network.frame=torso",
        "labels.find_flanks=true",
    )
    embedder = reid.load(tmp_path / "run")
    frame, _ = usable(read_data_sets([str(toys())])[0], LabelSettings())
    frame["facing"], frame["torso"] = posed(frame, True, tmp_path / "poses")
    assert frame["facing"].tolist() == frame["orientation"].tolist()  # what a label says stays
    assert np.allclose(np.stack(frame["torso"]), torso)
    kept, _ = decoded(frame, embedder.spec, tmp_path / "crops")
    with torch.inference_mode():
        expected = embedder.loaded.network.embed(torch.from_numpy(np.array(kept)))[0].numpy()
    columns = ["crop_id", "image_id", "path", "content_hash", "bbox", "orientation"]
    assert embedder.embed_table(frame[columns], toys()).vectors == pytest.approx(expected, abs=1e-5)
    monkeypatch.setattr("reid.train.facing.look", lambda pictures: pytest.fail("looked twice"))
    again, torsos = posed(frame, True, tmp_path / "poses")
    assert again.equals(frame["facing"]) and np.allclose(np.stack(torsos), torso)


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ["trainer.average=0"],
        ["trainer.average=0.9", "optimiser.hold=0.5"],
        ["trainer.average=0.9", "network.quality=true"],
        ["trainer.average=0.9", "trainer.resize=[{until:0.5,scale:0.7}]", "trainer.workers=2"],
    ],
)
def test_resumed_is_the_same_as_uninterrupted(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    words = ["trainer.epochs=3", "sampler.steps=3", *more, f"cache={tmp_path / 'cache'}"]
    train(toys(), tmp_path / "whole", *words)
    start = Training.on_train_epoch_start

    def killed(self: Training) -> None:
        if self.current_epoch == 2:
            raise RuntimeError("killed")
        start(self)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(Training, "on_train_epoch_start", killed)
        train(toys(), tmp_path / "parts", *words)
    assert not (tmp_path / "parts" / "weights.safetensors").exists()
    begun: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(Training, "on_train_epoch_start", lambda self: (begun.append(self.current_epoch), start(self))[1])
        train(toys(), tmp_path / "parts", *words)
    assert begun == [2]
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")
    one, other = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "parts"))
    assert one == other


def test_finished_run_is_not_trained_again_and_other_settings_are_refused(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["trainer.epochs=1", "sampler.steps=2"]
    said = train(toys(), tmp_path / "run", *words)
    with monkeypatch.context() as patch:
        patch.setattr(Training, "training_step", lambda *_: pytest.fail("trained again"))
        assert train(toys(), tmp_path / "run", *words) == said
    with pytest.raises(OutputError, match=r"loss\.arcface\.margin"):
        train(toys(), tmp_path / "run", *words, "loss.arcface.margin=0.3")
    with pytest.raises(OutputError, match="another run"):
        train(toys(seed=1), tmp_path / "run", *words)


def test_changed_data_is_refused_on_resume(toys: Toys, tmp_path: Path) -> None:
    import shutil

    data = tmp_path / "own"
    shutil.copytree(toys(), data)
    words = ["trainer.epochs=1", "sampler.steps=2"]
    train(data, tmp_path / "run", *words)
    next(data.glob("cat00/left/*.png")).unlink()
    with pytest.raises(OutputError, match="data has changed"):
        train(data, tmp_path / "run", *words)


def test_too_high_a_rate_stops_with_cause_and_remedy(toys: Toys, tmp_path: Path) -> None:
    words = [
        "trainer.epochs=2",
        "optimiser=sgd",
        "optimiser.backbone_rate=1e30",
        "optimiser.warmup=0",
        "optimiser.clip=0",
    ]
    with pytest.raises(DivergedError, match=r"epoch \d+ at step \d+: .*(rate|backbone_rate)"):
        train(toys(), tmp_path / "run", *words)
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_loss_that_is_no_number_is_named(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reid.train.losses import CenterLoss

    monkeypatch.setattr(CenterLoss, "forward", lambda self, x, y: x.sum() * float("nan"))
    with pytest.raises(DivergedError, match=r"the loss center is no finite number, with sound vectors.*loss\.center"):
        train(toys(), tmp_path / "run", "trainer.epochs=1", "loss=center")


def test_training_stops_when_patience_ends_and_stays_finished(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing moves, so the first judgement stays the best, and two more end the patience."""
    words = [
        "trainer.epochs=9", "trainer.patience=2", "sampler.steps=1", "optimiser.backbone_rate=0", "optimiser.head_rate=0",
        "optimiser.freeze_norms=true", "network.neck=none",
    ]  # fmt: skip
    said = train(toys(), tmp_path / "run", *words)
    assert [row["epoch"] for row in metrics(tmp_path / "run")] == [0, 1, 2, 3]
    assert "epoch 1 of 9" in said
    kept = (tmp_path / "run" / "weights.safetensors").read_bytes()
    monkeypatch.setattr(Training, "training_step", lambda *_: pytest.fail("trained again"))
    assert train(toys(), tmp_path / "run", *words) == said
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == kept


def test_a_better_figure_renews_the_patience(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter([0.1, 0.2, 0.15, 0.3, 0.2, 0.3, 0.25])
    monkeypatch.setattr("reid.train.module.figures", lambda *_: {"mAP": next(given)})
    train(toys(), tmp_path / "run", "trainer.epochs=7", "trainer.patience=2", "sampler.steps=1")
    # 0.3 in the fourth epoch; 0.2, and 0.3 again, which is no better, end it
    assert [row["mAP"] for row in metrics(tmp_path / "run")][1:] == [0.1, 0.2, 0.15, 0.3, 0.2, 0.3]
    assert reid.load(tmp_path / "run").card["epoch"] == 4


def test_vectors_that_are_no_numbers_in_a_judgement_stop_it(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate = Training.validation_step

    def spoilt(self: Training, batch: torch.Tensor, number: int) -> None:
        validate(self, batch, number)
        self.found[-1][0, 0] = torch.nan

    monkeypatch.setattr(Training, "validation_step", spoilt)
    with pytest.raises(DivergedError, match=r"stopped after epoch 1: .*optimiser\.backbone_rate=0\.0003"):
        train(toys(), tmp_path / "run", "trainer.epochs=2", "sampler.steps=1")


def test_bf16_trains_on_the_cpu_with_losses_in_float32(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reid.train.losses import LossSum

    seen: list[tuple[torch.dtype, torch.dtype]] = []
    features, total = [], LossSum.total
    mapped = EmbeddingNetwork.feature_map

    def noted(self: EmbeddingNetwork, images: torch.Tensor) -> torch.Tensor:
        out = mapped(self, images)
        features.append(out.dtype)
        return out

    def summed(self: LossSum, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        seen.append((features[-1], total(self, terms).dtype))
        return total(self, terms)

    monkeypatch.setattr(EmbeddingNetwork, "feature_map", noted)
    monkeypatch.setattr(LossSum, "total", summed)
    train(toys(), tmp_path / "run", "trainer.epochs=1", "sampler.steps=2", "trainer.precision=bf16")
    assert seen == [(torch.bfloat16, torch.float32)] * 2
    assert all(value.dtype != torch.bfloat16 for value in load_network(tmp_path / "run").network.state_dict().values())


def test_fp16_is_refused_on_a_cpu(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"trainer\.precision=fp16 needs a GPU.*bf16 or fp32"):
        train(toys(), tmp_path / "run", "trainer.precision=fp16")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_each_precision_trains_on_a_gpu(toys: Toys, tmp_path: Path, precision: str) -> None:
    words = ["trainer.accelerator=gpu", f"trainer.precision={precision}", "trainer.epochs=4", "sampler.steps=12"]
    train(toys(), tmp_path / "run", *words, "network.quality=true", "trainer.resize=[{until:0.5,scale:0.7}]")
    found = metrics(tmp_path / "run")
    assert found[-1]["loss"] < found[1]["loss"] and all(np.isfinite(row["loss"]) for row in found)
    assert reid.load(tmp_path / "run").embed(np.zeros((48, 64, 3), np.uint8)).shape[0] == 1


@pytest.mark.parametrize(
    ("words", "error", "reason"),
    [
        (["model=lite0-imagenet"], ConfigError, "checkpoint of another network.*tf_efficientnet_lite0.*test_resnet"),
        (["model=nowhere"], InputError, "no network 'nowhere'"),
        (["validation.figure=other/mAP"], ConfigError, "cannot be computed.*toys0/mAP"),
        (["network.flank=true"], ConfigError, "loss.flank.weight"),
        (["loss.flank.weight=0.1"], ConfigError, "network.flank=true"),
        (["validation.every=9", "trainer.epochs=2"], ConfigError, "validation.every=9"),
        (["trainer.precision=half"], ConfigError, "trainer.precision='half'"),
        (["labels.least=50"], InputError, "at least two classes of 50"),
        (["sampler=pxk", "sampler.batch=64", "sampler.photos=2"], ConfigError, "needs 32 classes"),
    ],
)
def test_what_does_not_fit_is_refused(
    toys: Toys, tmp_path: Path, words: list[str], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        train(toys(), tmp_path / "run", *words)


def test_photos_damaged_inside_are_left_out(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels that cannot be decoded come up late, in training's part and in what is held out."""

    def read(path: Path) -> np.ndarray:
        if path.name == "0.png":
            raise InputError("it is damaged at half its length")
        return read_photo(path)

    monkeypatch.setattr("reid.train.pictures.read_photo", read)
    train(toys(), tmp_path / "run", "trainer.epochs=1", "sampler.steps=2")
    left_out = pd.read_csv(tmp_path / "run" / "left_out.csv")
    assert sorted(left_out["path"]) == [f"cat{n:02d}/{flank}/0.png" for n in range(12) for flank in ("left", "right")]
    assert set(left_out["reason"]) == {"it is damaged at half its length"}
    facts = json.loads((tmp_path / "run" / "data.json").read_text())["toys0"]
    assert facts["training_crops"] + facts["held_out_crops"] == 12 * 2 * 3


def test_head_for_the_flank_is_trained_and_kept(toys: Toys, tmp_path: Path) -> None:
    words = ["network.flank=true", "loss.flank.weight=0.5", "trainer.epochs=1", "sampler.steps=2"]
    train([toys(), toys(seed=1)], tmp_path / "run", *words)
    found = metrics(tmp_path / "run")
    assert found[-1]["loss_flank"] > 0 and {"toys0/mAP", "toys1/mAP"} <= set(found[-1])
    loaded = load_network(tmp_path / "run")
    assert loaded.network.flank_head is not None and loaded.flank_fingerprint


def test_head_for_the_flank_sees_animals_facing_both_ways() -> None:
    """All are turned to face left, so a share goes through mirrored, as right; who has no label does not count."""
    from torch.nn import functional as F

    from reid.embed.network import EmbeddingNetwork, NetworkSpec
    from reid.train.loss_settings import Arcface, Flank, LossSettings
    from reid.train.optimiser import OptimiserSettings

    spec = NetworkSpec(backbone="test_resnet", height=64, width=96, face="left", flank=True)
    network = EmbeddingNetwork(spec).eval()
    losses = LossSettings(Arcface(1.0), flank=Flank(1.0, mirrored=0.5))
    module = Training(network, losses, OptimiserSettings(), np.array([2, 2]), 1)
    images = torch.randint(0, 256, (4, 3, 64, 96), dtype=torch.uint8)
    left, right, front = 0, 1, 2
    batch = Batch(images, torch.tensor([0, 0, 1, 1]), torch.tensor([left, front, -1, left]))
    head = network.flank_head
    assert head is not None
    with torch.no_grad():
        found = module._flank_loss(network.flank_head, batch, network.feature_map(network.normalised(images)))
        seen = torch.stack([images[0], images[1], images[3], images[0].flip(-1), images[1].flip(-1)])
        logits = head(network.feature_map(network.normalised(seen)))
        expected = F.cross_entropy(logits, torch.tensor([left, front, left, right, front]))
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)
    assert mirror_flanks(torch.tensor([0, 1, 2, 4, -1])).tolist() == [1, 0, 2, 4, -1]


def test_training_goes_on_from_a_run_folder(toys: Toys, tmp_path: Path) -> None:
    from reid.embed.network import NetworkSpec

    train(toys(), tmp_path / "first", "trainer.epochs=1", "sampler.steps=2")
    first = load_network(tmp_path / "first")
    spec = NetworkSpec.from_dict({**first.spec.to_dict(), "neck": "linear", "embedding_size": 32, "height": 64})
    network, origin = starting_network(spec, str(tmp_path / "first"), 0)
    assert first.fingerprint in origin
    kept = first.network.state_dict()
    for name, value in network.state_dict().items():
        if name.startswith(("backbone.", "pool.")):
            assert torch.equal(value, kept[name]), name
    assert network.size == 32


def test_crops_are_kept_once_and_turned(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reid.embed.network import NetworkSpec

    spec = NetworkSpec(height=48, width=64, face="left")
    frame = read_data_sets([str(toys())])[0].iloc[:8].reset_index(drop=True)
    frame["facing"] = "left"
    plain, lost = decoded(frame, spec, tmp_path)
    assert plain.shape == (8, 3, 48, 64) and not lost
    assert np.array_equal(plain[0].transpose(1, 2, 0), read_photo(Path(frame["root"][0]) / frame["path"][0]))
    monkeypatch.setattr("reid.train.pictures.read_photo", lambda path: pytest.fail("decoded again"))
    again, _ = decoded(frame, spec, tmp_path)
    assert np.array_equal(again, plain)
    monkeypatch.undo()
    turned, _ = decoded(frame.assign(facing="right"), spec, tmp_path)
    assert np.array_equal(turned, plain[..., ::-1])
    assert decoded(frame, enlarged(spec), tmp_path)[0].shape == (8, 3, 55, 74)


def test_settings_come_back_from_the_run_folder(toys: Toys, tmp_path: Path) -> None:
    import yaml

    train([toys(), toys(seed=1)], tmp_path / "run", "trainer.epochs=1", "sampler.steps=1", "loss.arcface.margin=0.3")
    settings: dict[str, Any] = yaml.safe_load((tmp_path / "run" / "settings.yaml").read_text())
    assert settings["loss"]["arcface"]["margin"] == 0.3
    again = compose("train", TrainConfig, [f"config={tmp_path / 'run' / 'settings.yaml'}"])
    assert again == compose("train", TrainConfig, [f"data=[{toys()},{toys(seed=1)}]", f"output={tmp_path / 'run'}", *TINY,
                            "trainer.epochs=1", "sampler.steps=1", "loss.arcface.margin=0.3"])  # fmt: skip
    assert "reid" in json.loads((tmp_path / "run" / "versions.json").read_text())

"""Whole trainings of tiny networks on toy animals: they learn, they resume exactly, and they stop when they must."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import reid
from reid.config import compose
from reid.embed.weights import load_network
from reid.errors import ConfigError, InputError, OutputError
from reid.photos import read_photo
from reid.train.classes import LabelSettings, usable
from reid.train.datasets import read_data_sets
from reid.train.module import DivergedError, Training, mirror_flanks
from reid.train.pictures import decoded, enlarged
from reid.verbs.train import TrainConfig, run

Toys = Callable[..., Path]
TINY = [
    "model=", "network.backbone=test_resnet", "network.height=48", "network.width=64", "network.neck=bn",
    "sampler.batch=16", "trainer.accelerator=cpu", "validation.share=0.34", "augmentation=none",
    "augmentation.jitter=0.05",
]  # fmt: skip


def train(data: Path | list[Path], output: Path, *words: str) -> str:
    sources = f"[{','.join(map(str, data))}]" if isinstance(data, list) else str(data)
    return run(compose("train", TrainConfig, [f"data={sources}", f"output={output}", *TINY, *words]))


def rows(folder: Path) -> list[dict[str, float]]:
    return pd.read_csv(folder / "metrics.csv").drop(columns="seconds").fillna(-1).to_dict("records")


@pytest.mark.slow
def test_loss_falls_and_retrieval_rises_on_animals_never_seen(toys: Toys, tmp_path: Path) -> None:
    said = train(
        toys(animals=30, photos=4), tmp_path / "run", "trainer.epochs=14", "sampler.steps=12", "optimiser.backbone_rate=0.003",
        "optimiser.head_rate=0.01", "trainer.average=0.9",
    )  # fmt: skip
    found = rows(tmp_path / "run")
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


@pytest.mark.slow
@pytest.mark.parametrize("average", ["0", "0.9"])
def test_resumed_is_the_same_as_uninterrupted(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, average: str
) -> None:
    words = ["trainer.epochs=3", "sampler.steps=3", f"trainer.average={average}", f"cache={tmp_path / 'cache'}"]
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
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
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
    found = rows(tmp_path / "run")
    assert found[-1]["loss_flank"] > 0 and {"toys0/mAP", "toys1/mAP"} <= set(found[-1])
    loaded = load_network(tmp_path / "run")
    assert loaded.network.flank_head is not None and loaded.flank_fingerprint


def test_head_for_the_flank_sees_animals_facing_both_ways() -> None:
    """All are turned to face left, so a share goes through mirrored, as right; who has no label does not count."""
    from torch.nn import functional as F

    from reid.embed.network import EmbeddingNetwork, NetworkSpec
    from reid.train.loss_settings import Arcface, Flank, LossSettings
    from reid.train.module import Batch
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
    from reid.train.start import starting_network

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

"""Several processes take the steps of one: the same crops in each step, the same losses over all of them, the same weights."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from train_helpers import TINY, metrics, train

from reid.errors import ConfigError
from reid.train.sampler import Batches, SamplerSettings
from reid.verbs.train import is_first

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["shuffled", "pxk", "balanced"])
@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_batches_of_one(name: str, world: int) -> None:
    classes, datasets = np.arange(70) % 14, np.arange(70) // 40
    own = SamplerSettings(name, batch=8, photos=2, steps=0 if name == "shuffled" else 5)
    all_of = SamplerSettings(name, batch=8 * world, photos=2, steps=own.steps)
    for epoch in (0, 1):
        parts = [Batches(classes, datasets, own, seed=4, rank=rank, world=world) for rank in range(world)]
        whole = Batches(classes, datasets, all_of, seed=4)
        for batches in (*parts, whole):
            batches.set_epoch(epoch)
        assert len(whole) == len(parts[0]) == len(list(parts[1]))
        for together, *shares in zip(whole, *parts, strict=True):
            assert [draw for share in shares for draw in share] == together
            if name == "pxk":
                assert len({int(classes[draw.row]) for draw in together}) == 4 * world


def test_classes_must_do_for_all_processes() -> None:
    with pytest.raises(ConfigError, match=r"in each of 3 processes .* needs 12 classes, and the data has 8"):
        Batches(np.arange(80) % 8, np.zeros(80, int), SamplerSettings("pxk", batch=8, photos=2), world=3)


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
        ({"LOCAL_RANK": "0", "RANK": "4"}, False),
        ({"LOCAL_RANK": "0", "RANK": "0", "NODE_RANK": "0"}, True),
    ],
)
def test_one_process_of_all_machines_writes(
    environment: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOCAL_RANK", "NODE_RANK", "RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_first() is first


@pytest.mark.slow
def test_two_processes_train_to_the_weights_of_one(toys: Callable[..., Path], tmp_path: Path) -> None:
    """Over pairs and over classes; the norms stand still, for each process has the statistics of its own crops."""
    data = toys(animals=6, photos=4)
    words = [
        "trainer.epochs=2", "sampler=pxk", "sampler.photos=4", "sampler.steps=3", "network.neck=none", "loss.triplet.weight=1",
        "optimiser=sgd", "optimiser.freeze_norms=true", "validation.share=0", "trainer.average=0", "trainer.seed=3",
        "trainer.threads=1",
    ]  # fmt: skip
    train(data, tmp_path / "one", *words, "sampler.batch=16")
    command = [sys.executable, "-m", "reid.cli", "train", f"data={data}", f"output={tmp_path / 'two'}", *TINY, *words]
    done = subprocess.run(
        [*command, "sampler.batch=8", "trainer.devices=2"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    begun = metrics(tmp_path / "one")
    assert one.keys() == two.keys()
    for name, weights in one.items():
        np.testing.assert_allclose(two[name], weights, rtol=1e-4, atol=2e-6, err_msg=name)
    assert [row["loss"] for row in metrics(tmp_path / "two")][1:] == pytest.approx(
        [row["loss"] for row in begun][1:], rel=1e-4
    )

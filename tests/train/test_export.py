"""Exported networks agree with the original at every batch size, or are not written."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.pooling import pooling_matrix
from reid.embed.torso import HEIGHT, MARGIN, WIDTH, load_finder
from reid.embed.weights import LoadedNetwork, fingerprint, load_network
from reid.errors import OutputError
from reid.train.export import Exported, compare, embedded, export_finder, export_onnx, export_openvino


def loaded(**heads: Any) -> LoadedNetwork:
    torch.manual_seed(0)
    spec = NetworkSpec(
        **{"backbone": "test_efficientnet", "height": 64, "width": 96, "pooling": "gem", "neck": "bn"} | heads
    )
    network = EmbeddingNetwork(spec).eval()
    return LoadedNetwork(network, "tiny", fingerprint(network))


HEADS = pytest.mark.parametrize(
    "heads",
    [
        {},
        {"flank": True},
        {"flank": True, "flank_scale": 0.6},
        {"flank": True, "quality": True},
        {"pooling": "grid", "grid": (2, 5, 8), "level": 3, "frame": "torso", "face": "left"},
    ],
    ids=str,
)


def agree(given: Sequence[np.ndarray], network: EmbeddingNetwork, images: np.ndarray) -> None:
    """Each of the arrays is what the network says of these images."""
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(images))
    parts = expected if network.spec.quality else expected[:2]
    assert len(given) == len(parts)
    for one, other in zip(given, parts, strict=True):
        assert one == pytest.approx(other.numpy(), abs=1e-4)


@given(st.integers(1, 40), st.integers(1, 12))
def test_pooling_by_matrices_is_torchs(size: int, grid: int) -> None:
    x = torch.randn(1, 1, size, size)
    rows = pooling_matrix(size, grid)
    assert torch.allclose(rows @ x @ rows.T, F.adaptive_avg_pool2d(x, grid), atol=1e-5)


@HEADS
def test_what_is_exported_is_the_network(heads: dict[str, Any]) -> None:
    network = loaded(**heads).network
    exported = Exported(network).eval()
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 96), np.uint8)
    with torch.inference_mode():
        agree([part.numpy() for part in exported(torch.from_numpy(images))], network, images)


def test_an_engine_that_differs_is_refused() -> None:
    network = loaded().network

    def engine(images: np.ndarray) -> Sequence[np.ndarray]:
        """Right for one image; for more, the first one's vector for all: what a fixed batch size does."""
        with torch.inference_mode():
            vectors, flanks, _ = (part.numpy() for part in network.embed(torch.from_numpy(images)))
        return np.repeat(vectors[:1], len(vectors), 0), flanks

    with pytest.raises(OutputError, match="batch of 2"):
        compare(embedded(network), engine, (64, 96), "network.onnx")


def written_onnx(network: LoadedNetwork, folder: Path) -> dict[str, float]:
    pytest.importorskip("onnx", reason="exporting to ONNX needs the package onnx")
    pytest.importorskip("onnxruntime", reason="running ONNX needs the package onnxruntime")
    return export_onnx(network, folder)


@HEADS
def test_onnx_agrees_at_each_batch_size(heads: dict[str, Any], tmp_path: Path) -> None:
    network = loaded(**heads)
    found = written_onnx(network, tmp_path)
    assert set(found) == {"1", "2", "5"} and max(found.values()) < 1e-4
    import onnxruntime

    session = onnxruntime.InferenceSession(str(tmp_path / "network.onnx"), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(1).integers(0, 256, (7, 3, 64, 96), np.uint8)
    agree(session.run(None, {"images": images}), network.network, images)


@HEADS
def test_openvino_agrees_at_each_batch_size(heads: dict[str, Any], tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino", reason="exporting to OpenVINO needs the package openvino")
    network = loaded(**heads)
    written_onnx(network, tmp_path)
    found = export_openvino(network, tmp_path)
    assert found is not None and set(found) == {"1", "2", "5"} and max(found.values()) < 1e-4
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "network.bin", "network.json", "network.onnx", "network.xml",
    ]  # fmt: skip
    compiled = openvino.compile_model(tmp_path / "network.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for batch in (7, 1):
        images = np.random.default_rng(batch).integers(0, 256, (batch, 3, 64, 96), np.uint8)
        agree(list(compiled(images).values()), network.network, images)


def test_an_openvino_network_that_differs_is_not_written(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="exporting to OpenVINO needs the package openvino")
    network = loaded()
    written_onnx(network, tmp_path)
    with torch.no_grad():
        network.network.norm.weight.mul_(torch.linspace(0.5, 2, network.network.size))  # type: ignore[union-attr, operator, arg-type]
    with pytest.raises(OutputError, match=r"network\.xml differs"):
        export_openvino(network, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.json", "network.onnx"]


def test_the_finder_of_torsos_is_exported_with_a_network_that_sees_them(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="running ONNX needs the package onnxruntime")
    import onnxruntime

    assert max(export_finder(tmp_path).values()) < 1e-4
    assert json.loads((tmp_path / "torso.json").read_text())["margin"] == MARGIN
    images = np.random.default_rng(2).integers(0, 256, (3, 3, HEIGHT, WIDTH), np.uint8)
    given = onnxruntime.InferenceSession(str(tmp_path / "torso.onnx")).run(None, {"images": images})[0]
    with torch.inference_mode():
        assert given == pytest.approx(load_finder()[0](torch.from_numpy(images)).numpy(), abs=1e-4)


def test_the_shipped_network_can_be_exported(tmp_path: Path) -> None:
    assert max(written_onnx(load_network(), tmp_path).values()) < 1e-4


def test_without_openvino_there_is_onnx_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert export_openvino(loaded(), tmp_path) is None

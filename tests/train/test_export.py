"""Exported networks agree with the original at every batch size, or are not written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.weights import LoadedNetwork, fingerprint
from reid.errors import OutputError
from reid.train.export import Exported, compare, export_onnx, pooling_matrix


def loaded(flank: bool) -> LoadedNetwork:
    torch.manual_seed(0)
    spec = NetworkSpec(backbone="test_efficientnet", height=64, width=96, pooling="gem", neck="bn", flank=flank)
    network = EmbeddingNetwork(spec).eval()
    return LoadedNetwork(network, "tiny", fingerprint(network))


@given(st.integers(1, 40), st.integers(1, 12))
def test_pooling_by_matrices_is_torchs(size: int, grid: int) -> None:
    x = torch.randn(1, 1, size, size)
    rows = pooling_matrix(size, grid)
    assert torch.allclose(rows @ x @ rows.T, F.adaptive_avg_pool2d(x, grid), atol=1e-5)


@pytest.mark.parametrize("flank", [False, True])
def test_what_is_exported_is_the_network(flank: bool) -> None:
    network = loaded(flank).network
    exported = Exported(network).eval()
    images = torch.randint(0, 256, (3, 3, 64, 96), dtype=torch.uint8)
    with torch.inference_mode():
        for given_part, expected in zip(exported(images), network.embed(images), strict=True):
            assert torch.allclose(given_part, expected, atol=1e-6)


def test_an_engine_that_differs_is_refused() -> None:
    network = loaded(False).network

    def engine(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Right for one image; for more, the first one's vector for all: what a fixed batch size does."""
        with torch.inference_mode():
            vectors, flanks = (part.numpy() for part in network.embed(torch.from_numpy(images)))
        return np.repeat(vectors[:1], len(vectors), 0), flanks

    with pytest.raises(OutputError, match="batch of 2"):
        compare(network, engine, "network.onnx")


@pytest.mark.parametrize("flank", [False, True])
def test_onnx_agrees_at_each_batch_size(flank: bool, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="exporting to ONNX needs the package onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="running ONNX needs the package onnxruntime")
    network = loaded(flank)
    found = export_onnx(network, tmp_path)
    assert set(found) == {"1", "2", "5"} and max(found.values()) < 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "network.onnx"), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(1).integers(0, 256, (7, 3, 64, 96), np.uint8)
    vectors, flanks = session.run(None, {"images": images})
    with torch.inference_mode():
        expected = network.network.embed(torch.from_numpy(images))
    assert vectors == pytest.approx(expected[0].numpy(), abs=1e-4)
    assert flanks == pytest.approx(expected[1].numpy(), abs=1e-4)

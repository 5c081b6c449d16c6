"""Poolings against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.pooling import GridPool
from reid.errors import ConfigError


def test_a_grid_is_the_mean_of_each_cell_side_by_side() -> None:
    torch.manual_seed(0)
    pool = GridPool(6, rows=2, columns=3, channels=4).eval()
    features = torch.randn(2, 6, 4, 9)
    found = pool(features).detach().numpy()
    weight = pool.reduce[0].weight.detach().numpy()[:, :, 0, 0]  # type: ignore[union-attr,operator]
    around = pool.join[0].weight.detach().numpy()[:, 0]  # type: ignore[union-attr,operator]
    mixed = pool.join[2].weight.detach().numpy()[:, :, 0, 0]  # type: ignore[union-attr,operator]
    norm = 1 / np.sqrt(1 + 1e-5)  # a fresh norm in evaluation
    for n, one in enumerate(features.numpy()):
        reduced = np.maximum(np.einsum("oc,chw->ohw", weight, one) * norm, 0)
        padded = np.pad(reduced, ((0, 0), (1, 1), (1, 1)))
        joined = sum(around[:, i, j, None, None] * padded[:, i : i + 4, j : j + 9] for i in range(3) for j in range(3))
        reduced = np.maximum(np.einsum("oc,chw->ohw", mixed, joined * norm) * norm, 0)
        cells = [
            reduced[c, r * 2 : r * 2 + 2, k * 3 : k * 3 + 3].mean()
            for c in range(4)
            for r in range(2)
            for k in range(3)
        ]
        assert np.allclose(found[n], cells, atol=1e-5)


def test_a_grid_tells_where_a_mark_is_and_a_mean_does_not() -> None:
    torch.manual_seed(0)
    shoulder = torch.zeros(1, 8, 4, 8)
    shoulder[..., 1, 1] = 1
    hip = shoulder.flip(-1)
    pool = GridPool(8, 2, 4, 16).eval()
    assert torch.allclose(shoulder.mean((-2, -1)), hip.mean((-2, -1)))
    assert not torch.allclose(pool(shoulder), pool(hip), atol=1e-3)


def test_a_network_with_a_grid_is_described_by_its_data() -> None:
    spec = NetworkSpec("test_resnet", pooling="grid", grid=(2, 3, 5), neck="linear", embedding_size=7, height=64)
    again = NetworkSpec.from_dict(spec.to_dict())
    assert again == spec and spec.to_dict()["grid"] == [2, 3, 5]
    assert "grid" not in NetworkSpec("test_resnet").to_dict()
    network = EmbeddingNetwork(spec).eval()
    assert network.embed(torch.zeros(2, 3, 64, 224, dtype=torch.uint8)).vectors.shape == (2, 7)


def test_a_wrong_grid_and_tokens_are_refused() -> None:
    with pytest.raises(ConfigError, match="rows, columns and channels"):
        NetworkSpec(grid=(2, 0, 3))
    spec = NetworkSpec("test_vit", pooling="grid", neck="bn", height=160, width=160)
    with pytest.raises(ConfigError, match="tokens"):
        EmbeddingNetwork(spec).eval()(torch.zeros(1, 3, 160, 160))

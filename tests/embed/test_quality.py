"""The quality of crops: from the network's head to the crops table, and nothing without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from reid.detect import DetectorSettings, detect
from reid.embed import embed_crops, load_network, make_crops, save_network
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.preprocess import preprocess
from reid.embed.weights import LoadedNetwork, fingerprint
from reid.photos import scan
from reid.tables import CROPS, read, write

SPEC = NetworkSpec(backbone="test_efficientnet", height=64, width=96, neck="bn", face="left", quality=True)


@pytest.fixture(scope="module")
def crops(make_season: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    season = make_season(tmp_path_factory.mktemp("photos"), [("cam", 60 * n, [n]) for n in range(5)])
    photos, _ = scan(season)
    detections, _ = detect(photos, season, DetectorSettings(file=str(season / "detections.json")))
    return season, make_crops(photos, detections)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> LoadedNetwork:
    torch.manual_seed(0)
    made = EmbeddingNetwork(SPEC)
    assert made.quality_head is not None
    with torch.no_grad():  # scores of a head that learned nothing all lie at 0
        made.quality_head.layers[2].bias.fill_(0.5)
    folder = tmp_path_factory.mktemp("network")
    save_network(made, folder)
    return load_network(folder)


def without(network: LoadedNetwork) -> LoadedNetwork:
    """The same network without its head."""
    plain = EmbeddingNetwork(replace(SPEC, quality=False)).eval()
    plain.load_state_dict({k: v for k, v in network.network.state_dict().items() if not k.startswith("quality_head.")})
    return LoadedNetwork(plain, "plain", fingerprint(plain))


def test_the_head_changes_no_vector_and_no_fingerprint(network: LoadedNetwork) -> None:
    images = torch.randint(0, 256, (4, 3, 64, 96), dtype=torch.uint8)
    plain = without(network)
    with torch.inference_mode():
        having, lacking = network.network.embed(images), plain.network.embed(images)
    assert torch.equal(having.vectors, lacking.vectors)
    assert lacking.quality.isnan().all() and ((having.quality >= 0) & (having.quality <= 1)).all()
    assert network.fingerprint == plain.fingerprint
    # but what the head says is kept apart from what another head says
    assert network.flank_fingerprint and not plain.flank_fingerprint


def test_scores_travel_with_the_crops_and_come_back_from_the_cache(
    crops: tuple[Path, pd.DataFrame], network: LoadedNetwork, tmp_path: Path
) -> None:
    season, table = crops
    done = embed_crops(season, table, network, tmp_path / "cache", batch=2)
    from reid.embed import crop_picture

    images = np.stack([preprocess(crop_picture(season, row), SPEC) for row in table.to_dict("records")])
    with torch.inference_mode():
        expected = network.network.embed(torch.from_numpy(images)).quality.numpy()
    assert len(set(expected.round(6).tolist())) == len(table)
    assert done.crops["quality"].to_numpy() == pytest.approx(expected, abs=2e-6)
    again = embed_crops(season, table, network, tmp_path / "cache", batch=2)
    pd.testing.assert_frame_equal(again.crops, done.crops)
    write(done.crops, tmp_path / "crops.parquet", CROPS)
    pd.testing.assert_series_equal(read(tmp_path / "crops.parquet", CROPS)["quality"], done.crops["quality"])


def test_without_a_head_it_is_null_and_one_cache_serves_both(
    crops: tuple[Path, pd.DataFrame], network: LoadedNetwork, tmp_path: Path
) -> None:
    season, table = crops
    plain = without(network)
    first = embed_crops(season, table, plain, tmp_path, batch=2)
    assert first.crops["quality"].isna().all()
    scored = embed_crops(season, table, network, tmp_path, batch=2)
    assert scored.crops["quality"].notna().all()
    parts = len(list(tmp_path.iterdir()))
    # a table that brings another network's scores does not keep them
    again = embed_crops(season, scored.crops, plain, tmp_path, batch=2)
    assert again.crops["quality"].isna().all()
    np.testing.assert_array_equal(again.vectors, first.vectors)
    assert len(list(tmp_path.iterdir())) == parts


def test_a_turned_crop_has_the_score_of_what_was_embedded(
    crops: tuple[Path, pd.DataFrame], network: LoadedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody named the flank and the head for it says right: vector and score are both those of the turned picture."""
    season, table = crops
    named = embed_crops(season, table.assign(orientation="right"), network, batch=2)
    monkeypatch.setattr("reid.embed.batch.flank_of", lambda p: (["right"] * len(p), np.ones(len(p))))
    found = embed_crops(season, table, network, batch=2)
    np.testing.assert_allclose(found.vectors, named.vectors, atol=1e-6)
    assert found.crops["quality"].to_numpy() == pytest.approx(named.crops["quality"].to_numpy(), abs=2e-6)

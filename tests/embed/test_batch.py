"""Batch inference: order, neighbours, resuming, bad photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from reid.detect import DetectorSettings, detect
from reid.embed import CropSettings, crop_picture, embed_crops, load_network, make_crops, save_network
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.weights import LoadedNetwork
from reid.photos import scan


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> LoadedNetwork:
    folder = tmp_path_factory.mktemp("network")
    save_network(EmbeddingNetwork(NetworkSpec(backbone="test_efficientnet", height=64, width=96, face="left")), folder)
    return load_network(folder)


@pytest.fixture(scope="module")
def season(make_season: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    visits = [(f"cam{n % 2}", 60 * n, [n % 3, 5] if n == 2 else [n % 3]) for n in range(7)]
    return make_season(tmp_path_factory.mktemp("photos"), visits)


def crops_of(season: Path, **settings: float) -> pd.DataFrame:
    photos, _ = scan(season)
    detections, _ = detect(photos, season, DetectorSettings(file=str(season / "detections.json")))
    return make_crops(photos, detections, CropSettings(**settings))


def test_crops_are_the_boxes(season: Path) -> None:
    crops = crops_of(season)
    assert len(crops) == 8
    for row in crops.to_dict("records"):
        x, y, w, h = row["bbox"]
        with Image.open(season / row["path"]) as photo:
            expected = photo.crop((int(x), int(y), round(x + w), round(y + h)))
        np.testing.assert_array_equal(crop_picture(season, row), np.asarray(expected))
        assert max(crop_picture(season, row, longest=50).shape[:2]) == 50


def test_a_margin_stays_on_the_photo(season: Path) -> None:
    for box in crops_of(season, margin=1.0)["bbox"]:
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[0] + box[2] <= 640.01
        assert box[1] + box[3] <= 400.01


def test_a_vector_does_not_depend_on_its_neighbours(season: Path, network: LoadedNetwork) -> None:
    crops = crops_of(season)
    together = embed_crops(season, crops, network, batch=4).vectors
    for n in range(len(crops)):
        alone = embed_crops(season, crops.iloc[[n]].reset_index(drop=True), network, batch=4).vectors
        np.testing.assert_array_equal(alone[0], together[n])


def test_finished_vectors_are_not_made_again(season: Path, network: LoadedNetwork, tmp_path: Path) -> None:
    crops = crops_of(season)
    first = embed_crops(season, crops.iloc[:5], network, tmp_path, batch=4)
    made = len(list(tmp_path.glob("*.parquet")))
    again = embed_crops(season, crops.iloc[:5], network, tmp_path, batch=4)
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert len(list(tmp_path.glob("*.parquet"))) == made
    np.testing.assert_array_equal(embed_crops(season, crops, network, tmp_path, batch=4).vectors[:5], first.vectors)


def test_a_labelled_right_flank_is_turned(season: Path, network: LoadedNetwork) -> None:
    crops = crops_of(season).iloc[[0]]
    left = embed_crops(season, crops.assign(orientation="left"), network).vectors
    right = embed_crops(season, crops.assign(orientation="right"), network).vectors
    assert np.abs(left - right).max() > 1e-4


def test_a_flank_that_nobody_named_is_looked_at_small_and_turned(season: Path, tmp_path: Path) -> None:
    spec = NetworkSpec("test_efficientnet", height=64, width=96, face="left", flank=True, flank_scale=0.5)
    network = EmbeddingNetwork(spec)
    save_network(network, tmp_path)
    crops = crops_of(season).assign(orientation="unknown")
    head = load_network(tmp_path).network.flank_head
    seen: list[tuple[int, ...]] = []
    for name, answer in (("left", 0), ("right", 1)):
        loaded = load_network(tmp_path)

        class Sure(torch.nn.Module):
            def forward(self, features: torch.Tensor, answer: int = answer) -> torch.Tensor:
                seen.append(tuple(features.shape[2:]))
                return 20 * torch.eye(5)[[answer] * len(features)]

        loaded.network.flank_head = Sure()  # type: ignore[assignment]
        found = embed_crops(season, crops, loaded, batch=4)
        assert set(found.crops["orientation"]) == {name}
        named = embed_crops(season, crops.assign(orientation=name), loaded, batch=4)
        np.testing.assert_array_equal(found.vectors, named.vectors)
    assert head is not None and set(seen) == {(1, 2)}  # half of 64 x 96, divided by 32


def test_a_photo_that_cannot_be_read_is_a_row(season: Path, network: LoadedNetwork, tmp_path: Path) -> None:
    crops = crops_of(season)
    for path in crops["path"].unique():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((season / path).read_bytes())
    broken = crops["path"].iloc[3]
    (tmp_path / broken).write_text("no picture")
    gone = crops["path"].iloc[-1]
    (tmp_path / gone).unlink()
    done = embed_crops(tmp_path, crops, network)
    assert set(done.problems["path"]) == {broken, gone}
    assert set(done.crops["path"]) == set(crops["path"]) - {broken, gone}
    assert len(done.vectors) == len(done.crops)


def test_no_crops(season: Path, network: LoadedNetwork) -> None:
    done = embed_crops(season, crops_of(season).iloc[:0], network)
    assert done.vectors.shape == (0, network.network.size)
    assert len(done.problems) == 0


def test_arrays_photos_and_tables_agree(season: Path, tmp_path: Path) -> None:
    import reid

    save_network(EmbeddingNetwork(NetworkSpec(backbone="test_efficientnet", height=64, width=96)), tmp_path)
    embedder = reid.load(tmp_path)
    path = season / crops_of(season)["path"].iloc[0]
    array = np.asarray(Image.open(path))
    np.testing.assert_allclose(embedder.embed(path), embedder.embed(array), atol=1e-5)
    np.testing.assert_allclose(embedder.embed([path, path])[1], embedder.embed([array])[0], atol=1e-5)
    assert embedder.embed(crops_of(season), season).shape == (8, embedder.size)
    turning = tmp_path / "turning"
    spec = NetworkSpec("test_efficientnet", height=64, width=96, face="left", flank=True)
    save_network(EmbeddingNetwork(spec), turning)
    embedder = reid.load(turning)
    for flank in ("unknown", "left", "right", ["right"]):
        one = embedder.embed(path, orientation=flank)
        np.testing.assert_allclose(one, embedder.embed(array, orientation=flank), atol=1e-5)
    mirrored = np.ascontiguousarray(array[:, ::-1])
    turned = embedder.embed(array, orientation="right")
    # resized and then mirrored, or mirrored and then resized, differ by a rounded grey level here and there
    assert (turned @ embedder.embed(mirrored, orientation="left").T).item() > 0.9999
    for wrong, words in (("lift", "'lift' is unknown"), (["left", "right"], "2 flanks for 1 photos")):
        with pytest.raises(reid.ReidError, match=words):
            embedder.embed(array, orientation=wrong)
    with pytest.raises(reid.ReidError, match=r"expected \(h, w, 3\)"):
        embedder.embed(array[..., :2])

"""Torsos: cutting them out against a plain reference, what cannot be one, and what the shipped finder finds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import reid
from reid.embed.embedder import Embedder
from reid.embed.flank import read_flanks
from reid.embed.framing import framed, reduced
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.torso import HEIGHT, WHOLE, WIDTH, TorsoFinder, cut_torso, load_finder, look, plausible
from reid.embed.way import plain_way
from reid.embed.weights import LoadedNetwork, fingerprint, load_network, save_network
from reid.errors import ConfigError, FormatError, MissingPartError
from reid.photos import read_photo

SPEC = NetworkSpec("test_efficientnet", height=64, width=96, face="left", frame="torso")


def scene(x: float, y: float, long: float, tall: float, tilt: float, width: int = 400, height: int = 300) -> np.ndarray:
    """A picture whose red and green say where on a tilted torso each pixel lies, from 55 to 205; outside both are 20."""
    c, s = np.cos(tilt), np.sin(tilt)
    px, py = np.meshgrid(np.arange(width) + 0.5 - x, np.arange(height) + 0.5 - y)
    along, down = (px * c + py * s) / long, (-px * s + py * c) / tall
    picture = np.full((height, width, 3), 20, np.uint8)
    inside = (np.abs(along) <= 1) & (np.abs(down) <= 1)
    picture[inside, 0] = np.round(130 + 75 * along[inside])
    picture[inside, 1] = np.round(130 + 75 * down[inside])
    return picture


def numbers(
    x: float, y: float, long: float, tall: float, tilt: float, width: int = 400, height: int = 300
) -> np.ndarray:
    c, s = np.cos(tilt), np.sin(tilt)
    return np.array([x, y, long * c, long * s, -tall * s, tall * c]) / np.tile([width, height], 3)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("size", [(40, 60), (160, 256)], ids=["smaller", "larger"])
@settings(deadline=None)
@given(st.floats(170, 230), st.floats(130, 170), st.floats(80, 140), st.floats(50, 90), st.floats(-0.6, 0.6))
def test_a_torso_is_straightened_and_fills_the_result(
    size: tuple[int, int], mirror: bool, x: float, y: float, long: float, tall: float, tilt: float
) -> None:
    place = (x, y, long, tall, tilt)
    reach = np.abs([long * np.cos(tilt), long * np.sin(tilt)]) + np.abs([tall * np.sin(tilt), tall * np.cos(tilt)])
    assume((reach < [min(x, 400 - x), min(y, 300 - y)]).all())  # beyond the picture there is nothing to straighten
    cut = cut_torso(scene(*place), numbers(*place), *size, mirror=mirror, margin=0.0).astype(float)
    height, width = size
    along = np.linspace(-1 + 1 / width, 1 - 1 / width, width) * (-1 if mirror else 1)
    down = np.linspace(-1 + 1 / height, 1 - 1 / height, height)
    edge = 5  # pixels that blend with what lies around
    inner = np.s_[edge:-edge, edge:-edge]
    assert np.abs(cut[..., 0] - (130 + 75 * along)[None])[inner].max() < 6
    assert np.abs(cut[..., 1] - (130 + 75 * down)[:, None])[inner].max() < 6


def test_the_whole_crop_without_a_margin_is_the_resized_crop() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 3)
    cut = cut_torso(picture, WHOLE, 90, 120, margin=0.0)
    np.testing.assert_array_equal(cut, picture)
    np.testing.assert_array_equal(cut_torso(picture, WHOLE, 90, 120, mirror=True, margin=0.0), picture[:, ::-1])


def test_a_large_torso_does_not_alias() -> None:
    """Fine stripes become an even grey, as their mean is."""
    picture = np.zeros((800, 1200, 3), np.uint8)
    picture[:, ::2] = 200
    cut = cut_torso(picture, WHOLE, 80, 120, margin=0.0)[5:-5, 5:-5]
    assert np.abs(cut.astype(int) - 100).max() <= 10  # one pixel of so many would be 0 or 200


def test_a_torso_without_area_is_refused() -> None:
    with pytest.raises(ConfigError, match="no area"):
        cut_torso(np.zeros((50, 50, 3), np.uint8), (0.5, 0.5, 0.4, 0.0, 0.4, 0.0), 10, 10)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=6, max_size=6))
def test_what_is_plausible_can_be_cut(values: list[float]) -> None:
    torso = np.array([values], np.float32)
    if plausible(torso)[0]:
        assert cut_torso(np.zeros((60, 80, 3), np.uint8), torso[0], 32, 48).shape == (32, 48, 3)


def test_the_shipped_finder_finds_the_jaguars_torsos(jaguars: Path) -> None:
    """On photos that it never saw: the torso is smaller than the crop, lies in its middle and covers spots; mirrored, it is mirrored."""
    boxes = {
        image["file"]: image["detections"][0]["bbox"]
        for image in json.loads((jaguars / "megadetector.json").read_text())["images"]
        if image["detections"]
    }
    pictures = []
    for name, (x, y, w, h) in boxes.items():
        photo = read_photo(jaguars / name)
        rows, columns = photo.shape[:2]
        pictures.append(photo[int(y * rows) : round((y + h) * rows), int(x * columns) : round((x + w) * columns)])
    turned = [np.ascontiguousarray(p[:, ::-1]) for p in pictures]
    torsos, other = look(pictures), look(turned)
    flanks, other_flanks = read_flanks(pictures), read_flanks(turned)
    area = 4 * (torsos[:, 2] * torsos[:, 5] - torsos[:, 3] * torsos[:, 4])
    assert 0.15 < np.median(area) < 0.75
    assert np.abs(torsos[:, :2] - 0.5).max() < 0.35
    mirrored = other * (-1, 1, 1, -1, -1, 1) + (1, 0, 0, 0, 0, 0)
    assert np.median(np.abs(mirrored - torsos).max(1)) < 0.12
    np.testing.assert_allclose(flanks.sum(1), 1, atol=1e-5)
    sides = np.maximum(flanks[:, :2].max(1), other_flanks[:, :2].max(1)) > 0.8
    assert sides.sum() >= len(pictures) / 2
    assert (flanks[sides, :2].argmax(1) != other_flanks[sides, :2].argmax(1)).mean() > 0.8


def network_of(torsos: bool, tmp_path: Path) -> LoadedNetwork:
    torch.manual_seed(0)
    save_network(EmbeddingNetwork(SPEC if torsos else replace(SPEC, frame="whole")), tmp_path / str(torsos))
    return load_network(tmp_path / str(torsos))


def test_inputs_of_a_network_that_sees_torsos(paint_coat: object, tmp_path: Path) -> None:
    pictures = [np.random.default_rng(n).integers(0, 256, (400, 500 + 40 * n, 3), np.uint8) for n in range(3)]
    kept = [reduced(picture, SPEC) for picture in pictures]
    assert max(max(picture.shape) for picture in kept) <= 192
    way = plain_way(network_of(True, tmp_path), 4)
    images, flanks = framed(kept, ["left", "right", "unknown"], SPEC, way, batch=4)
    assert images.shape == (4, 3, 64, 96) and not images[3].any() and flanks is not None
    torsos = look(kept, 4)
    for n, (mirror, picture) in enumerate(zip((False, True), kept, strict=False)):
        np.testing.assert_array_equal(images[n].transpose(1, 2, 0), cut_torso(picture, torsos[n], 64, 96, mirror))
        assert flanks[n].tolist() == [0, 0, 0, 0, 1]
    assert flanks[2].sum() == pytest.approx(1, abs=1e-5) and flanks[2, 4] != 1


def test_vectors_do_not_depend_on_neighbours_or_files(jaguars: Path, tmp_path: Path) -> None:
    embedder = Embedder(network_of(True, tmp_path))
    paths = sorted(jaguars.glob("*/*.jpg"))[:3]
    vectors = embedder.embed(paths)
    np.testing.assert_allclose(vectors[:1], embedder.embed(paths[0]), atol=1e-6)
    arrays = [np.asarray(read_photo(path)) for path in paths]
    np.testing.assert_allclose(vectors, embedder.embed(arrays), atol=1e-5)
    known = embedder.embed(paths, orientation=["left", "right", "left"])
    assert known.shape == vectors.shape and np.isfinite(known).all()


def test_the_finder_is_part_of_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = network_of(True, tmp_path)
    assert first.fingerprint != network_of(False, tmp_path).fingerprint
    monkeypatch.setattr("reid.embed.weights.finder_fingerprint", lambda: "another")
    assert fingerprint(first.network) != first.fingerprint


def test_vectors_are_kept_by_the_head_that_turned_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = network_of(True, tmp_path)
    monkeypatch.setattr("reid.embed.weights.reader_fingerprint", lambda: "another")
    again = load_network(tmp_path / "True")
    assert again.fingerprint == first.fingerprint and again.flank_fingerprint != first.flank_fingerprint
    assert network_of(False, tmp_path).flank_fingerprint == ""


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="told from the whole crop"):
        NetworkSpec(frame="torso", flank=True)
    with pytest.raises(ConfigError, match="frame='body' is unknown"):
        NetworkSpec(frame="body")
    assert NetworkSpec.from_dict(SPEC.to_dict()) == SPEC
    assert {"frame", "level"}.isdisjoint(NetworkSpec().to_dict())


def test_a_missing_or_broken_finder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match="lacks"):
        load_finder.__wrapped__(tmp_path / "torso.safetensors")
    (tmp_path / "torso.safetensors").write_bytes(b"nothing")
    (tmp_path / "torso.json").write_text("{}")
    with pytest.raises(FormatError, match="does not fit"):
        load_finder.__wrapped__(tmp_path / "torso.safetensors")


def test_a_level_cuts_the_backbone_off() -> None:
    images = torch.zeros(1, 3, 64, 96)
    whole = EmbeddingNetwork(NetworkSpec("tf_efficientnet_lite0")).eval()
    cut = EmbeddingNetwork(NetworkSpec("tf_efficientnet_lite0", level=4)).eval()
    assert cut.backbone_size == 112 and cut.feature_map(images).shape == (1, 112, 4, 6)
    assert sum(w.numel() for w in cut.parameters()) < 0.35 * sum(w.numel() for w in whole.parameters())
    import timm

    plain = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(3,)).eval()
    state = {k: v for k, v in cut.backbone.state_dict().items() if k in plain.state_dict()}
    plain.load_state_dict(state, strict=False)
    with torch.inference_mode():
        assert torch.allclose(plain(images + 0.3)[0], cut.feature_map(images + 0.3), atol=1e-5)
    with pytest.raises(ConfigError, match="5 levels"):
        EmbeddingNetwork(NetworkSpec("tf_efficientnet_lite0", level=9))
    with pytest.raises(ConfigError, match="pooling=own"):
        NetworkSpec(level=2, pooling="own")


def test_raw_answers_begin_at_the_whole_crop() -> None:
    finder = TorsoFinder().eval()
    torch.nn.init.zeros_(finder.torso.weight)
    torch.nn.init.zeros_(finder.torso.bias)
    found = finder(torch.zeros(1, 3, HEIGHT, WIDTH, dtype=torch.uint8))
    assert found[0].tolist() == list(WHOLE)
    assert reid.__version__

"""The head for the flank: mirroring, the shipped weights on real photos, learning, calibration, measures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from reid.embed.flank import WEIGHTS, flank_of, load_flank_head
from reid.embed.heads import FlankHead
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.preprocess import preprocess
from reid.embed.weights import fingerprint, load_network
from reid.errors import ConfigError, FingerprintError, FormatError, MissingPartError
from reid.photos import read_photo
from reid.tables import FLANKS
from reid.train.flank import (
    FlankTraining,
    fit_head,
    fit_temperature,
    folds,
    head_logits,
    held_out_logits,
    measure,
    scale,
)
from reid.train.flank_data import FlankCrop, _facing
from reid.train.flank_views import Maps, view

ROOT = Path(__file__).resolve().parents[2]
JAGUARS = ROOT / "samples" / "jaguars"
LEFT, RIGHT, FRONT, BACK, UNKNOWN = range(5)

CLEAR = {
    "left": (
        "AREAS_17/20051011_0438",
        "AREAS_28/20051017_1554",
        "RL_1/20051028_2159",
        "RL_10/20051029_0045",
        "RL_5/20051003_1721",
    ),
    "right": (
        "AABP_13/20051007_1205",
        "AABP_9/20051024_0559",
        "AREAS_21/20051019_1443",
        "AREAS_27/20051011_0438",
        "RL_10/20051003_1721",
        "RL_11/20051009_2329",
        "RL_5/20051029_0045",
    ),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Heads this small are slower on many threads, and round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network() -> EmbeddingNetwork:
    """The network with the shipped head, however it came by it."""
    loaded = load_network("lite0-imagenet").network
    load_flank_head(loaded)
    return loaded


@pytest.fixture(scope="module")
def jaguars(network: EmbeddingNetwork) -> tuple[np.ndarray, list[str]]:
    """Network inputs (n, 3, 224, 224) of the jaguars whose flank anyone can see, and the flanks."""
    detected = json.loads((JAGUARS / "megadetector.json").read_text(encoding="utf-8"))
    boxes = {image["file"]: image["detections"][0]["bbox"] for image in detected["images"]}
    inputs, names = [], []
    for name, photos in CLEAR.items():
        for stem in photos:
            photo = read_photo(JAGUARS / f"{stem}.jpg")
            height, width = photo.shape[:2]
            x, y, w, h = boxes[f"{stem}.jpg"]
            crop = photo[int(y * height) : int((y + h) * height), int(x * width) : int((x + w) * width)]
            inputs.append(preprocess(crop, network.spec))
            names.append(name)
    return np.stack(inputs), names


def test_a_mirrored_map_exchanges_left_and_right_whatever_the_weights() -> None:
    torch.manual_seed(1)
    head = FlankHead(24).eval()
    features = torch.randn(6, 24, 7, 7)
    with torch.inference_mode():
        plain, mirrored = head(features), head(features.flip(-1))
    assert torch.allclose(mirrored, plain[:, [RIGHT, LEFT, FRONT, BACK, UNKNOWN]], atol=1e-6)
    assert (plain[:, LEFT] - plain[:, RIGHT]).abs().min() > 1e-4, "the head cannot tell the sides at all"


def test_a_picture_that_is_its_own_mirror_image_has_no_side() -> None:
    head = FlankHead(8).eval()
    features = torch.randn(4, 8, 7, 7)
    features = features + features.flip(-1)
    with torch.inference_mode():
        logits = head(features)
    assert torch.allclose(logits[:, LEFT], logits[:, RIGHT], atol=1e-5)


def test_the_shipped_head_tells_the_clear_jaguars(
    network: EmbeddingNetwork, jaguars: tuple[np.ndarray, list[str]]
) -> None:
    inputs, truth = jaguars
    with torch.inference_mode():
        flanks = network.embed(torch.from_numpy(inputs)).flanks
        mirrored = network.embed(torch.from_numpy(inputs[..., ::-1].copy())).flanks
    names, sure = flank_of(flanks.numpy(), least=0)
    assert sum(a == b for a, b in zip(names, truth, strict=True)) >= CLEAR_RIGHT - 1
    swapped, _ = flank_of(mirrored.numpy(), least=0)
    opposite = [{"left": "right", "right": "left"}[name] for name in truth]
    assert sum(a == b for a, b in zip(swapped, opposite, strict=True)) >= CLEAR_RIGHT - 1
    assert np.allclose(flanks.numpy().sum(1), 1, atol=1e-5)
    assert np.allclose(flanks.numpy().max(1), sure)


CLEAR_RIGHT = 12
"""How many of the twelve the shipped head was seen to tell."""


def test_black_grey_and_noise_show_no_flank(network: EmbeddingNetwork) -> None:
    images = np.zeros((3, 3, 224, 224), np.uint8)
    images[1] = 120
    images[2] = np.random.default_rng(0).integers(0, 12, (3, 224, 224))
    with torch.inference_mode():
        flanks = network.embed(torch.from_numpy(images)).flanks
    assert flank_of(flanks.numpy())[0] == ["unknown"] * 3


def test_the_head_changes_no_vector(network: EmbeddingNetwork) -> None:
    card = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))
    assert fingerprint(network) == card["fingerprint"]
    assert network.spec.flank
    assert card["licence"] == "CC BY-NC-SA 4.0"
    assert WEIGHTS.stat().st_size < 1_000_000


def test_a_network_of_another_fingerprint_is_refused() -> None:
    network = EmbeddingNetwork(NetworkSpec())
    with pytest.raises(FingerprintError, match=fingerprint(network)):
        load_flank_head(network)
    assert network.flank_head is None


def test_missing_or_broken_files_are_named(network: EmbeddingNetwork, tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    with pytest.raises(MissingPartError, match=r"head\.safetensors"):
        load_flank_head(network, path)
    path.write_bytes(b"not weights")
    path.with_suffix(".json").write_text("{}", encoding="utf-8")
    with pytest.raises(FormatError, match=r"head\.json"):
        load_flank_head(network, path)
    path.with_suffix(".json").write_text(json.dumps({"fingerprint": fingerprint(network)}), encoding="utf-8")
    with pytest.raises(FormatError, match=r"head\.safetensors"):
        load_flank_head(network, path)


@pytest.mark.parametrize(
    ("rows", "least", "expected"),
    [
        (np.zeros((0, 5)), 0.6, []),
        ([[0.9, 0.1, 0, 0, 0]], 0.6, ["left"]),
        ([[0.1, 0.6, 0.3, 0, 0]], 0.6, ["right"]),
        ([[0.1, 0.59, 0.31, 0, 0]], 0.6, ["unknown"]),
        ([[0.1, 0.59, 0.31, 0, 0]], 0.5, ["right"]),
        ([[0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]], 0.6, ["front", "back", "unknown"]),
    ],
)
def test_flank_of(rows: object, least: float, expected: list[str]) -> None:
    names, top = flank_of(np.asarray(rows, float), least)
    assert names == expected
    assert top.shape == (len(expected),)


@pytest.mark.parametrize(("shape", "least"), [((2, 4), 0.6), ((5,), 0.6), ((2, 5), 1.1), ((2, 5), -0.1)])
def test_flank_of_refuses(shape: tuple[int, ...], least: float) -> None:
    with pytest.raises(ConfigError):
        flank_of(np.zeros(shape), least)


QUICK = FlankTraining(epochs=25, batch=32, rate=1e-2, decay=0, dropout=0, smoothing=0)


def toy(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Maps whose first channel lights up left, right, in the middle, at both ends, or nowhere."""
    rng = np.random.default_rng(seed)
    flank = rng.integers(0, 5, count)
    features = rng.normal(0, 0.3, (count, 6, 7, 7)).astype(np.float32)
    for row, side in enumerate(flank):
        for column in {LEFT: (0, 1), RIGHT: (5, 6), FRONT: (3,), BACK: (0, 6), UNKNOWN: ()}[int(side)]:
            features[row, 0, rng.integers(0, 4) :, column] += 4
    return features, flank


def test_training_learns_where_the_head_is() -> None:
    features, flank = toy(300, 0)
    fresh, truth = toy(200, 1)
    head = fit_head(features, flank, QUICK)
    assert (head_logits(head, fresh).argmax(1) == truth).mean() > 0.9


def test_the_same_input_gives_the_same_head_and_another_seed_another() -> None:
    features, flank = toy(64, 0)
    one, again, other = (
        head_logits(fit_head(features, flank, replace(QUICK, epochs=2, dropout=0.3, seed=seed)), features)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_rows_without_weight_do_not_teach() -> None:
    features, flank = toy(400, 2)
    wrong = flank.copy()
    wrong[200:] = (wrong[200:] + 1) % 5
    head = fit_head(features, wrong, QUICK, np.where(np.arange(400) < 200, 1.0, 1e-6))
    fresh, truth = toy(200, 3)
    assert (head_logits(head, fresh).argmax(1) == truth).mean() > 0.8


def test_held_out_rows_are_not_learned_by_heart() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(150, 6, 7, 7)).astype(np.float16)
    flank = rng.integers(0, 2, 150)
    maps = Maps(features, flank, np.arange(150), np.zeros(150, int))
    part = np.arange(150) % 3
    part[:30] = -1
    logits = held_out_logits(maps, part, QUICK)
    assert np.isnan(logits[:30]).all() and not np.isnan(logits[30:]).any()
    # labels drawn by lot cannot be told by a head that never saw them
    assert (logits[30:].argmax(1) == flank[30:]).mean() < 0.7
    head = fit_head(features, flank, QUICK)
    assert (head_logits(head, features).argmax(1) == flank).mean() > 0.9


def test_a_group_is_never_split_between_folds() -> None:
    crops = [FlankCrop(name, Path("x.jpg"), None, "left", f"{name} {k % 13}") for name in ("a", "b") for k in range(60)]
    crops += [FlankCrop("c", Path("y.jpg"), None, "unknown", "a 3")]
    part = folds(crops, 5)
    for group in {crop.group for crop in crops}:
        assert len({part[n] for n, crop in enumerate(crops) if crop.group == group}) == 1
    for name in ("a", "b"):
        assert {part[n] for n, crop in enumerate(crops) if crop.dataset == name} == set(range(5))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.3, 4))
def test_the_temperature_that_was_put_in_comes_out(seed: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, (6000, 5))
    flank = (softmax(true, axis=1).cumsum(1) > rng.random((6000, 1))).argmax(1)
    assert fit_temperature(true * temperature, flank) == pytest.approx(temperature, rel=0.12)


def test_scaling_divides_the_logits() -> None:
    head = FlankHead(6).eval()
    features, _ = toy(8, 0)
    before = head_logits(head, features)
    scale(head, 2.5)
    assert np.allclose(head_logits(head, features), before / 2.5, atol=1e-6)


def test_measures_of_a_worked_example() -> None:
    # probabilities: 0.95 left (is left), 0.92 right (is left), 0.6 right (is right), 0.8 front (is front)
    rows = np.array(
        [
            [0.95, 0.02, 0.01, 0.01, 0.01],
            [0.05, 0.92, 0.01, 0.01, 0.01],
            [0.10, 0.60, 0.10, 0.10, 0.10],
            [0.05, 0.05, 0.80, 0.05, 0.05],
        ]
    )
    found = measure(np.log(rows), np.array([LEFT, LEFT, RIGHT, FRONT]))
    assert found["crops"] == 4 and found["sides"] == 3
    assert found["accuracy"] == 0.75
    assert found["left_or_right"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["sure"] == 0.5
    assert found["wrong_where_sure"] == 0.5
    # the bin from 0.9 holds 1.87 of probability and 1 right; the others 0.4 and 0.2 too little
    assert found["calibration_error"] == pytest.approx((0.87 + 0.4 + 0.2) / 4, abs=1e-4)


def test_measures_of_nothing_are_null() -> None:
    found = measure(np.zeros((0, 5)), np.zeros(0, int))
    assert found["accuracy"] is None and found["left_or_right"] is None and found["wrong_where_sure"] is None


def test_facing_from_body_points() -> None:
    points = np.zeros((15, 3))
    points[[2, 7, 13]] = [(10, 5, 2), (90, 8, 2), (110, 45, 2)]
    assert _facing(points.ravel()) == "left"
    points[:, 0] = 120 - points[:, 0]
    assert _facing(points.ravel()) == "right"
    points[[2, 7, 13], 0] = (50, 52, 54)
    assert _facing(points.ravel()) == "steep"
    points[2, 2] = 0
    assert _facing(points.ravel()) is None


def test_views_stay_pictures_and_repeat() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    assert np.array_equal(view(photo, (20, 10, 50, 40)), photo[10:50, 20:70])
    for seed in range(30):
        one, two = (view(photo, (100, 50, 60, 40), np.random.default_rng(seed)) for _ in range(2))
        assert one.dtype == np.uint8 and one.ndim == 3 and one.shape[2] == 3 and min(one.shape[:2]) >= 2
        assert np.array_equal(one, two)
    assert len(FLANKS) == 5

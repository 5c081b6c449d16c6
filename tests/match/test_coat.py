"""Coats: a plain loop says the same, the window holds, descriptions are kept, and files that do not fit are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import reid.match.coats as module
from reid.embed.torso import WHOLE
from reid.errors import FormatError, InputError
from reid.match import Coats, nearest
from reid.match.coat import (
    COLUMNS,
    PLACES,
    REACH,
    ROWS,
    SIZE,
    CoatNetwork,
    LoadedCoat,
    describe,
    likeness,
    load_coat,
    neighbours,
    save_coat,
)


@pytest.fixture(scope="module")
def network() -> CoatNetwork:
    torch.manual_seed(0)
    return CoatNetwork().eval()


def places(seed: int, count: int = 1) -> np.ndarray:
    """Descriptions drawn at random."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(count, PLACES, SIZE + 1))
    found[:, :, :SIZE] /= np.linalg.norm(found[:, :, :SIZE], axis=2, keepdims=True)
    found[:, :, SIZE] = rng.uniform(0.2, 2, (count, PLACES))
    return found.astype(np.float16)


def plain_likeness(a: np.ndarray, b: np.ndarray, steep: float) -> float:
    """The definition, place by place."""
    a, b = a.astype(float), b.astype(float)
    sides = []
    for one, other in ((a, b), (b, a)):
        total = 0.0
        for place in range(PLACES):
            row, column = divmod(place, COLUMNS)
            best = -1.0
            for r in range(max(0, row - REACH[0]), min(ROWS, row + REACH[0] + 1)):
                for c in range(max(0, column - REACH[1]), min(COLUMNS, column + REACH[1] + 1)):
                    best = max(best, float(one[place, :SIZE] @ other[r * COLUMNS + c, :SIZE]))
            total += one[place, SIZE] * np.exp(steep * (best - 1))
        sides.append(total / one[:, SIZE].sum())
    return float(np.sqrt(sides[0] * sides[1]))


def test_likeness_equals_a_plain_loop(network: CoatNetwork) -> None:
    query, others = places(0)[0], places(1, 5)
    found = likeness(query, others, network, chunk=2)
    steep = float(network.steep.detach())
    assert found == pytest.approx([plain_likeness(query, other, steep) for other in others], rel=1e-4)
    assert likeness(others[0], query[None], network)[0] == pytest.approx(found[0], rel=1e-5)
    assert likeness(query, query[None], network)[0] == pytest.approx(1, abs=2e-3)
    assert likeness(query, others[:0], network).shape == (0,)


def test_what_moves_within_reach_counts_and_beyond_does_not(network: CoatNetwork) -> None:
    coat = places(2)[0].reshape(ROWS, COLUMNS, SIZE + 1)
    coat[:, :, SIZE] = 1
    said = {}
    for step in (REACH[1], REACH[1] + 1):
        moved = np.roll(coat, step, axis=1)
        said[step] = likeness(coat.reshape(PLACES, -1), moved.reshape(1, PLACES, -1), network)[0]
    # all but the columns that the roll has carried around
    assert said[REACH[1]] > (COLUMNS - REACH[1]) / COLUMNS
    assert said[REACH[1] + 1] < 0.3
    assert neighbours()[0].sum() == (REACH[0] + 1) * (REACH[1] + 1)


def test_a_description_does_not_depend_on_its_neighbours(network: CoatNetwork) -> None:
    images = np.random.default_rng(0).integers(0, 255, (11, 3, 192, 320), np.uint8)
    together = describe(images, network)
    assert together.shape == (11, PLACES, SIZE + 1)
    assert (describe(images[9:10], network) == together[9]).all()
    assert np.linalg.norm(together[:, :, :SIZE].astype(float), axis=2) == pytest.approx(1, abs=2e-3)
    assert together[:, :, SIZE].astype(float).mean(1) == pytest.approx(1, abs=2e-3)


def test_coats_are_described_once_and_a_lost_photo_is_a_row(network: CoatNetwork, tmp_path: Path) -> None:
    asked: list[str] = []
    pictures = {name: np.random.default_rng(n).integers(0, 255, (60, 90, 3), np.uint8) for n, name in enumerate("ab")}

    def picture(crop_id: str, longest: int) -> np.ndarray:
        asked.append(crop_id)
        if crop_id == "lost":
            raise InputError("the photo lost.jpg cannot be decoded")
        return pictures[crop_id]

    crops: dict[str, dict[str, Any]] = {
        name: {"content_hash": name, "bbox": [0.0, 0.0, 90.0, 60.0], "orientation": "left", "path": f"{name}.jpg"}
        for name in ("a", "b", "lost")
    }
    loaded = LoadedCoat(network, "f" * 16, {})
    pairs = pd.DataFrame({"query": ["a", "a", "a", "lost"], "candidate": ["a", "b", "lost", "b"]})
    first = Coats(loaded, crops, picture, tmp_path)
    problems = first.prepare(["a", "b", "lost"])
    assert problems[["stage", "path"]].to_numpy().tolist() == [["match", "lost.jpg"]]
    found = first.compare(pairs)
    assert found[0] == pytest.approx(1, abs=2e-3)
    assert 0 < found[1] < found[0]
    assert np.isnan(found[2:]).all()
    asked.clear()
    again = Coats(loaded, crops, picture, tmp_path)
    again.prepare(["a", "b", "lost"])
    assert asked == ["lost"]
    np.testing.assert_array_equal(again.compare(pairs), found)
    # another flank is another cut, and another network another description
    crops["a"]["orientation"] = "right"
    assert not again.has("a")
    assert not Coats(LoadedCoat(network, "e" * 16, {}), crops, picture, tmp_path).has("b")


def test_coats_are_compared_once_and_a_new_photo_with_the_others_alone(
    network: CoatNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(4)
    names = list("abcdefg")
    pictures = {name: random.integers(0, 255, (60, 90, 3), np.uint8) for name in names}
    crops: dict[str, dict[str, Any]] = {
        name: {"content_hash": name, "bbox": [0.0, 0.0, 90.0, 60.0], "orientation": "left", "path": f"{name}.jpg"}
        for name in names
    }
    loaded = LoadedCoat(network, "f" * 16, {})
    compared: list[int] = []
    plain = module.likeness

    def counted(query: np.ndarray, others: np.ndarray, network: CoatNetwork) -> np.ndarray:
        compared.append(len(others))
        return plain(query, others, network)

    monkeypatch.setattr(module, "likeness", counted)
    monkeypatch.setattr(module, "PART", 2)  # more than one part of queries

    def asked(among: list[str], cache: Path | None) -> tuple[pd.DataFrame, np.ndarray]:
        coats = Coats(loaded, crops, lambda crop_id, longest: pictures[crop_id], cache)
        coats.prepare(among)
        pairs = pd.DataFrame([(a, b) for a in among for b in among if a < b], columns=["query", "candidate"])
        return pairs, coats.compare(pairs)

    pairs, first = asked(names[:5], tmp_path)
    assert sum(compared) == len(pairs) == 10
    compared.clear()
    np.testing.assert_array_equal(asked(names[:5], tmp_path)[1], first)
    assert compared == []
    pairs, grown = asked(names, tmp_path)
    assert sum(compared) == len(pairs) - 10
    np.testing.assert_array_equal(grown, asked(names, None)[1])


def test_a_right_flank_is_turned_before_it_is_described(network: CoatNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reid.match.coats.look", lambda pictures, batch: np.tile(WHOLE, (len(pictures), 1)))
    picture = np.random.default_rng(3).integers(0, 255, (160, 240, 3), np.uint8)
    shown = {"left": np.ascontiguousarray(picture[:, ::-1]), "right": picture}
    crops: dict[str, dict[str, Any]] = {
        name: {"content_hash": name, "bbox": [0.0, 0.0, 240.0, 160.0], "orientation": name, "path": f"{name}.jpg"}
        for name in ("left", "right")
    }
    coats = Coats(LoadedCoat(network, "f" * 16, {}), crops, lambda crop_id, longest: shown[crop_id])
    coats.prepare(["left", "right"])
    pair = pd.DataFrame({"query": ["left"], "candidate": ["right"]})
    assert coats.compare(pair)[0] == pytest.approx(1, abs=2e-3)


def test_files_come_back_and_others_are_refused(network: CoatNetwork, tmp_path: Path) -> None:
    fingerprint = save_coat(network, tmp_path / "run", {"licence": "none"})
    loaded = load_coat(str(tmp_path / "run"))
    assert loaded.fingerprint == fingerprint
    assert loaded.card["licence"] == "none"
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], value.half().to(value.dtype))
    with pytest.raises(InputError, match="lacks coat"):
        load_coat(str(tmp_path))
    (tmp_path / "run" / "coat.safetensors").write_bytes(b"nothing")
    load_coat.cache_clear()
    with pytest.raises(FormatError, match="does not fit"):
        load_coat(str(tmp_path / "run"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 9)), max_size=20), st.integers(1, 3))
def test_nearest_keeps_the_best_of_either_end(rows: list[tuple[int, int, int]], most: int) -> None:
    unique = list({frozenset((a, b)): (a, b, s) for a, b, s in rows if a != b}.values())
    pairs = pd.DataFrame(unique, columns=["query", "candidate", "score"]).astype({"score": float})
    kept = nearest(pairs, "score", most)
    for row, (a, b, score) in enumerate(unique):
        better = [
            sum(end in other[:2] and (-other[2], n) < (-score, row) for n, other in enumerate(unique)) for end in (a, b)
        ]
        assert kept[row] == (min(better) < most)

"""Data sets of three layouts, their identity spaces, and bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from reid.errors import FormatError, InputError, TableError
from reid.train.classes import LabelSettings, usable
from reid.train.datasets import labels_hash, read_data_sets, set_names


def photo(path: Path, seed: int, height: int = 20, width: int = 30) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


@pytest.fixture
def three(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The same four labels as folders, CSV and COCO, in a data set each."""
    labels = [("Ana", "left", 0), ("Ana", "right", 1), ("Bea", "left", 2), ("Bea", "unknown", 3)]
    folder, csv, coco = tmp_path / "folders", tmp_path / "table" / "labels.csv", tmp_path / "coco" / "labels.json"
    rows, images, annotations = [], [], []
    for name, flank, n in labels:
        photo(folder / name / (flank if flank != "unknown" else "") / f"{n}.png", n)
        photo(csv.parent / f"{n}.png", n)
        photo(coco.parent / f"{n}.png", n)
        rows.append({"path": f"{n}.png", "identity": name, "orientation": flank})
        images.append({"id": 10 + n, "file_name": f"{n}.png"})
        annotations.append({"image_id": 10 + n, "attributes": {"identity": name, "viewpoint": flank}})
    pd.DataFrame(rows).to_csv(csv, index=False)
    coco.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    return folder, csv, coco


def test_layouts_say_the_same(three: tuple[Path, Path, Path]) -> None:
    tables = []
    for source in three:
        frame, lost = read_data_sets([str(source)])
        assert not len(lost)
        shown = frame.sort_values("content_hash")[["content_hash", "identity", "orientation", "bbox"]]
        tables.append(shown.reset_index(drop=True).astype(str))
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_identities_of_two_sets_are_not_the_same(three: tuple[Path, Path, Path]) -> None:
    frame, _ = read_data_sets([str(source) for source in three[1:]])
    assert set(frame["dataset"]) == {"table", "coco"}
    rows, _ = usable(frame, LabelSettings(least=1))
    assert set(rows["label"]) == {f"{s}/{c}" for s in ("table", "coco") for c in ("Ana/left", "Ana/right", "Bea/left")}


def test_hash_follows_the_labels_not_the_place(three: tuple[Path, Path, Path], tmp_path: Path) -> None:
    frame, _ = read_data_sets([str(three[1])])
    moved = tmp_path / "elsewhere" / "labels.csv"
    moved.parent.mkdir()
    for file in three[1].parent.iterdir():
        (moved.parent / file.name).write_bytes(file.read_bytes())
    again, _ = read_data_sets([str(moved)])
    assert labels_hash(frame) == labels_hash(again.sample(frac=1, random_state=0))
    again.loc[0, "identity"] = "Cleo"
    assert labels_hash(frame) != labels_hash(again)


@pytest.mark.parametrize("sources", [["a/x.csv", "b/a/x.csv"], []])
def test_names_that_clash_are_refused(sources: list[str]) -> None:
    with pytest.raises(InputError):
        set_names(sources)


def coco(tmp_path: Path, annotation: dict[str, Any], name: str = "0.png") -> str:
    photo(tmp_path / "0.png", 0)
    good = [{"image_id": 1, "identity": "Ana"}]
    content = {"images": [{"id": 1, "file_name": name}], "annotations": [*good, annotation]}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    return str(tmp_path / "coco.json")


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"image_id": 1, "identity": "Ana", "bbox": [40, 0, 5, 5]}, "covers no pixel"),
        ({"image_id": 1, "identity": "Ana", "bbox": [0, 0, 5, -5]}, "covers no pixel"),
        ({"image_id": 1, "identity": "Ana", "bbox": [0, 0, 0.2, 9]}, "covers no pixel"),
    ],
)
def test_box_outside_is_left_out_and_named(tmp_path: Path, annotation: dict[str, Any], reason: str) -> None:
    frame, lost = read_data_sets([coco(tmp_path, annotation)])
    assert len(frame) == 1
    assert lost["path"].tolist() == ["0.png"] and reason in lost["reason"][0]


def test_box_over_the_edge_is_clipped(tmp_path: Path) -> None:
    frame, _ = read_data_sets([coco(tmp_path, {"image_id": 1, "identity": "Ana", "bbox": [-5, 10, 50, 50]})])
    assert frame["bbox"][1] == [0.0, 10.0, 30.0, 10.0]


@pytest.mark.parametrize(
    ("annotation", "error", "words"),
    [
        ({"image_id": 9, "identity": "Ana"}, FormatError, "annotation 2: image_id 9"),
        ({"image_id": 1, "identity": "Ana", "bbox": [1, 2]}, FormatError, "annotation 2: bbox"),
        ({"image_id": 1, "identity": "Ana", "orientation": "sideways"}, FormatError, "annotation 2: flank 'sideways'"),
    ],
)
def test_coco_refuses_by_name(tmp_path: Path, annotation: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_data_sets([coco(tmp_path, annotation)])


def test_missing_and_broken_photos_are_left_out_and_named(three: tuple[Path, Path, Path]) -> None:
    csv = three[1]
    (csv.parent / "0.png").unlink()
    (csv.parent / "1.png").write_bytes(b"no picture")
    frame, lost = read_data_sets([str(csv)])
    assert frame["path"].tolist() == ["2.png", "3.png"]
    assert sorted(lost["path"]) == ["0.png", "1.png"] and lost["reason"].str.len().min() > 5


def test_all_photos_missing_is_refused(three: tuple[Path, Path, Path]) -> None:
    for file in three[1].parent.glob("*.png"):
        file.unlink()
    with pytest.raises(InputError, match="none of the photos"):
        read_data_sets([str(three[1])])


def labels(rows: list[tuple[str, str]], tmp_path: Path, extra: dict[str, list[str]] | None = None) -> pd.DataFrame:
    for n in range(len(rows)):
        photo(tmp_path / "set" / f"{n}.png", n)
    table = {
        "path": [f"{n}.png" for n in range(len(rows))],
        "identity": [name for name, _ in rows],
        "orientation": [flank for _, flank in rows],
        **(extra or {}),
    }
    pd.DataFrame(table).to_csv(tmp_path / "set" / "labels.csv", index=False)
    return read_data_sets([str(tmp_path / "set" / "labels.csv")])[0]


def test_classes_are_flanks_of_individuals(tmp_path: Path) -> None:
    frame = labels([("A", "left"), ("A", "right"), ("B", ""), ("B", "")], tmp_path)
    rows, _ = usable(frame, LabelSettings(least=1))
    assert rows["label"].tolist() == ["set/A/left", "set/A/right", "set/B", "set/B"]
    rows, _ = usable(frame, LabelSettings(least=1, by_flank=False))
    assert rows["label"].tolist() == ["set/A", "set/A", "set/B", "set/B"]


def test_what_cannot_be_learnt_from_is_left_out_with_its_reason(tmp_path: Path) -> None:
    named = [
        ("A", "left"),
        ("A", "left"),
        ("A", ""),
        ("B", "left"),
        ("C", ""),
        ("C", ""),
        ("unknown", "left"),
        ("C", ""),
    ]
    frame = labels(named, tmp_path, {"split": [*["train"] * 7, "test"]})
    rows, lost = usable(frame, LabelSettings())
    assert rows["path"].tolist() == ["0.png", "1.png", "4.png", "5.png"]
    reasons = dict(zip(lost["path"], lost["reason"], strict=True))
    assert "flank is unknown" in reasons["2.png"]
    assert "set/B/left has 1 photo" in reasons["3.png"]
    assert "individual is unknown" in reasons["6.png"]
    assert "split is not train" in reasons["7.png"]
    assert len(rows) + len(lost) == len(frame)


def test_one_crop_under_two_names_is_left_out_and_repeats_count_once(tmp_path: Path) -> None:
    frame = labels([("A", "left")] * 4 + [("B", "left")] * 3, tmp_path)
    frame.loc[1, "content_hash"] = frame["content_hash"][0]  # A's photo twice
    frame.loc[6, "content_hash"] = frame["content_hash"][2]  # one photo as A and as B
    rows, lost = usable(frame, LabelSettings())
    assert rows["path"].tolist() == ["0.png", "3.png", "4.png", "5.png"]
    reasons = dict(zip(lost["path"], lost["reason"], strict=True))
    assert "twice" in reasons["1.png"]
    assert "two individuals" in reasons["2.png"] and "two individuals" in reasons["6.png"]


SPELT = [("Cat 21", "left")] * 3 + [("cat_21", "left")] * 2 + [("Bea", "left")] * 2


def test_two_spellings_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"'Cat 21' \(3 photos\), 'cat_21' \(2 photos\)"):
        usable(labels(SPELT, tmp_path), LabelSettings())


def test_two_spellings_can_be_joined_or_kept(tmp_path: Path) -> None:
    frame = labels(SPELT, tmp_path)
    joined, _ = usable(frame, LabelSettings(spellings="join"))
    assert joined["label"].value_counts().to_dict() == {"set/Cat 21/left": 5, "set/Bea/left": 2}
    kept, _ = usable(frame, LabelSettings(spellings="keep"))
    assert kept["label"].nunique() == 3


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"at least two classes.*only 'set/A/left'"):
        usable(labels([("A", "left")] * 3 + [("B", "left")], tmp_path), LabelSettings())


def test_head_turns_animals_and_leaves_their_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a label says stands; what the head finds is only what a photo is turned by."""
    import torch

    from reid.embed.network import Embedding, EmbeddingNetwork, NetworkSpec
    from reid.embed.weights import LoadedNetwork
    from reid.tables import FLANKS
    from reid.train import facing as room

    def embed(images: torch.Tensor, told: torch.Tensor | None = None) -> Embedding:
        sure = torch.where(images.float().mean((1, 2, 3)) > 100, 0.9, 0.3)  # of facing right
        flanks = torch.zeros(len(images), len(FLANKS))
        flanks[:, FLANKS.index("right")], flanks[:, FLANKS.index("back")] = sure, 1 - sure - 0.3
        return Embedding(torch.ones(len(images), 1), flanks, torch.full((len(images),), torch.nan))

    network = EmbeddingNetwork(NetworkSpec(backbone="test_resnet", height=32, width=32, flank=True))
    network.embed = embed  # type: ignore[method-assign, assignment]
    monkeypatch.setattr(room, "load_network", lambda name: LoadedNetwork(network, name, "f" * 16, "f" * 16))
    frame = labels([("A", "left"), ("A", "left"), ("B", ""), ("B", "")], tmp_path)
    cv2.imwrite(str(tmp_path / "set" / "3.png"), np.zeros((20, 30, 3), np.uint8))
    rows, _ = usable(frame, LabelSettings(find_flanks=True))
    assert room.facing(rows, True, tmp_path / "cache").tolist() == ["left", "left", "right", "unknown"]
    assert room.facing(rows, False, tmp_path / "cache").tolist() == ["left", "left", "unknown", "unknown"]
    assert rows["label"].tolist() == ["set/A/left"] * 2 + ["set/B"] * 2

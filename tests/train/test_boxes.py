"""Training a detector: assignment and losses against plain references, data with every fault, pictures, and whole runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.ops import box_iou, generalized_box_iou_loss

from reid.cli import main
from reid.detect.coco import read_boxes
from reid.detect.network import decode, places
from reid.errors import ConfigError, FormatError, InputError
from reid.train.box_assign import assign, pair_ious
from reid.train.box_loss import box_losses, overlap_loss
from reid.train.box_scenes import Scenes, SceneSettings


def some_boxes(rng: np.random.Generator, count: int) -> torch.Tensor:
    corners = torch.from_numpy(rng.uniform(0, 90, (count, 2))).float()
    return torch.cat((corners, corners + torch.from_numpy(rng.uniform(10, 60, (count, 2))).float()), 1)


@pytest.mark.parametrize("seed", range(4))
def test_overlaps_and_their_loss_are_torchvisions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = some_boxes(rng, 15), some_boxes(rng, 15)
    torch.testing.assert_close(pair_ious(a, b), box_iou(a, b))
    torch.testing.assert_close(overlap_loss(a, b), generalized_box_iou_loss(a, b), atol=1e-5, rtol=1e-5)


def slow_assign(
    boxes: Any, said: Any, truth: Any, categories: Any, corners: Any, strides: Any
) -> tuple[list[int], list[float]]:
    """The paper's steps for one place and one box at a time."""
    places_, n = len(boxes), len(truth)
    cost, iou = np.full((places_, n), np.inf), np.zeros((places_, n))
    for p in range(places_):
        x, y = (float(corners[p, k] + 0.5) * float(strides[p]) for k in (0, 1))
        open_to = []
        for t in range(n):
            x1, y1, x2, y2 = (float(v) for v in truth[t])
            inside = x1 < x < x2 and y1 < y < y2
            reach = 2.5 * float(strides[p])
            near = abs(x - (x1 + x2) / 2) < reach and abs(y - (y1 + y2) / 2) < reach
            open_to.append((inside, near))
        if not any(i or m for i, m in open_to):
            continue
        for t, (inside, near) in enumerate(open_to):
            iou[p, t] = float(box_iou(boxes[p : p + 1], truth[t : t + 1]))
            if not (inside or near):
                continue
            shares = np.sqrt(said[p].numpy()).clip(1e-6, 1 - 1e-6)
            entropy = sum(-np.log(s) if c == int(categories[t]) else -np.log(1 - s) for c, s in enumerate(shares))
            cost[p, t] = entropy - 3 * np.log(iou[p, t] + 1e-8) + (0 if inside and near else 1e5)
    wanted: dict[int, list[int]] = {}
    for t in range(n):
        many = max(int(np.sort(iou[:, t])[-10:].sum() + 1e-6), 1)
        for p in np.argsort(cost[:, t], kind="stable")[:many]:
            if np.isfinite(cost[p, t]):
                wanted.setdefault(int(p), []).append(t)
    answers = [-1] * places_
    for p, ones in wanted.items():
        answers[p] = min(range(n), key=lambda t: cost[p, t]) if len(ones) > 1 else ones[0]
    return answers, [float(iou[p, t]) if t >= 0 else 0.0 for p, t in enumerate(answers)]


@pytest.mark.parametrize("seed", range(5))
def test_assignment_is_that_of_the_slow_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners, strides = places(128, 128)
    truth, categories = some_boxes(rng, 3), torch.tensor([0, 1, 0])
    if seed % 2:  # two animals in one place, so that places are wanted twice
        truth[1] = truth[0] + torch.tensor([3.0, 2, 5, -4])
    raw = torch.from_numpy(rng.normal(0, 1, (len(corners), 7))).float()
    raw[:, 2:4] += 1
    boxes, said = decode(raw, corners, strides)
    answers, overlaps = assign(boxes, said, truth, categories, corners, strides)
    expected, slow_overlaps = slow_assign(boxes, said, truth, categories, corners, strides)
    assert answers.tolist() == expected
    np.testing.assert_allclose(overlaps, slow_overlaps, atol=1e-5)


def test_losses_of_pictures_without_animals_and_of_perfect_ones() -> None:
    corners, strides = places(64, 64)
    raw = torch.zeros(2, len(corners), 6)
    raw[..., 4:] = -12
    empty = (torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    quiet = box_losses(raw, [empty, empty], corners, strides)
    assert sum(float(v) for v in quiet.values()) < 0.01
    # every place says the one animal as it is
    truth = torch.tensor([[16.0, 16, 48, 48]])
    raw[0, :, :2] = 32 / strides[:, None] - corners
    raw[0, :, 2:4] = (32 / strides).log()[:, None]
    raw[0, :, 5] = 12
    animal = (truth, torch.zeros(1, dtype=torch.long))
    good = box_losses(raw, [animal, empty], corners, strides)
    assert float(good["boxes"]) < 1e-5 and float(good["categories"]) < 1e-4
    raw.requires_grad_(True)
    loss = box_losses(raw, [animal, empty], corners, strides)
    sum(loss.values()).backward()  # type: ignore[union-attr]
    assert torch.isfinite(raw.grad).all() and (raw.grad[0, :, 4] < 0).any() and (raw.grad[1, :, 4] >= 0).all()


def coco(folder: Path, photos: int = 3, **others: Any) -> Path:
    """A COCO file with photos of a dark square on a bright ground."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for n in range(photos):
        x, y = (int(v) for v in rng.integers(5, 60, 2))
        picture = rng.integers(170, 220, (110, 130, 3), np.uint8)
        picture[y : y + 40, x : x + 50] = rng.integers(0, 60, (40, 50, 3))
        Image.fromarray(picture).save(folder / f"{n}.png")
        images.append({"id": n, "file_name": f"{n}.png", "width": 130, "height": 110})
        outline = [x, y, x + 50, y, x + 50, y + 40, x, y + 40]
        annotations.append(
            {"id": n, "image_id": n, "category_id": 7, "bbox": [x, y, 50, 40], "segmentation": [outline]}
        )
    content = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "leopard"}]} | others
    path = folder / "boxes.json"
    path.write_text(json.dumps(content))
    return path


def test_faults_of_a_coco_file_are_named(tmp_path: Path) -> None:
    path = coco(tmp_path)
    content = json.loads(path.read_text())
    (tmp_path / "bad.png").write_bytes(b"no photo")
    content["images"] += [
        {"id": 10, "file_name": "missing.png"},
        {"id": 11, "file_name": "bad.png"},
        {"id": 12, "file_name": "0.png", "width": 999, "height": 110},
    ]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"image_id": 99, "bbox": [0, 0, 5, 5]}, "no image has its image_id 99"),
        ({"bbox": [200, 0, 30, 30]}, "outside the photo of 130 by 110"),
        ({"bbox": [0, 0, 0, 30]}, "an empty box"),
        ({"bbox": [0, 0, 30, -2]}, "an empty box"),
        ({"bbox": [0, 0, 1, 30]}, "smaller than 2 pixels"),
        ({"bbox": [0, 0, 30]}, "expected four numbers"),
        ({"bbox": None}, "expected four numbers"),
        ({"bbox": ["a", 0, 1, 1]}, "expected four numbers"),
        ({"bbox": [0, 0, float("nan"), 5]}, "expected four numbers"),
        ({"bbox": [0, 0, 9, 9], "category_id": 8}, "category_id 8 is not among"),
        ({"bbox": [0, 0, 9, 9], "iscrowd": 1}, "a crowd"),
        ({"bbox": [100, 80, 60, 20]}, "reaching beyond the photo"),
    ]
    content["annotations"] += [{"image_id": 1, "category_id": 7, **row} for row, _ in wrong]
    path.write_text(json.dumps(content))
    found = read_boxes(path, ["animal"])
    reasons = [reason for _, reason in found.left_out]
    assert all(any(said in reason for reason in reasons) for _, said in wrong), reasons
    assert {p for p, _ in found.left_out} >= {"missing.png", "bad.png", "0.png"}
    # three good ones, and the one that was cut
    assert [len(photo.boxes) for photo in found.photos] == [1, 2, 1]
    assert found.photos[1].boxes[1].tolist() == [100, 80, 30, 20]


def test_categories_by_name(tmp_path: Path) -> None:
    path = coco(tmp_path, categories=[{"id": 7, "name": "Leopard"}, {"id": 8, "name": "person"}])
    assert sum(len(p.boxes) for p in read_boxes(path, ["leopard"]).photos) == 3
    lost = read_boxes(path, ["person"])
    assert not any(len(p.boxes) for p in lost.photos) and "which is not asked for" in lost.left_out[0][1]


def test_files_that_are_no_coco(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no COCO file"):
        read_boxes(tmp_path / "none.json", ["animal"])
    for text in ("{", "[]", '{"images": [{}], "annotations": []}', '{"images": 3, "annotations": []}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(FormatError, match="not a COCO file"):
            read_boxes(tmp_path / "bad.json", ["animal"])
    (tmp_path / "empty.json").write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(InputError, match="none of the 0 photos"):
        read_boxes(tmp_path / "empty.json", ["animal"])


@pytest.mark.parametrize("mosaic", [False, True])
@pytest.mark.parametrize("paste", [0.0, 1.0])
def test_boxes_of_training_pictures_hold_the_dark_squares(tmp_path: Path, mosaic: bool, paste: float) -> None:
    photos = read_boxes(coco(tmp_path, 6), ["animal"]).photos
    settings = SceneSettings(1.0 if mosaic else 0.0, 0, 0.6, 1.4, paste, 0, 0, 0, 0, 0, 0, 0)
    scenes = Scenes(photos, photos, settings)
    for n in range(12):
        picture = scenes(n % 6, n, 160, mosaic)
        assert picture.pixels.shape == (160, 160, 3) and picture.pixels.dtype == np.uint8
        dark = picture.pixels.max(-1) < 75
        covered = np.zeros_like(dark)
        for x1, y1, x2, y2 in picture.boxes:
            assert 0 <= x1 < x2 <= 160 and 0 <= y1 < y2 <= 160
            patch = dark[round(y1) : round(y2), round(x1) : round(x2)]
            # of a square, a part may lie behind another that was put on it
            assert patch.mean() > (0.75 if not paste else 0.35)
            covered[int(y1) : round(y2) + 1, int(x1) : round(x2) + 1] = True
        if not paste and not mosaic:
            assert (dark & ~covered).sum() < 0.02 * dark.size
    again = scenes(2, 5, 160, mosaic)
    np.testing.assert_array_equal(scenes(2, 5, 160, mosaic).pixels, again.pixels)


def test_wrong_scenes_are_refused() -> None:
    for wrong in ({"mosaic": 1.2}, {"small": 2.0, "large": 1.0}, {"strip": -0.1}):
        with pytest.raises(ConfigError):
            SceneSettings(**wrong)  # type: ignore[arg-type]


WORDS = [
    "boxes.pictures=8",
    "boxes.batch=4",
    "trainer.epochs=2",
    "trainer.threads=1",
    "trainer.accelerator=cpu",
    "detector.side=64",
]


def trained(folder: Path, data: Path, *words: str) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    assert main(["train", f"data={data}", f"output={folder}", *WORDS, *words]) == 0
    name = "weights.safetensors" if (folder / "torchvision.json").is_file() else "detector.safetensors"
    return load_file(folder / name)


def test_a_training_that_was_stopped_gives_the_same_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = coco(tmp_path / "data", 4)
    words = ("detector=spotted-cats",)
    whole = trained(tmp_path / "whole", data, *words)
    # a run of which only the first epoch is done: its state, as it lies on the disk after a kill
    from reid.train import box_fit

    steps, kept = box_fit.Steps.__iter__, tmp_path / "stopped"

    def dies(self: Any) -> Any:
        if self.epoch == 1:
            raise KeyboardInterrupt
        yield from steps(self)

    box_fit.Steps.__iter__ = dies  # type: ignore[method-assign]
    try:
        assert main(["train", f"data={data}", f"output={kept}", *WORDS, *words]) == 130
    finally:
        box_fit.Steps.__iter__ = steps  # type: ignore[method-assign]
    resumed = trained(kept, data, *words)
    assert whole.keys() == resumed.keys() and all(torch.equal(whole[k], resumed[k]) for k in whole)
    rows = (kept / "metrics.csv").read_text().splitlines()
    assert len(rows) == 3 and rows[0].startswith("epoch,step")
    assert {"curves.png", "pictures.png", "left_out.csv", "detector.json"} <= {p.name for p in kept.iterdir()}
    # with other boxes it does not go on
    content = json.loads(data.read_text())
    content["annotations"][0]["bbox"][2] = 20
    data.write_text(json.dumps(content))
    assert main(["train", f"data={data}", f"output={kept}", *WORDS, *words]) == 2
    assert "other boxes" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("family", ["fcos", "fasterrcnn"])
def test_torchvisions_networks_are_trained_and_used(family: str, tmp_path: Path) -> None:
    """One one-stage and one two-stage family, on a backbone of timm's, from COCO boxes to detections."""
    from reid.detect import DetectorSettings, detect
    from reid.photos import scan

    data = coco(tmp_path / "data", 4)
    words = (
        "detector=torchvision", f"boxes.torchvision.family={family}", "boxes.torchvision.backbone=mobilenetv3_small_050",
        "trainer.epochs=1",
    )  # fmt: skip
    state = trained(tmp_path / "run", data, *words)
    assert all(torch.isfinite(v).all() for v in state.values() if v.is_floating_point())
    (tmp_path / "photos" / "cam").mkdir(parents=True)
    shutil.copy(tmp_path / "data" / "0.png", tmp_path / "photos" / "cam")
    photos = scan(tmp_path / "photos")[0]
    own = DetectorSettings(name="torchvision", model=str(tmp_path / "run"), confidence=0.0, min_side=1)
    found, problems = detect(photos, tmp_path / "photos", own)
    assert len(problems) == 0 and (found["detector"].str.startswith(family)).all()
    for box in found["bbox"]:
        assert box[0] >= 0 and box[1] >= 0 and box[0] + box[2] <= 130 and box[1] + box[3] <= 110
    # it can be trained further, and not for something else
    trained(tmp_path / "more", data, *words, f"detector.model={tmp_path / 'run'}")
    assert main(["train", f"data={data}", f"output={tmp_path / 'no'}", *WORDS, *words, f"detector.model={tmp_path / 'run'}", "detector.categories=[person]"]) == 2  # fmt: skip


def test_what_is_not_trained_here_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = coco(tmp_path / "data", 2)
    assert main(["train", f"data={data}", f"output={tmp_path / 'a'}", "detector=onnx", *WORDS]) == 2
    assert "is not trained here" in capsys.readouterr().err
    assert (
        main(
            ["train", f"data={data}", f"output={tmp_path / 'b'}", "detector=spotted-cats", "boxes.shares=[1,2]", *WORDS]
        )
        == 2
    )
    assert "2 numbers for 1 data sets" in capsys.readouterr().err


def test_a_detector_is_judged_on_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A detections file that has one box right, one moved and one missing, on three photos."""
    pytest.importorskip("pycocotools")
    data = coco(tmp_path / "data", 3)
    content = json.loads(data.read_text())
    boxes = [[v / side for v, side in zip(a["bbox"], (130, 110) * 2, strict=True)] for a in content["annotations"]]
    boxes[1][0] += 0.3
    images = [
        {"file": f"{n}.png", "detections": [{"category": "1", "conf": 0.9 - 0.1 * n, "bbox": box}]}
        for n, box in enumerate(boxes[:2])
    ]
    images.append({"file": "2.png", "detections": []})
    named = {"info": {"format_version": "1.6"}, "detection_categories": {"1": "animal"}, "images": images}
    (tmp_path / "md.json").write_text(json.dumps(named))
    words = [f"data={data}", f"detections={tmp_path / 'md.json'}", f"output={tmp_path / 'out'}"]
    assert main(["evaluate", *words]) == 0
    assert "0.333 at 0.05 false boxes a photo" in capsys.readouterr().out
    figures = json.loads((tmp_path / "out" / "boxes.json").read_text())["figures"]
    assert figures["boxes"] == 3 and figures["chosen"] == {"confidence": 0.2, "recall": pytest.approx(1 / 3), "false_per_photo": pytest.approx(1 / 3)}  # fmt: skip
    assert "| boxes | 3 | 3 | 0.333 |" in (tmp_path / "out" / "boxes.md").read_text()

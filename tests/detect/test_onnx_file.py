"""Other people's networks: tiny ONNX files of each layout that put out boxes known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid.detect import DetectorSettings, detect
from reid.detect.decode import LAYOUTS, decode_outputs, keep_best
from reid.detect.onnx_file import OnnxSettings
from reid.errors import ConfigError, FormatError, InputError
from reid.photos import scan

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIDE = 64
BOX = (8.0, 16.0, 24.0, 32.0)
"""x1, y1, x2, y2 in pixels of the input; on the photo of 128 by 96, twice as large."""


def constant_network(path: Path, outputs: list[np.ndarray], side: int | str = SIDE) -> Path:
    """A network that takes any picture and always puts out the same."""
    from onnx import TensorProto, helper, numpy_helper

    shape = [1, 3, side, side if isinstance(side, int) else "width"]
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "mean"], ["zero"]),
    ]
    made, inside = [], []
    for n, array in enumerate(outputs):
        inside.append(numpy_helper.from_array(array.astype(np.float32), f"value{n}"))
        nodes.append(helper.make_node("Add", [f"value{n}", "zero"], [f"out{n}"]))
        made.append(helper.make_tensor_value_info(f"out{n}", TensorProto.FLOAT, array.shape))
    graph = helper.make_graph(nodes, "constant", [given], made, inside)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def outputs_of(layout: str) -> list[np.ndarray]:
    """What a network of this layout says of one animal (category 1 of 3) in `BOX`, by its authors' documents."""
    x1, y1, x2, y2 = BOX
    centre, size = ((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1)
    if layout == "yolox":
        places = sum((SIDE // s) ** 2 for s in (8, 16, 32))
        out = np.zeros((1, places, 8))
        # the place in row 2, column 1 of the finest scale, whose stride is 8
        out[0, 2 * (SIDE // 8) + 1] = [
            centre[0] / 8 - 1,
            centre[1] / 8 - 2,
            np.log(size[0] / 8),
            np.log(size[1] / 8),
            0.9,
            0.1,
            1.0,
            0,
        ]
        return [out]
    if layout in ("yolov5", "yolov6", "yolov7"):
        out = np.zeros((1, 40, 8))
        out[0, 17] = [*centre, *size, 0.9, 0.1, 1.0, 0]
        return [out]
    if layout in ("yolov8", "yolov9", "yolov11"):
        out = np.zeros((1, 7, 40))
        out[0, :, 17] = [*centre, *size, 0.1, 0.9, 0]
        return [out]
    if layout in ("yolov10", "rows"):
        out = np.zeros((1, 300, 6))
        out[0, 0] = [*BOX, 0.9, 1]
        return [out]
    shares = [value / SIDE for value in (*centre, *size)]
    out = np.zeros((1, 20, 7))
    out[0, 3] = [*shares, 0.1, 0.9, 0]
    return [out]


def season(folder: Path) -> tuple[pd.DataFrame, Path]:
    """One photo of 128 by 96 pixels."""
    (folder / "cam").mkdir(parents=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)).save(folder / "cam" / "a.jpg")
    return scan(folder)[0], folder


def settings_for(path: Path, layout: str, **others: Any) -> DetectorSettings:
    names = ("person", "animal", "vehicle")
    own = OnnxSettings(layout=layout, fit="corner", names=names)
    return DetectorSettings(name="onnx", model=str(path), engine="onnxruntime", onnx=own, min_side=1, **others)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_gives_the_box_on_the_photo(layout: str, tmp_path: Path) -> None:
    photos, root = season(tmp_path / "photos")
    path = constant_network(tmp_path / "net.onnx", outputs_of(layout))
    found, problems = detect(photos, root, settings_for(path, layout))
    assert len(problems) == 0 and len(found) == 1
    assert found["confidence"][0] == pytest.approx(0.9, abs=1e-4)
    np.testing.assert_allclose(found["bbox"][0], [16, 32, 32, 32], atol=0.02)


def test_rtdetr_as_logits_and_boxes_in_either_order(tmp_path: Path) -> None:
    boxes, logits = np.full((1, 20, 4), 0.01), np.full((1, 20, 3), -9.0)
    boxes[0, 3], logits[0, 3, 1] = [v / SIDE for v in (16, 24, 16, 16)], np.log(9.0)
    for given in ([boxes, logits], [logits, boxes]):
        raw = keep_best(decode_outputs(given, "rtdetr", SIDE, SIDE), 0.2, 1.0)
        np.testing.assert_allclose(raw[0], [BOX], atol=1e-4)
        assert raw[1][0] == pytest.approx(0.9, abs=1e-5) and raw[2].tolist() == [1]


def test_a_network_of_any_size_needs_a_side(tmp_path: Path) -> None:
    photos, root = season(tmp_path / "photos")
    path = constant_network(tmp_path / "net.onnx", outputs_of("rows"), "height")
    with pytest.raises(ConfigError, match=r"set detector\.side"):
        detect(photos, root, settings_for(path, "rows"))
    found, _ = detect(photos, root, settings_for(path, "rows", side=SIDE))
    assert len(found) == 1


def test_the_pixels_reach_the_network_as_the_settings_say(tmp_path: Path) -> None:
    """A network that puts out the mean of each colour as a box shows order, scale, mean and deviation."""
    from onnx import TensorProto, helper, numpy_helper

    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    made = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, 6])
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["means", "one"], ["row"]),
        helper.make_node("Concat", ["row", "rest"], ["joined"], axis=2),
        helper.make_node("Mul", ["joined", "unit"], ["out"]),
    ]
    inside = [
        numpy_helper.from_array(np.array([1]), "one"),
        numpy_helper.from_array(np.array([[[60.0, 0.5, 0.0]]], np.float32), "rest"),
        numpy_helper.from_array(np.ones((1, 1, 6), np.float32), "unit"),
    ]
    graph = helper.make_graph(nodes, "means", [given], [made], inside)
    path = tmp_path / "means.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    (tmp_path / "photos" / "cam").mkdir(parents=True)
    Image.new("RGB", (SIDE, SIDE), (20, 30, 50)).save(tmp_path / "photos" / "cam" / "a.png")
    photos, root = scan(tmp_path / "photos")[0], tmp_path / "photos"
    for colours, scale, mean, deviation, box in (
        ("rgb", 1.0, (0, 0, 0), (1, 1, 1), [20, 30, 30, 30]),
        ("bgr", 1.0, (20, 0, 0), (1, 1, 1), [30, 30, 0, 0]),
        ("rgb", 2.0, (4, 5, 5), (1, 2, 1), [6, 5, 14, 55]),
    ):
        own = OnnxSettings("rows", "corner", 114, colours, scale, mean, deviation)
        made_by = DetectorSettings(name="onnx", model=str(path), engine="onnxruntime", onnx=own, min_side=1)
        found, _ = detect(photos, root, made_by)
        # x1, y1, x2 are the three means and y2 is 60; a box without area is left out
        expected = [] if box[2] <= 0 else [box]
        assert [[round(v) for v in row] for row in found["bbox"]] == expected


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    photos, root = season(tmp_path / "photos")
    with pytest.raises(ConfigError, match=r"detector\.model=FILE\.onnx"):
        detect(photos, root, DetectorSettings(name="onnx"))
    with pytest.raises(InputError, match="no network at"):
        detect(photos, root, settings_for(tmp_path / "none.onnx", "rows"))
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(FormatError, match="no network that onnxruntime can run"):
        detect(photos, root, settings_for(tmp_path / "bad.onnx", "rows"))
    path = constant_network(tmp_path / "net.onnx", [np.zeros((1, 5))])
    for layout in LAYOUTS:
        with pytest.raises(FormatError, match=rf"layout.*{layout}|{layout}.*layout"):
            detect(photos, root, settings_for(path, layout))
    for wrong, says in (
        ({"layout": "yolov99"}, "rtdetr"),
        ({"colours": "grey"}, "bgr, rgb"),
        ({"scale": 0}, "above 0"),
        ({"mean": (1.0,)}, "three numbers"),
        ({"names": "animal"}, "a list of names"),
        ({"fit": "middle"}, "centre"),
    ):
        with pytest.raises(ConfigError, match=says):
            OnnxSettings(**wrong)  # type: ignore[arg-type]


def test_boxes_that_are_no_numbers_are_left_out() -> None:
    out = np.array(
        [[[0, 0, 10, 10, 0.9, 0], [np.nan, 0, 10, 10, 0.9, 0], [5, 5, 5, 9, 0.9, 0], [0, 0, np.inf, 9, 0.9, 0]]]
    )
    boxes, confidences, _ = decode_outputs([out], "rows", SIDE, SIDE)
    assert boxes.tolist() == [[0, 0, 10, 10]] and confidences.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize("seed", range(5))
def test_suppression_is_that_of_a_slow_reference(seed: int, iou_of: Callable[[Any, Any], float]) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (40, 2))
    boxes = np.concatenate((corners, corners + rng.uniform(5, 40, (40, 2))), 1).astype(np.float32)
    confidences, categories = rng.permutation(40).astype(np.float32) / 40, rng.integers(0, 2, 40)
    kept: list[int] = []
    for i in np.argsort(-confidences):
        rivals = [j for j in kept if categories[j] == categories[i]]
        if confidences[i] >= 0.1 and all(iou_of(boxes[i], boxes[j]) <= 0.4 for j in rivals):
            kept.append(int(i))
    found = keep_best((boxes, confidences, categories), 0.1, 0.4)
    np.testing.assert_array_equal(found[0], boxes[kept])
    np.testing.assert_array_equal(found[2], categories[kept])

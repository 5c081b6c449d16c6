"""Made-up seasons: spotted rectangles walking past cameras, small enough to take a census in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]

# How long one example takes says more of the machine than of the code; pytest-timeout bounds each test.
settings.register_profile("reid", deadline=None)
settings.load_profile("reid")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept for a machine is kept in a folder of the tests, and begins empty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def jaguars() -> Path:
    return ROOT / "samples" / "jaguars"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the labelled photographs of shared/data are not on this machine")
    return folder


def coat(animal: int, height: int = 150, width: int = 240) -> np.ndarray:
    """A flank with its own blotches, the same every time for one number."""
    rng = np.random.default_rng(1000 + animal)
    fine, coarse = (
        cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), sigma) for sigma in (2.2, 6.0)
    )
    pattern = fine / fine.std() + 0.8 * coarse / coarse.std()
    image = np.where(pattern > 0.5, 50, 185)[..., None] + np.clip(12 * coarse / coarse.std(), -30, 30)[..., None]
    return np.repeat(image, 3, axis=2).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of masks in U²-Net-p's form that calls bright pixels foreground, an ONNX file."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 320, 320])
    made = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, 320, 320])
    node = helper.make_node("ReduceMean", ["images"], ["out"], axes=[1])
    graph = helper.make_graph([node], "bright", [given], [made])
    path = tmp_path_factory.mktemp("mask") / "bright.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture(scope="session")
def paint_coat() -> Callable[..., np.ndarray]:
    return coat


@pytest.fixture(scope="session")
def make_season() -> Callable[..., Path]:
    """Writes a folder of photos with a MegaDetector file: `visits` are (camera, minute, animals of the frame)."""

    def make(folder: Path, visits: list[tuple[str, int, list[int]]], seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        images = []
        for camera, minute, animals in visits:
            photo = rng.integers(60, 110, (400, 640, 3), dtype=np.uint8)
            boxes = []
            for place, animal in enumerate(animals):
                picture = coat(animal)
                scale = rng.uniform(0.9, 1.1)
                size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
                picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
                x, y = 20 + 300 * place + int(rng.integers(0, 20)), int(rng.integers(20, 180))
                photo[y : y + size[1], x : x + size[0]] = picture
                bbox = [x / 640, y / 400, size[0] / 640, size[1] / 400]
                boxes.append({"category": "1", "conf": 0.9, "bbox": [round(v, 4) for v in bbox]})
            day, clock = divmod(minute, 24 * 60)
            name = f"{camera}/201506{day + 1:02d}_{clock // 60:02d}{clock % 60:02d}00.jpg"
            (folder / camera).mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo).save(folder / name, quality=92)
            images.append({"file": name, "detections": boxes})
        about = {"format_version": "1.4", "detector": "made by hand"}
        categories = {"1": "animal", "2": "person", "3": "vehicle"}
        (folder / "detections.json").write_text(
            json.dumps({"info": about, "detection_categories": categories, "images": images})
        )
        return folder

    return make

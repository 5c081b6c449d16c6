"""MegaDetector through its packages, with stand-ins that speak as the packages do."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reid.detect import DetectorSettings, detect
from reid.errors import InputError, MissingPartError
from reid.photos import scan


@pytest.fixture
def season(tmp_path: Path) -> Path:
    (tmp_path / "photos" / "cam").mkdir(parents=True)
    Image.new("RGB", (200, 100), (90, 120, 60)).save(tmp_path / "photos" / "cam" / "a.png")
    return tmp_path / "photos"


def settings(model: str) -> DetectorSettings:
    return DetectorSettings(name="megadetector", model=model, categories=("animal", "person"), min_side=1)


def test_version_5_by_name(season: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its boxes are in parts of the photo, its categories numbered from 1 as text."""
    asked: list[Any] = []

    class Network:
        def generate_detections_one_image(self, image: Any, name: str, detection_threshold: float) -> dict[str, Any]:
            asked.append((image.size, detection_threshold))
            return {
                "file": name,
                "detections": [
                    {"category": "2", "conf": 0.4, "bbox": [0.5, 0.0, 0.5, 1.0]},
                    {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.25, 0.5]},
                ],
            }

    module = ModuleType("megadetector.detection.run_detector")
    module.load_detector = lambda name, **how: asked.append((name, how)) or Network()  # type: ignore[attr-defined]
    for name in ("megadetector", "megadetector.detection"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found, problems = detect(scan(season)[0], season, settings("MDV5A"))
    assert asked[0] == ("MDV5A", {"force_cpu": True, "verbose": False}) and asked[1][0] == (200, 100)
    assert found["category"].tolist() == ["animal", "person"] and len(problems) == 0
    np.testing.assert_allclose(found["bbox"].tolist(), [[20, 20, 50, 50], [100, 0, 100, 100]])
    assert set(found["detector"]) == {"MegaDetector MDV5A"}


def test_version_6_by_name(season: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its boxes are corners in pixels, its categories numbered from 0."""

    class Network:
        def __init__(self, device: str, pretrained: bool, version: str) -> None:
            assert (device, pretrained, version) == ("cpu", True, "MDV6-yolov9-c")

        def single_image_detection(self, photo: np.ndarray, det_conf_thres: float) -> dict[str, Any]:
            assert photo.shape == (100, 200, 3)
            xyxy = np.array([[20, 20, 70, 70], [0, 0, 9, 9]])
            return {
                "detections": SimpleNamespace(xyxy=xyxy, confidence=np.array([0.8, 0.7]), class_id=np.array([0, 5]))
            }

    module = ModuleType("PytorchWildlife.models.detection")
    module.MegaDetectorV6 = Network  # type: ignore[attr-defined]
    for name in ("PytorchWildlife", "PytorchWildlife.models"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found, _ = detect(scan(season)[0], season, settings("MDV6-yolov9-c"))
    assert found["bbox"].tolist() == [[20, 20, 50, 50]] and found["category"].tolist() == ["animal"]


def test_what_is_missing_is_said(season: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = scan(season)[0]
    with pytest.raises(InputError, match=r"no weights at nowhere\.pt"):
        detect(photos, season, settings("nowhere.pt"))
    monkeypatch.setitem(sys.modules, "megadetector.detection.run_detector", None)
    with pytest.raises(MissingPartError, match=r"pip install megadetector.*detector=onnx"):
        detect(photos, season, settings("MDV5A"))
    monkeypatch.setitem(sys.modules, "PytorchWildlife.models.detection", None)
    with pytest.raises(MissingPartError, match="pip install PytorchWildlife"):
        detect(photos, season, settings("MDV6-yolov10-e"))

    def refuses(*_: Any, **__: Any) -> None:
        raise OSError("no network is reachable")

    module = ModuleType("megadetector.detection.run_detector")
    module.load_detector = refuses  # type: ignore[attr-defined]
    for name in ("megadetector", "megadetector.detection"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(MissingPartError, match=r"cannot be had \(OSError: no network"):
        detect(photos, season, settings("MDV5B"))

"""MegaDetector v5 and v6 by name or path, through the packages that their authors publish."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reid.detect.pictures import LEAST, PhotoDetector, Seen
from reid.errors import InputError, MissingPartError

if TYPE_CHECKING:
    from reid.detect.settings import DetectorSettings

__all__ = ["megadetector"]

NAMES = {"1": "animal", "2": "person", "3": "vehicle"}
FROM_ZERO = ("animal", "person", "vehicle")
LICENCES = "Mind their licences: they bring networks' code under the AGPL."

Look = Callable[[np.ndarray, tuple[int, int]], Seen]


def megadetector(settings: DetectorSettings, cache: Path | None = None) -> PhotoDetector:
    """MegaDetector, by the name that its package gives it, or from a file of weights.

    `detector.model` is `MDV5A`, `MDV5B` or another name of the package `megadetector`, or a path of a `.pt` file; names that
    begin with `MDV6-` are those of the package `PytorchWildlife`. By name the packages download the weights once; from a path
    there is no network needed. As ONNX files, which need neither package, they are read by `detector=onnx`.

    Raises:
        MissingPartError: the package is not installed, or the weights cannot be had.
        InputError: the file is not there.
    """
    name = settings.model or "MDV5A"
    if name.lower().endswith(".pt") and not Path(name).expanduser().is_file():
        raise InputError(
            f"no weights at {name}; detector.model names a file, or a network such as MDV5A or MDV6-yolov9-c."
        )
    sixth = name.upper().startswith("MDV6")
    look = _wildlife(name, settings.device) if sixth else _classic(name, settings.device)
    size = Path(name).stat().st_size if Path(name).is_file() else 0
    title = Path(name).stem if name.lower().endswith(".pt") else name
    return PhotoDetector("megadetector", f"MegaDetector {title}", f"megadetector {name} {size}", look, 0, cache)


def _classic(name: str, device: str) -> Look:
    module = _package("megadetector", "megadetector.detection.run_detector")
    network = _loaded(name, lambda: module.load_detector(name, force_cpu=device == "cpu", verbose=False))

    def look(photo: np.ndarray, size: tuple[int, int]) -> Seen:
        from PIL import Image

        said = network.generate_detections_one_image(Image.fromarray(photo), "photo", detection_threshold=LEAST)
        found = said.get("detections") or []
        boxes = np.array([row["bbox"] for row in found], float).reshape(-1, 4) * np.tile(size, 2)
        return Seen(
            boxes,
            np.array([row["conf"] for row in found], float),
            tuple(NAMES.get(str(row["category"]), f"category {row['category']}") for row in found),
        )

    return look


def _wildlife(name: str, device: str) -> Look:
    module = _package("PytorchWildlife", "PytorchWildlife.models.detection")
    network = _loaded(name, lambda: module.MegaDetectorV6(device=device, pretrained=True, version=name))

    def look(photo: np.ndarray, size: tuple[int, int]) -> Seen:
        found = network.single_image_detection(photo, det_conf_thres=LEAST)["detections"]
        corners = np.asarray(found.xyxy, float).reshape(-1, 4)
        scale = np.tile((size[0] / photo.shape[1], size[1] / photo.shape[0]), 2)
        boxes = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), 1) * scale
        numbers = [int(n) for n in np.asarray(found.class_id).reshape(-1)]
        names = tuple(FROM_ZERO[n] if 0 <= n < len(FROM_ZERO) else f"category {n}" for n in numbers)
        return Seen(boxes, np.asarray(found.confidence, float).reshape(-1), names)

    return look


def _package(package: str, module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise MissingPartError(
            f"this MegaDetector needs the package {package}: pip install {package}. {LICENCES} Without it, use its ONNX file "
            "with detector=onnx, its JSON with detections=FILE, or the shipped detector with detector=spotted-cats."
        ) from None


def _loaded(name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # packages let through whatever their downloads and their files raise
        text = " ".join(str(error).split())[:160]
        raise MissingPartError(
            f"the weights {name} cannot be had ({type(error).__name__}: {text}). Connect to a network once, or name a file "
            "with detector.model=FILE.pt."
        ) from None

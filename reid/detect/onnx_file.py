"""Somebody's detector as an ONNX file: YOLOX, YOLOv5 to v11, RT-DETR, and what puts out rows; all told in the settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reid.detect.decode import CLEAN, LAYOUTS, decode_outputs, keep_best
from reid.detect.letterbox import Fit, fit_photo
from reid.detect.pictures import LEAST, PhotoDetector, Seen
from reid.errors import ConfigError, InputError, MissingPartError, choices

if TYPE_CHECKING:
    from reid.detect.settings import DetectorSettings

__all__ = ["OnnxSettings", "onnx_detector"]

COLOURS = ("rgb", "bgr")


@dataclass(frozen=True)
class OnnxSettings:
    """How a network of an ONNX file takes photos and what it puts out.

    Attributes:
        layout: Of the outputs, one of `reid.detect.decode.LAYOUTS`.
        fit: How photos are fitted: `corner`, `centre` or `stretch`, see `reid.detect.letterbox.Fit`.
        fill: Value of what stands beside the photo, 0 to 255.
        colours: `rgb` or `bgr`.
        scale: Pixels of 0 to 255 are divided by this: 255 for YOLOv5 to v11 and RT-DETR, 1 for YOLOX.
        mean: Taken off each colour after that.
        deviation: What each colour is then divided by.
        names: Names of the categories in the network's order; a category without a name is called by its number.

    Raises:
        ConfigError: a value is wrong.
    """

    layout: str = "yolox"
    fit: str = "corner"
    fill: int = 114
    colours: str = "rgb"
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    deviation: tuple[float, ...] = (1.0, 1.0, 1.0)
    names: tuple[str, ...] = ("animal",)

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ConfigError(f"detector.onnx.layout={self.layout!r} is unknown; choose one of {choices(LAYOUTS)}.")
        if self.colours not in COLOURS:
            raise ConfigError(f"detector.onnx.colours={self.colours!r} is unknown; choose one of {choices(COLOURS)}.")
        if not self.scale > 0 or not all(value > 0 for value in self.deviation):
            raise ConfigError("detector.onnx.scale and detector.onnx.deviation must be above 0.")
        if len(self.mean) != 3 or len(self.deviation) != 3:
            raise ConfigError(
                "detector.onnx.mean and detector.onnx.deviation need three numbers each, one for each colour."
            )
        names = tuple(self.names) if isinstance(self.names, Iterable) and not isinstance(self.names, str) else ()
        if not all(isinstance(name, str) for name in names) or not names:
            raise ConfigError(f"detector.onnx.names={self.names!r} must be a list of names, such as [animal, person].")
        object.__setattr__(self, "names", tuple(name.strip().lower() for name in names))
        Fit(64, 64, self.fit, self.fill)


def onnx_detector(settings: DetectorSettings, cache: Path | None = None) -> PhotoDetector:
    """A detector from the file that `detector.model` names.

    Raises:
        ConfigError: no file, or no size of its input, is named.
        InputError, FormatError, MissingPartError: the file or an engine for it is not there, or does not do.
    """
    from reid.detect.engines import best_engine, file_engine, input_shape

    if not settings.model:
        raise ConfigError("the detector 'onnx' needs a network: set detector.model=FILE.onnx.")
    path, own = Path(settings.model).expanduser(), settings.onnx
    engine_name = best_engine(settings.engine)
    if engine_name == "torch":
        raise MissingPartError("ONNX files need an engine: pip install onnxruntime, or openvino.")
    engine = file_engine(path, engine_name, settings.threads)
    asked = input_shape(path)
    if asked is None and not settings.side:
        raise ConfigError(f"{path} takes photos of any size; set detector.side, such as detector.side=640.")
    height, width = asked or (settings.side, settings.side)
    fit = Fit(height, width, own.fit, own.fill, tight=asked is None and own.fit != "stretch")
    mean, deviation = (np.array(v, np.float32)[:, None, None] for v in (own.mean, own.deviation))
    overlap = 1.0 if own.layout in CLEAN else settings.overlap

    def look(photo: np.ndarray, size: tuple[int, int]) -> Seen:
        fitted = fit_photo(photo, size, fit)
        pixels = fitted.pixels if own.colours == "rgb" else fitted.pixels[..., ::-1]
        picture = (pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(own.scale) - mean) / deviation
        outputs = engine(np.ascontiguousarray(picture[None], np.float32))
        raw = decode_outputs(outputs, own.layout, *fitted.pixels.shape[:2])
        boxes, confidences, categories = keep_best(raw, LEAST, overlap)
        return Seen(fitted.back(boxes), confidences, tuple(_name(own.names, int(i)) for i in categories))

    mark = _hash(path)
    key = f"onnx {mark} {own} {height} {width} {overlap}"
    return PhotoDetector("onnx", f"{path.stem} {mark[:8]}", key, look, max(height, width), cache)


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) and names[number] else f"category {number}"


def _hash(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"the network {path} cannot be read: {error.strerror}.") from None

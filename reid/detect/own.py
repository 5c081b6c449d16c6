"""The package's own detector, and others of its kind: one network, from a photo to boxes."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reid.detect.decode import decode_outputs, keep_best
from reid.detect.letterbox import Fit, fit_photo
from reid.detect.pictures import LEAST, PhotoDetector, Seen

if TYPE_CHECKING:
    from reid.detect.engines import Engine
    from reid.detect.settings import DetectorSettings

__all__ = ["own_detector"]


def own_detector(settings: DetectorSettings, cache: Path | None = None) -> PhotoDetector:
    """A detector that `reid train` made, or the shipped one.

    Raises:
        ConfigError: the device is not there.
        InputError, FormatError, MissingPartError: its weights or its engine are not there; the message says which.
    """
    from reid.detect.engines import best_engine, check_device, network_engine
    from reid.detect.kept import load_boxes

    check_device(settings.device)
    loaded = load_boxes(settings.model)
    engine_name = best_engine(settings.engine, settings.device)
    spec, side = loaded.network.spec, settings.side or loaded.network.spec.side
    fit = Fit(side, side, "corner", tight=True)

    @functools.cache
    def engine() -> Engine:
        # seconds, and no use to a season all of whose boxes are known
        return network_engine(loaded.network, engine_name, settings.threads, settings.device)

    def look(photo: np.ndarray, size: tuple[int, int]) -> Seen:
        fitted = fit_photo(photo, size, fit)
        pictures = np.ascontiguousarray(fitted.pixels.transpose(2, 0, 1)[None], np.float32)
        raw = decode_outputs(engine()(pictures), "yolox", *fitted.pixels.shape[:2])
        boxes, confidences, categories = keep_best(raw, LEAST, settings.overlap, settings.inside)
        return Seen(fitted.back(boxes), confidences, tuple(spec.categories[i] for i in categories))

    title = f"{loaded.name} {loaded.fingerprint[:8]}"
    key = f"own {loaded.fingerprint} {side} {settings.overlap} {settings.inside}"
    return PhotoDetector("own", title, key, look, side, cache)

"""Networks in whole numbers of 8 bits: ranges measured on made-up cats, so that everybody's come out the same."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from reid.embed.graphs import Asked, Graph
from reid.embed.preprocess import preprocess
from reid.embed.torso import look
from reid.errors import ConfigError, MissingPartError

__all__ = ["quantised"]

INDIVIDUALS, PHOTOS = 16, 2
"""Of the season of made-up cats that the ranges are measured on."""


def quantised(graph: Graph, full: bytes) -> bytes:
    """A network's ONNX file in 8 bits: weights by channel, activations by the range that they have on made-up cats.

    Args:
        graph: The network.
        full: It as ONNX in float32.

    Raises:
        MissingPartError: onnxruntime, which does it, is not installed.
    """
    try:
        from onnxruntime import quantization
        from onnxruntime.quantization import shape_inference
    except ImportError as error:
        raise MissingPartError(
            f"engine.precision=int8 needs the package {error.name}: pip install onnx onnxruntime."
        ) from None

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.batches: Iterator[dict[str, Any]] = ({"images": image[None]} for image in _inputs(graph))

        def get_next(self) -> dict[str, Any] | None:
            return next(self.batches, None)

    quiet, level = logging.getLogger(), logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quiet.setLevel(logging.ERROR)  # it advises about steps that are taken here already
        source, ready, out = (Path(folder) / name for name in ("full.onnx", "ready.onnx", "int8.onnx"))
        source.write_bytes(full)
        try:
            shape_inference.quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
            quantization.quantize_static(
                str(ready), str(out), Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
                # what follows the last convolution is cheap, and is where rounding hurts
                op_types_to_quantize=["Conv"],
            )  # fmt: skip
        finally:
            quiet.setLevel(level)
        return out.read_bytes()


def _inputs(graph: Graph) -> np.ndarray:
    """What the network sees of the made-up cats, uint8 (n, 3, height, width)."""
    if not isinstance(graph.asked, Asked):
        raise ConfigError(f"the network {graph.name!r} has no form in 8 bits; run it with engine.precision=float32.")
    cats, spec = _cats(), graph.asked.network.spec
    torsos = look([picture for picture, _ in cats]) if spec.frame == "torso" else [None] * len(cats)
    return np.stack(
        [preprocess(picture, spec, flank, torso) for (picture, flank), torso in zip(cats, torsos, strict=True)]
    )


@lru_cache(maxsize=1)
def _cats() -> list[tuple[np.ndarray, str]]:
    """Crops of made-up cats, uint8 RGB, and the flanks that they show."""
    from reid.synthetic.season import plan_season
    from reid.synthetic.settings import SynthesisSettings
    from reid.synthetic.shoot import Photographer

    settings = SynthesisSettings(individuals=INDIVIDUALS, photos=PHOTOS, coat="mixed", seed=8)
    season = plan_season(settings)
    photographer = Photographer(settings, season)
    crops = []
    for shot in season.shots:
        photo, (x, y, w, h) = photographer.photo(shot)
        crops.append((np.ascontiguousarray(photo[y : y + h, x : x + w]), shot.orientation))
    return crops

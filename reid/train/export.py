"""Networks for other engines: ONNX, and OpenVINO where it is installed, each compared with the original."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.embed.network import MIRRORED, EmbeddingNetwork, FlankHead
from reid.embed.weights import LoadedNetwork
from reid.errors import MissingPartError, OutputError
from reid.store import write_json
from reid.tables import FLANKS

__all__ = ["BATCHES", "TOLERANCE", "export_onnx", "export_openvino"]

BATCHES = (1, 2, 5)
"""Batch sizes at which an exported network must agree with the original."""
TOLERANCE = 1e-4
"""Largest difference of a number of a unit vector, or of a probability."""
OPSET = 17

Engine = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""uint8 images (B, 3, H, W) to unit vectors and probabilities of the flanks."""


class Exported(nn.Module):
    """The network from uint8 images to unit vectors and flanks, in operations that every engine has."""

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network
        self.rows = self.columns = torch.zeros(0)
        if network.flank_head is not None:
            with torch.inference_mode():
                spec = network.spec
                features = network.feature_map(torch.zeros(1, 3, spec.height, spec.width))
            self.rows = pooling_matrix(features.shape[-2], network.flank_head.grid)
            self.columns = pooling_matrix(features.shape[-1], network.flank_head.grid)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.feature_map(self.network.normalised(images))
        vectors = F.normalize(self.network.vectors(features))
        head = self.network.flank_head
        if head is None:
            flanks = torch.zeros(len(FLANKS)).index_fill(0, torch.tensor([len(FLANKS) - 1]), 1.0)
            return vectors, vectors[:, :1] * 0 + flanks
        return vectors, self._flanks(head, features).softmax(1)

    def _flanks(self, head: FlankHead, features: Tensor) -> Tensor:
        """As `FlankHead.forward`, with its pooling as two products of matrices, since ONNX has no such pooling."""
        features = features / (features.pow(2).mean(1, keepdim=True).sqrt() + 0.25)
        x = self.rows @ F.relu(head.reduce(features)) @ self.columns.T
        mirrored = head.classify(x.flip(-1).flatten(1))
        return (head.classify(x.flatten(1)) + mirrored[:, MIRRORED]) / 2


def pooling_matrix(size: int, grid: int) -> Tensor:
    """Averages of `size` places in `grid` equal parts that may overlap, (grid, size).

    >>> pooling_matrix(3, 2).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    out = torch.zeros(grid, size)
    for part in range(grid):
        start, end = part * size // grid, -(-(part + 1) * size // grid)
        out[part, start:end] = 1 / (end - start)
    return out


def export_onnx(loaded: LoadedNetwork, folder: Path) -> dict[str, Any]:
    """Write `network.onnx`, which takes uint8 RGB images (batch, 3, height, width), any number at a time, and gives
    `vectors` (batch, size) of unit length and `flanks` (batch, 5); and `network.json`, which says how to prepare
    a crop.

    Returns:
        The largest differences from the original, by batch size.

    Raises:
        MissingPartError: onnx, or onnxruntime, which the comparison needs, is not installed.
        OutputError: the exported network gives other vectors.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime
    except ImportError as error:
        raise MissingPartError(
            f"exporting to ONNX needs the package {error.name}: pip install onnx onnxruntime."
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    path, partial = folder / "network.onnx", folder / "network.onnx.part"
    spec = loaded.spec
    example = torch.zeros(2, 3, spec.height, spec.width, dtype=torch.uint8)
    outputs = ["vectors", "flanks"]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of tracing, about branches on fixed sizes
        torch.onnx.export(
            Exported(loaded.network).eval(), (example,), str(partial), input_names=["images"], output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in ("images", *outputs)}, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])

    def engine(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vectors, flanks = session.run(outputs, {"images": images})
        return np.asarray(vectors), np.asarray(flanks)

    found = compare(loaded.network, engine, "network.onnx")
    partial.replace(path)
    write_json(
        {
            "network": spec.to_dict(),
            "fingerprint": loaded.fingerprint,
            "card": loaded.card,
            "input": "uint8 RGB (batch, 3, height, width): the crop resized and turned as `network` says; it normalises by itself",
            "output": "vectors (batch, size) of unit length; flanks (batch, 5), probabilities of " + ", ".join(FLANKS),
            "largest_difference": found,
        },
        folder / "network.json",
    )
    return found


def export_openvino(loaded: LoadedNetwork, folder: Path) -> dict[str, Any] | None:
    """Write `network.xml` and `network.bin` from `network.onnx`; None where openvino is not installed.

    Raises:
        OutputError: the exported network gives other vectors.
    """
    try:
        import openvino
    except ImportError:
        return None
    model = openvino.convert_model(folder / "network.onnx")
    # in full precision: engines differ in how they use their halves
    openvino.save_model(model, folder / "network.xml", compress_to_fp16=False)
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def engine(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = compiled(images)
        return np.asarray(found[0]), np.asarray(found[1])

    return compare(loaded.network, engine, "network.xml")


def compare(network: EmbeddingNetwork, engine: Engine, name: str) -> dict[str, float]:
    """The largest difference between an engine's numbers and the network's, on noise, by batch size.

    Raises:
        OutputError: it is more than `TOLERANCE`, or a shape differs.
    """
    spec, rng = network.spec, np.random.default_rng(0)
    found = {}
    for batch in BATCHES:
        images = rng.integers(0, 256, (batch, 3, spec.height, spec.width), np.uint8)
        with torch.inference_mode():
            expected = [part.numpy() for part in network.embed(torch.from_numpy(images))]
        given = engine(images)
        if any(a.shape != b.shape for a, b in zip(given, expected, strict=True)):
            shapes = [(a.shape, b.shape) for a, b in zip(given, expected, strict=True)]
            raise OutputError(
                f"{name} gives shapes {shapes} (given, expected) at a batch of {batch}; it is not written."
            )
        worst = max(float(np.abs(a - b).max()) for a, b in zip(given, expected, strict=True))
        if not worst <= TOLERANCE:
            raise OutputError(
                f"{name} differs from the network by {worst:.2g} at a batch of {batch}, more than {TOLERANCE:g}; it is not written."
            )
        found[str(batch)] = worst
    return found

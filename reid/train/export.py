"""Networks for other engines: ONNX, and OpenVINO where it is installed, each compared with the original."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.embed.heads import MIRRORED, FlankHead
from reid.embed.network import EmbeddingNetwork
from reid.embed.pooling import pooling_matrix
from reid.embed.torso import HEIGHT, MARGIN, WIDTH, finder_fingerprint, load_finder
from reid.embed.weights import LoadedNetwork
from reid.errors import MissingPartError, OutputError
from reid.store import write_json
from reid.tables import FLANKS, UNKNOWN

__all__ = ["BATCHES", "TOLERANCE", "export_finder", "export_onnx", "export_openvino"]

BATCHES = (1, 2, 5)
"""Batch sizes at which an exported network must agree with the original."""
TOLERANCE = 1e-4
"""Largest difference of a number of a unit vector, or of a probability."""
OPSET = 17

Engine = Callable[[np.ndarray], Sequence[np.ndarray]]
"""uint8 images (B, 3, H, W) to the arrays that `outputs` names."""


def outputs(network: EmbeddingNetwork) -> tuple[str, ...]:
    """What the exported network gives, in order; the quality only where it has a head for it."""
    return ("vectors", "flanks", "quality") if network.quality_head is not None else ("vectors", "flanks")


class Exported(nn.Module):
    """The network from uint8 images to its outputs, in operations that every engine has."""

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network
        self.rows = self.columns = torch.zeros(0)
        spec = network.spec
        # what the head for the flank sees may be a smaller picture
        self.shrink = [pooling_matrix(side, round(side * spec.flank_scale)) for side in (spec.height, spec.width)]
        if network.flank_head is not None:
            with torch.inference_mode():
                features = network.flank_map(torch.zeros(1, 3, spec.height, spec.width, dtype=torch.uint8))
            self.rows = pooling_matrix(features.shape[-2], network.flank_head.grid)
            self.columns = pooling_matrix(features.shape[-1], network.flank_head.grid)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        pictures = self.network.normalised(images)
        features = self.network.feature_map(pictures)
        vectors = self.network.vectors(features)
        out = F.normalize(vectors), self._flanks(pictures, features, vectors)
        return out if self.network.quality_head is None else (*out, self.network.quality_head(vectors).clamp(0, 1))

    def _flanks(self, pictures: Tensor, features: Tensor, vectors: Tensor) -> Tensor:
        head = self.network.flank_head
        if head is None:
            flanks = torch.zeros(len(FLANKS)).index_fill(0, torch.tensor([FLANKS.index(UNKNOWN)]), 1.0)
            return vectors[:, :1] * 0 + flanks
        if self.network.spec.flank_scale < 1:
            features = self.network.feature_map(self.shrink[0] @ pictures @ self.shrink[1].T)
        return self._flank_logits(head, features).softmax(1)

    def _flank_logits(self, head: FlankHead, features: Tensor) -> Tensor:
        """As `FlankHead.forward`, with its pooling as two products of matrices, since ONNX has no such pooling."""
        features = features / (features.pow(2).mean(1, keepdim=True).sqrt() + 0.25)
        x = self.rows @ F.relu(head.reduce(features)) @ self.columns.T
        mirrored = head.classify(x.flip(-1).flatten(1))
        return (head.classify(x.flatten(1)) + mirrored[:, MIRRORED]) / 2


def export_onnx(loaded: LoadedNetwork, folder: Path) -> dict[str, Any]:
    """Write `network.onnx`, which takes uint8 RGB images (batch, 3, height, width), any number at a time, and gives
    `vectors` (batch, size) of unit length, `flanks` (batch, 5) and, with a head for it, `quality` (batch,); and
    `network.json`, which says how to prepare a crop.

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
    names = outputs(loaded.network)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of tracing, about branches on fixed sizes
        torch.onnx.export(
            Exported(loaded.network).eval(), (example,), str(partial), input_names=["images"], output_names=list(names),
            dynamic_axes={name: {0: "batch"} for name in ("images", *names)}, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])

    def engine(images: np.ndarray) -> Sequence[np.ndarray]:
        return [np.asarray(part) for part in session.run(names, {"images": images})]

    found = compare(embedded(loaded.network), engine, (spec.height, spec.width), "network.onnx")
    partial.replace(path)
    write_json(
        {
            "network": spec.to_dict(),
            "fingerprint": loaded.fingerprint,
            "card": loaded.card,
            "input": "uint8 RGB (batch, 3, height, width): "
            + ("the torso, cut out of the crop as torso.json says" if spec.frame == "torso" else "the crop, resized")
            + " and turned as `network` says; it normalises by itself",
            "output": "vectors (batch, size) of unit length; flanks (batch, 5), probabilities of "
            + ", ".join(FLANKS)
            + ("; quality (batch,), 0 to 1" if "quality" in names else ""),
            "largest_difference": found,
        },
        folder / "network.json",
    )
    return found


def export_finder(folder: Path) -> dict[str, float]:
    """Write `torso.onnx`, which comes before a network that sees torsos: uint8 RGB crops squashed to its input in, `torsos`
    (batch, 6) out; and `torso.json`, which says how to cut a torso out.

    Returns:
        The largest differences from the original, by batch size.

    Raises:
        OutputError: the exported finder gives other numbers.
    """
    import onnxruntime

    finder, card = load_finder()
    path, partial = folder / "torso.onnx", folder / "torso.onnx.part"
    example = torch.zeros(2, 3, HEIGHT, WIDTH, dtype=torch.uint8)
    names = ["torsos"]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of tracing
        torch.onnx.export(
            finder, (example,), str(partial), input_names=["images"], output_names=names,
            dynamic_axes={name: {0: "batch"} for name in ("images", *names)}, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])

    def original(images: np.ndarray) -> Sequence[np.ndarray]:
        with torch.inference_mode():
            return [finder(torch.from_numpy(images)).numpy()]

    found = compare(original, lambda images: session.run(names, {"images": images}), (HEIGHT, WIDTH), "torso.onnx")
    partial.replace(path)
    write_json(
        {
            "fingerprint": finder_fingerprint(),
            "card": card,
            "input": f"uint8 RGB (batch, 3, {HEIGHT}, {WIDTH}): the whole crop, squashed; it normalises by itself",
            "output": "flanks (batch, 5), probabilities of "
            + ", ".join(FLANKS)
            + "; torsos (batch, 6): the middle (x, y), "
            "half of the length (x, y) and half of the height (x, y), x in widths and y in heights of the crop",
            "margin": MARGIN,
            "largest_difference": found,
        },
        folder / "torso.json",
    )
    return found


def export_openvino(loaded: LoadedNetwork, folder: Path) -> dict[str, Any] | None:
    """Write `network.xml` and `network.bin` from `network.onnx`; None where openvino is not installed.

    Returns:
        The largest differences from the original, by batch size.

    Raises:
        OutputError: the exported network gives other vectors.
    """
    try:
        import openvino
    except ImportError:
        return None
    core = openvino.Core()
    names = outputs(loaded.network)
    with tempfile.TemporaryDirectory(dir=folder, prefix="openvino-") as own:
        path = Path(own) / "network.xml"
        # in full precision: engines differ in how they use their halves
        openvino.save_model(core.read_model(folder / "network.onnx"), path, compress_to_fp16=False)
        # what is compared is what was written; from memory, since a file in use cannot be moved everywhere
        written = core.read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())
        compiled = core.compile_model(written, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

        def engine(images: np.ndarray) -> Sequence[np.ndarray]:
            given = compiled(images)
            return [np.array(given[name]) for name in names]

        size = loaded.spec.height, loaded.spec.width
        found = compare(embedded(loaded.network), engine, size, "network.xml")
        for part in (path.with_suffix(".bin"), path):
            part.replace(folder / part.name)
    return found


def embedded(network: EmbeddingNetwork) -> Engine:
    """A network as an engine."""

    def engine(images: np.ndarray) -> Sequence[np.ndarray]:
        with torch.inference_mode():
            embedding = network.embed(torch.from_numpy(images))
        return [getattr(embedding, part).numpy() for part in outputs(network)]

    return engine


def compare(original: Engine, engine: Engine, size: tuple[int, int], name: str) -> dict[str, float]:
    """The largest difference between an engine's numbers and the original's, on noise, by batch size.

    Args:
        original: What is right.
        engine: What is compared with it.
        size: Height and width of the images.
        name: Of the file, for the message.

    Raises:
        OutputError: it is more than `TOLERANCE`, or a shape differs.
    """
    rng = np.random.default_rng(0)
    found = {}
    for batch in BATCHES:
        images = rng.integers(0, 256, (batch, 3, *size), np.uint8)
        expected, given = original(images), engine(images)
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

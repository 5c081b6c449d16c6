"""Networks for other engines: ONNX, and OpenVINO where it is installed, each compared with the original."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reid.embed.graphs import Exported, outputs, write_onnx
from reid.embed.network import EmbeddingNetwork
from reid.embed.torso import HEIGHT, MARGIN, WIDTH, finder_fingerprint, load_finder
from reid.embed.weights import LoadedNetwork
from reid.errors import MissingPartError, OutputError
from reid.store import write_json
from reid.tables import FLANKS

__all__ = ["BATCHES", "TOLERANCE", "export_finder", "export_onnx", "export_openvino"]

BATCHES = (1, 2, 5)
"""Batch sizes at which an exported network must agree with the original."""
TOLERANCE = 1e-4
"""Largest difference of a number of a unit vector, or of a probability."""

Engine = Callable[[np.ndarray], Sequence[np.ndarray]]
"""uint8 images (B, 3, H, W) to the arrays that `outputs` names."""


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
    names = outputs(loaded.network)
    write_onnx(Exported(loaded.network).eval(), (spec.height, spec.width), names, partial)
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
    names = ["torsos"]
    write_onnx(finder, (HEIGHT, WIDTH), ("torsos",), partial)
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

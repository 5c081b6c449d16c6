"""What runs one network of the way: torch, its compiler, onnxruntime or OpenVINO."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reid.embed.engine_settings import EngineSettings
from reid.embed.graphs import Graph, write_onnx
from reid.errors import ConfigError, MissingPartError
from reid.resources import cache_folder
from reid.threads import UNPINNED

__all__ = ["PACKAGES", "Run", "build", "device_of", "is_parallel", "missing", "onnx_bytes"]

Run = Callable[[np.ndarray], tuple[np.ndarray, ...]]
"""uint8 images (batch, 3, height, width) to a graph's outputs."""
PACKAGES = {"onnxruntime": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}
"""What each engine needs besides torch."""


def missing(name: str) -> list[str]:
    """The packages that an engine needs and that are not installed."""
    return [package for package in PACKAGES.get(name, ()) if not find_spec(package)]


def is_parallel(name: str) -> bool:
    """Whether an engine is best called from as many threads as there are cores, each call taking one of them.

    The others share each call out among their own threads, and wait for each other at each layer.
    """
    return name in PACKAGES


def device_of(settings: EngineSettings) -> str:
    """`cuda` or `cpu`.

    Raises:
        ConfigError: `engine.device=cuda`, and there is none.
    """
    there = torch.cuda.is_available()
    if settings.device == "cuda" and not there:
        raise ConfigError("engine.device=cuda: torch finds no GPU here; use engine.device=cpu, or auto.")
    if settings.name in PACKAGES:
        return "cpu"
    return "cuda" if there and settings.device != "cpu" else "cpu"


def build(graph: Graph, settings: EngineSettings, batch: int, threads: int) -> Run:
    """Make a network ready to run.

    Args:
        graph: The network.
        settings: The engine, by its name (not `auto`), and the precision.
        batch: Images of each call; fewer or more are refused by some engines.
        threads: As many calls may run at once, if the engine `is_parallel`.

    Raises:
        MissingPartError: the engine is not installed.
    """
    if lacking := missing(settings.name):
        raise MissingPartError(
            f"engine={settings.name} needs {' and '.join(lacking)}: pip install {' '.join(lacking)}."
        )
    if settings.name in ("torch", "compiled"):
        return _torch(graph, settings)
    made = onnx_bytes(graph, settings.precision)
    if settings.name == "onnxruntime":
        return _onnxruntime(made, graph.outputs)
    return _openvino(made, graph, batch, settings.precision, threads)


def onnx_bytes(graph: Graph, precision: str = "float32") -> bytes:
    """A network as an ONNX file; kept for this machine, so that it is made once."""
    from reid.embed.int8 import quantised

    kept = cache_folder() / "networks" / f"{graph.name}-{graph.mark}{'-int8' if precision == 'int8' else ''}.onnx"
    try:
        return kept.read_bytes()
    except OSError:
        pass
    if precision == "int8":
        made = quantised(graph, onnx_bytes(graph))
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            write_onnx(graph.exported(), graph.size, graph.outputs, path)
            made = path.read_bytes()
    partial = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    with suppress(OSError):  # where nothing can be kept, it is made again next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(made)
        partial.replace(kept)
    return made


def _onnxruntime(made: bytes, names: tuple[str, ...]) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # each call on the thread that calls
    session = onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])

    def run(images: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(np.asarray(out) for out in session.run(names, {"images": images}))

    return run


def _openvino(made: bytes, graph: Graph, batch: int, precision: str, threads: int) -> Run:
    from threading import local

    import openvino

    core = openvino.Core()
    model = core.read_model(made)
    model.reshape([batch, 3, *graph.size])
    settings = {
        # what was quantised runs as it is, and the rest beside it in full
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": str(threads),
        "INFERENCE_NUM_THREADS": str(threads),
        **UNPINNED,
    }
    compiled = core.compile_model(model, "CPU", settings)
    mine = local()

    def run(images: np.ndarray) -> tuple[np.ndarray, ...]:
        if not hasattr(mine, "request"):
            mine.request = compiled.create_infer_request()
        given = mine.request.infer({"images": images}, share_inputs=True)
        return tuple(np.array(given[name]) for name in graph.outputs)

    return run


def _torch(graph: Graph, settings: EngineSettings) -> Run:
    device = device_of(settings)
    module: Any = graph.asked
    if device == "cuda":
        # a copy: the network that was handed in stays where it is
        from copy import deepcopy

        module = deepcopy(module).to(device, memory_format=torch.channels_last)
    if settings.name == "compiled":
        module = torch.compile(module, dynamic=False)
    half = settings.precision == "mixed"

    @contextmanager
    def run_as() -> Iterator[None]:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=half):
            yield

    def run(images: np.ndarray) -> tuple[np.ndarray, ...]:
        given = torch.from_numpy(images)
        with run_as():
            return tuple(out.float().cpu().numpy() for out in module(given))

    def on_gpu(images: np.ndarray) -> tuple[np.ndarray, ...]:
        try:
            # from pinned memory the card copies by itself
            given = torch.from_numpy(images).pin_memory()
            given = given.to(device, non_blocking=True, memory_format=torch.channels_last)
            # its usual float32 rounds to 10 bits, which is another class of vectors
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False), run_as():
                return tuple(out.float().cpu().numpy() for out in module(given))
        except torch.cuda.OutOfMemoryError:
            if len(images) == 1:
                raise
            torch.cuda.empty_cache()
            half_way = len(images) // 2
            parts = on_gpu(images[:half_way]), on_gpu(images[half_way:])
            return tuple(np.concatenate(pair) for pair in zip(*parts, strict=True))

    return on_gpu if device == "cuda" else run

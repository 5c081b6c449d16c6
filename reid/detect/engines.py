"""What runs a network: torch, onnxruntime or OpenVINO, all with the same numbers in full precision."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from reid.detect.network import BoxNetwork
from reid.errors import ConfigError, FormatError, InputError, MissingPartError, choices
from reid.threads import UNPINNED

__all__ = [
    "ENGINES",
    "Engine",
    "best_engine",
    "check_device",
    "file_engine",
    "input_shape",
    "network_engine",
    "onnx_bytes",
]

Engine = Callable[[np.ndarray], Sequence[np.ndarray]]
"""float32 pictures (batch, 3, height, width) to the network's outputs."""
OPSET = 17
ENGINES = ("auto", "openvino", "onnxruntime", "torch")
INSTALLED = {"openvino": "openvino", "onnxruntime": "onnxruntime"}


def best_engine(name: str, device: str = "cpu") -> str:
    """The engine that a setting means: with `auto` torch on a GPU, else OpenVINO, else onnxruntime, else torch.

    Raises:
        ConfigError: there is no such engine.
        MissingPartError: it is not installed.
    """
    if name not in ENGINES:
        raise ConfigError(f"detector.engine={name!r} is unknown; choose one of {choices(ENGINES)}.")
    if name == "auto":
        if device != "cpu":
            return "torch"
        return next((engine for engine, package in INSTALLED.items() if find_spec(package)), "torch")
    if name in INSTALLED and not find_spec(INSTALLED[name]):
        raise MissingPartError(
            f"detector.engine={name} needs the package {INSTALLED[name]}: pip install {INSTALLED[name]}."
        )
    return name


def check_device(device: str) -> None:
    """Refuse a device that torch does not have here.

    Raises:
        ConfigError: it is no device, or there is none on this machine.
    """
    if device == "cpu":
        return
    import torch

    kind, _, number = device.partition(":")
    there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if kind not in there or (number and not number.isdecimal()):
        raise ConfigError(f"detector.device={device!r} is unknown; choose cpu, cuda (or cuda:1, and so on) or mps.")
    if int(number or 0) >= there[kind]:
        raise ConfigError(
            f"detector.device={device}: torch finds no such device on this machine; use detector.device=cpu."
        )


def network_engine(network: BoxNetwork, name: str, threads: int = 0, device: str = "cpu") -> Engine:
    """An engine for the package's own network; its one output is as YOLOX exports it, see `Plain`.

    Args:
        network: In evaluation mode.
        name: As `best_engine` gives it.
        threads: 0 for the engine's own choice.
        device: For torch.
    """
    if name == "onnxruntime":
        return _onnxruntime(onnx_bytes(network), threads)
    if name == "openvino":
        import openvino

        return _compiled(openvino, openvino.Core().read_model(onnx_bytes(network)), threads)
    return _torch(network, threads, device)


def onnx_bytes(network: BoxNetwork) -> bytes:
    """The network as an ONNX file: `images`, float32 RGB of 0 to 255 (batch, 3, height, width), any sides that are
    multiples of 32; `output` (batch, places, 5 + categories) as `Plain` says.
    """
    import torch

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        path = Path(folder) / "network.onnx"
        warnings.simplefilter("ignore")  # of tracing, about branches on fixed sizes
        torch.onnx.export(
            plain(network), (torch.zeros(1, 3, 64, 96),), str(path), input_names=["images"], output_names=["output"],
            dynamic_axes={"images": {0: "batch", 2: "height", 3: "width"}, "output": {0: "batch", 1: "places"}},
            opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        return path.read_bytes()


def plain(network: BoxNetwork) -> Any:
    """The network with its logits as shares of 0 to 1, as YOLOX's own export has it."""
    import torch

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raw = self.network(images)
            return torch.cat((raw[..., :4], raw[..., 4:].sigmoid()), -1)

    return Plain().eval()


def _torch(network: BoxNetwork, threads: int, device: str) -> Engine:
    import torch

    if threads:
        torch.set_num_threads(threads)
    module = plain(network).to(device).to(memory_format=torch.channels_last)

    def run(pictures: np.ndarray) -> Sequence[np.ndarray]:
        given = torch.from_numpy(pictures).to(device).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            return [module(given).float().cpu().numpy()]

    return run


def _onnxruntime(model: bytes | str, threads: int) -> Engine:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=_providers(onnxruntime))
    name = session.get_inputs()[0].name
    kind = np.float16 if session.get_inputs()[0].type == "tensor(float16)" else np.float32

    def run(pictures: np.ndarray) -> Sequence[np.ndarray]:
        return [np.asarray(out) for out in session.run(None, {name: pictures.astype(kind, copy=False)})]

    return run


def _providers(onnxruntime: Any) -> list[str]:
    there = onnxruntime.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in there]


def _compiled(openvino: Any, model: Any, threads: int) -> Engine:
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", **UNPINNED}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    compiled = openvino.Core().compile_model(model, "CPU", settings)

    def run(pictures: np.ndarray) -> Sequence[np.ndarray]:
        given = compiled(pictures)
        return [np.array(given[out]) for out in compiled.outputs]

    return run


def file_engine(path: Path, name: str, threads: int = 0) -> Engine:
    """An engine for somebody's ONNX file.

    Raises:
        InputError: there is no such file.
        FormatError: it is no network that the engine can run.
        MissingPartError: no engine for such files is installed.
    """
    if not path.is_file():
        raise InputError(f"no network at {path}; detector.model names an ONNX file.")
    if name == "torch":
        raise MissingPartError("torch runs no ONNX files; pip install onnxruntime, or openvino.")
    try:
        if name == "openvino":
            import openvino

            return _compiled(openvino, openvino.Core().read_model(path), threads)
        return _onnxruntime(str(path), threads)
    except Exception as error:  # engines have their own kinds of errors for bad files
        text = " ".join(str(error).split())[:160]
        raise FormatError(f"{path} is no network that {name} can run ({text}).") from None


def input_shape(path: Path) -> tuple[int, int] | None:
    """Height and width that an ONNX file asks for; None where it takes any."""
    try:
        import onnxruntime
    except ImportError:
        return None
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception:  # `file_engine` says what is wrong
        return None
    shape = session.get_inputs()[0].shape
    fixed = [side for side in shape[2:4] if isinstance(side, int) and side > 0]
    return (fixed[0], fixed[1]) if len(fixed) == 2 else None

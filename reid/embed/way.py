"""A network and what comes before it, made ready to run together by one engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reid.embed.engine_settings import EngineSettings
from reid.embed.engines import Run, build, device_of, is_parallel
from reid.embed.graphs import graphs
from reid.embed.weights import LoadedNetwork
from reid.threads import workers_for

__all__ = ["BATCH", "Way", "plain_way"]

BATCH = {"torch": 8, "compiled": 8, "onnxruntime": 4, "openvino": 4}
"""Crops per step on a CPU: more do not fit its caches. In torch, 32 took half as long again per crop as 8."""
GPU_BATCH = 64


class Way:
    """The networks that a crop passes through, each as a function from uint8 images to arrays.

    Attributes:
        engine: What runs them, by its name.
        batch: Images of each call.
        threads: From how many threads it is called at once: 1, where the engine shares out each call by itself.
    """

    def __init__(self, loaded: LoadedNetwork, settings: EngineSettings) -> None:
        gpu = device_of(settings) == "cuda"
        self.engine = settings.name
        self.batch = settings.batch or (GPU_BATCH if gpu else BATCH[settings.name])
        self.workers = settings.threads or workers_for()
        self.threads = self.workers if is_parallel(settings.name) else 1
        self._loaded, self._settings = loaded, settings
        self._graphs = graphs(loaded)
        self._runs: dict[str, Run] = {}

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of each network's input."""
        return {name: graph.size for name, graph in self._graphs.items()}

    def run(self, name: str, images: np.ndarray) -> tuple[np.ndarray, ...]:
        """A batch through one of the networks."""
        if name not in self._runs:
            settings = self._settings
            if name != "network":
                # a torso found a little elsewhere, or a crop turned the other way, would cost more than all rounding
                settings = replace(settings, precision="float32")
            self._runs[name] = build(self._graphs[name], settings, self.batch, self.workers)
        return self._runs[name](images)

    def prepare(self) -> Way:
        """Build and try every network where several threads will call them, so that no two build one."""
        if self.threads == 1:
            return self
        for name, graph in self._graphs.items():
            self.run(name, np.zeros((self.batch, 3, *graph.size), np.uint8))
        return self

    def vectors(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Inputs of the network (batch, 3, height, width) to unit vectors (batch, size); the probabilities of their flanks
        (batch, 5), None where they are told before; and the quality (batch,), NaN without a head for it.
        """
        found = dict(zip(self._graphs["network"].outputs, self.run("network", images), strict=True))
        quality = found.get("quality", np.full(len(images), np.nan, np.float32))
        return found["vectors"], found.get("flanks"), quality

    def turns(self, images: np.ndarray) -> np.ndarray:
        """Inputs of the network to the probabilities of their flanks, (batch, 5)."""
        return self.run("turns", images)[0]

    def torsos(self, images: np.ndarray) -> np.ndarray:
        """Squashed crops to torsos, (batch, 6), as `reid.embed.torso.TorsoFinder` gives them."""
        return self.run("torsos", images)[0]

    def flanks(self, images: np.ndarray) -> np.ndarray:
        """Squashed crops to the probabilities of their flanks, (batch, 5)."""
        return self.run("flanks", images)[0]


def plain_way(loaded: LoadedNetwork, batch: int = 0) -> Way:
    """The way in plain torch on the CPU, for few crops and as the reference."""
    settings = replace(loaded.engine, name="torch", device="cpu", batch=batch)
    return Way(loaded, settings)

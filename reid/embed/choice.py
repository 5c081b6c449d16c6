"""Which engine is fastest here: measured once for a network, and kept for this machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from reid.embed.engine_settings import RUNS, EngineSettings
from reid.embed.engines import PACKAGES, device_of, missing
from reid.embed.way import Way
from reid.embed.weights import LoadedNetwork
from reid.errors import MissingPartError
from reid.resources import cache_folder
from reid.store import digest, write_json
from reid.threads import workers_for

__all__ = ["FEW", "chosen", "measured", "way_for"]

FEW = 200
"""Fewer crops than this are done before another engine has started: torch embeds them, where it can."""
FILE = "engines.json"
ROUNDS, CALLS = 5, 2


def way_for(loaded: LoadedNetwork, crops: int) -> Way:
    """The way for a job of so many crops.

    What `auto` means depends on the machine and the size of the whole job, never on how much of it is left: a job that was
    stopped goes on with the engine that it had.

    Raises:
        MissingPartError: the engine is not installed, or none that has the precision.
        ConfigError: there is no GPU, and one was asked for.
    """
    return Way(loaded, chosen(loaded, crops)).prepare()


def chosen(loaded: LoadedNetwork, crops: int) -> EngineSettings:
    """The settings with `auto` replaced by an engine's name."""
    settings = loaded.engine
    if settings.name != "auto":
        return settings
    torch_can = "torch" in RUNS[settings.precision]
    if torch_can and (crops < FEW or device_of(settings) == "cuda"):
        return replace(settings, name="torch")
    # the compiler takes longer to begin than it wins on the largest season that was measured
    names = [name for name in RUNS[settings.precision] if name != "compiled" and not missing(name)]
    if not names:
        needed = " or ".join(RUNS[settings.precision])
        raise MissingPartError(f"engine.precision={settings.precision} needs {needed}: pip install onnx onnxruntime.")
    if len(names) == 1:
        return replace(settings, name=names[0])
    key = _key(loaded)
    speeds = _kept().get(key)
    if not isinstance(speeds, dict) or set(speeds) != set(names):
        speeds = {name: measured(Way(loaded, replace(settings, name=name)).prepare()) for name in names}
        _keep(key, speeds)
    return replace(settings, name=max(names, key=lambda name: speeds[name]))


def measured(way: Way) -> float:
    """Crops a second through a way's networks, on noise: the median of a few short rounds."""
    rng = np.random.default_rng(0)
    inputs = {name: rng.integers(0, 256, (way.batch, 3, *size), np.uint8) for name, size in way.sizes.items()}

    def once(_: int) -> None:
        for name, images in inputs.items():
            way.run(name, images)

    times = []
    with ThreadPoolExecutor(way.threads) as pool:
        list(pool.map(once, range(way.threads)))
        for _ in range(ROUNDS):
            started = time.perf_counter()
            list(pool.map(once, range(CALLS * way.threads)))
            times.append(time.perf_counter() - started)
    return CALLS * way.threads * way.batch / statistics.median(times)


def _key(loaded: LoadedNetwork) -> str:
    """What a choice holds for: this processor, these packages, this network run so."""
    versions = {name: _version(name) for name in ("torch", *PACKAGES)}
    return digest(_processor(), workers_for(), versions, loaded.fingerprint, loaded.engine.batch, loaded.engine.threads)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    return platform.processor()


def _kept() -> dict[str, Any]:
    try:
        values = json.loads((cache_folder() / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _keep(key: str, speeds: dict[str, float]) -> None:
    with suppress(OSError):  # where nothing can be kept, it is measured again next time
        cache_folder().mkdir(parents=True, exist_ok=True)
        path = cache_folder() / FILE
        partial = path.with_name(f"{FILE}.{os.getpid()}")
        write_json({**_kept(), key: {name: round(speed, 1) for name, speed in speeds.items()}}, partial)
        partial.replace(path)

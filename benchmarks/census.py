"""A season of photos made from the samples, counted: time and memory by stage, twice the photos, nothing changed, some more photos.

`python benchmarks/census.py [photos=10000] [more=100] [half=yes] [KEY=VALUE ...]`; further settings go to `reid census`. `half=no` leaves
out the census of half the photos. Each census is a process of its own. Prints a table and writes `benchmarks/results/census.json`.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from memory import season

RESULTS = Path(__file__).resolve().parent / "results"
CHILD = """
import os, resource, sys, threading, time

spent, within, lock = [0.0], threading.local(), threading.Lock()

def timed(function):
    def outermost(*arguments, **named):
        if getattr(within, "it", False):
            return function(*arguments, **named)
        within.it, began = True, time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            within.it = False
            with lock:
                spent[0] += time.perf_counter() - began
    return outermost

def wrap(owner, name):
    if hasattr(owner, name):
        setattr(owner, name, timed(getattr(owner, name)))

if os.environ.get("MODEL_CALLS"):
    import torch
    wrap(torch.nn.Module, "__call__")
    for package, kind, name in (("openvino", "CompiledModel", "__call__"), ("openvino", "InferRequest", "infer"),
                                ("onnxruntime", "InferenceSession", "run")):
        try:
            wrap(getattr(__import__(package), kind), name)
        except (ImportError, AttributeError):
            pass
    import reid.match
    make = reid.match.make_matcher
    def watched(settings):
        matcher = make(settings)
        wrap(type(matcher), "extract"), wrap(type(matcher), "match")
        return matcher
    reid.match.make_matcher = watched
    import reid.match.coats
    wrap(reid.match.coats, "likeness")

from reid.cli import main
began = time.perf_counter()
code = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("measured", peak, spent[0], sum(os.times()[:4]), file=sys.stderr)
sys.exit(code)
"""


def make(folder: Path, count: int, begin: int = 0) -> None:
    """The season's photos from number `begin` on, by all cores."""
    bounds = [*range(begin, count, 250), count]
    with ProcessPoolExecutor() as pool:
        list(pool.map(season, *zip(*[(folder, b, a) for a, b in pairwise(bounds)], strict=True)))


def _first(season: Path, folder: Path, count: int) -> None:
    """Copy the first photos of a season, by the time in their names."""
    for photo in sorted(season.rglob("*.jpg"), key=lambda photo: photo.name)[:count]:
        target = folder / photo.relative_to(season)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(photo, target)


def census(folder: Path, name: str, words: list[str], calls: bool = True) -> dict[str, Any]:
    """One census in a process of its own: seconds with the start of Python, processors' seconds, peak memory, stages."""
    environment = {**os.environ, "MODEL_CALLS": "1" if calls else ""}
    command = [sys.executable, "-c", CHILD, "census", f"photos={folder / name}", f"output={folder / (name + '-out')}"]
    began = time.perf_counter()
    done = subprocess.run([*command, *words], capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    peak, models, work = (float(word) for word in done.stderr.rsplit("measured", 1)[1].split()[:3])
    stages = json.loads((folder / f"{name}-out" / "profile.json").read_text())["stages"]
    mib = peak / (2**20 if sys.platform == "darwin" else 1024)
    return {"seconds": round(seconds, 2), "cpu_seconds": round(work, 2), "peak_mib": round(mib),
            "model_seconds": round(models, 2), "stages": stages, "said": done.stdout.splitlines()[0]}  # fmt: skip


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    count, more = int(given.pop("photos", 10_000)), int(given.pop("more", 100))
    halved = given.pop("half", "yes") != "no"
    words = [f"{key}={value}" for key, value in ({"matcher": "sift"} | given).items()]
    with tempfile.TemporaryDirectory() as made:
        folder, runs = Path(made), {}
        make(folder / "all", count)
        for name, photos in {"tenth": count // 10, "half": count // 2 if halved else 0}.items():
            _first(folder / "all", folder / name, photos)

        def measured(name: str, photos: int) -> None:
            runs[name] = {"photos": photos, **census(folder, name, words)}
            _row(name, runs[name])

        measured("tenth", count // 10)
        measured("all", count)
        # timed as a user would see it, and so is the first
        again = [census(folder, "all", words, calls=False) for _ in range(5)]
        runs["unchanged"] = {"photos": count, **sorted(again, key=lambda run: run["seconds"])[2]}
        _row("unchanged", runs["unchanged"])
        make(folder / "all", count + more, begin=count)
        runs["grown"] = {"photos": count + more, **census(folder, "all", words)}
        _row("grown", runs["grown"])
        if halved:
            measured("half", count // 2)
    whole, tenth = runs["all"], runs["tenth"]
    less = runs.get("half", tenth)
    each = (whole["cpu_seconds"] - less["cpu_seconds"]) / (count - less["photos"])
    figures = {"time against the sum of its model calls": round(whole["seconds"] / whole["model_seconds"], 3)}
    for name, part in {"twice": runs.get("half"), "ten times": tenth}.items():
        if part:
            figures[f"time for {name} the photos"] = round(whole["seconds"] / part["seconds"], 3)
            figures[f"processors' time for {name} the photos"] = round(whole["cpu_seconds"] / part["cpu_seconds"], 3)
    figures |= {
        "peak memory for ten times the photos": round(whole["peak_mib"] / tenth["peak_mib"], 3),
        "second run, nothing changed, share of the first": round(runs["unchanged"]["seconds"] / whole["seconds"], 5),
        "the same of the processors' time": round(runs["unchanged"]["cpu_seconds"] / whole["cpu_seconds"], 5),
        f"{more} more photos cost the processors as many as": round(runs["grown"]["cpu_seconds"] / each, 1),
    }
    print()
    for name, value in figures.items():
        print(f"{name:<58} {value:g}")
    print("\nstages of the whole season")
    for stage in whole["stages"]:
        print(f"  {stage['stage']:<8} {stage['seconds']:9.1f} s {stage['cpu_seconds']:9.1f} s of processors, "
              f"{stage['memory_mib']} MiB then, {stage['peak_mib']} MiB at most")  # fmt: skip
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    RESULTS.mkdir(exist_ok=True)
    content = {"settings": words, "machine": machine, "runs": runs, "figures": figures}
    (RESULTS / "census.json").write_text(json.dumps(content, indent=1) + "\n")


def _row(name: str, run: dict[str, Any]) -> None:
    print(f"{name:<10} {run['photos']:6d} photos {run['seconds']:9.1f} s {run['cpu_seconds']:9.1f} s of processors "
          f"{run['model_seconds']:9.1f} s in models {run['peak_mib']:6d} MiB", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

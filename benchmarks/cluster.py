"""Two Ray workers against one process on the same cores: `python benchmarks/cluster.py [photos] [rounds]`.

The start of Ray, which a season pays once, is timed apart; each worker loads its networks within the time. Prints a table and
writes `benchmarks/results/cluster.json`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from memory import season

from reid.cli import run_verb
from reid.cluster import ExecutorSettings
from reid.cluster.spread import spread
from reid.cluster.work import Work

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    cores = os.cpu_count() or 1
    alone, together = [], []
    with tempfile.TemporaryDirectory() as made:
        photos = Path(made) / "photos"
        season(photos, count)
        began = time.perf_counter()
        list(spread(Work(str(photos)), [{"paths": [], "keys": []}], ExecutorSettings("ray", workers=cores)))
        start = time.perf_counter() - began
        for turn in range(rounds):
            for name, words, times in (
                ("one", [], alone),
                ("ray", ["executor=ray", f"executor.workers={cores}", "executor.block=16"], together),
            ):
                began = time.perf_counter()
                run_verb("embed", [f"input={photos}", f"output={made}/{name}{turn}", *words])
                times.append(time.perf_counter() - began)
    ratios = [b / a for a, b in zip(alone, together, strict=True)]
    print(f"{count} photos, {cores} cores, medians of {rounds} rounds in turns")
    print(f"one process           {statistics.median(alone):8.1f} s")
    print(f"{cores} Ray workers         {statistics.median(together):8.1f} s, and {start:.1f} s for Ray to start")
    print(f"overhead              {statistics.median(ratios) - 1:8.1%}")
    content = {"photos": count, "cores": cores, "processor": platform.processor() or platform.machine(),
               "load": os.getloadavg(), "one_process_s": alone, "ray_s": together, "ray_start_s": start,
               "overhead": statistics.median(ratios) - 1}  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cluster.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()

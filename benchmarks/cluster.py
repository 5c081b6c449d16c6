"""Two Ray workers against one process on the same cores: `python benchmarks/cluster.py [photos] [rounds]`.

Both are commands as a user gives them, from photos to vectors, in turns: what they import and load is in their time. The
Ray cluster runs before, as it does where there is one, and its start is timed apart. Prints a table and writes
`benchmarks/results/cluster-PHOTOS.json`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from memory import season

RESULTS = Path(__file__).resolve().parent / "results"


def command(*words: str) -> float:
    """Seconds of a command; its own words if it fails."""
    program = str(Path(sys.executable).with_name(words[0]))
    with tempfile.TemporaryFile("w+") as said:  # a pipe would be held open by what `ray start` leaves running
        began = time.perf_counter()
        code = subprocess.run([program, *words[1:]], stdout=subprocess.DEVNULL, stderr=said).returncode
        took = time.perf_counter() - began
        said.seek(0)
        return took if not code else sys.exit(said.read()[-2000:])


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    cores = os.cpu_count() or 1
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    alone, together = [], []
    with tempfile.TemporaryDirectory() as made:
        photos = Path(made) / "photos"
        season(photos, count)
        start = command("ray", "start", "--head", f"--num-cpus={cores}", "--include-dashboard=false")
        try:
            for turn in range(rounds):
                for name, words, times in (
                    ("one", [], alone),
                    ("ray", ["executor=ray", "executor.address=auto", f"executor.workers={cores}"], together),
                ):
                    times.append(command("reid", "embed", f"input={photos}", f"output={made}/{name}{turn}", *words))
                    print(f"{name} {times[-1]:.1f} s", flush=True)
        finally:
            command("ray", "stop", "--force")
    ratios = [b / a for a, b in zip(alone, together, strict=True)]
    print(f"{count} photos, {cores} cores, medians of {rounds} rounds in turns")
    print(f"one process           {statistics.median(alone):8.1f} s")
    print(f"{cores} Ray workers         {statistics.median(together):8.1f} s, and {start:.1f} s for Ray to start")
    print(f"overhead              {statistics.median(ratios) - 1:8.1%}")
    content = {"photos": count, "cores": cores, "processor": platform.processor() or platform.machine(),
               "load": os.getloadavg(), "one_process_s": alone, "ray_s": together, "ray_start_s": start,
               "overhead": statistics.median(ratios) - 1}  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"cluster-{count}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What it gains to keep freed memory: tensors, inference and a training step, with and without, side by side.

`python benchmarks/allocator.py [height] [width]`. Each way runs in processes of its own, in turns; the figures are medians.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np

ROUNDS = 3
WAYS = ("as it comes", "kept")


def measure(kept: bool, height: int, width: int) -> dict[str, float]:
    """Milliseconds, and MiB at the peak, by name, in this process."""
    import torch

    from reid.embed.allocator import keep_memory
    from reid.embed.network import EmbeddingNetwork, NetworkSpec

    if kept and not keep_memory():
        sys.exit("this C library does not let itself be told; see reid/embed/allocator.py")
    torch.manual_seed(0)
    network = EmbeddingNetwork(NetworkSpec(pooling="gem", neck="bn", height=height, width=width))
    network = network.to(memory_format=torch.channels_last)

    def images(count: int) -> torch.Tensor:
        batch = torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8)
        return batch.contiguous(memory_format=torch.channels_last)

    few, many = images(8), images(32)

    def infer() -> None:
        network.eval()
        with torch.inference_mode():
            network.embed(few)

    def step() -> None:
        network.train()
        network(network.normalised(many)).pow(2).mean().backward()

    found = {}
    for name, work, times in (
        ("fill 64 MiB", lambda: torch.empty(2**24).fill_(0), 40),
        ("infer 8 crops", infer, 10),
        ("train on 32 crops", step, 3),
    ):
        work()
        started = time.perf_counter()
        for _ in range(times):
            work()
        found[name + ", ms"] = 1000 * (time.perf_counter() - started) / times
    found["peak, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def main() -> None:
    import torch

    size = sys.argv[1:3] or ["224", "304"]
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            words = [sys.executable, __file__, "one", str(int(way == "kept")), *size]
            said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            rows[way].append(json.loads(said))
    print(f"{' x '.join(size)} px, {torch.get_num_threads()} threads, median of {ROUNDS} processes")
    print(f"{'':24}{WAYS[0]:>12}{WAYS[1]:>12}{'ratio':>8}")
    for name in rows[WAYS[0]][0]:
        before, after = (float(np.median([row[name] for row in rows[way]])) for way in WAYS)
        print(f"{name:24}{before:12.1f}{after:12.1f}{before / after:8.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(measure(sys.argv[2] == "1", *map(int, sys.argv[3:5]))))
    else:
        main()

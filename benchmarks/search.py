"""How fast and how well `reid.Index` with `auto` finds the nearest, beside plain faiss's exact search, and in how much memory.

    python benchmarks/search.py [--count 1000000] [--ten-million]

Both search the same vectors for the same queries, in turns, in one process; the figure is the median of the ratios of the
rounds. Writes benchmarks/results/search.json and search.md. Vectors are made up, of two kinds:

- clusters: animals with about 20 vectors each. Animals and their photos are drawn with variances that fall with the root of
  their dimension's number, as vectors of networks do; photos of one animal then have a median cosine of about 0.75,
  and of two animals of about 0. The queries are further photos of animals that are there.
- uniform: evenly on the sphere, the worst case: nothing lies near anything, and no list of vectors is nearer than another.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from reid.match import Index
from reid.match.index_kinds import factory_for, make, parameters, train
from reid.match.index_tuning import fill_tuned

HERE = Path(__file__).resolve().parent
SIZE, K, QUERIES, ROUNDS, PHOTOS = 256, 10, 500, 5, 20
READER = """
import sys
import numpy as np, psutil
from reid.match import Index
queries, me = np.load(sys.argv[2]), psutil.Process()
started = me.memory_info().rss
index = Index.load(sys.argv[1], mapped=True)
index.search(queries, 10, "made up")
print(me.memory_info().rss - started)  # with the pages of the file that the search touched
"""


def clusters(count: int, seed: int, chunk: int = 1 << 17) -> np.ndarray:
    """Unit vectors (count, SIZE) of animals, as the head of this file says; animals are the same for every seed."""
    rng = np.random.default_rng(seed)
    spread = (np.arange(1, SIZE + 1) ** -0.25).astype(np.float32)
    out = np.empty((count, SIZE), np.float32)
    for start in range(0, count, chunk):
        part = out[start : start + chunk]
        animals = rng.integers(0, max(1, ANIMALS), len(part))
        part[:] = _animal(animals) + 0.58 * rng.standard_normal(part.shape, dtype=np.float32)
        part *= spread
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return out


ANIMALS = 1
"""Set for each size."""
POOL = np.random.default_rng(7).standard_normal((1 << 16, SIZE), dtype=np.float32)


def _animal(numbers: np.ndarray) -> np.ndarray:
    """The same standard normal numbers for an animal every time, without keeping millions of animals."""
    return (POOL[numbers % len(POOL)] + POOL[(numbers * 7919 + 13) % len(POOL)][:, ::-1]) / np.float32(np.sqrt(2))


def uniform(count: int, seed: int) -> np.ndarray:
    out = np.random.default_rng(seed).standard_normal((count, SIZE), dtype=np.float32)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return out


def seconds(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def compared(kind: str, count: int, folder: Path) -> dict[str, Any]:
    """One size of one kind: exact and auto in turns."""
    global ANIMALS
    ANIMALS = count // PHOTOS
    made = {"clusters": clusters, "uniform": uniform}[kind]
    vectors, queries = made(count, 1), made(QUERIES, 2)
    plain = faiss.IndexFlatIP(SIZE)
    plain.add(vectors)
    index = Index(SIZE, "made up", "auto")
    ids = [str(n) for n in range(count)]
    started = time.perf_counter()
    index.add(vectors, ids, "made up")
    took = time.perf_counter() - started
    del vectors
    truth = plain.search(queries, K)[1]
    found = index.nearest(queries, K, "made up")[0]
    recall = float(np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(truth, found, strict=True)]))
    exact, ours = [], []
    for _ in range(ROUNDS):
        exact.append(seconds(lambda: plain.search(queries, K)) / QUERIES)
        ours.append(seconds(lambda: index.search(queries, K, "made up")) / QUERIES)
    path = folder / f"{kind}-{count}.faiss"
    index.save(path)
    stored = sum(Path(f"{path}{ending}").stat().st_size for ending in ("", ".rows", ".json"))
    np.save(folder / "queries.npy", queries[:100])
    return {
        "kind": kind,
        "count": count,
        "factory": index.factory,
        "effort": index.effort,
        "recall_measured_by_the_index": round(index.reached, 4),
        "recall@10": round(recall, 4),
        "build_s": round(took, 2),
        "exact_ms_per_query": round(statistics.median(exact) * 1e3, 4),
        "auto_ms_per_query": round(statistics.median(ours) * 1e3, 4),
        "times_faster": round(statistics.median(a / b for a, b in zip(exact, ours, strict=True)), 2),
        "ratios": [round(a / b, 2) for a, b in zip(exact, ours, strict=True)],
        "bytes_per_vector": round(stored / count, 1),
        "mapped_MiB": round(_mapped(path, folder / "queries.npy"), 1),
    }


def _mapped(path: Path, queries: Path) -> float:
    """MiB that a process takes to open an index in place and search it, beyond what it had before."""
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(queries)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) / (1 << 20)


def ten_million(folder: Path) -> dict[str, Any]:
    """10 million vectors, added in parts: bytes of the index, and memory of a process that opens it in place."""
    global ANIMALS
    count, part = 10_000_000, 500_000
    ANIMALS = count // PHOTOS
    factory = factory_for(count, SIZE)
    index = Index(SIZE, "made up", factory)
    started = time.perf_counter()
    for n in range(count // part):
        index.add(clusters(part, 100 + n), [str(i) for i in range(n * part, (n + 1) * part)], "made up")
    took = time.perf_counter() - started
    path = folder / "ten.faiss"
    index.save(path)
    np.save(folder / "queries.npy", clusters(100, 2))
    stored = sum(Path(f"{path}{ending}").stat().st_size for ending in ("", ".rows", ".json"))
    return {
        "count": count,
        "factory": factory,
        "build_s": round(took, 1),
        "GB_in_memory": round(stored / 1e9, 3),
        "peak_GB_of_the_build": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
        "mapped_GB": round(_mapped(path, folder / "queries.npy") * 2**20 / 1e9, 3),
    }


def kinds(count: int) -> list[dict[str, Any]]:
    """What quantising loses at one size of clusters: recall at the effort that the index chooses, and bytes a vector."""
    global ANIMALS
    ANIMALS = count // PHOTOS
    vectors = clusters(count, 1)
    return [
        _kind(factory, vectors)
        for factory in (
            "HNSW32",
            "HNSW16",
            "HNSW32_SQ8",
            "IVF512,Flat",
            "IVF512,SQ8",
            "IVF512,SQ4",
            "IVF512,PQ64",
            "IVF512,PQ32",
        )
    ]


def _kind(factory: str, vectors: np.ndarray) -> dict[str, Any]:
    index = make(SIZE, factory)
    started = time.perf_counter()
    train(index, vectors, factory)
    effort, reached = fill_tuned(index, vectors, 0.98)
    build = time.perf_counter() - started
    queries, params = vectors[:QUERIES], parameters(index, None, effort)
    took = statistics.median(seconds(lambda: index.search(queries, K, params=params)) for _ in range(ROUNDS))
    return {
        "factory": factory,
        "recall@10": round(reached, 4),
        "effort": effort,
        "build_s": round(build, 1),
        "bytes_per_vector": round(len(faiss.serialize_index(index)) / len(vectors), 1),
        "ms_per_query": round(took / QUERIES * 1e3, 4),
    }


def report(result: dict[str, Any]) -> str:
    lines = [
        f"Machine: {result['machine']}. {SIZE} numbers a vector, {QUERIES} queries in one call, {ROUNDS} rounds in turns, medians.",
        "",
        "| vectors | kind | index | recall@10 | exact, ms a query | auto, ms a query | times faster | to build, s | bytes a vector | memory when read in place, MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in result["sizes"]:
        lines.append(
            f"| {row['count']:,} | {row['kind']} | {row['factory']}, {row['effort']} | {row['recall@10']:.3f} | {row['exact_ms_per_query']:.3f} | "
            f"{row['auto_ms_per_query']:.3f} | {row['times_faster']:.1f} | {row['build_s']:.1f} | {row['bytes_per_vector']:.0f} | {row['mapped_MiB']:.0f} |"
        )
    lines += [
        "",
        "| kind of index, 100,000 vectors | recall@10 | to build, s | bytes a vector | ms a query |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in result["kinds"]:
        lines.append(
            f"| {row['factory']} | {row['recall@10']:.3f} | {row['build_s']:.1f} | {row['bytes_per_vector']:.0f} | {row['ms_per_query']:.3f} |"
        )
    if ten := result.get("ten_million"):
        lines += [
            "",
            f"10 million vectors, {ten['factory']}: {ten['GB_in_memory']} GB with ids, built in {ten['build_s']} s; a process that reads it "
            f"in place takes {ten['mapped_GB']} GB to search it.",
        ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000, help="the largest number of vectors")
    parser.add_argument("--ten-million", action="store_true", help="build 10 million too: many minutes, 5 GB of disk")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    chosen = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    result: dict[str, Any] = {
        "machine": f"{platform.machine()}, {cores} cores, {faiss.omp_get_max_threads()} threads, faiss {faiss.__version__}",
        "sizes": [],
    }
    sizes = [size for size in (10_000, 100_000, 200_000) if size < chosen.count] + [chosen.count]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, counts in (("clusters", sizes), ("uniform", sizes[-2:-1] or sizes)):
            for count in counts:
                result["sizes"].append(compared(kind, count, folder))
                print(json.dumps(result["sizes"][-1]), file=sys.stderr, flush=True)
        result["kinds"] = kinds(min(chosen.count, 100_000))
        if chosen.ten_million:
            result["ten_million"] = ten_million(folder)
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "search.json").write_text(json.dumps(result, indent=1) + "\n")
    (chosen.output / "search.md").write_text(report(result) + "\n")
    print(report(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())

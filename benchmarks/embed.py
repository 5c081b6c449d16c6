"""From JPEGs of 2 megapixels on disk to vectors: beside wildlife-tools and plain timm with the same network, and beside the bare engine.

    python benchmarks/embed.py [photos] [--no-peer] [--peer FOLDER]

All contestants take turns, round by round, and the figures are medians of the ratios of the rounds. wildlife-tools comes from
PyPI into an environment of its own (in `--peer`, by default a folder beside this machine's other caches), which sees
the same torch, timm and OpenCV as this one; it gets the batch and the workers with which it is fastest here. The network is
EfficientNet-Lite0 with ImageNet's weights at 224 x 224 on the whole photo. Writes benchmarks/results/embed.json and embed.md.

`bare engine` is the same engine on tensors that are in memory already, called from as many threads. `swin-b` is the body of
MegaDescriptor-B, swin_base_patch4_window7_224, with weights by chance, which take as long as any: a network of the size that the peers
recommend. It embeds a quarter of the photos.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from reid.detect import DetectorSettings, detect
from reid.embed import EngineSettings, embed_crops, load_network, make_crops
from reid.embed.allocator import keep_memory
from reid.embed.choice import chosen
from reid.embed.network import EmbeddingNetwork, NetworkSpec
from reid.embed.way import Way
from reid.embed.weights import LoadedNetwork, fingerprint
from reid.photos import read_photo, scan
from reid.resources import cache_folder

ROUNDS = 5
HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent / "samples" / "jaguars"
FEW = 4
"""The share of the photos that a large network embeds is one of so many."""
MANY = 10_000
"""A job of so many crops has its engine measured."""
PEER = r"""
import sys, time
import numpy as np, pandas as pd, timm, torch
from torchvision import transforms as T
from wildlife_tools.data import WildlifeDataset
from wildlife_tools.features import DeepFeatures
table, weights, out = sys.argv[1:4]
model = timm.create_model("tf_efficientnet_lite0", num_classes=0)
model.load_state_dict(torch.load(weights, weights_only=True))
transform = T.Compose([T.Resize((224, 224)), T.ToTensor(), T.Normalize([0.5] * 3, [0.5] * 3)])
data = WildlifeDataset(pd.read_csv(table), transform=transform)
print("ready", flush=True)
for line in sys.stdin:
    batch, workers = map(int, line.split())
    extract = DeepFeatures(model, batch_size=batch, num_workers=workers)
    started = time.perf_counter()
    vectors = extract(data)
    took = time.perf_counter() - started
    np.save(out, vectors)
    print(took, flush=True)
"""


def photos_of(folder: Path, count: int, width: int) -> None:
    """Copies of the sample photos, enlarged to a width, with a little noise, so that they take as many bytes as a camera's."""
    sources = sorted(SAMPLES.rglob("*.jpg"))
    rng = np.random.default_rng(0)
    for n in range(count):
        photo = read_photo(sources[n % len(sources)])
        picture = Image.fromarray(photo).resize((width, round(width * photo.shape[0] / photo.shape[1])))
        noisy = np.asarray(picture) + rng.normal(0, 2, (picture.height, picture.width, 1))
        target = folder / f"cam{n % 4}" / f"{n:05d}_{sources[n % len(sources)].stem}.jpg"
        target.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(target, quality=88)


def photos_of_1280(folder: Path, count: int) -> None:
    """The same, 1280 px wide."""
    photos_of(folder, count, 1280)


class Peer:
    """wildlife-tools in a process of its own that waits between its turns."""

    def __init__(self, home: Path, crops: pd.DataFrame, root: Path) -> None:
        self.vectors = root / "peer.npy"
        table, weights = root / "peer.csv", root / "peer.pt"
        pd.DataFrame({"path": [str(root / path) for path in crops["path"]], "identity": "one"}).to_csv(
            table, index=False
        )
        torch.save(load_network("lite0-imagenet").network.backbone.state_dict(), weights)
        words = [str(_python(home)), "-c", PEER, str(table), str(weights), str(self.vectors)]
        self.child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if self._answer() != "ready":
            raise RuntimeError(f"wildlife-tools in {home} does not start; remove that folder and try again")
        tried = {pair: self.seconds(*pair) for pair in ((128, 1), (8, 1), (8, 2), (32, 2))}
        self.setting = min(tried, key=lambda pair: tried[pair])

    def _answer(self) -> str:
        return str(self.child.stdout.readline()).strip()

    def seconds(self, batch: int, workers: int) -> float:
        self.child.stdin.write(f"{batch} {workers}\n")
        self.child.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self.child.stdin.close()
        self.child.wait()


def _python(home: Path) -> Path:
    """The interpreter of the peer's environment, made if it is not there."""
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (home / "ready").is_file():
        venv.create(home, with_pip=True, clear=True)
        where = [
            sys.executable,
            "-c",
            "import torch, cv2, os; print(*{os.path.dirname(os.path.dirname(m.__file__)) for m in (torch, cv2)}, sep='\\n')",
        ]
        outer = subprocess.run(where, capture_output=True, text=True, check=True).stdout
        inner = subprocess.run(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            capture_output=True,
            text=True,
            check=True,
        )
        (Path(inner.stdout.strip()) / "outer.pth").write_text(outer)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--no-deps", "wildlife-tools", "wildlife-datasets"], check=True)
        # what their modules import beyond torch, timm, OpenCV and pandas, which are those of this environment
        subprocess.run([*pip, "transformers", "pycocotools", "jinja2", "pyyaml", "tqdm"], check=True)
        (home / "ready").write_text("")
    return python


def plain_timm(root: Path, crops: pd.DataFrame, model: Any) -> None:
    """What a notebook does: Pillow, timm's transform, batches of 8."""
    from timm.data import create_transform

    transform = create_transform((3, 224, 224), interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=1.0)
    paths = [root / path for path in crops["path"]]
    with torch.inference_mode():
        for start in range(0, len(paths), 8):
            model(torch.stack([transform(Image.open(path).convert("RGB")) for path in paths[start : start + 8]]))


def bare(way: Way, count: int) -> None:
    """As many crops through the networks, from tensors in memory."""
    rng = np.random.default_rng(0)
    inputs = {name: rng.integers(0, 256, (way.batch, 3, *size), np.uint8) for name, size in way.sizes.items()}

    def once(_: int) -> None:
        for name, images in inputs.items():
            way.run(name, images)

    with ThreadPoolExecutor(way.threads) as pool:
        list(pool.map(once, range(-(-count // way.batch))))


def large() -> LoadedNetwork:
    """A network as large as MegaDescriptor-B, of which nothing must be fetched."""
    torch.manual_seed(0)
    network = EmbeddingNetwork(NetworkSpec(backbone="swin_base_patch4_window7_224", pooling="own")).eval()
    return LoadedNetwork(network, "swin-b", fingerprint(network))


def contestants(root: Path, crops: pd.DataFrame) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """What is timed, by name, and what runs it."""
    runs: dict[str, Callable[[], Any]] = {}
    engines: dict[str, str] = {}
    for title, name, settings in (
        ("lite0", "lite0-imagenet", EngineSettings()),
        ("lite0, reduced", "lite0-imagenet", EngineSettings(decode="reduced")),
        ("lite0, bf16, reduced", "lite0-imagenet", EngineSettings(precision="bf16", decode="reduced")),
        ("reid-base", "reid-base", EngineSettings()),
        ("reid-base, bf16, reduced", "reid-base", EngineSettings(precision="bf16", decode="reduced")),
        ("swin-b", "", EngineSettings()),
        ("swin-b, bf16", "", EngineSettings(precision="bf16")),
    ):
        loaded = load_network(name, settings) if name else large().run_by(settings)
        asked = crops if name else crops.iloc[: len(crops) // FEW]
        loaded = replace(loaded, engine=chosen(loaded, MANY))
        way = Way(loaded, loaded.engine).prepare()
        engines[title] = way.engine
        runs[f"reid, {title}"] = lambda loaded=loaded, way=way, asked=asked: embed_crops(root, asked, loaded, way=way)
        if "reduced" not in title or "bf16" in title:
            runs[f"bare engine, {title}"] = lambda way=way, asked=asked: bare(way, len(asked))
    return runs, engines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="?", type=int, default=96)
    parser.add_argument("--no-peer", action="store_true", help="leave wildlife-tools out, which must be downloaded")
    parser.add_argument("--peer", type=Path, default=cache_folder() / "benchmarks" / "wildlife-tools")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    chosen_words = parser.parse_args()
    keep_memory()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photos_of(root, chosen_words.photos, 1730)
        size = statistics.mean(path.stat().st_size for path in root.rglob("*.jpg"))
        photos, _ = scan(root)
        crops = make_crops(photos, detect(photos, root, DetectorSettings(name="whole"))[0])
        model = load_network("lite0-imagenet").network.backbone
        runs, engines = contestants(root, crops)
        runs = {"plain timm": lambda: plain_timm(root, crops, model), **runs}
        peer = None if chosen_words.no_peer else Peer(chosen_words.peer, crops, root)
        times: dict[str, list[float]] = {}
        for turn in range(ROUNDS + 1):  # the first one warms up
            if peer:
                times.setdefault("wildlife-tools", []).append(peer.seconds(*peer.setting))
            for name, run in runs.items():
                started = time.perf_counter()
                run()
                times.setdefault(name, []).append(time.perf_counter() - started)
            print(f"round {turn} of {ROUNDS}", file=sys.stderr, flush=True)
        cosine = None
        if peer:
            ours = embed_crops(root, crops, load_network("lite0-imagenet")).vectors
            theirs = np.load(peer.vectors)
            cosine = float(np.median((ours * theirs).sum(1) / np.linalg.norm(theirs, axis=1)))
            peer.close()
    result = summary({name: taken[1:] for name, taken in times.items()}, len(crops))
    result |= {
        "machine": f"{platform.machine()}, {_cores()} cores, torch {torch.__version__}",
        "bytes_per_photo": round(size),
        "engines": engines,
        "peer_batch_and_workers": peer.setting if peer else None,
        "median_cosine_with_peer": cosine,
    }
    chosen_words.output.mkdir(parents=True, exist_ok=True)
    (chosen_words.output / "embed.json").write_text(json.dumps(result, indent=1) + "\n")
    (chosen_words.output / "embed.md").write_text(report(result) + "\n")
    print(report(result))
    return 0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def summary(times: dict[str, list[float]], count: int) -> dict[str, Any]:
    """Photos a second, and ratios round by round."""

    def ratio(slow: str, fast: str) -> dict[str, Any]:
        rounds = [a / b for a, b in zip(times[slow], times[fast], strict=True)]
        return {"median": round(statistics.median(rounds), 2), "rounds": [round(r, 2) for r in rounds]}

    out: dict[str, Any] = {
        "photos": count,
        "rounds": ROUNDS,
        "photos_per_second": {
            name: round((count // FEW if "swin" in name else count) / statistics.median(taken), 1)
            for name, taken in times.items()
        },
        "times_faster": {},
        "share_of_bare_engine": {},
    }
    for name in times:
        if name.startswith("reid, lite0"):
            for slow in ("wildlife-tools", "plain timm"):
                if slow in times:
                    out["times_faster"][f"{name} than {slow}"] = ratio(slow, name)
        if f"bare engine, {name.removeprefix('reid, ')}" in times:
            out["share_of_bare_engine"][name] = ratio(f"bare engine, {name.removeprefix('reid, ')}", name)
    return out


def report(result: dict[str, Any]) -> str:
    lines = [
        f"Machine: {result['machine']}. {result['photos']} photos of 1730 px and {result['bytes_per_photo'] // 1000} kB, "
        f"{result['rounds']} rounds in turns, medians.",
        "",
        "| from disk to vectors | photos a second |",
        "| --- | --- |",
    ]
    for name, speed in result["photos_per_second"].items():
        engine = result["engines"].get(name.split(", ", 1)[-1])
        lines.append(f"| {name}{f' ({engine})' if engine else ''} | {speed:.1f} |")
    lines += ["", "| | ratio | rounds |", "| --- | --- | --- |"]
    for title, pairs in (
        ("times faster: ", result["times_faster"]),
        ("share of the bare engine: ", result["share_of_bare_engine"]),
    ):
        for name, about in pairs.items():
            lines.append(
                f"| {title}{name} | {about['median']:.2f} | {', '.join(f'{r:.2f}' for r in about['rounds'])} |"
            )
    if result["median_cosine_with_peer"] is not None:
        lines += [
            "",
            f"wildlife-tools ran with batch {result['peer_batch_and_workers'][0]} and {result['peer_batch_and_workers'][1]} workers; the median "
            f"cosine of its vectors with ours is {result['median_cosine_with_peer']:.3f} (they are resized in another way).",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""How much of the bare network's speed is left from disk to vectors: photos of 1280 px, beside tensors in memory.

`python benchmarks/embed.py [photos]`. Both are timed in turns in one process; the figure is their ratio.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import reid
from reid.detect import DetectorSettings, detect
from reid.embed import embed_crops, load_network, make_crops
from reid.embed.batch import BATCH
from reid.embed.flank import flank_reader
from reid.embed.torso import HEIGHT, WIDTH, load_finder
from reid.photos import read_photo, scan

ROUNDS = 3
SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "jaguars"


def photos_of_1280(folder: Path, count: int) -> None:
    """Copies of the sample photos, 1280 px wide, each a little different."""
    sources = sorted(SAMPLES.rglob("*.jpg"))
    rng = np.random.default_rng(0)
    for n in range(count):
        photo = read_photo(sources[n % len(sources)])
        picture = Image.fromarray(photo).resize((1280, round(1280 * photo.shape[0] / photo.shape[1])))
        noisy = np.asarray(picture).astype(int) + rng.integers(-2, 3, (1, picture.width, 1))
        target = folder / f"cam{n % 4}" / f"{n:05d}_{sources[n % len(sources)].stem}.jpg"
        target.parent.mkdir(exist_ok=True)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(target, quality=90)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    loaded = load_network(reid.load().name)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photos_of_1280(root, count)
        photos, _ = scan(root)
        crops = make_crops(photos, detect(photos, root, DetectorSettings(name="whole"))[0])
        shape = (BATCH, 3, loaded.spec.height, loaded.spec.width)
        torsos = loaded.spec.frame == "torso"  # then a finder and a reader of flanks come before the network
        small = torch.randint(0, 255, (BATCH, 3, HEIGHT, WIDTH), dtype=torch.uint8)
        tensors = [torch.randint(0, 255, shape, dtype=torch.uint8) for _ in range(-(-count // BATCH))]
        disk, memory = [], []
        for turn in range(ROUNDS + 1):
            started = time.perf_counter()
            embed_crops(root, crops, loaded)
            halfway = time.perf_counter()
            with torch.inference_mode():
                for batch in tensors:
                    if torsos:
                        load_finder()[0](small)
                        flank_reader().flanks(small)
                    loaded.network.embed(batch)
            if turn:  # the first round warms up
                disk.append(count / (halfway - started))
                memory.append(len(tensors) * BATCH / (time.perf_counter() - halfway))
    ratios = [a / b for a, b in zip(disk, memory, strict=True)]
    print(f"{count} photos of 1280 px, {torch.get_num_threads()} threads, {loaded.name} at {shape[2]} x {shape[3]}")
    print(f"disk to vectors   {np.median(disk):7.1f} photos/s")
    print(f"bare network      {np.median(memory):7.1f} crops/s")
    print(f"ratio             {np.median(ratios):7.2f}  (of {ROUNDS} rounds: {', '.join(f'{r:.2f}' for r in ratios)})")


if __name__ == "__main__":
    main()

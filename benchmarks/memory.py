"""Peak memory of a census of 100 and of 1,000 photos: `python benchmarks/memory.py [small] [large]`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from reid.photos import read_photo

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "jaguars"
CHILD = """
import resource, sys
from reid.cli import main
code = main(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def season(folder: Path, count: int, begin: int = 0) -> None:
    """Bursts of five photos, made from the samples, each a little different; those from number `begin` on."""
    sources = sorted(SAMPLES.rglob("*.jpg"))
    for n in range(begin, count):
        rng = np.random.default_rng(n)
        burst = n // 5
        photo = read_photo(sources[burst % len(sources)]).astype(int)
        when = datetime(2015, 6, 1) + timedelta(hours=burst, seconds=7 * (n % 5))
        target = folder / f"cam{burst % 7}" / f"{when:%Y%m%d_%H%M%S}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        noisy = (photo + rng.integers(-3, 4, (1, photo.shape[1], 1))).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(target, quality=88)


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or [100, 1000]
    for count in sizes:
        with tempfile.TemporaryDirectory() as folder:
            season(Path(folder) / "photos", count)
            words = ["census", f"photos={folder}/photos", f"output={folder}/out", "matcher=sift"]
            done = subprocess.run([sys.executable, "-c", CHILD, *words], capture_output=True, text=True, check=True)
            peak = int(done.stderr.rsplit("peak", 1)[1].split()[0]) * resource_unit()
            print(f"{count:6d} photos: peak {peak / 2**20:7.0f} MiB; {done.stdout.splitlines()[0]}", flush=True)


def resource_unit() -> int:
    """Bytes per unit of the peak: kilobytes on Linux, bytes on macOS."""
    return 1 if sys.platform == "darwin" else 1024


if __name__ == "__main__":
    main()

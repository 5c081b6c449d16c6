"""A thousand small seasons through one catalogue: does memory grow, do files stay open, does a season get slower?

    python benchmarks/soak.py --seasons 1000 --output runs/soak

Each season is scanned from photos and recorded with its vectors and decisions, the index is brought up to date,
and every tenth time animals and sightings are listed and the catalogue is closed and opened. The seasons are small (three photos of
a few pixels): what grows beyond what the catalogue itself holds was not let go.
Prints a table, and fails where the memory of the second half of the seasons rises by more than a stated number of bytes
a season, or files stay open.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ["TQDM_DISABLE"] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "catalogue")]
MOST_BYTES = 40_000
"""That a season may add to the memory, at most: the catalogue's own content in memory takes part of it."""


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def handles() -> int:
    """Files, sockets and pipes that are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def soak(seasons: int, folder: Path, every: int) -> list[dict[str, float]]:
    """Run the seasons; a row of figures every so many."""
    from catalogue_makers import record
    from PIL import Image

    from reid.catalogue import Catalogue
    from reid.photos import scan

    rng = np.random.default_rng(0)
    photos = folder / "photos" / "cam"
    photos.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(photos / f"{number}.jpg")
    rows: list[dict[str, float]] = []
    catalogue = Catalogue(folder / "park.sqlite", by="Anna")
    began = time.process_time()
    for number in range(seasons):
        scan(folder / "photos", cache=folder / "cache")
        run = f"s{number:05d}"
        encounters = {f"e{number}-{k}": [f"c{number}-{k}"] for k in range(3)}
        names = [f"ind-{k + 1:03d}" for k in range(3)]
        said = dict(zip(encounters, names if number else ["new-1", "new-2", "?"], strict=True))
        if number == 1:
            said[f"e1-{2}"] = "new-3"
        record(catalogue, run, encounters, said)
        catalogue.rebuild_index()
        if number % 10 == 9:
            catalogue.individuals()
            catalogue.sightings()
            catalogue.close()
            catalogue = Catalogue(folder / "park.sqlite", create=False, by="Anna")
        if (number + 1) % every == 0:
            gc.collect()
            now = time.process_time()
            rows.append(
                {"seasons": number + 1, "memory_mb": resident() / 2**20, "handles": handles(), "ms_a_season": 1000 * (now - began) / every}
            )  # fmt: skip
            began = time.process_time()
            print(f"{number + 1:>8} seasons  {rows[-1]['memory_mb']:>8.1f} MB  {rows[-1]['handles']:>4.0f} handles  {rows[-1]['ms_a_season']:>8.1f} ms", flush=True)  # fmt: skip
    catalogue.close()
    return rows


def growth(rows: list[dict[str, float]], share: float = 0.5) -> float:
    """Bytes that a season adds, by a line through the last rows."""
    last = rows[-max(round(len(rows) * share), 2) :]
    slope = np.polyfit([row["seasons"] for row in last], [row["memory_mb"] for row in last], 1)[0]
    return float(slope * 2**20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seasons", type=int, default=1000)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.output or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = soak(given.seasons, folder, given.every)
        size = (folder / "park.sqlite").stat().st_size
    rise = growth(rows)
    opened = {row["handles"] for row in rows}
    print(
        f"{rise:.0f} bytes of memory a season over the second half; handles {sorted(opened)}; catalogue {size / 2**20:.1f} MB"
    )
    if given.output:
        (given.output / "soak.json").write_text(json.dumps({"rows": rows, "bytes_a_season": rise}, indent=1))
    return int(rise > MOST_BYTES or max(opened) > min(opened))


if __name__ == "__main__":
    raise SystemExit(main())

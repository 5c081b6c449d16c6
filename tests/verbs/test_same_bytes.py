"""The same photos give the same tables, byte for byte, however many threads read."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import reid
from reid.photos import files

HURRY = {"matcher": "sift", "decision.needs_flank": False}
VISITS = [("north", 37 * n, [n % 3]) for n in range(5)] + [("south", 41 * n, [n % 3, 4]) for n in range(2)]


def hashes(folder: Path) -> dict[str, str]:
    names = [*folder.glob("*.parquet"), *folder.glob("*.csv"), folder / "census.json", folder / "embeddings.npy"]
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(names)}


@pytest.mark.slow
def test_a_census_with_any_number_of_threads(
    make_season: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    season = make_season(tmp_path / "photos", VISITS)
    found = []
    for workers in (1, 2, 4):
        monkeypatch.setattr(files, "THREADS", workers)
        output = tmp_path / f"{workers}" / "census"
        reid.census(season, output, season / "detections.json", settings=HURRY)
        found.append(hashes(output))
    assert len(found[0]) > 8
    assert found[0] == found[1] == found[2]

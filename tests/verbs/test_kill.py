"""A census that is killed again and again ends with the bytes of one that was left alone."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VISITS = [("north", 37 * n, [n % 5]) for n in range(14)] + [("south", 41 * n, [n % 4, 6]) for n in range(6)]


def command(season: Path, output: Path) -> list[str]:
    words = [f"photos={season}", f"output={output}", f"detections={season / 'detections.json'}"]
    return [sys.executable, "-m", "reid.cli", "census", *words, "matcher=sift", "decision.needs_flank=false"]


def results(folder: Path) -> dict[str, str]:
    """Hashes of every table, file for people, and the report; the catalogue is compared by what it says."""
    paths = [p for p in folder.iterdir() if p.suffix in (".parquet", ".csv", ".json", ".html", ".npy", ".yaml")]
    # these name the folder, or say how long it took
    other = ("run.json", "settings.yaml", "profile.json", "finished.json")
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in paths if p.name not in other}
    from reid.catalogue import Catalogue

    with Catalogue(folder / "catalogue.sqlite", create=False) as catalogue:
        found["catalogue"] = catalogue.individuals().to_csv() + catalogue.sightings().to_csv()
    return found


@pytest.mark.slow
def test_killed_at_random_moments(make_season: Callable[..., Path], tmp_path: Path) -> None:
    season = make_season(tmp_path / "photos", VISITS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    subprocess.run(command(season, tmp_path / "calm"), check=True, env=environment, capture_output=True)
    whole = time.monotonic() - started
    rng = random.Random(0)
    killed = 0
    while killed < 6:
        process = subprocess.Popen(
            command(season, tmp_path / "killed"),
            env=environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=rng.uniform(0.25, 0.85) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
        if process.wait() == -signal.SIGKILL:
            killed += 1
            continue
        # it found enough done to finish first, or in the very moment of the kill: begin afresh, so that only real
        # kills count
        assert process.returncode == 0
        shutil.rmtree(tmp_path / "killed")
    subprocess.run(command(season, tmp_path / "killed"), check=True, env=environment, capture_output=True)
    # the report's name of the folder is the season's, so the two runs must agree byte for byte
    assert results(tmp_path / "killed") == results(tmp_path / "calm")

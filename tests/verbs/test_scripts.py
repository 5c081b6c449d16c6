"""The Hydra entry points run the same verbs, sweep, and refuse a mistake with one line and status 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / f"{script}.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_a_script_does_what_the_verb_does(jaguars: Path, tmp_path: Path) -> None:
    words = [f"photos={jaguars}", f"output={tmp_path}/out", f"detections={jaguars}/megadetector.json"]
    done = run("detect", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("19 animals on 19 of 19 photos")
    assert len(pd.read_parquet(tmp_path / "out" / "detections.parquet")) == 19


@pytest.mark.slow
def test_a_sweep_makes_a_run_each(jaguars: Path, tmp_path: Path) -> None:
    words = [f"photos={jaguars}", f"detections={jaguars}/megadetector.json", "detector.confidence=0.2,0.99"]
    done = run("detect", "--multirun", f"output={tmp_path}/at_${{detector.confidence}}", *words)
    assert done.returncode == 0, done.stderr
    counts = {path.name: len(pd.read_parquet(path / "detections.parquet")) for path in tmp_path.iterdir()}
    assert counts["at_0.2"] == 19
    assert counts["at_0.99"] < 19


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photos=nowhere", "output=x"], "no such folder"),
        (["photo=nowhere", "output=x"], "Did you mean photos"),
        (
            ["photos=a", "output=x", "detector=yolo"],
            "choose one of megadetector, onnx, recorded, spotted-cats, together, torchvision, whole",
        ),
    ],
)
def test_mistakes(words: list[str], message: str, tmp_path: Path) -> None:
    done = run("detect", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.strip().count("\n") == 0

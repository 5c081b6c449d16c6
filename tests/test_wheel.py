"""A wheel installed anywhere works from any folder: settings, weights and calibrations travel with it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_wheel_works_from_any_folder(jaguars: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    listed = names.stdout.splitlines() if names.returncode == 0 else []
    for name in listed or [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file() and ".venv" not in p.parts]:
        if name.startswith(("reid/", "configs/")) or name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path / "dist"),
        str(source),
    ]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    inside = set(zipfile.ZipFile(wheel).namelist())
    for name in ("reid/configs/census.yaml", "reid/configs/calibration/aliked.json", "reid/counts/report.html.jinja"):
        assert name in inside
    assert {"reid/review/templates/review.html.jinja", "reid/review/static/review.js"} <= inside
    assert {"reid/py.typed", "reid/embed/weights/flank-lite0.safetensors"} <= inside
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
        done = subprocess.run(
            [sys.executable, *words], cwd=elsewhere, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert str(tmp_path / "site") in run("-c", "import reid; print(reid.__file__)")
    assert "photos: ???" in run("-m", "reid.cli", "census", "--help")
    detections = jaguars / "megadetector.json"
    run("-m", "reid.cli", "embed", f"input={jaguars}", f"detections={detections}", "output=vectors")
    assert (elsewhere / "vectors" / "embeddings.npy").is_file()

"""Photos made up for the tests of this folder, and the real ones where they are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture
def jaguars() -> Path:
    return REPOSITORY / "samples" / "jaguars"


@pytest.fixture
def camera_traps() -> Path:
    folder = DATA / "samples" / "camera_traps"
    if not folder.is_dir():
        pytest.skip("the odd camera-trap photos are not on this machine")
    return folder


@pytest.fixture
def snow_leopards() -> Path:
    folder = DATA / "snow_leopards"
    if not folder.is_dir():
        pytest.skip("the snow leopards are not on this machine")
    return folder


@pytest.fixture
def make_photo(tmp_path: Path) -> Callable[..., Path]:
    """Write a photo of noise below `tmp_path`; another seed gives other content."""

    def make(path: str, size: tuple[int, int] = (40, 30), seed: int = 0, taken: str = "", orientation: int = 0) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        exif = Image.Exif()
        if taken:
            exif[0x8769] = {0x9003: taken}
        if orientation:
            exif[0x0112] = orientation
        Image.fromarray(pixels).save(file, exif=exif)
        return file

    return make

"""Made-up seasons: spotted rectangles walking past cameras, small enough to take a census in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def jaguars() -> Path:
    return ROOT / "samples" / "jaguars"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the labelled photographs of shared/data are not on this machine")
    return folder


def coat(animal: int, height: int = 150, width: int = 240) -> np.ndarray:
    """A flank with its own spots, the same every time for one number."""
    rng = np.random.default_rng(1000 + animal)
    image = np.full((height, width, 3), 180, np.uint8)
    yy, xx = np.mgrid[:height, :width]
    for _ in range(70):
        x, y, a, b = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(4, 11), rng.uniform(4, 11)
        turn = rng.uniform(0, np.pi)
        u = (xx - x) * np.cos(turn) + (yy - y) * np.sin(turn)
        v = -(xx - x) * np.sin(turn) + (yy - y) * np.cos(turn)
        ring = (u / a) ** 2 + (v / b) ** 2
        image[(ring < 1) & (ring > rng.uniform(0, 0.5))] = rng.integers(20, 90)
    return image


@pytest.fixture(scope="session")
def paint_coat() -> Callable[..., np.ndarray]:
    return coat


@pytest.fixture(scope="session")
def make_season() -> Callable[..., Path]:
    """Writes a folder of photos with a MegaDetector file: `visits` are (camera, minute, animals of the frame)."""

    def make(folder: Path, visits: list[tuple[str, int, list[int]]], seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        images = []
        for camera, minute, animals in visits:
            photo = rng.integers(60, 110, (400, 640, 3), dtype=np.uint8)
            boxes = []
            for place, animal in enumerate(animals):
                picture = coat(animal)
                scale = rng.uniform(0.9, 1.1)
                size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
                picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
                x, y = 20 + 300 * place + int(rng.integers(0, 20)), int(rng.integers(20, 180))
                photo[y : y + size[1], x : x + size[0]] = picture
                bbox = [x / 640, y / 400, size[0] / 640, size[1] / 400]
                boxes.append({"category": "1", "conf": 0.9, "bbox": [round(v, 4) for v in bbox]})
            day, clock = divmod(minute, 24 * 60)
            name = f"{camera}/201506{day + 1:02d}_{clock // 60:02d}{clock % 60:02d}00.jpg"
            (folder / camera).mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo).save(folder / name, quality=92)
            images.append({"file": name, "detections": boxes})
        about = {"format_version": "1.4", "detector": "made by hand"}
        categories = {"1": "animal", "2": "person", "3": "vehicle"}
        (folder / "detections.json").write_text(
            json.dumps({"info": about, "detection_categories": categories, "images": images})
        )
        return folder

    return make

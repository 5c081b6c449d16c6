"""Toy animals: spots at places of their own, on both flanks, with noise and light that change from photo to photo."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from train_helpers import picture


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder of named folders: `toys(animals, photos, seed)`, photos of each flank; made once."""
    made: dict[tuple[int, int, int], Path] = {}

    def make(animals: int = 12, photos: int = 4, seed: int = 0) -> Path:
        key = (animals, photos, seed)
        if key not in made:
            rng = np.random.default_rng(seed)
            root = tmp_path_factory.mktemp("toys") / f"toys{seed}"
            for animal in range(animals):
                for flank in ("left", "right"):
                    spots = rng.uniform(0.12, 0.88, (7, 2))
                    for photo in range(photos):
                        image = picture(spots, rng)
                        image = image[:, ::-1] if flank == "right" else image
                        write_png(root / f"cat{animal:02d}" / flank / f"{photo}.png", image)
            made[key] = root
        return made[key]

    return make

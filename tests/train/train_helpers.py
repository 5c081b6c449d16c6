"""Toy animals, and a training by the verb of a network so small that an epoch takes less than a second."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from reid.config import compose
from reid.verbs.train import TrainConfig, run

TINY = [
    "model=", "network.backbone=test_resnet", "network.height=48", "network.width=64", "network.neck=bn",
    "sampler.batch=16", "trainer.accelerator=cpu", "validation.share=0.34", "augmentation=none",
    "augmentation.jitter=0.05",
]  # fmt: skip


def picture(spots: np.ndarray, rng: np.random.Generator, height: int = 48, width: int = 64) -> np.ndarray:
    """One photo of an animal, uint8 RGB: spots (n, 2) in shares of the picture, each moved a little."""
    image = np.full((height, width, 3), rng.uniform(120, 170)) + rng.normal(0, 6, (height, width, 3))
    for x, y in spots + rng.normal(0, 0.01, spots.shape):
        cv2.circle(image, (round(x * width), round(y * height)), 4, (40.0, 40.0, 40.0), -1)
    return np.clip(image, 0, 255).astype(np.uint8)


def train(data: Path | list[Path], output: Path, *words: str) -> str:
    """The verb's summary."""
    sources = f"[{','.join(map(str, data))}]" if isinstance(data, list) else str(data)
    return run(compose("train", TrainConfig, [f"data={sources}", f"output={output}", *TINY, *words]))


def metrics(folder: Path) -> list[dict[str, float]]:
    """The rows of a run's log, without the time that they took; -1 where there is no value."""
    return pd.read_csv(folder / "metrics.csv").drop(columns="seconds").fillna(-1).to_dict("records")

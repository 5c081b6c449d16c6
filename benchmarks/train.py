"""Images a second of a training, beside a plain loop over timm and torch: `python benchmarks/train.py [KEY=VALUE ...]`.

Keys: `backbone`, `height`, `width`, `batch`, `steps`, `rounds`, `devices`. Both train the same backbone with ArcFace over the
same crops, in turns; ours decodes nothing more, but augments, draws batches, logs and keeps its state, as a user's training does.
Prints a table and writes `benchmarks/results/train.json`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from reid.config import compose
from reid.verbs.train import TrainConfig, run

RESULTS = Path(__file__).resolve().parent / "results"
KEYS = {
    "backbone": "tf_efficientnet_lite0",
    "height": 160,
    "width": 224,
    "batch": 16,
    "steps": 12,
    "rounds": 5,
    "devices": 1,
}


def crops(folder: Path, animals: int, each: int, height: int, width: int) -> None:
    """A folder of named folders of noise with a pattern of its own for each animal."""
    for animal in range(animals):
        random = np.random.default_rng(animal)
        pattern = random.integers(0, 255, (12, 18, 3), dtype=np.uint8)
        for photo in range(each):
            picture = np.asarray(Image.fromarray(pattern).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
            picture = picture + random.integers(-30, 30, picture.shape)
            path = folder / f"cat{animal:02d}" / "left" / f"{photo}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def ours(data: Path, output: Path, own: dict[str, Any]) -> float:
    """Images a second over the epochs after the first, by the training's own log."""
    words = [
        f"data={data}", f"output={output}", "model=", f"network.backbone={own['backbone']}", f"network.height={own['height']}",
        f"network.width={own['width']}", f"sampler.batch={own['batch']}", f"sampler.steps={own['steps']}", "trainer.epochs=3",
        "validation.share=0", "trainer.average=0", f"trainer.devices={own['devices']}", f"cache={data.parent / 'cache'}",
    ]  # fmt: skip
    run(compose("train", TrainConfig, words))
    import pandas as pd

    seconds = pd.read_csv(output / "metrics.csv")["seconds"].dropna()[-2:]
    return float(2 * own["steps"] * own["batch"] * own["devices"] / seconds.sum())


def plain(classes: int, own: dict[str, Any]) -> float:
    """Images a second of timm's network and torch's loop on tensors in memory, after three steps to warm up."""
    import timm
    from pytorch_metric_learning.losses import ArcFaceLoss

    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = timm.create_model(own["backbone"], num_classes=0).to(device, memory_format=torch.channels_last).train()
    loss = ArcFaceLoss(classes, network.num_features).to(device)
    optimiser = torch.optim.AdamW([*network.parameters(), *loss.parameters()], lr=1e-4)
    images = torch.rand(own["batch"], 3, own["height"], own["width"]).to(device, memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (own["batch"],), device=device)
    began = 0.0
    for step in range(own["steps"] + 3):
        if step == 3:
            _wait(device)
            began = time.perf_counter()
        optimiser.zero_grad()
        loss(network(images), labels).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
    _wait(device)
    return float(own["steps"] * own["batch"] / (time.perf_counter() - began))


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    own: dict[str, Any] = {key: type(value)(given.get(key, value)) for key, value in KEYS.items()}
    rates: dict[str, list[float]] = {"reid train": [], "plain timm and torch": []}
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        crops(data, 8, 8, own["height"], own["width"])
        for turn in range(own["rounds"]):
            rates["reid train"].append(ours(data, Path(made) / f"run{turn}", own))
            rates["plain timm and torch"].append(plain(8, own))
    ratios = [a / b for a, b in zip(*rates.values(), strict=True)]
    print(
        f"{own['backbone']} at {own['height']} x {own['width']}, batches of {own['batch']}, {torch.get_num_threads()} threads"
    )
    for name, values in rates.items():
        print(
            f"{name:<22} {statistics.median(values):8.1f} images/s  ({', '.join(f'{value:.1f}' for value in values)})"
        )
    print(f"{'ratio':<22} {statistics.median(ratios):8.2f}")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    content = {"settings": own, "device": device, "cores": os.cpu_count(), "load": os.getloadavg(), "images_per_second": rates,
               "ratio": statistics.median(ratios)}  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "train.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()

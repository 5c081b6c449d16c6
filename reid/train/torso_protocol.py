"""How the finder of torsos is made and measured, from the data sets to its weights and its card."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reid.embed.torso import HEIGHT, MARGIN, WIDTH, TorsoFinder
from reid.embed.weights import load_network
from reid.store import write_json
from reid.tables import FLANKS, UNKNOWN
from reid.train.flank_data import background, read_flank_crops
from reid.train.torso import TorsoTraining, fit_finder, held_out, measure_finder, settings_of, taught
from reid.train.torso_teacher import Foreground

__all__ = ["save_finder", "train_finder"]

PROTOCOL = (
    "Torsos to learn from come from foregrounds by U2-Net-p: an opening takes neck, legs and tail, the axes of the rest give the "
    "box. Not trained on, and what `held_out` measures: the 310 photos of NyalaData that ClosedSetSplit(0.8, seed=666) holds out, "
    "the tigers of ATRW that DisjointSetSplit(0.2, seed=666) holds out, a fifth of the leopards' photos. Individuals of NyalaData "
    "are on both sides, since torsos are not individual. `test`: data sets that were never trained on. The overlap "
    "(intersection over union) is with the teacher's torso, which is itself no truth: it is wrong where animals overlap or "
    "the foreground was not found."
)
LIMITS = (
    "Learned from animals that stand or walk; of one that lies, or is seen from the front or from behind, the torso is a guess. "
    "Where two animals overlap it may be the other one's."
)


def train_finder(
    data: Path,
    labels: Path,
    jaguars: Path,
    teacher: Path,
    cache: Path | None = None,
    settings: TorsoTraining | None = None,
) -> tuple[TorsoFinder, dict[str, Any]]:
    """Train and measure a finder.

    Args:
        data: Folder with the folders nyala, atrw, amur_leopards and snow_leopards.
        labels: CSV of flanks named by eye.
        jaguars: Folder of the sample photos.
        teacher: `u2netp.onnx`.
        cache: Folder that keeps the teacher's torsos.
        settings: How it learns.

    Returns:
        The finder, in evaluation mode, and its card.

    Raises:
        InputError: a data set or the teacher is missing.
    """
    settings = settings or TorsoTraining()
    labelled = read_flank_crops(data, labels, jaguars)
    crops = taught(labelled, Foreground(teacher), cache)
    crops += taught(background(data / "amur_leopards"), None)
    away = held_out(crops)
    names = [crop.crop.dataset for crop in crops]
    learned = [crop for crop, out in zip(crops, away, strict=True) if not out]
    start = load_network("lite0-imagenet").network.backbone.state_dict()
    finder = fit_finder(learned, start, settings)
    tests = ("snow_leopards", "jaguars")
    figures: dict[str, Any] = {"held_out": {}, "test": {}}
    for name in dict.fromkeys(names):
        own = [crop for crop, out in zip(crops, away, strict=True) if out and crop.crop.dataset == name]
        if own:
            figures["test" if name in tests else "held_out"][name] = measure_finder(finder, own)
    counted = Counter((crop.crop.dataset, crop.crop.orientation) for crop in learned)
    card = {
        "what": f"torso of an animal from its crop, squashed to {HEIGHT} x {WIDTH} pixels",
        "margin": MARGIN,
        "licence": "CC BY-NC-SA 4.0",
        "begun_from": "EfficientNet-Lite0 of ImageNet (Apache-2.0)",
        "data": {
            n: {f: counted[n, f] for f in (*FLANKS, UNKNOWN) if counted[n, f]} for n in sorted({n for n, _ in counted})
        },
        "sources": "NyalaData (Dlamini and van Zyl 2021), ATRW (Li et al. 2019), Amur leopards from the web",
        "protocol": PROTOCOL,
        "limits": LIMITS,
        "training": settings_of(settings),
        "figures": figures,
        "teacher": {
            "torsos": int(np.sum([crop.torso is not None for crop in crops])),
            "crops": len(crops),
        },
    }
    return finder, card


def save_finder(finder: TorsoFinder, card: dict[str, Any], output: Path) -> None:
    """Write `torso.safetensors`, in half precision, and its card `torso.json` into a folder."""
    from safetensors.torch import save

    output.mkdir(parents=True, exist_ok=True)
    state = {
        name: (value.to(torch.float16) if value.is_floating_point() else value).detach().contiguous()
        for name, value in finder.state_dict().items()
    }
    (output / "torso.safetensors").write_bytes(save(state))
    write_json(card, output / "torso.json")

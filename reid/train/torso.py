"""Trains the finder of torsos, and measures it on animals that it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from torch.nn import functional as F

from reid.embed.torso import HEIGHT, WIDTH, TorsoFinder
from reid.evaluate.draws import draw_animals, known_rows, share
from reid.photos import read_photo
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import FLANKS
from reid.train.flank_data import FlankCrop
from reid.train.flank_views import weathered
from reid.train.torso_teacher import Foreground, torso_of

__all__ = ["TorsoCrop", "TorsoTraining", "fit_finder", "held_out", "measure_finder", "overlap", "taught"]

ROOM = 0.25
"""So much around a crop is kept, as a share of its size, for boxes that are drawn too wide."""
SCALE = 1.6
"""Pictures are kept this much larger than the finder's input."""
NO_FLANK = -1


@dataclass(frozen=True)
class TorsoTraining:
    """How the finder learns.

    Attributes:
        epochs: Passes; each crop is drawn anew each time.
        batch: Crops a step.
        rate: Highest rate of AdamW, which rises in the first tenth and falls along a cosine.
        decay: Weight decay.
        frozen: First stages of the backbone that stay as ImageNet taught them; its norms stay in any case.
        torso: Weight of the torso's loss beside the flank's.
        copies: How often an epoch draws a crop of a data set, where not once.
        seed: Of order and changes.
    """

    epochs: int = 10
    batch: int = 32
    rate: float = 1e-3
    decay: float = 0.02
    frozen: int = 1
    torso: float = 10.0
    copies: tuple[tuple[str, int], ...] = (("amur_leopards", 3), ("background", 1))
    seed: int = 0


@dataclass(frozen=True)
class TorsoCrop:
    """A crop with some of its surroundings, and what is to be seen there.

    Attributes:
        crop: Where it comes from.
        picture: uint8 RGB; the crop is `window` of it.
        window: left, top, right, bottom of the crop, as shares of the picture's sides.
        flank: Number in `FLANKS`, or -1.
        torso: Six numbers in the crop's own sides, as `reid.embed.torso.TorsoFinder` gives them; None where the teacher found none.
    """

    crop: FlankCrop
    picture: np.ndarray
    window: np.ndarray
    flank: int
    torso: np.ndarray | None


def taught(crops: Sequence[FlankCrop], foreground: Foreground | None, cache: Path | None = None) -> list[TorsoCrop]:
    """Crops with the torsos that their foregrounds give.

    Args:
        crops: Labelled by flank.
        foreground: The teacher; None where the cache holds all.
        cache: Folder that keeps the torsos.
    """
    import cv2

    store = RowStore(cache, pa.schema([("torso", pa.binary())])) if cache else None
    keys = [digest(c.dataset, c.path.name, c.bbox, "torso 1") for c in crops]
    known = store.get(keys) if store else {}
    done, fresh = [], {}
    for key, crop in zip(keys, track(crops, "torsos", unit="crop"), strict=True):
        photo = read_photo(crop.path)
        height, width = photo.shape[:2]
        x, y, w, h = crop.bbox or (0.0, 0.0, float(width), float(height))
        if key in known:
            torso = np.frombuffer(known[key]["torso"], np.float32)
        else:
            left, top = int(max(0, x)), int(max(0, y))
            own = photo[top : max(top + 2, round(y + h)), left : max(left + 2, round(x + w))]
            found = torso_of(foreground(own), own.shape[1], own.shape[0]) if foreground else None
            torso = np.zeros(0, np.float32) if found is None else found.astype(np.float32)
            fresh[key] = {"torso": torso.tobytes()}
            if store and len(fresh) >= 50:
                store.add(fresh)
                fresh = {}
        outer = np.array(
            [
                max(0, x - ROOM * w),
                max(0, y - ROOM * h),
                min(width, x + (1 + ROOM) * w),
                min(height, y + (1 + ROOM) * h),
            ]
        )
        part = photo[int(outer[1]) : round(outer[3]), int(outer[0]) : round(outer[2])]
        window = (np.array([x, y, x + w, y + h]) - np.tile(outer[:2], 2)) / np.tile(outer[2:] - outer[:2], 2)
        size = round(WIDTH * SCALE), round(HEIGHT * SCALE)
        picture = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        flank = FLANKS.index(crop.orientation) if crop.orientation in FLANKS else NO_FLANK
        done.append(TorsoCrop(crop, picture, window, flank, torso if len(torso) else None))
    if store and fresh:
        store.add(fresh)
    return done


def held_out(crops: Sequence[TorsoCrop], atrw: float = 0.2, nyala: float = 0.2, seed: int = 666) -> np.ndarray:
    """Which crops are not trained on, (n,) of bool: the photos of nyala and the tigers that the evaluations of the embedding
    network ask about too (protocols `closed` and `disjoint`), a fifth of the leopards' photos, and all snow leopards and
    jaguars.
    """
    out = np.array([c.crop.dataset in ("snow_leopards", "jaguars") for c in crops])
    for name, rule, part in (("nyala", share, nyala), ("atrw", draw_animals, atrw)):
        folder = next((c.crop.path.parent.parent for c in crops if c.crop.dataset == name), None)
        if folder is None:
            continue
        frame = pd.read_csv(folder / "annotations.csv", dtype={"identity": str})
        known = known_rows(frame.assign(identity=frame["identity"].astype(str)))
        if rule is share:
            rows = [number for number, where in share(known, 1 - part, seed).items() if where == "test"]
        else:
            rows = [number for animal in draw_animals(known, part, seed) for number in known[animal]]
        paths = {(folder / frame["path"].iloc[row]).name for row in rows}
        out |= np.array([c.crop.dataset == name and c.crop.path.name in paths for c in crops])
    leopards = sorted({c.crop.path.name for c in crops if c.crop.dataset == "amur_leopards"})
    chosen = set(np.random.default_rng(seed).permutation(leopards)[: round(0.2 * len(leopards))])
    return out | np.array(
        [c.crop.dataset in ("amur_leopards", "background") and c.crop.path.name in chosen for c in crops]
    )


def drawn(item: TorsoCrop, rng: np.random.Generator | None) -> tuple[np.ndarray, int, np.ndarray]:
    """What the finder is shown of a crop: as it is, or with `rng` in a box a little off, weathered, half of them mirrored.

    Returns:
        uint8 (3, HEIGHT, WIDTH), the flank, and the torso (6,), NaN where there is none.
    """
    import cv2

    height, width = item.picture.shape[:2]
    left, top, right, bottom = item.window
    size = np.array([right - left, bottom - top])
    box = item.window.copy()
    if rng is not None:
        box += rng.uniform(-0.12, 0.16, 4) * np.tile(size, 2) * (-1, -1, 1, 1)
    scale = np.array([WIDTH, HEIGHT]) / ((box[2:] - box[:2]) * (width, height))
    matrix = np.array([[scale[0], 0, -box[0] * width * scale[0]], [0, scale[1], -box[1] * height * scale[1]]])
    image = cv2.warpAffine(
        item.picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101
    )
    torso = np.full(6, np.nan)
    if item.torso is not None:
        torso = item.torso.astype(float).copy()
        torso[:2] = (item.window[:2] + torso[:2] * size - box[:2]) / (box[2:] - box[:2])
        torso[2:] *= np.tile(size / (box[2:] - box[:2]), 2)
    flank = item.flank
    if rng is not None:
        image = weathered(image, rng)
        if rng.random() < 0.5:
            image = image[:, ::-1]
            torso = torso * (-1, 1, 1, -1, -1, 1) + (1, 0, 0, 0, 0, 0)
            flank = {0: 1, 1: 0}.get(flank, flank)
    return np.ascontiguousarray(image.transpose(2, 0, 1)), flank, torso


def fit_finder(
    crops: Sequence[TorsoCrop], backbone: dict[str, torch.Tensor], settings: TorsoTraining | None = None
) -> TorsoFinder:
    """Train a finder.

    Args:
        crops: To learn from.
        backbone: Weights of EfficientNet-Lite0, under timm's names.
        settings: How.

    Returns:
        The finder, in evaluation mode.
    """
    settings = settings or TorsoTraining()
    torch.manual_seed(settings.seed)
    finder = TorsoFinder()
    begin(finder, backbone)
    finder = finder.to(memory_format=torch.channels_last)
    for part in (finder.stem, *finder.stages[: settings.frozen]):
        part.requires_grad_(False)
    # which way an animal faces helps to find where it ends; this head is not kept
    flank = torch.nn.Linear(finder.torso.in_features, len(FLANKS))
    weights = [w for part in (finder, flank) for w in part.parameters() if w.requires_grad]
    optimiser = torch.optim.AdamW(weights, settings.rate, weight_decay=settings.decay)
    copies = dict(settings.copies)
    pool = np.repeat(np.arange(len(crops)), [copies.get(c.crop.dataset, 1) for c in crops])
    steps = settings.epochs * (len(pool) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=steps, pct_start=0.1)
    rng = np.random.default_rng(settings.seed)
    rows = np.concatenate(
        [rng.permutation(pool)[: len(pool) // settings.batch * settings.batch] for _ in range(settings.epochs)]
    )
    bar = track(range(steps), "finder", unit="step")
    for step in bar:
        keep_norms(finder)
        shown = [drawn(crops[n], rng) for n in rows[step * settings.batch : (step + 1) * settings.batch]]
        images, flanks, torsos = (np.stack([item[k] for item in shown]) for k in range(3))
        seen = finder.seen(torch.from_numpy(images).contiguous(memory_format=torch.channels_last))
        logits, found = flank(seen), finder.placed(seen)
        loss = logits.sum() * 0
        named, there = torch.from_numpy(flanks != NO_FLANK), torch.from_numpy(np.isfinite(torsos).all(1))
        if named.any():
            loss = loss + F.cross_entropy(logits[named], torch.from_numpy(flanks)[named], label_smoothing=0.05)
        if there.any():
            true = torch.from_numpy(torsos).float()[there]
            loss = loss + settings.torso * F.smooth_l1_loss(found[there], true, beta=0.03)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 2.0)
        optimiser.step()
        schedule.step()
    return finder.eval()


def begin(finder: TorsoFinder, backbone: dict[str, torch.Tensor]) -> None:
    """Put ImageNet's weights where they belong."""
    places = {"conv_stem.": "stem.0.", "bn1.": "stem.1.", "blocks.": "stages."}
    state = finder.state_dict()
    for name, value in backbone.items():
        for old, new in places.items():
            if name.startswith(old) and new + name[len(old) :] in state:
                state[new + name[len(old) :]] = value
    finder.load_state_dict(state)


def keep_norms(finder: TorsoFinder) -> None:
    """Training mode for all but the backbone's norms: batches of 32 would only blur what ImageNet measured."""
    finder.train()
    finder.stem.eval()
    finder.stages.eval()


def measure_finder(finder: TorsoFinder, crops: Sequence[TorsoCrop], batch: int = 32) -> dict[str, Any]:
    """How well a finder does on crops as they are.

    Returns:
        `torsos`, how many the teacher gives, and of their overlaps (intersection over union) with what was found the
        `median` and the share `above_0.7`.
    """
    torsos, shown = [], [drawn(crop, None) for crop in crops]
    with torch.inference_mode():
        for start in range(0, len(shown), batch):
            images = torch.from_numpy(np.stack([item[0] for item in shown[start : start + batch]]))
            torsos.append(finder(images.contiguous(memory_format=torch.channels_last)).double().numpy())
    found = np.concatenate(torsos)
    there = [n for n, item in enumerate(shown) if np.isfinite(item[2]).all()]
    overlaps = np.array([overlap(found[n], shown[n][2]) for n in there])
    return {
        "torsos": len(there),
        "median": round(float(np.median(overlaps)), 4) if len(there) else None,
        "above_0.7": round(float((overlaps > 0.7).mean()), 4) if len(there) else None,
    }


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two torsos of one crop, 0 to 1.

    >>> overlap(np.array([0.5, 0.5, 0.5, 0, 0, 0.5]), np.array([0.5, 0.5, 0.25, 0, 0, 0.5]))
    0.5
    """
    import cv2

    corners = [
        np.array([t[:2] + a * t[2:4] + b * t[4:] for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))], np.float32) * 1000
        for t in (one, other)
    ]
    areas = [abs(float(cv2.contourArea(c))) for c in corners]
    common, _ = cv2.intersectConvexConvex(corners[0], corners[1])
    return round(float(common) / max(sum(areas) - float(common), 1e-9), 4)


def settings_of(settings: TorsoTraining) -> dict[str, Any]:
    """For the card."""
    return asdict(settings) | {"copies": dict(settings.copies)}

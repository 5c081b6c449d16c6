"""The views of its crops that the head for the flank is shown, and their feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reid.embed.network import EmbeddingNetwork
from reid.embed.preprocess import preprocess
from reid.embed.weights import fingerprint
from reid.photos import read_photo
from reid.progress import track
from reid.store import digest
from reid.tables import FLANKS, UNKNOWN
from reid.train.flank_data import FlankCrop

__all__ = ["Maps", "feature_maps", "ruined", "view", "weathered"]


@dataclass(frozen=True)
class Maps:
    """Feature maps (n, C, h, w), float16, and row by row the numbers of the flank, the crop and the view.

    View 0 is the crop as it is; the others are changed at random, half of them mirrored, label and all.
    """

    features: np.ndarray
    flank: np.ndarray
    crop: np.ndarray
    view: np.ndarray


def view(photo: np.ndarray, bbox: Sequence[float] | None, rng: np.random.Generator | None = None) -> np.ndarray:
    """A crop as it is, or with `rng` changed as camera traps change them.

    The box is a little off or cuts a part of the animal away; the picture may be grey (infrared), dark or
    over-lit, of poor contrast, noisy, blurred, or have something standing before the animal. Never mirrored.

    Args:
        photo: uint8 RGB, (H, W, 3).
        bbox: x, y, width, height in pixels; None is the whole photo.
        rng: Source of the changes.

    Returns:
        uint8 RGB, (h, w, 3).
    """
    import cv2

    height, width = photo.shape[:2]
    x, y, w, h = bbox or (0, 0, width, height)
    sides = np.array([x, y, x + w, y + h], float)
    if rng is not None:
        sides += rng.uniform(-0.15, 0.15, 4) * (w, h, w, h)
        if rng.random() < 0.25:
            cut = rng.uniform(0.1, 0.5) * w
            sides += (cut, 0, 0, 0) if rng.random() < 0.5 else (0, 0, -cut, 0)
    left, top = max(0, int(sides[0])), max(0, int(sides[1]))
    right, bottom = min(width, round(sides[2])), min(height, round(sides[3]))
    picture = photo[top : max(top + 2, bottom), left : max(left + 2, right)]
    if rng is None:
        return picture
    return weathered(cv2.resize(picture, (224, 224), interpolation=cv2.INTER_AREA), rng)


def weathered(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A crop as the camera, the light and the bush change it: grey (infrared), dark or over-lit, of poor contrast, noisy,
    blurred, or with something standing before the animal.

    Args:
        picture: uint8 RGB, (h, w, 3), some 200 pixels wide.
        rng: Source of the changes.
    """
    import cv2

    picture = picture.astype(np.float32) / 255
    width = picture.shape[1]
    if rng.random() < 0.4:
        picture = np.repeat(picture @ np.array([0.299, 0.587, 0.114], np.float32), 3).reshape(picture.shape)
    mean = picture.mean()
    picture = (picture - mean) * rng.uniform(0.5, 1.4) + mean
    picture = np.clip(picture, 0, 1) ** np.exp(rng.uniform(-0.7, 0.9))
    if rng.random() < 0.25:
        picture = picture + rng.normal(0, rng.uniform(0.02, 0.12), picture.shape)
    if rng.random() < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 3))
    if rng.random() < 0.2:
        start, thick = int(width * rng.uniform(0, 0.9)), int(width * rng.uniform(0.05, 0.27))
        upright = rng.random() < 0.7
        (picture if upright else picture.swapaxes(0, 1))[:, start : start + thick] = rng.uniform(0, 1, 3)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def ruined(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture that shows nothing any more: too dark, or too blurred to tell head from tail."""
    import cv2

    if rng.random() < 0.5:
        dark = picture.astype(np.float32) * rng.uniform(0, 0.03) + rng.normal(0, 4, picture.shape)
        return np.clip(dark, 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(cv2.resize(picture, (224, 224)), (0, 0), float(rng.uniform(35, 60)))


def feature_maps(
    network: EmbeddingNetwork,
    crops: Sequence[FlankCrop],
    views: Sequence[int],
    cache: Path | None = None,
    seed: int = 0,
) -> Maps:
    """Feature maps of the crops: each as it is, and `views` changed copies of each, half of them mirrored.

    Args:
        network: Whose feature map; nothing of it is trained.
        crops: n crops.
        views: Changed copies of each crop, n numbers; a negative one asks for that many ruined ones,
            as `unknown`, and not for the crop as it is.
        cache: Folder that keeps the result.
        seed: Of the changes.
    """
    import torch

    key = digest(
        [(c.dataset, c.group, c.path.name, c.bbox, c.orientation) for c in crops],
        list(views),
        seed,
        network.spec.to_dict(),
        fingerprint(network),
    )
    kept = cache / f"flank-{key}.npz" if cache else None
    if kept and kept.is_file():
        with np.load(kept) as arrays:
            return Maps(arrays["features"], arrays["flank"], arrays["crop"], arrays["view"])
    rng = np.random.default_rng(seed)
    images: list[np.ndarray] = []
    rows: list[tuple[int, int, int]] = []
    features: list[np.ndarray] = []

    def flush() -> None:
        with torch.inference_mode():
            features.append(network.flank_map(torch.from_numpy(np.stack(images))).half().numpy())
        images.clear()

    for number, (crop, many) in enumerate(track(list(zip(crops, views, strict=True)), "features", unit="crop")):
        photo = read_photo(crop.path)
        for k in range(1 if many < 0 else 0, abs(many) + 1):
            picture = view(photo, crop.bbox, rng if k else None)
            name = crop.orientation
            if many < 0:
                picture, name = ruined(picture, rng), UNKNOWN
            image = preprocess(picture, network.spec)
            if k and rng.random() < 0.5:
                image, name = image[..., ::-1].copy(), {"left": "right", "right": "left"}.get(name, name)
            images.append(image)
            rows.append((FLANKS.index(name), number, k))
            if len(images) == 8:
                flush()
    if images:
        flush()
    flank, which, copy = np.array(rows).T
    maps = Maps(np.concatenate(features), flank, which, copy)
    if kept and cache:
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, features=maps.features, flank=flank, crop=which, view=copy)
    return maps

"""A bundle: vectors, spots and, if allowed, thumbnails of a catalogue's animals, in one sealed safetensors file.

There are no names of files in it and nothing to unpack or to run: arrays of stated types and shapes, and a manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from reid.errors import FormatError
from reid.exchange.keys import Key
from reid.exchange.manifest import Manifest, read_manifest
from reid.exchange.seal import BUNDLE, Sealed, seal, unseal
from reid.match import Features

__all__ = ["Bundle", "read_bundle", "write_bundle"]

ARRAYS = {
    "manifest": ("uint8", 1),
    "vectors": ("float32", 2),
    "points": ("float32", 2),
    "descriptors": ("float16", 2),
    "starts": ("int64", 1),
    "sizes": ("int32", 2),
    "thumbnails": ("uint8", 1),
    "thumbnail_starts": ("int64", 1),
}
"""Every array of a bundle: its type, and how many sides it has."""
MOST_SPOTS, LONGEST, WIDEST = 8192, 20_000, 16_384
"""Spots of a crop, pixels of its longer side, and numbers of a vector or descriptor, at most."""


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds.

    Attributes:
        manifest: Its members and crops in words.
        vectors: Unit vectors, float32 (n, d), of the manifest's crops in their order.
        features: Spots of each crop.
        thumbnails: JPEG files, empty where there is none.
        signer: Public key of its sender.
        digest: What the file is named by, SHA-256.
    """

    manifest: Manifest
    vectors: np.ndarray
    features: tuple[Features, ...]
    thumbnails: tuple[bytes, ...]
    signer: str = ""
    digest: str = ""

    @property
    def ids(self) -> list[str]:
        """The members' ids, in order."""
        return [member.id for member in self.manifest.members]

    @property
    def owner(self) -> np.ndarray:
        """Number of each crop's member, int (n,)."""
        return np.array([crop.member for crop in self.manifest.crops], dtype=np.int64)

    def crops(self, prefix: str) -> pd.DataFrame:
        """The crops as `reid.match.shortlist` takes them; each is an encounter of its own."""
        names = [f"{prefix}{i}" for i in range(len(self.manifest.crops))]
        return pd.DataFrame(
            {
                "crop_id": names,
                "encounter": names,
                "orientation": [crop.flank for crop in self.manifest.crops],
                "orientation_probability": [crop.sure for crop in self.manifest.crops],
            }
        )


def write_bundle(path: str | Path, bundle: Bundle, key: Key) -> Bundle:
    """Sign a bundle and write it; returns it as its receiver will read it.

    Raises:
        OutputError: it is too large, or cannot be written.
    """
    from safetensors.numpy import save

    sizes = np.array([features.size for features in bundle.features], np.int32).reshape(-1, 2)
    depth = next((features.descriptors.shape[1] for features in bundle.features if len(features.points)), 1)
    spots = [f for f in bundle.features if len(f.points)]
    content = save(
        {
            "manifest": np.frombuffer(bundle.manifest.model_dump_json().encode(), np.uint8),
            "vectors": np.ascontiguousarray(bundle.vectors, np.float32),
            "points": np.concatenate([np.zeros((0, 2), np.float32), *(f.points for f in spots)]).astype(np.float32),
            "descriptors": np.concatenate([np.zeros((0, depth), np.float16), *(f.descriptors for f in spots)]).astype(
                np.float16
            ),
            "starts": _starts([len(features.points) for features in bundle.features]),
            "sizes": sizes,
            "thumbnails": np.frombuffer(b"".join(bundle.thumbnails), np.uint8),
            "thumbnail_starts": _starts([len(thumbnail) for thumbnail in bundle.thumbnails]),
        }
    )
    return _opened(seal(path, BUNDLE, content, key), str(path))


def read_bundle(path: str | Path, signer: str = "") -> Bundle:
    """Read a bundle, if its signature holds and everything in it is as it must be.

    Args:
        path: The file.
        signer: Public key of its sender; empty takes any.

    Raises:
        InputError: there is no such file.
        FormatError: it is no bundle, was changed, another one signed it, or it holds something else than it may.
    """
    return _opened(unseal(path, BUNDLE, signer), str(path))


def _starts(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _opened(sealed: Sealed, where: str) -> Bundle:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(sealed.content)
    except (SafetensorError, KeyError, ValueError, OverflowError, MemoryError) as error:
        raise FormatError(f"{where} holds no arrays that can be read: {error}. Ask its sender for a new one.") from None
    if set(arrays) != set(ARRAYS):
        raise FormatError(
            f"{where} holds the arrays {sorted(arrays)}; expected are {sorted(ARRAYS)}. Ask its sender for a new one."
        )
    for name, (kind, sides) in ARRAYS.items():
        if str(arrays[name].dtype) != kind or arrays[name].ndim != sides:
            raise FormatError(f"the array {name} of {where} is {arrays[name].dtype} of {arrays[name].ndim} sides; expected is {kind} of {sides}. Ask its sender for a new one.")  # fmt: skip
    manifest = read_manifest(arrays["manifest"].tobytes(), where)
    count = len(manifest.crops)
    _check(arrays, count, where)
    starts, pictures = arrays["starts"], arrays["thumbnail_starts"]
    features = tuple(
        Features(arrays["points"][a:b], arrays["descriptors"][a:b], (int(height), int(width)))
        for a, b, (height, width) in zip(starts[:-1], starts[1:], arrays["sizes"], strict=True)
    )
    for features_of, (number, (height, width)) in zip(features, enumerate(arrays["sizes"]), strict=True):
        points = features_of.points
        if len(points) and ((points < -1).any() or (points > np.array([width, height]) + 1).any()):
            raise FormatError(f"crop {number} of {where} has spots outside its picture. Ask its sender for a new one.")
    thumbnails = tuple(arrays["thumbnails"][a:b].tobytes() for a, b in pairwise(pictures))
    return Bundle(manifest, arrays["vectors"], features, thumbnails, sealed.signer, sealed.digest)


def _check(arrays: dict[str, np.ndarray], count: int, where: str) -> None:
    """Refuse arrays that do not belong together, or hold what no network and no picture gives."""
    spots, sizes, vectors = arrays["points"], arrays["sizes"], arrays["vectors"]

    def refuse(what: str) -> None:
        raise FormatError(f"{where} is no sound bundle: {what}. Ask its sender for a new one.")

    if len(vectors) != count or sizes.shape != (count, 2):
        refuse(f"it names {count} crops and has {len(vectors)} vectors and {len(sizes)} sizes")
    if spots.shape[1] != 2 or len(arrays["descriptors"]) != len(spots):
        refuse("its spots and descriptors do not belong together")
    if max(vectors.shape[1], arrays["descriptors"].shape[1]) > WIDEST:
        refuse(f"its vectors or descriptors have more than {WIDEST} numbers")
    for name, total in (("starts", len(spots)), ("thumbnail_starts", len(arrays["thumbnails"]))):
        edges = arrays[name]
        if len(edges) != count + 1 or edges[0] != 0 or edges[-1] != total or (np.diff(edges) < 0).any():
            refuse(f"its {name} do not rise from 0 to {total}")
    if count and (np.diff(arrays["starts"]).max() > MOST_SPOTS or sizes.min() < 1 or sizes.max() > LONGEST):
        refuse(f"a crop has more than {MOST_SPOTS} spots, or a side outside 1 to {LONGEST} pixels")
    if not all(np.isfinite(arrays[name]).all() for name in ("vectors", "points", "descriptors")):
        refuse("it holds numbers that are not finite")
    if count and (np.abs(np.linalg.norm(vectors, axis=1) - 1) > 1e-3).any():
        refuse("its vectors are not of unit length")

"""Decoded crops kept on disk, so that each photo is decoded once and not once an epoch.

The file is mapped into memory: what fits stays there, several processes and runs share it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.embed.crops import crop_picture
from reid.embed.framing import reduced
from reid.embed.network import NetworkSpec
from reid.embed.preprocess import preprocess
from reid.embed.torso import finder_fingerprint
from reid.errors import InputError
from reid.photos import read_photo
from reid.progress import track
from reid.store import digest, write_json

__all__ = ["ROOM", "decoded", "enlarged"]

ROOM = 1.15
"""Crops to be augmented are kept this much larger than the network's input."""


def enlarged(spec: NetworkSpec) -> NetworkSpec:
    """The same geometry at the size that crops are kept in for augmentation."""
    return replace(spec, height=round(spec.height * ROOM), width=round(spec.width * ROOM), flank=False)


def decoded(frame: pd.DataFrame, spec: NetworkSpec, folder: Path) -> tuple[np.ndarray, dict[int, str]]:
    """Crops as the network of `spec` takes them, by the steps that inference uses.

    Args:
        frame: Rows with `root`, `path`, `bbox`, `content_hash`, `facing`, the flank to turn by, and, for a network that sees
            torsos, `torso`.
        spec: Size and geometry.
        folder: Where the file lies; a second call with the same crops finds it.

    Returns:
        uint8 (n, 3, height, width), mapped from the file, in the frame's order; and by row number, from 0, why
        a photo cannot be decoded. The pixels of those are black.
    """
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    geometry = [spec.height, spec.width, spec.resize, spec.interpolation, spec.face, list(spec.mean)]
    if spec.frame == "torso":
        geometry += [spec.frame, finder_fingerprint(), [[round(value, 5) for value in row["torso"]] for row in rows]]
    turned = [row["facing"] if spec.face == "left" else "" for row in rows]
    key = digest(
        [(row["content_hash"], list(row["bbox"]), turn) for row, turn in zip(rows, turned, strict=True)], geometry
    )
    path, said = folder / f"crops-{key}.npy", folder / f"crops-{key}.json"
    if not (path.is_file() and said.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"crops-{key}.part"
        shape = (len(rows), 3, spec.height, spec.width)
        kept = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        reasons = _decode(rows, spec, kept)
        kept.flush()
        del kept
        partial.replace(path)
        write_json({str(number): reason for number, reason in reasons.items()}, said)
    reasons = {int(number): reason for number, reason in json.loads(said.read_text(encoding="utf-8")).items()}
    return np.load(path, mmap_mode="r"), reasons


def _decode(rows: Sequence[dict[str, Any]], spec: NetworkSpec, kept: np.ndarray) -> dict[int, str]:
    groups: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault((row["root"], row["path"]), []).append(number)

    def read(numbers: list[int]) -> str | None:
        root = Path(rows[numbers[0]]["root"])
        try:
            photo = read_photo(root / rows[numbers[0]]["path"])
        except InputError as error:
            return str(error)
        for number in numbers:
            row = rows[number]
            picture = crop_picture(root, row, photo=photo)
            if spec.frame == "torso":
                picture = reduced(picture, spec)
            kept[number] = preprocess(picture, spec, row["facing"], row.get("torso"))
        return None

    reasons: dict[int, str] = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        todo = list(groups.values())
        for numbers, reason in zip(todo, track(pool.map(read, todo), "decode", total=len(todo)), strict=True):
            if reason:
                reasons.update(dict.fromkeys(numbers, reason))
    return reasons

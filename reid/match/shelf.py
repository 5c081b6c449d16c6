"""Arrays of one shape by name, in a file that is gone with the process: what a season has too much of for the memory."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path

import numpy as np

__all__ = ["Shelf"]


class Shelf:
    """Arrays that are put down once and taken up again many times, from the memory that the operating system spares for files.

    Args:
        shape: Of each array.
        dtype: Of each array.
        folder: On whose disk the file lies; made if it is not there. None for the place of temporary files.
    """

    def __init__(self, shape: tuple[int, ...], dtype: type, folder: Path | None = None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.bytes = int(np.prod(shape)) * self.dtype.itemsize
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - open for as long as the shelf
        weakref.finalize(self, self._file.close)
        self._place: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._place

    def __len__(self) -> int:
        return len(self._place)

    def put(self, name: str, array: np.ndarray) -> None:
        """Keep an array; one that is there already stays as it is."""
        if name in self._place:
            return
        if array.shape != self.shape or array.dtype != self.dtype:
            raise ValueError(f"an array of {array.dtype} {array.shape} among those of {self.dtype} {self.shape}")
        place = len(self._place)
        self._file.seek(place * self.bytes)
        rest = np.ascontiguousarray(array).data.cast("B")
        while rest:  # a call may write less than it was given
            rest = rest[self._file.write(rest) :]
        self._place[name] = place

    def take(self, names: Iterable[str]) -> np.ndarray:
        """The arrays of some names, (n, *shape).

        Raises:
            KeyError: one is not there.
        """
        places = [self._place[name] for name in names]
        out = np.empty((len(places), *self.shape), self.dtype)
        for array, place in zip(out, places, strict=True):
            self._file.seek(place * self.bytes)
            rest = array.data.cast("B")
            while rest:
                got = self._file.readinto(rest)
                if not got:
                    raise OSError(f"the file of kept arrays ends before array {place}")
                rest = rest[got:]
        return out

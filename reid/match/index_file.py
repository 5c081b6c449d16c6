"""Files of indexes as they lie on disk, read without trusting what they say of themselves."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from reid.outside import open_regular

__all__ = ["WIDEST", "flat_vectors", "read_faiss"]

WIDEST = 65_536
"""Numbers of a vector, at most."""
FLAT = struct.Struct("<4siqqqBiQ")
"""How FAISS begins the file of a flat index: its kind, width, count, two fillers, whether trained, metric, numbers."""


def flat_vectors(path: str | Path, size: int) -> np.ndarray:
    """The vectors of a flat inner-product index that FAISS wrote, read without FAISS, float32 (n, size).

    Raises:
        OSError: it cannot be read.
        ValueError: it is laid out otherwise.
    """
    with open_regular(path) as file:
        head = file.read(FLAT.size)
        if len(head) < FLAT.size:
            raise ValueError("it is cut short")
        kind, wide, count, _, _, trained, metric, numbers = FLAT.unpack(head)
        rest = os.fstat(file.fileno()).st_size - FLAT.size
        if (kind, wide, trained, metric) != (b"IxFI", size, 1, 0) or numbers != count * size or rest != 4 * numbers:
            raise ValueError("it is no flat index of its stated size")
        return np.frombuffer(file.read(rest), np.float32).reshape(count, size)


def read_faiss(path: Path, mapped: bool) -> Any:
    """What FAISS reads from a file, with no more memory for a list of numbers than the file has bytes."""
    import faiss

    limit = getattr(faiss, "set_deserialization_vector_byte_limit", None)
    before = faiss.get_deserialization_vector_byte_limit() if limit else 0
    try:
        if limit:
            limit(path.stat().st_size)
        # the older flag leaves lists of vectors on disk, and reads flat indexes and graphs whole
        in_place = getattr(faiss, "IO_FLAG_MMAP_IFC", faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        return faiss.read_index(str(path), in_place if mapped else 0)
    finally:
        if limit:
            limit(before)

"""Published captures, as histories and matrices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reid.abundance import History

DATA = Path(__file__).parent / "data"

LAYOUTS = {
    "grid": [(365 + 30 * i, 365 + 30 * j) for i in range(10) for j in range(10)],
    "hare": [(60.96 * i, 60.96 * j) for i in range(10) for j in range(10)],
    "stoat": [(-1500 + 500 * i, -1500 + 250 * j) for i in range(7) for j in range(13)]
    + [(-1250, 1500), (-250, 1500), (750, 1500)],
}


def read(name: str) -> History:
    rows = pd.read_csv(DATA / f"{name}.csv")
    places = np.array(LAYOUTS[name], dtype=float)
    animals = sorted(rows["animal"].unique())
    counts = np.zeros((len(animals), rows["occasion"].max(), len(places)), dtype=np.int64)
    for row in rows.itertuples():
        off = np.abs(places - [row.x, row.y]).max(axis=1)
        assert off.min() < 0.01, f"no trap at {row.x}, {row.y}"
        counts[animals.index(row.animal), row.occasion - 1, off.argmin()] += 1
    return History(counts, tuple(map(str, animals)), tuple(map(str, range(len(places)))), coordinates=places)


def with_frequencies(counts: list[int], occasions: int) -> np.ndarray:
    """A capture matrix in which so many animals are met once, twice, and so on."""
    rows = []
    for times, animals in enumerate(counts, start=1):
        for i in range(animals):
            row = np.zeros(occasions, dtype=int)
            row[[(i + j) % occasions for j in range(times)]] = 1
            rows.append(row)
    return np.array(rows)


def with_totals(totals: list[int], animals: int) -> np.ndarray:
    """A capture matrix with so many animals met on each occasion, each animal at least once."""
    matrix = np.zeros((animals, len(totals)), dtype=int)
    at = 0
    for occasion, total in enumerate(totals):
        for i in range(total):
            matrix[(at + i) % animals, occasion] = 1
        at += total
    assert matrix.any(axis=1).all() and matrix.sum(axis=0).tolist() == totals
    return matrix


@pytest.fixture(scope="session")
def published() -> Callable[[str], History]:
    """Reads `grid`, `hare` or `stoat`."""
    return read


@pytest.fixture(scope="session")
def rabbits() -> np.ndarray:
    """Edwards and Eberhardt 1967: 76 of 135 cottontails met on 18 occasions."""
    return with_frequencies([43, 16, 8, 6, 0, 2, 1], 18)


@pytest.fixture(scope="session")
def tigers() -> np.ndarray:
    """Karanth et al. 2004: 26 tigers in Kanha, as many met on each of ten occasions as there were."""
    return with_totals([5, 5, 3, 13, 7, 4, 4, 4, 5, 8], 26)

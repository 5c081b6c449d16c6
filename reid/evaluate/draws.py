"""The draws behind the splits: which animals, which photos, in an order that is the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from reid.errors import InputError
from reid.tables import UNKNOWN

__all__ = ["draw_animals", "known_rows", "permutations", "share"]


def permutations(counts: Sequence[int], seed: int) -> list[np.ndarray]:
    """Permutations of `range(n)` for each n, from one run of the generator that the field's splits use.

    The generator is the 31-bit linear congruential one of old C libraries; a permutation sorts as many of its numbers
    as it is long. It gives the same on every machine and with every version of numpy.

    >>> [p.tolist() for p in permutations([4], 666)]
    [[3, 0, 1, 2]]
    """
    state, out = seed, []
    for count in counts:
        numbers = []
        for _ in range(count):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            numbers.append(state)
        out.append(np.argsort(numbers, kind="stable"))
    return out


def known_rows(frame: pd.DataFrame, usable: pd.Series | None = None) -> dict[str, list[int]]:
    """Row numbers by identity, in the order in which the field's splits take the animals.

    Published tables are read with pandas, which makes whole numbers of names that all look like them, and `2` then
    comes before `10`.
    """
    out: dict[str, list[int]] = {}
    for row, name in enumerate(frame["identity"].fillna(UNKNOWN).astype(str)):
        if name != UNKNOWN and (usable is None or usable.iloc[row]):
            out.setdefault(name, []).append(row)
    numeric = all(name.lstrip("-").isdecimal() for name in out)
    return {name: out[name] for name in sorted(out, key=lambda n: (int(n), n) if numeric else (0, n))}


def share(groups: Mapping[str, Sequence[int]], ratio: float, seed: int) -> dict[int, str]:
    """A share of each group to `train`, at least one of it, and one to `test` where there are two or more."""
    orders = permutations([len(rows) for rows in groups.values()], seed)
    parts: dict[int, str] = {}
    for rows, order in zip(groups.values(), orders, strict=True):
        # half to even, as numpy rounds: part of the rule that published splits follow
        count = int(np.round(ratio * len(rows)))
        count = max(1, count - 1 if count == len(rows) and count > 1 else count)
        parts.update((rows[n], "train" if place < count else "test") for place, n in enumerate(order))
    return parts


def draw_animals(known: Mapping[str, Sequence[int]], ratio: float, seed: int) -> set[str]:
    """Whole animals, drawn until their photos are the share that was asked for, at least one and not all."""
    names = list(known)
    if len(names) < 2:
        raise InputError(
            f"a split by animals needs at least two identities, found {len(names)}. Label more animals, or use protocol=closed."
        )
    goal, taken, chosen = ratio * sum(map(len, known.values())), 0, set()
    for n in permutations([len(names)], seed)[0][:-1]:
        if taken >= goal:
            break
        chosen.add(names[n])
        taken += len(known[names[n]])
    return chosen

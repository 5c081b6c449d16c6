"""P x K batches: some photos of each of some classes, so that a loss over pairs finds pairs of one animal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["PxK", "batches_of"]


@dataclass(frozen=True)
class PxK:
    """What a batch holds: `photos` crops of each of `classes` classes, and `alone` crops without company.

    Attributes:
        classes: P, the classes of a batch.
        photos: K, the crops of each.
        alone: Crops of further classes, one of each, first of those that have but one: more to be told apart from.
        apart: Whether a batch is of one data set, drawn by the number of its classes.
        root: Draw a class by the root of its number of crops; otherwise classes come in turns of the whole list.
        elsewhere: Take a class's crops from as many encounters as there are, before a second of any.
    """

    classes: int
    photos: int
    alone: int = 0
    apart: bool = False
    root: bool = False
    elsewhere: bool = False


def batches_of(
    classes: np.ndarray, datasets: np.ndarray, encounters: np.ndarray, how: PxK, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows of `count` batches, (count, how.classes * how.photos + how.alone).

    Args:
        classes: (n,) class of each crop.
        datasets: (n,) data set of each crop.
        encounters: (n,) number of each crop's encounter.
        how: What a batch holds.
        count: So many batches.
        rng: Of everything drawn.
    """
    members = {int(name): np.flatnonzero(classes == name) for name in np.unique(classes)}
    of = {name: int(datasets[rows[0]]) if how.apart else 0 for name, rows in members.items()}
    sets = []
    for number in sorted(set(of.values())):
        here = [name for name in members if of[name] == number]
        paired = [name for name in here if not how.alone or len(members[name]) > 1]
        if paired:
            sets.append(_Set(np.array(paired), np.setdiff1d(here, paired), members, how))
    share = np.array([len(own.names) for own in sets], float)
    share /= share.sum()
    batches = []
    for _ in range(count):
        own = sets[int(rng.choice(len(sets), p=share)) if len(sets) > 1 else 0]
        chosen = own.classes(rng)
        rows = [_photos(members[int(name)], encounters, how, rng) for name in chosen]
        batches.append(np.concatenate([*rows, own.others(chosen, members, rng)]))
    return np.stack(batches)


class _Set:
    """The classes that a batch is drawn from."""

    def __init__(self, names: np.ndarray, alone: np.ndarray, members: dict[int, np.ndarray], how: PxK) -> None:
        self.names, self.alone, self.how = names, alone, how
        self.root = np.sqrt([len(members[int(name)]) for name in names])
        self.turn = np.zeros(0, np.int64)

    def classes(self, rng: np.random.Generator) -> np.ndarray:
        many = self.how.classes
        if self.how.root and len(self.names) >= many:
            return rng.choice(self.names, many, replace=False, p=self.root / self.root.sum())
        while len(self.turn) < many:
            # a set with fewer classes than a batch holds gives some of them twice
            rest = np.setdiff1d(self.names, self.turn)
            self.turn = np.concatenate([self.turn, rng.permutation(rest if len(rest) else self.names)])
        chosen, self.turn = self.turn[:many], self.turn[many:]
        return chosen

    def others(self, chosen: np.ndarray, members: dict[int, np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """A crop each of `how.alone` classes that are not chosen: first of those that have but one."""
        if not self.how.alone:
            return np.zeros(0, np.int64)
        rest = np.setdiff1d(self.names, chosen)
        order = np.concatenate([rng.permutation(self.alone), rng.permutation(rest if len(rest) else self.names)])
        names = np.resize(order, self.how.alone)
        return np.array([rng.choice(members[int(name)]) for name in names], np.int64)


def _photos(own: np.ndarray, encounters: np.ndarray, how: PxK, rng: np.random.Generator) -> np.ndarray:
    """`how.photos` of a class's crops, without repeats where there are enough."""
    rounds = -(-how.photos // len(own))
    drawn = np.concatenate([rng.permutation(own) for _ in range(rounds)])
    if how.elsewhere:
        drawn = drawn[np.argsort(_times_before(encounters[drawn]), kind="stable")]
    return drawn[: how.photos]


def _times_before(values: np.ndarray) -> np.ndarray:
    """How often each value stood before, (n,)."""
    seen: dict[int, int] = {}
    counts = []
    for value in values.tolist():
        counts.append(seen.get(value, 0))
        seen[value] = counts[-1] + 1
    return np.array(counts, np.int64)

"""Which crops make a batch: shuffled, P x K, or balanced; the same epoch always gives the same batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from reid.errors import ConfigError, choices
from reid.train.pxk import PxK, batches_of

__all__ = ["Batches", "Draw", "SamplerSettings"]

NAMES = ("shuffled", "pxk", "balanced")


@dataclass(frozen=True)
class SamplerSettings:
    """How batches are drawn.

    Attributes:
        name: `shuffled`, every crop once an epoch; `pxk`, each batch holds `photos` crops of each of
            `batch / photos` classes, so that losses over pairs find some; `balanced`, data sets equally often,
            and in each its classes equally often.
        batch: Crops a step, in each process: two processes with 16 take the steps of one with 32.
        photos: Crops of a class in a batch, for `pxk`.
        apart: For `pxk`, whether each batch is of one data set, drawn by the number of its classes: photos of another place
            or species are told apart too easily to learn from.
        alone: For `pxk`, so many of the batch's crops come without company, one of each of other classes, first of those with
            a single photo (which need `labels.least=1`): more to be told apart from.
        root: For `pxk`, whether classes are drawn by the root of their number of photos instead of in turns.
        elsewhere: For `pxk`, whether a class's photos are taken from as many encounters as there are: photos of one encounter
            are alike for reasons of their own.
        steps: Steps an epoch; 0 takes as many as see every crop once.
        shares: For `shuffled`, the share of each data set's crops that an epoch sees, in the data sets' order, drawn anew
            each time; empty for all crops. It keeps a large easy data set from taking most of the time.
    """

    name: str = "shuffled"
    batch: int = 32
    photos: int = 4
    apart: bool = False
    alone: int = 0
    root: bool = False
    elsewhere: bool = False
    steps: int = 0
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ConfigError(f"sampler.name={self.name!r} is unknown; choose one of {choices(NAMES)}.")
        if self.batch < 2:
            raise ConfigError(f"sampler.batch={self.batch} must be at least 2.")
        if self.alone < 0:
            raise ConfigError(f"sampler.alone={self.alone} must not be negative.")
        together = self.batch - self.alone
        if self.name == "pxk" and (self.photos < 2 or together % self.photos or together < 2 * self.photos):
            less = f" less sampler.alone={self.alone}" if self.alone else ""
            raise ConfigError(
                f"sampler.photos={self.photos} must be at least 2 and divide sampler.batch={self.batch}{less} into two or more classes."
            )
        if self.steps < 0:
            raise ConfigError(f"sampler.steps={self.steps} must not be negative.")
        if any(not 0 < share <= 1 for share in self.shares):
            raise ConfigError(f"sampler.shares={list(self.shares)} must lie above 0 and up to 1.")
        if self.shares and (self.name != "shuffled" or self.steps):
            raise ConfigError("sampler.shares needs sampler=shuffled and sampler.steps=0.")


class Draw(NamedTuple):
    """A crop's number, the seed of its augmentation, and the height and width that it is wanted at; None is the full size."""

    row: int
    seed: int
    size: tuple[int, int] | None


class Batches(Sampler[list[Draw]]):
    """What each batch holds. All that a worker needs to know of the epoch is in it, so workers may outlive epochs.

    Args:
        classes: (n,) class of each crop.
        datasets: (n,) data set of each crop.
        settings: How to draw.
        seed: Of everything drawn, together with the epoch.
        rank: Which process this is, of
        world: so many. All draw the same batches of `world` times the size, and each takes its own part of them, so that
            several processes see in a step what one would see with a batch as large.
        size: Height and width of an epoch's crops; by default the full size.
        encounters: (n,) number of each crop's encounter; None takes each crop for one of its own.
    """

    def __init__(
        self, classes: Sequence[int] | np.ndarray, datasets: Sequence[int] | np.ndarray, settings: SamplerSettings,
        seed: int = 0, rank: int = 0, world: int = 1, size: Callable[[int], tuple[int, int]] | None = None,
        encounters: Sequence[int] | np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.classes, self.datasets = np.asarray(classes), np.asarray(datasets)
        self.settings, self.seed, self.rank, self.world, self.size = settings, seed, rank, world, size
        self.encounters = np.arange(len(self.classes)) if encounters is None else np.asarray(encounters)
        self.epoch = 0
        self.sizes = self._sizes()
        names, counts = np.unique(self.classes, return_counts=True)
        self.members = {int(name): np.flatnonzero(self.classes == name) for name in names}
        self.together = settings.batch * world
        company = int((counts > 1).sum()) if settings.alone else len(names)
        if settings.name == "pxk" and company < self._how().classes:
            several = f" in each of {world} processes" if world > 1 else ""
            enough = " of two or more photos" if settings.alone else ""
            raise ConfigError(
                f"sampler.batch={settings.batch}{several} of {settings.photos} photos a class needs {self._how().classes} "
                f"classes{enough}, and the data has {company}; lower sampler.batch or raise sampler.photos."
            )

    def _sizes(self) -> list[int]:
        """Crops of each data set that an epoch of `shuffled` sees."""
        counts = np.bincount(self.datasets).tolist()
        shares = self.settings.shares or (1.0,) * len(counts)
        if len(shares) != len(counts):
            raise ConfigError(f"sampler.shares={list(shares)} must give one share for each of {len(counts)} data sets.")
        return [max(1, round(share * count)) for share, count in zip(shares, counts, strict=True)]

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of this epoch next."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole = max(1, sum(self.sizes) // self.together)
        return self.settings.steps or whole

    def __iter__(self) -> Iterator[list[Draw]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        count = len(self)
        rows = {"shuffled": self._shuffled, "pxk": self._pxk, "balanced": self._balanced}[self.settings.name](
            rng, count
        )
        seeds = rng.integers(0, 2**31, rows.shape)
        size = self.size(self.epoch) if self.size else None
        own = slice(self.rank * self.settings.batch, (self.rank + 1) * self.settings.batch)
        for batch, numbers in zip(rows, seeds, strict=True):
            yield [Draw(int(row), int(seed), size) for row, seed in zip(batch[own], numbers[own], strict=True)]

    def _shuffled(self, rng: np.random.Generator, count: int) -> np.ndarray:
        needed = count * self.together
        order = np.concatenate([self._once(rng) for _ in range(-(-needed // sum(self.sizes)))])
        return order[:needed].reshape(count, self.together)

    def _once(self, rng: np.random.Generator) -> np.ndarray:
        if not self.settings.shares:
            return rng.permutation(len(self.classes))
        groups = [rng.permutation(np.flatnonzero(self.datasets == d))[:n] for d, n in enumerate(self.sizes)]
        return rng.permutation(np.concatenate(groups))

    def _pxk(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return batches_of(self.classes, self.datasets, self.encounters, self._how(), count, rng)

    def _how(self) -> PxK:
        own = self.settings
        alone = own.alone * self.world
        return PxK((self.together - alone) // own.photos, own.photos, alone, own.apart, own.root, own.elsewhere)

    def _balanced(self, rng: np.random.Generator, count: int) -> np.ndarray:
        size = count * self.together
        sets = [sorted(set(self.classes[self.datasets == d].tolist())) for d in np.unique(self.datasets)]
        which = rng.integers(0, len(sets), size)
        rows = [rng.choice(self.members[int(rng.choice(sets[d]))]) for d in which]
        return np.array(rows).reshape(count, self.together)

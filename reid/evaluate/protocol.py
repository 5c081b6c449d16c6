"""Protocols by name: which split, and what is left out of a query's gallery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from reid.errors import ConfigError, choices
from reid.evaluate.figures import UNDEFINED
from reid.evaluate.retrieval import EXCLUSIONS
from reid.evaluate.splits import (
    Split,
    closed_set,
    encounter_aware,
    given,
    identity_disjoint,
    open_set,
    time_aware,
)

__all__ = ["ATRW", "PROTOCOLS", "ProtocolSettings", "make_split", "without_rows"]

ATRW = "atrw"
"""ATRW's official protocol, which brings its own ground truth and no split."""


@dataclass(frozen=True)
class ProtocolSettings:
    """How a model is judged.

    Attributes:
        name: One of `PROTOCOLS`, or `atrw`.
        ratio: `closed`, `open`: share of photos in the gallery; `encounter`: of encounters; `time`: of days;
            `disjoint`: share of photos whose animals are in the test part.
        new: `open`: share of photos of new animals.
        cutoff: `time`: a date that divides gallery from queries, instead of `ratio`.
        seed: Of the draws of a split.
        exclude: What is left out of a query's gallery, of `encounter` and `flank`.
        undefined: What becomes of a query without a right photo in its gallery: `skip` or `miss`.
        truth: `atrw`: the official ground truth, `gt_test_plain.json`.

    Raises:
        ConfigError: a value is wrong; the message says which are right.
    """

    name: str = "closed"
    ratio: float = 0.8
    new: float = 0.1
    cutoff: str = ""
    seed: int = 666
    exclude: tuple[str, ...] = ()
    undefined: str = "skip"
    truth: str = ""

    def __post_init__(self) -> None:
        if self.name not in (*PROTOCOLS, ATRW):
            raise ConfigError(f"protocol.name={self.name!r} is unknown; choose one of {choices((*PROTOCOLS, ATRW))}.")
        for key in ("ratio", "new"):
            if not 0 < getattr(self, key) < 1:
                raise ConfigError(f"protocol.{key}={getattr(self, key)} must lie between 0 and 1, both excluded.")
        wrong = [name for name in self.exclude if name not in EXCLUSIONS]
        if wrong:
            raise ConfigError(f"protocol.exclude={wrong[0]!r} is unknown; choose among {choices(EXCLUSIONS)}.")
        if self.undefined not in UNDEFINED:
            raise ConfigError(f"protocol.undefined={self.undefined!r} is unknown; choose one of {choices(UNDEFINED)}.")
        if (self.name == ATRW) != bool(self.truth):
            raise ConfigError("protocol=atrw and protocol.truth=FILE, ATRW's gt_test_plain.json, belong together.")

    def record(self) -> dict[str, object]:
        """The settings as a report keeps them: files by name alone."""
        values = {key: getattr(self, key) for key in self.__dataclass_fields__}
        return {**values, "exclude": list(self.exclude), "truth": Path(self.truth).name}


PROTOCOLS: dict[str, Callable[[pd.DataFrame, ProtocolSettings], Split]] = {
    "closed": lambda frame, s: closed_set(frame, s.ratio, s.seed),
    "open": lambda frame, s: open_set(frame, s.ratio, s.new, s.seed),
    "disjoint": lambda frame, s: identity_disjoint(frame, s.ratio, s.seed),
    "time": lambda frame, s: time_aware(frame, s.ratio, s.cutoff),
    "encounter": lambda frame, s: encounter_aware(frame, s.ratio, s.seed),
    "given": lambda frame, s: given(frame),
}
"""Splits by the name of their protocol."""


def make_split(frame: pd.DataFrame, settings: ProtocolSettings) -> Split:
    """The split that the settings name.

    Args:
        frame: Labelled table, as `reid.read_labelled` gives it.
        settings: The protocol; `atrw` has no split.

    Raises:
        InputError: the table has too few photos, animals, dates or encounters for it.
        TableError: a column that it needs is missing.
    """
    return PROTOCOLS[settings.name](frame, settings)


def without_rows(split: Split, lost: np.ndarray) -> Split:
    """The split with rows taken out of both parts, because their photos could not be read.

    Args:
        split: A split.
        lost: Boolean, one a row of its frame.
    """
    if not lost.any():
        return split
    column = split.frame["split"].where(pd.Series(~lost), pd.NA)
    note = f"{int(lost.sum())} photos could not be read and take no part"
    return replace(split, frame=split.frame.assign(split=column), leaks=(*split.leaks, note))

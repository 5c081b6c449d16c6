"""What is held out of training to choose the weights by: whole individuals, or whole encounters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid.errors import ConfigError, InputError, choices
from reid.store import digest

__all__ = ["Parts", "ValidationSettings", "hold_out"]

RULES = ("identity", "encounter", "auto")
FEWEST = 5
"""Data sets of fewer individuals (or classes with a second encounter) are trained on whole."""


@dataclass(frozen=True)
class ValidationSettings:
    """How training is judged while it runs.

    Attributes:
        by: `identity` holds out individuals with all their photos: their photos are searched among each other.
            `encounter` holds out single encounters of individuals that stay in training: their photos are
            searched among the training photos of their data set. `auto` takes encounters where a data set names
            them, and individuals elsewhere.
        share: Share of the individuals, or of the classes seen in more than one encounter; 0 holds nothing out.
        figure: What the best weights are chosen by: `mAP` or `top1`, the mean over the data sets, or that of
            one: `nyala/mAP`.
        every: Epochs from one judgement to the next.
    """

    by: str = "identity"
    share: float = 0.2
    figure: str = "mAP"
    every: int = 1

    def __post_init__(self) -> None:
        if self.by not in RULES:
            raise ConfigError(f"validation.by={self.by!r} is unknown; choose one of {choices(RULES)}.")
        if not 0 <= self.share < 1:
            raise ConfigError(f"validation.share={self.share} must be at least 0 and below 1.")
        if self.figure.rpartition("/")[2] not in ("mAP", "top1"):
            raise ConfigError(
                f"validation.figure={self.figure!r} is unknown; write mAP or top1, or one data set's: nyala/mAP."
            )
        if self.every < 1:
            raise ConfigError(f"validation.every={self.every} must be at least 1 epoch.")


@dataclass(frozen=True)
class Parts:
    """Row numbers of the labelled table: trained on, asked about, and searched among (both may overlap)."""

    train: np.ndarray
    query: np.ndarray
    gallery: np.ndarray


def hold_out(frame: pd.DataFrame, settings: ValidationSettings, seed: int) -> Parts:
    """Divide the labelled rows.

    Args:
        frame: As from `usable`: needs `dataset`, `identity`, `label`, `encounter`.
        settings: The rule.
        seed: Of the choice; each data set is divided by itself, so adding another one does not change it.

    Raises:
        InputError: something was to be held out, and no data set has enough for it; or nothing is left to train on.
    """
    train, query, gallery = [], [], []
    for dataset, rows in frame.groupby("dataset", sort=True):
        rng = np.random.default_rng(int(digest("hold out", str(dataset), seed), 16))
        named = bool(rows["encounter"].notna().any())
        encounters = settings.by == "encounter" or (settings.by == "auto" and named)
        held = (_encounters if encounters else _identities)(rows, settings.share, rng)
        left = rows.index.difference(held)
        train.append(left)
        query.append(held)
        gallery.append(left if encounters and len(held) else held)
    parts = Parts(*(np.sort(np.concatenate(part)).astype(np.int64) for part in (train, query, gallery)))
    if settings.share and not len(parts.query):
        raise InputError(
            f"nothing can be held out for validation: each data set has fewer than {FEWEST} individuals that were seen twice. "
            f"Add data, or train without a judgement by validation.share=0."
        )
    if frame["label"].iloc[parts.train].nunique() < 2:
        raise InputError("fewer than two classes are left to train on; lower validation.share.")
    return parts


def _identities(rows: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.Index:
    """Rows of the individuals held out."""
    names = sorted(rows["identity"].unique())
    if len(names) < FEWEST or not share:
        return rows.index[:0]
    chosen = rng.permutation(names)[: max(2, round(share * len(names)))]
    return rows.index[rows["identity"].isin(chosen)]


def _encounters(rows: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.Index:
    """Rows of one encounter for each class chosen; the class keeps at least one encounter in training.

    An encounter can hold several classes (both flanks); it leaves training with all its rows. A photo without
    an encounter is one of its own.
    """
    own = "photo " + rows["path"].astype(str)
    encounter = rows["encounter"].astype("object").where(rows["encounter"].notna(), own)
    seen = encounter.groupby(rows["label"]).nunique()
    several = sorted(seen.index[seen > 1])
    if len(several) < FEWEST or not share:
        return rows.index[:0]
    held: set[str] = set()
    left = {label: set(group) for label, group in encounter.groupby(rows["label"])}
    holders = {name: sorted(set(group)) for name, group in rows["label"].groupby(encounter)}
    for label in rng.permutation(several)[: max(2, round(share * len(several)))]:
        if left[label] & held:  # another class's encounter took this one along
            continue
        for name in rng.permutation(sorted(left[label])):
            if all(left[other] - held - {name} for other in holders[name]):
                held.add(name)
                break
    return rows.index[encounter.isin(held)]

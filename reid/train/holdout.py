"""What is held out of training to choose the weights by: individuals, encounters, or single photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid.errors import ConfigError, InputError, choices
from reid.evaluate.draws import draw_animals, known_rows, share
from reid.store import digest

__all__ = ["Parts", "ValidationSettings", "hold_out"]

RULES = ("identity", "encounter", "photo", "auto")
FEWEST = 5
"""Data sets of fewer individuals (or classes with a second encounter) are trained on whole."""


@dataclass(frozen=True)
class ValidationSettings:
    """How training is judged while it runs.

    Attributes:
        by: `identity` holds out individuals with all their photos: their photos are searched among each other.
            `encounter` holds out single encounters of individuals that stay in training: their photos are
            searched among the training photos of their data set. `photo` holds out single photos of each
            individual, the split that most published figures use, although a photo of the same visit often stays
            behind. `auto` takes encounters where a data set names them, and individuals elsewhere. Several rules are
            one for each data set, in their order.
        share: Share of the photos, by whole individuals or by photo; or of the classes seen in more than one encounter;
            0 holds nothing out.
        seed: Of the choice. By individual and by photo it is the choice that `reid evaluate` makes with the protocols
            `disjoint` (of this ratio) and `closed` (of the rest) and this seed.
        figure: What the best weights are chosen by: `mAP` or `top1`, the mean over the data sets, or that of
            one: `nyala/mAP`.
        every: Epochs from one judgement to the next.
    """

    by: str | tuple[str, ...] = "identity"
    share: float = 0.2
    seed: int = 666
    figure: str = "mAP"
    every: int = 1

    def __post_init__(self) -> None:
        for rule in self.rules:
            if rule not in RULES:
                raise ConfigError(f"validation.by={rule!r} is unknown; choose one of {choices(RULES)}.")
        if not 0 <= self.share < 1:
            raise ConfigError(f"validation.share={self.share} must be at least 0 and below 1.")
        if self.figure.rpartition("/")[2] not in ("mAP", "top1"):
            raise ConfigError(
                f"validation.figure={self.figure!r} is unknown; write mAP or top1, or one data set's: nyala/mAP."
            )
        if self.every < 1:
            raise ConfigError(f"validation.every={self.every} must be at least 1 epoch.")

    @property
    def rules(self) -> tuple[str, ...]:
        """One for all data sets, or one for each."""
        return (self.by,) if isinstance(self.by, str) else tuple(self.by)


@dataclass(frozen=True)
class Parts:
    """Row numbers of the labelled table: trained on, asked about, and searched among (both may overlap)."""

    train: np.ndarray
    query: np.ndarray
    gallery: np.ndarray


def hold_out(frame: pd.DataFrame, settings: ValidationSettings, whole: pd.DataFrame) -> Parts:
    """Divide the labelled rows.

    Args:
        frame: As from `usable`: needs `dataset`, `identity`, `label`, `encounter`, `content_hash`, `bbox`.
        settings: The rule; each data set is divided by itself, so adding another one does not change it.
        whole: The labelled table as it was read. Individuals and photos are drawn from it, as an evaluation draws them:
            a row that is left out of training must not shift the draw of all others. Every copy of a crop that is
            held out is held out.

    Raises:
        ConfigError: there are several rules, and not as many as data sets.
        InputError: something was to be held out, and no data set has enough for it; or nothing is left to train on.
    """
    train, query, gallery = [], [], []
    for dataset, rule in _rules(frame, settings).items():
        rows = frame[frame["dataset"] == dataset]
        if rule == "auto":
            rule = "encounter" if rows["encounter"].notna().any() else "identity"
        if rule == "encounter":
            rng = np.random.default_rng(int(digest("hold out", dataset, settings.seed), 16))
            held = _encounters(rows, settings.share, rng)
        else:
            every = whole[whole["dataset"] == dataset]
            drawn = (_identities if rule == "identity" else _photos)(every, settings.share, settings.seed)
            held = rows.index[_crops(rows).isin(set(_crops(every).iloc[drawn]))]
        left = rows.index.difference(held)
        train.append(left)
        query.append(held)
        gallery.append(held if rule == "identity" or not len(held) else left)
    parts = Parts(*(np.sort(np.concatenate(part)).astype(np.int64) for part in (train, query, gallery)))
    if settings.share and not len(parts.query):
        raise InputError(
            f"nothing can be held out for validation: each data set has fewer than {FEWEST} individuals that were seen twice. "
            f"Add data, or train without a judgement by validation.share=0."
        )
    if frame["label"].iloc[parts.train].nunique() < 2:
        raise InputError("fewer than two classes are left to train on; lower validation.share.")
    return parts


def _rules(frame: pd.DataFrame, settings: ValidationSettings) -> dict[str, str]:
    names, rules = list(map(str, frame["dataset"].unique())), settings.rules
    if len(rules) not in (1, len(names)):
        raise ConfigError(
            f"validation.by={list(rules)} gives {len(rules)} rules for {len(names)} data sets ({', '.join(names)}); "
            f"give one for all, or one for each."
        )
    return dict(zip(names, rules * len(names) if len(rules) == 1 else rules, strict=True))


def _crops(rows: pd.DataFrame) -> pd.Series:
    """What each row shows; copies of one crop are alike."""
    return rows["content_hash"].astype(str) + rows["bbox"].map(str)


def _identities(rows: pd.DataFrame, part: float, seed: int) -> list[int]:
    """Row numbers of the individuals held out, at least two of them."""
    known = known_rows(rows)
    if len(known) < FEWEST or not part:
        return []
    chosen = draw_animals(known, part, seed)
    if len(chosen) < 2:  # one individual cannot be mistaken for another
        chosen |= draw_animals({name: own for name, own in known.items() if name not in chosen}, 0.0001, seed)
    return [number for name in chosen for number in known[name]]


def _photos(rows: pd.DataFrame, part: float, seed: int) -> list[int]:
    """Row numbers of the photos held out, of each individual with two or more."""
    known = known_rows(rows)
    if len(known) < FEWEST or not part:
        return []
    parts = share(known, 1 - part, seed)
    return [number for number, name in parts.items() if name == "test"]


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

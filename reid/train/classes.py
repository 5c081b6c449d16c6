"""From labels to classes: whose flank it is. What cannot be learnt from is left out by a rule and named."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import pandas as pd

from reid.errors import ConfigError, InputError, TableError, choices
from reid.tables import UNKNOWN

__all__ = ["LabelSettings", "class_names", "usable", "without_small"]

SPELLINGS = ("refuse", "join", "keep")


@dataclass(frozen=True)
class LabelSettings:
    """How labels become classes.

    Attributes:
        by_flank: Whether each flank of an individual is a class of its own. A left and a right flank of one
            animal look no more alike than two animals.
        least: Classes with fewer photos are left out.
        spellings: Two names of one data set that differ only in capitals, spaces or hyphens: `refuse`, `join`
            them, or `keep` them as two individuals.
        find_flanks: Let the shipped head name the flanks that no label names, to turn these photos by. Classes
            stay as the labels say.
    """

    by_flank: bool = True
    least: int = 2
    spellings: str = "refuse"
    find_flanks: bool = False

    def __post_init__(self) -> None:
        if self.spellings not in SPELLINGS:
            raise ConfigError(f"labels.spellings={self.spellings!r} is unknown; choose one of {choices(SPELLINGS)}.")
        if self.least < 1:
            raise ConfigError(f"labels.least={self.least} must be at least 1 photo.")


def usable(frame: pd.DataFrame, settings: LabelSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that can be trained on, with their class in the column `label`, and why the others cannot.

    Args:
        frame: As from `read_data_sets`.
        settings: The rules.

    Returns:
        Rows in their order, `label` being "data set/identity" or "data set/identity/flank"; and a table of what
        was left out: dataset, path, reason. Left out are: rows of another `split` than `train`; unknown
        individuals; one crop under two names, and the repeats of one under one name; photos of an unknown flank,
        of individuals that other photos show from a named one; classes of too few photos.

    Raises:
        TableError: two spellings of one name, under `refuse`.
        InputError: fewer than two classes are left.
    """
    frame = frame.reset_index(drop=True).copy()
    frame["identity"] = _spelt(frame, settings.spellings)
    reasons = pd.Series([None] * len(frame), dtype="object")

    def leave_out(which: pd.Series, reason: str) -> None:
        reasons[which & reasons.isna()] = reason

    other_split = frame["split"].notna() & (frame["split"] != "train")
    leave_out(other_split, "its split is not train")
    leave_out(frame["identity"].isna() | (frame["identity"] == UNKNOWN), "the individual is unknown")
    crop = frame["dataset"].astype(str) + frame["content_hash"].astype(str) + frame["bbox"].map(str)
    free = reasons.isna()
    names = frame["identity"][free].groupby(crop[free]).nunique()
    leave_out(crop.map(names).fillna(1) > 1, "the same crop stands under two individuals")
    leave_out(reasons.isna() & crop.where(reasons.isna()).duplicated(), "the same crop stands twice")
    if settings.by_flank:
        who = frame["dataset"].astype(str) + "/" + frame["identity"].astype(str)
        named = set(who[reasons.isna() & (frame["orientation"] != UNKNOWN)])
        leave_out(
            (frame["orientation"] == UNKNOWN) & who.isin(named),
            "its flank is unknown, and other photos of this individual name theirs",
        )
    frame["label"] = class_names(frame, settings.by_flank)
    good = frame[reasons.isna()]
    lost = frame[["dataset", "path"]].assign(reason=reasons)[reasons.notna()]
    good, small = without_small(good, settings.least)
    if good["label"].nunique() < 2:
        found = f"only {good['label'].iloc[0]!r}" if len(good) else "none"
        raise InputError(
            f"training needs at least two classes of {settings.least} photos or more, and the labels leave {found} "
            f"({len(lost) + len(small)} rows left out). Add labelled photos, or lower labels.least."
        )
    return good.reset_index(drop=True), pd.concat([lost, small], ignore_index=True)


def without_small(frame: pd.DataFrame, least: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the classes of at least `least` photos, and the others with their reason."""
    counts = frame["label"].map(frame["label"].value_counts())
    few = frame[counts < least]
    photos = ["photo" if n == 1 else "photos" for n in counts[counts < least]]
    reasons = [
        f"its class {label} has {n} {word}"
        for label, n, word in zip(few["label"], counts[counts < least], photos, strict=True)
    ]
    return frame[counts >= least], few[["dataset", "path"]].assign(reason=reasons)


def class_names(frame: pd.DataFrame, by_flank: bool) -> pd.Series:
    """The class of each row: "data set/identity", with "/flank" where it counts and is known."""
    who = frame["dataset"].astype(str) + "/" + frame["identity"].astype(str)
    flank = frame["orientation"].map(lambda name: "" if name == UNKNOWN or not by_flank else f"/{name}")
    return who + flank.astype(str)


def plain_name(name: str) -> str:
    """A name without what people spell differently; digits that a separator keeps apart stay apart.

    >>> plain_name("Cat 21") == plain_name("cat_21") == plain_name("CAT21")
    True
    >>> plain_name("1-1") == plain_name("11")
    False
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    text = re.sub(r"(?<=\d)[\s_.\-]+(?=\d)", "|", text)
    return re.sub(r"[\s_.\-]+", "", text)


def _spelt(frame: pd.DataFrame, rule: str) -> pd.Series:
    names = frame["identity"].astype("object")
    if rule == "keep":
        return names
    known = frame[names.notna() & (names != UNKNOWN)]
    counts = known.groupby(["dataset", "identity"]).size().reset_index(name="photos")
    counts["plain"] = counts["identity"].map(plain_name)
    several = counts[counts.duplicated(["dataset", "plain"], keep=False)].sort_values(
        ["dataset", "plain", "photos", "identity"], ascending=[True, True, False, True]
    )
    if rule == "refuse" and len(several):
        first = several[(several[["dataset", "plain"]] == several[["dataset", "plain"]].iloc[0]).all(axis=1)]
        spelt = ", ".join(f"{n!r} ({k} photos)" for n, k in zip(first["identity"], first["photos"], strict=True))
        raise TableError(
            f"{several.groupby(['dataset', 'plain']).ngroups} individuals are spelt in more than one way; in {first['dataset'].iloc[0]}: "
            f"{spelt}. Mend the labels, or set labels.spellings=join or labels.spellings=keep."
        )
    best = {}
    for (dataset, _), group in several.groupby(["dataset", "plain"]):
        best.update({(dataset, name): group["identity"].iloc[0] for name in group["identity"]})
    pairs = zip(frame["dataset"], names, strict=True)
    return pd.Series([best.get((dataset, name), name) for dataset, name in pairs], index=frame.index, dtype="object")

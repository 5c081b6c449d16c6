"""Splits of labelled photos: which are known already, which are asked about, and what that lets through.

`train` and `test` photos serve as gallery and queries too, except where the two parts share no animal: then every test
photo is asked against the other test photos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reid.errors import ConfigError, InputError, TableError, choices
from reid.evaluate.draws import draw_animals, known_rows, share
from reid.evaluate.leaks import find_leaks

__all__ = [
    "PARTS",
    "Split",
    "closed_set",
    "encounter_aware",
    "given",
    "identity_disjoint",
    "open_set",
    "time_aware",
]

PARTS = {"train": "gallery", "gallery": "gallery", "test": "query", "query": "query"}
"""What a word in the `split` column means for retrieval."""


@dataclass(frozen=True)
class Split:
    """A labelled table with its parts.

    Attributes:
        name: Which rule made it.
        frame: The table with `split`: `train` or `test`, `gallery` or `query`, or null for a row that takes no part.
        among_themselves: Whether the test photos are each other's gallery.
        leaks: What lets an answer through that the coat did not give, in words, with counts where they can be counted.
    """

    name: str
    frame: pd.DataFrame
    among_themselves: bool
    leaks: tuple[str, ...]

    @property
    def gallery(self) -> np.ndarray:
        """Row numbers of the known photos, ascending."""
        return self.queries if self.among_themselves else self._rows("gallery")

    @property
    def queries(self) -> np.ndarray:
        """Row numbers of the photos that are asked about, ascending."""
        return self._rows("query")

    @property
    def left_out(self) -> int:
        """Rows that take no part."""
        return int(self.frame["split"].isna().sum())

    def _rows(self, part: str) -> np.ndarray:
        return np.flatnonzero((self.frame["split"].map(PARTS) == part).to_numpy(dtype=bool, na_value=False))


def closed_set(frame: pd.DataFrame, ratio: float = 0.8, seed: int = 666) -> Split:
    """Every animal known: a share of each one's photos is the gallery, the rest are queries.

    Row for row the split `ClosedSetSplit(0.8, seed=666)` of wildlife-datasets, which the field's published figures
    use, provided that the rows stand in the order of the published table. Animals are taken in order of their names,
    as numbers where all of them are whole numbers. An animal with one photo has it in the gallery.

    Args:
        frame: Labelled table with `identity`; rows of unknown identity take no part.
        ratio: Share of an animal's photos in `train`, above 0 and below 1.
        seed: Of the generator.
    """
    _need(frame, "closed")
    known = share(known_rows(frame), _check_ratio(ratio, "ratio"), seed)
    return _finished("closed", frame, known, "parts are drawn photo by photo: one visit can stand on both sides")


def open_set(frame: pd.DataFrame, ratio: float = 0.8, new: float = 0.1, seed: int = 666) -> Split:
    """Some animals are new: all of their photos are queries, and the others are split as in `closed_set`.

    The rule is the field's `OpenSetSplit`, but not its rows: that one orders animals of equally many photos by chance.

    Args:
        frame: Labelled table with `identity`.
        ratio: Share of all photos that are in `train`, as far as the new animals leave enough.
        new: Share of all photos that belong to new animals; whole animals are drawn until it is reached.
        seed: Of the generator, for the animals and then anew for the photos.
    """
    _need(frame, "open")
    _check_ratio(ratio, "ratio")
    known = known_rows(frame)
    strangers = draw_animals(known, _check_ratio(new, "new"), seed)
    left = {name: rows for name, rows in known.items() if name not in strangers}
    total, taken = sum(map(len, known.values())), sum(len(known[name]) for name in strangers)
    parts = share(left, min(max(ratio * total / max(total - taken, 1), 0.0), 1.0), seed)
    parts.update((row, "test") for name in strangers for row in known[name])
    return _finished(
        "open", frame, parts, "photos of known animals are drawn one by one: a visit can stand on both sides"
    )


def identity_disjoint(frame: pd.DataFrame, ratio: float = 0.5, seed: int = 666) -> Split:
    """No animal in both parts: what a network does on animals that it was not trained on.

    Every test photo is asked against all other test photos.

    Args:
        frame: Labelled table with `identity`.
        ratio: Share of the photos whose animals are in `test`; whole animals are drawn until it is reached.
        seed: Of the generator.
    """
    _need(frame, "disjoint")
    known = known_rows(frame)
    chosen = draw_animals(known, _check_ratio(ratio, "ratio"), seed)
    parts = {row: "test" if name in chosen else "train" for name, rows in known.items() for row in rows}
    return _finished(
        "disjoint",
        frame,
        parts,
        "where an identity is one side of an animal, its other side can be in the other part",
        among_themselves=True,
    )


def time_aware(frame: pd.DataFrame, ratio: float = 0.5, cutoff: str = "") -> Split:
    """The past is known and the present is asked.

    Args:
        frame: Labelled table with `identity` and `date`; rows without a date take no part.
        ratio: Share of an animal's days that are in the gallery, its earliest; at least one day is left as a query,
            and an animal seen on one day is in the gallery.
        cutoff: A date instead: what was taken before it is the gallery, for every animal, and the rest are queries.
    """
    _need(frame, "time", "date")
    known, days = known_rows(frame, frame["date"].notna()), frame["date"].dt.normalize()
    if not known:
        raise InputError("protocol=time needs dates: no row of a known identity has one. Fill the `date` column.")
    parts: dict[int, str] = {}
    first_query = _date(cutoff)
    for rows in known.values():
        own = days.iloc[rows].sort_values().unique()
        if first_query is not None:
            edge = first_query
        elif len(own) == 1:
            edge = own[0] + pd.Timedelta(days=1)
        else:
            edge = own[min(len(own) - 1, int(np.round(_check_ratio(ratio, "ratio") * len(own))))]
        parts.update((row, "gallery" if frame["date"].iloc[row] < edge else "query") for row in rows)
    how = f"at {cutoff}" if cutoff else "by each animal's days"
    return _finished("time", frame, parts, f"split {how}: places and coats of the season are on both sides")


def encounter_aware(frame: pd.DataFrame, ratio: float = 0.8, seed: int = 666) -> Split:
    """Whole encounters: no photo of a query's own encounter is in the gallery.

    Args:
        frame: Labelled table with `identity` and `encounter`; a row without an encounter is one of its own.
        ratio: Share of an animal's encounters in the gallery; an animal of one encounter is in the gallery, any other
            has at least one encounter on each side.
        seed: Of the generator.
    """
    _need(frame, "encounter", "encounter")
    if frame["encounter"].isna().all():
        raise InputError("protocol=encounter needs encounters: the `encounter` column is missing or empty.")
    visit = (
        frame["encounter"].astype("object").where(frame["encounter"].notna(), [f"row {n}" for n in range(len(frame))])
    )
    known = known_rows(frame)
    # two animals of one encounter stay on one side: the first animal by name decides
    owner: dict[object, list[int]] = {}
    visits_of: dict[str, list[object]] = {name: [] for name in known}
    for name, rows in known.items():
        for row in rows:
            if visit.iloc[row] not in owner:
                visits_of[name].append(visit.iloc[row])
            owner.setdefault(visit.iloc[row], []).append(row)
    # numbers stand for encounters here, so that the rule for photos serves
    numbered = list(owner)
    number = {key: n for n, key in enumerate(numbered)}
    shared = share(
        {name: [number[key] for key in keys] for name, keys in visits_of.items() if keys},
        _check_ratio(ratio, "ratio"),
        seed,
    )
    words = {"train": "gallery", "test": "query"}
    parts = {row: words[shared[number[key]]] for key, rows in owner.items() for row in rows}
    return _finished("encounter", frame, parts, "places and dates near each other can still be on both sides")


def given(frame: pd.DataFrame) -> Split:
    """The parts that the table's own `split` column names: `train` or `gallery`, `test` or `query`.

    If the two parts share no animal, or there is no gallery, the test photos are each other's gallery.
    """
    _need(frame, "given", "split")
    words = frame["split"].str.lower()
    wrong = sorted(set(words.dropna()) - set(PARTS))
    if wrong or words.isna().all():
        found = repr(wrong[0]) if wrong else "nothing"
        raise TableError(
            f"the split column holds {found}; expected is one of {choices(PARTS)} in the rows that take part."
        )
    parts = {row: str(words.iloc[row]) for rows in known_rows(frame, words.notna()).values() for row in rows}
    names = {
        role: {frame["identity"].iloc[r] for r, p in parts.items() if PARTS[p] == role} for role in ("gallery", "query")
    }
    apart = not names["gallery"] & names["query"]
    return _finished("given", frame, parts, "the parts are the table's own", among_themselves=apart)


def _need(frame: pd.DataFrame, protocol: str, *columns: str) -> None:
    missing = [name for name in ("identity", *columns) if name not in frame.columns]
    if missing:
        raise TableError(
            f"protocol={protocol} needs the column {', '.join(missing)}; the table has {choices(frame.columns)}."
        )


def _check_ratio(value: float, name: str) -> float:
    if not 0 < value < 1:
        raise ConfigError(f"protocol.{name}={value} must lie between 0 and 1, both excluded.")
    return value


def _date(text: str) -> pd.Timestamp | None:
    try:
        return pd.Timestamp(text) if text else None
    except ValueError:
        raise ConfigError(f"protocol.cutoff={text!r} is no date; write it as 2024-06-30.") from None


def _finished(
    name: str, frame: pd.DataFrame, parts: Mapping[int, str], note: str, among_themselves: bool = False
) -> Split:
    column = pd.array([parts.get(row) for row in range(len(frame))], dtype="string")
    out = frame.reset_index(drop=True).assign(split=column)
    split = Split(name, out, among_themselves, ())
    if not len(split.queries) or not len(split.gallery):
        what = "queries" if not len(split.queries) else "gallery photos"
        raise InputError(
            f"protocol={name} leaves no {what} among {len(parts)} photos of known identity. It takes animals with "
            "two photos or more; choose another protocol or ratio."
        )
    return Split(name, out, among_themselves, (note, *find_leaks(out, split.gallery, split.queries, among_themselves)))

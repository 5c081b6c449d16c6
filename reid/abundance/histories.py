"""Capture histories: which animal was met on which occasion at which station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import pandas as pd

from reid.abundance.times import local_times
from reid.errors import ConfigError, TableError, choices
from reid.tables import UNKNOWN

__all__ = ["History", "capture_history", "history_of", "occasions_between"]


@dataclass(frozen=True)
class History:
    """Who was met when and where."""

    counts: np.ndarray
    """Independent captures: integers, animals × occasions × stations."""
    animals: tuple[str, ...]
    stations: tuple[str, ...]
    effort: np.ndarray | None = None
    """Days watched: stations × occasions; None where it is not known, which is taken as all the same."""
    coordinates: np.ndarray | None = None
    """Metres: stations × 2; None where they are not known."""
    start: pd.Timestamp | None = None
    occasion_days: float | None = None
    left_out: pd.DataFrame | None = None
    """Sightings that are in no cell, with a `reason` each."""

    def __post_init__(self) -> None:
        shape = (len(self.animals), self.occasions, len(self.stations))
        if self.counts.ndim != 3 or self.counts.shape != shape:
            raise TableError(
                f"the counts have the shape {self.counts.shape}; expected animals × occasions × stations, {shape}."
            )
        for name, array, wanted in (
            ("effort", self.effort, (len(self.stations), self.occasions)),
            ("coordinates", self.coordinates, (len(self.stations), 2)),
        ):
            if array is not None and array.shape != wanted:
                raise TableError(f"the {name} have the shape {array.shape}; expected {wanted}.")

    @property
    def occasions(self) -> int:
        return int(self.counts.shape[1]) if self.counts.ndim == 3 else 0

    @property
    def caught(self) -> np.ndarray:
        """Whether each animal was met on each occasion, anywhere: animals × occasions."""
        return np.asarray(self.counts.any(axis=2))

    def regrouped(self, labels: Sequence[str | None]) -> History:
        """The same captures under other names: rows with the same label become one animal, rows without one go.

        Args:
            labels: One for each animal of this history, for example the drawn identity of each encounter.
        """
        if len(labels) != len(self.animals):
            raise TableError(
                f"there are {len(labels)} labels for {len(self.animals)} rows of the history; give one each."
            )
        names = sorted({label for label in labels if label is not None})
        number = {name: i for i, name in enumerate(names)}
        counts = np.zeros((len(names), *self.counts.shape[1:]), dtype=self.counts.dtype)
        given = np.array([-1 if label is None else number[label] for label in labels], int)
        # rows of one label beside each other: their sums are quicker than adding each to its place
        order = np.argsort(given, kind="stable")[np.count_nonzero(given < 0) :]
        if len(order):
            counts = np.add.reduceat(self.counts[order], np.flatnonzero(np.diff(given[order], prepend=-1)), axis=0)
        return replace(self, counts=counts, animals=tuple(names))

    def merged(self, a: int, b: int) -> History:
        """The same with animals number `a` and `b` taken as one."""
        counts = np.delete(self.counts, b, axis=0)
        counts[a - (b < a)] += self.counts[b]
        return replace(self, counts=counts, animals=(*self.animals[:b], *self.animals[b + 1 :]))

    def split(self, animal: int, occasion: int, station: int) -> History:
        """The same with the captures of one cell given to an animal of their own."""
        counts = np.concatenate([self.counts, np.zeros_like(self.counts[:1])])
        counts[-1, occasion, station] = counts[animal, occasion, station]
        counts[animal, occasion, station] = 0
        return replace(self, counts=counts, animals=(*self.animals, f"{self.animals[animal]} (split)"))


def history_of(caught: np.ndarray | History) -> History:
    """A history from a plain matrix of animals × occasions; rows without a capture are dropped.

    >>> history_of(np.array([[1, 0, 1], [0, 0, 0]])).animals
    ('1',)
    """
    if isinstance(caught, History):
        return caught
    matrix = np.asarray(caught)
    if matrix.ndim != 2 or not np.isfinite(matrix.astype(float)).all() or (matrix < 0).any():
        raise TableError(
            f"a capture matrix is animals × occasions, of counts from 0; got an array of shape {matrix.shape}."
        )
    matrix = matrix.astype(np.int64)
    matrix = matrix[matrix.any(axis=1)]
    names = tuple(str(i + 1) for i in range(len(matrix)))
    return History(matrix[:, :, None], names, ("all",))


def capture_history(
    sightings: pd.DataFrame,
    occasion_days: float,
    start: str | pd.Timestamp | None = None,
    occasions: int | None = None,
    effort: pd.DataFrame | None = None,
    coordinates: np.ndarray | None = None,
    flank: str | None = None,
    independence_minutes: float = 60.0,
) -> History:
    """Lay sightings out by animal, occasion and station.

    Sightings of one encounter are one capture. Where there is no column `encounter`, sightings of one animal at one
    station that follow each other within `independence_minutes` are one. The first occasion includes its first
    instant. What fits no cell is kept in `left_out` with its reason.

    Args:
        sightings: Columns `identity`, `station`, `date`; also `orientation` where `flank` is given, and `encounter`
            where there are encounters.
        occasion_days: Length of an occasion in days, above 0.
        start: When the first occasion begins; midnight before the first sighting if not given.
        occasions: How many; as many as reach the last sighting if not given.
        effort: Days watched, stations × occasions, as `effort_days` makes it; its stations are those of the history.
            A sighting where nothing watched is left out with that reason.
        coordinates: Metres, stations × 2, in the order of the effort's rows, or of the sorted stations without one.
        flank: Keep sightings of this flank only: "left" or "right".
        independence_minutes: See above.

    Raises:
        TableError: a column is missing, or `effort` has another number of occasions.
        ConfigError: a length or a number is not above 0, or `flank` is another word.
    """
    if occasion_days <= 0 or (occasions is not None and occasions < 1) or independence_minutes < 0:
        raise ConfigError(
            f"occasion_days={occasion_days} and occasions={occasions} must be above 0, and "
            f"independence_minutes={independence_minutes} must be 0 or more."
        )
    if flank not in (None, "left", "right"):
        raise ConfigError(f"flank is {flank!r}; give one of {choices(['left', 'right'])}, or none.")
    needed = ["identity", "station", "date"] + (["orientation"] if flank else [])
    missing = [name for name in needed if name not in sightings.columns]
    if missing:
        raise TableError(f"the sightings lack {', '.join(missing)}; needed are {', '.join(needed)}.")
    rows = sightings.reset_index(drop=True).assign(date=local_times(sightings["date"]).to_numpy())
    first = pd.Timestamp(start) if start is not None else rows["date"].min()
    first = pd.Timestamp(first).normalize() if start is None and pd.notna(first) else first
    since = (rows["date"] - first) / pd.Timedelta(days=occasion_days)  # missing where a date is
    position = np.floor(since.astype(float))
    if occasions is None:
        if effort is not None:
            occasions = effort.shape[1]
        else:
            occasions = int(position.max()) + 1 if pd.notna(position.max()) and position.max() >= 0 else 1
    if effort is not None and effort.shape[1] != occasions:
        raise TableError(f"the effort has {effort.shape[1]} occasions, and the history {occasions}; make them one.")
    reason = _reasons(rows, position, occasions, effort, flank)
    kept = rows[reason == ""].assign(occasion=position[reason == ""].astype(int))
    stations = [str(name) for name in (effort.index if effort is not None else sorted(kept["station"].unique()))]
    animals = sorted(kept["identity"].astype(str).unique())
    counts = np.zeros((len(animals), occasions, len(stations)), dtype=np.int64)
    row_of, station_of = {n: i for i, n in enumerate(animals)}, {n: i for i, n in enumerate(stations)}
    captures = _independent(kept, independence_minutes)
    cells = [
        [row_of[str(name)] for name in captures["identity"]],
        captures["occasion"].tolist(),
        [station_of[str(name)] for name in captures["station"]],
    ]
    np.add.at(counts, tuple(np.array(numbers, int) for numbers in cells), 1)
    return History(
        counts,
        tuple(animals),
        tuple(stations),
        None if effort is None else effort.to_numpy(float),
        coordinates,
        None if pd.isna(first) else first,
        float(occasion_days),
        sightings.reset_index(drop=True)[reason != ""].assign(reason=reason[reason != ""]),
    )


def _reasons(
    rows: pd.DataFrame, position: pd.Series, occasions: int, effort: pd.DataFrame | None, flank: str | None
) -> pd.Series:
    """Why each sighting fits no cell; empty for those that fit."""
    reason = pd.Series("", index=rows.index, dtype=object)

    def mark(where: pd.Series, text: str) -> None:
        reason[where.fillna(False).astype(bool) & (reason == "")] = text

    name = rows["identity"].astype("string")
    mark(name.isna() | (name.str.strip().str.lower().isin([UNKNOWN, ""])), "no individual")
    mark(rows["date"].isna(), "no date")
    mark(rows["station"].isna(), "no station")
    if flank:
        mark(rows["orientation"] != flank, f"not the {flank} flank")
    mark(position < 0, "before the first occasion")
    mark(position >= occasions, "after the last occasion")
    if effort is not None:
        known = rows["station"].astype("string").isin([str(n) for n in effort.index])
        mark(~known, "station without effort")
        open_rows = reason == ""
        lookup = {str(n): i for i, n in enumerate(effort.index)}
        days = effort.to_numpy(float)
        idle = [
            days[lookup[str(s)], int(p)] <= 0
            for s, p in zip(rows["station"][open_rows], position[open_rows], strict=True)
        ]
        mark(
            pd.Series(idle, index=rows.index[open_rows], dtype=bool).reindex(rows.index, fill_value=False),
            "nothing watched then",
        )
    return reason


def _independent(seen: pd.DataFrame, minutes: float) -> pd.DataFrame:
    """The first sighting of each independent capture: of an animal, at a station, in an encounter; by time where encounters are not told."""
    seen = seen.sort_values("date", kind="stable")
    where = ["identity", "station"]
    told = pd.Series(False, index=seen.index)
    if "encounter" in seen.columns:
        told = seen["encounter"].notna().groupby([seen[name] for name in where]).transform("all")
        first = ~seen.duplicated([*where, "encounter"])
    else:
        first = told
    late = pd.Timedelta(minutes=minutes)
    since = seen.groupby(where)["date"].diff()
    return seen[np.where(told, first, since.isna() | (since > late))]


def occasions_between(start: pd.Timestamp, end: pd.Timestamp, occasion_days: float) -> int:
    """How many occasions reach from `start` to `end`, the last one perhaps cut short.

    >>> occasions_between(pd.Timestamp("2015-11-01"), pd.Timestamp("2015-11-15"), 5)
    3
    """
    return max(1, ceil((end - start) / pd.Timedelta(days=occasion_days)))

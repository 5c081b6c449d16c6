"""Who was seen when and where, laid out for drawing: a row per individual, a mark per encounter, an axis of
months."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

__all__ = ["Mark", "Row", "Tick", "Timeline", "Visit", "lay_out"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b3478f", "#8a6d00", "#2f9fd8", "#5b3fa0", "#555555")
"""Told apart by people who see colours differently, and dark enough on white."""
SHAPES = ("disc", "square", "triangle", "diamond")
_LEFT, _RIGHT, _UNDATED = 2.0, 98.0, 97.0
_MOST_LABELS = 5


@dataclass(frozen=True)
class Visit:
    """One encounter: where and when, if that is known."""

    station: str | None
    date: pd.Timestamp | None


@dataclass(frozen=True)
class Mark:
    """One encounter as it is drawn."""

    at: float
    """Across the row, in per cent of its width."""
    shape: str
    colour: str
    title: str


@dataclass(frozen=True)
class Tick:
    """One line of the axis, in per cent of the width."""

    at: float
    label: str
    """Empty for a line without a label."""


@dataclass(frozen=True)
class Row:
    """One individual's marks, in the order of time."""

    name: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Timeline:
    """Everything a drawing needs; positions are in per cent of the width."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    stations: tuple[tuple[str, str, str], ...]
    """Name, shape and colour of each."""
    undated: float | None
    """Where encounters without a time are drawn; None where there are none."""


def lay_out(rows: Sequence[tuple[str, Iterable[Visit]]]) -> Timeline:
    """Place each animal's visits on a common axis.

    Stations take a colour and a shape in the order of their names; after 32 of them the marks repeat.

    >>> line = lay_out([("A", [Visit("S1", pd.Timestamp("2005-10-03 12:00"))])])
    >>> line.rows[0].marks[0].at, line.ticks[0].label
    (50.0, '3 Oct 2005')
    """
    visits = [(name, list(seen)) for name, seen in rows]
    dates = [visit.date for _, seen in visits for visit in seen if visit.date is not None]
    names = sorted({visit.station or "no station" for _, seen in visits for visit in seen})
    look = {name: (SHAPES[i // len(COLOURS) % len(SHAPES)], COLOURS[i % len(COLOURS)]) for i, name in enumerate(names)}
    undated = any(visit.date is None for _, seen in visits for visit in seen)
    right = 88.0 if undated else _RIGHT
    start, end = _domain(dates) if dates else (pd.Timestamp("2000-01-01"), pd.Timestamp("2000-01-02"))

    def place(date: pd.Timestamp) -> float:
        return round(_LEFT + (right - _LEFT) * ((date - start) / (end - start)), 3)

    return Timeline(
        rows=tuple(
            Row(
                name,
                tuple(
                    Mark(
                        _UNDATED if visit.date is None else place(visit.date),
                        *look[visit.station or "no station"],
                        f"{visit.station or 'no station'}, {describe(visit.date)}",
                    )
                    for visit in sorted(seen, key=_by_time)
                ),
            )
            for name, seen in visits
        ),
        ticks=tuple(Tick(place(date), label) for date, label in (_ticks(start, end) if dates else [])),
        stations=tuple((name, *look[name]) for name in names),
        undated=_UNDATED if undated else None,
    )


def describe(date: Any, clock: bool = True) -> str:
    """A time in words, the same in every locale.

    >>> describe(pd.Timestamp("2005-10-03 17:21")), describe(None)
    ('3 Oct 2005, 17:21', 'time not known')
    """
    if date is None or pd.isna(date):
        return "time not known"
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}" + (f", {date:%H:%M}" if clock else "")


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _by_time(visit: Visit) -> tuple[bool, pd.Timestamp, str]:
    return visit.date is None, visit.date or pd.Timestamp(0), visit.station or ""


def _domain(dates: Sequence[pd.Timestamp]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Whole days up to a month, whole months beyond."""
    start, end = min(dates).normalize(), max(dates).normalize() + pd.Timedelta(days=1)
    if (end - start).days > 31:
        start = start.replace(day=1)
        last = (end - pd.Timedelta(days=1)).replace(day=1)
        end = last + pd.DateOffset(months=1)
    return start, end


def _ticks(start: pd.Timestamp, end: pd.Timestamp) -> list[tuple[pd.Timestamp, str]]:
    days = (end - start).days
    if days <= 31:
        step = next(step for step in (1, 2, 7, 14) if days / step <= _MOST_LABELS)
        at = pd.date_range(start, end, freq=f"{step}D", inclusive="left")
        return [
            (date, describe(date, clock=False) if date == start else f"{date.day} {_MONTHS[date.month - 1]}")
            for date in at
        ]
    months = (end.year - start.year) * 12 + end.month - start.month
    step = next((step for step in (1, 2, 3, 6) if months / step <= _MOST_LABELS), 0)
    if not step:
        step = 12 * -(-months // (12 * _MOST_LABELS))
    ticks: list[tuple[pd.Timestamp, str]] = []
    labelled = False
    for k in range(months + 1):
        date = start + pd.DateOffset(months=k)
        if k % step and step < 12 and months <= 36:
            ticks.append((date, ""))
        elif (step < 12 and k % step == 0) or (step >= 12 and date.month == 1 and date.year % (step // 12) == 0):
            if k == months:
                ticks.append((date, ""))
                continue
            year = step >= 12 or not labelled or date.month <= step
            month = "" if step >= 12 else _MONTHS[date.month - 1] + (" " if year else "")
            ticks.append((date, month + (str(date.year) if year else "")))
            labelled = True
    return ticks

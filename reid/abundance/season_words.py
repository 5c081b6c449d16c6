"""Several seasons in words, tables and pictures, as sections of a page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reid.abundance.drawing import draw_discovery, draw_residency, draw_seasons
from reid.abundance.several import Seasons
from reid.abundance.words import cells_of, number, plain_text, svg_address
from reid.counts import Plot, Section
from reid.counts.timeline import describe
from reid.counts.words import joined, plural

__all__ = ["season_sections"]

UNKNOWN_TRAITS = ("unknown", "")


def season_sections(found: Seasons, confidence: float) -> list[Section]:
    """Known individuals by season, discovery, growth, fates and residency."""
    return [
        *([_known(found)] if len(found.known) > 1 else []),
        *([_growth(found, confidence)] if len(found.growth) else []),
        *([_discovery(found)] if len(found.discovery) > 1 else []),
        *_individuals(found),
        *([_residency(found)] if len(found.residency) else []),
    ]


def _whole(value: Any) -> str:
    return number(value, 0)


def _known(found: Seasons) -> Section:
    table = found.known.reset_index()
    last = found.known.iloc[-1]
    text = [
        f"In {found.known.index[-1]}, {plural(int(last['met']), 'individual')} {'was' if last['met'] == 1 else 'were'} met: "
        f"{_number_word(last['new'])} for the first time, {_number_word(last['survived'])} met in the season before as well, "
        f"{_number_word(last['returned'])} back after a gap. {plural(int(last['not_met']), 'individual').capitalize()} known from "
        f"earlier {'was' if last['not_met'] == 1 else 'were'} not met.",
        "Not met is not dead: an animal may have passed no camera. Gone is one that was met in the season before and never "
        "again, so that the last seasons' figures will still change.",
    ]
    cells = cells_of(
        table,
        [("season", "Season", plain_text), ("met", ">Met", _whole), ("new", ">New", _whole), ("survived", ">Survived", _whole), ("returned", ">Returned", _whole),
         ("not_met", ">Not met", _whole), ("gone", ">Gone", _whole), ("alive", ">Alive at least", _whole), ("known", ">Known so far", _whole)],
    )  # fmt: skip
    plot = Plot(svg_address(draw_seasons(found.known)), "Individuals met by season: known ones below, new ones above.")
    return Section("seasons", "Who stayed, who came, who is gone", text, plots=[plot], tables=[cells])


def _number_word(value: Any) -> str:
    return "none" if not value else f"{int(value):,}"


def _growth(found: Seasons, confidence: float) -> Section:
    text = []
    for row in found.growth.to_dict("records"):
        of = "animals met" if row["of"] == "animals met" else "the population by estimate"
        text.append(
            f"From {row['from']} to {row['to']}, {of}: {row['first']:.0f} to {row['last']:.0f} in {row['years']:.1f} years, times "
            f"{row['ratio']:.2f} ({100 * confidence:g} % interval {row['low']:.2f} to {row['high']:.2f}), which is "
            f"{_change(row['annual'])} % a year ({_change(row['annual_low'])} to {_change(row['annual_high'])} %)."
        )
    notes = [
        "Animals met are taken to vary as a Poisson count. More cameras or more days make more animals met without any more "
        "being there; only estimates allow for that.",
        "An interval that holds 1 does not show growth.",
    ]
    return Section("growth", "How fast the number grew", text, notes)


def _change(rate: float) -> str:
    """A yearly rate as a change in per cent.

    >>> _change(1.084), _change(0.98)
    ('+8.4', '−2.0')
    """
    return f"{100 * (rate - 1):+.1f}".replace("-", "−")


def _discovery(found: Seasons) -> Section:
    curve = found.discovery
    tail = curve.tail(max(len(curve) // 5, 1))
    fresh = int(tail["individuals"].iloc[-1] - curve["individuals"].iloc[max(len(curve) - len(tail) - 1, 0)])
    text = [
        f"{plural(int(curve['individuals'].iloc[-1]), 'individual')} in {plural(len(curve), 'encounter')}. The last "
        f"{plural(len(tail), 'encounter')} brought {plural(fresh, 'new individual')}"
        + (": the curve still rises, and more are to be found." if fresh else ".")
    ]
    plot = Plot(
        svg_address(draw_discovery(curve)), "Individuals known after each encounter, and the mean over all orders."
    )
    return Section("discovery", "How fast individuals were discovered", text, plots=[plot])


def _individuals(found: Seasons) -> list[Section]:
    table = found.fates
    columns: list[Any] = [("identity", "Individual", plain_text)]
    said = []
    for trait in ("sex", "age"):
        if trait in table.columns:
            known = table[~table[trait].fillna("").isin(UNKNOWN_TRAITS)]
            if len(known):
                columns.append((trait, trait.capitalize(), plain_text))
                counts = known[trait].value_counts()
                parts = [f"{n} {name}" for name, n in sorted(counts.items())]
                left = len(table) - len(known)
                said.append(
                    f"{trait.capitalize()}: {joined(parts)}" + (f"; of {left} it is not known." if left else ".")
                )
    several = len(found.known) > 1
    columns += [("first", "First season", plain_text), ("last", "Last season", plain_text), ("seasons", ">Seasons", _whole), ("fate", "In the last season", plain_text)] if several else []  # fmt: skip
    columns.append(("station", "Mostly at", plain_text))
    if not several and not said:
        return []  # where each lives stands below
    return [Section("individuals", "Individuals", said, tables=[cells_of(table, columns)])]


def _residency(found: Seasons) -> Section:
    frame = found.residency.assign(
        when=[_days(a, b) for a, b in zip(found.residency["first"], found.residency["last"], strict=True)]
    )
    plot = Plot(
        svg_address(draw_residency(found.residency)),
        "Who was met where; the area of a disc is the number of encounters.",
        broad=True,
    )
    table = cells_of(
        frame,
        [("identity", "Individual", plain_text), ("station", "Station", plain_text), ("encounters", ">Encounters", _whole),
         ("share", ">Share", lambda v: f"{100 * v:.0f} %"), ("when", "When", plain_text), ("days", ">Days", _whole), ("months", ">Months", _whole)],
        "By individual and station",
    )  # fmt: skip
    summary = cells_of(
        found.residency.groupby("station", as_index=False).agg(animals=("identity", "nunique"), encounters=("encounters", "sum")),
        [("station", "Station", plain_text), ("animals", ">Individuals", _whole), ("encounters", ">Encounters", _whole)],
    )  # fmt: skip
    return Section("residency", "Who lives where", plots=[plot], tables=[summary, table])


def _days(first: pd.Timestamp, last: pd.Timestamp) -> str:
    words = [describe(date, clock=False) for date in (first, last)]
    return " to ".join(dict.fromkeys(words))

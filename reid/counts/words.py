"""The report's sentences: numbers in words that are right for none, one and many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["flank_word", "headline", "joined", "names", "percent", "plural", "sentence", "settings_rows", "summary"]

NBSP = "\u00a0"
"""Keeps a number and its sign on one line."""

_IRREGULAR = {"box": "boxes", "match": "matches"}


def plural(number: int, noun: str) -> str:
    """A number with its noun.

    >>> plural(0, "photo"), plural(1, "match"), plural(1200, "match")
    ('no photos', '1 match', '1,200 matches')
    """
    many = _IRREGULAR.get(noun, noun + "s")
    return f"no {many}" if number == 0 else f"{number:,} {noun if number == 1 else many}"


def sentence(words: str) -> str:
    """Words as a sentence.

    >>> sentence("shows no flank"), sentence("Too small.")
    ('Shows no flank.', 'Too small.')
    """
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def percent(probability: float | None) -> str:
    """A probability for readers: never 0 % or 100 %, which nothing measured is.

    >>> percent(0.873), percent(0.9996), percent(0.001), percent(None)
    ('87\xa0%', 'over 99\xa0%', 'under 1\xa0%', 'not given')
    """
    if probability is None or probability != probability:
        return "not given"
    if probability > 0.99:
        return f"over 99{NBSP}%"
    if probability < 0.01:
        return f"under 1{NBSP}%"
    return f"{100 * probability:.0f}{NBSP}%"


def joined(words: Iterable[str], last: str = "and") -> str:
    """Words as a list in a sentence.

    >>> joined(["A", "B", "C"]), joined([])
    ('A, B and C', '')
    """
    words = list(words)
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def names(words: Iterable[str], most: int = 4) -> str:
    """Names as a list that stays short.

    >>> names(["A", "B", "C", "D", "E", "F"])
    'A, B, C, D and 2 more'
    """
    words = list(words)
    return joined(words) if len(words) <= most else f"{', '.join(words[:most])} and {len(words) - most} more"


def flank_word(flank: str) -> str:
    """What a flank is called in the report."""
    return {"left": "left side", "right": "right side", "unknown": "side not known", "other": "no side"}.get(
        flank, flank
    )


def headline(census: Mapping[str, Any]) -> tuple[str, str]:
    """The number, and its interval.

    >>> headline({"individuals": 12, "interval": {"low": 8, "high": 16, "confidence": 0.9}})
    ('12 individuals', 'between 8 and 16')
    """
    low, high = census["interval"]["low"], census["interval"]["high"]
    return (
        plural(census["individuals"], "individual"),
        f"between {low:,} and {high:,}" if low != high else f"exactly {low:,}" if low else "none",
    )


def summary(census: Mapping[str, Any]) -> str:
    """One honest sentence about the number: what it was told from, what is open, and the interval."""
    best, unsure, flanks = census["individuals"], census["unsure"], census["by_flank"]
    low, high = census["interval"]["low"], census["interval"]["high"]
    decided, total = census["encounters"] - unsure, census["encounters"]
    if not total:
        return "No photo shows an animal that could be told apart."
    met = plural(total, "encounter") if not unsure else f"{decided:,} of {plural(total, 'encounter')}"
    text = f"{met} {'was' if decided == 1 else 'were'} told apart as {plural(best, 'individual')}"
    if not decided:
        text = "None of the encounters could be decided" if total > 1 else "The one encounter is undecided"
    doubts = []
    if flanks["left_only"] and flanks["right_only"]:
        sided = flanks["left_only"] + flanks["right_only"]
        doubts.append(f"{_of(sided, best)} known from one side only, so that some may be the same animal")
    if flanks["neither"]:
        doubts.append(f"{_of(flanks['neither'], best)} known from neither side and may be among the others")
    if unsure and decided:
        doubts.append(f"{plural(unsure, 'encounter')} {'stays' if unsure == 1 else 'stay'} undecided")
    text = ", ".join([text, *doubts[:-1]]) + (f", and {doubts[-1]}" if doubts else "")
    share = f"{100 * census['interval']['confidence']:g}{NBSP}% interval"
    if low == high:
        return f"{text}: the {share} holds no other number."
    return f"{text}: the number of animals photographed most likely lies between {low:,} and {high:,} ({share})."


def _of(number: int, total: int) -> str:
    if number == total:
        return "it is" if total == 1 else "all of them"
    return f"{number:,} of them"


def settings_rows(settings: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Nested settings as rows of a dotted name and a value, in the order of the names.

    >>> settings_rows({"b": 1, "a": {"x": True, "y": None}})
    [('a.x', 'true'), ('a.y', 'none'), ('b', '1')]
    """
    rows: list[tuple[str, str]] = []
    for name in sorted(settings, key=str):
        value = settings[name]
        if isinstance(value, Mapping):
            rows += settings_rows(value, f"{above}{name}.")
        else:
            text = (
                {True: "true", False: "false", None: "none"}[value]
                if value is None or isinstance(value, bool)
                else str(value)
            )
            rows.append((f"{above}{name}", text))
    return rows

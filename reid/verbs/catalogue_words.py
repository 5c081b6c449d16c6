"""What an action of `reid catalogue` is given, and how its settings are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reid.catalogue import Catalogue, Filter
from reid.errors import ConfigError

__all__ = ["Action", "Request", "numbers"]


@dataclass(frozen=True)
class Request:
    """The catalogue (none where a file is yet to be made), the words after it, and the settings."""

    opened: Catalogue | None
    words: list[str]
    options: dict[str, str]

    @property
    def catalogue(self) -> Catalogue:
        if self.opened is None:
            raise ConfigError("this action has no catalogue yet.")
        return self.opened

    def signed(self) -> dict[str, Any]:
        """The settings that every edit takes, as keywords."""
        revision = self.options.get("revision")
        return {"reason": self.options.get("why", ""), "revision": numbers([revision])[0] if revision else None}

    def narrowed(self) -> Filter:
        """The settings that narrow a listing."""
        certainty = None
        if "certainty" in self.options:
            low, _, high = self.options["certainty"].partition("-")
            try:
                certainty = (float(low), float(high or 1))
            except ValueError:
                raise ConfigError(
                    f"certainty={self.options['certainty']} is no range; write for example certainty=0.5-0.9."
                ) from None
        plain = {key: self.options[key] for key in ("season", "station", "sex", "flank", "text") if key in self.options}
        return Filter(**plain, certainty=certainty)  # type: ignore[arg-type]

    def paged(self) -> dict[str, int]:
        """Which page of a listing, and how long pages are on a terminal."""
        return {"page": numbers([self.options.get("page", "1")])[0], "size": 100}


@dataclass(frozen=True)
class Action:
    """One action: its words, what it does in a line, the settings it takes, and the function that does it."""

    usage: str
    does: str
    do: Callable[[Request], str]
    options: tuple[str, ...] = ()
    makes_file: bool = False


def numbers(words: list[str]) -> list[int]:
    """Whole numbers.

    Raises:
        ConfigError: one of them is none.
    """
    out = []
    for word in words:
        if not word.isascii() or not word.isdecimal() or len(word) > 15:
            raise ConfigError(f"{word!r} is no whole number; write digits alone, such as 12.")
        out.append(int(word))
    return out

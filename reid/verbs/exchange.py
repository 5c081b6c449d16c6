"""`reid exchange`: two parks compare their animals without handing over photographs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reid.config import compose
from reid.errors import ConfigError, choices
from reid.exchange import RevealSettings
from reid.match import CalibrationSettings, IndexSettings, MatcherSettings

__all__ = ["ACTIONS", "run"]


@dataclass(frozen=True)
class KeyConfig:
    output: str


@dataclass(frozen=True)
class ExportConfig:
    catalogue: str
    key: str
    output: str
    sender: str = ""
    partner: str = ""
    seasons: list[str] = field(default_factory=list)
    per_flank: int = 3
    flank_sure: float = 0.9
    stations: str = ""
    matcher: MatcherSettings = field(default_factory=MatcherSettings)
    reveal: RevealSettings = field(default_factory=RevealSettings)

    def __post_init__(self) -> None:
        if self.per_flank < 1 or not 0 <= self.flank_sure <= 1:
            raise ConfigError(f"per_flank={self.per_flank} must be at least 1, flank_sure={self.flank_sure} in 0 to 1.")
        if self.reveal.grid_deg and not self.stations:
            raise ConfigError("reveal.grid_deg tells places, so that it needs stations=FILE with their coordinates.")


@dataclass(frozen=True)
class ShowConfig:
    bundle: str
    their_key: str = ""


@dataclass(frozen=True)
class MatchConfig:
    mine: str
    theirs: str
    their_key: str
    output: str
    catalogue: str = ""
    key: str = ""
    accept: float = 0.95
    reject: float = 0.3
    index: IndexSettings = field(default_factory=IndexSettings)
    matcher: MatcherSettings = field(default_factory=MatcherSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)

    def __post_init__(self) -> None:
        if not 0 < self.reject <= self.accept < 1:
            raise ConfigError(f"reject={self.reject} and accept={self.accept} must satisfy 0 < reject <= accept < 1.")
        _together(self.catalogue, self.key)


@dataclass(frozen=True)
class ConfirmConfig:
    proposals: str
    key: str
    by: str
    output: str
    answers: str = ""
    same: list[int] = field(default_factory=list)
    different: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class JoinConfig:
    proposals: str
    mine: str
    theirs: str
    output: str
    catalogue: str = ""
    key: str = ""
    confidence: float = 0.95
    draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1 or self.draws < 1:
            raise ConfigError(
                f"confidence={self.confidence} must lie between 0 and 1, draws={self.draws} be at least 1."
            )
        _together(self.catalogue, self.key)


def _together(catalogue: str, key: str) -> None:
    if bool(catalogue) != bool(key):
        raise ConfigError("catalogue and key go together: the key finds the catalogue's animals behind the ids.")


@dataclass(frozen=True)
class Action:
    """One step: its settings, what it does, and an example."""

    schema: Any
    does: str
    example: str


ACTIONS = {
    "key": Action(KeyConfig, "make the key that signs your bundles and answers", "output=park.key"),
    "export": Action(
        ExportConfig,
        "write a bundle of your animals for another park",
        "catalogue=park.sqlite key=park.key sender='North park' partner=south output=runs/for-south",
    ),
    "show": Action(ShowConfig, "say what a bundle holds and who signed it", "bundle=south.reidx"),
    "match": Action(
        MatchConfig,
        "propose who is who in two bundles",
        "mine=runs/for-south/bundle.reidx theirs=south.reidx their_key=south.pub output=runs/south",
    ),
    "confirm": Action(
        ConfirmConfig,
        "sign your answers to the proposals",
        "proposals=runs/south key=park.key by=Anna same=[1,2] different=[3] output=our.answers",
    ),
    "join": Action(
        JoinConfig,
        "number the animals of both parks and count each once",
        "proposals=runs/south mine=our.answers theirs=their.answers output=runs/joint",
    ),
}


def run(words: Sequence[str]) -> str:
    """Do one step of an exchange; returns the summary for the terminal.

    Args:
        words: The action, and its `key=value` words.

    Raises:
        ReidError: something is wrong with the words or the files.
    """
    from reid.verbs import exchange_bundles, exchange_pairs

    if not words or words[0] not in ACTIONS:
        given = f"{words[0]!r} is unknown" if words else "an action is missing"
        raise ConfigError(f"reid exchange: {given}; choose one of {choices(ACTIONS)}. `reid exchange --help` explains.")
    do: dict[str, Callable[[Any], str]] = {
        "key": exchange_bundles.key,
        "export": exchange_bundles.export,
        "show": exchange_bundles.show,
        "match": exchange_pairs.match,
        "confirm": exchange_pairs.confirm,
        "join": exchange_pairs.joined,
    }
    name, *rest = words
    return do[name](compose(f"exchange {name}", ACTIONS[name].schema, rest))

"""`reid catalogue`: look into a catalogue, and name its animals."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reid.catalogue import Catalogue
from reid.errors import ConfigError, InputError, choices

__all__ = ["ACTIONS", "run"]

ACTIONS = {
    "list": "FILE                   who is in it",
    "show": "FILE NAME              one animal's sightings and history",
    "rename": "FILE OLD_NAME NEW_NAME  give an animal another name, in every season at once",
}


def run(words: Sequence[str]) -> str:
    """Carry out one action; returns what to print.

    Args:
        words: The action, the catalogue's file, and the action's own words.

    Raises:
        ConfigError: no such action, or a word is missing.
        InputError: no such file.
        CatalogueError: no such animal, or the name is taken.
    """
    if not words or words[0] not in ACTIONS:
        given = f"{words[0]!r} is unknown" if words else "an action is missing"
        raise ConfigError(
            f"reid catalogue: {given}; choose one of {choices(ACTIONS)}. `reid catalogue --help` explains."
        )
    action, *rest = words
    names = ACTIONS[action].split("  ")[0].split()
    if len(rest) != len(names):
        raise ConfigError(
            f"write: reid catalogue {action} {' '.join(names)}. Given were {len(rest)} words after {action}."
        )
    path = Path(rest[0]).expanduser()
    if not path.is_file():
        raise InputError(f"no catalogue at {rest[0]}; `reid census` makes one.")
    with Catalogue(path, create=False) as catalogue:
        if action == "list":
            return _list(catalogue.individuals())
        if action == "show":
            return _show(catalogue, rest[1])
        catalogue.rename(rest[1], rest[2], by=getpass.getuser())
        return f"{rest[1]} is now {rest[2]}."


def _list(individuals: pd.DataFrame) -> str:
    return individuals.to_string(index=False) if len(individuals) else "The catalogue holds no individuals yet."


def _show(catalogue: Catalogue, name: str) -> str:
    identity = catalogue.resolve(name)
    sightings = catalogue.sightings(identity)
    columns = ["run", "path", "station", "date", "orientation", "decision", "probability"]
    history = catalogue.history(identity)
    return (
        f"{identity}\n\nSightings\n{sightings[columns].to_string(index=False)}\n\n"
        f"History\n{history.to_string(index=False) if len(history) else 'none'}"
    )

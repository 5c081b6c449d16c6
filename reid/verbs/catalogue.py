"""`reid catalogue`: look into a catalogue, correct it, look after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reid.catalogue import Catalogue
from reid.errors import ConfigError, InputError, choices
from reid.verbs.catalogue_care import CARE
from reid.verbs.catalogue_edits import EDITS
from reid.verbs.catalogue_lists import LISTS
from reid.verbs.catalogue_words import Action, Request

__all__ = ["ACTIONS", "run"]

TABLE: dict[str, Action] = {**LISTS, **EDITS, **CARE}
ACTIONS = {name: f"{action.usage:<{42 - len(name)}} {action.does}" for name, action in TABLE.items()}
"""What each action takes and does, for `reid catalogue --help`."""

OPTIONS = frozenset(option for action in TABLE.values() for option in action.options)


def run(words: Sequence[str]) -> str:
    """Carry out one action; returns what to print.

    Args:
        words: The action, the catalogue's file, the action's own words, and settings as key=value.

    Raises:
        ConfigError: no such action or setting, or a word is missing.
        InputError: no such file.
        CatalogueError: it cannot be done; the message says why, and nothing was changed.
    """
    if not words or words[0] not in TABLE:
        given = f"{words[0]!r} is unknown" if words else "an action is missing"
        raise ConfigError(f"reid catalogue: {given}; choose one of {choices(TABLE)}. `reid catalogue --help` explains.")
    name, *rest = words
    action = TABLE[name]
    plain, options = _options(name, action, rest)
    wanted = action.usage.split()
    least = len(wanted) - wanted[-1].startswith("[")
    if len(plain) < least or (len(plain) > len(wanted) and not wanted[-1].endswith("...")):
        raise ConfigError(
            f"write: reid catalogue {name} {action.usage}. Given were {len(plain)} words after {name}; "
            "put a name with spaces into quotes."
        )
    if action.makes_file:
        return action.do(Request(None, plain, options))
    path = Path(plain[0]).expanduser()
    if not path.is_file():
        raise InputError(f"no catalogue at {plain[0]}; `reid census` makes one.")
    with Catalogue(path, create=False, by=options.get("by")) as catalogue:
        return action.do(Request(catalogue, plain[1:], options))


def _options(name: str, action: Action, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Words apart from settings. A word like `output=a.csv` is a setting; names may hold other equals signs."""
    plain, options = [], {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in OPTIONS:
            if key not in action.options:
                takes = choices(action.options) or "none"
                raise ConfigError(f"reid catalogue {name} has no setting {key!r}; it takes {takes}.")
            options[key] = value
        else:
            plain.append(word)
    return plain, options

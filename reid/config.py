"""Settings: YAML groups composed by Hydra, checked against dataclasses, refused by name where they are wrong."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from reid.errors import ConfigError, InputError, choices
from reid.outside import parse_yaml, read_text
from reid.resources import configs_folder

__all__ = ["check_words", "compose", "groups", "overrides_of", "quiet_hydra", "typed"]

T = TypeVar("T")

WHOLE = ("recipe",)
"""Groups whose files set keys of the other groups, and that leave no key of their own."""


def groups() -> dict[str, list[str]]:
    """Names of the YAML files in each group of settings."""
    folder = configs_folder()
    return {
        group.name: sorted(path.stem for path in group.glob("*.yaml"))
        for group in sorted(folder.iterdir())
        if group.is_dir() and any(group.glob("*.yaml"))
    }


def overrides_of(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Nested settings as `key=value` words.

    >>> overrides_of({"matcher": "sift", "index": {"candidates": 5}})
    ['matcher=sift', 'index.candidates=5']
    """
    words = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            words += overrides_of(value, f"{prefix}{key}.")
        else:
            words.append(f"{prefix}{key}={_literal(value)}")
    return words


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_inner, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_inner(inner)}" for key, inner in value.items()) + "}"
    return str(value)


def _inner(value: Any) -> str:
    """A value inside a list or a mapping, where a comma or a colon of a path would end it."""
    return quoted(value) if isinstance(value, str) else _literal(value)


def quoted(text: str) -> str:
    """A text as Hydra reads it back unchanged, whatever a path may hold; one that is quoted already stays.

    >>> print(quoted("cat's (1), left"), quoted("'done'"))
    "cat's (1), left" 'done'
    """
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text
    # Hydra's grammar: a backslash escapes only a quote, or another backslash just before one
    escaped = re.sub(r'(\\*)("|$)', lambda m: m[1] * 2 + ("\\" + m[2] if m[2] else ""), text)
    return '"' + escaped.replace("${", "\\${") + '"'


def compose(verb: str, schema: type[T], words: Sequence[str]) -> T:
    """The settings of a verb.

    Args:
        verb: Name of its YAML file, with a blank for its hyphen.
        schema: The dataclass that they must fit.
        words: `key=value`, for a setting (`matcher.points=256`), a group (`matcher=sift`), or `config=FILE`, a YAML
            file of settings that apply before the others.

    Raises:
        ConfigError: a key is unknown, a value does not fit, or a needed one is missing; the message names the valid ones.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    files = [word.removeprefix("config=") for word in words if word.startswith("config=")]
    own = [word for word in words if not word.startswith("config=")]
    every = [*_from_files(files), *own]
    check_words(every, schema, verb)
    pairs = [_split(word, verb) for word in every]
    safe = [_word(key, value, schema, verb) for key, value in pairs]
    # a program that runs inside Hydra already gets its own state back
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().hydra = None
    try:
        with initialize_config_dir(str(configs_folder()), version_base="1.3"):
            values = OmegaConf.to_container(
                hydra_compose(verb.replace(" ", "-"), overrides=safe), resolve=True, throw_on_missing=False
            )
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"wrong settings: {' '.join(str(error).split())}.") from None
    finally:
        GlobalHydra.instance().hydra = outer
    return typed(values, schema, verb)


def _word(key: str, value: str, schema: Any, verb: str) -> str:
    """A setting for Hydra. A group is chosen; anything else is set, whether or not the chosen YAML mentions it."""
    if _is_group(key, schema, verb):
        return f"{key}={value}"
    return f"++{key}={quoted(value) if _kind(key, schema, verb) is str else value}"


def _is_group(key: str, schema: Any, verb: str) -> bool:
    return key in WHOLE or dataclasses.is_dataclass(_kind(key, schema, verb))


def check_words(words: Iterable[str], schema: Any, verb: str) -> None:
    """Refuse a word whose key the settings do not have, or that chooses what a group does not hold; sweeps are allowed.

    Raises:
        ConfigError: the message names the valid keys or choices.
    """
    known = groups()
    for key, value in (_split(word, verb) for word in words):
        if _is_group(key, schema, verb):
            for choice in value.split(","):
                if choice not in known.get(key, []):
                    raise ConfigError(f"{key}={choice!r} is unknown; choose one of {choices(known.get(key, []))}.")


def _from_files(files: Iterable[str]) -> list[str]:
    words: list[str] = []
    for file in files:
        try:
            values = parse_yaml(read_text(file)) or {}
        except OSError as error:
            raise InputError(f"no settings can be read from {file}: {error.strerror}. Check the path.") from None
        except ValueError as error:
            raise ConfigError(f"{file} is not YAML: {' '.join(str(error).split())}.") from None
        if not isinstance(values, dict):
            raise ConfigError(f"{file} must hold settings as key: value, found a {type(values).__name__}.")
        words += overrides_of(values)
    return words


def _split(word: str, verb: str) -> tuple[str, str]:
    key, sign, value = word.partition("=")
    if not sign or not key:
        raise ConfigError(
            f"{word!r} is no setting; write key=value, for example photos=FOLDER. `reid {verb} --help` lists them."
        )
    return key.lstrip("+"), value


def _kind(key: str, schema: Any, verb: str) -> Any:
    """The type of a setting, by walking down the dataclasses; a key that they do not have is refused."""
    here, seen = schema, ""
    for part in key.split("."):
        hints = get_type_hints(here) if dataclasses.is_dataclass(here) else {}
        if part not in hints:
            near = get_close_matches(part, hints, n=1)
            guess = f" Did you mean {seen}{near[0]}?" if near else ""
            where = f"{seen.rstrip('.')!r} has" if seen else f"`reid {verb}` has"
            raise ConfigError(f"unknown setting {key!r}.{guess} {where} {choices(hints) or 'no settings below it'}.")
        here, seen = hints[part], f"{seen}{part}."
    return here


def typed(values: Any, schema: type[T], verb: str) -> T:
    """Composed settings as the verb's dataclass.

    Raises:
        ConfigError: a key is unknown, a value does not fit, or a needed one is missing.
    """
    from pydantic import TypeAdapter, ValidationError

    _check_values(values, schema)
    missing = [key for key, value in values.items() if value == "???"]
    if missing:
        raise ConfigError(
            f"`reid {verb}` needs {', '.join(missing)}: write {' '.join(f'{key}=...' for key in missing)}. `reid {verb} --help` explains."
        )
    try:
        return TypeAdapter(schema).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{key}={first['input']!r} does not fit: {first['msg'][0].lower()}{first['msg'][1:]}."
        ) from None


def _check_values(values: Any, schema: Any, prefix: str = "") -> None:
    """Every key of the composed settings must have its place in the dataclasses."""
    hints = get_type_hints(schema)
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(f"unknown setting {prefix + key!r}; valid are {choices(hints)}.")
        if dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise ConfigError(
                    f"{prefix}{key}={value!r} must be a group of settings: {choices(get_type_hints(hints[key]))}."
                )
            _check_values(value, hints[key], f"{prefix}{key}.")


def quiet_hydra() -> list[str]:
    """Words that keep Hydra's own logs out of the working folder: a run's folder holds its settings already."""
    sweeps = Path(tempfile.gettempdir()) / "reid-sweeps"
    return [
        "hydra.run.dir=.",
        "hydra.output_subdir=null",
        "hydra/job_logging=disabled",
        "hydra/hydra_logging=disabled",
        f"hydra.sweep.dir={quoted(str(sweeps))}",
    ]

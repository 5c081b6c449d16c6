"""Errors a user can cause, each with one line that says what was given, what was expected and what to do next.

The command line prints that line and exits with status 2; every other exception is a defect of ours.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "CatalogueError",
    "ConfigError",
    "DivergedError",
    "FingerprintError",
    "FormatError",
    "InputError",
    "MachineError",
    "MissingPartError",
    "OutputError",
    "ReidError",
    "TableError",
]


class ReidError(Exception):
    """Base of every error that `reid` raises on purpose."""


class InputError(ReidError):
    """A file or folder that was named is missing, empty or of the wrong kind."""


class FormatError(ReidError):
    """A file's content is of no format we know, or breaks the format it claims."""


class TableError(ReidError):
    """A table lacks a column, or holds a value outside what the column allows."""


class ConfigError(ReidError):
    """A setting's name or value is wrong."""


class DivergedError(ReidError):
    """A training's loss became infinite or no number."""


class FingerprintError(ReidError):
    """Vectors made by different weights or preprocessing were about to meet."""


class OutputError(ReidError):
    """An output folder cannot be used: it belongs to another run, or cannot be written."""


class CatalogueError(ReidError):
    """A catalogue cannot do what was asked: no such individual, a name already taken, another schema."""


class MachineError(ReidError):
    """The machine refuses what a run needs: memory, or open files."""


class MissingPartError(ReidError):
    """An optional package or a file of weights is needed and is not installed."""


def choices(names: Iterable[str]) -> str:
    """Valid names as a sorted list for an error message.

    >>> choices(["left", "back"])
    'back, left'
    """
    return ", ".join(sorted(names))

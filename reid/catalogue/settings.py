"""Settings of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CatalogueSettings"]


@dataclass(frozen=True)
class CatalogueSettings:
    """Which catalogue a census reads and adds to, and how it names new individuals."""

    file: str = ""
    """The SQLite file, made if it is not there; empty for a census without a catalogue."""
    name_pattern: str = "ind-{:03d}"
    """Name of a new individual: a Python format string that takes its number."""
    by: str = ""
    """Who takes the decisions: a person's name, or empty for the program itself."""

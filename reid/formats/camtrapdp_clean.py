"""Cells that a source package had and the standard does not allow: emptied, or filled where there must be a value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reid.formats import cells
from reid.formats.camtrapdp_schema import schema
from reid.formats.model import Note

__all__ = ["clean"]

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
BOOLEAN = {"true", "false", "True", "False", "TRUE", "FALSE", "1", "0"}
FILLED = {"filePublic": "false", "observationType": "unknown", "observationLevel": "media"}


def clean(
    table: str, rows: Mapping[str, dict[str, str]], instead: Mapping[str, Mapping[str, str]], notes: list[Note]
) -> None:
    """Bring the cells of a table within the standard, where they stand.

    Args:
        table: Its name.
        rows: Its rows by key.
        instead: By column and key, what to write for a time that is none.
        notes: Gets a note for every cell that was changed.
    """
    for line, (key, row) in enumerate(rows.items(), 2):
        for field in schema(table)["fields"]:
            name, value = field["name"], row.get(field["name"], "")
            required = field.get("constraints", {}).get("required", False)
            if (not value and not required) or (value and _fits(value, field)):
                continue
            row[name] = instead.get(name, {}).get(key) or FILLED.get(name, "") if required else ""
            done = "repaired" if row[name] else "left out"
            notes.append(Note(f"{table}.csv", line, name, value, done, f"not what Camtrap DP allows; {row[name] or 'empty'} is written"))  # fmt: skip


def _fits(value: str, field: Mapping[str, Any]) -> bool:
    """Whether a cell is of its field's type and within its limits."""
    kind, limits = field["type"], field.get("constraints", {})
    if kind == "datetime":
        return bool(STAMP.fullmatch(value)) and cells.time(value) is not None
    if kind == "boolean":
        return value in BOOLEAN
    if kind in ("number", "integer"):
        found = cells.number(value)
        whole = kind == "number" or (found is not None and re.fullmatch(r"[+-]?\d+", value) is not None)
        if found is None or found[1] or not whole:
            return False
        return bool(limits.get("minimum", found[0]) <= found[0] <= limits.get("maximum", found[0]))
    if kind == "object":
        try:
            return isinstance(json.loads(value), dict)
        except ValueError:
            return False
    if "pattern" in limits and not re.search(limits["pattern"], value):
        return False
    return "enum" not in limits or value in limits["enum"]

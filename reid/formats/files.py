"""Files written whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from reid.errors import OutputError

__all__ = ["csv_text", "write_bytes", "write_text"]


def write_bytes(content: bytes, path: str | Path) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}. Name another folder.") from None


def write_text(text: str, path: str | Path) -> None:
    """Write text as UTF-8, whole or not at all."""
    write_bytes(text.encode("utf-8"), path)


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows, the header first, as CSV.

    >>> csv_text([("a", "b"), (1, "x, y")])
    'a,b\\n1,"x, y"\\n'
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()

"""A copy of a catalogue, taken while others may be writing to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from reid.errors import CatalogueError, OutputError

__all__ = ["backup"]


def backup(connection: sqlite3.Connection, data: Path, target: Path, pictures: bool) -> int:
    """Copy the file by SQLite's online backup, and the pictures beside it; the index is rebuilt when it is needed.

    Args:
        connection: Of the catalogue.
        data: The folder beside it.
        target: The copy; a former copy is replaced, whole or not at all.
        pictures: Whether to copy the pictures that the copy does not have yet.

    Returns:
        How many pictures were copied.

    Raises:
        CatalogueError: the copy is damaged, or would replace the catalogue itself.
        OutputError: the copy cannot be written.
    """
    source = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    if target.exists() and target.samefile(source):
        raise CatalogueError(f"{target} is the catalogue itself; name another file for the copy.")
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file for the copy, for example {target / source.name}.")
    if not target.parent.is_dir():
        raise OutputError(f"{target} cannot be written: there is no folder {target.parent}. Make it first.")
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    partial.unlink(missing_ok=True)
    try:
        copy = sqlite3.connect(partial, isolation_level=None)
        try:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            said = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            copy.close()
        if said != "ok":
            raise CatalogueError(f"the copy of the catalogue is damaged ({said}); nothing was replaced.")
        for suffix in ("-wal", "-shm"):  # of a former copy that was opened
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return _pictures(data / "pictures", target.with_name(target.name + ".data") / "pictures") if pictures else 0


def _pictures(here: Path, there: Path) -> int:
    if not here.is_dir():
        return 0
    there.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in sorted(here.glob("*.jpg")):
        if not (there / path.name).exists():
            partial = there / f"{path.name}.{os.getpid()}.part"
            shutil.copyfile(path, partial)
            partial.replace(there / path.name)
            count += 1
    return count

"""Finished work kept on disk by key, so that a killed run goes on where it stopped and nothing is done twice.

A `RowStore` keeps small rows in numbered Parquet parts, each written whole or not at all. What a row was made from is
in its key (a content hash, a fingerprint), so a row is never stale: a changed setting asks for other keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import filelock
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reid.errors import OutputError
from reid.machine import in_words
from reid.outside import read_json

__all__ = ["RowStore", "digest", "open_run", "write_json"]


def digest(*values: Any, length: int = 16) -> str:
    """A short hash of JSON-like values, the same on every machine.

    >>> digest("a", 1) == digest("a", 1), digest("a", 1) == digest("a", 2)
    (True, False)
    """
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, default=str)
    return sha256(text.encode()).hexdigest()[:length]


def write_json(value: Any, path: str | Path) -> None:
    """Write JSON with sorted keys, whole or not at all."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


class RowStore:
    """Rows by key, appended in parts.

    Args:
        folder: Where the parts lie; made when the first is written.
        schema: Columns of a row besides `key`.
    """

    def __init__(self, folder: str | Path, schema: pa.Schema) -> None:
        self.folder = Path(folder)
        self.schema = pa.schema([pa.field("key", pa.string()), *schema])

    def get(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The rows that are there, of the keys asked for. A part that cannot be read counts as not there."""
        wanted = pa.array(sorted(set(keys)), type=pa.string())
        found: dict[str, dict[str, Any]] = {}
        for part in self.parts():
            try:
                table = pq.read_table(part, filters=pc.field("key").isin(wanted))
            except (pa.ArrowInvalid, OSError):
                continue
            if table.schema.equals(self.schema):
                found.update((row.pop("key"), row) for row in table.to_pylist())
        return found

    def add(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep rows; they are there after a kill as soon as this returns."""
        if not rows:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist([{"key": key, **row} for key, row in rows.items()], schema=self.schema)
        last = max((int(part.stem.split("-")[1]) for part in self.parts()), default=-1)
        path = self.folder / f"part-{last + 1:06d}.parquet"
        partial = path.with_name(path.name + ".part")
        pq.write_table(table, partial)
        partial.replace(path)

    def parts(self) -> list[Path]:
        """The files, in the order in which they were written."""
        return sorted(self.folder.glob("part-*.parquet"))


def open_run(folder: str | Path, what: Mapping[str, Any]) -> filelock.FileLock:
    """Claim an output folder for one run and lock it.

    Args:
        folder: Made if it is not there. An existing one must be empty or hold an earlier try at the same run.
        what: What makes it the same run, for example the verb and the photo folder.

    Returns:
        The lock, held; release it at the end.

    Raises:
        OutputError: the folder holds something else, another run is at work in it, or it cannot be written.
    """
    folder = Path(folder)
    name = folder / "run.json"
    what = json.loads(json.dumps(dict(what), default=str))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        existing = [p for p in folder.iterdir() if p.name not in ("run.lock", "run.json.part")]
    except (OSError, FileExistsError) as error:
        raise OutputError(f"the output folder {folder} cannot be made: {error.strerror}. Name another one.") from None
    if name.is_file():
        try:
            before = read_json(name)
        except (OSError, ValueError):
            before = {}
        if before != what:
            changed = ", ".join(
                f"{k}={before.get(k)!r}" for k in sorted({*before, *what}) if before.get(k) != what.get(k)
            )
            raise OutputError(
                f"the output folder {folder} holds another run ({changed}). Name another folder, or remove this one."
            )
    elif existing:
        raise OutputError(
            f"the output folder {folder} is not empty and holds no run of reid (found {existing[0].name!r}). Name an empty or a new folder."
        )
    lock = filelock.FileLock(str(folder / "run.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise OutputError(f"another run is at work in {folder}. Wait for it, or name another folder.") from None
    except OSError as error:
        raise OutputError(
            f"the output folder {folder} cannot be written: {error.strerror}. Name another one."
        ) from None
    try:
        with in_words(folder):
            write_json(what, name)
    except BaseException:
        lock.release()
        raise
    return lock

"""Finished work kept on disk by key, so that a killed run goes on where it stopped and nothing is done twice.

A `RowStore` keeps small rows in numbered Parquet parts, each written whole or not at all. What a row was made from is
in its key (a content hash, a fingerprint), so a row is never stale: a changed setting asks for other keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
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

__all__ = ["RUN", "RowStore", "digest", "open_run", "write_json", "write_tensors"]

RUN = "run.json"
"""Says in an output folder whose it is."""
SMALL = 4 << 20
"""Bytes below which a part is small."""
MANY = 32
"""So many small parts become one: a long season's rows lie in few files, and a kill still costs one small part at most."""


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


def write_tensors(tensors: Mapping[str, Any], path: str | Path) -> None:
    """Write torch's tensors by name as safetensors, whole or not at all, with the rights of any other file."""
    from safetensors.torch import save_file

    path = Path(path)
    partial = path.with_name(path.name + ".part")
    partial.touch()  # safetensors itself would let nobody else read it
    rights = partial.stat().st_mode
    save_file(dict(tensors), partial)
    partial.chmod(rights)
    partial.replace(path)


class RowStore:
    """Rows by key, appended in parts.

    Which part holds a key is read once and remembered, so one row is found without opening every part.

    Args:
        folder: Where the parts lie; made when the first is written.
        schema: Columns of a row besides `key`.
    """

    def __init__(self, folder: str | Path, schema: pa.Schema) -> None:
        self.folder = Path(folder)
        self.schema = pa.schema([pa.field("key", pa.string()), *schema])
        self._place: dict[str, str] = {}
        self._seen: set[str] = set()

    def get(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The rows that are there, of the keys asked for. A part that cannot be read counts as not there."""
        return dict(self.rows(keys))

    def rows(self, keys: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Like `get`, one row after the other and a part at a time, for rows that are too many for the memory."""
        self._look()
        wanted: dict[str, list[str]] = {}
        for key in set(keys):
            if key in self._place:
                wanted.setdefault(self._place[key], []).append(key)
        for name in sorted(wanted):
            try:
                table = pq.read_table(
                    self.folder / name, filters=pc.field("key").isin(pa.array(sorted(wanted[name]), type=pa.string()))
                )
            except (pa.ArrowInvalid, OSError):
                continue
            for batch in table.to_batches(max_chunksize=1024):
                for row in batch.to_pylist():
                    yield row.pop("key"), row

    def has(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys whose rows are there, without reading the rows."""
        self._look()
        return {key for key in keys if key in self._place}

    def _look(self) -> None:
        """Take up the keys of parts that were not seen before; of one key, the last part counts."""
        parts = self.parts()
        names = {part.name for part in parts}
        if not self._seen <= names:  # another process put parts together, or somebody emptied the folder
            self._seen, self._place = set(), {}
        for part in parts:
            if part.name in self._seen:
                continue
            self._seen.add(part.name)
            try:
                with pq.ParquetFile(part) as file:
                    fits = file.schema_arrow.equals(self.schema)
                    keys = file.read(columns=["key"])["key"].to_pylist() if fits else []
            except (pa.ArrowInvalid, OSError):
                continue
            self._place.update(dict.fromkeys(keys, part.name))

    def add(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep rows; they are there after a kill as soon as this returns."""
        if rows:
            self.add_table(pa.Table.from_pylist([{"key": key, **row} for key, row in rows.items()], schema=self.schema))

    def add_table(self, table: pa.Table) -> None:
        """Keep the rows of a table that has the store's columns, `key` the first; likewise."""
        if not len(table):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = self.parts()
        self._write(table, parts)
        run = []  # only the last ones, so that of one key the later row stays the later one
        for part in reversed(self.parts()):
            if part.stat().st_size >= SMALL:
                break
            run.append(part)
        if len(run) >= MANY:
            self._join(run[::-1])

    def table(self) -> pa.Table:
        """All rows as they were added, a key perhaps more than once; parts that cannot be read are left out."""
        return pa.concat_tables([self.schema.empty_table(), *self._tables(self.parts())])

    def _tables(self, parts: list[Path]) -> Iterator[pa.Table]:
        for part in parts:
            try:
                table = pq.read_table(part)
            except (pa.ArrowInvalid, OSError):
                continue
            if table.schema.equals(self.schema):
                yield table

    def _write(self, table: pa.Table, parts: list[Path]) -> None:
        last = max((int(part.stem.split("-")[1]) for part in parts), default=-1)
        path = self.folder / f"part-{last + 1:06d}.parquet"
        partial = path.with_name(path.name + ".part")
        pq.write_table(table, partial)
        partial.replace(path)

    def _join(self, parts: list[Path]) -> None:
        """Write small parts as one, then remove them; a kill in between leaves rows twice, which does no harm."""
        tables = list(self._tables(parts))
        if len(tables) < len(parts):  # one is damaged or of another form: leave all as they are
            return
        self._write(pa.concat_tables(tables), parts)
        for part in parts:
            part.unlink(missing_ok=True)

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
    name = folder / RUN
    what = json.loads(json.dumps(dict(what), default=str))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        existing = [p for p in folder.iterdir() if p.name not in ("run.lock", RUN + ".part")]
    except (OSError, FileExistsError) as error:
        raise OutputError(f"the output folder {folder} cannot be made: {error.strerror}. Name another one.") from None
    if name.is_file():
        try:
            said = read_json(name)
        except (OSError, ValueError):
            said = None
        before = said if isinstance(said, dict) else {}
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

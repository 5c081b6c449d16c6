"""What an index knows of its vectors besides the numbers: ids and tags, in Arrow, which a file on disk can be read in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reid.errors import ConfigError, InputError, choices

__all__ = ["Rows", "Where"]

Where = Mapping[str, Any]
"""Tags by name, each with the value or the values that are allowed."""
GONE = "_gone"


class Rows:
    """Ids and tags of an index's vectors, in the order in which they were added; rows can be taken out and keep their place."""

    def __init__(self, table: pa.Table | None = None) -> None:
        if table is None:
            table = pa.table({"id": pa.array([], pa.large_string())})
        gone = np.zeros(len(table), bool)
        if GONE in table.column_names:
            gone[:] = table[GONE].to_numpy(zero_copy_only=False)
            table = table.drop_columns([GONE])
        self.table, self.gone = table, gone
        self.live = int((~gone).sum())

    def __len__(self) -> int:
        return len(self.table)

    @property
    def tags(self) -> list[str]:
        """Names of the tags."""
        return [name for name in self.table.column_names if name != "id"]

    def add(self, ids: Sequence[str], tags: Mapping[str, Sequence[Any]] | None) -> None:
        """Add rows.

        Raises:
            InputError: a tag has not one value for each id; or other tags were given before.
        """
        tags = dict(tags or {})
        for name, values in tags.items():
            if len(values) != len(ids):
                raise InputError(f"the tag {name!r} has {len(values)} values for {len(ids)} ids; each needs one.")
            if name in ("id", GONE):
                raise InputError(f"a tag cannot be called {name!r}; choose another name.")
        if len(self) and set(tags) != set(self.tags):
            raise InputError(
                f"these vectors have the tags {choices(tags) or 'none'}, those in the index {choices(self.tags) or 'none'}; give all the same."
            )
        columns = {"id": pa.array(list(ids), pa.large_string())}
        for name, values in tags.items():
            texts = [None if value is None else str(value) for value in values]
            columns[name] = pa.array(texts, pa.string()).dictionary_encode()
        more = pa.table(columns)
        if len(self):
            more = pa.concat_tables([self.table, more.select(self.table.column_names)])
        # few long pieces instead of many short ones
        self.table = more.combine_chunks() if more["id"].num_chunks > 64 else more
        self.gone = np.concatenate([self.gone, np.zeros(len(ids), bool)])
        self.live += len(ids)

    def ids(self, positions: np.ndarray) -> list[str]:
        """The ids at some positions."""
        return list(self.table["id"].take(pa.array(positions)).to_pylist())

    def allowed(self, where: Where | None) -> np.ndarray | None:
        """Which rows are there and have these tags, (n,) of bool; None where that is every row.

        Raises:
            ConfigError: there is no such tag.
        """
        if not where:
            return None if self.live == len(self) else ~self.gone
        kept = ~self.gone
        for name, values in where.items():
            if name not in self.tags:
                raise ConfigError(f"the index has no tag {name!r}; it has {choices(self.tags) or 'none'}.")
            wanted = [values] if isinstance(values, (str, int)) or values is None else list(values)
            texts = pa.array([None if value is None else str(value) for value in wanted], pa.string())
            kept &= pc.is_in(self.table[name].cast(pa.string()), value_set=texts).to_numpy(zero_copy_only=False)
        return kept

    def remove(self, ids: Sequence[str] | None, where: Where | None) -> int:
        """Take rows out; returns how many."""
        found = self.allowed(where)
        chosen = ~self.gone if found is None else found
        if ids is not None:
            wanted = pa.array(list(ids), pa.large_string())
            chosen = chosen & pc.is_in(self.table["id"], value_set=wanted).to_numpy(zero_copy_only=False)
        self.gone = self.gone | chosen
        count = int(chosen.sum())
        self.live -= count
        return count

    def save(self, path: Path, mark: str) -> None:
        """Write as an Arrow file, which `load` reads in place."""
        table = self.table.combine_chunks().append_column(GONE, pa.array(self.gone))
        table = table.replace_schema_metadata({"mark": mark})
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    @classmethod
    def load(cls, path: Path, mark: str, mapped: bool) -> Rows:
        """Read what `save` wrote.

        Raises:
            ValueError: it is another index's, or no sound file.
        """
        source = pa.memory_map(str(path)) if mapped else pa.BufferReader(path.read_bytes())
        try:
            table = pa.ipc.open_file(source).read_all()
            if (table.schema.metadata or {}).get(b"mark") != mark.encode():
                raise ValueError("its rows are of another index")
            if table.column_names.count("id") != 1 or len(set(table.column_names)) < table.num_columns:
                raise ValueError(f"its rows have the columns {table.column_names}")
            for field in table.schema:
                if not _fits(field):
                    raise ValueError(f"its column {field.name!r} holds {field.type}")
            # Arrow trusts offsets and lengths of a file, and reads wherever they point to, until this has been asked.
            table.validate(full=True)
        except pa.ArrowException as error:  # of memory too: a length that a few bytes only claim
            raise ValueError(f"its rows are damaged: {error}") from None
        return cls(table)


def _fits(field: pa.Field) -> bool:
    """Whether a column holds what `Rows` puts there."""
    if field.name == "id":
        return bool(pa.types.is_large_string(field.type))
    if field.name == GONE:
        return bool(pa.types.is_boolean(field.type))
    return pa.types.is_dictionary(field.type) and pa.types.is_string(field.type.value_type)

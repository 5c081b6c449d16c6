"""The tables that pass between rooms, checked at the door; `reid/schemas.py` says what each holds.

A table is a pandas DataFrame in memory and Parquet on disk. `check` coerces and validates one, `write` and `read`
move one to and from disk atomically; the same rows always give the same bytes.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reid.errors import InputError, TableError, choices
from reid.schemas import (
    ARROW,
    CROPS,
    DECISIONS,
    DETECTIONS,
    FLANKS,
    LINKS,
    MATCHES,
    PANDAS,
    PHOTOS,
    PROBLEMS,
    SIGHTINGS,
    STATIONS,
    UNKNOWN,
    Column,
    Table,
)

__all__ = [
    "CROPS",
    "DECISIONS",
    "DETECTIONS",
    "FLANKS",
    "LINKS",
    "MATCHES",
    "PHOTOS",
    "PROBLEMS",
    "SIGHTINGS",
    "STATIONS",
    "UNKNOWN",
    "Column",
    "Table",
    "check",
    "empty",
    "from_rows",
    "read",
    "records",
    "write",
    "write_csv",
]

AT_ONCE = 4096
"""Rows that `records` turns into Python's objects at once; bounds memory."""


def check(frame: pd.DataFrame, table: Table, where: str | None = None, extra: bool = False) -> pd.DataFrame:
    """Return `frame` with the table's columns in order and of the table's types.

    Args:
        frame: Rows; columns that are not required may be missing and become null.
        table: What they must be.
        where: What to call them in an error, for example a file name. Default: the table's name.
        extra: Keep columns that the table does not know, after its own; otherwise they are refused.

    Raises:
        TableError: a column is missing or unknown, or a value is of another type or outside its limits.
    """
    import pandera.pandas as pandera

    where = where or f"the {table.name} table"
    required = [column.name for column in table.columns if column.required]
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise TableError(
            f"{where} lacks the column {', '.join(map(repr, missing))}; it has {choices(map(str, frame.columns))}. "
            f"Needed are {', '.join(required)}."
        )
    others = [name for name in frame.columns if name not in table.names]
    if others and not extra:
        raise TableError(
            f"{where} has unknown columns {', '.join(map(repr, others))}; it may have {', '.join(table.names)}."
        )
    out = pd.DataFrame(index=pd.RangeIndex(len(frame)))
    for column in table.columns:
        values = frame[column.name].reset_index(drop=True) if column.name in frame.columns else None
        out[column.name] = _coerce(values, column, len(frame), where)
    for name in others:
        out[name] = frame[name].reset_index(drop=True)
    schema = pandera.DataFrameSchema(
        {
            column.name: pandera.Column(None, checks=_limits(column, pandera), nullable=not column.required)
            for column in table.columns
        },
        unique=list(table.key) if table.key else None,
    )
    try:
        schema.validate(out)
    except pandera.errors.SchemaError as error:
        raise TableError(f"{where}: {_explain(error, out, table)}") from None
    return out


def _limits(column: Column, pandera: Any) -> list[Any]:
    checks = []
    if column.low is not None:
        checks.append(pandera.Check.ge(column.low, error=f"at least {column.low:g}"))
    if column.high is not None:
        checks.append(pandera.Check.le(column.high, error=f"at most {column.high:g}"))
    if column.values is not None:
        checks.append(pandera.Check.isin(column.values, error=f"one of {', '.join(column.values)}"))
    if column.kind == "bbox":
        checks.append(
            pandera.Check(_is_box, element_wise=True, error="four finite numbers, with width and height above 0")
        )
    return checks


def _is_box(box: Any) -> bool:
    return len(box) == 4 and all(map(isfinite, box)) and box[2] > 0 and box[3] > 0


def _explain(error: Any, frame: pd.DataFrame, table: Table) -> str:
    cases = error.failure_cases
    name = getattr(error.schema, "name", None)
    if isinstance(cases, pd.DataFrame) and len(cases) and name in table.names:
        row = int(cases["index"].iloc[0]) if pd.notna(cases["index"].iloc[0]) else 0
        expected = getattr(error.check, "error", None) or "a value in every row"
        return f"column {name!r}, row {row + 1}: found {frame[name].iloc[row]!r}, expected {expected}."
    repeated = frame[frame.duplicated(list(table.key), keep=False)]
    first = tuple(repeated[list(table.key)].iloc[0]) if len(repeated) else ()
    return f"{' and '.join(table.key)} must be unique, but {', '.join(map(str, first))} stands {len(repeated)} times."


def _coerce(values: pd.Series | None, column: Column, rows: int, where: str) -> pd.Series:
    if values is None:
        values = pd.Series([None] * rows, dtype="object")
    try:
        if column.kind == "bbox":
            return pd.Series([None if _null(v) else [float(x) for x in v] for v in values], dtype="object")
        if column.kind == "time":
            return pd.to_datetime(values).astype("datetime64[us]")
        if column.kind == "float":
            return pd.to_numeric(values).astype("float64")
        if column.kind == "int":
            return pd.to_numeric(values).astype("Int64")
        if column.kind == "str":
            if isinstance(values.dtype, pd.StringDtype):  # texts already; what is missing may be marked otherwise
                return values.astype("string")
            return values.map(lambda v: None if _null(v) else str(v)).astype("string")
        return values.astype("boolean")
    except (ValueError, TypeError) as error:
        raise TableError(f"{where}: column {column.name!r} must hold {column.kind} values: {error}.") from None


def _null(value: Any) -> bool:
    return value is None or (not isinstance(value, (list, tuple, np.ndarray)) and bool(pd.isna(value)))


def empty(table: Table) -> pd.DataFrame:
    """The table with no rows.

    >>> len(empty(PHOTOS)), empty(PHOTOS).columns[0]
    (0, 'image_id')
    """
    return pd.DataFrame({column.name: pd.Series([], dtype=PANDAS[column.kind]) for column in table.columns})


def from_rows(rows: Iterable[Mapping[str, Any]], table: Table) -> pd.DataFrame:
    """A checked table from dictionaries, one a row."""
    rows = list(rows)
    return check(pd.DataFrame(rows, columns=table.names), table) if rows else empty(table)


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a table in order, each with its columns as attributes."""
    row: Any = namedtuple("Row", map(str, frame.columns), rename=True)  # type: ignore[misc]
    for start in range(0, len(frame), AT_ONCE):
        # a column at a time: texts that lie in Arrow's memory are slow to ask for one by one
        part = frame.iloc[start : start + AT_ONCE]
        columns = [part.iloc[:, n].astype(object).tolist() for n in range(part.shape[1])]
        yield from map(row._make, zip(*columns, strict=True))


def write(frame: pd.DataFrame, path: str | Path, table: Table, extra: bool = False) -> pd.DataFrame:
    """Check `frame` and write it to Parquet, whole or not at all; returns the checked table.

    A path may be a URL of any file system that fsspec knows, such as `s3://bucket/run/crops.parquet`; `read` takes it too.
    """
    frame = check(frame, table, extra=extra)
    arrays = [_array(frame[column.name], column) for column in table.columns]
    out = pa.Table.from_arrays(arrays, schema=table.schema)
    for name in frame.columns[len(table.columns) :]:
        out = out.append_column(str(name), pa.array(frame[name].tolist(), from_pandas=True))
    if "://" in str(path):
        import fsspec

        with fsspec.open(str(path), "wb") as file:  # an object is there when it is closed, whole
            pq.write_table(out, file)
        return frame
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    pq.write_table(out, partial)
    partial.replace(path)
    return frame


def _array(values: pd.Series, column: Column) -> pa.Array:
    """A checked column for Parquet."""
    kept: list[Any] | pd.Series = [None if _null(v) else v for v in values] if column.kind == "bbox" else values
    found = pa.array(kept, type=ARROW[column.kind], from_pandas=True)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def read(path: str | Path, table: Table, extra: bool = False) -> pd.DataFrame:
    """Read a Parquet file written by `write`, and check it.

    Raises:
        InputError: there is no such file, or it is not Parquet.
        TableError: it is another table.
    """
    if "://" not in str(path) and not Path(path).is_file():
        raise InputError(f"no {table.name} table at {path}; an earlier stage writes it.")
    try:
        if "://" in str(path):
            import fsspec

            with fsspec.open(str(path), "rb") as file:
                frame = pq.read_table(file).to_pandas()
        else:
            frame = pq.read_table(Path(path)).to_pandas()
    except FileNotFoundError:
        raise InputError(f"no {table.name} table at {path}; an earlier stage writes it.") from None
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is not a Parquet table: {why}. Run the command that writes it again.") from None
    return check(frame, table, where=str(path), extra=extra)


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV for people and spreadsheets, whole or not at all: boxes as `[x, y, w, h]`, times as ISO 8601.

    Null is an empty field; numbers keep six decimals.
    """
    out = frame.copy()
    for name in out.columns:
        if name == "bbox":
            out[name] = [None if _null(v) else "[" + ", ".join(f"{x:g}" for x in v) + "]" for v in out[name]]
        elif pd.api.types.is_datetime64_any_dtype(out[name]):
            out[name] = out[name].dt.strftime("%Y-%m-%d %H:%M:%S")
        elif pd.api.types.is_float_dtype(out[name]):
            out[name] = out[name].round(6)
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    out.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")
    partial.replace(path)

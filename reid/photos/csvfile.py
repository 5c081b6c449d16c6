"""Tables that people write: CSV files read as text, with messages a person can act on."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from reid.errors import FormatError, InputError, TableError, choices
from reid.outside import read_bytes

__all__ = ["at", "need_columns", "read_csv", "records"]


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read a comma-separated UTF-8 file with a header line; nothing is guessed, every value stays text.

    Returns:
        One row per line that is not blank, values and column names without surrounding spaces, empty fields
        as "". The index holds the number of each row's line in the file, the header being line 1.
        A column without a name, as spreadsheets and pandas write for row numbers, is left out.

    Raises:
        InputError: there is no such file, it cannot be read, or it holds no rows.
        FormatError: it is not UTF-8, not separated by commas, or its lines do not fit the header.
    """
    path = Path(path)
    text = _text(path)
    header = text.split("\n", 1)[0]
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if separator in header and "," not in header:
            raise FormatError(f"{path} is separated by {name}, expected commas. Save it as CSV with commas.")
    try:
        raw = pd.read_csv(
            io.StringIO(text),
            header=None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        detail = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise FormatError(f"{path} is not well-formed CSV: {detail}. A value with commas in it needs quotes.") from None
    raw = raw.fillna("").apply(lambda column: column.str.strip())
    raw.index += 1
    names = [str(name) for name in raw.iloc[0]]
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise FormatError(
            f"{path} has the column {', '.join(map(repr, repeated))} more than once. Rename one of them, or take it out."
        )
    rows = raw.iloc[1:]
    rows = rows[(rows != "").any(axis=1)]
    rows.columns = pd.Index(names)
    if rows.empty:
        raise InputError(f"{path} has a header and no rows. Write one row per entry below it.")
    return rows.loc[:, [bool(name) for name in names]]


def records(rows: pd.DataFrame) -> list[tuple[int, dict[str, str]]]:
    """Each row's line number and its values by column."""
    names = [str(name) for name in rows.columns]
    return [
        (int(line), dict(zip(names, values, strict=True)))
        for line, values in zip(rows.index, rows.to_numpy(), strict=True)
    ]


def _text(path: Path) -> str:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path} is not UTF-8 (byte {error.object[error.start]:#04x} at {error.start}). Save it as 'CSV UTF-8'."
        ) from None
    except OSError as error:
        raise InputError(f"no CSV table at {path}: {(error.strerror or '').lower()}. Check the path.") from None
    if "\0" in text:
        raise FormatError(f"{path} is not UTF-8 text (it has zero bytes). Save it as 'CSV UTF-8'.")
    if not text.strip():
        raise InputError(f"{path} is empty. Expected a CSV table with a header line.")
    return text


def need_columns(rows: pd.DataFrame, needed: list[str], path: str | Path) -> None:
    """Raise TableError unless `rows` has the columns `needed`."""
    missing = [name for name in needed if name not in rows.columns]
    if missing:
        raise TableError(
            f"{path} lacks the column {', '.join(map(repr, missing))}; it has {choices(map(str, rows.columns))}."
        )


def at(path: str | Path, line: int, column: str, value: str, expected: str) -> TableError:
    """The error of one wrong value: where it stands, what it is, what it should be."""
    return TableError(
        f"{path}, row {line} (the header is row 1), column {column!r}: found {value!r}, expected {expected}."
    )

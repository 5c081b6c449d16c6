"""What the verbs share: paths as users write them, the record of a run, and a summary for the terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from reid.errors import InputError, OutputError
from reid.machine import in_words
from reid.store import open_run
from reid.tables import PROBLEMS, check, empty, write, write_csv

__all__ = ["collect_problems", "input_path", "run_folder", "write_settings", "write_table"]


def input_path(value: str, key: str, what: str) -> Path:
    """A file or folder that a setting names.

    Raises:
        InputError: it is not there.
    """
    path = Path(value).expanduser()
    if not path.exists():
        raise InputError(f"{key}={value}: no such {what}. Check the path; it is taken from {Path.cwd()}.")
    return path


@contextmanager
def run_folder(output: str, verb: str, what: Mapping[str, Any], photos: Path | None = None) -> Iterator[Path]:
    """An output folder, claimed and locked for one run.

    Args:
        output: The folder; made if it is not there.
        verb: Who writes into it.
        what: Which inputs make it this run and no other.
        photos: The photo folder, which must not hold the output: its pictures would be taken for photos next time.

    Raises:
        OutputError: the folder is another run's, or lies among the photos; or its disk is full or failed.
        MachineError: memory or open files ran out.
    """
    folder = Path(output).expanduser()
    if photos is not None and photos.is_dir() and folder.resolve().is_relative_to(photos.resolve()):
        raise OutputError(f"output={output} lies inside the photo folder {photos}; name a folder outside it.")
    lock = open_run(folder, {"verb": verb, **what})
    try:
        with in_words(folder):
            yield folder
    finally:
        lock.release()


def write_settings(config: Any, folder: Path) -> None:
    """Keep the settings of a run beside its results, as YAML that `config=FILE` reads back."""
    import yaml

    values = dataclasses.asdict(config)
    text = yaml.safe_dump(_plain(values), sort_keys=False, allow_unicode=True)
    partial = folder / "settings.yaml.part"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / "settings.yaml")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def write_table(frame: pd.DataFrame, folder: Path, table: Any, csv: bool = False) -> pd.DataFrame:
    """Write one of the tables under its own name, as CSV too if asked."""
    frame = write(frame, folder / f"{table.name}.parquet", table)
    if csv:
        write_csv(frame, folder / f"{table.name}.csv")
    return frame


def collect_problems(*tables: pd.DataFrame) -> pd.DataFrame:
    """Several problems tables as one, each problem once, sorted by stage and path."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return empty(PROBLEMS)
    order = {"scan": 0, "detect": 1, "embed": 2, "match": 3}
    joined = (
        pd.concat(filled)
        .drop_duplicates()
        .sort_values(
            ["stage", "path", "reason"],
            key=lambda column: column.map(order) if column.name == "stage" else column,
            kind="stable",
        )
    )
    return check(joined, PROBLEMS)

"""What the verbs share: paths as users write them, the record of a run, and a summary for the terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from reid.cluster import ExecutorSettings, Mirror, Place, is_url, working_copy
from reid.errors import ConfigError, InputError, OutputError
from reid.machine import in_words
from reid.store import RUN, open_run
from reid.tables import PROBLEMS, check, empty, write, write_csv
from reid.unchanged import FINISHED

if TYPE_CHECKING:
    from reid.cluster.ahead import Ahead

__all__ = [
    "collect_problems",
    "input_path",
    "make_ahead",
    "photo_root",
    "run_folder",
    "write_settings",
    "write_table",
]


def input_path(value: str, key: str, what: str) -> Path:
    """A file or folder that a setting names.

    Raises:
        InputError: it is not there.
    """
    path = Path(value).expanduser()
    if not path.exists():
        raise InputError(f"{key}={value}: no such {what}. Check the path; it is taken from {Path.cwd()}.")
    return path


def photo_root(value: str, key: str, what: str = "folder") -> Path | None:
    """The folder of photos that a setting names; None for a URL.

    Raises:
        InputError: it is not there.
    """
    return None if is_url(value) else input_path(value, key, what)


def make_ahead(photos: str, output: str, folder: Path, executor: ExecutorSettings) -> Ahead | None:
    """Who makes the costly rows ahead of the stages; None where the stages do it best themselves.

    Args:
        photos: Folder or URL of the photos.
        output: As the user wrote it.
        folder: Of the run, on this machine.
        executor: Who works.
    """
    if executor.name == "local" and not is_url(photos):
        return None
    if executor.name == "ray" and executor.address and not is_url(photos) and not Path(photos).is_absolute():
        raise ConfigError(f"photos={photos} must be a whole path, the same on all machines of the cluster, or a URL.")
    from reid.cluster.ahead import Ahead

    mirror = Mirror(folder, output) if is_url(output) else None
    return Ahead(photos, folder / "cache", executor, mirror.push if mirror else (lambda: None))


@contextmanager
def run_folder(output: str, verb: str, what: Mapping[str, Any], photos: Path | None = None) -> Iterator[Path]:
    """An output folder, claimed and locked for one run.

    A URL as output gets a folder of this machine, whose files are copied there at the end; what an earlier try left there
    is brought here first.

    Args:
        output: The folder; made if it is not there.
        verb: Who writes into it.
        what: Which inputs make it this run and no other.
        photos: The photo folder, which must not hold the output: its pictures would be taken for photos next time.

    Raises:
        OutputError: the folder is another run's, or lies among the photos; or its disk is full or failed.
        MachineError: memory or open files ran out.
    """
    if is_url(output):
        folder = working_copy(output)
        Place(output).fetch([RUN], folder)
    else:
        folder = Path(output).expanduser()
    if photos is not None and photos.is_dir() and folder.resolve().is_relative_to(photos.resolve()):
        raise OutputError(f"output={output} lies inside the photo folder {photos}; name a folder outside it.")
    lock = open_run(folder, {"verb": verb, **what})
    try:
        (folder / FINISHED).unlink(missing_ok=True)  # until this run has ended, too
        if is_url(output):
            Place(output).fetch_folder("cache", folder / "cache")
            Mirror(folder, output).place.put(folder, [RUN])
        with in_words(folder):
            yield folder
        if is_url(output):
            Mirror(folder, output).push("")
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

"""Finished work is kept by key, and an output folder belongs to one run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from reid.errors import OutputError
from reid.store import RowStore, open_run

SCHEMA = pa.schema([("value", pa.int64())])


def test_rows_come_back_and_later_ones_win(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "rows", SCHEMA)
    assert store.get(["a"]) == {}
    store.add({"a": {"value": 1}, "b": {"value": 2}})
    store.add({"a": {"value": 3}})
    assert RowStore(tmp_path / "rows", SCHEMA).get(["a", "c"]) == {"a": {"value": 3}}


def test_a_damaged_part_counts_as_not_there(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "rows", SCHEMA)
    store.add({"a": {"value": 1}})
    store.add({"b": {"value": 2}})
    next(iter(sorted((tmp_path / "rows").glob("*.parquet")))).write_bytes(b"half a fi")
    assert store.get(["a", "b"]) == {"b": {"value": 2}}


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    open_run(tmp_path / "run", {"verb": "census", "photos": "a"}).release()
    lock = open_run(tmp_path / "run", {"verb": "census", "photos": "a"})
    with pytest.raises(OutputError, match="another run is at work"):
        open_run(tmp_path / "run", {"verb": "census", "photos": "a"})
    lock.release()
    with pytest.raises(OutputError, match=r"holds another run \(photos='a'\)"):
        open_run(tmp_path / "run", {"verb": "census", "photos": "b"})


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("precious")
    with pytest.raises(OutputError, match=r"thesis\.doc"):
        open_run(tmp_path, {"verb": "census"})
    with pytest.raises(OutputError, match="cannot be made"):
        open_run(tmp_path / "thesis.doc", {"verb": "census"})

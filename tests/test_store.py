"""Finished work is kept by key, and an output folder belongs to one run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from reid.errors import OutputError
from reid.store import MANY, RowStore, open_run

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


def test_small_parts_become_one_and_nothing_is_lost(tmp_path: Path) -> None:
    store, expected = RowStore(tmp_path / "rows", SCHEMA), {}
    for n in range(3 * MANY):
        key = f"k{n % 50}"
        store.add({key: {"value": n}})
        expected[key] = {"value": n}
        assert len(store.parts()) < MANY
        assert store.get([key]) == {key: {"value": n}}
    assert store.get(expected) == RowStore(tmp_path / "rows", SCHEMA).get(expected) == expected
    assert store.has(["k1", "k99"]) == {"k1"}
    assert dict(store.rows(expected)) == expected


def test_parts_that_another_one_put_together_are_found_again(tmp_path: Path) -> None:
    one, other = RowStore(tmp_path / "rows", SCHEMA), RowStore(tmp_path / "rows", SCHEMA)
    one.add({"a": {"value": 1}})
    assert other.get(["a"]) == {"a": {"value": 1}}
    for n in range(MANY):
        one.add({f"b{n}": {"value": n}})
    assert other.get(["a", "b3"]) == {"a": {"value": 1}, "b3": {"value": 3}}


def test_damaged_and_foreign_parts_are_never_put_together(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "rows", SCHEMA)
    store.add({"a": {"value": 1}})
    store.parts()[0].write_bytes(b"half a fi")
    RowStore(tmp_path / "rows", pa.schema([("other", pa.string())])).add({"c": {"other": "x"}})
    for n in range(MANY):
        store.add({f"b{n}": {"value": n}})
    assert store.get(["a", "b0"]) == {"b0": {"value": 0}}
    assert len(store.table()) == MANY


def test_one_row_is_found_without_reading_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RowStore(tmp_path / "rows", SCHEMA)
    for n in range(20):
        store.add({f"k{n}": {"value": n}})
    store.get(["k0"])
    opened, read = [], pyarrow.parquet.read_table
    monkeypatch.setattr("reid.store.pq.read_table", lambda path, **rest: opened.append(path) or read(path, **rest))
    monkeypatch.setattr("reid.store.pq.ParquetFile", None)
    assert store.get(["k7"]) == {"k7": {"value": 7}}
    assert len(opened) == 1


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


@pytest.mark.parametrize("said", ["[]", "3", '"census"', "{"])
def test_a_record_of_a_run_that_is_none_is_another_runs(tmp_path: Path, said: str) -> None:
    (tmp_path / "run.json").write_text(said)
    with pytest.raises(OutputError, match="holds another run"):
        open_run(tmp_path, {"verb": "census"})

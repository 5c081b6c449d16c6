"""Tables are checked at the door, and the same rows give the same bytes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from reid.errors import InputError, TableError
from reid.tables import (
    AT_ONCE,
    CROPS,
    DECISIONS,
    DETECTIONS,
    PHOTOS,
    PROBLEMS,
    check,
    empty,
    from_rows,
    read,
    records,
    write,
    write_csv,
)

DETECTION = {
    "detection_id": "a.jpg@0123456789ab#0",
    "image_id": "a.jpg@0123456789ab",
    "category": "animal",
    "confidence": 0.9,
    "bbox": [1, 2.5, 30, 40],
    "detector": "test",
}


def test_round_trip_keeps_every_value(tmp_path: Path) -> None:
    frame = from_rows([DETECTION], DETECTIONS)
    write(frame, tmp_path / "d.parquet", DETECTIONS)
    pd.testing.assert_frame_equal(read(tmp_path / "d.parquet", DETECTIONS), frame)
    assert read(tmp_path / "d.parquet", DETECTIONS)["bbox"][0] == [1.0, 2.5, 30.0, 40.0]


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(from_rows([DETECTION], DETECTIONS), tmp_path / name, DETECTIONS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_empty_tables_pass(tmp_path: Path) -> None:
    for table in (CROPS, DETECTIONS, DECISIONS, PROBLEMS):
        write(empty(table), tmp_path / "t", table)
        assert len(read(tmp_path / "t", table)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": "high"}, "confidence"),
        ({"category": None}, "category"),
    ],
)
def test_wrong_values_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(TableError, match=message):
        from_rows([{**DETECTION, **change}], DETECTIONS)


def test_missing_unknown_and_repeated(tmp_path: Path) -> None:
    frame = pd.DataFrame([DETECTION])
    with pytest.raises(TableError, match="lacks the column 'bbox'"):
        check(frame.drop(columns="bbox"), DETECTIONS)
    with pytest.raises(TableError, match="unknown columns 'colour'"):
        check(frame.assign(colour="red"), DETECTIONS)
    assert list(check(frame.assign(colour="red"), DETECTIONS, extra=True).columns)[-1] == "colour"
    with pytest.raises(TableError, match="detection_id"):
        check(pd.DataFrame([DETECTION, DETECTION]), DETECTIONS)
    with pytest.raises(InputError, match="an earlier stage writes it"):
        read(tmp_path / "none.parquet", DETECTIONS)
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(InputError, match="not a Parquet table"):
        read(tmp_path / "text.parquet", DETECTIONS)


def test_rows_are_those_of_pandas_and_of_pyarrow(tmp_path: Path) -> None:
    photos = [
        {
            "image_id": f"{n}.jpg@{n:012d}",
            "path": f"{n}.jpg",
            "width": width,
            "height": width,
            "date": date,
            "error": error,
        }
        for n, (width, date, error) in enumerate(
            [(1400, pd.Timestamp("2015-11-01 10:00"), None), (None, pd.NaT, "empty"), (900, None, pd.NA)]
        )
    ]
    frame = write(from_rows(photos, PHOTOS), tmp_path / "p.parquet", PHOTOS)
    # as the file has them, and as pandas goes through a table, column by column and one by one
    for row, plain, slow in zip(
        records(frame), pq.read_table(tmp_path / "p.parquet").to_pylist(), frame.itertuples(index=False), strict=True
    ):
        assert row._fields == slow._fields == tuple(PHOTOS.names)
        assert {k: None if pd.isna(v) else v for k, v in row._asdict().items()} == plain
        assert all(a is b or a == b for a, b in zip(row, slow, strict=True))
    assert [type(row.width) for row in records(frame)] == [int, type(pd.NA), int]
    assert list(records(pd.DataFrame({"a b": ["x"], "c": [1.5]}))) == [("x", 1.5)]
    assert [row.n for row in records(pd.DataFrame({"n": range(2 * AT_ONCE + 3)}))] == list(range(2 * AT_ONCE + 3))
    again = check(frame.astype({"path": object}), PHOTOS)
    pd.testing.assert_frame_equal(again, frame)


def test_csv_is_for_people(tmp_path: Path) -> None:
    write_csv(from_rows([DETECTION], DETECTIONS), tmp_path / "d.csv")
    assert '"[1, 2.5, 30, 40]"' in (tmp_path / "d.csv").read_text()

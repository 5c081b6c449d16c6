"""The stations table of a person: what is read, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.errors import FormatError, InputError, TableError
from reid.photos import read_stations
from reid.photos.stations import cameras_alone, natural, with_cameras

HEADER = "camera,location,latitude,longitude,start,end,clock_shift_s,time_zone\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "stations.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_whole_table(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "\ufeff" + HEADER + 'RL_10, "Ridge, left" ,-1.5,37.25,2012-06-01,2012-09-30,3600,Africa/Nairobi\r\n'
        "\r\nRL_5,Ridge,,,2012-06-01 17:30,,,\r\n",
    )
    table = read_stations(path)
    assert table["camera"].tolist() == ["RL_10", "RL_5"]
    assert table["station"].tolist() == ["Ridge, left", "Ridge"]
    assert table["source"].tolist() == ["table", "table"]
    first = table.iloc[0]
    assert (first["latitude"], first["longitude"], first["clock_shift_s"]) == (-1.5, 37.25, 3600)
    assert str(first["start"]) == "2012-06-01 00:00:00"
    assert str(first["end"]) == "2012-09-30 23:59:59"
    assert first["time_zone"] == "Africa/Nairobi"
    second = table.iloc[1]
    assert str(second["start"]) == "2012-06-01 17:30:00"
    assert second[["latitude", "longitude", "end", "clock_shift_s", "time_zone"]].isna().all()


def test_two_columns_are_enough_and_station_is_a_name_for_location(tmp_path: Path) -> None:
    table = read_stations(write(tmp_path, "station,camera\nGipfel,Kamera Süd\n"))
    assert table[["camera", "station"]].values.tolist() == [["Kamera Süd", "Gipfel"]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A,X,37.25,-1.5,,,,", None),
        ("A,X,137.25,-1.5,,,,", "row 2.*'latitude'.*137.25.*swapped"),
        ("A,X,95,120,,,,", "row 2.*'latitude'.*expected degrees from -90 to 90.$"),
        ("A,X,5,181,,,,", "row 2.*'longitude'.*'181'"),
        ("A,X,5,,,,,", "row 2.*'longitude'.*both"),
        ('A,X,"5,5",1,,,,', "row 2.*'latitude'.*'5,5'.*decimal point"),
        ("A,X,nan,1,,,,", "row 2.*'latitude'.*'nan'"),
        (",X,,,,,,", "row 2.*'camera'.*a name"),
        ("A,,,,,,,", "row 2.*'location'.*a name"),
        ("A,X,,,01/06/2012,,,", "row 2.*'start'.*'01/06/2012'.*2012-06-14"),
        ("A,X,,,2012-02-30,,,", "row 2.*'start'"),
        ("A,X,,,2012-06-02,2012-06-01,,", "row 2.*'end'.*2012-06-02"),
        ("A,X,,,2012-06-02 12:00,2012-06-02,,", None),
        ("A,X,,,,,1h,", "row 2.*'clock_shift_s'.*'1h'"),
        ("A,X,,,,,1e12,", "row 2.*'clock_shift_s'.*50 years"),
        ("A,X,,,,,,Mars/Base", "row 2.*'time_zone'.*'Mars/Base'"),
        ("A,X,,,,,,/etc/passwd", "row 2.*'time_zone'"),
        ("A,X,,,,,,UTC+2", "row 2.*'time_zone'"),
        ("A,X,,,,,,\nB,X,,,,,,\nA,Y,,,,,,", "camera 'A' in rows 2, 4 .*moved"),
        ("A,X,,,,,,,,9", "well-formed"),
    ],
)
def test_wrong_values_name_row_and_column(tmp_path: Path, row: str, message: str | None) -> None:
    path = write(tmp_path, HEADER + row + "\n")
    if message is None:
        assert len(read_stations(path)) == 1
        return
    with pytest.raises((TableError, FormatError), match=message) as caught:
        read_stations(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", InputError, "is empty"),
        (b"camera,location\n", InputError, "no rows"),
        (b"camera;location\nA;X\n", FormatError, "semicolons"),
        (b"camera\tlocation\nA\tX\n", FormatError, "tabs"),
        ("camera,location\nA,Süd\n".encode("latin1"), FormatError, "not UTF-8.*0xfc"),
        ("camera,location\nA,X\n".encode("utf-16"), FormatError, "not UTF-8"),
        (b"camera,location,camera\nA,X,B\n", FormatError, "'camera' more than once"),
        (b"name,location\nA,X\n", TableError, "lacks the column 'camera'; it has location, name"),
        (b"camera,place\nA,X\n", TableError, "lacks the column 'location'; it has camera, place"),
        (b"camera,location,station\nA,X,X\n", TableError, "both columns"),
        (b"camera,location,clock_shift\nA,X,3\n", TableError, "unknown columns 'clock_shift'"),
    ],
)
def test_files_that_are_no_stations_table(tmp_path: Path, content: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        read_stations(write(tmp_path, content))
    assert "stations.csv" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no CSV table at .*absent\.csv: no such file"):
        read_stations(tmp_path / "absent.csv")


def test_cameras_of_the_photos_join_the_table(tmp_path: Path) -> None:
    table = read_stations(write(tmp_path, "camera,location\nB,X\nunused,Y\n"))
    joined = with_cameras(table, ["A10", "B", "A9"], "stations.csv")
    assert joined[["camera", "station", "source"]].values.tolist() == [
        ["B", "X", "table"],
        ["unused", "Y", "table"],
        ["A9", "A9", "path"],
        ["A10", "A10", "path"],
    ]
    with pytest.raises(TableError, match="none of the photos' cameras: it has B, unused, the photos are of C"):
        with_cameras(table, ["C"], "stations.csv")


def test_accents_written_in_two_ways_are_one_camera(tmp_path: Path) -> None:
    table = read_stations(write(tmp_path, "camera,location\nSu\u0308d,X\n"))
    assert table["camera"].tolist() == ["S\u00fcd"]


@settings(deadline=None)
@given(st.lists(st.text("ab_09²٣", max_size=5), max_size=8))
def test_natural_order_is_total(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural) == sorted(backwards, key=natural)


def test_alone() -> None:
    table = cameras_alone(["c10", "c9", "c9"])
    assert table["camera"].tolist() == table["station"].tolist() == ["c9", "c10"]
    assert isinstance(table, pd.DataFrame) and set(table["source"]) == {"path"}

"""Tables as people and spreadsheets leave them: repaired by rule and said, or refused by row and column."""

from __future__ import annotations

import codecs
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid.errors import ConfigError, FormatError, InputError, TableError
from reid.formats import cells
from reid.formats.labels import read_labels
from reid.formats.model import Survey
from reid.formats.places import put_right
from reid.formats.sheet import sheet_of

GOOD = "path,identity,date,latitude,longitude,camera\na.jpg,Köhler,2012-07-22 01:53:20,27.5,90.25,c1\nb.jpg,M01,2012-07-23 02:00:00,27.25,90.5,c2\n"


def read(tmp_path: Path, content: bytes | str, **how: str) -> Survey:
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return read_labels(path, **how)


def said(survey: Survey) -> list[tuple]:
    return [(note.row, note.column, note.done) for note in survey.notes]


def test_a_spreadsheets_csv_is_the_same_survey(tmp_path: Path) -> None:
    good = read(tmp_path, GOOD)
    assert good.notes == ()
    mangled = (
        "path;identity;date;latitude;longitude;camera\r\n"
        "a.jpg;Köhler;41112,0787037037;27,5;90,25;c1\r\n"
        "\r\n"
        "b.jpg;M01;23.07.2012 02:00;27,25;90,5;c2\r\n"
    )
    survey = read(tmp_path, codecs.BOM_UTF8 + mangled.encode())
    for name in ("photos", "deployments", "animals"):
        frame = getattr(survey, name).drop(columns="animal_id", errors="ignore")
        pd.testing.assert_frame_equal(frame, getattr(good, name).drop(columns="animal_id", errors="ignore"))
    assert said(survey) == [
        (1, None, "repaired"), (1, None, "repaired"), (2, "date", "repaired"), (2, "latitude", "repaired"),
        (2, "longitude", "repaired"), (4, "date", "repaired"), (4, "latitude", "repaired"), (4, "longitude", "repaired"),
    ]  # fmt: skip
    assert read(tmp_path, GOOD.encode("utf-16")).animals["identity"].tolist() == ["Köhler", "M01"]


def test_other_encodings_are_refused_by_row_and_column_until_they_are_named(tmp_path: Path) -> None:
    content = GOOD.encode("cp1252")
    with pytest.raises(FormatError, match=r"t\.csv, row 2, column 2: byte 0xf6 is not UTF-8.*encoding=cp1252"):
        read(tmp_path, content)
    assert read(tmp_path, content, encoding="cp1252").animals["identity"][0] == "Köhler"
    with pytest.raises(ConfigError, match="encoding='klingon'"):
        read(tmp_path, content, encoding="klingon")
    with pytest.raises(FormatError, match="zero bytes"):
        read(tmp_path, b"path,identity\n\0\0,b\n")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", InputError, "is empty"),
        ("path,path\na,b\n", FormatError, "'path' more than once"),
        ("path,identity\na,b,c\n", FormatError, r"row 2 .*3 values under 2 columns"),
        ('path,identity\na,"b\n', FormatError, "not well-formed"),
        ("photo,identity\na,b\n", FormatError, "no table of labels that is known"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        read(tmp_path, text)
    with pytest.raises(TableError, match="lacks the column 'path'"):
        read_labels(_write(tmp_path, "identity,individual\na,b\n"), "wildlife")


def _write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "u.csv").write_text(text)
    return tmp_path / "u.csv"


def test_days_and_months_are_told_by_the_column_or_asked_for(tmp_path: Path) -> None:
    rows = "path,identity,date\na,x,03/04/2012\nb,x,25/04/2012\nc,x,31/02/2012\n"
    survey = read(tmp_path, rows)
    assert [str(date)[:10] for date in survey.photos["date"]] == ["2012-04-03", "2012-04-25", "NaT"]
    assert said(survey)[-1] == (4, "date", "left out")
    both = "path,identity,date\na,x,03/04/2012\nb,x,05/06/2012\n"
    survey = read(tmp_path, both)
    assert survey.photos["date"].isna().all()
    assert "dates=dmy or dates=mdy" in survey.notes[0].reason
    assert str(read(tmp_path, both, order="mdy").photos["date"][0])[:10] == "2012-03-04"


def test_a_photo_keeps_its_row_where_a_cell_is_wrong(tmp_path: Path) -> None:
    survey = read(tmp_path, GOOD.replace("2012-07-22 01:53:20", "2012-02-30").replace("27.25", "north"))
    assert len(survey.photos) == len(survey.animals) == 2
    assert (2, "date", "left out") in said(survey) and (3, "latitude", "left out") in said(survey)


def test_spellings_of_unknown() -> None:
    for name in (
        "",
        "unknown",
        "UNKNOWN",
        "Unidentified",
        "____",
        "NA",
        "n/a",
        "unid.",
        "Leopard_African_Unknown_NA",
        "?",
        " - ",
    ):
        assert cells.identity(name) == "unknown", name
    for name in ("M01", "Unknown 7", "unknown-male-2", "Nanuk", "Naname", "0", "Undine"):
        assert cells.identity(name) == name


def place(camera: str, latitude: float | None, longitude: float | None, **more: object) -> dict:
    return {"camera": camera, "latitude": latitude, "longitude": longitude, "start": None, "end": None, **more}


def test_swapped_coordinates() -> None:
    # India: 78 degrees east is a possible latitude, so that only the other places tell
    places = [place("a", 27.5, 78.1), place("b", 78.2, 27.4), place("c", 27.6, 78.0), place("d", 27.4, 78.2)]
    notes = put_right(places, "t.csv", [2, 3, 4, 5])
    assert [(note.row, note.done) for note in notes] == [(3, "repaired")]
    assert (places[1]["latitude"], places[1]["longitude"]) == (27.4, 78.2)
    for latitude, longitude, done, after in [
        (120.5, 27.0, "repaired", (27.0, 120.5)), (0.0, 0.0, "left out", (None, None)), (27.0, None, "left out", (None, None)),
        (27.0, 400.0, "left out", (None, None)), (200.0, 27.0, "left out", (None, None)),
    ]:  # fmt: skip
        one = [place("a", latitude, longitude)]
        assert put_right(one, "t.csv", [2])[0].done == done
        assert (one[0]["latitude"], one[0]["longitude"]) == after
    far = [place("a", 27.5, 78.1), place("b", 10.0, 60.0), place("c", 27.6, 78.0)]
    assert put_right(far, "t.csv", [2, 3, 4]) == []


def test_two_deployments_at_once() -> None:
    june, july, august = (pd.Timestamp(f"2012-0{month}-01") for month in (6, 7, 8))
    places = [place("a", 1.0, 2.0, camera_id="x", start=june, end=july), place("b", 1.0, 2.0, camera_id="x", start=july, end=august)]  # fmt: skip
    assert put_right(places, "t.csv", [2, 3]) == []
    places[1]["start"] = june
    assert [(note.row, note.column) for note in put_right(places, "t.csv", [2, 3])] == [(3, "start")]


@given(st.datetimes(datetime(1955, 1, 1), datetime(2100, 1, 1)))
def test_serial_dates_are_those_of_pandas(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    days = (moment - datetime(1899, 12, 30)) / timedelta(days=1)
    read = cells.time(f"{days:.9f}")
    assert read is not None and abs(datetime(*read.timetuple()[:6]) - moment) <= timedelta(seconds=1)
    assert pd.Timestamp("1899-12-30") + pd.to_timedelta(round(days * 86400), "s") == pd.Timestamp(str(read))


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6), min_size=2, max_size=2), max_size=5), st.sampled_from([",", ";", "\t"]))  # fmt: skip
def test_cells_arrive_as_written(rows: list[list[str]], separator: str) -> None:
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerow(["one", "two"])
    writer.writerows(rows)
    sheet = sheet_of(text.getvalue().encode(), "t.csv")
    assert [[row.values["one"], row.values["two"]] for row in sheet.rows] == [
        r for r in rows if any(v.strip() for v in r)
    ]

"""Labelled tables: published ones, a worked example, and every wrong value."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

import reid.photos.files as files
from reid.errors import FormatError, InputError, TableError
from reid.photos import read_labelled
from reid.tables import CROPS, PROBLEMS, check, read, write

Make = Callable[..., Path]


def table(folder: Path, text: str | bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_worked_example(tmp_path: Path, make_photo: Make) -> None:
    first = make_photo("photos/a 1.jpg", size=(40, 30))
    make_photo("photos/turned.jpg", size=(40, 30), seed=1, orientation=6)
    path = table(
        tmp_path,
        "image_id,path,identity,bbox,orientation,date,station,encounter,split,species\n"
        '7,photos/a 1.jpg,Cat21,"[1, 2, 3.5, 4]",Left ,2012-07-22 01:53:20,S1,e1,train,snow leopard\n'
        '8,./photos/a 1.jpg,____,"[30, -5, 20, 10]",,NA,,,,\n'
        "9,photos\\turned.jpg,UNKNOWN,,unknown,2012-07-22,,,test,\n",
    )
    crops, problems = read_labelled(path)
    hashed = sha256(first.read_bytes()).hexdigest()
    assert len(problems) == 0
    assert crops.columns.tolist() == [*CROPS.names, "split", "species", "label_id"]
    one, two, three = (crops.iloc[n] for n in range(3))
    assert one["crop_id"] == f"photos/a 1.jpg@{hashed[:12]}#0" and two["crop_id"] == f"photos/a 1.jpg@{hashed[:12]}#1"
    assert one["image_id"] == f"photos/a 1.jpg@{hashed[:12]}" and one["content_hash"] == hashed
    assert crops["identity"].tolist() == ["Cat21", "unknown", "unknown"]
    assert crops["bbox"].tolist() == [[1, 2, 3.5, 4], [30, 0, 10, 5], [0, 0, 30, 40]]
    assert crops["orientation"].tolist() == ["left", "unknown", "unknown"]
    assert crops["orientation_probability"].isna().tolist() == [False, True, True]
    assert crops["confidence"].tolist() == [1, 1, 1]
    assert [str(date) for date in crops["date"]] == ["2012-07-22 01:53:20", "NaT", "2012-07-22 00:00:00"]
    assert (one["station"], one["encounter"], one["split"], one["species"]) == (
        "S1",
        "e1",
        "train",
        "snow leopard",
    )
    assert two[["station", "encounter", "split", "species", "camera", "sequence"]].isna().all()
    assert three["path"] == "photos/turned.jpg" and three["split"] == "test"
    assert crops["label_id"].tolist() == ["7", "8", "9"]
    write(crops, tmp_path / "crops.parquet", CROPS, extra=True)
    again = read(tmp_path / "crops.parquet", CROPS, extra=True)
    assert again["crop_id"].tolist() == crops["crop_id"].tolist()


def test_the_snow_leopards(snow_leopards: Path) -> None:
    crops, problems = read_labelled(snow_leopards / "crops.csv")
    plain = pd.read_csv(snow_leopards / "crops.csv")
    assert len(crops) == len(plain) == 29 and len(problems) == 0
    for column in ("path", "identity", "orientation"):
        assert crops[column].tolist() == plain[column].tolist()
    assert (
        crops["bbox"].map(lambda box: "[" + ", ".join(f"{x:g}" for x in box) + "]").tolist() == plain["bbox"].tolist()
    )
    assert crops["crop_id"].is_unique


def test_rows_that_cannot_be_used_are_problems(tmp_path: Path, make_photo: Make) -> None:
    make_photo("a.jpg", size=(40, 30))
    (tmp_path / "empty.jpg").touch()
    crops, problems = read_labelled(
        table(
            tmp_path,
            "path,identity,bbox\na.jpg,x,\nabsent.jpg,x,\nabsent.jpg,x,\nempty.jpg,x,\n"
            'a.jpg,x,"[40, 0, 5, 5]"\na.jpg,x,"[5, 5, 0, 9]"\na.jpg,y,"[39, 29, 5, 5]"\n',
        )
    )
    assert [crop.split("#")[1] for crop in crops["crop_id"]] == ["0", "3"]
    assert crops["bbox"].tolist() == [[0, 0, 40, 30], [39, 29, 1, 1]]
    assert problems.values.tolist() == [
        ["scan", "absent.jpg", "no such file"],
        ["scan", "empty.jpg", "empty file (0 bytes)"],
        ["scan", "a.jpg", "the box [40, 0, 5, 5] covers no pixel of the photo (40 x 30)"],
        ["scan", "a.jpg", "the box [5, 5, 0, 9] covers no pixel of the photo (40 x 30)"],
    ]
    check(problems, PROBLEMS)


def test_no_row_left_is_an_empty_table(tmp_path: Path) -> None:
    crops, problems = read_labelled(table(tmp_path, "path,identity,note\nabsent.jpg,x,hm\n"))
    assert len(crops) == 0 and len(problems) == 1
    assert crops.columns.tolist() == [*CROPS.names, "split", "note"]
    check(crops, CROPS, extra=True)


def test_queries_need_no_identity(tmp_path: Path, make_photo: Make) -> None:
    make_photo("a.jpg")
    path = table(tmp_path, "path\na.jpg\n")
    with pytest.raises(TableError, match="lacks the column 'identity'; it has path"):
        read_labelled(path)
    crops, _ = read_labelled(path, identity_required=False)
    assert crops["identity"].tolist() == ["unknown"]


@pytest.mark.parametrize("text", ["[1, 2, 3, 4]", "(1.0, 2, 3, 4)", "[1. 2. 3. 4.]", "1 2 3 4", "[ 1,2,3,4 ]"])
def test_boxes_as_programs_print_them(tmp_path: Path, make_photo: Make, text: str) -> None:
    make_photo("a.jpg")
    crops, _ = read_labelled(table(tmp_path, f'path,identity,bbox\na.jpg,x,"{text}"\n'))
    assert crops["bbox"].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (
            "path,identity,orientation",
            "a.jpg,x,l",
            "row 3.*'orientation'.*'l'.*left, right, front, back, unknown",
        ),
        ("path,identity,bbox", 'a.jpg,x,"[1, 2, 3]"', r"row 3.*'bbox'.*\[1, 2, 3\]"),
        ("path,identity,bbox", 'a.jpg,x,"[1, 2, 3, inf]"', "row 3.*'bbox'"),
        ("path,identity,bbox", "a.jpg,x,os.remove()", "row 3.*'bbox'"),
        ("path,identity,bbox", "a.jpg,x,[1, 2, 3, 4]", "well-formed CSV.*quotes"),
        ("path,identity,date", "a.jpg,x,22.7.2012", "row 3.*'date'.*'22.7.2012'"),
        ("path,identity,confidence", "a.jpg,x,1.2", "row 3.*'confidence'.*'1.2'"),
        ("path,identity", ",x", "row 3.*'path'.*''"),
        ("path,identity", "/data/a.jpg,x", "row 3.*'path'.*relative"),
        ("path,identity", "C:\\data\\a.jpg,x", "row 3.*'path'.*relative"),
    ],
)
def test_wrong_values_name_row_and_column(tmp_path: Path, header: str, row: str, message: str) -> None:
    good = "a.jpg,x" + "," * (header.count(",") - 1)
    with pytest.raises((TableError, FormatError), match=message) as caught:
        read_labelled(table(tmp_path, f"{header}\n{good}\n{row}\n"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", InputError, "empty"),
        (b"path,identity\n", InputError, "no rows"),
        (b"path;identity\na.jpg;x\n", FormatError, "semicolons"),
        ("path,identity\na.jpg,Käthe\n".encode("cp1252"), FormatError, "not UTF-8"),
        (b"file,identity\na.jpg,x\n", TableError, "lacks the column 'path'"),
    ],
)
def test_files_that_are_no_labelled_table(tmp_path: Path, content: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_labelled(table(tmp_path, content))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no CSV table at .*absent.csv: no such file"):
        read_labelled(tmp_path / "absent.csv")
    with pytest.raises(InputError, match=r"no CSV table at .*a folder, not a file"):
        read_labelled(tmp_path)


def test_row_numbers_column_of_pandas_is_passed_over(tmp_path: Path, make_photo: Make) -> None:
    make_photo("a.jpg")
    pd.DataFrame({"path": ["a.jpg"], "identity": ["Zoë"]}).to_csv(tmp_path / "labels.csv")
    crops, _ = read_labelled(tmp_path / "labels.csv")
    assert crops["identity"].tolist() == ["Zoë"]
    assert crops.columns.tolist() == [*CROPS.names, "split"]


def test_hashes_are_kept(tmp_path: Path, make_photo: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make_photo("a.jpg")
    path = table(tmp_path, "path,identity\na.jpg,x\na.jpg,y\n")
    one, _ = read_labelled(path, cache=tmp_path / "cache")
    monkeypatch.setattr(files, "inspect", None)
    two, _ = read_labelled(path, cache=tmp_path / "cache")
    pd.testing.assert_frame_equal(one, two)

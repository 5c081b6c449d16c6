"""Scanning folders: real ones against their published tables, and made-up trees with every fault."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

import reid.photos.files as files
import reid.photos.header as header
from reid.errors import ConfigError, InputError, TableError
from reid.photos import ScanSettings, scan, scan_problems
from reid.photos.scan import camera_of
from reid.tables import PHOTOS, STATIONS, check, read, write

Make = Callable[..., Path]


def test_the_jaguars(jaguars: Path) -> None:
    photos, _ = scan(jaguars)
    assert len(photos) == 19
    assert photos["path"].tolist() == sorted(photos["path"])
    row = photos.set_index("path").loc["RL_10/20051003_1721.jpg"]
    content = (jaguars / "RL_10/20051003_1721.jpg").read_bytes()
    assert row["content_hash"] == sha256(content).hexdigest()
    assert row["image_id"] == f"RL_10/20051003_1721.jpg@{row['content_hash'][:12]}"
    assert (row["bytes"], row["width"], row["height"], row["exif_orientation"]) == (
        len(content),
        1400,
        946,
        1,
    )
    assert (row["camera"], row["station"]) == ("RL_10", "RL_5+RL_10")
    assert (str(row["date"]), row["date_source"]) == ("2005-10-03 17:21:00", "path")
    assert row["sequence"] == "RL_5+RL_10/2005-10-03T17:21:00"
    assert photos["error"].isna().all()


def test_the_odd_photos(camera_traps: Path) -> None:
    photos, stations = scan(camera_traps)
    photos = photos.set_index("path")
    bad = photos[photos["error"].notna()]
    assert bad["error"].to_dict() == {"african_elephants_truncated_file.jpg": "truncated after 600000 bytes"}
    assert bad["content_hash"].notna().all()
    turned = photos.loc["african_elephants_with_exif_orientation.jpg"]
    assert (turned["width"], turned["height"], turned["exif_orientation"]) == (2048, 1536, 6)
    assert str(turned["date"]) == "2010-08-04 08:43:15" and turned["date_source"] == "exif"
    undated = photos.loc["african_elephants_bw.jpg"]
    assert pd.isna(undated["date"]) and undated["date_source"] == "none"
    assert undated["sequence"] == undated["image_id"]
    assert stations["camera"].tolist() == ["camera"]
    problems = scan_problems(photos.reset_index())
    assert problems.values.tolist() == [
        ["scan", "african_elephants_truncated_file.jpg", "truncated after 600000 bytes"]
    ]


def test_the_snow_leopards(snow_leopards: Path, tmp_path: Path) -> None:
    truth = pd.read_csv(snow_leopards / "photos.csv", parse_dates=["date"])
    truth["path"] = truth["path"].str.removeprefix("photos/")
    table = tmp_path / "stations.csv"
    table.write_text(
        "camera,location,clock_shift_s\nstation04_camera2,s4,3600\nstation05_camera1,s5,\n"
    )  # the clock of the one was on winter time
    photos, stations = scan(snow_leopards / "photos", ScanSettings(stations=str(table)))
    both = truth.merge(photos, on="path", suffixes=("_true", ""), validate="one_to_one")
    assert len(both) == len(photos) == 113
    assert (both["camera"] == both["station_true"]).all()
    off = (both["date"] - both["date_true"]).dt.total_seconds().abs()
    assert (off[both["date_source"] == "path"] == 0).all()
    assert (off[both["date_source"] == "exif"] <= 1).all()  # the table's authors rounded some
    assert both["date_source"].value_counts().to_dict() == {"path": 109, "exif": 4}
    assert dict(zip(stations["camera"], stations["station"], strict=True)) == {
        "station04_camera2": "s4",
        "station05_camera1": "s5",
        "station14_camera1": "station14_camera1",
    }
    by_station = truth.sort_values(["station", "date"]).groupby("station")["date"]
    assert photos["sequence"].nunique() == (by_station.diff().isna() | (by_station.diff() > "60s")).sum()


def test_everything_that_can_be_wrong_with_a_file(tmp_path: Path, make_photo: Make) -> None:
    good = make_photo("cam/good.jpg", taken="2012:07:22 00:53:20")
    (tmp_path / "cam/empty.jpg").touch()
    (tmp_path / "cam/text.jpg").write_text("no photo")
    (tmp_path / "cam/cut.jpg").write_bytes(good.read_bytes()[:-2])
    (tmp_path / "cam/20120722_0153 dangling.jpg").symlink_to("nowhere")
    (tmp_path / "cam/loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "cam/linked.jpg").symlink_to("good.jpg")
    (tmp_path / "cam/notes.txt").write_text("no photo and not named so")
    (tmp_path / "cam/._good.jpg").write_text("what macOS leaves")
    make_photo("cam/.hidden/a.jpg")
    make_photo("cam/@eaDir/thumbnail.jpg")
    make_photo("cam/folder.jpg/INSIDE.JPG")
    os.mkfifo(tmp_path / "cam/pipe.jpg")
    photos, _ = scan(tmp_path)
    errors = photos.set_index("path")["error"]
    assert errors.dropna().to_dict() == {
        "cam/20120722_0153 dangling.jpg": "broken link",
        "cam/cut.jpg": f"truncated after {good.stat().st_size - 2} bytes",
        "cam/empty.jpg": "empty file (0 bytes)",
        "cam/loop.jpg": errors["cam/loop.jpg"],
        "cam/pipe.jpg": "not a regular file",
        "cam/text.jpg": "not an image (of JPEG, PNG, TIFF, WebP or BMP)",
    }
    assert "symbolic link" in errors["cam/loop.jpg"]
    assert errors[errors.isna()].index.tolist() == [
        "cam/folder.jpg/INSIDE.JPG",
        "cam/good.jpg",
        "cam/linked.jpg",
    ]
    row = photos.set_index("path").loc["cam/20120722_0153 dangling.jpg"]
    assert row["image_id"] == "cam/20120722_0153 dangling.jpg@unreadable00"
    assert str(row["date"]) == "2012-07-22 01:53:00"
    empty = photos.set_index("path").loc["cam/empty.jpg"]
    assert empty["image_id"] == "cam/empty.jpg@e3b0c44298fc" and empty["bytes"] == 0


def test_files_and_folders_without_permission(tmp_path: Path, make_photo: Make) -> None:
    make_photo("cam/good.jpg")
    make_photo("cam/locked.jpg").chmod(0)
    if os.access(tmp_path / "cam/locked.jpg", os.R_OK):
        pytest.skip("the superuser may read everything")
    make_photo("shut/a.jpg").parent.chmod(0)
    photos, _ = scan(tmp_path, cache=tmp_path / "cache")
    (tmp_path / "shut").chmod(0o700)
    (tmp_path / "cam/locked.jpg").chmod(0o600)
    errors = photos.set_index("path")["error"]
    assert errors["cam/locked.jpg"] == "permission denied"
    assert errors["shut/"] == "the folder cannot be listed: permission denied"
    again, _ = scan(tmp_path, cache=tmp_path / "cache")
    assert again["error"].isna().all() and len(again) == 3


def test_a_file_that_cannot_be_read_now_is_tried_again(
    tmp_path: Path, make_photo: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_photo("cam/a.jpg")

    def refuse(path: Path) -> None:
        raise header.UnreadableError("permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(files, "open_file", refuse)
        photos, _ = scan(tmp_path, cache=tmp_path / "cache")
    assert photos["error"].tolist() == ["permission denied"]
    assert photos["image_id"].tolist() == ["cam/a.jpg@unreadable00"]
    again, _ = scan(tmp_path, cache=tmp_path / "cache")
    assert again["error"].isna().all()


def test_a_folder_that_cannot_be_listed_is_a_row(
    tmp_path: Path, make_photo: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_photo("cam/good.jpg")
    make_photo("shut/a.jpg")
    real = os.scandir

    def scandir(path: Path):  # type: ignore[no-untyped-def]
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    photos, stations = scan(tmp_path)
    assert photos["path"].tolist() == ["cam/good.jpg", "shut/"]
    assert photos["error"][1] == "the folder cannot be listed: permission denied"
    assert stations["camera"].tolist() == ["cam"]


def test_names_of_every_alphabet(tmp_path: Path, make_photo: Make) -> None:
    names = [
        "камера 1/фото 20120722_0153.jpg",
        "相机/照片.jpg",
        "with space/a #1@b.jpg",
        unicodedata.normalize("NFD", "süd/ü.jpg"),
    ]
    for seed, name in enumerate(names):
        make_photo(name, seed=seed)
    photos, stations = scan(tmp_path)
    assert photos["path"].tolist() == sorted(names)
    assert photos["error"].isna().all()
    assert set(stations["camera"]) == {"камера 1", "相机", "with space", "süd"}  # composed, as people type
    write(photos, tmp_path / "photos.parquet", PHOTOS)
    pd.testing.assert_frame_equal(read(tmp_path / "photos.parquet", PHOTOS), photos)


def test_a_name_that_is_not_utf8_is_a_row(tmp_path: Path, make_photo: Make) -> None:
    made = make_photo("cam/a.jpg")
    try:
        made.rename(os.fsdecode(bytes(made.parent) + b"/caf\xe9.jpg"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    photos, _ = scan(tmp_path, cache=tmp_path / "cache")
    assert photos["path"].tolist() == ["cam/caf\\udce9.jpg"]
    assert photos["error"].tolist() == ["the name is not UTF-8; rename the file"]
    write(photos, tmp_path / "photos.parquet", PHOTOS)


def test_same_name_and_same_content_stay_apart(tmp_path: Path, make_photo: Make) -> None:
    make_photo("a/IMG_0001.jpg", seed=1)
    make_photo("b/IMG_0001.jpg", seed=2)
    make_photo("c/IMG_0001.jpg", seed=2)
    photos, _ = scan(tmp_path)
    assert photos["image_id"].nunique() == 3
    assert photos["content_hash"].nunique() == 2


def test_linked_folders_are_followed_but_not_in_circles(tmp_path: Path, make_photo: Make) -> None:
    make_photo("photos/cam/a.jpg")
    make_photo("elsewhere/b.jpg")
    (tmp_path / "photos/cam/up").symlink_to(tmp_path / "photos")
    (tmp_path / "photos/cam/self").symlink_to(".")
    (tmp_path / "photos/other").symlink_to(tmp_path / "elsewhere")
    photos, _ = scan(tmp_path / "photos")
    assert photos["path"].tolist() == ["cam/a.jpg", "other/b.jpg"]


def test_folders_that_are_no_photo_folders(tmp_path: Path, make_photo: Make) -> None:
    with pytest.raises(InputError, match=r"no photo folder at .*absent: no such file"):
        scan(tmp_path / "absent")
    with pytest.raises(InputError, match="is a file, expected a folder"):
        scan(make_photo("a.jpg"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.txt").touch()
    with pytest.raises(InputError, match=r"no photos in .*; looked for files ending in \.jpg, \.jpeg, "):
        scan(tmp_path / "b")
    with pytest.raises(InputError, match=r"ending in \.png\."):
        scan(tmp_path, ScanSettings(extensions=(".PNG",)))


@pytest.mark.parametrize(
    ("path", "settings", "camera"),
    [
        ("site/cam/a.jpg", {}, "site"),
        ("site/cam/a.jpg", {"camera_level": 2}, "cam"),
        ("site/cam/a.jpg", {"camera_level": -1}, "cam"),
        ("site/cam/a.jpg", {"camera_level": -2}, "site"),
        ("site/cam/a.jpg", {"camera_level": 0}, "camera"),
        ("site/cam/a.jpg", {"camera_level": 5}, "cam"),
        ("site/cam/a.jpg", {"camera_level": -5}, "site"),
        ("a.jpg", {}, "camera"),
        ("a.jpg", {"camera_level": -1}, "camera"),
        ("site/C12-0001.jpg", {"camera_pattern": r"(?P<camera>C\d+)-"}, "C12"),
        ("site/x.jpg", {"camera_pattern": r"(?P<camera>C\d+)-"}, "site"),
        ("C9-1.jpg", {"camera_pattern": r"(?P<camera>C\d+)-", "camera_level": 0}, "C9"),
    ],
)
def test_camera_of_a_path(path: str, settings: dict, camera: str) -> None:
    assert camera_of(path, ScanSettings(**settings)) == camera


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"camera_level": 1.5}, "camera_level.*1.5"),
        ({"camera_level": True}, "camera_level"),
        ({"camera_pattern": "("}, "camera_pattern is not a regular"),
        ({"camera_pattern": "x"}, "camera_pattern lacks the group"),
        ({"time_pattern": "x"}, "time_pattern lacks"),
        ({"sequence_gap_s": -1}, "sequence_gap_s.*-1"),
        ({"sequence_gap_s": float("nan")}, "sequence_gap_s"),
        ({"sequence_gap_s": "60"}, "sequence_gap_s"),
        ({"extensions": ".jpg"}, "extensions"),
        ({"extensions": ()}, "extensions"),
        ({"extensions": ["jpg"]}, "extensions.*'jpg'"),
    ],
)
def test_settings_that_are_wrong(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ScanSettings(**settings)


def test_a_wrong_stations_table_is_found_before_the_photos_are_read(
    jaguars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "inspect", None)
    with pytest.raises(InputError, match="no such file"):
        scan(jaguars, ScanSettings(stations=str(tmp_path / "absent.csv")))


def test_a_stations_table_of_another_survey_is_refused(jaguars: Path, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("camera,location\nX1,here\n")
    with pytest.raises(TableError, match="none of the photos' cameras"):
        scan(jaguars, ScanSettings(stations=str(tmp_path / "s.csv")))


def test_what_is_kept_is_not_read_again(tmp_path: Path, make_photo: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        make_photo(f"cam/{n}.jpg", seed=n, taken=f"2012:07:22 00:5{n}:00", orientation=n)
    (tmp_path / "cam/empty.jpg").touch()
    (tmp_path / "cam/dangling.jpg").symlink_to("nowhere")
    read_files: list[str] = []
    real = files.inspect

    def counted(path: Path) -> files.PhotoFile:
        read_files.append(path.name)
        return real(path)

    monkeypatch.setattr(files, "inspect", counted)
    monkeypatch.setattr(files, "PART", 2)
    plain = scan(tmp_path)
    read_files.clear()
    first = scan(tmp_path, cache=tmp_path / "cache")
    assert len(read_files) == 7
    read_files.clear()
    second = scan(tmp_path, cache=tmp_path / "cache")
    assert read_files == ["dangling.jpg"]
    make_photo("cam/3.jpg", seed=30, size=(50, 50))
    read_files.clear()
    third, _ = scan(tmp_path, cache=tmp_path / "cache")
    assert sorted(read_files) == ["3.jpg", "dangling.jpg"]
    for one, two in zip(plain + plain, first + second, strict=True):
        pd.testing.assert_frame_equal(one, two)
    assert third.set_index("path").loc["cam/3.jpg", "width"] == 50
    assert third["image_id"].iloc[0] == plain[0]["image_id"].iloc[0]


def test_a_killed_scan_keeps_what_it_read(tmp_path: Path, make_photo: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(6):
        make_photo(f"cam/{n}.jpg", seed=n)
    real, seen = files.inspect, []

    def dies(path: Path) -> files.PhotoFile:
        seen.append(path.name)
        if path.name == "4.jpg":
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(files, "PART", 2)
    monkeypatch.setattr(files, "inspect", dies)
    with pytest.raises(KeyboardInterrupt):
        scan(tmp_path, cache=tmp_path / "cache")
    monkeypatch.setattr(files, "inspect", lambda path: seen.append(path.name) or real(path))
    seen.clear()
    scan(tmp_path, cache=tmp_path / "cache")
    assert sorted(seen) == ["4.jpg", "5.jpg"]


def test_tables_are_of_their_kind_and_the_same_each_time(tmp_path: Path, make_photo: Make) -> None:
    make_photo("b/1.jpg", taken="2012:07:22 00:53:20")
    make_photo("a/1.png")
    one, two = scan(tmp_path), scan(tmp_path)
    for table, first, second in zip((PHOTOS, STATIONS), one, two, strict=True):
        pd.testing.assert_frame_equal(check(first, table), first)
        pd.testing.assert_frame_equal(first, second)
    assert str(tmp_path) not in one[0].to_csv() + one[1].to_csv()

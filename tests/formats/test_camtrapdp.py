"""Camtrap DP: a package in and the same out, names filled in, faults of the source named by row and column."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from reid.errors import ConfigError, FormatError, InputError
from reid.formats.camtrapdp_read import read_camtrapdp
from reid.formats.camtrapdp_schema import columns, validate_package
from reid.formats.camtrapdp_write import write_camtrapdp
from reid.formats.model import Survey, make_survey
from reid.formats.settings import PackageSettings
from reid.tables import PHOTOS, check

Make = Callable[..., Path]


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def said(survey: Survey, column: str) -> list[tuple[int | None, str, str]]:
    return [(note.row, note.done, note.reason) for note in survey.notes if note.column == column]


def named(survey: Survey, animal: str, identity: str, **more: object) -> Survey:
    animals = survey.animals.copy()
    row = animals["animal_id"] == animal
    for column, value in {"identity": identity, **more}.items():
        animals.loc[row, column] = value
    return replace(survey, animals=animals)


def test_what_a_package_says(make_package: Make) -> None:
    survey = read_camtrapdp(make_package())
    assert check(survey.photos, PHOTOS)["path"].tolist() == [
        "d1/IMG_1.jpg",
        "d2/IMG_1.jpg",
        "d3/IMG_7.jpg",
        "d3/IMG_8.jpg",
    ]
    assert survey.photos["station"].tolist() == ["north", "north", "south", "south"]
    assert survey.photos["date"].iloc[0] == pd.Timestamp("2015-06-03 14:22:05")
    first = survey.deployments.iloc[0]
    assert (first["camera"], first["station"], first["camera_id"], first["utc_offset"]) == (
        "d1",
        "north",
        "cam-1",
        "+06:00",
    )
    assert (first["latitude"], first["longitude"], str(first["end"])) == (27.5, 90.25, "2015-08-31 23:59:59")
    one, two, three = (survey.animals.iloc[i] for i in range(3))
    assert (one["identity"], one["orientation"], one["sex"], one["bbox"]) == (
        "M01",
        "left",
        "male",
        [0.25, 0.5, 0.5, 0.25],
    )
    assert (two["identity"], two["probability"], two["encounter"]) == ("unknown", 0.91, "e1")
    assert (three["identity"], three["bbox"]) == ("unknown", None)
    assert said(survey, "individualID") == [(4, "repaired", "a spelling of unknown")]
    assert len(survey.animals) == 3


def test_the_package_of_the_fixture_is_valid(make_package: Make) -> None:
    assert validate_package(make_package()) == []


@pytest.mark.parametrize("version", ["1.0", "1.0.1", "1.0.2"])
def test_a_package_written_again_has_lost_nothing(make_package: Make, tmp_path: Path, version: str) -> None:
    source = make_package()
    text = (source / "datapackage.json").read_text().replace("camtrap-dp/1.0.1/", f"camtrap-dp/{version}/")
    (source / "datapackage.json").write_text(text)
    assert write_camtrapdp(read_camtrapdp(source), tmp_path / "out") == []
    for name in ("deployments", "media", "observations"):
        assert (tmp_path / "out" / f"{name}.csv").read_bytes() == (source / f"{name}.csv").read_bytes()
    before, after = (json.loads((folder / "datapackage.json").read_text()) for folder in (source, tmp_path / "out"))
    assert after["profile"].endswith("/1.0.2/camtrap-dp-profile.json")
    assert (tmp_path / "out" / "extra" / "rangers.csv").read_bytes() == b"name\nUgyen\n"
    assert after["project"] == {**before["project"], "individualAnimals": True}
    for key in ("created", "title", "id", "contributors", "spatial", "temporal", "taxonomic"):
        assert after[key] == before[key]
    assert [r for r in after["resources"] if r["name"] == "individuals"] == [before["resources"][3]]
    assert [row["individualID"] for row in rows(tmp_path / "out", "individuals-reid")] == ["M01"]
    assert validate_package(tmp_path / "out") == []


def test_a_new_name_fills_its_row_and_adds_its_event(make_package: Make, tmp_path: Path) -> None:
    survey = read_camtrapdp(make_package())
    survey = named(
        survey, "o2", "M01", orientation="right", method="machine", by="reid 1", probability=0.97, decision="known"
    )
    assert write_camtrapdp(survey, tmp_path / "out") == []
    before, after = rows(tmp_path / "package", "observations"), rows(tmp_path / "out", "observations")
    changed = {name: after[1][name] for name in after[1] if after[1][name] != before[1][name]}
    assert changed == {"individualID": "M01", "observationTags": "flank:right", "classifiedBy": "reid 1", "classificationProbability": "0.97"}  # fmt: skip
    assert [after[i] for i in (0, 2, 3)] == [before[i] for i in (0, 2, 3)]
    assert len(after) == 5
    event = {name: value for name, value in after[4].items() if value}
    assert event == {
        "observationID": "e1/M01/d2", "deploymentID": "d2", "eventID": "e1", "observationLevel": "event",
        "eventStart": "2015-06-03T14:22:05+06:00", "eventEnd": "2015-06-03T14:22:06+06:00", "observationType": "animal",
        "scientificName": "Panthera pardus", "count": "1", "individualID": "M01", "classificationMethod": "machine",
        "classifiedBy": "reid 1",
    }  # fmt: skip
    assert validate_package(tmp_path / "out") == []
    again = read_camtrapdp(tmp_path / "out")
    assert again.animals["identity"].tolist() == ["M01", "M01", "unknown"]
    assert again.animals["orientation"].tolist() == ["left", "right", "unknown"]


def test_an_unsure_name_is_not_written(make_package: Make, tmp_path: Path) -> None:
    write_camtrapdp(named(read_camtrapdp(make_package()), "o2", "M01", decision="unsure"), tmp_path / "out")
    assert rows(tmp_path / "out", "observations")[1]["individualID"] == ""


def test_a_survey_of_our_own_becomes_a_valid_package(tmp_path: Path) -> None:
    photos = [
        {"path": "RL_1/a.jpg", "camera": "RL_1", "station": "A", "width": 200, "height": 100, "date": pd.Timestamp("2012-07-22 01:53:20")},
        {"path": "RL_2/b.jpg", "camera": "RL_2", "station": "A", "width": 200, "height": 100, "date": pd.Timestamp("2012-07-22 01:53:25")},
        {"path": "RL_2/c.jpg", "camera": "RL_2", "station": "A", "width": 200, "height": 100},
        {"path": "RL_3/d.jpg", "camera": "RL_3", "station": "B", "date": pd.Timestamp("2012-07-23")},
        {"path": "~odd/e.jpg", "camera": "RL_1", "station": "A", "date": pd.Timestamp("2012-07-23")},
    ]  # fmt: skip
    places = [
        {"camera": "RL_1", "station": "A", "latitude": 47.1, "longitude": 8.2},
        {"camera": "RL_2", "station": "A", "latitude": 47.1, "longitude": 8.2, "start": pd.Timestamp("2012-07-01"), "end": pd.Timestamp("2012-09-01")},
        {"camera": "RL_3", "station": "B"},
    ]  # fmt: skip
    animals = [
        {"animal_id": f"x{i}", "path": photos[i]["path"], "identity": "F07", "orientation": side, "encounter": "B/1" if i == 3 else "A/1",
         "decision": "new", "bbox": [20, 10, 100, 50], "bbox_unit": "pixel", "species": "Panthera uncia"}
        for i, side in enumerate(("left", "right", "left", "left"))
    ]  # fmt: skip
    survey = make_survey(photos, places, animals)
    with pytest.raises(ConfigError, match="time_zone="):
        write_camtrapdp(survey, tmp_path / "none")
    settings = PackageSettings(title="Snow leopards", contributor="SLT")
    notes = write_camtrapdp(survey, tmp_path / "out", settings, time_zone="Europe/Berlin")
    assert validate_package(tmp_path / "out") == []
    left_out = [(note.file, note.found, note.reason) for note in notes if note.done == "left out"]
    assert left_out == [
        ("deployments", "RL_3", "Camtrap DP has no deployment without coordinates"),
        ("photos", "RL_2/c.jpg", "Camtrap DP has no media without a time"),
        ("photos", "RL_3/d.jpg", "its deployment RL_3 was left out"),
        ("photos", "~odd/e.jpg", "Camtrap DP allows no path that starts with . / ~ or holds .."),
        ("animals", "RL_2/c.jpg", "its photo was left out"),
        ("animals", "RL_3/d.jpg", "its photo was left out"),
    ]
    media, events = rows(tmp_path / "out", "media"), rows(tmp_path / "out", "observations")
    assert media[0]["timestamp"] == "2012-07-22T01:53:20+02:00"
    assert [row["observationID"] for row in events] == ["x0", "x1", "A/1/F07/RL_1", "A/1/F07/RL_2"]
    assert [events[0][name] for name in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")] == ["0.1", "0.1", "0.5", "0.5"]
    assert {(row["eventID"], row["eventStart"], row["eventEnd"]) for row in events} == {
        ("A/1", "2012-07-22T01:53:20+02:00", "2012-07-22T01:53:25+02:00")
    }
    place = rows(tmp_path / "out", "deployments")[0]
    assert (place["deploymentStart"], place["deploymentEnd"]) == (
        "2012-07-22T01:53:20+02:00",
        "2012-07-23T00:00:00+02:00",
    )
    person = rows(tmp_path / "out", "individuals")[0]
    assert (person["individualID"], person["flanks"], person["encounters"], person["media"]) == (
        "F07",
        "left; right",
        "2",
        "4",
    )
    assert list(rows(tmp_path / "out", "deployments")[0]) == columns("deployments")
    write_camtrapdp(survey, tmp_path / "twice", settings, time_zone="Europe/Berlin")
    for file in (tmp_path / "out").iterdir():
        assert file.read_bytes() == (tmp_path / "twice" / file.name).read_bytes()


def test_nothing_with_coordinates_is_no_package(tmp_path: Path) -> None:
    survey = make_survey([{"path": "a/b.jpg", "camera": "a", "date": pd.Timestamp("2012-07-23")}], [{"camera": "a"}])
    with pytest.raises(InputError, match="no deployment has coordinates"):
        write_camtrapdp(survey, tmp_path / "out", time_zone="UTC")


@pytest.mark.parametrize(
    ("change", "column", "row", "done", "reason"),
    [
        ({"media": [("2015-06-03T14:22:06+06:00", "2015-06-03T08:22:06Z")]}, "timestamp", 3, "repaired", "moved to its deployment's zone, +06:00"),
        ({"media": [("2015-06-20T03:00:00+06:00", "2015-06-20T03:00:00")]}, "timestamp", 4, "kept", "no zone; taken for the deployment's own time"),
        ({"media": [("2015-06-20T03:00:00+06:00", "2015-06-31T03:00:00+06:00")]}, "timestamp", 4, "left out", "expected a time of the calendar such as 2012-07-22 01:53:20"),
        ({"media": [("2015-06-20T03:00:00+06:00", "2011-06-20T03:00:00+06:00")]}, "timestamp", 4, "kept", "outside its deployment's time, 2015-06-10 00:00:00 to 2015-07-10 00:00:00"),
        ({"media": [("m3,d3", "m3,d9")]}, "deploymentID", 4, "kept", "no deployment has this name; the photo has no camera"),
        ({"media": [("m2,d2", "m1,d2")]}, "mediaID", 3, "left out", "this key stands in an earlier row; the first is used"),
        ({"media": [("d2/IMG_1.jpg", "d1/IMG_1.jpg")]}, "filePath", 3, "left out", "an earlier row names this file"),
        ({"observations": [("o2,d2,m2", "o2,d2,m9")]}, "mediaID", 3, "left out", "no media row has this name"),
        ({"observations": [("o2,d2,m2", "o2,d1,m2")]}, "deploymentID", 3, "kept", "its photo is of d2, which counts"),
        ({"observations": [("0.1,0.2,0.3,0.4", "0.1,0.2,,0.4")]}, "bboxX", 3, "left out", "expected all four of bboxX, bboxY, bboxWidth and bboxHeight, in parts of the photo"),
        ({"observations": [(",male,", ",Male?,")]}, "sex", 2, "left out", "expected one of female, male"),
        ({"observations": [("0.1,0.2,0.3,0.4", "0.1,1.2,0.3,0.4")]}, "bboxY", 3, "left out", "expected a number from 0 to 1"),
        ({"deployments": [("27.5000,90.25", "90.25,27.5000")]}, "latitude, longitude", 2, "repaired", "swapped back: a latitude beyond 90 degrees"),
        ({"deployments": [("27.41,90.31", ",")]}, "latitude", 4, "kept", "the deployment has no coordinates"),
        ({"deployments": [(",cam-2,", ",cam-1,")]}, "start", 3, "kept", "the camera cam-1 has two deployments at once: d1 and d2"),
        ({"deployments": [("2015-07-10T00", "2015-05-10T00")]}, "end", 4, "kept", "it ends before it starts, 2015-06-10 00:00:00"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_row_and_column(
    make_package: Make, tmp_path: Path, change: dict, column: str, row: int, done: str, reason: str
) -> None:
    survey = read_camtrapdp(make_package(**change))
    assert (row, done, reason) in said(survey, column)
    # whatever was wrong, what is written is valid, and what was left out is said
    notes = write_camtrapdp(survey, tmp_path / "out")
    assert validate_package(tmp_path / "out") == []
    source, out = tmp_path / "package", tmp_path / "out"
    for name in ("deployments", "media", "observations"):
        lost = len(rows(source, name)) - len(rows(out, name))
        assert lost <= sum(note.done == "left out" for note in (*survey.notes, *notes))


def test_cells_that_the_standard_does_not_allow_are_emptied_and_said(make_package: Make, tmp_path: Path) -> None:
    odd = {
        "deployments": [("trailGame", "game trail"), (",90,,false,", ",90.5,,perhaps,")],
        "media": [('"{""ISO"":200}"', "ISO 200"), ("d3/IMG_8.jpg,false", "d3/IMG_8.jpg,maybe")],
        "observations": [
            ("media,blank", "media,leaf"),
            ("o2,d2,m2,e1,2015-06-03T14:22:05+06:00", "o2,d2,m2,e1,yesterday"),
        ],
    }
    notes = write_camtrapdp(read_camtrapdp(make_package(**odd)), tmp_path / "out")
    assert validate_package(tmp_path / "out") == []
    assert [(note.file, note.row, note.column, note.found, note.done) for note in notes] == [
        ("deployments.csv", 2, "cameraHeading", "90.5", "left out"),
        ("deployments.csv", 2, "timestampIssues", "perhaps", "left out"),
        ("deployments.csv", 2, "featureType", "game trail", "left out"),
        ("media.csv", 2, "exifData", "ISO 200", "left out"),
        ("media.csv", 5, "filePublic", "maybe", "repaired"),
        ("observations.csv", 3, "eventStart", "yesterday", "repaired"),
        ("observations.csv", 5, "observationType", "leaf", "repaired"),
    ]
    assert rows(tmp_path / "out", "observations")[1]["eventStart"] == "2015-06-03T14:22:06+06:00"


def test_mixed_zones_are_one_clock(make_package: Make) -> None:
    survey = read_camtrapdp(make_package(media=[("2015-06-03T14:22:06+06:00", "2015-06-03T08:22:06Z")]))
    assert survey.photos["date"].iloc[1] == pd.Timestamp("2015-06-03 14:22:06")
    berlin = read_camtrapdp(make_package("second"), time_zone="Europe/Berlin")
    assert berlin.photos["date"].iloc[1] == pd.Timestamp("2015-06-03 10:22:06")
    with pytest.raises(ConfigError, match="IANA"):
        read_camtrapdp(make_package("third"), time_zone="Mars/Olympus")


def test_a_name_of_an_event_counts_for_its_photos(make_package: Make, tmp_path: Path) -> None:
    event = [("o3,d3,m3,e2", "o3,d3,,e2"), ("e2,2015-06-20T03:00:00+06:00,2015-06-20T03:00:00+06:00,media", "e2,2015-06-20T02:00:00+06:00,2015-06-20T04:00:00+06:00,event"), ("Unidentified", "F02")]  # fmt: skip
    survey = read_camtrapdp(make_package(observations=event))
    assert survey.animals["animal_id"].tolist()[2:] == ["o3@d3/IMG_7.jpg"]
    assert survey.animals["identity"].tolist()[2:] == ["F02"]
    write_camtrapdp(survey, tmp_path / "out")
    assert len(rows(tmp_path / "out", "observations")) == 4
    assert validate_package(tmp_path / "out") == []
    # a box that a census found for it is an observation of the photo, and no second event
    animals = survey.animals.copy()
    animals.at[2, "bbox"] = [0.25, 0.25, 0.5, 0.5]
    write_camtrapdp(replace(survey, animals=animals), tmp_path / "boxed")
    added = rows(tmp_path / "boxed", "observations")[4:]
    assert [(row["mediaID"], row["individualID"], row["bboxX"]) for row in added] == [("m3", "F02", "0.25")]


def test_a_zip_and_a_descriptor_are_the_same_package(make_package: Make, tmp_path: Path) -> None:
    folder = make_package()
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, Path("inner") / file.relative_to(folder))
    for path in (tmp_path / "p.zip", folder / "datapackage.json"):
        pd.testing.assert_frame_equal(read_camtrapdp(path).animals, read_camtrapdp(folder).animals)


def test_what_is_no_package_is_refused(make_package: Make, tmp_path: Path) -> None:
    folder = make_package()
    text = (folder / "datapackage.json").read_text()
    for old, new, error, message in [
        ("camtrap-dp/1.0.1/", "camtrap-dp/0.6/", FormatError, r"Camtrap DP 0.6; read are 1\.0, 1\.0\.1, 1\.0\.2"),
        ("camtrap-dp/1.0.1/", "eml/", FormatError, "no Camtrap DP"),
        ('"media.csv"', '"../media.csv"', FormatError, "outside the package"),
        ('"media.csv"', '"https://x.org/media.csv"', InputError, "download it"),
        ('"media.csv"', '"gone.csv"', InputError, r"no gone\.csv in the package"),
        ('"name": "media"', '"name": "pictures"', FormatError, "names no resource media"),
        ("{", "[", FormatError, "no data package"),
    ]:
        assert old in text
        (folder / "datapackage.json").write_text(text.replace(old, new, 1 if old == "{" else -1))
        with pytest.raises(error, match=message):
            read_camtrapdp(folder)
    (folder / "datapackage.json").write_text(text)
    (folder / "media.csv").write_bytes((folder / "media.csv").read_bytes().replace(b"IMG_7", b"Caf\xe9"))
    with pytest.raises(FormatError, match=r"media\.csv, row 4, column 5: byte 0xe9 is not UTF-8"):
        read_camtrapdp(folder)
    assert "d3/Café.jpg" in set(read_camtrapdp(folder, encoding="cp1252").photos["path"])


def test_the_check_finds_faults(make_package: Make) -> None:
    folder = make_package(media=[("m3,d3", "m3,d9")], observations=[("0.1,0.2,0.3,0.4", "1.1,0.2,0.3,0.4")])
    faults = validate_package(folder)
    assert any("d9" in fault for fault in faults)
    assert any("bboxX" in fault and "maximum" in fault for fault in faults)
    (folder / "datapackage.json").write_text((folder / "datapackage.json").read_text().replace("targeted", "random"))
    assert any("samplingDesign" in fault for fault in validate_package(folder))

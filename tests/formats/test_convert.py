"""`reid convert`: a census into the formats of the field, as a command and as a function."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reid.api import convert
from reid.cli import main
from reid.errors import ConfigError, InputError
from reid.formats import read_survey, validate_package
from reid.photos import scan
from reid.tables import PHOTOS, SIGHTINGS, STATIONS, from_rows, write, write_csv
from reid.verbs.convert import ConvertConfig, run


def census_folder(folder: Path, photos: pd.DataFrame, stations: pd.DataFrame, sightings: list[dict]) -> Path:
    """What `reid census` leaves behind, of it what other programs are given."""
    folder.mkdir(parents=True)
    write(photos, folder / "photos.parquet", PHOTOS)
    write(stations, folder / "stations.parquet", STATIONS)
    write_csv(from_rows(sightings, SIGHTINGS), folder / "sightings.csv")
    return folder


@pytest.fixture(scope="module")
def jaguar_census(jaguars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos, stations = scan(jaguars)
    rows = [
        {"path": photo.path, "bbox": [10, 10, 50, 40], "orientation": ("left", "right")[n % 2], "station": photo.station,
         "date": photo.date, "encounter": photo.sequence, "identity": f"J{n % 4}", "decision": "new", "probability": 0.9,
         "camera": photo.camera, "confidence": 0.8, "crop_id": f"{photo.image_id}#0"}
        for n, photo in enumerate(photos.itertuples())
    ]  # fmt: skip
    return census_folder(tmp_path_factory.mktemp("census") / "season", photos, stations, rows)


@pytest.fixture(scope="module")
def stations_csv(jaguar_census: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cameras = read_survey(jaguar_census).deployments["camera"]
    path = tmp_path_factory.mktemp("stations") / "stations.csv"
    lines = [
        f"{camera},{camera},{-15.5 - n / 100},{-60.25 + n / 100},2005-09-01,2005-11-30"
        for n, camera in enumerate(cameras)
    ]
    path.write_text("camera,station,latitude,longitude,start,end\n" + "\n".join(lines) + "\n")
    return path


def test_a_census_becomes_everything(
    jaguar_census: Path, stations_csv: Path, jaguars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"source={jaguar_census}", f"output={tmp_path / 'out'}", "to=[camtrapdp,camtrapr,coco,csv,megadetector,oscr,photos,secr,twoflank,wildlife]",
             f"stations={stations_csv}", f"photos={jaguars}", "time_zone=America/La_Paz", "species=Panthera onca", "capture.occasion_days=5",
             "package.contributor=Conservation Technology Lab"]  # fmt: skip
    assert main(["convert", *words]) == 0
    said = capsys.readouterr().out
    assert "19 photos of 14 deployments, 19 animals on them, 19 of them named: 4 individuals." in said
    out = tmp_path / "out"
    assert validate_package(out / "camtrapdp") == []
    names = {path.relative_to(out).parts[0] for path in out.rglob("*") if path.is_file()}
    assert names >= {"camtrapdp", "camtrapr", "coco.json", "csv", "megadetector.json", "oscr", "photos", "secr", "twoflank", "wildlife.csv", "notes.csv", "settings.yaml"}  # fmt: skip
    assert sorted(p.name for p in (out / "secr").iterdir()) == sorted(f"secr_{s}_{k}.txt" for s in ("joined", "left", "right") for k in ("captures", "traps", "traps_days"))  # fmt: skip
    assert len(list((out / "photos").rglob("*.jpg"))) == 19
    # every format says the same of who is on which photo
    expected = read_survey(jaguar_census).named.groupby("path")["identity"].agg(list).to_dict()
    for name in ("camtrapdp", "coco.json", "csv", "megadetector.json", "wildlife.csv"):
        assert read_survey(out / name).named.groupby("path")["identity"].agg(list).to_dict() == expected, name
    observations = pd.read_csv(out / "camtrapdp" / "observations.csv")
    assert set(observations["scientificName"]) == {"Panthera onca"}
    assert observations["individualID"].notna().all()


def test_the_same_run_gives_the_same_bytes(jaguar_census: Path, stations_csv: Path, tmp_path: Path) -> None:
    how = {"stations": str(stations_csv), "time_zone": "UTC"}
    for name in ("one", "two"):
        notes = convert(jaguar_census, tmp_path / name, ["camtrapdp", "secr"], how)
    assert list(notes.columns) == ["file", "row", "column", "found", "done", "reason"]
    files = [
        path
        for path in (tmp_path / "one").rglob("*")
        if path.is_file() and path.name not in ("run.lock", "settings.yaml")
    ]
    assert len(files) > 10
    for path in files:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path


def test_an_agencys_package_gets_the_names_of_a_census(jaguar_census: Path, stations_csv: Path, tmp_path: Path) -> None:
    """Package in, census of its photos, the same package out with the names filled in."""
    blind = read_survey(jaguar_census)
    run(
        ConvertConfig(str(jaguar_census), str(tmp_path / "a"), "camtrapdp", stations=str(stations_csv), time_zone="UTC")
    )
    package = tmp_path / "a" / "camtrapdp"
    table = pd.read_csv(package / "observations.csv", dtype=str, keep_default_na=False)
    table = table[table["observationLevel"] == "media"].assign(individualID="", observationTags="", classificationMethod="machine", classifiedBy="MegaDetector")  # fmt: skip
    table.to_csv(package / "observations.csv", index=False, lineterminator="\n")
    assert validate_package(package) == []
    run(ConvertConfig(str(package), str(tmp_path / "b"), "camtrapdp", identities=str(jaguar_census)))
    named = tmp_path / "b" / "camtrapdp"
    assert validate_package(named) == []
    after = pd.read_csv(named / "observations.csv", dtype=str, keep_default_na=False)
    media = after[after["observationLevel"] == "media"]
    assert media["observationID"].tolist() == table["observationID"].tolist()
    assert dict(zip(media["observationID"], media["individualID"], strict=True)) == dict(zip(blind.animals["animal_id"], blind.animals["identity"], strict=True))  # fmt: skip
    assert set(media["observationTags"]) == {"flank:left", "flank:right"}
    assert len(after) > len(media)
    for name in ("deployments.csv", "media.csv"):
        assert (named / name).read_bytes() == (package / name).read_bytes()


def test_the_snow_leopards_go_from_photos_to_a_package_and_to_secr(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "snow_leopards"
    labels = pd.read_csv(root / "crops.csv")
    photos, stations = scan(root / "photos")
    by_path = photos.set_index("path")
    rows = []
    for n, label in enumerate(labels.itertuples()):
        path = label.path.removeprefix("photos/")
        photo = by_path.loc[path]
        rows.append({"path": path, "bbox": [float(x) for x in label.bbox.strip("[]").split(",")], "orientation": label.orientation,
                     "station": photo["station"], "date": photo["date"], "encounter": photo["sequence"], "identity": label.identity,
                     "decision": "new", "probability": 0.9, "camera": photo["camera"], "confidence": 0.9, "crop_id": f"{photo['image_id']}#{n}"})  # fmt: skip
    census = census_folder(tmp_path / "census", photos, stations, rows)
    table = tmp_path / "stations.csv"
    lines = [f"{c},{c},{43.2 + n / 50},{76.9 + n / 30},2012-06-01,2012-09-30" for n, c in enumerate(stations["camera"])]
    table.write_text("camera,station,latitude,longitude,start,end\n" + "\n".join(lines) + "\n")
    run(ConvertConfig(str(census), str(tmp_path / "out"), "camtrapdp,secr", stations=str(table), time_zone="Asia/Almaty", species="Panthera uncia"))  # fmt: skip
    assert validate_package(tmp_path / "out" / "camtrapdp") == []
    captures = [
        line.split()
        for line in (tmp_path / "out/secr/secr_joined_captures.txt").read_text().splitlines()
        if line[0] != "#"
    ]
    assert {row[1] for row in captures} == set(labels["identity"])
    assert all(1 <= int(row[2]) <= 122 for row in captures)
    traps = [
        line.split()
        for line in (tmp_path / "out/secr/secr_joined_traps.txt").read_text().splitlines()
        if line[0] != "#"
    ]
    assert all(len(row[3]) == 122 for row in traps)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"to": "word"}, ConfigError, "to='word' is unknown; choose from camtrapdp"),
        ({"to": " , "}, ConfigError, "to is empty"),
        ({"to": "csv", "inplace": True}, ConfigError, "inplace=true goes with to=photos"),
        ({"to": "photos"}, InputError, "needs photos=FOLDER"),
        ({"to": "csv", "stations": "none.csv"}, InputError, r"stations=none\.csv: no such file"),
        ({"to": "csv", "identities": "none"}, InputError, "identities=none: no such folder"),
    ],
)
def test_wrong_words(jaguar_census: Path, tmp_path: Path, words: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        run(ConvertConfig(str(jaguar_census), str(tmp_path / "out"), **words))

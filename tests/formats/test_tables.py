"""Labelled tables and downloads as their programs write them, and the names of a census put onto them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from reid.errors import ConfigError, FormatError, InputError
from reid.formats import (
    Survey,
    Wanted,
    make_survey,
    name_animals,
    read_survey,
    with_files,
    with_stations,
    write_survey,
)
from reid.formats.labels import read_labels
from reid.formats.model import detections_of
from reid.tables import DETECTIONS, PHOTOS, SIGHTINGS, check, from_rows

GOLDEN = Path(__file__).parent / "golden"
Day = pd.Timestamp


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def golden_survey() -> Survey:
    photos = [
        {"path": "RL_5/a.jpg", "camera": "RL_5", "station": "RL_5", "width": 640, "height": 480, "date": Day("2005-10-03 17:21")},
        {"path": "RL_5/b.jpg", "camera": "RL_5", "station": "RL_5", "width": 640, "height": 480},
        {"path": "RL_9/broken.jpg", "camera": "RL_9", "station": "RL_9", "error": "truncated after 9 bytes"},
    ]  # fmt: skip
    animals = [
        {"animal_id": "a0", "path": "RL_5/a.jpg", "bbox": [64.0, 48.0, 320.0, 240.0], "bbox_unit": "pixel", "confidence": 0.875,
         "identity": "J1", "orientation": "left", "encounter": "e1", "decision": "known", "probability": 0.75, "by": "reid",
         "method": "machine", "species": "Panthera onca"},
        {"animal_id": "a1", "path": "RL_5/a.jpg", "bbox": [0.5, 0.5, 0.25, 0.25], "bbox_unit": "relative", "identity": "J2",
         "decision": "unsure"},
        {"animal_id": "a2", "path": "RL_5/b.jpg"},
        {"animal_id": "a3", "path": "RL_5/b.jpg", "bbox": [0.0, 0.0, 1.0, 0.5], "bbox_unit": "relative", "category": "person"},
    ]  # fmt: skip
    return make_survey(
        photos, [{"camera": "RL_5", "latitude": -15.5, "longitude": -60.25}, {"camera": "RL_9"}], animals
    )


@pytest.mark.parametrize(("to", "name"), [("coco", "coco.json"), ("megadetector", "megadetector.json"), ("wildlife", "wildlife.csv"), ("csv", "labels.csv")])  # fmt: skip
def test_golden_files(to: str, name: str, tmp_path: Path) -> None:
    write_survey(golden_survey(), tmp_path, to)
    written = tmp_path / ("csv" if to == "csv" else "") / name
    assert written.read_text(encoding="utf-8") == (GOLDEN / name).read_text(encoding="utf-8")


def test_a_name_left_to_a_person_is_no_name() -> None:
    for name in ("coco.json", "wildlife.csv"):
        again = read_survey(GOLDEN / name)
        who = dict(zip(again.animals["animal_id"], again.animals["identity"], strict=True))
        assert set(again.named["identity"]) == {"J1"}, who


def test_coco_of_wild_me(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80, "date_captured": "NA"}, {"id": 2, "file_name": "b\\c.jpg", "datetime": "2012-22-07"}],
        "categories": [{"id": 1, "name": "leopard"}, {"id": 0, "name": "empty"}],
        "annotations": [
            {"id": 9, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "name": "L 7", "viewpoint": "right", "segmentation": []},
            {"id": 10, "image_id": 1, "category_id": 1, "bbox": [1, 2, 0, 40], "name": "____", "viewpoint": "frontleft"},
            {"id": 11, "image_id": 2, "category_id": 0},
            {"id": 12, "image_id": 3, "category_id": 1},
        ],
    }  # fmt: skip
    survey = read_survey(write(tmp_path / "c.json", json.dumps(content)))
    assert survey.animals[["animal_id", "identity", "orientation", "species"]].values.tolist() == [["9", "L 7", "right", "leopard"], ["10", "unknown", "unknown", "leopard"]]  # fmt: skip
    assert survey.animals["bbox"].tolist() == [[1, 2, 30, 40], None]
    assert survey.photos["path"].tolist() == ["a.jpg", "b/c.jpg"]
    assert [(note.row, note.column, note.done) for note in survey.notes] == [(1, "datetime", "left out"), (1, "bbox", "left out"), (1, "viewpoint", "kept"), (3, "image_id", "left out")]  # fmt: skip
    with pytest.raises(FormatError, match="is not a COCO file"):
        read_survey(write(tmp_path / "d.json", '{"images": [], "annotations": 3}'), "coco")


def test_miewid_and_matchypatchy(tmp_path: Path) -> None:
    miewid = write(tmp_path / "m.csv", "theta,viewpoint,name,file_name,species,file_path,x,y,w,h\n0.0,left,A1,1.jpg,leopard,p/1.jpg,1,2,30,40\n0.5,right,____,2.jpg,leopard,p/2.jpg,1,2,0,40\n")  # fmt: skip
    survey = read_survey(miewid)
    assert survey.animals[["path", "identity", "orientation", "species"]].values.tolist() == [["p/1.jpg", "A1", "left", "leopard"], ["p/2.jpg", "unknown", "right", "leopard"]]  # fmt: skip
    assert survey.animals["bbox"].tolist() == [[1, 2, 30, 40], None]
    assert [(note.row, note.column) for note in survey.notes] == [(3, "theta"), (3, "bbox")]
    matchy = write(tmp_path / "p.csv", "filepath,timestamp,survey,station,region,sequence,external_id,viewpoint,species,individual,comment\ns/1.jpg,2015-06-03 14:22:05,2015,N,west,q1,x1,Left,leopard,M01,\ns/1.jpg,2015-06-03 14:22:09,2015,N,west,q1,x1,Right,leopard,Unidentified,second\n")  # fmt: skip
    survey = read_survey(matchy)
    assert survey.animals["animal_id"].tolist() == ["x1", "x1/3"]
    assert survey.animals["identity"].tolist() == ["M01", "unknown"]
    photo = survey.photos.iloc[0]
    assert (photo["camera"], str(photo["date"]), photo["sequence"]) == ("N", "2015-06-03 14:22:05", "q1")
    reasons = [note.reason for note in survey.notes]
    assert "an earlier row of this photo says 2015-06-03 14:22:05, which counts" in reasons
    assert "a spelling of unknown" in reasons


INSIGHTS = "project_id,deployment_id,image_id,filename,location,is_blank,identified_by,genus,species,common_name,timestamp,age,sex,individual_id,sequence_id\n"  # fmt: skip


def insights(folder: Path) -> Path:
    write(folder / "deployments.csv", "project_id,deployment_id,placename,longitude,latitude,start_date,end_date,camera_id\n1,D1,North,90.25,27.5,2015-06-01 00:00:00,2015-08-31 00:00:00,c1\n1,D2,South,27.41,95.31,2015-06-01,2015-08-31,c1\n")  # fmt: skip
    rows = ["1,D1,i1,IMG_1.JPG,gs://x/1.JPG,0,Ugyen,Panthera,pardus,Leopard,2015-06-03 14:22:05,Adult,Male,M01,s1",
            "1,D1,i2,IMG_2.JPG,gs://x/2.JPG,0,Computer vision,Panthera,pardus,Leopard,2015-06-03 14:22:06,,Unknown,,s1",
            "1,D2,i3,IMG_1.JPG,gs://x/3.JPG,1,Ugyen,,,Blank,2015-06-04 10:00:00,,,,",
            "1,D2,i4,IMG_1.JPG,gs://x/4.JPG,0,Ugyen,Panthera,pardus,Leopard,2015-06-04 11:00:00,,,unidentified,s2",
            "1,D9,i5,IMG_9.JPG,gs://x/9.JPG,0,Ugyen,Homo,sapiens,Human,2015-06-04 11:00:00,,,,"]  # fmt: skip
    write(folder / "images_1.csv", INSIGHTS + "\n".join(rows) + "\n")
    return folder


def test_wildlife_insights(tmp_path: Path) -> None:
    survey = read_survey(insights(tmp_path / "wi"))
    # the same file name twice in one deployment: the second goes by its location
    assert survey.photos["path"].tolist() == [
        "D1/IMG_1.JPG",
        "D1/IMG_2.JPG",
        "D2/IMG_1.JPG",
        "D9/IMG_9.JPG",
        "gs://x/4.JPG",
    ]
    assert survey.animals[["animal_id", "identity", "species", "sex", "life_stage", "method"]].iloc[0].tolist() == ["i1", "M01", "Panthera pardus", "male", "adult", "human"]  # fmt: skip
    assert survey.animals["category"].tolist() == ["animal", "animal", "animal", "person"]
    reasons = {note.column: note.reason for note in survey.notes}
    assert reasons["latitude, longitude"] == "swapped back: a latitude beyond 90 degrees"
    assert reasons["start"] == "the camera c1 has two deployments at once: D1 and D2"
    assert "no such deployment" in reasons["deployment_id"]
    animals = survey.animals.copy()
    animals.loc[1, ["identity", "decision"]] = ["M01", "known"]
    assert write_survey(replace(survey, animals=animals), tmp_path / "out", "insights") == []
    before, after = (
        list(csv.reader(path.open())) for path in (tmp_path / "wi/images_1.csv", tmp_path / "out/insights/images_1.csv")
    )
    changed = [(i, before[0][j], b) for i, (x, y) in enumerate(zip(before, after, strict=True)) for j, (a, b) in enumerate(zip(x, y, strict=True)) if a != b]  # fmt: skip
    assert changed == [(2, "individual_id", "M01")]
    with pytest.raises(ConfigError, match="Wildlife Insights"):
        write_survey(golden_survey(), tmp_path / "no", "insights")


def sighting(path: str, number: int, box: list[float], who: str, decision: str = "known") -> dict:
    return {"path": path, "bbox": box, "orientation": "left", "encounter": "census/1", "identity": who, "decision": decision,
            "probability": 0.9, "crop_id": f"{path}@0#{number}", "confidence": 0.8}  # fmt: skip


def test_names_of_a_census_find_their_animals() -> None:
    photos = [{"path": f"camera/{name}.jpg", "camera": "camera"} for name in "abcd"]
    rows = [
        {"animal_id": "1", "path": "camera/a.jpg", "bbox": [0.1, 0.1, 0.2, 0.5], "bbox_unit": "relative"},
        {"animal_id": "2", "path": "camera/a.jpg", "bbox": [0.6, 0.1, 0.2, 0.5], "bbox_unit": "relative", "identity": "Old", "method": "machine"},
        {"animal_id": "3", "path": "camera/b.jpg", "identity": "Rosa", "method": "human", "encounter": "theirs"},
        {"animal_id": "4", "path": "camera/c.jpg", "bbox": [0.6, 0.1, 0.2, 0.5], "bbox_unit": "relative", "category": "person"},
    ]  # fmt: skip
    measured = from_rows([{"image_id": f"{n}.jpg@0", "path": f"{n}.jpg", "width": 100, "height": 100, "date_source": "none"} for n in "abc"], PHOTOS)  # fmt: skip
    seen = [sighting("a.jpg", 0, [61, 11, 20, 50], "M01"), sighting("a.jpg", 1, [10, 10, 20, 50], "F02"), sighting("b.jpg", 0, [5, 5, 50, 50], "F02"),
            sighting("c.jpg", 0, [60, 10, 20, 50], "M01"), sighting("x.jpg", 0, [1, 1, 9, 9], "M01")]  # fmt: skip
    survey = name_animals(make_survey(photos, (), rows), from_rows(seen, SIGHTINGS), measured)
    found = survey.animals.set_index("animal_id")
    assert found["identity"].to_dict() == {"1": "F02", "2": "M01", "3": "Rosa", "4": "unknown", "c.jpg@0#0": "M01"}
    assert found.loc["3", "encounter"] == "theirs" and found.loc["3", "bbox"] == [5, 5, 50, 50]
    assert found.loc["1", "encounter"] == "census/1" and found.loc["1", "orientation"] == "left"
    assert survey.photos.set_index("path")["width"].dropna().to_dict() == {f"camera/{n}.jpg": 100 for n in "abc"}
    assert [(note.found, note.done) for note in survey.notes] == [("camera/b.jpg", "kept"), ("x.jpg", "left out")]
    assert "the source's name Rosa stays; the census says F02" in survey.notes[0].reason
    with pytest.raises(InputError, match="none of the census's 1 photos"):
        name_animals(make_survey([{"path": "q/z.png"}]), from_rows(seen[-1:], SIGHTINGS), measured)


def test_stations_of_a_table_and_sizes_of_files(jaguars: Path, tmp_path: Path) -> None:
    survey = read_survey(jaguars / "megadetector.json")
    assert len(survey.photos) == 19 and survey.photos["width"].isna().all()
    sized = with_files(survey, jaguars)
    assert sized.photos["width"].notna().all() and sized.photos["content_hash"].notna().all()
    boxes, notes = detections_of(sized)
    assert check(boxes, DETECTIONS) is not None and not notes and len(boxes) == len(survey.animals)
    unsized, notes = detections_of(survey)
    assert len(unsized) == 0 and len(notes) == len(survey.animals)
    table = write(
        tmp_path / "s.csv",
        "camera,station,latitude,longitude,time_zone\nRL_5,pair,-15.5,-60.25,America/La_Paz\nRL_99,lone,-15.6,-60.2,\n",
    )
    cameras = [{"path": row, "camera": row.split("/")[0]} for row in survey.photos["path"]]
    placed = with_stations(make_survey(cameras), table)
    known = placed.deployments.set_index("camera")
    assert known.loc["RL_5", ["station", "latitude", "time_zone"]].tolist() == ["pair", -15.5, "America/La_Paz"]
    assert "RL_99" in known.index and pd.isna(known.loc["RL_10", "latitude"])
    assert set(placed.photos.loc[placed.photos["camera"] == "RL_5", "station"]) == {"pair"}
    with pytest.raises(InputError, match="holds none of the 19 photos"):
        with_files(survey, tmp_path)


def test_labels_are_what_reid_itself_reads(jaguars: Path, tmp_path: Path) -> None:
    import shutil

    from reid.photos import read_labelled, read_stations

    survey = with_files(read_survey(jaguars / "megadetector.json"), jaguars)
    animals = survey.animals.assign(identity="J1", method="human")
    write_survey(replace(survey, animals=animals), tmp_path, "csv")
    shutil.copytree(jaguars, tmp_path / "csv", dirs_exist_ok=True)
    crops, problems = read_labelled(tmp_path / "csv" / "labels.csv")
    assert len(crops) == len(survey.animals) and len(problems) == 0
    boxes, _ = detections_of(survey)
    for mine, theirs in zip(crops["bbox"], boxes["bbox"], strict=True):
        assert mine == pytest.approx(theirs, abs=0.02)
    write_survey(golden_survey(), tmp_path / "g", "csv")
    assert read_stations(tmp_path / "g" / "csv" / "stations.csv")["latitude"].tolist()[0] == -15.5


def test_what_is_of_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_survey(tmp_path / "none")
    with pytest.raises(FormatError, match="folder of no known format"):
        read_survey(tmp_path)
    with pytest.raises(FormatError, match="neither JSON nor CSV"):
        read_survey(write(tmp_path / "a.bin", "{"))
    with pytest.raises(ConfigError, match="read_as='word'"):
        read_survey(tmp_path, "word")
    with pytest.raises(ConfigError, match="to='word'"):
        write_survey(golden_survey(), tmp_path, "word", Wanted())
    with pytest.raises(FormatError, match="no table of labels"):
        read_labels(write(tmp_path / "a.csv", "one,two\n1,2\n"))

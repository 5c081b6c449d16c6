"""Values that no writer of a format means: each becomes a note or a clear refusal, and nothing is lost in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reid.errors import ConfigError, FormatError
from reid.formats import read_survey
from reid.formats.sheet import decode

INSIGHTS = "project_id,deployment_id,image_id,filename,location,is_blank,genus,species,timestamp,individual_id\n"


@pytest.mark.parametrize("box", ["nan, 0, 1, 1", "0, inf, 1, 1", "0, 0, inf, 1", "0, 0, 1", "a, b, c, d"])
def test_a_box_without_four_finite_numbers_is_a_note(tmp_path: Path, box: str) -> None:
    (tmp_path / "a.csv").write_text(f'path,identity,bbox\na.jpg,M01,"[{box}]"\n')
    survey = read_survey(tmp_path / "a.csv")
    assert survey.animals["bbox"].isna().all() and survey.animals["identity"].tolist() == ["M01"]
    assert [note.column for note in survey.notes] == ["bbox"]


def test_a_coco_box_that_is_infinite_is_a_note(tmp_path: Path) -> None:
    row = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, float("inf"), 5]}
    survey = read_survey(_coco(tmp_path, {"id": 1, "file_name": "a.jpg"}, row))
    assert survey.animals["bbox"].isna().all()
    assert [note.column for note in survey.notes] == ["bbox"]


def test_coco_keys_that_are_lists(tmp_path: Path) -> None:
    image = {"id": 1, "file_name": "a.jpg"}
    with pytest.raises(FormatError):
        read_survey(_coco(tmp_path, {**image, "id": [1]}, {"id": 1, "image_id": 1}))
    survey = read_survey(_coco(tmp_path, image, {"id": 1, "image_id": [1], "category_id": 1}))
    assert survey.animals.empty and "no image has this id" in survey.notes[0].reason
    survey = read_survey(_coco(tmp_path, image, {"id": 1, "image_id": 1, "category_id": [1]}))
    assert survey.animals["category"].tolist() == ["animal"]


def test_annotations_that_are_no_objects_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"images": [], "annotations": [5]}))
    with pytest.raises(FormatError):
        read_survey(tmp_path / "a.json")


def _coco(folder: Path, image: dict[str, Any], annotation: dict[str, Any]) -> Path:
    path = folder / "coco.json"
    content = {"images": [image], "annotations": [annotation], "categories": [{"id": 1, "name": "leopard"}]}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("name", ["a\0", "no-such", "base64"])
def test_a_name_that_is_no_encoding(name: str) -> None:
    with pytest.raises(ConfigError, match="encoding="):
        decode(b"path\na.jpg\n", "a.csv", name)


@pytest.mark.parametrize("classifications", [5, [5], [[]], [["0"]], [["0", "x"]], [["0", 3.5]], {"0": 1}])
def test_a_classification_that_cannot_be_read_is_a_note(tmp_path: Path, classifications: object) -> None:
    box = {"category": "1", "conf": 0.9, "bbox": [0, 0, 0.5, 0.5], "classifications": classifications}
    content = {
        "info": {"format_version": "1.3", "classifications_are": "individuals"},
        "detection_categories": {"1": "animal"},
        "classification_categories": {"0": "M01"},
        "images": [{"file": "a.jpg", "detections": [box]}],
    }
    (tmp_path / "md.json").write_text(json.dumps(content))
    survey = read_survey(tmp_path / "md.json")
    assert survey.animals["identity"].tolist() == ["unknown"]
    assert [note.column for note in survey.notes] == ["classifications"]


def test_animals_of_one_image_in_two_tables_are_all_kept(tmp_path: Path) -> None:
    (tmp_path / "deployments.csv").write_text(
        "deployment_id,placename,longitude,latitude,start_date,end_date,camera_id\n"
    )
    row = "1,D1,i1,1.JPG,gs://x/1.JPG,0,Panthera,pardus,2015-06-03 14:22:05,{}\n"
    for number, names in enumerate((("M01", "M02"), ("M03", "M04")), start=1):
        text = INSIGHTS + "".join(row.format(name) for name in names)
        (tmp_path / f"images_{number}.csv").write_text(text)
    survey = read_survey(tmp_path)
    assert sorted(survey.animals["identity"]) == ["M01", "M02", "M03", "M04"]


def _in_two(folder: Path, change: Callable[[str], str]) -> Path:
    """The package with its media in two files, the second changed."""
    head, *rows = (folder / "media.csv").read_text().splitlines(keepends=True)
    (folder / "media.csv").write_text("".join([head, *rows[:2]]))
    (folder / "media2.csv").write_text(change("".join([head, *rows[2:]])))
    path = folder / "datapackage.json"
    content = json.loads(path.read_text())
    for resource in content["resources"]:
        if resource["name"] == "media":
            resource["path"] = ["media.csv", "media2.csv"]
    path.write_text(json.dumps(content))
    return folder


def test_what_is_repaired_in_a_second_file_is_said(make_package: Callable[..., Path]) -> None:
    folder = _in_two(make_package(), lambda text: text.replace("2015-06-20T03:00:00+06:00", "20 June"))
    survey = read_survey(folder)
    assert len(survey.photos) == 4
    assert {(note.file, note.row, note.found) for note in survey.notes if note.column == "timestamp"} == {
        ("media2.csv", 2, "20 June")
    }


def test_parts_of_one_table_have_the_same_columns(make_package: Callable[..., Path]) -> None:
    folder = _in_two(make_package(), lambda text: text.replace("mediaComments", "comments"))
    with pytest.raises(FormatError, match="same columns"):
        read_survey(folder)

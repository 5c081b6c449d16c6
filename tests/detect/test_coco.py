"""COCO files of boxes that somebody else wrote: what is odd in them is named, and nothing of it stops the reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reid.detect.coco import read_boxes
from reid.errors import FormatError

HUGE = 10**400
"""JSON has whole numbers of any length, and no float is as large."""


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg")
    return {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20]}],
        "categories": [{"id": 1, "name": "animal"}],
    }


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"image_id": [1]}, "no image has its image_id"),
        ({"image_id": {"id": 1}}, "no image has its image_id"),
        ({"category_id": [1]}, "is not among the file's categories"),
        ({"bbox": [5, 5, HUGE, 20]}, "expected four numbers"),
    ],
)
def test_an_odd_annotation_is_left_out_with_its_reason(
    content: dict[str, Any], tmp_path: Path, odd: dict[str, Any], said: str
) -> None:
    content["annotations"].append({**content["annotations"][0], **odd})
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    found = read_boxes(tmp_path / "boxes.json", ["animal"])
    assert len(found.photos[0].boxes) == 1
    assert len(found.left_out) == 1
    assert said in found.left_out[0][1]


def test_an_outline_beyond_all_floats_is_none(content: dict[str, Any], tmp_path: Path) -> None:
    content["annotations"][0]["segmentation"] = [[0, 0, HUGE, 1, 2, 3]]
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    assert read_boxes(tmp_path / "boxes.json", ["animal"]).photos[0].outlines == ((),)


@pytest.mark.parametrize("key", [[1], {"a": 1}])
def test_images_need_ids_that_can_be_looked_up(content: dict[str, Any], tmp_path: Path, key: object) -> None:
    content["images"][0]["id"] = key
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match="not a COCO file"):
        read_boxes(tmp_path / "boxes.json", ["animal"])

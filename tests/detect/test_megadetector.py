"""Writing MegaDetector's format: what it looks like, and that reading it gives the same table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reid.detect import read_detections, write_megadetector
from reid.detect.boxes import clip
from reid.detect.protocol import detection_row
from reid.detect.recorded import RecordedBoxes
from reid.errors import OutputError, TableError
from reid.tables import DETECTIONS, empty, from_rows

Photos = Callable[[dict[str, Any]], pd.DataFrame]


def boxes_table(boxes: list[tuple[str, int, str, float, tuple[float, ...]]]) -> pd.DataFrame:
    return from_rows(
        (detection_row(f"{path}@0123456789ab", n, category, p, box, "made") for path, n, category, p, box in boxes),
        DETECTIONS,
    )


def test_the_file(tmp_path: Path, photos: Photos) -> None:
    table = photos({"A/1.jpg": (200, 100), "A/2.jpg": (200, 100), "A/bad.jpg": "truncated after 300 bytes"})
    boxes = boxes_table(
        [("A/1.jpg", 0, "animal", 0.9, (20, 10, 100, 50)), ("A/1.jpg", 1, "jaguar", 0.5, (0, 0, 200, 100))]
    )
    write_megadetector(boxes, table, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == {
        "info": {"format_version": "1.6", "detector": "made"},
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle", "4": "jaguar"},
        "images": [
            {
                "file": "A/1.jpg",
                "detections": [
                    {"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.5, 0.5]},
                    {"category": "4", "conf": 0.5, "bbox": [0, 0, 1, 1]},
                ],
            },
            {"file": "A/2.jpg", "detections": []},
            {"file": "A/bad.jpg", "detections": None, "failure": "truncated after 300 bytes"},
        ],
    }
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_a_failure_survives(tmp_path: Path, photos: Photos) -> None:
    table = photos({"A/1.jpg": (200, 100), "A/bad.jpg": "truncated"})
    write_megadetector(empty(DETECTIONS), table, tmp_path / "out.json")
    good, failed = read_detections(tmp_path / "out.json").entries
    assert good.boxes == () and good.failure is None
    assert failed.failure is not None and "truncated" in failed.failure


sizes = st.tuples(st.integers(1, 12000), st.integers(1, 12000))
part = st.floats(0, 1)
found_on = st.lists(
    st.tuples(st.sampled_from(["animal", "person", "snow leopard"]), part, st.tuples(part, part, part, part)),
    max_size=4,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=st.lists(st.tuples(sizes, found_on), min_size=1, max_size=4))
def test_written_and_read_it_is_the_same(taken: list[Any], tmp_path: Path, photos: Photos) -> None:
    table = photos({f"folder {i}/é.jpg": size for i, (size, _) in enumerate(taken)})
    rows = []
    for i, ((width, height), found) in enumerate(taken):
        pixel = [
            (c, p, clip((x * width, y * height, w * width, h * height), width, height)) for c, p, (x, y, w, h) in found
        ]
        rows += [(f"folder {i}/é.jpg", n, c, p, b) for n, (c, p, b) in enumerate(r for r in pixel if r[2] is not None)]
    boxes = boxes_table(rows)
    path = tmp_path / "out.json"
    write_megadetector(boxes, table, path)
    again, problems = RecordedBoxes(path).detect(table, tmp_path)
    assert len(problems) == 0
    if len(boxes):
        pd.testing.assert_frame_equal(again, boxes)
    else:
        assert len(again) == 0
    before = path.read_bytes()
    write_megadetector(boxes, table, path)
    assert path.read_bytes() == before


def test_boxes_of_other_photos_are_refused(tmp_path: Path, photos: Photos) -> None:
    boxes = boxes_table([("B/1.jpg", 0, "animal", 0.9, (20, 10, 100, 50))])
    for table in (photos({"A/1.jpg": (200, 100)}), photos({"B/1.jpg": "truncated"})):
        with pytest.raises(TableError, match=r"B/1\.jpg"):
            write_megadetector(boxes, table, tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


def test_a_folder_that_is_not_there(tmp_path: Path, photos: Photos) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_megadetector(empty(DETECTIONS), photos({"A/1.jpg": (200, 100)}), tmp_path / "none" / "out.json")

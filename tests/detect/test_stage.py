"""The detect stage: which boxes go on, in which order, under which names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reid.detect import Detector, DetectorSettings, detect, make_detector
from reid.detect.boxes import iou
from reid.detect.protocol import detection_row, tables
from reid.detect.settings import DETECTORS
from reid.errors import ConfigError, TableError
from reid.tables import DETECTIONS, PROBLEMS, check

Photos = Callable[[dict[str, Any]], pd.DataFrame]
Lila = Callable[..., Path]
BIG = [0.1, 0.1, 0.5, 0.5]


def numbers(found: pd.DataFrame) -> list[str]:
    return [key.replace("@0123456789ab", "") for key in found["detection_id"]]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "megadetctor"}, "there are megadetector, onnx, own, recorded, together, torchvision, whole"),
        ({"name": None}, "there are megadetector, onnx, own, recorded, together, torchvision, whole"),
        ({"name": ["whole"]}, "there are megadetector, onnx, own, recorded, together, torchvision, whole"),
        ({"file": None}, "detector.file is None"),
        ({"confidence": 1.5}, "from 0 to 1"),
        ({"confidence": -0.1}, "from 0 to 1"),
        ({"confidence": float("nan")}, "from 0 to 1"),
        ({"confidence": "high"}, "from 0 to 1"),
        ({"confidence": True}, "from 0 to 1"),
        ({"categories": ()}, "a list of names"),
        ({"categories": "animal"}, "a list of names"),
        ({"categories": ("animal", "")}, "a list of names"),
        ({"categories": (1,)}, "a list of names"),
        ({"categories": 5}, "a list of names"),
        ({"min_side": 0}, "a whole number"),
        ({"min_side": 3.5}, "a whole number"),
        ({"min_side": "32"}, "a whole number"),
        ({"overlap": 2}, "detector.overlap is 2; expected is a number from 0 to 1"),
        ({"side": 100}, "a multiple of 32"),
        ({"threads": -1}, "from 0"),
        ({"name": "together"}, "needs two or more"),
        ({"name": "together", "members": ({}, {}), "weights": (1.0,)}, "a number above 0 for each"),
    ],
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        DetectorSettings(**wrong)
    assert "\n" not in str(error.value)


def test_settings_from_yaml() -> None:
    assert DetectorSettings(categories=[" Animal", "PERSON"]).categories == ("animal", "person")  # type: ignore[arg-type]


def test_a_recorded_detector_needs_a_file() -> None:
    with pytest.raises(ConfigError, match="needs a detections file"):
        make_detector(DetectorSettings(name="recorded"))


@pytest.mark.parametrize("made", [DetectorSettings(name="whole"), DetectorSettings(file="x.json")])
def test_all_detectors_follow_the_protocol(made: DetectorSettings) -> None:
    detector = make_detector(made)
    assert isinstance(detector, Detector) and detector.name == made.name


@dataclass(frozen=True)
class Backwards:
    """A detector that gives its boxes last first."""

    name: str = "backwards"

    def detect(self, photos: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        rows = [
            detection_row(image, n, "animal", 0.5, (100.0 * n, 0, 50, 50), self.name)
            for image in photos["image_id"]
            for n in range(12)
        ]
        return tables(rows[::-1], [])


def test_another_detector_is_put_in_order(photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "backwards", lambda settings, cache: Backwards())
    table = photos({"b.jpg": (2000, 100), "a.jpg": (2000, 100)})
    found, _ = detect(table, "", DetectorSettings(name="backwards"))
    assert numbers(found) == [f"{photo}.jpg#{n}" for photo in "ba" for n in range(12)]


def test_whole_photos(photos: Photos) -> None:
    table = photos({"b.jpg": (200, 100), "bad.jpg": "0 bytes", "a.jpg": (32, 50), "tiny.jpg": (31, 500)})
    found, problems = detect(table, "anywhere", DetectorSettings(name="whole"))
    assert numbers(found) == ["b.jpg#0", "a.jpg#0"]
    assert found["bbox"].tolist() == [[0, 0, 200, 100], [0, 0, 32, 50]]
    assert set(found["category"]) == {"animal"} and set(found["confidence"]) == {1.0}
    assert problems[["path", "reason"]].values.tolist() == [
        ["tiny.jpg", "box 0 is too small to recognise anyone: 31 by 500 pixels, the short side below 32"]
    ]


def test_what_goes_on(photos: Photos, lila: Lila) -> None:
    path = lila(
        {
            "z.jpg": [("1", 0.19, BIG), ("1", 0.2, BIG), ("2", 0.9, BIG)],
            "a.jpg": [("1", 0.9, [0, 0, 0.05, 0.5]), ("1", 0.9, [0.5, 0.5, 0.1, 0.5])],
            "nothing.jpg": [("2", 0.9, BIG)],
        }
    )
    table = photos({"z.jpg": (500, 400), "nothing.jpg": (500, 400), "a.jpg": (500, 400)})
    found, problems = detect(table, "", DetectorSettings(file=str(path)))
    # In the order of the photos table, numbered as in the file; the threshold itself is enough.
    assert numbers(found) == ["z.jpg#1", "a.jpg#1"]
    # Neither the unlikely box nor persons nor the photo without animals are problems; 25 pixels are.
    assert problems["path"].tolist() == ["a.jpg"]
    assert "box 0 is too small" in problems["reason"][0] and "25 by 200" in problems["reason"][0]
    persons, _ = detect(table, "", DetectorSettings(file=str(path), categories=("Person",)))
    assert numbers(persons) == ["z.jpg#2", "nothing.jpg#0"]


def test_a_box_written_twice(photos: Photos, lila: Lila) -> None:
    near = [0.1, 0.1, 0.5, 0.46]  # 0.92 of the first
    apart = [0.1, 0.1, 0.5, 0.4]  # 0.8 of the first
    path = lila({"1.jpg": [("1", 0.8, BIG), ("1", 0.9, near), ("2", 0.95, BIG), ("1", 0.7, apart)]})
    found, problems = detect(
        photos({"1.jpg": (500, 400)}), "", DetectorSettings(file=str(path), categories=("animal", "person"))
    )
    # 3 overlaps 1 by 0.4 / 0.46 = 0.87, so it repeats it too; the person is somebody else.
    assert numbers(found) == ["1.jpg#1", "1.jpg#2"] and len(problems) == 0
    path = lila({"1.jpg": [("1", 0.8, BIG), ("1", 0.7, apart)]})
    assert len(detect(photos({"1.jpg": (500, 400)}), "", DetectorSettings(file=str(path)))[0]) == 2


part = st.floats(0, 1)
boxes = st.tuples(part, part, part, part).map(list)
found_on = st.lists(st.tuples(st.sampled_from(["1", "2", "9"]), st.floats(0, 1), boxes), max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(listed=st.lists(found_on, min_size=1, max_size=4), low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_higher_threshold_only_takes_away(
    listed: list[list[Any]], low: float, high: float, photos: Photos, lila: Lila
) -> None:
    low, high = sorted((low, high))
    names = [f"{i}.jpg" for i in reversed(range(len(listed)))]
    path = lila(dict(zip(names, listed, strict=True)))
    table = photos(dict.fromkeys(sorted(names), (640, 480)))
    more, _ = detect(table, "", DetectorSettings(file=str(path), confidence=low))
    less, _ = detect(table, "", DetectorSettings(file=str(path), confidence=high))
    rows = {row.detection_id: row for row in more.itertuples()}
    for row in less.itertuples():
        assert row.bbox == rows[row.detection_id].bbox and row.confidence == rows[row.detection_id].confidence
    assert set(less["detection_id"]) == {key for key, row in rows.items() if row.confidence >= high}
    check(more, DETECTIONS)
    keys = [(key.split(".")[0], int(key.split("#")[1])) for key in more["detection_id"]]
    assert keys == sorted(keys)
    for row in more.itertuples():
        x, y, w, h = row.bbox
        assert min(x, y) >= 0 and x + w <= 640 + 1e-9 and y + h <= 480 + 1e-9 and min(w, h) >= 32
        same = more[(more["image_id"] == row.image_id) & (more["detection_id"] != row.detection_id)]
        assert all(iou(row.bbox, other) <= 0.85 for other in same["bbox"])


def test_the_same_input_gives_the_same_tables(golden: Path, season: pd.DataFrame) -> None:
    made = DetectorSettings(file=str(golden / "megadetector-1.6.json"))
    first, second = detect(season, "x", made), detect(season, "y", made)
    for a, b, table in zip(first, second, (DETECTIONS, PROBLEMS), strict=True):
        pd.testing.assert_frame_equal(a, b)
        pd.testing.assert_frame_equal(check(a, table), a)
        assert str(golden) not in json.dumps(a.astype(str).values.tolist())


def test_no_photos_and_no_photos_table(photos: Photos, lila: Lila) -> None:
    found, problems = detect(photos({}), "", DetectorSettings(name="whole"))
    assert len(found) == len(problems) == 0 and list(found.columns) == DETECTIONS.names
    with pytest.raises(TableError, match="image_id"):
        detect(pd.DataFrame({"file": ["1.jpg"]}), "", DetectorSettings(name="whole"))

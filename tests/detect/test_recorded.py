"""Boxes looked up in a detections file: on which photo, where on it, and what cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from reid.detect import Detector, read_detections
from reid.detect.recorded import RecordedBoxes
from reid.errors import InputError

JAGUARS = Path(__file__).resolve().parents[2] / "samples" / "jaguars"
BOX = [0.1, 0.1, 0.5, 0.5]

Photos = Callable[[dict[str, Any]], pd.DataFrame]
Lila = Callable[..., Path]


def look_up(path: Path, photos: pd.DataFrame) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Boxes by photo and number, and reasons by path."""
    found, problems = RecordedBoxes(path).detect(photos, Path())
    assert set(problems["stage"]) <= {"detect"}
    boxes = {
        key.replace("@0123456789ab", ""): box for key, box in zip(found["detection_id"], found["bbox"], strict=True)
    }
    return boxes, problems.groupby("path")["reason"].apply(list).to_dict()


def test_it_is_a_detector() -> None:
    assert isinstance(RecordedBoxes(Path("x.json")), Detector)


def test_the_sample_jaguars(photos: Photos) -> None:
    """One box on each of the 19 photos, in pixels; two worked by hand from the file's numbers."""
    sizes = {p.relative_to(JAGUARS).as_posix(): Image.open(p).size for p in sorted(JAGUARS.rglob("*.jpg"))}
    assert len(sizes) == 19 and sizes["AABP_13/20051007_1205.jpg"] == (1400, 946)
    found, problems = RecordedBoxes(JAGUARS / "megadetector.json").detect(photos(sizes), JAGUARS)
    assert len(problems) == 0
    assert len(found) == 19 and found["image_id"].nunique() == 19
    assert set(found["category"]) == {"animal"}
    assert set(found["detector"]) == {"MegaDetector, as published with animl-py"}
    rows = found.set_index(found["image_id"].str.split("@").str[0])
    # 0.0197 * 1400 = 27.58; 0.4283 * 946 = 405.1718;
    # right 0.6133 * 1400 = 858.62; bottom 0.8034 * 946 = 760.0164
    assert rows.loc["AABP_13/20051007_1205.jpg", "bbox"] == pytest.approx([27.58, 405.17, 831.04, 354.85])
    assert rows.loc["AABP_13/20051007_1205.jpg", "confidence"] == 0.956
    # 0.8302 + 0.1698 = 1: up to the right edge
    box = rows.loc["AABP_17/20051024_0559.jpg", "bbox"]
    assert box[0] + box[2] == pytest.approx(sizes["AABP_17/20051024_0559.jpg"][0])


def test_boxes_are_cut_to_the_photo(photos: Photos, lila: Lila) -> None:
    path = lila(
        {
            "1.jpg": [
                ("1", 0.9, [-0.01, 0.5, 0.51, 0.502]),
                ("1", 0.8, [1.1, 0, 0.2, 0.2]),
                ("1", 0.7, [0.5, 0, 1, 1]),
            ]
        }
    )
    boxes, reasons = look_up(path, photos({"1.jpg": (200, 100)}))
    assert boxes == {"1.jpg#0": [0, 50, 100, 50], "1.jpg#2": [100, 0, 100, 100]}
    assert len(reasons["1.jpg"]) == 2
    assert "box 1 lies outside the photo" in reasons["1.jpg"]
    assert any(reason.startswith("box 2 reaches far beyond the photo") for reason in reasons["1.jpg"])


def test_a_box_on_a_turned_photo_is_relative_to_the_upright_one(tmp_path: Path, photos: Photos, lila: Lila) -> None:
    """A white patch on a photo that EXIF turns: the box, on the upright photo, holds just the patch."""
    stored = np.zeros((120, 200), np.uint8)
    stored[20:60, 150:190] = 255
    image = Image.fromarray(stored)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "turned.png")))
    assert upright.shape == (200, 120)
    ys, xs = np.nonzero(upright)
    width, height = xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()
    relative = [float(v) for v in (xs.min() / 120, ys.min() / 200, width / 120, height / 200)]
    boxes, _ = look_up(lila({"turned.png": [("1", 0.9, relative)]}), photos({"turned.png": (120, 200)}))
    x, y, w, h = (round(v) for v in boxes["turned.png#0"])
    assert (upright[y : y + h, x : x + w] == 255).all() and w * h == (stored == 255).sum()


@pytest.mark.parametrize(
    ("detection", "says"),
    [
        (("1", 0.9, [0.1, 0.1, 0.5]), "not four numbers"),
        (("1", 0.9, [0.1, 0.1, 0.5, 0.5, 0.5]), "not four numbers"),
        (("1", 0.9, None), "not four numbers"),
        (("1", 0.9, {"x": 0.1}), "not four numbers"),
        (("1", 0.9, [0.1, 0.1, "0.5", 0.5]), "not four numbers"),
        (("1", 0.9, [0.1, 0.1, True, 0.5]), "not four numbers"),
        (("1", 0.9, [0.1, 0.1, float("nan"), 0.5]), "not four numbers"),
        (("1", 0.9, [0.1, 0.1, float("inf"), 0.5]), "not four numbers"),
        (("1", 0.9, [10**400, 0.1, 0.5, 0.5]), "not four numbers"),
        (("1", 0.9, [0.1, 0.1, 0, 0.5]), "no area"),
        (("1", 0.9, [0.1, 0.1, 0.5, -0.5]), "no area"),
        (("1", 0.9, [-1e308, 0.1, 1e308, 0.5]), "outside the photo"),
        (("1", None, BOX), "confidence"),
        (("1", "0.9", BOX), "confidence"),
        (("1", float("nan"), BOX), "confidence"),
        (("1", 1.01, BOX), "confidence"),
        (("1", -0.01, BOX), "confidence"),
        (("1", 90, BOX), "confidence"),
        ({"conf": 0.9, "bbox": BOX}, "no category"),
        (["1", 0.9, BOX], "no category"),
        (None, "no category"),
    ],
)
def test_a_broken_box_is_a_row_with_its_reason(detection: Any, says: str, photos: Photos, lila: Lila) -> None:
    path = lila({"1.jpg": [("1", 0.8, BOX), detection, ("1", 0.7, BOX)]})
    boxes, reasons = look_up(path, photos({"1.jpg": (200, 100)}))
    assert set(boxes) == {"1.jpg#0", "1.jpg#2"}  # the others are there, with their own numbers
    assert len(reasons["1.jpg"]) == 1
    assert reasons["1.jpg"][0].startswith("box 1 ") and says in reasons["1.jpg"][0]


@pytest.mark.parametrize(("conf", "expected"), [(1.0004, 1.0), (-0.0004, 0.0), (1, 1.0), (0, 0.0)])
def test_a_rounded_confidence_is_no_problem(conf: float, expected: float, photos: Photos, lila: Lila) -> None:
    found, problems = RecordedBoxes(lila({"1.jpg": [("1", conf, BOX)]})).detect(photos({"1.jpg": (200, 100)}), Path())
    assert found["confidence"].tolist() == [expected] and len(problems) == 0


def test_every_file_is_a_photo_or_a_problem(photos: Photos, lila: Lila) -> None:
    path = lila(
        {
            "A/seen.jpg": [("1", 0.9, BOX)],
            "A/empty.jpg": [],
            "A/failed.jpg": {"failure": "Failure\nimage access", "detections": None},
            "A/failed on the old form.jpg": {"failure": "Failure TF inference", "detections": []},
            "A/nothing.jpg": {},
            "A/clip.mp4": {"detections": [{"category": "1", "conf": 0.9, "bbox": BOX, "frame_number": 3}]},
            "A/unreadable.jpg": {"failure": "cannot open", "detections": None},
            "A/elsewhere.jpg": [("1", 0.9, BOX)],
        }
    )
    sizes = {f"A/{n}.jpg": (200, 100) for n in ("seen", "empty", "failed", "failed on the old form", "nothing", "new")}
    boxes, reasons = look_up(path, photos({**sizes, "A/unreadable.jpg": "truncated"}))
    assert set(boxes) == {"A/seen.jpg#0"}
    assert reasons == {
        "A/failed.jpg": ["the detector failed on it: Failure image access"],
        "A/failed on the old form.jpg": ["the detector failed on it: Failure TF inference"],
        "A/nothing.jpg": ["the detections file gives neither boxes nor a reason"],
        "A/clip.mp4": ["a video; only photographs are read"],
        "A/elsewhere.jpg": ["listed in the detections file, not among the photos"],
        "A/new.jpg": ["not in the detections file detections.json"],
    }


def test_a_file_listed_twice_and_one_without_a_name(photos: Photos, lila: Lila) -> None:
    twice = {"file": "./A/1.jpg", "detections": [{"category": "1", "conf": 0.5, "bbox": [0, 0, 1, 1]}]}
    first = {"file": "A/1.jpg", "detections": [{"category": "1", "conf": 0.9, "bbox": BOX}]}
    path = lila({}, images=[first, twice, {"detections": []}, {"file": " "}, 7])
    boxes, reasons = look_up(path, photos({"A/1.jpg": (200, 100)}))
    assert boxes == {"A/1.jpg#0": [20, 10, 100, 50]}
    assert "more than once" in reasons.pop("./A/1.jpg")[0]
    assert set(reasons) == {"images[2]", "images[3]", "images[4]"}


def test_a_name_that_may_be_two_photos_is_said_of_all_three(photos: Photos, lila: Lila) -> None:
    path = lila({"1.jpg": [("1", 0.9, BOX)]})
    boxes, reasons = look_up(path, photos({"A/1.jpg": (200, 100), "B/1.jpg": (200, 100)}))
    assert boxes == {}
    assert set(reasons) == {"1.jpg", "A/1.jpg", "B/1.jpg"}
    assert all("A/1.jpg and B/1.jpg" in reason for some in reasons.values() for reason in some)


def test_a_photo_of_unknown_size_is_a_row(photos: Photos, lila: Lila) -> None:
    table = photos({"1.jpg": (200, 100)})
    table["width"] = pd.array([None], dtype="Int64")
    boxes, reasons = look_up(lila({"1.jpg": [("1", 0.9, BOX)]}), table)
    assert boxes == {} and reasons == {"1.jpg": ["the size of the photo is not known"]}


def test_a_file_of_other_photos_is_an_error_with_an_example_of_each(photos: Photos, lila: Lila) -> None:
    with pytest.raises(InputError, match=r"'B/2\.jpg'.*'A/1\.jpg'"):
        look_up(lila({"B/2.jpg": []}), photos({"A/1.jpg": (200, 100)}))
    with pytest.raises(InputError, match="lists no files"):
        look_up(lila({}), photos({"A/1.jpg": (200, 100)}))


def test_no_photos_at_all(photos: Photos, lila: Lila) -> None:
    boxes, reasons = look_up(lila({"B/2.jpg": []}), photos({}))
    assert boxes == {} and list(reasons) == ["B/2.jpg"]


def test_half_a_surrogate_pair_can_still_be_written(photos: Photos, lila: Lila) -> None:
    path = lila({"A/1.jpg": [], "A/\ud800.jpg": {"failure": "\udfff"}})
    _, reasons = look_up(path, photos({"A/1.jpg": (200, 100)}))
    assert [name.encode("utf-8") for name in reasons] == [b"A/?.jpg"]


def test_lists_that_do_not_fit_together(tmp_path: Path, photos: Photos) -> None:
    path = tmp_path / "pw.json"
    path.write_text(
        '{"annotations": [{"img_id": "1.jpg", "bbox": [[0, 0, 9, 9]], "category": [0, 1], "confidence": []}]}'
    )
    boxes, reasons = look_up(path, photos({"1.jpg": (20, 20)}))
    assert boxes == {} and "one length" in reasons["1.jpg"][0]


def test_corners_in_the_wrong_order_have_no_area(tmp_path: Path, photos: Photos) -> None:
    path = tmp_path / "list.json"
    path.write_text(
        '[{"file": "1.jpg", "detections": [{"category": "Animal ", "confidence": 1, "bbox": [9, 9, 3, 12]}]}]'
    )
    boxes, reasons = look_up(path, photos({"1.jpg": (20, 20)}))
    assert boxes == {} and "no area" in reasons["1.jpg"][0]


def test_reading_alone_keeps_what_the_file_says(lila: Lila) -> None:
    recorded = read_detections(lila({"x\\1.jpg": [("2", 0.9, BOX)]}))
    (entry,) = recorded.entries
    assert entry.file == "x\\1.jpg"
    (box,) = entry.boxes
    assert (box.category, box.confidence, box.bbox, box.unit) == ("person", 0.9, tuple(BOX), "relative")

"""Bursts: a moving animal is believed more, a still stone is not, and single photos stay as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid.detect.boxes import iou
from reid.detect.bursts import BurstSettings, believe_motion, bursts_of, motion
from reid.detect.protocol import detection_row, tables
from reid.errors import ConfigError
from reid.photos import scan
from reid.tables import PHOTOS, from_rows

ON = BurstSettings(lift=0.6)


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Path]:
    """Eight photos of one camera: a spotted square walks to the right past a dark stone; the exposure changes."""
    folder, rng = tmp_path_factory.mktemp("burst"), np.random.default_rng(0)
    ground = rng.integers(90, 150, (240, 320)).astype(float)
    ground[150:200, 250:300] = 30
    coat = np.kron(rng.integers(0, 2, (5, 5)), np.ones((12, 12))) * 160.0 + 40
    (folder / "cam").mkdir()
    for n in range(8):
        photo = ground.copy()
        photo[80:140, 10 + 30 * n : 70 + 30 * n] = coat
        photo = (photo * (1 + 0.05 * (n % 3)) + rng.normal(0, 3, photo.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(photo).convert("RGB").save(folder / "cam" / f"20120722_0153{n:02d}.png")
    return scan(folder)[0], folder


def boxes(photos: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for n, image in enumerate(photos["image_id"]):
        rows.append(detection_row(image, 0, "animal", 0.2, (10.0 + 30 * n, 80.0, 60.0, 60.0), "x"))
        rows.append(detection_row(image, 1, "animal", 0.2, (250.0, 150.0, 50.0, 50.0), "x"))
    return tables(rows, [])[0]


def test_what_moves_is_believed(burst: tuple[pd.DataFrame, Path]) -> None:
    photos, root = burst
    found = believe_motion(boxes(photos), photos, root, ON)
    walker, stone = found["confidence"][::2], found["confidence"][1::2]
    assert walker.min() > 0.4 and stone.max() < 0.25
    assert found.drop(columns="confidence").equals(boxes(photos).drop(columns="confidence"))


def test_single_photos_and_a_lift_of_nought_change_nothing(burst: tuple[pd.DataFrame, Path]) -> None:
    photos, root = burst
    given = boxes(photos)
    assert believe_motion(given, photos, root, BurstSettings()).equals(given)
    alone = photos.iloc[:1]
    one = given[given["image_id"] == alone["image_id"].iloc[0]]
    assert believe_motion(one, alone, root, ON).equals(one)


def test_what_moves_without_a_box_becomes_one(burst: tuple[pd.DataFrame, Path]) -> None:
    photos, root = burst
    stones = boxes(photos).iloc[1::2]
    found = believe_motion(stones, photos, root, BurstSettings(alone=0.3))
    made = found[found["detector"] == "motion"]
    assert len(made) == len(photos) and set(made["confidence"]) == {0.3}
    for n, (box, key) in enumerate(zip(made["bbox"], made["detection_id"], strict=True)):
        assert key.endswith("#2") and iou(box, (10 + 30 * n, 80, 60, 60)) > 0.6
    # where the network has the walker, no second box is made of it
    assert len(believe_motion(boxes(photos), photos, root, BurstSettings(alone=0.3))) == 2 * len(photos)


def test_a_camera_that_was_moved_tells_nothing(burst: tuple[pd.DataFrame, Path], tmp_path: Path) -> None:
    (tmp_path / "cam").mkdir()
    rng = np.random.default_rng(1)
    for n in range(6):  # nothing is the same twice
        smooth = np.kron(rng.integers(0, 255, (6, 8)), np.ones((40, 40))).astype(np.uint8)
        Image.fromarray(smooth).convert("RGB").save(tmp_path / "cam" / f"20120722_0153{n:02d}.png")
    photos = scan(tmp_path)[0]
    given = boxes(photos)
    found = believe_motion(given, photos, tmp_path, ON)
    assert (found["confidence"] - given["confidence"]).mean() < 0.2


def test_motion_is_where_the_square_is(burst: tuple[pd.DataFrame, Path]) -> None:
    photos, root = burst
    frames = [np.asarray(Image.open(root / path).convert("L")).astype(np.float32) for path in photos["path"]]
    for n, moves in enumerate(motion(frames)):
        inside = moves[80:140, 10 + 30 * n : 70 + 30 * n]
        assert inside.mean() > 0.6 and moves.sum() - inside.sum() < 0.02 * moves.size


def row(
    name: str, camera: str | None, second: int | None, size: int = 100, error: str | None = None
) -> dict[str, object]:
    date = None if second is None else pd.Timestamp("2012-07-22") + pd.Timedelta(seconds=second)
    return {
        "image_id": name,
        "path": name,
        "width": size,
        "height": size,
        "camera": camera,
        "date": date,
        "error": error,
    }


def test_which_photos_are_a_burst() -> None:
    photos = from_rows(
        [row(f"a{n}", "A", 60 * n) for n in range(5)] + [row("late", "A", 900)]
        + [row(f"b{n}", "B", n) for n in range(3)] + [row(f"c{n}", "C", n, 100 + 10 * n) for n in range(5)]
        + [row("timeless", "A", None), row("homeless", None, 5), row("bad", "A", 61, error="0 bytes")],
        PHOTOS,
    )  # fmt: skip
    assert bursts_of(photos, ON) == [["a0", "a1", "a2", "a3", "a4"]]
    many = from_rows([row(f"{n:03d}", "A", n) for n in range(90)], PHOTOS)
    assert [len(part) for part in bursts_of(many, ON)] == [40, 40, 10]


def test_wrong_settings() -> None:
    for wrong, says in (
        ({"lift": 2}, "between 0 and 1"),
        ({"alone": -1}, "between 0 and 1"),
        ({"least": 2}, "nobody knows"),
        ({"gap_s": 0}, "above 0"),
    ):
        with pytest.raises(ConfigError, match=says):
            BurstSettings(**wrong)  # type: ignore[arg-type]

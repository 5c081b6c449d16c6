"""Photos of one coat agree when the pose is undone, and by an independent matcher; photos of two do not."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from reid.synthetic import PictureSettings, SurveySettings, SynthesisSettings
from reid.synthetic.flank import see
from reid.synthetic.season import Shot, plan_season
from reid.synthetic.shoot import Photographer

TRAP = SynthesisSettings(
    individuals=3, photos=12, seed=5, survey=SurveySettings(stations=2, burst=1),
    picture=PictureSettings(occlusion=0, size=(0.5, 0.6)),
)  # fmt: skip
CLEAR = SynthesisSettings(
    individuals=3, photos=8, seed=6, survey=SurveySettings(stations=2, burst=1),
    picture=PictureSettings(lights=("day",), occlusion=0, yaw=12, motion=0, noise=2, size=(0.65, 0.75)),
)  # fmt: skip


def by_flank(settings: SynthesisSettings, each: int) -> tuple[Photographer, dict[tuple[int, str], list[Shot]]]:
    season = plan_season(settings)
    groups: dict[tuple[int, str], list[Shot]] = {}
    for shot in season.shots:
        groups.setdefault((shot.animal, shot.orientation), []).append(shot)
    return Photographer(settings, season), {key: shots[:each] for key, shots in groups.items() if len(shots) >= each}


def undone(photographer: Photographer, shot: Shot) -> np.ndarray:
    """The trunk's coat as it grew: every pixel of the photo put back at its place on the coat, less slow changes."""
    pixels, _ = photographer.photo(shot)
    grey = pixels.mean(axis=2)
    taken = photographer.taken(shot)
    figure = see(taken.pose, taken.view)
    body = figure.layers[-1]
    rows, columns = np.nonzero((body.alpha > 0.99) & (body.normal[..., 2] > 0.5))
    y, x = rows + figure.top + body.top, columns + figure.left + body.left
    inside = (y >= 0) & (y < grey.shape[0]) & (x >= 0) & (x < grey.shape[1])
    u, v = body.u[rows, columns][inside], body.v[rows, columns][inside]
    edges = [np.arange(0.58, 0.96, 0.012), np.arange(-0.45, 0.35, 0.012)]
    total, _, _ = np.histogram2d(v, u, bins=edges, weights=grey[y[inside], x[inside]])
    count, _, _ = np.histogram2d(v, u, bins=edges)
    coat = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    known = np.isfinite(coat)
    filled = np.where(known, coat, 0).astype(np.float32)
    slow = cv2.GaussianBlur(filled, (0, 0), 6) / np.maximum(cv2.GaussianBlur(known.astype(np.float32), (0, 0), 6), 1e-3)
    return np.where(known, coat / np.maximum(slow, 1) - 1, np.nan)


def agreement(one: np.ndarray, two: np.ndarray) -> float:
    """Best correlation within a shift of two cells: the skeleton does not undo the last centimetre."""
    best = -1.0
    for down, across in itertools.product(range(-2, 3), repeat=2):
        moved = np.roll(two, (down, across), axis=(0, 1))
        both = np.isfinite(one) & np.isfinite(moved)
        best = max(best, float(np.corrcoef(one[both], moved[both])[0, 1]))
    return best


def test_undoing_the_pose_gives_the_coat_back() -> None:
    photographer, groups = by_flank(TRAP, 3)
    assert len(groups) == 6
    coats = {key: [undone(photographer, shot) for shot in shots] for key, shots in groups.items()}
    same = [agreement(a, b) for members in coats.values() for a, b in itertools.combinations(members, 2)]
    # two animals, and the two flanks of one animal alike
    other = [agreement(coats[one][0], coats[two][0]) for one, two in itertools.combinations(coats, 2)]
    assert np.median(same) > 0.5
    assert max(other) < 0.4
    assert np.mean(np.array(same) > max(other)) > 0.85


def test_sift_finds_the_same_animal() -> None:
    photographer, groups = by_flank(CLEAR, 2)
    sift = cv2.SIFT_create()
    found = {}
    for key, shots in groups.items():
        for number, shot in enumerate(shots):
            pixels, (left, top, width, height) = photographer.photo(shot)
            crop = cv2.cvtColor(pixels[top : top + height, left : left + width], cv2.COLOR_RGB2GRAY)
            found[(*key, number)] = sift.detectAndCompute(crop, None)[1]

    def matches(a: np.ndarray, b: np.ndarray) -> int:
        pairs = cv2.BFMatcher().knnMatch(a, b, k=2)
        return sum(first.distance < 0.75 * second.distance for first, second in pairs)

    same, other = [], []
    for (one, a), (two, b) in itertools.combinations(found.items(), 2):
        if one[1] == two[1]:
            (same if one[0] == two[0] else other).append(matches(a, b))
    assert np.mean(same) > 2 * np.mean(other)


def test_the_animal_is_where_the_box_says() -> None:
    """Outside the box two animals of one place and light leave the same photo; inside they do not."""
    settings = SynthesisSettings(
        individuals=1, photos=1, seed=2, survey=SurveySettings(stations=1, burst=1),
        picture=PictureSettings(width=320, height=240, lights=("day",), occlusion=0, motion=0, noise=0),
    )  # fmt: skip
    season = plan_season(settings)
    photographer = Photographer(settings, season)
    shot = season.shots[0]
    with_animal, (left, top, width, height) = photographer.photo(shot)
    other_coat = Photographer(settings, season)
    bare = other_coat.coat(0, shot.orientation)
    bare.skin[..., :3] = 0.9
    bare.skin[..., 3] = 0
    without_marks, box = other_coat.photo(shot)
    assert box == (left, top, width, height)
    differs = np.abs(with_animal.astype(int) - without_marks).max(axis=2) > 30
    rows, columns = np.nonzero(differs)
    assert columns.min() >= left - 3
    assert rows.min() >= top - 3
    assert columns.max() < left + width + 3
    assert rows.max() < top + height + 3
    assert differs[top : top + height, left : left + width].mean() > 0.1


@pytest.mark.parametrize("light", ["day", "flash", "infrared"])
def test_light(light: str) -> None:
    settings = SynthesisSettings(
        individuals=2, photos=2, survey=SurveySettings(stations=1),
        picture=PictureSettings(width=320, height=240, lights=(light,), noise=1, occlusion=0),
    )  # fmt: skip
    season = plan_season(settings)
    photographer = Photographer(settings, season)
    for shot in season.shots:
        pixels, (left, top, width, height) = photographer.photo(shot)
        assert (np.ptp(pixels, axis=2) == 0).all() == (light == "infrared")
        animal = pixels[top : top + height, left : left + width].mean()
        far = pixels[:40].mean()
        if light != "day":
            assert far < 0.75 * animal
        assert 25 < animal < 235


@pytest.mark.parametrize(
    ("width", "height", "size"), [(160, 120, 0.1), (200, 150, 1.0), (160, 400, 1.0), (400, 120, 1.0)]
)
def test_extremes(width: int, height: int, size: float) -> None:
    """The smallest and the largest animal, turned as far as can be, is in the photo."""
    settings = SynthesisSettings(
        individuals=2, photos=2, survey=SurveySettings(stations=1),
        picture=PictureSettings(width=width, height=height, size=(size, size), yaw=50),
    )  # fmt: skip
    season = plan_season(settings)
    photographer = Photographer(settings, season)
    for shot in season.shots:
        pixels, (left, top, wide, high) = photographer.photo(shot)
        assert pixels.shape == (height, width, 3)
        assert 0 <= left < left + wide <= width
        assert 0 <= top < top + high <= height
        assert wide > 0.07 * width

"""The animal in the picture: where it lies, and which place of the coat shows where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reid.synthetic.camera import box_of, outline
from reid.synthetic.flank import View, see
from reid.synthetic.noise import stream
from reid.synthetic.skeleton import REST, Pose, draw_pose, skeleton

VIEW = View(scale=120, distance=5, camera_height=0.8, centre=200, horizon=120, yaw=0, faces_left=False)
SHAPE = (300, 400)


def test_at_rest_from_the_side_the_coat_lies_as_it_grew() -> None:
    """Middle lines of trunk and head show their own place of the plane, at a plain pinhole's pixel."""
    figure = see(REST, VIEW)
    body = figure.layers[-1]
    for name, part in (("trunk", 8), ("trunk", 11), ("head", 6)):
        x, y, _ = skeleton(REST)[name].points[part]
        column = VIEW.centre + x * 120 - figure.left - body.left
        row = VIEW.horizon + (0.8 - y) * 120 - figure.top - body.top
        assert body.u[round(row), round(column)] == pytest.approx(x, abs=0.03)
        assert body.v[round(row), round(column)] == pytest.approx(y, abs=0.03)
        assert body.alpha[round(row), round(column)] == 1


def test_skin_is_unrolled_towards_the_outline() -> None:
    """Across the trunk, the coat's height goes as the arc sine of the picture's."""
    figure = see(REST, VIEW)
    body = figure.layers[-1]
    trunk = skeleton(REST)["trunk"]
    x, y, _ = trunk.points[8]
    radius = trunk.radii[8]
    column = round(VIEW.centre + x * 120 - figure.left - body.left)
    for share in (0.3, 0.6, 0.85):
        row = round(VIEW.horizon + (0.8 - y - share * radius) * 120 - figure.top - body.top)
        there = (VIEW.horizon + (0.8 - y) * 120 - figure.top - body.top - row) / (radius * 120)
        assert body.v[row, column] - y == pytest.approx(radius * np.arcsin(there), abs=0.03)


def test_the_left_side_is_the_mirrored_right() -> None:
    pose = draw_pose(stream(1), stream(2))
    view = replace(VIEW, yaw=0.4)
    right, left = see(pose, view), see(pose, replace(view, faces_left=True))
    # the hair along the outline is not mirrored
    assert np.mean(np.abs(left.mask() - right.mask()[:, ::-1])) < 0.03
    np.testing.assert_allclose(left.layers[-1].u, right.layers[-1].u[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(left.layers[-1].normal[..., 0], -right.layers[-1].normal[:, ::-1, 0], atol=1e-5)
    assert left.eye[0] == pytest.approx(right.shape[1] - right.eye[0])


@pytest.mark.parametrize("yaw", [-0.6, 0.6])
def test_turning_makes_shorter(yaw: float) -> None:
    no_tail = [figure.layers[-1] for figure in (see(REST, VIEW), see(REST, replace(VIEW, yaw=yaw, distance=50.0)))]
    wide = [np.ptp(np.flatnonzero((layer.alpha > 0.5).any(axis=0))) for layer in no_tail]
    # the trunk's own thickness shows more, so it shrinks a little less than the cosine
    assert np.cos(yaw) * 0.97 < wide[1] / wide[0] < np.cos(yaw) + 0.15


@pytest.mark.parametrize("seed", range(12))
def test_box_encloses_the_mask_and_touches_it(seed: int) -> None:
    rng = stream(seed, 9)
    view = replace(
        VIEW,
        yaw=float(rng.uniform(-0.6, 0.6)),
        centre=float(rng.uniform(0, 400)),
        scale=float(rng.uniform(60, 200)),
        faces_left=bool(seed % 2),
    )
    figure = see(draw_pose(rng, rng), view)
    mask = outline(figure, SHAPE)
    left, top, width, height = box_of(figure, SHAPE)
    rows, columns = np.nonzero(mask)
    assert (left, top) == (columns.min(), rows.min())
    assert (left + width - 1, top + height - 1) == (columns.max(), rows.max())


def test_nothing_in_the_picture_has_no_box() -> None:
    assert box_of(see(REST, replace(VIEW, centre=5000)), SHAPE) == (0, 0, 0, 0)


def test_feet_stand_on_the_ground() -> None:
    figure = see(Pose(stride=0), VIEW)
    rows = np.flatnonzero(outline(figure, SHAPE).any(axis=1))
    # near feet stand a little before the middle, so a little lower
    assert VIEW.ground() - 2 < rows.max() < VIEW.ground() + 6


@pytest.mark.parametrize("seed", range(8))
def test_surface_directions_have_length_one(seed: int) -> None:
    for layer in see(draw_pose(stream(seed), stream(seed, 1)), VIEW).layers:
        inside = layer.alpha > 0.99
        length = np.linalg.norm(layer.normal[inside], axis=-1)
        np.testing.assert_allclose(length, 1, atol=1e-5)


def test_bones_keep_their_length_in_every_pose() -> None:
    for seed in range(10):
        pose = draw_pose(stream(seed), stream(seed, 1))
        for name, tube in skeleton(pose).items():
            way, rest = (np.linalg.norm(np.diff(t.points, axis=0), axis=1).sum() for t in (tube, skeleton(REST)[name]))
            assert way == pytest.approx(rest, rel=0.25 if "hind" in name or "fore" in name else 0.12), name

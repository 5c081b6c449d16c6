"""The animal's build: limbs as tubes along bent lines, at rest and in any pose of a walk.

Lengths are in shoulder heights; `x` runs to the nose, `y` up from the ground, `z` towards the side that is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["REST", "Pose", "Tube", "draw_pose", "eye", "next_pose", "skeleton"]

TUBE_POINTS = 16
STANCE = 0.62
"""Share of a step in which a foot stands on the ground."""
GAIT = {"near_hind": 0.0, "near_fore": 0.25, "far_hind": 0.5, "far_fore": 0.75}
"""When in the step each leg is put down: a walking cat moves the legs of one side one after the other."""
NECK = (0.34, 0.80)
"""Where the neck turns."""


@dataclass(frozen=True)
class Pose:
    """How the animal stands or walks, and how it is built.

    Attributes:
        phase: Where in the step, 0 to 1.
        stride: Reach of a foot before and behind, 0 (standing) to about 0.2.
        head: Angle of the neck against rest, radians; positive is up.
        tail: Direction of the tail's root below the horizontal, radians.
        curl: How far the tail bends upwards to its end, radians.
        arch: How much the back is raised in its middle.
        length: Of the trunk, against the usual.
        girth: Of trunk and limbs, against the usual.
    """

    phase: float = 0.0
    stride: float = 0.0
    head: float = 0.0
    tail: float = 0.55
    curl: float = 0.0
    arch: float = 0.0
    length: float = 1.0
    girth: float = 1.0


REST = Pose()


@dataclass(frozen=True)
class Tube:
    """A limb: points of its middle line (n, 3), and radii (n,)."""

    points: np.ndarray
    radii: np.ndarray


def draw_pose(rng: np.random.Generator, build: np.random.Generator) -> Pose:
    """A pose by chance, of an animal whose own numbers `build` give its proportions."""
    walking = rng.random() < 0.85
    return Pose(
        phase=float(rng.random()),
        stride=float(rng.uniform(0.08, 0.18) if walking else rng.uniform(0, 0.05)),
        head=float(rng.uniform(-0.55, 0.3)),
        tail=float(rng.uniform(0.45, 1.15)),
        curl=float(rng.uniform(-0.2, 2.4)),
        arch=float(rng.uniform(-0.025, 0.03)),
        length=float(build.uniform(0.94, 1.08)),
        girth=float(build.uniform(0.93, 1.08)),
    )


def next_pose(pose: Pose, frame: int, rng: np.random.Generator) -> Pose:
    """The pose some photos later: steps further on, head and tail moved a little."""
    return replace(
        pose,
        phase=float((pose.phase + 0.37 * frame + rng.normal(0, 0.05)) % 1),
        head=float(np.clip(pose.head + rng.normal(0, 0.08), -0.6, 0.35)),
        curl=float(np.clip(pose.curl + rng.normal(0, 0.2), -0.3, 2.6)),
    )


def skeleton(pose: Pose) -> dict[str, Tube]:
    """The tubes of an animal by name; the points of one name match between any two poses."""
    long, thick = pose.length, pose.girth
    trunk = _line(
        [(-0.62, 0.740), (-0.50, 0.760), (-0.25, 0.752), (0.0, 0.738), (0.22, 0.738), (0.37, 0.765)],
        [0.125, 0.190, 0.195, 0.205, 0.226, 0.200],
    )
    points = trunk.points.copy()
    points[:, 1] += pose.arch * np.cos(np.clip(points[:, 0] / 0.6, -1, 1) * np.pi / 2)
    points[:, 0] *= long
    tubes = {"trunk": Tube(points, trunk.radii * thick)}
    for name, tube in {**_neck_and_head(pose), **_legs(pose), "tail": _tail(pose)}.items():
        shift = np.array([_shift(name, long), 0, 0])
        tubes[name] = Tube(tube.points + shift, tube.radii * thick)
    return tubes


def eye(pose: Pose) -> np.ndarray:
    """Where the eye is (3,)."""
    place = _turned(np.array([[0.806, 0.962, 0.088]]), pose)[0]
    return place + np.array([_shift("head", pose.length), 0, 0])


def _shift(name: str, length: float) -> float:
    """A longer trunk carries what is fixed to its ends apart."""
    return (length - 1) * (-0.5 if "hind" in name or name == "tail" else 0.38)


def _line(places: list[tuple[float, ...]], radii: list[float], z: float = 0.0) -> Tube:
    """A smooth tube through a few places."""
    from scipy.interpolate import PchipInterpolator

    control = np.array([(*place, z)[:3] for place in places], dtype=np.float64)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(control, axis=0), axis=1))])
    at = np.linspace(0, way[-1], TUBE_POINTS)
    values = PchipInterpolator(way, np.column_stack([control, radii]))(at)
    return Tube(values[:, :3], values[:, 3])


def _turned(points: np.ndarray, pose: Pose, own: float = 0.0) -> np.ndarray:
    """Points of neck and head, turned with the neck about its root; `own` turns the head back about its own joint."""
    pivot = np.array(NECK)
    out = points.copy()
    if own:
        joint = np.array((0.66, 0.92))
        out[:, :2] = (out[:, :2] - joint) @ _rotation(own).T + joint
    out[:, :2] = (out[:, :2] - pivot) @ _rotation(pose.head).T + pivot
    return out


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _neck_and_head(pose: Pose) -> dict[str, Tube]:
    parts = {
        "neck": _line([(0.30, 0.80), (0.47, 0.86), (0.66, 0.92)], [0.195, 0.158, 0.118]),
        "head": _line([(0.68, 0.945), (0.78, 0.945), (0.875, 0.905), (0.945, 0.885)], [0.116, 0.112, 0.078, 0.056]),
        "jaw": _line([(0.74, 0.885), (0.84, 0.868), (0.93, 0.855)], [0.080, 0.062, 0.045]),
        "near_ear": _line([(0.700, 1.015), (0.672, 1.058)], [0.046, 0.028], 0.07),
        "far_ear": _line([(0.735, 1.025), (0.722, 1.068)], [0.042, 0.026], -0.07),
    }
    return {
        name: Tube(_turned(tube.points, pose, 0.0 if name == "neck" else -0.6 * pose.head), tube.radii)
        for name, tube in parts.items()
    }


def _legs(pose: Pose) -> dict[str, Tube]:
    legs = {}
    for name, offset in GAIT.items():
        reach, lift = _foot((pose.phase + offset) % 1, pose.stride)
        side = 0.085 if name.startswith("near") else -0.085
        if name.endswith("hind"):
            top, ankle, bend = np.array([-0.45, 0.69]), np.array([-0.53, 0.26]), 1
            lengths, radii = (0.265, 0.275), [0.185, 0.118, 0.052, 0.043, 0.043]
            foot, toes = np.array([-0.485, 0.065]), np.array([0.075, -0.027])
        else:
            top, ankle, bend = np.array([0.34, 0.70]), np.array([0.325, 0.215]), -1
            lengths, radii = (0.285, 0.235), [0.165, 0.088, 0.054, 0.045, 0.046]
            foot, toes = np.array([0.34, 0.065]), np.array([0.078, -0.024])
        top = top + np.array([0.3 * reach, 0])
        ankle = ankle + np.array([0.8 * reach - 0.25 * lift, lift * 1.1])
        knee, ankle = _bent(top, ankle, lengths, bend)
        foot = foot + np.array([reach - 0.5 * lift, lift])
        toes = foot + _rotation(-6 * lift) @ toes
        legs[name] = _line([(*p,) for p in (top, knee, ankle, foot, toes)], radii, side)
    return legs


def _foot(phase: float, stride: float) -> tuple[float, float]:
    """How far a foot is before its rest, and how high above the ground."""
    if phase < STANCE:
        return stride * (1 - 2 * phase / STANCE), 0.0
    swing = (phase - STANCE) / (1 - STANCE)
    return -stride * float(np.cos(np.pi * swing)), 0.55 * stride * float(np.sin(np.pi * swing))


def _bent(top: np.ndarray, end: np.ndarray, lengths: tuple[float, float], bend: int) -> tuple[np.ndarray, np.ndarray]:
    """The joint of a leg of two bones, and its end, drawn nearer where the leg is too short."""
    way = end - top
    reach = np.clip(np.linalg.norm(way), 1e-3, sum(lengths) * 0.999)
    way = way / np.linalg.norm(way)
    along = (lengths[0] ** 2 - lengths[1] ** 2 + reach**2) / (2 * reach)
    aside = np.sqrt(max(lengths[0] ** 2 - along**2, 0))
    return top + way * along + np.array([-way[1], way[0]]) * (bend * aside), top + way * reach


def _tail(pose: Pose) -> Tube:
    bends = np.linspace(0, 1, 9)
    angles = np.pi + pose.tail - pose.curl * bends**1.5
    steps = np.column_stack([np.cos(angles), np.sin(angles)]) * (0.86 / 9)
    places = np.array([-0.60, 0.80]) + np.concatenate([[[0, 0]], np.cumsum(steps, axis=0)])
    # a tail that hangs does not reach into the ground
    places[:, 1] = np.maximum(places[:, 1], 0.06)
    return _line([(*place,) for place in places], [0.062, *np.linspace(0.050, 0.040, 8), 0.030])

"""From the plan of a season to its photos: every photo is drawn from the seed and its own numbers alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reid.synthetic.backgrounds import Place
from reid.synthetic.camera import Lens, take
from reid.synthetic.coats import Coat, draw_style, grow_coat
from reid.synthetic.flank import View
from reid.synthetic.light import Light, draw_light
from reid.synthetic.noise import stream
from reid.synthetic.scene import Scene, make_scene, photographed
from reid.synthetic.season import Season, Shot
from reid.synthetic.settings import PictureSettings, SynthesisSettings
from reid.synthetic.skeleton import Pose, draw_pose, next_pose

__all__ = ["Photographer", "Taken"]

STYLE, BUILD, COAT, PLACE, PATH, PHOTO = 11, 12, 13, 14, 15, 16
"""Which random numbers are which; apart from those of the season."""
BODY = 1.75
"""Nose to rump, in shoulder heights."""
SCENE_BYTES = 256 << 20
"""Memory for places that may be needed again."""


@dataclass(frozen=True)
class Taken:
    """How one photo is taken: all that decides it but the coat and the place."""

    pose: Pose
    view: View
    light: Light
    lens: Lens
    behind: bool


class Photographer:
    """Makes the photos of a season.

    Args:
        settings: Of the season.
        season: Its plan.
        places: Photographs of places for the cameras, in their order, from the first again where there are fewer;
            empty for places from noise.
    """

    def __init__(self, settings: SynthesisSettings, season: Season, places: Sequence[Place] = ()) -> None:
        self.settings, self.season, self.places = settings, season, places
        self.shape = (settings.picture.height, settings.picture.width)
        self._scenes: OrderedDict[int, Scene] = OrderedDict()
        self._coats: dict[tuple[int, str], Coat] = {}

    def photo(self, shot: Shot) -> tuple[np.ndarray, tuple[int, int, int, int]]:
        """The photo, uint8 (rows, columns, 3), RGB, and the animal's box: column, row, width, height."""
        taken = self.taken(shot)
        rng = stream(self.settings.seed, PHOTO, shot.animal, shot.visit, shot.frame, 1)
        scene = self.scene(shot.camera)
        return take(
            self.coat(shot.animal, shot.orientation), taken.pose, taken.view, scene, taken.light, taken.lens,
            taken.behind, rng,
        )  # fmt: skip

    def coat(self, animal: int, orientation: str) -> Coat:
        """One side of an animal; kept until another animal's is asked for."""
        key = (animal, orientation)
        if key not in self._coats:
            self._coats = {other: coat for other, coat in self._coats.items() if other[0] == animal}
            seed = self.settings.seed
            style = draw_style(self.season.animals[animal].pattern, stream(seed, STYLE, animal))
            self._coats[key] = grow_coat(style, stream(seed, COAT, animal, int(orientation == "right")))
        return self._coats[key]

    def scene(self, camera: int) -> Scene:
        """A camera's place; the last used are kept."""
        if camera in self._scenes:
            self._scenes.move_to_end(camera)
            return self._scenes[camera]
        rng = stream(self.settings.seed, PLACE, camera)
        if self.places:
            photo = self.places[camera % len(self.places)].pixels(max(self.shape))
            scene = photographed(photo, self.shape, rng)
        else:
            scene = make_scene(self.shape, rng)
        self._scenes[camera] = scene
        while len(self._scenes) > max(SCENE_BYTES // scene.nbytes, 1):
            self._scenes.popitem(last=False)
        return scene

    def taken(self, shot: Shot) -> Taken:
        """How a photo is taken. The animal walks on from one photo of a visit to the next."""
        picture, seed = self.settings.picture, self.settings.seed
        scene = self.scene(shot.camera)
        path = stream(seed, PATH, shot.animal, shot.visit)
        rng = stream(seed, PHOTO, shot.animal, shot.visit, shot.frame)
        build = stream(seed, BUILD, shot.animal)
        scale = float(path.uniform(*picture.size) * picture.width / BODY)
        yaw = float(path.uniform(-1, 1) * np.radians(picture.yaw))
        behind = bool(path.random() < picture.occlusion)
        start, pace = float(path.random()), float(path.uniform(0.12, 0.3))
        light = draw_light(shot.light, self.shape, scene.focal / scale, scene.shade, path)
        pose = next_pose(draw_pose(path, build), shot.frame, rng)
        view = View(
            scale=scale,
            distance=scene.focal / scale,
            camera_height=scene.camera_height,
            centre=self._centre(scale, start + pace * shot.frame, shot.orientation == "left"),
            horizon=scene.horizon,
            yaw=yaw,
            faces_left=shot.orientation == "left",
        )
        return Taken(pose, view, light, _lens(picture, rng), behind)

    def _centre(self, scale: float, way: float, faces_left: bool) -> float:
        """Column of the animal's middle: it crosses the picture, and turns up on the other side when it has left."""
        width = self.shape[1]
        edge = min(0.85 * scale, width / 2)
        column = edge + (way % 1) * (width - 2 * edge)
        return width - column if faces_left else column


def _lens(picture: PictureSettings, rng: np.random.Generator) -> Lens:
    motion = rng.uniform(0, picture.motion) if rng.random() < 0.35 else 0.0
    return Lens(float(motion), float(rng.uniform(0.2, 0.9)), float(picture.noise * rng.uniform(0.25, 1)))

"""One photo: an animal with its coat, a place, a light, and what the camera adds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reid.synthetic import plane
from reid.synthetic.coats import Coat
from reid.synthetic.flank import Figure, Layer, View, see
from reid.synthetic.light import Light, on_fur, on_scene
from reid.synthetic.noise import grain, smoothstep
from reid.synthetic.scene import Cover, Scene
from reid.synthetic.skeleton import Pose

__all__ = ["Lens", "outline", "take"]


@dataclass(frozen=True)
class Lens:
    """What the camera does to a picture.

    Attributes:
        motion: How far the animal moves while the shutter is open, pixels.
        blur: How far the picture is out of focus, pixels.
        noise: Deviation of the sensor's noise, grey levels.
    """

    motion: float
    blur: float
    noise: float


def take(
    coat: Coat,
    pose: Pose,
    view: View,
    scene: Scene,
    light: Light,
    lens: Lens,
    behind: bool,
    rng: np.random.Generator,
) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Take a photo.

    Args:
        coat: The side that is seen.
        pose: Of the animal.
        view: Where it stands.
        scene: The place.
        light: What lights it.
        lens: What the camera adds.
        behind: Whether the animal is behind the scene's grass and trunk.
        rng: For the sensor's noise.

    Returns:
        The photo, uint8 (rows, columns, 3), RGB; and the box of the animal's outline inside the photo, as column,
        row, width and height in pixels. What grass or a trunk hides counts as outline.
    """
    figure = see(pose, view)
    picture = on_scene(scene.colour, scene.depth, light)
    _shadow(picture, view, light)
    _animal(picture, figure, coat, view, light, lens)
    if behind:
        for cover in scene.covers:
            _cover(picture, cover, light)
    return _develop(picture, light, lens, rng), box_of(figure, picture.shape[:2])


def outline(figure: Figure, shape: tuple[int, int]) -> np.ndarray:
    """The animal's mask on the whole picture, bool (rows, columns)."""
    mask = np.zeros(shape, bool)
    into, of = _overlap(figure.top, figure.left, figure.shape, shape)
    mask[into] = figure.mask()[of] > 0.5
    return mask


def box_of(figure: Figure, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """The smallest box around the outline inside the picture; all zeros where nothing of it is inside."""
    into, of = _overlap(figure.top, figure.left, figure.shape, shape)
    mask = figure.mask()[of] > 0.5
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return (
        int(into[1].start + columns[0]),
        int(into[0].start + rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    )


def _overlap(
    top: int, left: int, shape: tuple[int, int], whole: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a patch lies in a picture, and which part of the patch lies inside it."""
    first = (min(max(top, 0), whole[0]), min(max(left, 0), whole[1]))
    last = (max(min(top + shape[0], whole[0]), first[0]), max(min(left + shape[1], whole[1]), first[1]))
    into = (slice(first[0], last[0]), slice(first[1], last[1]))
    return into, (slice(first[0] - top, last[0] - top), slice(first[1] - left, last[1] - left))


def seen_skin(coat: Coat, layer: Layer) -> np.ndarray:
    """The coat as it shows on a layer, float32 (rows, columns, 4)."""
    import cv2

    column, row = plane.to_pixels(layer.u, layer.v)
    return cv2.remap(coat.skin, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _shadow(picture: np.ndarray, view: View, light: Light) -> None:
    """The ground is darker below the animal."""
    import cv2

    wide, tall = 0.62 * view.scale, 0.10 * view.scale
    shift = -0.25 * light.sun[0] * view.scale if not light.is_lamp else 0
    row = view.ground() - (0.05 * view.scale if not light.is_lamp else 0.12 * view.scale)
    shape = (int(6 * tall), int(2.6 * wide))
    into, of = _overlap(int(row - shape[0] / 2), int(view.centre + shift - shape[1] / 2), shape, picture.shape[:2])
    dark = np.zeros(shape, np.float32)
    middle = (shape[1] // 2, shape[0] // 2)
    strength = 0.62 if not light.is_lamp else 0.4
    cv2.ellipse(dark, middle, (int(wide), int(tall)), 0, 0, 360, strength, -1)
    soft = cv2.GaussianBlur(dark, (0, 0), max(tall * 0.5, 0.5))
    picture[into] *= 1 - soft[of][..., None]


def _animal(picture: np.ndarray, figure: Figure, coat: Coat, view: View, light: Light, lens: Lens) -> None:
    import cv2

    whole = picture.shape[:2]
    colour = np.zeros((*figure.shape, 3), np.float32)
    alpha = np.zeros(figure.shape, np.float32)
    patches = np.ones(figure.shape, np.float32)
    into, of = _overlap(figure.top, figure.left, figure.shape, whole)
    patches[of] = light.patches[into]
    for layer in figure.layers:
        rows, columns = layer.alpha.shape
        place = (slice(layer.top, layer.top + rows), slice(layer.left, layer.left + columns))
        fur = on_fur(seen_skin(coat, layer), layer.normal, light, patches[place], view.distance, layer.lit)
        cover = layer.alpha[..., None]
        colour[place] = colour[place] * (1 - cover) + fur * cover
        alpha[place] = alpha[place] * (1 - layer.alpha) + layer.alpha
    _eye(colour, alpha, figure, light)
    if lens.motion > 1:
        kernel = np.full((1, round(lens.motion)), 1 / round(lens.motion), np.float32)
        colour = np.asarray(cv2.filter2D(colour, -1, kernel), np.float32)
        alpha = np.asarray(cv2.filter2D(alpha, -1, kernel), np.float32)
    picture[into] = picture[into] * (1 - alpha[of][..., None]) + colour[of]


def _eye(colour: np.ndarray, alpha: np.ndarray, figure: Figure, light: Light) -> None:
    """A dark eye by day; one that shines back into a lamp at night."""
    radius = figure.eye_radius
    reach = int(3 * radius) + 3
    column, row = (int(place) for place in figure.eye)
    into, _ = _overlap(row - reach, column - reach, (2 * reach, 2 * reach), alpha.shape)
    place = (figure.eye[0] - into[1].start, figure.eye[1] - into[0].start)
    shade = {"day": (0.30, 0.22, 0.06), "flash": (0.55, 0.75, 0.45), "infrared": (1.5, 1.5, 1.5)}[light.kind]
    part = alpha[into]
    colour[into] *= 1 - 0.9 * (_disc(part.shape, place, radius) * part)[..., None]
    ball = _disc(part.shape, place, radius * (0.75 if light.is_lamp else 0.55)) * part
    colour[into] += ball[..., None] * np.array(shade, np.float32)


def _disc(shape: tuple[int, ...], place: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = (np.arange(size, dtype=np.float32) for size in shape)
    distance = np.hypot(rows[:, None] - place[1], columns[None, :] - place[0])
    return np.asarray(1 - smoothstep(0.6 * radius - 0.3, 1.3 * radius + 0.3, distance), np.float32)


def _cover(picture: np.ndarray, cover: Cover, light: Light) -> None:
    if not cover.alpha.size:
        return
    rows, columns = cover.alpha.shape
    box = (slice(cover.top, cover.top + rows), slice(cover.left, cover.left + columns))
    near = replace(light, patches=light.patches[box])
    lit = on_scene(cover.colour, np.full(cover.alpha.shape, cover.depth, np.float32), near)
    alpha = (cover.alpha / np.float32(255))[..., None]
    picture[box] = picture[box] * (1 - alpha) + lit * alpha


def _develop(picture: np.ndarray, light: Light, lens: Lens, rng: np.random.Generator) -> np.ndarray:
    """From light to grey levels."""
    import cv2

    picture *= light.gain
    if light.kind == "infrared":
        picture = picture[..., :1]
    # the square root stands for a camera's curve; noise of counted light is even after it
    levels = np.sqrt(np.clip(picture, 0, 1.2))
    if lens.blur > 0.3:
        levels = cv2.GaussianBlur(levels, (0, 0), lens.blur).reshape(levels.shape)
    levels *= 255
    levels += lens.noise * grain(rng, levels.shape)
    levels = np.clip(levels, 0, 255).astype(np.uint8)
    return np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels

"""A census as a survey, and its names put onto a survey that came from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from reid._version import __version__
from reid.detect.boxes import iou
from reid.detect.names import match_names
from reid.errors import InputError, TableError
from reid.formats.model import ANIMALS, Note, Survey, make_survey, pixel_box, relative_box
from reid.photos.csvfile import need_columns, read_csv
from reid.tables import PHOTOS, SIGHTINGS, STATIONS, UNKNOWN, check, read, records

__all__ = ["is_census", "name_animals", "read_census", "read_sightings"]

SAME_BOX = 0.5
"""Two boxes on one photo whose `iou` is at least this show one animal."""
BY = f"reid {__version__}"


def is_census(path: str | Path) -> bool:
    """Whether a folder holds a finished census."""
    return (Path(path) / "sightings.csv").is_file() and (Path(path) / "photos.parquet").is_file()


def read_sightings(folder: str | Path) -> pd.DataFrame:
    """The SIGHTINGS table of a census.

    Raises:
        InputError: the folder holds none.
        TableError: it is no table of sightings.
    """
    path = Path(folder) / "sightings.csv"
    if not path.is_file():
        raise InputError(f"no sightings.csv in {folder}; `reid census` writes it.")
    frame = read_csv(path)
    need_columns(frame, ["bbox"], path)
    try:
        boxes = [[float(x) for x in box.strip("[]").split(",")] for box in frame["bbox"]]
    except ValueError as error:
        raise TableError(f"{path}: column 'bbox' must hold [x, y, width, height]: {error}.") from None
    frame = frame.reset_index(drop=True).replace("", None)
    frame["bbox"] = pd.Series(boxes, dtype="object")
    return check(frame, SIGHTINGS, where=str(path))


def read_census(folder: str | Path) -> Survey:
    """A census's folder as a survey: its photos, stations and sightings.

    Raises:
        InputError: the folder holds no finished census.
    """
    folder = Path(folder)
    if not is_census(folder):
        raise InputError(f"{folder} holds no finished census: sightings.csv and photos.parquet are expected in it.")
    photos = read(folder / "photos.parquet", PHOTOS)
    stations = read(folder / "stations.parquet", STATIONS)
    animals = [_animal(row) for row in records(read_sightings(folder))]
    places = [{str(key): value for key, value in row.items()} for row in stations.to_dict("records")]
    survey = make_survey([], places, animals)
    return replace(survey, photos=photos)


def _animal(row: Any) -> dict[str, Any]:
    return {
        "animal_id": row.crop_id,
        "path": row.path,
        "bbox": row.bbox,
        "bbox_unit": "pixel",
        "confidence": row.confidence,
        "identity": row.identity,
        "orientation": row.orientation,
        "encounter": row.encounter,
        "decision": row.decision,
        "probability": row.probability,
        "method": "machine",
        "by": BY,
    }


def name_animals(survey: Survey, sightings: pd.DataFrame, photos: pd.DataFrame) -> Survey:
    """Put a census's names onto the animals of a survey.

    Photos are matched by path, as in a detections file; boxes by overlap. A sighting whose box fits no animal becomes
    a new one; on a photo whose one animal has no box, the one sighting is that animal. A name that the survey already
    has stays, unless a machine gave it; where the census says another, that is noted.

    Args:
        survey: From any format.
        sightings: A SIGHTINGS table.
        photos: The PHOTOS table of the census, for the sizes.

    Raises:
        InputError: none of the sightings' photos is one of the survey's.
    """
    names = sorted(set(sightings["path"]))
    paths = survey.photos["path"].tolist()
    found = match_names(names, paths)
    if names and not found.photo_of:
        raise InputError(f"none of the census's {len(names)} photos is one of the survey's {len(paths)}: it has {names[0]!r}, the survey {paths[0] if paths else 'none'!r}.")  # fmt: skip
    path_of = {names[i]: paths[j] for i, j in found.photo_of.items()}
    size_of = {photo.path: photo for photo in records(photos)}
    theirs = {path: size_of[name] for name, path in path_of.items() if name in size_of}
    shots = [_sized(row, theirs) for row in survey.photos.to_dict("records")]
    survey = replace(survey, photos=check(pd.DataFrame(shots, columns=PHOTOS.names), PHOTOS))
    photo_of = {photo.path: photo for photo in records(survey.photos)}
    rows: dict[str, dict[Any, Any]] = {row["animal_id"]: dict(row) for row in survey.animals.to_dict("records")}
    on_photo: dict[str, list[Any]] = {}
    for animal in records(survey.animals):
        on_photo.setdefault(animal.path, []).append(animal)
    notes = []
    for path, group in sightings.groupby("path", sort=True):
        if path not in path_of:
            notes.append(Note("sightings.csv", None, "path", str(path), "left out", "none of the survey's photos has this path"))  # fmt: skip
            continue
        here = path_of[str(path)]
        seen = list(records(group))
        pairs = _pairs(on_photo.get(here, []), seen, photo_of[here], size_of.get(str(path)))
        for i, sighting in enumerate(seen):
            new = {**_animal(sighting), "path": here}
            if i in pairs:
                notes += _merge(rows[pairs[i].animal_id], new)
            else:
                rows[sighting.crop_id] = {"category": "animal", **new}
    animals = check(pd.DataFrame(list(rows.values()), columns=ANIMALS.names), ANIMALS)
    return replace(survey, animals=animals).noted(notes)


def _sized(row: dict[Any, Any], measured: dict[str, Any]) -> dict[Any, Any]:
    """A photo with the census's size where it has none."""
    photo = measured.get(row["path"])
    return {**row, "width": photo.width, "height": photo.height} if photo is not None and pd.isna(row["width"]) else row


def _pairs(animals: Sequence[Any], seen: Sequence[Any], photo: Any, measured: Any) -> dict[int, Any]:
    """Which sighting, by position, is which animal: boxes that overlap most first, each once."""
    animals = [animal for animal in animals if animal.category == "animal"]
    if len(animals) == len(seen) == 1 and animals[0].bbox is None:
        return {0: animals[0]}
    scored = []
    for i, sighting in enumerate(seen):
        for j, animal in enumerate(animals):
            overlap = _overlap(animal, sighting, photo, measured)
            if overlap >= SAME_BOX:
                scored.append((-overlap, i, j))
    pairs: dict[int, Any] = {}
    taken: set[int] = set()
    for _, i, j in sorted(scored):
        if i not in pairs and j not in taken:
            pairs[i] = animals[j]
            taken.add(j)
    return pairs


class _Box:
    def __init__(self, bbox: list[float], unit: str) -> None:
        self.bbox, self.bbox_unit = bbox, unit


def _overlap(animal: Any, sighting: Any, photo: Any, measured: Any) -> float:
    if animal.bbox is None:
        return 0.0
    theirs = relative_box(_Box(sighting.bbox, "pixel"), measured if measured is not None else photo)
    ours = relative_box(animal, photo)
    if ours is not None and theirs is not None:
        return iou(ours, theirs)
    plain = pixel_box(animal, photo)
    return iou(plain, sighting.bbox) if plain is not None else 0.0


def _merge(row: dict[Any, Any], new: dict[str, Any]) -> list[Note]:
    """Bring what the census says into an animal's row."""
    had, by_machine = row["identity"], row["method"] == "machine"
    if row["bbox"] is None:
        row.update(bbox=new["bbox"], bbox_unit="pixel")
    if pd.isna(row["encounter"]):
        row["encounter"] = new["encounter"]
    if row["orientation"] == UNKNOWN:
        row["orientation"] = new["orientation"]
    if had != UNKNOWN and not by_machine:
        differs = new["identity"] not in (had, UNKNOWN)
        why = f"the source's name {had} stays; the census says {new['identity']}"
        return [Note("sightings.csv", None, "identity", f"{new['path']}", "kept", why)] if differs else []
    if new["identity"] != UNKNOWN or had == UNKNOWN:
        row.update({key: new[key] for key in ("identity", "decision", "probability", "method", "by")})
    return []

"""From a folder of photos to the photos and stations tables."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pandas as pd

from reid.errors import ConfigError, InputError
from reid.folders import walk
from reid.photos.clock import TIME_PATTERN, compile_time_pattern, correct, path_time
from reid.photos.files import PhotoFile, image_id, inspect_all
from reid.photos.pairs import infer_pairs
from reid.photos.sequences import sequences
from reid.photos.stations import cameras_alone, read_stations, with_cameras
from reid.tables import PHOTOS, PROBLEMS, check, from_rows

__all__ = ["EXTENSIONS", "ScanSettings", "list_photos", "photo_table", "scan", "scan_problems", "scanned"]

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
ONE_CAMERA = "camera"


@dataclass(frozen=True)
class ScanSettings:
    """How to read a folder of photos.

    Raises:
        ConfigError: a value is wrong; the message says which and what is allowed.
    """

    camera_level: int = 1
    """Folder whose name is the camera: 1 is just below the photo folder, -1 the photo's own, 0 takes all
    photos for those of one camera. A photo not so deep takes its own folder, one in no folder the name
    `camera`."""
    camera_pattern: str = ""
    """Regular expression with a group `camera`, searched in the path; a match wins over the level."""
    time_pattern: str = TIME_PATTERN
    """Regular expression for times in paths, for photos without an EXIF time: groups year, month, day, hour,
    minute and as an option second."""
    sequence_gap_s: float = 60.0
    """More seconds than this between two photos of a station start a new sequence."""
    stations: str = ""
    """CSV file of the stations, see `reid.photos.read_stations`; empty for none."""
    infer_pairs: bool = True
    """Without a stations table, find pairs of cameras by the minutes that they share."""
    extensions: tuple[str, ...] = EXTENSIONS
    """Endings of photo files, in any case."""

    def __post_init__(self) -> None:
        if not isinstance(self.camera_level, int) or isinstance(self.camera_level, bool):
            raise ConfigError(f"camera_level must be a whole number, found {self.camera_level!r}.")
        if not isinstance(self.sequence_gap_s, (int, float)) or not 0 <= self.sequence_gap_s < math.inf:
            raise ConfigError(f"sequence_gap_s must be seconds, 0 or more, found {self.sequence_gap_s!r}.")
        try:
            groups = re.compile(self.camera_pattern).groupindex
        except re.error as error:
            raise ConfigError(f"camera_pattern is not a regular expression: {error}.") from None
        if self.camera_pattern and "camera" not in groups:
            raise ConfigError(f"camera_pattern lacks the group (?P<camera>...), found {self.camera_pattern!r}.")
        compile_time_pattern(self.time_pattern)
        if isinstance(self.extensions, str) or not self.extensions:
            raise ConfigError(f"extensions must be a list of endings such as .jpg, found {self.extensions!r}.")
        endings = tuple(str(ending).lower() for ending in self.extensions)
        if any(not re.fullmatch(r"\.[^./\\]+", ending) for ending in endings):
            raise ConfigError(f"extensions must be endings such as .jpg, found {', '.join(map(repr, endings))}.")
        object.__setattr__(self, "extensions", endings)


def scan(
    folder: str | Path, settings: ScanSettings | None = None, cache: str | Path | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the photos of a folder and its subfolders, with their cameras, stations, times and sequences.

    Every file with a photo's ending is a row; one that cannot be used says why in `error`. Hidden files and
    folders are passed over. Linked folders are followed, unless they lead back to a folder they lie in. A
    folder that may not be listed is a row too, so that its photos are not lost in silence.

    Args:
        folder: The photo folder.
        settings: How to read it. Default: `ScanSettings()`.
        cache: Folder that keeps hashes and headers, so that a second scan reads only files that are new or
            changed.

    Returns:
        The photos table (PHOTOS), sorted by path, and the stations table (STATIONS) with all cameras.

    Raises:
        InputError: the folder is missing, is a file, or holds no photos.
        FormatError, TableError: the stations table is wrong.
    """
    settings = settings or ScanSettings()
    folder = Path(folder)
    paths, locked = list_photos(folder, settings)
    # a mistake in the stations table is found before hours of reading
    listed = read_stations(settings.stations) if settings.stations else None
    return scanned(paths, inspect_all([folder / path for path in paths], cache), locked, settings, listed)


def scanned(
    paths: Sequence[str],
    facts: Sequence[PhotoFile],
    locked: Sequence[tuple[str, str]],
    settings: ScanSettings,
    listed: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of `scan`, from what is known of each file.

    Args:
        paths: The photos, sorted.
        facts: Of each.
        locked: Folders that cannot be listed, with the reason.
        settings: How to read them.
        listed: The stations table, where it was read already.
    """
    if listed is None and settings.stations:
        listed = read_stations(settings.stations)
    rows = [_row(path, fact, settings) for path, fact in zip(paths, facts, strict=True)]
    rows += [_locked_row(path, reason) for path, reason in locked]
    photos = check(pd.DataFrame(rows, columns=PHOTOS.names).sort_values("path", kind="stable"), PHOTOS)
    cameras = photos["camera"].dropna().tolist()
    if listed is not None:
        stations = with_cameras(listed, cameras, settings.stations)
    else:
        stations = infer_pairs(photos) if settings.infer_pairs else cameras_alone(cameras)
    photos["station"] = photos["camera"].map(dict(zip(stations["camera"], stations["station"], strict=True)))
    photos["date"] = correct(photos["date"], photos["camera"], stations)
    photos["sequence"] = sequences(photos, settings.sequence_gap_s)
    return check(photos, PHOTOS), stations


def photo_table(paths: Sequence[str], facts: Sequence[PhotoFile], settings: ScanSettings) -> pd.DataFrame:
    """A `PHOTOS` table of some photos by themselves: without what only all of them tell, their stations and sequences."""
    rows = [_row(path, fact, settings) for path, fact in zip(paths, facts, strict=True)]
    return from_rows(rows, PHOTOS)


def scan_problems(photos: pd.DataFrame) -> pd.DataFrame:
    """The photos that cannot be used, as a PROBLEMS table."""
    bad = photos[photos["error"].notna()]
    rows = [{"stage": "scan", "path": p, "reason": e} for p, e in zip(bad["path"], bad["error"], strict=True)]
    return from_rows(rows, PROBLEMS)


def list_photos(folder: Path, settings: ScanSettings) -> tuple[list[str], list[tuple[str, str]]]:
    """Paths of the photos below `folder`, sorted, and folders that cannot be listed with the reason."""
    try:
        found = folder.stat()
    except OSError as error:
        raise InputError(f"no photo folder at {folder}: {(error.strerror or '').lower()}. Check the path.") from None
    if not stat.S_ISDIR(found.st_mode):
        raise InputError(f"{folder} is a file, expected a folder of photos.")
    paths: list[str] = []
    locked: list[tuple[str, str]] = []
    for path, reason in walk(folder):
        if reason is not None:
            locked.append((path, reason))
        elif path.lower().endswith(settings.extensions):
            paths.append(path)
    if not paths:
        why = f" ({locked[0][0] or folder} cannot be listed: {locked[0][1]})" if locked else ""
        raise InputError(f"no photos in {folder}{why}; looked for files ending in {', '.join(settings.extensions)}.")
    return sorted(paths), locked


def _row(path: str, fact: PhotoFile, settings: ScanSettings) -> dict[str, Any]:
    shown, error = _printable(path), fact.error
    if shown != path:  # no table can hold the true name, so later stages could not find the file
        error = "the name is not UTF-8; rename the file"
    written = path_time(shown, compile_time_pattern(settings.time_pattern))
    source = "exif" if fact.taken else "path" if written else "none"
    return {
        "image_id": image_id(shown, fact.content_hash),
        "path": shown,
        "content_hash": fact.content_hash,
        "bytes": fact.bytes,
        "width": fact.width,
        "height": fact.height,
        "exif_orientation": fact.orientation,
        "camera": camera_of(shown, settings),
        "date": fact.taken or written,
        "date_source": source,
        "error": error,
    }


def _locked_row(path: str, reason: str) -> dict[str, Any]:
    shown = _printable(path) + "/"
    return {
        "image_id": image_id(shown, None),
        "path": shown,
        "date_source": "none",
        "error": f"the folder cannot be listed: {reason}",
    }


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


def camera_of(path: str, settings: ScanSettings) -> str:
    """The camera of a photo by its path, see `ScanSettings`.

    >>> path = "site/RL_5/a.jpg"
    >>> camera_of(path, ScanSettings()), camera_of(path, ScanSettings(camera_level=-1))
    ('site', 'RL_5')
    """
    found = re.search(settings.camera_pattern, path) if settings.camera_pattern else None
    folders = path.split("/")[:-1]
    name = found.group("camera") if found else None
    if not name and folders and settings.camera_level > 0:
        name = folders[min(settings.camera_level, len(folders)) - 1]
    elif not name and folders and settings.camera_level < 0:
        name = folders[max(settings.camera_level, -len(folders))]
    return normalize("NFC", name or ONE_CAMERA)

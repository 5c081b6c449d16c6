"""Boxes that were recorded in a file: reading it, and the detector that looks each photo up in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reid.detect.boxes import area, clip, scale
from reid.detect.dialects import recognise
from reid.detect.entries import Entry, Recorded, plain_text
from reid.detect.names import match_names, parts
from reid.detect.protocol import detection_row, problem_row, tables
from reid.errors import FormatError, InputError
from reid.outside import parse_json, read_bytes
from reid.tables import records

__all__ = ["RecordedBoxes", "read_detections"]

MOSTLY = 0.9
"""A box of which less than this lies on the photo was hardly made for it, and is worth a look."""


def read_detections(path: str | Path) -> Recorded:
    """Read a detections file of any known dialect.

    Those are MegaDetector 1.0 to 1.6, PytorchWildlife (its timelapse and its own form), Microsoft's
    MegaDetector package, and SpeciesNet. The content tells which it is; the file's name does not matter.

    Args:
        path: A JSON file in UTF-8.

    Returns:
        Its entries in order. Entries and boxes that are broken are in it with a reason.

    Raises:
        InputError: there is no such file, or it cannot be read.
        FormatError: it is not JSON, or of no known dialect.

    >>> recorded = read_detections("samples/jaguars/megadetector.json")
    >>> recorded.dialect, len(recorded.entries), recorded.entries[0].boxes[0].category
    ('MegaDetector', 19, 'animal')
    """
    path = Path(path)
    data = _load(path)
    try:
        dialect = recognise(data)
        entries = tuple(dialect.read(data))
    except FormatError as error:
        raise FormatError(f"{path} cannot be used as a detections file: {error}.") from None
    info = data.get("info") if isinstance(data, dict) else None
    detector = info.get("detector") if isinstance(info, dict) else None
    return Recorded(path, dialect.name, plain_text(detector) if detector else dialect.name, entries)


def _load(path: Path) -> Any:
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise InputError(f"no detections file at {path}. Name a JSON file that a detector wrote.") from None
    except OSError as error:
        raise InputError(f"the detections file {path} cannot be read: {error.strerror}.") from None
    if not content.strip():
        raise FormatError(f"the detections file {path} is empty. Name a JSON file that a detector wrote.")
    try:
        return parse_json(content)
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path} is not a detections file: not UTF-8 text (byte {error.start}). Name a JSON file that a detector wrote."
        ) from None
    except ValueError as error:
        raise FormatError(
            f"{path} is not a detections file: not JSON ({error}). Name a JSON file that a detector wrote."
        ) from None


@dataclass(frozen=True)
class RecordedBoxes:
    """Looks photos up in a detections file.

    Boxes are taken to be relative to the upright photo: MegaDetector turns photos by their EXIF orientation
    first. Of a detector that does not, the boxes on photos of an EXIF orientation other than 1 are wrong.
    """

    file: Path
    name: str = "recorded"

    def detect(self, photos: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        """See `Detector.detect`.

        Raises:
            InputError: the file cannot be read, or none of its names fits a photo.
            FormatError: it is no detections file.
        """
        recorded = read_detections(self.file)
        entries, problems = _once_each(recorded)
        paths = [str(path) for path in photos["path"]]
        matching = match_names([entry.file for entry in entries], paths)
        if paths and not matching.photo_of and not matching.ties:
            raise InputError(_nothing_fits(recorded, paths))
        problems += _unmatched(recorded, entries, paths, matching)
        entry_of = {photo: entries[listed] for listed, photo in matching.photo_of.items()}
        settled = {i for tie in matching.ties for i in tie.photos}
        found: list[dict[str, Any]] = []
        for i, photo in enumerate(records(photos)):
            if not pd.isna(photo.error) or i in settled:
                continue
            if i not in entry_of:
                reason = f"not in the detections file {recorded.path.name}"
                problems.append(problem_row(photo.path, reason))
                continue
            rows, reasons = _on_photo(entry_of[i], photo, recorded.detector)
            found += rows
            problems += [problem_row(photo.path, reason) for reason in reasons]
        return tables(found, problems)


def _once_each(recorded: Recorded) -> tuple[list[Entry], list[dict[str, str]]]:
    """Entries of files, each file once, and problems for the others."""
    first: dict[tuple[str, ...], Entry] = {}
    problems = []
    for entry in recorded.entries:
        if first.setdefault(parts(entry.file), entry) is not entry:
            reason = "listed more than once in the detections file; its first entry is used"
            problems.append(problem_row(entry.file, reason))
    return list(first.values()), problems


def _nothing_fits(recorded: Recorded, paths: list[str]) -> str:
    if not recorded.entries:
        return f"the detections file {recorded.path} lists no files. Name one that was made for these photos."
    return (
        f"none of the {len(recorded.entries)} files that {recorded.path} lists is one of the "
        f"{len(paths)} photos: it has {recorded.entries[0].file!r}, the photos have {paths[0]!r}. "
        "Name the detections file of these photos."
    )


def _unmatched(recorded: Recorded, entries: list[Entry], paths: list[str], matching: Any) -> list[dict[str, str]]:
    """Problems of listed files that are no photo, and of those of which it cannot be told."""
    problems = []
    tied = set()
    for tie in matching.ties:
        names, photos = [entries[i].file for i in tie.listed], [paths[i] for i in tie.photos]
        what = f"cannot be told which photo is meant: listed {_some(names)}, photos {_some(photos)}"
        problems += [problem_row(path, what) for path in [*names, *photos]]
        tied.update(tie.listed)
    for i, entry in enumerate(entries):
        if i not in matching.photo_of and i not in tied:
            reason = entry.failure or "listed in the detections file, not among the photos"
            problems.append(problem_row(entry.file, reason))
    return problems


def _some(names: list[str]) -> str:
    shown = " and ".join(names[:2])
    return shown if len(names) < 3 else f"{shown} and {len(names) - 2} more"


def _on_photo(entry: Entry, photo: Any, detector: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows and problems of one photo."""
    reasons = [*([entry.failure] if entry.failure else []), *entry.broken]
    if pd.isna(photo.width) or pd.isna(photo.height):
        return [], [*reasons, "the size of the photo is not known"]
    size = int(photo.width), int(photo.height)
    rows = []
    for box in entry.boxes:
        full = scale(box.bbox, *size) if box.unit == "relative" else box.bbox
        inside = clip(full, *size)
        if inside is None:
            reasons.append(f"box {box.number} lies outside the photo")
            continue
        if area(inside) < MOSTLY * area(full) - 1:
            reasons.append(f"box {box.number} reaches far beyond the photo and was cut; was it made for this photo?")
        rows.append(detection_row(photo.image_id, box.number, box.category, box.confidence, inside, detector))
    return rows, reasons

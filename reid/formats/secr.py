"""Capture histories for the R package secr: a file of captures and one of detectors with their usage."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reid.formats.captures import Capture, CaptureHistory, safe_names
from reid.formats.files import write_text
from reid.formats.model import Note
from reid.formats.settings import CaptureSettings

__all__ = ["secr_captures", "secr_traps", "spatial", "write_secr"]

NOBODY = "NONE"
"""secr's name for the animal of a session without captures."""


def spatial(history: CaptureHistory) -> tuple[list[Capture], list[str], list[Note]]:
    """The captures at detectors that have coordinates, those detectors, and notes on the captures elsewhere."""
    detectors = [name for name in history.detectors if name in history.places]
    kept, notes = [], []
    for capture in history.captures:
        if capture.detector in history.places:
            kept.append(capture)
        else:
            what = f"{capture.identity} {capture.detector} {capture.time}"
            notes.append(Note(f"captures ({history.side})", None, "detector", what, "left out", "the detector has no coordinates"))  # fmt: skip
    return kept, detectors, notes


def write_secr(history: CaptureHistory, folder: str | Path, settings: CaptureSettings | None = None) -> list[Note]:
    """Write `secr_SIDE_captures.txt` and `secr_SIDE_traps.txt`.

    Detectors of kind `count` have a row for each independent record, those of kind `proximity` one for each animal,
    detector and occasion. Where occasions are longer than a day, or days have parts, `secr_SIDE_traps_days.txt` has
    the days of effort, for `binary.usage = FALSE`. Names that R's reader would split or misread are changed;
    `names.csv` then says how.

    Args:
        history: From `captures_of`.
        folder: Where to.
        settings: For the kind of detector and the session's name.

    Returns:
        Notes on captures at detectors without coordinates, which secr cannot take.
    """
    settings = settings or CaptureSettings()
    folder = Path(folder)
    captures, detectors, notes = spatial(history)
    animals = safe_names(history.individuals, [NOBODY])
    traps = safe_names(detectors)
    stem = f"secr_{history.side}"
    write_text(secr_captures(history, captures, animals, traps, settings), folder / f"{stem}_captures.txt")
    write_text(secr_traps(history, traps, binary=True), folder / f"{stem}_traps.txt")
    if history.days > 1 or not np.isin(history.usage, (0.0, 1.0)).all():
        write_text(secr_traps(history, traps, binary=False), folder / f"{stem}_traps_days.txt")
    changed = [(kind, old, new) for kind, names in (("individual", animals), ("detector", traps))
               for old, new in names.items() if old != new]  # fmt: skip
    for kind, old, new in changed:
        notes.append(Note(f"{stem}_captures.txt", None, kind, old, "repaired", f"written as {new}: R would misread the name"))  # fmt: skip
    return notes


def secr_captures(
    history: CaptureHistory, captures: list[Capture], animals: dict[str, str], traps: dict[str, str],
    settings: CaptureSettings,
) -> str:  # fmt: skip
    """The captures file: session, animal, occasion, detector; a session without captures has its one row for nobody."""
    lines = [
        f"# {history.side}: {len(animals)} animals, {len(traps)} detectors, {history.occasions} occasions of "
        f"{history.days} days from {history.first} on",
        f'# read.capthist("secr_{history.side}_captures.txt", "secr_{history.side}_traps.txt", '
        f'detector = "{settings.detector}")',
        "# Session ID Occasion Detector",
    ]
    rows = [f"{settings.session} {animals[c.identity]} {c.occasion} {traps[c.detector]}" for c in captures]
    if settings.detector == "proximity":
        rows = list(dict.fromkeys(rows))
    if not rows:
        anywhere = next(iter(traps.values()), "1")
        rows = [f"{settings.session} {NOBODY} {history.occasions} {anywhere}"]
    return "\n".join([*lines, *rows]) + "\n"


def secr_traps(history: CaptureHistory, traps: dict[str, str], binary: bool) -> str:
    """The detectors file: name, easting, northing in metres, usage."""
    lines = [f"# {history.zone or 'no detector has coordinates'}, metres", "# Detector X Y Usage"]
    for name, plain in traps.items():
        usage = history.usage[history.detectors.index(name)]
        shown = "".join("1" if part > 0 else "0" for part in usage) if binary else " ".join(f"{part:.4g}" for part in usage)  # fmt: skip
        x, y = history.places[name]
        lines.append(f"{plain} {x:.2f} {y:.2f} {shown}")
    return "\n".join(lines) + "\n"

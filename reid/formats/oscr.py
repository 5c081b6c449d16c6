"""Capture histories for the R package oSCR: an encounter data file and a trap deployment file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reid.formats.captures import CaptureHistory, safe_names
from reid.formats.files import csv_text, write_text
from reid.formats.model import Note
from reid.formats.secr import spatial
from reid.formats.settings import CaptureSettings

__all__ = ["write_oscr"]

HEADER: list[object] = ["session", "individual", "occasion", "trap", "sex"]
SEXES = {"female": "F", "male": "M"}


def write_oscr(
    history: CaptureHistory,
    folder: str | Path,
    settings: CaptureSettings | None = None,
    sexes: Mapping[str, str] | None = None,
) -> list[Note]:
    """Write `oscr_SIDE_edf.csv` and `oscr_SIDE_tdf.csv`.

    The first has session, individual, occasion, trap and sex (F, M or NA); the second TrapID, X, Y in metres, a 0 or
    1 for each occasion, a column named `/`, and the days of effort. Pass `K` and `ntraps` to `data2oscr` as they stand
    in the files' names and sizes, since an occasion or a trap may have no capture.

    Args:
        history: From `captures_of`.
        folder: Where to.
        settings: For the session's name and the kind of detector.
        sexes: `female` or `male` by individual.

    Returns:
        Notes on captures at detectors without coordinates.
    """
    settings = settings or CaptureSettings()
    captures, detectors, notes = spatial(history)
    animals, traps = safe_names(history.individuals), safe_names(detectors)
    rows: list[list[object]] = [
        [settings.session, animals[c.identity], c.occasion, traps[c.detector], SEXES.get((sexes or {}).get(c.identity, ""), "NA")]
        for c in captures
    ]  # fmt: skip
    if settings.detector == "proximity":
        rows = [list(row) for row in dict.fromkeys(tuple(row) for row in rows)]
    write_text(csv_text([HEADER, *rows]), Path(folder) / f"oscr_{history.side}_edf.csv")  # fmt: skip
    header: list[object] = ["TrapID", "X", "Y", *(str(n) for n in range(1, history.occasions + 1)), "/", "days"]
    table: list[list[object]] = [header]
    for name in detectors:
        usage = history.usage[history.detectors.index(name)]
        x, y = history.places[name]
        table.append([traps[name], f"{x:.2f}", f"{y:.2f}", *(int(part > 0) for part in usage), "/", f"{usage.sum():g}"])
    write_text(csv_text(table), Path(folder) / f"oscr_{history.side}_tdf.csv")
    for kind, names in (("individual", animals), ("trap", traps)):
        notes += [Note(f"oscr_{history.side}_edf.csv", None, kind, old, "repaired", f"written as {new}: R would misread the name")
                  for old, new in names.items() if old != new]  # fmt: skip
    return notes

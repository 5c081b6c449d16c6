"""Two flanks that may belong to one animal: arrays as 2-flank SPIM takes them, matrices as multimark takes them, and
the table of which sides are known to be one animal, and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reid.formats.captures import Capture, CaptureHistory
from reid.formats.files import csv_text, write_text
from reid.formats.model import Note
from reid.photos.stations import natural

__all__ = ["ROLES", "complete", "encounter_matrix", "spim_cells", "write_two_flank"]

BOTH = frozenset({"left", "right"})
ROLES = ("both", "left", "right")
"""First index of SPIM's types: 1, 2, 3."""


def complete(history: CaptureHistory) -> dict[str, str]:
    """Animals of which both flanks are known, and by what: `simultaneous` (both in one encounter at one detector) or
    `linked` (the flanks were seen apart, and a catalogue or a person joined them)."""
    sides: dict[str, set[str]] = {}
    together = set()
    for capture in history.captures:
        sides.setdefault(capture.identity, set()).update(capture.flanks)
        if capture.flanks == BOTH:
            together.add(capture.identity)
    known = {name for name, seen in sides.items() if seen >= BOTH}
    return {name: "simultaneous" if name in together else "linked" for name in sorted(known, key=natural)}


def spim_cells(history: CaptureHistory) -> tuple[dict[str, list[str]], list[tuple[str, int, int, int, int]]]:
    """The cells that are 1 in SPIM's three arrays of individual by type by occasion by trap.

    Returns:
        The individuals of each array in order, the complete ones first and in the same order; and the cells as array,
        individual, type (1 both, 2 left, 3 right), occasion, trap, all from 1.
    """
    whole = list(complete(history))
    seen = {side: {c.identity for c in history.captures if side in c.flanks} for side in ("left", "right")}
    order = {"both": whole}
    for side, names in seen.items():
        order[side] = [*whole, *sorted(names - set(whole), key=natural)]
    cells = set()
    for capture in history.captures:
        if not capture.flanks:
            continue
        role = "both" if capture.flanks == BOTH else next(iter(capture.flanks))
        person = order[role].index(capture.identity) + 1
        cells.add(
            (role, person, ROLES.index(role) + 1, capture.occasion, history.detectors.index(capture.detector) + 1)
        )
    return order, sorted(cells)


def encounter_matrix(history: CaptureHistory) -> tuple[str, list[tuple[str, int, list[int]]], list[Note]]:
    """Encounter histories for multimark: 0 none, 1 left, 2 right, 3 both at different times, 4 both at once.

    `never` where no two flanks were ever seen at once, else `sometimes`. multimark takes a history with both flanks
    only where one encounter shows both at once; an animal whose flanks were joined in another way is written as two
    histories, which is noted.

    Returns:
        The data type; name, whether both flanks are known for certain (1 or 0), and codes of each history; notes.
    """
    whole = complete(history)
    data_type = "sometimes" if "simultaneous" in whole.values() else "never"
    rows, notes = [], []
    for name in history.individuals:
        mine = [capture for capture in history.captures if capture.identity == name and capture.flanks]
        sides = sorted(set().union(*(capture.flanks for capture in mine)))
        if whole.get(name) == "simultaneous":
            rows.append((name, 1, _codes(mine, history.occasions)))
            continue
        for side in sides:
            shown = name if len(sides) == 1 else f"{name} ({side})"
            rows.append((shown, 0, _codes([c for c in mine if side in c.flanks], history.occasions)))
        if len(sides) == 2:
            notes.append(Note("multimark.csv", None, "individual", name, "kept", "two histories: its flanks were never seen at once"))  # fmt: skip
        if not sides:
            notes.append(Note("multimark.csv", None, "individual", name, "left out", "no capture shows a flank"))
    return data_type, rows, notes


def _codes(captures: list[Capture], occasions: int) -> list[int]:
    codes = []
    for occasion in range(1, occasions + 1):
        here = [capture.flanks for capture in captures if capture.occasion == occasion]
        seen: set[str] = set().union(*here)
        codes.append(
            4 if BOTH in here else 3 if len(seen) == 2 else 1 if "left" in seen else 2 if "right" in seen else 0
        )
    return codes


def write_two_flank(history: CaptureHistory, folder: str | Path) -> list[Note]:
    """Write `flanks.csv`, `spim_cells.csv`, `spim_individuals.csv`, `spim_traps.csv`, `spim.R`, `multimark.csv`.

    `source("spim.R")` in that folder makes the list `data` of the other three SPIM files.

    Args:
        history: From `captures_of` with the side `joined`.
        folder: Where to.

    Returns:
        Notes on what the two packages cannot take.
    """
    folder = Path(folder)
    notes = [
        Note(
            "spim.R, multimark.csv",
            None,
            "capture",
            f"{c.identity} {c.detector} {c.time}",
            "left out",
            "it shows no flank",
        )
        for c in history.captures
        if not c.flanks
    ]
    whole = complete(history)
    table: list[Iterable[object]] = [("identity", "left", "right", "both_at_once", "evidence")]
    for name in history.individuals:
        mine = [capture.flanks for capture in history.captures if capture.identity == name]
        only = next((f"{side} only" for side in ("left", "right") if any(side in seen for seen in mine)), "no flank")
        counts = (sum("left" in s for s in mine), sum("right" in s for s in mine), sum(s == BOTH for s in mine))
        table.append((name, *counts, whole.get(name, only)))
    write_text(csv_text(table), folder / "flanks.csv")
    order, cells = spim_cells(history)
    located = all(name in history.places for name in history.detectors)
    if located:
        people = [(role, n, name) for role in ROLES for n, name in enumerate(order[role], 1)]
        write_text(csv_text([("array", "index", "identity"), *people]), folder / "spim_individuals.csv")
        write_text(csv_text([("array", "individual", "type", "occasion", "trap"), *cells]), folder / "spim_cells.csv")
        stations = list(history.effort.station.values())
        traps = [(n, name, *(f"{value:.2f}" for value in history.places[name]), min(max(stations.count(name), 1), 2))
                 for n, name in enumerate(history.detectors, 1)]  # fmt: skip
        write_text(csv_text([("index", "trap", "x", "y", "cameras"), *traps]), folder / "spim_traps.csv")
        write_text(_spim_script(history, order, len(whole)), folder / "spim.R")
    else:
        notes.append(
            Note("spim.R", None, "trap", None, "left out", "a detector has no coordinates, and SPIM needs all")
        )
    data_type, rows, more = encounter_matrix(history)
    header = ("individual", "known", *(f"occasion{n}" for n in range(1, history.occasions + 1)))
    write_text(f"# data.type={data_type}\n" + csv_text([header, *((name, known, *codes) for name, known, codes in rows)]), folder / "multimark.csv")  # fmt: skip
    return [*notes, *more]


def _spim_script(history: CaptureHistory, order: dict[str, list[str]], known: int) -> str:
    shape = f"K = {history.occasions}, J = {len(history.detectors)}"
    lines = [
        f"# {shape}; types are 1 both, 2 left, 3 right",
        'cells <- read.csv("spim_cells.csv")',
        'traps <- read.csv("spim_traps.csv")',
        "fill <- function(name, n) {",
        f"  out <- array(0, dim = c(n, 3, {history.occasions}, {len(history.detectors)}))",
        "  mine <- cells[cells$array == name, c(2, 3, 4, 5)]",
        "  out[as.matrix(mine)] <- 1",
        "  out",
        "}",
        "data <- list(",
        *(f'  {role} = fill("{role}", {len(order[role])}),' for role in ROLES),
        f"  IDknown = seq_len({known}),",
        "  X = as.matrix(traps[, c(3, 4, 5)])",
        ")",
    ]
    return "\n".join(lines) + "\n"

"""Tables for the R package camtrapR: records of individuals, the camera table, and the camera operation matrix."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from reid.formats.captures import CaptureHistory
from reid.formats.files import csv_text, write_text
from reid.formats.model import Note, Survey
from reid.formats.projection import project, utm_name
from reid.tables import records

__all__ = ["camera_operation", "record_table", "write_camtrapr"]

RECORDS = (
    "Station", "Species", "Individual", "DateTimeOriginal", "Date", "Time", "delta.time.secs", "delta.time.mins",
    "delta.time.hours", "delta.time.days", "Directory", "FileName", "flanks", "n_images",
)  # fmt: skip
RESERVED = ("__SESS_", "__CAM_")
"""Words that camtrapR looks for in the names of rows."""


def write_camtrapr(history: CaptureHistory, survey: Survey, folder: str | Path, species: str = "") -> list[Note]:
    """Write `camtrapr_SIDE_records.csv`, `camtrapr_cameras.csv` and `camtrapr_operation.csv`.

    The records are the history's, without those outside the occasions or without effort. A station of several cameras
    has a row for each in the matrix, `Station__CAM_camera`; its days are NA before setup and after retrieval, 0 where
    the camera did not work, 1 for a whole day and the part of it for part of a day.

    Args:
        history: From `captures_of`.
        survey: Where it came from.
        folder: Where to.
        species: Scientific name for records whose animal has none.

    Returns:
        Notes on names that camtrapR would misread.
    """
    folder = Path(folder)
    write_text(
        csv_text([RECORDS, *record_table(history, survey, species)]), folder / f"camtrapr_{history.side}_records.csv"
    )
    cameras, notes = _cameras(history, survey)
    write_text(csv_text(cameras), folder / "camtrapr_cameras.csv")
    write_text(csv_text(camera_operation(history)), folder / "camtrapr_operation.csv")
    for name in sorted({*history.effort.station.values(), *history.effort.cameras}):
        if any(word in name for word in RESERVED):
            notes.append(Note("camtrapr_operation.csv", None, "Station", name, "kept", f"camtrapR reads {' and '.join(RESERVED)} as its own"))  # fmt: skip
    return notes


def record_table(history: CaptureHistory, survey: Survey, species: str = "") -> list[list[str]]:
    """Rows of the record table; time differences are to the animal's record before at the same station."""
    kinds = survey.named.dropna(subset="species").drop_duplicates("identity").set_index("identity")["species"].to_dict()
    rows = []
    before: dict[tuple[str, str], datetime] = {}
    for capture in history.captures:
        key = (capture.identity, capture.detector)
        seconds = (capture.time - before[key]).total_seconds() if key in before else 0.0
        before[key] = capture.time
        path = PurePosixPath(capture.paths[0])
        rows.append(
            [
                capture.detector,
                kinds.get(capture.identity, species),
                capture.identity,
                f"{capture.time:%Y-%m-%d %H:%M:%S}",
                f"{capture.time:%Y-%m-%d}",
                f"{capture.time:%H:%M:%S}",
                f"{seconds:.0f}",
                *(f"{round(seconds / unit, 1):g}" for unit in (60, 3600, 86400)),
                str(path.parent),
                path.name,
                "; ".join(sorted(capture.flanks)),
                str(len(capture.paths)),
            ]
        )
    return sorted(rows, key=lambda row: (row[0], row[2], row[3]))


def camera_operation(history: CaptureHistory) -> list[list[str]]:
    """The matrix with its header: stations, or cameras of stations, by days."""
    effort = history.effort
    days = [f"{effort.first + timedelta(days=n)}" for n in range(effort.active.shape[1])]
    several = {name for name in effort.station.values() if list(effort.station.values()).count(name) > 1}
    rows = [["", *days]]
    for camera, parts in zip(effort.cameras, effort.active, strict=True):
        station = effort.station[camera]
        name = f"{station}__CAM_{camera}" if station in several else station
        rows.append([name, *("NA" if np.isnan(part) else f"{round(float(part), 4):g}" for part in parts)])
    return rows


def _cameras(history: CaptureHistory, survey: Survey) -> tuple[list[list[str]], list[Note]]:
    """The camera table: a row for each camera, with the stretches in which it did not work."""
    located = survey.deployments.dropna(subset=["latitude", "longitude"])
    metres, zone = {}, ""
    if len(located):
        points, code, _ = project(located["latitude"].tolist(), located["longitude"].tolist())
        metres, zone = dict(zip(located["camera"], points, strict=True)), utm_name(code)
    pauses = {camera: _pauses(history, row) for row, camera in enumerate(history.effort.cameras)}
    most = max((len(stretches) for stretches in pauses.values()), default=0)
    header = ["Station", "Camera", "utm_x", "utm_y", "Setup_date", "Retrieval_date"]
    header += [f"Problem{n}_{end}" for n in range(1, most + 1) for end in ("from", "to")]
    rows, notes = [[*header, "crs"]], []
    for place in records(survey.deployments):
        if place.camera not in pauses:
            notes.append(Note("camtrapr_cameras.csv", None, "Setup_date", place.camera, "left out", "neither its time nor that of a photo is known"))  # fmt: skip
            continue
        row = history.effort.cameras.index(place.camera)
        up = np.flatnonzero(~np.isnan(history.effort.active[row]))
        ends = (
            [f"{history.effort.first + timedelta(days=int(day))}" for day in (up[0], up[-1])] if len(up) else ["", ""]
        )
        x, y = (f"{value:.2f}" for value in metres[place.camera]) if place.camera in metres else ("", "")
        stretches = [day for stretch in pauses[place.camera] for day in stretch]
        rows.append([place.station, place.camera, x, y, *ends, *stretches, *[""] * (2 * most - len(stretches)), zone])
    return rows, notes


def _pauses(history: CaptureHistory, row: int) -> list[tuple[str, str]]:
    """First and last day of each stretch without effort between setup and retrieval."""
    off = pd.Series(history.effort.active[row] == 0)
    stretches = (off != off.shift()).cumsum()[off]
    return [
        tuple(f"{history.effort.first + timedelta(days=int(day))}" for day in (group.index[0], group.index[-1]))  # type: ignore[misc]
        for _, group in stretches.groupby(stretches)
    ]

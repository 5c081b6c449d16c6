"""Labelled tables: a CSV that names photos, boxes and individuals, read into the crops table.

The columns have the names of the wildlife-datasets package, so tables made for it can be read.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import TableError
from reid.photos.clock import parse_exif_time
from reid.photos.csvfile import at, need_columns, read_csv, records
from reid.photos.files import PhotoFile, image_id, inspect_all
from reid.tables import CROPS, FLANKS, PROBLEMS, UNKNOWN, check, empty, from_rows

__all__ = ["read_labelled"]

NOT_KNOWN = {"", "____", "NA", "N/A", "NaN", "nan"}
"""Spellings of a missing value in published tables; `unknown` in any case is one for identities too."""
TEXT_COLUMNS = ("station", "camera", "sequence", "encounter", "split")


def read_labelled(
    csv_path: str | Path, identity_required: bool = True, cache: str | Path | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a labelled table.

    Columns: `path` relative to the CSV's folder; `identity`; and as options `bbox` ("[x, y, width, height]"
    in pixels of the upright photo, empty for the whole photo), `orientation`, `date`, `station`, `camera`,
    `sequence`, `encounter`, `confidence` (of the box, 1 where not given), `split` and `image_id`. Others are
    kept as text. Empty, `unknown`, `____`, `NA` and `nan` are an unknown identity. A date without a time of
    day is taken as midnight, since labels are often dated to the day.

    Args:
        csv_path: The table, UTF-8 with commas.
        identity_required: Whether there must be an `identity` column; without one all are unknown.
        cache: Folder that keeps hashes and sizes of photos between calls, as for `reid.photos.scan`.

    Returns:
        The crops table (CROPS), one row per row of the CSV in its order, with further columns: `split` (null
        where not given), `label_id` (the CSV's `image_id`, where it has one) and those that are not known
        here. `crop_id` is `path@hash12#n` with `n` the row's number, from 0, among the rows of its photo. A
        box that reaches over the photo's edge is clipped. And a PROBLEMS table of the rows left out: photos
        that are missing or cannot be used, boxes outside their photo.

    Raises:
        InputError: there is no such file, or it has no rows.
        FormatError: it is not CSV with commas in UTF-8.
        TableError: a column is missing or a value is wrong; the message names row and column.
    """
    csv_path = Path(csv_path)
    rows = read_csv(csv_path)
    need_columns(rows, ["path", "identity"] if identity_required else ["path"], csv_path)
    parsed = [_parse(line, row, csv_path) for line, row in records(rows)]
    paths = list(dict.fromkeys(row["path"] for row in parsed))
    facts = dict(zip(paths, inspect_all([csv_path.parent / path for path in paths], cache, "read"), strict=True))
    crops, problems = [], []
    numbers: dict[str, int] = {}
    for row in parsed:
        path = row["path"]
        number = numbers[path] = numbers.get(path, -1) + 1
        fact = facts[path]
        box, reason = _place(row["bbox"], fact)
        if reason:
            problems.append({"stage": "scan", "path": path, "reason": reason})
            continue
        photo = image_id(path, fact.content_hash)
        crops.append(
            {
                **row,
                "crop_id": f"{photo}#{number}",
                "image_id": photo,
                "content_hash": fact.content_hash,
                "bbox": box,
            }
        )
    return _crops(crops, parsed, csv_path), _problems(problems)


def _crops(crops: list[dict[str, Any]], parsed: list[dict[str, Any]], csv_path: Path) -> pd.DataFrame:
    extra = [name for name in parsed[0] if name not in CROPS.names]
    if not crops:
        return empty(CROPS).assign(**{name: pd.Series([], dtype="string") for name in extra})
    frame = pd.DataFrame(crops, columns=[*CROPS.names, *extra]).astype(dict.fromkeys(extra, "string"))
    return check(frame, CROPS, where=str(csv_path), extra=True)


def _problems(problems: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(problems, columns=PROBLEMS.names).drop_duplicates()
    return from_rows(table.to_dict("records"), PROBLEMS)


def _parse(line: int, row: dict[str, str], csv_path: Path) -> dict[str, Any]:
    """One row's values, checked; nothing of the photo is known yet."""

    def wrong(column: str, expected: str) -> TableError:
        return at(csv_path, line, column, row[column], expected)

    others = [name for name in row if name not in (*CROPS.names, "split")]
    out: dict[str, Any] = {"split": None, **{name: row[name] or None for name in others}}
    if "image_id" in row:
        out["label_id"] = row["image_id"] or None
    for name in TEXT_COLUMNS:
        out[name] = None if row.get(name, "") in NOT_KNOWN else row[name]
    out["path"] = _path(row["path"])
    if out["path"] is None:
        raise wrong("path", "a path relative to the table's folder")
    identity = row.get("identity", "")
    out["identity"] = UNKNOWN if identity in NOT_KNOWN or identity.lower() == UNKNOWN else identity
    flank = row.get("orientation", "").lower()
    if flank and flank not in FLANKS:
        raise wrong("orientation", f"one of {', '.join(FLANKS)}, or nothing")
    out["orientation"] = flank or UNKNOWN
    out["orientation_probability"] = 1.0 if flank and flank != UNKNOWN else None
    confidence = row.get("confidence", "")
    out["confidence"] = 1.0 if confidence in NOT_KNOWN else _share(confidence)
    if out["confidence"] is None:
        raise wrong("confidence", "a number from 0 to 1")
    date = row.get("date", "")
    out["date"] = None if date in NOT_KNOWN else _date(date)
    if out["date"] is None and date not in NOT_KNOWN:
        raise wrong("date", "a date such as 2012-07-22 01:53:20")
    box = row.get("bbox", "")
    out["bbox"] = None if box in NOT_KNOWN else _box(box)
    if out["bbox"] is None and box not in NOT_KNOWN:
        raise wrong("bbox", "four numbers [x, y, width, height] in pixels, or nothing for the whole photo")
    return out


def _path(text: str) -> str | None:
    """A relative path with forward slashes, without detours; None if it is empty or absolute."""
    if not text or PurePosixPath(text).is_absolute() or PureWindowsPath(text).drive:
        return None
    return os.path.normpath(text.replace("\\", "/")).replace(os.sep, "/")


def _date(text: str) -> pd.Timestamp | None:
    taken = parse_exif_time(text)
    try:
        time = pd.Timestamp(taken) if taken else pd.to_datetime(text, format="ISO8601")
    except (ValueError, OverflowError):
        return None
    return time.tz_localize(None)  # the clock's own time, whatever zone is written beside it


def _share(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _box(text: str) -> list[float] | None:
    """Four finite numbers from JSON, or from what Python and numpy print for a list."""
    parts = re.split(r"[,\s]+", text.strip("[]() \t"))
    try:
        box = [float(part) for part in parts]
    except ValueError:
        return None
    return box if len(box) == 4 and bool(np.all(np.isfinite(box))) else None


def _place(box: list[float] | None, fact: PhotoFile) -> tuple[list[float] | None, str | None]:
    """The box inside its photo, or why there is none."""
    if fact.error or fact.width is None or fact.height is None:
        return None, fact.error or "its size is not known"
    if box is None:
        return [0.0, 0.0, float(fact.width), float(fact.height)], None
    x, y, width, height = box
    left, top = max(x, 0.0), max(y, 0.0)
    wide, high = min(x + width, float(fact.width)) - left, min(y + height, float(fact.height)) - top
    if wide < 1 or high < 1:
        shown = ", ".join(f"{value:g}" for value in box)
        return None, f"the box [{shown}] covers no pixel of the photo ({fact.width} x {fact.height})"
    return [left, top, wide, high], None

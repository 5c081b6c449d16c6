"""What persons decided, as labels to train and calibrate with: a table of crops, and the pairs they answered.

The table is one that `reid.photos.read_labelled` reads. Its photos are the pictures kept beside the catalogue, so
that it needs no season's photo folder.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pandas as pd

from reid.catalogue.pictures import place
from reid.catalogue.views import STANDS

__all__ = ["crops", "pairs", "write"]

CROPS = (
    "path", "identity", "orientation", "date", "station", "camera", "sequence", "encounter", "sighting", "decided_by",
)  # fmt: skip
PAIRS = (
    "query", "candidate", "answer", "same", "query_identity", "candidate_identity", "query_path", "candidate_path",
    "by", "at", "probability", "model",
)  # fmt: skip


def crops(connection: sqlite3.Connection, data: Path, beside: Path) -> tuple[pd.DataFrame, int]:
    """Usable sightings whose identity a person decided.

    Args:
        connection: Of the catalogue.
        data: The folder beside it.
        beside: The folder that the table will lie in.

    Returns:
        The table, sorted by sighting, `path` being the picture's relative to `beside`; and how many sightings were
        left out because their picture is missing.
    """
    rows, missing = [], 0
    query = (
        "SELECT seen.identity, seen.orientation, seen.date, seen.station, seen.camera, seen.run, seen.sequence, "
        "seen.encounter, seen.sighting, content_hash, x, y, width, height, x.who FROM seen "
        "JOIN crop USING (crop) JOIN present p ON p.crop = crop.crop JOIN standing d ON d.encounter = p.encounter "
        "JOIN event x ON x.event = d.event WHERE seen.human AND seen.root IS NOT NULL AND seen.usable ORDER BY sighting"
    ).replace("content_hash, x, y, width, height", "seen.content_hash, seen.x, seen.y, seen.width, seen.height")
    for (
        identity,
        flank,
        date,
        station,
        camera,
        run,
        sequence,
        encounter,
        sighting,
        content,
        *box,
        who,
    ) in connection.execute(query):
        picture = place(data / "pictures", content, box)
        if not picture.is_file():
            missing += 1
            continue
        path = Path(os.path.relpath(picture, beside)).as_posix()
        within = [None if name is None else f"{run}:{name}" for name in (sequence, encounter)]
        rows.append((path, identity, flank, date, station, camera, *within, sighting, who))
    return pd.DataFrame(rows, columns=list(CROPS)), missing


def pairs(connection: sqlite3.Connection) -> pd.DataFrame:
    """Every standing answer about two sightings, in the order they were given; `same` is 1, 0 or empty."""
    side = (
        "SELECT crop.crop, run.run_id || ':' || crop.crop_id AS sighting, coalesce(seen.identity, 'unknown') AS identity, "
        "known.path FROM crop JOIN run USING (run) LEFT JOIN known ON known.crop = crop.crop "
        "LEFT JOIN seen ON seen.crop = crop.crop"
    )
    rows = connection.execute(
        f"WITH side AS MATERIALIZED ({side}) SELECT q.sighting, c.sighting, a.said, "
        "CASE a.said WHEN 'same' THEN 1 WHEN 'different' THEN 0 END, q.identity, c.identity, q.path, c.path, x.who, x.at, "
        "a.probability, a.model FROM answer a JOIN event x USING (event) JOIN side q ON q.crop = a.query "
        f"LEFT JOIN side c ON c.crop = a.candidate WHERE {STANDS.format('a')} ORDER BY a.answer"
    ).fetchall()
    return pd.DataFrame(rows, columns=list(PAIRS)).astype({"same": "Int64", "probability": "float64"})


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, whole or not at all."""
    partial = path.with_name(path.name + ".part")
    frame.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")
    partial.replace(path)

"""Recording a run: what a census found is compared with what is known of that run, and differences appended.

The same run recorded twice writes nothing the second time. Encounters are recognised by the crops they share,
not by their names alone, because a changed setting cuts bursts differently and numbers them anew: a person's
decision follows the photos that it was about. A crop that a person put into an encounter stays in it, shows the
flank that the person said, and is left out where it is of no use.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reid.catalogue import state, whose
from reid.catalogue.events import Event, insert, is_human, run_row
from reid.catalogue.proposals import propose_merges
from reid.errors import CatalogueError, FingerprintError, TableError
from reid.tables import UNKNOWN

__all__ = ["Recording", "as_decided", "record", "refuse_other_vectors"]

TOLERANCE = 1e-4
"""Vectors this close are one: another machine may round differently."""

SIGHTING = (
    "image_id", "path", "content_hash", "x", "y", "width", "height", "confidence",
    "orientation", "orientation_probability", "quality", "date", "camera", "station", "sequence",
)  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """What is to be recorded: `CROPS` and `DECISIONS` tables that fit, (n, d) vectors in the crops' order."""

    run_id: str
    photos: str
    crops: pd.DataFrame
    vectors: np.ndarray
    fingerprint: str
    decisions: pd.DataFrame
    links: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        if not self.run_id or ":" in self.run_id or not self.run_id.isprintable():
            raise CatalogueError(
                f"the run id {self.run_id!r} is empty or holds a colon or control character; use letters."
            )
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.crops):
            raise TableError(f"{len(self.crops)} crops need as many vectors; got the shape {self.vectors.shape}.")
        if not np.allclose(np.linalg.norm(self.vectors, axis=1), 1, atol=1e-2):  # false for NaN too
            raise TableError("the vectors for the catalogue must be finite and of unit length; these are not.")
        met, decided = set(self.crops["encounter"].dropna()), set(self.decisions["encounter"])
        if self.crops["encounter"].isna().any():
            raise TableError("a crop for the catalogue belongs to no encounter; every crop needs one.")
        if met != decided:
            odd = sorted(met ^ decided)[0]
            raise TableError(f"encounter {odd!r} has {'no decision' if odd in met else 'a decision but no crops'}.")
        wrong = self.decisions[(self.decisions["decision"] == "unsure") != (self.decisions["identity"] == UNKNOWN)]
        if len(wrong):
            first = wrong.iloc[0]
            raise TableError(
                f"encounter {first['encounter']!r} is {first['decision']!r} and {first['identity']!r}; "
                f"'unsure' goes with {UNKNOWN!r}, and nothing else does."
            )


def refuse_other_vectors(connection: sqlite3.Connection, recording: Recording) -> None:
    """Raise a `FingerprintError` if the catalogue's vectors were made differently."""
    present = state.embedding(connection)
    if present is None or not len(recording.vectors):
        return
    if present.fingerprint != recording.fingerprint:
        raise FingerprintError(
            f"the catalogue has vectors of {present.fingerprint!r}, these are of {recording.fingerprint!r}. "
            "Use the weights and preprocessing of the catalogue, or bring it to the new ones with `reid catalogue embed`."
        )
    if present.dimension != recording.vectors.shape[1]:
        raise TableError(
            f"vectors of the catalogue have {present.dimension} values, these {recording.vectors.shape[1]}."
        )


def as_decided(
    connection: sqlite3.Connection, run_id: str, crops: pd.DataFrame, drop_unusable: bool = True
) -> pd.DataFrame:
    """The crops of a run with what persons said of single ones: encounter, flank, use.

    Args:
        connection: Of the catalogue.
        run_id: The run; one that was never recorded has nothing said of it.
        crops: `CROPS` table.
        drop_unusable: Leave out the crops that a person marked unusable.

    Returns:
        The table, changed where a person said so; its index tells which rows of the given one are left.
    """
    rows = connection.execute(
        "SELECT crop_id, encounter.name, faced.orientation, marked.usable FROM crop JOIN run USING (run) "
        "LEFT JOIN placed USING (crop) LEFT JOIN encounter ON encounter.encounter = placed.encounter "
        "LEFT JOIN faced ON faced.crop = crop.crop LEFT JOIN marked ON marked.crop = crop.crop WHERE run_id = ? "
        "AND (encounter.name IS NOT NULL OR faced.orientation IS NOT NULL OR marked.usable IS NOT NULL)",
        (run_id,),
    ).fetchall()
    out = crops.copy()
    for crop_id, encounter, orientation, usable in rows:
        here = out["crop_id"] == crop_id
        if encounter is not None:
            out.loc[here, "encounter"] = encounter
        if orientation is not None:
            out.loc[here, ["orientation", "orientation_probability"]] = [orientation, 1.0]
        if usable == 0 and drop_unusable:
            out = out[~here]
    return out


def record(
    connection: sqlite3.Connection, recording: Recording, by: str, pattern: str, keep: bool = True
) -> dict[str, str]:
    """Append what is new or different; call inside a transaction that writes.

    Args:
        connection: Of the catalogue.
        recording: What was found.
        by: Who signs.
        pattern: How a new individual is called.
        keep: Where a later run was recorded since, propose changes of identities and do not make them.

    Returns:
        The name of each local label of a new individual. `unknown` where persons have already decided about
        all its encounters, and not alike, or where it is only proposed.
    """
    refuse_other_vectors(connection, recording)
    run = run_row(connection, recording.run_id)
    if run is None:
        if not len(recording.crops):
            return {}
        run = insert(connection, "run", run_id=recording.run_id, photos=recording.photos)
    # Every crop in the encounter that a person put it into. The flank is kept as it was found.
    crops = recording.crops.assign(
        encounter=as_decided(connection, recording.run_id, recording.crops, drop_unusable=False)["encounter"]
    )
    decisions = recording.decisions[recording.decisions["encounter"].isin(set(crops["encounter"]))]
    event = Event(connection, "record", by, run)
    # Where each crop of the run was, withdrawn ones too, before anything is written.
    before = dict(
        connection.execute(
            "SELECT crop_id, coalesce(placed.encounter, known.encounter) FROM known JOIN crop USING (crop) "
            "LEFT JOIN placed USING (crop) WHERE run = ?",
            (run,),
        ).fetchall()
    )
    encounters = _encounters(connection, run, crops, before)
    earlier_run = _is_earlier(connection, run)
    _sightings(event, run, crops, encounters)
    _vectors(event, run, recording)
    # For each encounter, those that its crops were in before.
    earlier = {
        name: sorted({before[crop_id] for crop_id in crop_ids if crop_id in before})
        for name, crop_ids in _members(crops).items()
    }
    given = whose.decide(
        event, run, decisions, encounters, earlier, pattern, recording.fingerprint, keep and earlier_run
    )  # fmt: skip
    if recording.links is not None and not is_human(by):
        propose_merges(event, recording.links, encounters, recording.fingerprint)
    labels = recording.decisions.loc[recording.decisions["decision"] == "new", "identity"]
    return {**dict.fromkeys(labels, UNKNOWN), **given}


def _is_earlier(connection: sqlite3.Connection, run: int) -> bool:
    """Whether another run was first recorded after this one."""
    later = connection.execute(
        "SELECT 1 FROM event WHERE kind = 'record' AND run <> ?1 AND event IN live GROUP BY run "
        "HAVING min(event) > (SELECT min(event) FROM event WHERE run = ?1)",
        (run,),
    )
    return later.fetchone() is not None


def _members(crops: pd.DataFrame) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for name, crop_id in sorted(zip(crops["encounter"], crops["crop_id"], strict=True)):
        out.setdefault(name, []).append(crop_id)
    return out


def _encounters(
    connection: sqlite3.Connection, run: int, crops: pd.DataFrame, before: Mapping[str, int]
) -> dict[str, int]:
    """The row of each encounter: the one of that name with which it shares the most crops, else a new one."""
    named = dict(connection.execute("SELECT encounter, name FROM encounter WHERE run = ?", (run,)).fetchall())
    out = {}
    for name, crop_ids in _members(crops).items():
        shared: dict[int, int] = {}
        for crop_id in crop_ids:
            row = before.get(crop_id)
            if row is not None and named[row] == name:
                shared[row] = shared.get(row, 0) + 1
        if shared:
            out[name] = max(sorted(shared), key=shared.__getitem__)
        else:
            out[name] = insert(connection, "encounter", run=run, name=name)
    return out


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value


def _sightings(event: Event, run: int, crops: pd.DataFrame, encounters: Mapping[str, int]) -> None:
    connection = event.connection
    stored = {
        row[0]: row[1:]
        for row in connection.execute(
            f"SELECT crop_id, withdrawn, encounter, {', '.join(SIGHTING)} "
            "FROM latest JOIN crop USING (crop) WHERE run = ?",
            (run,),
        )
    }
    numbers = _crops(connection, run)
    # Of a crop that a person put elsewhere, the recording's own encounter stays as it was, to go back to.
    put = dict(
        connection.execute(
            "SELECT crop_id, known.encounter FROM placed JOIN known USING (crop) JOIN crop USING (crop) WHERE run = ?",
            (run,),
        ).fetchall()
    )
    # Likewise the flank that it was found to show, where a person said another.
    found = {
        row[0]: row[1:]
        for row in connection.execute(
            "SELECT crop_id, known.orientation, known.orientation_probability FROM faced JOIN known USING (crop) "
            "JOIN crop USING (crop) WHERE run = ?",
            (run,),
        )
    }
    useless = {
        row[0]
        for row in connection.execute(
            "SELECT crop_id FROM marked JOIN crop USING (crop) WHERE run = ? AND NOT usable", (run,)
        )
    }
    for row in crops.sort_values("crop_id").to_dict("records"):
        crop_id = row["crop_id"]
        row.update(zip(("x", "y", "width", "height"), row["bbox"], strict=True))
        row.update(zip(("orientation", "orientation_probability"), found.get(crop_id, ()), strict=False))
        row["date"] = None if pd.isna(row["date"]) else row["date"].strftime("%Y-%m-%dT%H:%M:%S.%f")
        values = {
            "withdrawn": 0,
            "encounter": put.get(crop_id, encounters[row["encounter"]]),
            **{name: _plain(row[name]) for name in SIGHTING},
        }
        if stored.get(crop_id) == tuple(values.values()):
            continue
        if crop_id not in numbers:
            numbers[crop_id] = insert(connection, "crop", run=run, crop_id=crop_id)
        event.add("sighting", crop=numbers[crop_id], **values)
    for crop_id in sorted(set(stored) - set(crops["crop_id"]) - useless):
        if not stored[crop_id][0]:
            event.add("sighting", crop=numbers[crop_id], withdrawn=1)


def _crops(connection: sqlite3.Connection, run: int) -> dict[str, int]:
    return dict(connection.execute("SELECT crop_id, crop FROM crop WHERE run = ?", (run,)).fetchall())


def _vectors(event: Event, run: int, recording: Recording) -> None:
    if not len(recording.vectors):
        return
    connection = event.connection
    present = state.embedding(connection)
    if present is None:
        dimension = recording.vectors.shape[1]
        embedding = event.add("embedding", fingerprint=recording.fingerprint, dimension=dimension)
    else:
        embedding = present.embedding
    numbers = _crops(connection, run)
    stored = dict(
        connection.execute("SELECT crop, data FROM in_use JOIN crop USING (crop) WHERE run = ?", (run,)).fetchall()
    )
    for crop_id, vector in sorted(
        zip(recording.crops["crop_id"], recording.vectors, strict=True), key=lambda pair: pair[0]
    ):
        data = stored.get(numbers[crop_id])
        if data is None or not np.allclose(np.frombuffer(data, dtype="<f4"), vector, rtol=0, atol=TOLERANCE):
            event.add("vector", crop=numbers[crop_id], embedding=embedding, data=vector.astype("<f4").tobytes())

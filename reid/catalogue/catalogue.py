"""The catalogue: individuals that last from season to season, and every decision about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd

from reid import tables
from reid.catalogue import edit, history, index, names, schema, state
from reid.catalogue.events import check_by
from reid.catalogue.pictures import keep, place
from reid.catalogue.record import Recording, record, refuse_other_vectors
from reid.tables import CROPS, DECISIONS, UNKNOWN

__all__ = ["Catalogue"]


class Catalogue:
    """One SQLite file of individuals, sightings and decisions, and a folder `FILE.data` beside it.

    Nothing in it is ever changed or deleted: each change is appended, and undone by appending again. The
    folder holds pictures of the crops and an index of their vectors; the index can be rebuilt at any time.
    Several processes may use one catalogue at once; a change waits for the one before it, up to 30 s.

    Args:
        path: The file.
        create: Make it if it is not there.
        name_pattern: Name of a new individual, a format string that takes its number.

    Raises:
        CatalogueError: The file is not there, no catalogue, damaged, or of a newer version.
        ConfigError: The pattern does not make a name of each number.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Catalogue(folder + "/leopards.sqlite") as catalogue:
    ...     len(catalogue.individuals()), catalogue.fingerprint
    (0, None)
    """

    def __init__(self, path: str | Path, create: bool = True, name_pattern: str = "ind-{:03d}") -> None:
        self.path = Path(path)
        self.data = self.path.with_name(self.path.name + ".data")
        self.name_pattern = names.check_pattern(name_pattern)
        self._connection = schema.connect(self.path, create)
        with schema.errors(self.path):
            self._connection.executescript(state.VIEWS)

    def close(self) -> None:
        """Let go of the file. Everything is on disk already."""
        self._connection.close()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the file for as long as it takes."""
        with schema.errors(self.path):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("COMMIT")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with schema.errors(self.path), schema.writing(self._connection):
            yield self._connection

    @property
    def fingerprint(self) -> str | None:
        """What made the vectors in use; None before the first."""
        with self._reading() as connection:
            present = state.embedding(connection)
        return present.fingerprint if present else None

    @property
    def last_event(self) -> int:
        """Number of the last event, 0 in a fresh catalogue; it grows with every change."""
        with self._reading() as connection:
            return state.last_event(connection)

    def individuals(self) -> pd.DataFrame:
        """Who was seen, by name: the `INDIVIDUALS` table of `reid.catalogue.state`."""
        with self._reading() as connection:
            return state.individuals(connection)

    def runs(self) -> pd.DataFrame:
        """What was recorded, by run: the `RUNS` table of `reid.catalogue.state`."""
        with self._reading() as connection:
            return state.runs(connection)

    def sightings(self, identity: str | None = None, exclude_run: str | None = None) -> pd.DataFrame:
        """Every crop with whose it is, sorted by run and crop: the `SEEN` table of `reid.catalogue.state`.

        Args:
            identity: Only this individual's, by a present or earlier name; "unknown" for those without one.
            exclude_run: Leave out this run.

        Raises:
            CatalogueError: There is no such individual.
        """
        with self._reading() as connection:
            if identity is None or names.fold(identity) == UNKNOWN:
                frame = state.sightings(connection, None, exclude_run)
                return frame if identity is None else frame[frame["identity"] == UNKNOWN].reset_index(drop=True)
            return state.sightings(connection, names.find(connection, identity), exclude_run)

    def decisions(self, run_id: str) -> pd.DataFrame:
        """The `DECISIONS` table of a run as it stands, with present names; empty if there is no such run."""
        with self._reading() as connection:
            return state.decisions(connection, run_id)

    def resolve(self, name: str) -> str:
        """The present name of the individual that has, or had, this name.

        Raises:
            CatalogueError: There is none; names the closest.
        """
        with self._reading() as connection:
            return state.animals(connection)[names.find(connection, name)].name

    def vectors(self, exclude_run: str | None = None) -> tuple[np.ndarray, list[str]]:
        """Vectors of all sightings with a named individual, sorted by run and crop.

        Returns:
            (n, d) float32 of unit length, (0, 0) in a fresh catalogue, and the `sighting` key of each row.
        """
        with self._reading() as connection:
            values, keys, _ = state.vectors(connection, exclude_run)
        return values, keys

    def picture(self, sighting: str) -> Path | None:
        """The JPEG file of a sighting's crop, if it was kept."""
        run_id, _, crop_id = sighting.partition(":")
        with self._reading() as connection:
            row = connection.execute(
                "SELECT content_hash, x, y, width, height FROM known "
                "JOIN crop USING (crop) JOIN run USING (run) WHERE run_id = ? AND crop_id = ?",
                (run_id, crop_id),
            ).fetchone()
        if row is None:
            return None
        path = place(self.data / "pictures", row[0], row[1:])
        return path if path.is_file() else None

    def record_run(
        self,
        run_id: str,
        photos_name: str,
        crops: pd.DataFrame,
        vectors: np.ndarray,
        fingerprint: str,
        decisions: pd.DataFrame,
        pictures: Callable[[str], bytes] | None,
        by: str,
    ) -> dict[str, str]:
        """Take up what a census found, whole or not at all.

        Recording the same again changes nothing. Recording the run with other results appends what differs,
        and marks what is gone as withdrawn; its new individuals keep their names by the greatest overlap of
        encounters. What a person has decided is never overridden by the program.

        Args:
            run_id: Same id, same run; no colon in it.
            photos_name: Name of the photo folder.
            crops: `CROPS` table, each with its encounter. Its labels (`identity`) are not used.
            vectors: (n, d), unit length, in the order of the crops.
            fingerprint: Of the vectors.
            decisions: `DECISIONS` table, a row for each encounter of the crops. The identity of a "known" one
                is a name in this catalogue, of a "new" one a local label that encounters may share.
            pictures: Gives the JPEG bytes of a crop_id, asked only for those not there yet; None keeps none.
            by: "reid " and the version, or a person's name, whose decisions are then a person's.

        Returns:
            The present name of each local label. "unknown" where persons had already decided about all its
            encounters, and not alike; `decisions(run_id)` has what stands.

        Raises:
            FingerprintError: The catalogue's vectors were made by other weights or preprocessing.
            TableError: Crops, vectors and decisions do not belong together.
            CatalogueError: A "known" individual does not exist, or the file cannot be written.
        """
        recording = Recording(
            run_id,
            photos_name,
            tables.check(crops, CROPS),
            np.asarray(vectors, dtype=np.float32),
            fingerprint,
            tables.check(decisions, DECISIONS),
        )
        check_by(by)
        with self._reading() as connection:
            refuse_other_vectors(connection, recording)
        if pictures is not None:
            # Before the transaction: one too many does no harm, and nobody waits while photos are decoded.
            columns = (recording.crops[name] for name in ("crop_id", "content_hash", "bbox"))
            keep(self.data / "pictures", zip(*columns, strict=True), pictures)
        with self._writing() as connection:
            return record(connection, recording, by, self.name_pattern)

    def decide(self, run_id: str, encounter: str, identity: str | None, by: str, reason: str = "") -> str | None:
        """A person says whose an encounter is.

        Args:
            run_id: The run.
            encounter: The encounter in it.
            identity: A name, "new" for a new individual, None or "unknown" if it cannot be told.
            by: Who says so.
            reason: Why.

        Returns:
            The individual's present name.

        Raises:
            CatalogueError: There is no such run, encounter or individual, or `by` is the program.
        """
        with self._writing() as connection:
            return edit.decide(connection, run_id, encounter, identity, by, reason, self.name_pattern)

    def rename(self, old: str, new: str, by: str) -> None:
        """Give an individual another name, in every run at once. The old name still finds it.

        Raises:
            CatalogueError: There is no such individual, or the new name is taken or not allowed.
        """
        with self._writing() as connection:
            edit.rename(connection, old, new, by)

    def merge(self, keep: str, gone: str, by: str) -> None:
        """Make two individuals one, called `keep`. The other name still finds it.

        Raises:
            CatalogueError: One of them does not exist, or they are one already.
        """
        with self._writing() as connection:
            edit.merge(connection, keep, gone, by)

    def split(self, identity: str, encounters: Sequence[tuple[str, str]], by: str, reason: str = "") -> str:
        """Make some encounters (run, encounter) of an individual a new individual; returns its name.

        Raises:
            CatalogueError: They are not its own, or all of them.
        """
        with self._writing() as connection:
            return edit.split(connection, identity, encounters, by, reason, self.name_pattern)

    def undo(self, by: str, event: int | None = None) -> int:
        """Take back the last event that stands, whatever it was; repeat it to go further back.

        Args:
            by: Who does.
            event: What the last one is believed to be; refused if it is not.

        Returns:
            The number of the event that was taken back.

        Raises:
            CatalogueError: There is nothing to undo, or another event came in between.
        """
        with self._writing() as connection:
            return edit.undo(connection, by, event)

    def history(self, identity: str | None = None) -> pd.DataFrame:
        """Every event in order: when, who, what, before, after; see `reid.catalogue.history`."""
        with self._reading() as connection:
            return history.history(connection, names.find(connection, identity) if identity else None)

    def rebuild_index(self) -> Path:
        """Write the FAISS index of `vectors()` anew; see `index`."""
        with self._reading() as connection:
            content = index.gather(connection)
        index.build(self.data, content)
        return self.data / index.FILE

    def index(self) -> tuple[Any, dict[int, str]]:
        """The FAISS index (inner product) of `vectors()`, rebuilt if out of date, and the key of each id."""
        with self._reading() as connection:
            content = index.gather(connection)
        found = index.load(self.data, content.facts)
        if found is None:
            found = index.build(self.data, content)
        return found, dict(zip(content.ids.tolist(), content.keys, strict=True))

"""The catalogue: individuals that last from season to season, and every decision about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid import tables
from reid.catalogue import exchange, history, index, names, state
from reid.catalogue.browsing import Browsing
from reid.catalogue.editing import Editing
from reid.catalogue.events import check_by
from reid.catalogue.keeping import Keeping
from reid.catalogue.pictures import keep, place
from reid.catalogue.record import Recording, as_decided, record, refuse_other_vectors
from reid.errors import TableError
from reid.tables import CROPS, DECISIONS, LINKS, UNKNOWN

__all__ = ["Catalogue", "open_catalogue"]


def open_catalogue(path: str | Path, by: str | None = None, create: bool = False) -> Catalogue:
    """Open a catalogue to work on it.

    Args:
        path: The file.
        by: Who signs the edits; your login name if nobody is named.
        create: Make the file if it is not there.

    Raises:
        CatalogueError: The file is not there, no catalogue, damaged, or of a newer version.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open_catalogue(folder + "/a.sqlite", "Anna", create=True) as c:
    ...     c.find(season="2018").total
    0
    """
    return Catalogue(path, create, by=by)


class Catalogue(Editing, Browsing, Keeping):
    """One SQLite file of individuals, sightings and decisions, and a folder `FILE.data` beside it.

    Nothing in it is ever changed or deleted: each change is appended, and undone by appending again. The
    folder holds pictures of the crops and an index of their vectors; the index can be rebuilt at any time.
    Several processes, and several threads of one, may use a catalogue at once: reading is never kept waiting, a
    change waits for the one before it, up to 30 s.

    Args:
        path: The file.
        create: Make it if it is not there.
        name_pattern: Name of a new individual, a format string that takes its number.
        by: Who signs the edits that name nobody.

    Raises:
        CatalogueError: The file is not there, no catalogue, damaged, or of a newer version.
        ConfigError: The pattern does not make a name of each number.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Catalogue(folder + "/leopards.sqlite") as catalogue:
    ...     len(catalogue.individuals()), catalogue.fingerprint
    (0, None)
    """

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
            return names.present(connection, names.find(connection, name))

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

    def as_decided(self, run_id: str, crops: pd.DataFrame, vectors: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
        """Crops of a run that is about to be compared and recorded, with what persons said of single ones.

        Args:
            run_id: The run; one that was never recorded has nothing said of it.
            crops: `CROPS` table.
            vectors: (n, d), in their order.

        Returns:
            The crops in the encounters, and with the flanks, that persons gave them, without those marked unusable;
            and their vectors.
        """
        if len(crops) != len(vectors):
            raise TableError(f"{len(crops)} crops need as many vectors; got {len(vectors)}.")
        with self._reading() as connection:
            kept = as_decided(connection, run_id, crops.reset_index(drop=True))
        return kept.reset_index(drop=True), vectors[kept.index.to_numpy()]

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
        links: pd.DataFrame | None = None,
        change_earlier: bool = False,
    ) -> dict[str, str]:
        """Take up what a census found, whole or not at all.

        Recording the same again changes nothing. Recording the run with other results appends what differs,
        and marks what is gone as withdrawn; its new individuals keep their names by the greatest overlap of
        encounters. What a person has decided is never overridden by the program: whose an encounter or a sighting
        is, who was told apart, what a sighting is worth.

        Where another run was recorded after this one, the program's new results about its old sightings are not
        taken up but proposed: see `changes`.

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
            links: `LINKS` table, the evidence. Two individuals that one encounter resembles are proposed as one.
            change_earlier: Take the results of an earlier run up, too.

        Returns:
            The present name of each local label. "unknown" where persons had already decided about all its
            encounters, and not alike, or where it is only proposed; `decisions(run_id)` has what stands.

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
            None if links is None else tables.check(links, LINKS),
        )
        check_by(by)
        with self._reading() as connection:
            refuse_other_vectors(connection, recording)
        if pictures is not None:
            # Before the transaction: one too many does no harm, and nobody waits while photos are decoded.
            columns = (recording.crops[name] for name in ("crop_id", "content_hash", "bbox"))
            keep(self.data / "pictures", zip(*columns, strict=True), pictures)
        with self._writing() as connection:
            return record(connection, recording, by, self.name_pattern, keep=not change_earlier)

    @staticmethod
    def load(source: str | Path, target: str | Path) -> int:
        """Make a new catalogue out of what `export` wrote; returns the number of rows. See `reid.catalogue.exchange`."""
        return exchange.load(Path(source), Path(target))

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
        """The FAISS index (inner product) of `vectors()`, brought up to date, and the sighting key of each id."""
        with self._reading() as connection:
            content = index.gather(connection)
        found = index.load(self.data, content)
        if found is None:
            found = index.build(self.data, content)
        return found, dict(zip(content.ids.tolist(), content.keys, strict=True))

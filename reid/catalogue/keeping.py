"""The part of `Catalogue` that looks after it: check, copies, exchange, labels, proposed changes, other vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from reid.catalogue import backup, check, embeddings, exchange, labels, proposals, told_apart
from reid.catalogue.base import Base
from reid.errors import OutputError

__all__ = ["Keeping"]


class Keeping(Base):
    """Copies and exports are written whole or not at all."""

    def check(self) -> check.Report:
        """Look at the bytes, the rows, what they add up to, and the pictures; see `reid.catalogue.check`."""
        with self._reading() as connection:
            return check.report(connection, self.data)

    def backup(self, target: str | Path, pictures: bool = True) -> int:
        """Copy the catalogue, while others may go on writing; a former copy is replaced, whole or not at all.

        Args:
            target: The copy's file; its pictures go into `TARGET.data`.
            pictures: Whether to copy the pictures too, those that are not there yet.

        Returns:
            How many pictures were copied.
        """
        with self._reading() as connection:
            return backup.backup(connection, self.data, Path(target), pictures)

    def export(self, path: str | Path) -> int:
        """Write every row as JSON Lines, for `Catalogue.load` and for other programs; returns how many. No pictures."""
        with self._reading() as connection:
            return exchange.export(connection, Path(path))

    def changes(self) -> pd.DataFrame:
        """What recordings would change in earlier seasons, and individuals that may be one; the `CHANGES` table.

        Nothing of it is done. `accept` does it, `dismiss` keeps what stands for good.
        """
        with self._reading() as connection:
            return proposals.changes(connection)

    def accept(self, numbers: Collection[int], by: str | None = None, reason: str = "") -> int:
        """Make proposed changes, all or none of these; returns how many."""
        by = self._signature(by)
        with self._writing() as connection:
            return proposals.settle(connection, numbers, True, by, reason, self.name_pattern)

    def dismiss(self, numbers: Collection[int], by: str | None = None, reason: str = "") -> int:
        """Keep what stands, against proposed changes, for good; returns how many."""
        by = self._signature(by)
        with self._writing() as connection:
            return proposals.settle(connection, numbers, False, by, reason, self.name_pattern)

    def labelled_pairs(self) -> pd.DataFrame:
        """Every answer that stands, a row each: query, candidate, answer, same (1, 0 or null), by, at, and so on."""
        with self._reading() as connection:
            return labels.pairs(connection)

    def write_labels(self, output: str | Path) -> tuple[int, int, int]:
        """Write what persons decided, as labels for `reid train` and `reid calibrate`.

        Args:
            output: CSV of the sightings whose identity a person decided. The answers go into a file of the same
                name that ends in `.pairs.csv`.

        Returns:
            Numbers of sightings and of answers written, and of sightings left out because their picture is missing.
        """
        output = Path(output)
        if not output.parent.is_dir():
            raise OutputError(f"{output} cannot be written: there is no folder {output.parent}. Make it first.")
        with self._reading() as connection:
            crops, missing = labels.crops(connection, self.data.resolve(), output.parent.resolve())
            pairs = labels.pairs(connection)
        labels.write(crops, output)
        labels.write(pairs, output.with_name(f"{output.stem}.pairs.csv"))
        return len(crops), len(pairs), missing

    def told_apart(self, run_id: str) -> set[frozenset[str]]:
        """Pairs of an encounter of a run with another one, or with an individual, that a person called different."""
        with self._reading() as connection:
            return told_apart.apart(connection, run_id)

    def told_same(self, run_id: str) -> set[frozenset[str]]:
        """Pairs of an encounter of a run with another one, or with an individual, that a person called the same."""
        with self._reading() as connection:
            return told_apart.together(connection, run_id)

    def replace_vectors(
        self, sightings: Sequence[str], vectors: np.ndarray, fingerprint: str, by: str | None = None
    ) -> int:
        """Use the vectors of another network from now on; every decision stays.

        Args:
            sightings: Whose vectors these are.
            vectors: (n, d), unit length, in their order.
            fingerprint: Of what made them.
            by: Who signs.

        Returns:
            How many sightings are left without a vector, and are compared with nothing until their run is recorded
            again.
        """
        by = self._signature(by)
        with self._writing() as connection:
            return embeddings.replace(connection, sightings, np.asarray(vectors, dtype=np.float32), fingerprint, by)

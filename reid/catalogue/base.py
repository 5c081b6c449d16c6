"""An open catalogue: its connection, whose turn it is, and who signs."""

from __future__ import annotations

import getpass
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from reid.catalogue import names, schema, state, views
from reid.catalogue.present import Present
from reid.errors import CatalogueError

__all__ = ["Base"]

T = TypeVar("T", bound="Base")


class Base:
    """The file, opened; threads may share one, and take turns."""

    def __init__(
        self, path: str | Path, create: bool = True, name_pattern: str = "ind-{:03d}", by: str | None = None
    ) -> None:
        self.path = Path(path)
        self.data = self.path.with_name(self.path.name + ".data")
        self.name_pattern = names.check_pattern(name_pattern)
        self.by = by
        self._lock = threading.RLock()
        self._connection = schema.connect(self.path, create)
        with schema.errors(self.path):
            views.make(self._connection)
        self._present = Present(self._connection)

    def close(self) -> None:
        """Let go of the file. Everything is on disk already."""
        with self._lock:
            self._connection.close()

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the file for as long as it takes."""
        with self._lock, schema.errors(self.path):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:  # SQLite ends it by itself where the disk or the memory fails
                    self._connection.execute("COMMIT")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, schema.errors(self.path), schema.writing(self._connection):
            yield self._connection

    @contextmanager
    def _browsing(self) -> Iterator[sqlite3.Connection]:
        """Like `_reading`, with the tables of `reid.catalogue.present` up to date."""
        with self._reading() as connection:
            self._present.refresh()
            yield connection

    def _signature(self, by: str | None) -> str:
        if by is None:
            by = self.by
        if by is not None:
            return by
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            raise CatalogueError("this system does not tell who you are; sign with by=NAME.") from None

    @property
    def signatory(self) -> str:
        """Who signs the edits that name nobody.

        Raises:
            CatalogueError: Nobody was named, and the system does not tell who is logged in.
        """
        return self._signature(None)

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

    @property
    def revision(self) -> int:
        """What an edit names as the state that it was based on: the number of the last event."""
        return self.last_event

"""The part of `Catalogue` that people correct it with. Every edit is appended, signed, and can be taken back."""

from __future__ import annotations

from collections.abc import Sequence

from reid.catalogue import answers, describe, edit, flanks, undo
from reid.catalogue.base import Base

__all__ = ["Editing", "Parts"]

Parts = Sequence["str | tuple[str, str]"]
"""Sightings, "run:crop_id", and whole encounters, (run, encounter)."""


class Editing(Base):
    """What the edits have in common.

    `by` signs; without it the name given when the catalogue was opened does, or the login name. `reason` says why.
    `revision` is the state that the edit was based on, `Catalogue.revision` or that of a page or a preview: if what
    the edit is about was changed since, it is refused with a `LostUpdateError`. What cannot be done is refused
    with a `CatalogueError`, and then nothing is written.
    """

    def decide(
        self, run_id: str, encounter: str, identity: str | None, by: str | None = None, reason: str = "",
        revision: int | None = None,
    ) -> str | None:  # fmt: skip
        """A person says whose an encounter is.

        Args:
            run_id: The run.
            encounter: The encounter in it.
            identity: A name, "new" for a new individual, None or "unknown" if it cannot be told.
            by: Who says so.
            reason: Why.
            revision: What it is based on.

        Returns:
            The individual's present name.

        Raises:
            CatalogueError: There is no such run, encounter or individual, or `by` is the program.
        """
        by = self._signature(by)
        with self._writing() as connection:
            return edit.decide(connection, run_id, encounter, identity, by, reason, self.name_pattern, revision)

    def move(
        self, sightings: str | Parts, identity: str | None, by: str | None = None, reason: str = "",
        revision: int | None = None,
    ) -> str | None:  # fmt: skip
        """Say whose single sightings are. Those that leave a part of their encounter behind get one of their own.

        Args:
            sightings: One sighting, or several, or whole encounters.
            identity: A name, "new", None or "unknown", as for `decide`.
            by: Who says so.
            reason: Why.
            revision: What it is based on.

        Returns:
            The individual's present name.
        """
        by, parts = self._signature(by), [sightings] if isinstance(sightings, str) else sightings
        with self._writing() as connection:
            return edit.move(connection, parts, identity, by, reason, self.name_pattern, revision)

    def rename(self, old: str, new: str, by: str | None = None, reason: str = "", revision: int | None = None) -> None:
        """Give an individual another name, in every run at once. The old name still finds it.

        Raises:
            CatalogueError: There is no such individual, or the new name is taken or not allowed.
        """
        by = self._signature(by)
        with self._writing() as connection:
            edit.rename(connection, old, new, by, reason, revision)

    def alias(
        self, identity: str, name: str, by: str | None = None, reason: str = "", revision: int | None = None
    ) -> None:
        """Let another name find an individual too, for example the one it has in a neighbour's catalogue."""
        by = self._signature(by)
        with self._writing() as connection:
            edit.alias(connection, identity, name, by, reason, revision)

    def merge(self, keep: str, gone: str, by: str | None = None, reason: str = "", revision: int | None = None) -> str:
        """Make two individuals one; returns its name, that of `keep`. The other name still finds it.

        Raises:
            CatalogueError: One of them does not exist, or they are one already.
        """
        by = self._signature(by)
        with self._writing() as connection:
            return edit.merge(connection, keep, gone, by, reason, revision)

    def split(
        self, identity: str, parts: Parts, by: str | None = None, reason: str = "", revision: int | None = None
    ) -> str:
        """Make some encounters or sightings of an individual a new individual; returns its name.

        Raises:
            CatalogueError: They are not its own, or all of them.
        """
        by = self._signature(by)
        with self._writing() as connection:
            return edit.split(connection, identity, parts, by, reason, self.name_pattern, revision)

    def join(self, one: str, other: str, by: str | None = None, reason: str = "", revision: int | None = None) -> str:
        """Make a left and a right flank one individual; returns its name, that of `one`.

        Raises:
            CatalogueError: They do not show one flank each, and not the same.
        """
        by = self._signature(by)
        with self._writing() as connection:
            return flanks.join(connection, one, other, by, reason, revision)

    def part(
        self, identity: str, flank: str, by: str | None = None, reason: str = "", revision: int | None = None
    ) -> str:
        """Make the sightings of one flank, "left" or "right", a new individual; returns its name."""
        by = self._signature(by)
        with self._writing() as connection:
            return flanks.part(connection, identity, flank, by, reason, self.name_pattern, revision)

    def set_flank(
        self, sightings: Sequence[str], flank: str, by: str | None = None, reason: str = "", revision: int | None = None
    ) -> None:
        """Say which flank sightings show."""
        by = self._signature(by)
        with self._writing() as connection:
            flanks.set_flank(connection, sightings, flank, by, reason, revision)

    def set_usable(
        self, sightings: Sequence[str], usable: bool, by: str | None = None, reason: str = "",
        revision: int | None = None,
    ) -> None:  # fmt: skip
        """Say whether sightings can be used to tell the animal. Unusable ones stay, and are compared with nothing."""
        by = self._signature(by)
        with self._writing() as connection:
            describe.mark(connection, sightings, usable, by, reason, revision)

    def set_sex(
        self, identity: str, sex: str, by: str | None = None, reason: str = "", revision: int | None = None
    ) -> None:
        """Say that an individual is "female" or "male", or that it is "unknown"."""
        by = self._signature(by)
        with self._writing() as connection:
            describe.set_trait(connection, identity, "sex", sex, by, reason, revision)

    def set_age(
        self, identity: str, age: str, by: str | None = None, reason: str = "", revision: int | None = None
    ) -> None:
        """Say that an individual is a "cub", "subadult" or "adult" now, or that it is "unknown"."""
        by = self._signature(by)
        with self._writing() as connection:
            describe.set_trait(connection, identity, "age", age, by, reason, revision)

    def note(self, words: str, identity: str | None = None, sighting: str | None = None, by: str | None = None) -> int:
        """Write something down about an individual or a sighting; returns its event, to `undo` it by."""
        by = self._signature(by)
        with self._writing() as connection:
            return describe.note(connection, identity, sighting, words, by)

    def tag(self, name: str, identity: str | None = None, sighting: str | None = None, by: str | None = None) -> None:
        """Give an individual or a sighting a tag."""
        by = self._signature(by)
        with self._writing() as connection:
            describe.tag(connection, identity, sighting, name, True, by)

    def untag(self, name: str, identity: str | None = None, sighting: str | None = None, by: str | None = None) -> None:
        """Take a tag off."""
        by = self._signature(by)
        with self._writing() as connection:
            describe.tag(connection, identity, sighting, name, False, by)

    def answer(
        self, query: str, candidate: str | None, said: str, by: str | None = None, reason: str = "",
        probability: float | None = None, model: str | None = None, revision: int | None = None,
    ) -> int:  # fmt: skip
        """Answer whether two sightings show one animal. The answer is kept as a label, and what follows is done.

        "same" gives both encounters to one individual: the one that either has, the elder of two, or a new one.
        "different" takes the query's encounter out of the individual that both were in; recordings never join the
        two again. "unusable" marks the query. "not sure" and "other flank" are only kept.

        Args:
            query: A sighting.
            candidate: Another one; None is allowed with "unusable".
            said: One of "same", "different", "not sure", "other flank", "unusable".
            by: Who answers.
            reason: Why.
            probability: What was shown beside the question.
            model: Fingerprint of the network that it was computed with.
            revision: What it is based on.

        Returns:
            Its event, to `undo` it by.
        """
        by = self._signature(by)
        with self._writing() as connection:
            return answers.answer(
                connection, query, candidate, said, by, reason, probability, model, self.name_pattern, revision
            )

    def undo(
        self, by: str | None = None, event: int | None = None, own: bool = False, revision: int | None = None
    ) -> int:
        """Take back the last event that stands, whatever it was; repeat it to go further back.

        Args:
            by: Who does.
            event: Take back this one instead, however old, if nothing that stands was built on it.
            own: Take back the last event that was signed by `by`.
            revision: What it is based on.

        Returns:
            The number of the event that was taken back.

        Raises:
            CatalogueError: There is nothing to undo, or later events stand on it; names them.
        """
        by = self._signature(by)
        with self._writing() as connection:
            return undo.undo(connection, by, event, own, revision)

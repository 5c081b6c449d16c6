"""The state that SQL adds up, against the same rules in plain dictionaries, over random sequences."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from catalogue_makers import record
from catalogue_plain import Plain, RefusedError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reid.catalogue import Catalogue
from reid.errors import CatalogueError

RUNS = st.sampled_from(["r1", "r2"])
CROPS = list("abcde")
ENCOUNTERS = ["e1", "e2", "e3"]
NAMES = st.sampled_from(["Bella", "bella ", "Luna", "ind-002", "IND-003", "ind-004", "ind-005"])


class Sequences(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.catalogue = Catalogue(Path(self.folder) / "a.sqlite")
        self.plain = Plain()

    def teardown(self) -> None:
        names = sorted(row[3] for row in self.plain.table() if row[3] != "unknown")
        frame = self.catalogue.individuals()
        assert dict(zip(frame["identity"], frame["crops"], strict=True)) == {n: names.count(n) for n in names}
        assert not self.catalogue._connection.execute("PRAGMA foreign_key_check").fetchall()
        # Taking everything back leaves an empty catalogue.
        for _ in range(len(self.plain.past)):
            self.catalogue.undo("Anna")
        assert not self.actual()
        assert self.catalogue.fingerprint is None
        with pytest.raises(CatalogueError, match="nothing to undo"):
            self.catalogue.undo("Anna")
        self.catalogue.close()
        shutil.rmtree(self.folder)

    def actual(self) -> set[tuple[Any, ...]]:
        rows = self.catalogue._connection.execute(
            "SELECT run, crop_id, encounter, identity, decision, probability FROM seen"
        )
        return set(rows.fetchall())

    def both(self, plain: Any, real: Any) -> None:
        try:
            wanted = plain()
        except RefusedError:
            with pytest.raises(CatalogueError):
                real()
            return
        found = real()
        if wanted is not None:
            assert found == wanted

    def names(self) -> list[str]:
        return sorted({name for animal in self.plain.now.animals.values() for name in animal.names}) or ["nobody"]

    def met(self) -> list[tuple[str, str]]:
        return sorted({self.plain.now.rows[row] for row in self.plain.where().values()})

    @rule(
        data=st.data(),
        run=RUNS,
        probability=st.sampled_from([0.8, 0.9]),
        by=st.sampled_from(["reid 0.1", "reid 0.2", "Anna"]),
        change_earlier=st.booleans(),
    )
    def record(self, data: st.DataObject, run: str, probability: float, by: str, change_earlier: bool) -> None:
        where = data.draw(st.lists(st.sampled_from([*ENCOUNTERS, None]), min_size=5, max_size=5))
        found: dict[str, list[str]] = {}
        for crop, encounter in zip(CROPS, where, strict=True):
            if encounter:
                found.setdefault(encounter, []).append(crop)
        words = st.sampled_from(["?", "new-1", "new-1", "new-2", *self.names()])
        said = {encounter: data.draw(words) for encounter in found}
        self.both(
            lambda: self.plain.record(run, found, said, probability, by == "Anna", not change_earlier),
            lambda: record(
                self.catalogue, run, found, said, by=by, probability=probability, change_earlier=change_earlier
            ),
        )

    @rule(data=st.data(), new=NAMES)
    def rename(self, data: st.DataObject, new: str) -> None:
        old = data.draw(st.sampled_from(self.names()))
        self.both(lambda: self.plain.rename(old, new), lambda: self.catalogue.rename(old, new, "Anna"))

    @rule(data=st.data(), new=NAMES)
    def alias(self, data: st.DataObject, new: str) -> None:
        old = data.draw(st.sampled_from(self.names()))
        self.both(lambda: self.plain.alias(old, new), lambda: self.catalogue.alias(old, new, "Anna"))

    @precondition(lambda self: self.plain.now.place)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(sorted(self.plain.now.place)), unique=True, min_size=1, max_size=2))
        identity = data.draw(st.sampled_from([None, "new", *self.names()]))
        keys = [":".join(key) for key in chosen]
        self.both(lambda: self.plain.move(chosen, identity), lambda: self.catalogue.move(keys, identity, "Bo") and None)

    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        keep, gone = (data.draw(st.sampled_from(self.names())) for _ in range(2))
        self.both(lambda: self.plain.merge(keep, gone), lambda: self.catalogue.merge(keep, gone, "Anna"))

    @precondition(lambda self: self.plain.now.place)
    @rule(data=st.data())
    def decide(self, data: st.DataObject) -> None:
        run, encounter = data.draw(st.sampled_from(self.met()))
        identity = data.draw(st.sampled_from([None, "new", *self.names()]))
        self.both(
            lambda: self.plain.decide(run, encounter, identity),
            lambda: self.catalogue.decide(run, encounter, identity, "Bo") and None,
        )

    @precondition(lambda self: self.plain.now.place)
    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.names()))
        chosen = data.draw(st.lists(st.sampled_from(self.met()), unique=True, max_size=2))
        self.both(lambda: self.plain.split(name, chosen), lambda: self.catalogue.split(name, chosen, "Bo") and None)

    @rule()
    def undo(self) -> None:
        self.both(self.plain.undo, lambda: self.catalogue.undo("Bo"))

    @rule()
    def reopen(self) -> None:
        self.catalogue.close()
        self.catalogue = Catalogue(self.catalogue.path, create=False)

    @rule(statement=st.integers(1, 60))
    def crash(self, statement: int) -> None:
        """Go on with what is on the disk at some moment within a recording, as after a kill."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        connection, path = self.catalogue._connection, self.catalogue.path
        connection.execute("PRAGMA cache_size = 2")  # pages reach the disk before the end
        count = 0

        def trace(_: str) -> None:
            nonlocal count
            count += 1
            if count == statement:
                for part in ("", "-wal"):
                    if path.with_name(path.name + part).exists():
                        shutil.copy(path.with_name(path.name + part), folder)

        connection.set_trace_callback(trace)
        record(
            self.catalogue, "r9", {f"e{i}": [f"x{i}", f"y{i}"] for i in range(9)}, {f"e{i}": "new-1" for i in range(9)}
        )
        assert count > 60
        self.catalogue.close()
        self.catalogue = Catalogue(folder / path.name, create=False)

    @rule(data=st.data(), what=st.sampled_from(["rename", "merge", "decide", "split", "undo"]), at=st.integers(1, 40))
    def crash_in_an_edit(self, data: st.DataObject, what: str, at: int) -> None:
        """The same within an edit: it is not there at all, or, where it has fewer statements, there as a whole."""
        one, other = (data.draw(st.sampled_from(self.names())) for _ in range(2))
        visit = data.draw(st.sampled_from(self.met() or [("r1", "e1")]))
        plain, real = {
            "rename": (lambda: self.plain.rename(one, "Stella"), lambda: self.catalogue.rename(one, "Stella", "Anna")),
            "merge": (lambda: self.plain.merge(one, other), lambda: self.catalogue.merge(one, other, "Anna")),
            "decide": (lambda: self.plain.decide(*visit, one), lambda: self.catalogue.decide(*visit, one, "Bo")),
            "split": (lambda: self.plain.split(one, [visit]), lambda: self.catalogue.split(one, [visit], "Bo")),
            "undo": (self.plain.undo, lambda: self.catalogue.undo("Bo")),
        }[what]
        if what == "decide" and not self.plain.now.place:
            return
        folder, path = Path(tempfile.mkdtemp(dir=self.folder)), self.catalogue.path
        count, refused = 0, False

        def trace(_: str) -> None:
            nonlocal count
            count += 1
            if count == at:
                for part in ("", "-wal"):
                    if path.with_name(path.name + part).exists():
                        shutil.copy(path.with_name(path.name + part), folder)

        self.catalogue._connection.set_trace_callback(trace)
        try:
            real()
        except CatalogueError:
            refused = True
        self.catalogue._connection.set_trace_callback(None)
        if count >= at:
            self.catalogue.close()
            self.catalogue = Catalogue(folder / path.name, create=False)
        elif refused:
            with pytest.raises(RefusedError):
                plain()
        else:
            plain()

    @invariant()
    def the_same(self) -> None:
        assert self.actual() == self.plain.table()
        self.catalogue.facets()
        shown = self.catalogue._connection.execute(
            "SELECT s.sighting, s.encounter, coalesce(p.name, 'unknown'), s.probability FROM shown s "
            "LEFT JOIN person p ON p.individual = s.individual"
        )
        assert set(shown.fetchall()) == {(f"{r}:{c}", e, name, p) for r, c, e, name, _, p in self.plain.table()}


QUICK = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


def test_random_sequences_agree_with_the_plain_rules() -> None:
    run_state_machine_as_test(Sequences, settings=QUICK)


@pytest.mark.slow
def test_many_long_random_sequences_agree_with_the_plain_rules() -> None:
    run_state_machine_as_test(Sequences, settings=settings(QUICK, max_examples=40, stateful_step_count=20))

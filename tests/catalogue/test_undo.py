"""Taking back in any order, against a list of effects folded up by hand; and lost updates, which are refused."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from catalogue_makers import identities, record
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from reid.catalogue import Catalogue, LostUpdateError
from reid.errors import CatalogueError

FOUND = {f"e{i}": [f"c{i}"] for i in range(6)}
SAID = {"e0": "new-1", "e1": "new-2", "e2": "new-3", "e3": "new-1", "e4": "?", "e5": "new-2"}
WORDS = ["Bella", "Luna", "ind-001", "ind-002", "ind-003", "ind-004", "ind-005"]


class Effects:
    """What stands, as the sum of the effects of the events that were not taken back."""

    def __init__(self) -> None:
        self.log: dict[int, list[tuple[Any, ...]]] = {}
        self.gone: set[int] = set()

    def all(self, kind: str, but: int | None = None) -> list[tuple[Any, ...]]:
        live = [event for event in sorted(self.log) if event not in self.gone and event != but]
        return [effect for event in live for effect in self.log[event] if effect[0] == kind]

    def root(self, animal: int, but: int | None = None) -> int:
        into = {gone: keep for _, keep, gone in self.all("merge", but)}
        while animal in into:
            animal = into[animal]
        return animal

    def owners(self, but: int | None = None) -> dict[str, set[int]]:
        out: dict[str, set[int]] = {}
        for kind in ("born", "name"):
            for _, animal, name in self.all(kind, but):
                out.setdefault(name.lower(), set()).add(self.root(animal, but))
        return out

    def name(self, animal: int) -> str:
        own = [name for kind in ("born", "name") for _, of, name in self.all(kind) if of == animal]
        return own[-1]

    def whose(self) -> dict[str, str]:
        last: dict[str, int | None] = {}
        for _, encounter, animal in self.all("decide"):
            last[encounter] = animal
        return {e: "unknown" if a is None else self.name(self.root(a)) for e, a in last.items()}

    def sexes(self) -> dict[str, str]:
        said: dict[int, str] = {}
        for own in (False, True):
            for _, animal, sex in self.all("sex"):
                root = self.root(animal)
                if (animal == root) == own:
                    said[root] = sex
        return {self.name(root): sex for root, sex in said.items()}

    def refuses(self, event: int) -> bool:
        """Whether something that stands would lose its ground."""
        born = {effect[1] for effect in self.log[event] if effect[0] == "born"}
        if event == 1 or event in self.gone:
            return True
        for other, effects in self.log.items():
            if other == event or other in self.gone:
                continue
            for kind, *values in effects:
                named = {"born": [], "decide": values[1:], "sex": values[:1], "name": values[:1], "merge": values}[kind]
                if born & set(named):
                    return True
        return any(len(roots) > 1 for roots in self.owners(event).values())


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.catalogue = Catalogue(Path(self.folder) / "a.sqlite", by="Anna")
        record(self.catalogue, "r1", FOUND, SAID)
        self.model = Effects()
        animals = {"new-1": 1, "new-2": 2, "new-3": 3}
        self.model.log[1] = [("born", n, f"ind-{n:03d}") for n in (1, 2, 3)]
        self.model.log[1] += [("decide", e, animals.get(said)) for e, said in SAID.items()]
        self.rows = 3

    def teardown(self) -> None:
        self.catalogue.close()
        shutil.rmtree(self.folder)

    def find(self, name: str) -> int | None:
        owners = self.model.owners().get(name.lower(), set())
        assert len(owners) <= 1
        return next(iter(owners), None)

    def do(self, effects: list[tuple[Any, ...]] | None, real: Any) -> Any:
        before = self.catalogue.last_event
        if effects is None:
            with pytest.raises(CatalogueError):
                real()
            assert self.catalogue.last_event == before
            return None
        out = real()
        assert self.catalogue.last_event == before + 1
        self.model.log[before + 1] = effects
        return out

    @rule(keep=st.sampled_from(WORDS), gone=st.sampled_from(WORDS))
    def merge(self, keep: str, gone: str) -> None:
        pair = self.find(keep), self.find(gone)
        good = None not in pair and pair[0] != pair[1]
        self.do([("merge", *pair)] if good else None, lambda: self.catalogue.merge(keep, gone))

    @rule(old=st.sampled_from(WORDS), new=st.sampled_from(WORDS[:3]))
    def rename(self, old: str, new: str) -> None:
        animal, owner = self.find(old), self.find(new)
        born = any(name == new for log in self.model.log.values() for kind, *_, name in log if kind == "born")
        free = owner == animal or (owner is None and not born)
        good = animal is not None and free and self.model.name(animal) != new
        self.do([("name", animal, new)] if good else None, lambda: self.catalogue.rename(old, new))

    @rule(encounter=st.sampled_from(sorted(FOUND)), name=st.sampled_from([*WORDS, "new", "unknown"]))
    def decide(self, encounter: str, name: str) -> None:
        effects = None
        if name == "new":
            self.rows += 1
            number = max(int(e[2][4:]) for log in self.model.log.values() for e in log if e[0] == "born") + 1
            effects = [("born", self.rows, f"ind-{number:03d}"), ("decide", encounter, self.rows)]
        elif name == "unknown" or self.find(name) is not None:
            effects = [("decide", encounter, None if name == "unknown" else self.find(name))]
        self.do(effects, lambda: self.catalogue.decide("r1", encounter, name))

    @rule(name=st.sampled_from(WORDS), sex=st.sampled_from(["female", "male"]))
    def sex(self, name: str, sex: str) -> None:
        animal = self.find(name)
        good = animal is not None and self.model.sexes().get(self.model.name(animal)) != sex
        self.do([("sex", animal, sex)] if good else None, lambda: self.catalogue.set_sex(name, sex))

    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(sorted(self.model.log)))
        if self.model.refuses(event) or event == 1:
            last = max(set(self.model.log) - self.model.gone)
            if event != last:
                with pytest.raises(CatalogueError):
                    self.catalogue.undo(event=event)
            return
        assert self.catalogue.undo(event=event) == event
        self.model.gone.add(event)

    @rule()
    def reopen(self) -> None:
        self.catalogue.close()
        self.catalogue = Catalogue(self.catalogue.path, create=False, by="Anna")

    @invariant()
    def the_same(self) -> None:
        assert identities(self.catalogue, "r1") == self.model.whose()
        frame = self.catalogue.individuals()
        sexes = self.model.sexes()
        assert dict(zip(frame["identity"], frame["sex"], strict=True)) == {
            name: sexes.get(name, "unknown") for name in set(self.model.whose().values()) - {"unknown"}
        }
        rows = {row["identity"]: row["sightings"] for row in self.catalogue.find().rows}
        assert rows == dict(zip(frame["identity"], frame["crops"], strict=True))


ANY = settings(
    max_examples=6, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)  # fmt: skip


def test_events_are_taken_back_in_any_order() -> None:
    run_state_machine_as_test(AnyOrder, settings=ANY)


@pytest.mark.slow
def test_many_events_are_taken_back_in_any_order() -> None:
    run_state_machine_as_test(AnyOrder, settings=settings(ANY, max_examples=20, stateful_step_count=20))


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        record(catalogue, "r1", FOUND, SAID)
        yield catalogue


def test_a_merge_is_taken_back_years_later(catalogue):
    catalogue.merge("ind-001", "ind-002")
    for year in range(2019, 2023):
        record(catalogue, str(year), {"e1": [f"x{year}"]}, {"e1": "ind-001"})
        catalogue.rename("ind-001", f"Bella {year}")
    assert catalogue.undo(event=2) == 2
    assert identities(catalogue, "r1")["e1"] == "ind-002"
    assert identities(catalogue, "r1")["e0"] == "Bella 2022"


def test_what_others_build_on_is_not_pulled_away(catalogue):
    name = catalogue.split("ind-001", [("r1", "e3")])
    catalogue.decide("r1", "e4", name)
    with pytest.raises(CatalogueError, match=r"event 2 \(split by Anna\) cannot be taken back.*3 \(decide by Anna\)"):
        catalogue.undo(event=2)
    catalogue.undo(event=3)
    catalogue.undo(event=2)
    with pytest.raises(CatalogueError, match="taken back already"):
        catalogue.undo(event=2)
    with pytest.raises(CatalogueError, match="itself an undoing"):
        catalogue.undo(event=4)
    with pytest.raises(CatalogueError, match="no event 99"):
        catalogue.undo(event=99)


def test_a_name_that_was_inherited_keeps_the_merge(catalogue):
    catalogue.merge("ind-001", "ind-002")
    catalogue.rename("ind-001", "ind-002")
    with pytest.raises(CatalogueError, match=r"for then the name 'ind-002' belongs to two individuals"):
        catalogue.undo(event=2)
    assert catalogue.last_event == 3


def test_a_decision_that_a_recording_carried_on_stays(catalogue):
    catalogue.decide("r1", "e4", "ind-001")
    record(
        catalogue,
        "r1",
        {"n1": ["c4"], **{e: FOUND[e] for e in ("e0", "e1")}},
        {"n1": "?", "e0": "new-1", "e1": "new-2"},
    )
    with pytest.raises(CatalogueError, match="cannot be taken back"):
        catalogue.undo(event=2)
    catalogue.undo(event=3)
    catalogue.undo(event=2)
    assert identities(catalogue, "r1")["e4"] == "unknown"


def test_each_takes_back_their_own(catalogue):
    catalogue.set_sex("ind-001", "female", by="Anna")
    catalogue.set_sex("ind-002", "male", by="Bo")
    assert catalogue.undo(by="Anna", own=True) == 2
    assert catalogue.undo(by="Bo", own=True) == 3
    with pytest.raises(CatalogueError, match="'Bo' has done nothing here"):
        catalogue.undo(by="Bo", own=True)


# Edits of two people who saw the same state; the second is refused where the first is about the same.
CLASHES = [
    (lambda c, r: c.merge("ind-001", "ind-002", "Bo"), lambda c, r: c.rename("ind-002", "Luna", revision=r), True),
    (lambda c, r: c.merge("ind-001", "ind-002", "Bo"), lambda c, r: c.merge("ind-003", "ind-001", revision=r), True),
    (lambda c, r: c.rename("ind-001", "Bella", "Bo"), lambda c, r: c.rename("ind-001", "Luna", revision=r), True),
    (lambda c, r: c.rename("ind-001", "Bella", "Bo"), lambda c, r: c.alias("ind-001", "F1", revision=r), True),
    (lambda c, r: c.set_sex("ind-001", "male", "Bo"), lambda c, r: c.set_sex("ind-001", "female", revision=r), True),
    (lambda c, r: c.decide("r1", "e0", None, "Bo"), lambda c, r: c.decide("r1", "e0", "ind-002", revision=r), True),
    (lambda c, r: c.decide("r1", "e0", None, "Bo"), lambda c, r: c.merge("ind-002", "ind-001", revision=r), True),
    (
        lambda c, r: c.decide("r1", "e4", "ind-001", "Bo"),
        lambda c, r: c.split("ind-001", [("r1", "e3")], revision=r),
        True,
    ),
    (lambda c, r: c.move("r1:c0", None, "Bo"), lambda c, r: c.answer("r1:c0", "r1:c1", "same", revision=r), True),
    (lambda c, r: c.set_flank(["r1:c0"], "front", "Bo"), lambda c, r: c.set_usable(["r1:c0"], False, revision=r), True),
    (lambda c, r: c.undo("Bo"), lambda c, r: c.undo(revision=r), True),
    (lambda c, r: c.undo("Bo", event=2), lambda c, r: c.set_sex("ind-003", "male", revision=r), True),
    # What is about something else does not matter.
    (lambda c, r: c.rename("ind-001", "Bella", "Bo"), lambda c, r: c.rename("ind-002", "Luna", revision=r), False),
    (lambda c, r: c.rename("ind-001", "Bella", "Bo"), lambda c, r: c.merge("ind-001", "ind-002", revision=r), False),
    (
        lambda c, r: c.decide("r1", "e4", "ind-001", "Bo"),
        lambda c, r: c.decide("r1", "e3", "ind-001", revision=r),
        False,
    ),
    (lambda c, r: c.set_sex("ind-001", "male", "Bo"), lambda c, r: c.set_age("ind-002", "cub", revision=r), False),
    (lambda c, r: c.note("hm", "ind-001", by="Bo"), lambda c, r: c.merge("ind-001", "ind-002", revision=r), False),
]


@pytest.mark.parametrize(("first", "second", "lost"), CLASHES)
def test_a_lost_update_is_refused_and_nothing_else(tmp_path, first, second, lost):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as one, Catalogue(tmp_path / "a.sqlite", by="Anna") as other:
        record(one, "r1", FOUND, SAID)
        one.set_sex("ind-003", "female")
        revision = other.revision
        first(one, revision)
        if lost:
            with pytest.raises(LostUpdateError) as caught:
                second(other, revision)
            assert "\n" not in str(caught.value)
            assert one.last_event == 3
            # Seen again, decided anew.
            try:
                second(other, other.revision)
            except CatalogueError as error:
                assert not isinstance(error, LostUpdateError)
        else:
            second(other, revision)
            assert one.last_event == 4


@pytest.mark.parametrize("revision", [-1, 99])
def test_a_revision_that_never_was_is_refused(catalogue, revision):
    with pytest.raises(CatalogueError, match="none of this catalogue's"):
        catalogue.rename("ind-001", "Bella", revision=revision)

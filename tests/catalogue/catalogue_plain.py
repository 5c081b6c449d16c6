"""The rules of the catalogue written down again, slowly, in dictionaries: what the SQL is compared with."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple


class RefusedError(Exception):
    """The catalogue must refuse this."""


class Said(NamedTuple):
    animal: int | None
    kind: str
    probability: float
    order: int


@dataclass
class Animal:
    names: list[str]  # the last one is the present one
    run: str
    born: int


@dataclass
class State:
    animals: dict[int, Animal] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    place: dict[tuple[str, str], int] = field(default_factory=dict)  # where a crop is
    memory: dict[tuple[str, str], int] = field(default_factory=dict)  # where it was last, withdrawn or not
    put: dict[tuple[str, str], int] = field(default_factory=dict)  # where a person put it
    rows: dict[int, tuple[str, str]] = field(default_factory=dict)
    machine: dict[int, Said] = field(default_factory=dict)
    human: dict[int, Said] = field(default_factory=dict)


class Plain:
    def __init__(self) -> None:
        self.now = State()
        self.past: list[State] = []
        self.clock = 0
        self.number = 0
        self.row = 0
        self.given: set[str] = set()  # with a number, for good
        self.first: dict[str, int] = {}
        self.cut: set[tuple[str, str]] = set()  # encounters that there ever were
        self.order: list[str] = []  # runs as they were first recorded

    # Reading

    def where(self) -> dict[tuple[str, str], int]:
        """The encounter of every crop that is there."""
        return {key: self.now.put.get(key, row) for key, row in self.now.place.items()}

    def root(self, animal: int | None) -> int | None:
        while animal in self.now.merged:
            animal = self.now.merged[animal]
        return animal

    def owner(self, name: str) -> int | None:
        key = name.strip().lower()
        for number, animal in self.now.animals.items():
            if key in [n.strip().lower() for n in animal.names]:
                return self.root(number)
        for number, animal in self.now.animals.items():
            if key == animal.names[0][4:].lstrip("0"):  # as it was named at birth
                return self.root(number)
        return None

    def find(self, name: str) -> int:
        owner = self.owner(name)
        if owner is None:
            raise RefusedError
        return owner

    def name(self, animal: int | None) -> str:
        root = self.root(animal)
        return "unknown" if root is None else self.now.animals[root].names[-1]

    def born(self, animal: int) -> int:
        return min(a.born for number, a in self.now.animals.items() if self.root(number) == self.root(animal))

    def standing(self, row: int) -> Said:
        return self.now.human.get(row) or self.now.machine[row]

    def table(self) -> set[tuple[str, str, str, str, str, float]]:
        """Run, crop, encounter, identity, decision, probability of all sightings."""
        out = set()
        for (run, crop), row in self.where().items():
            said = self.standing(row)
            kind = said.kind
            if said.animal is not None and self.born(said.animal) < self.first[run]:
                kind = "known"
            out.add((run, crop, self.now.rows[row][1], self.name(said.animal), kind, said.probability))
        return out

    # Changing

    def _push(self, before: State) -> None:
        if self.now != before:
            self.past.append(before)

    def _new(self, run: str) -> int:
        self.number += 1
        while f"ind-{self.number:03d}" in self.given or self.owner(f"ind-{self.number:03d}") is not None:
            self.number += 1
        name = f"ind-{self.number:03d}"
        self.given.add(name)
        self.row += 1  # any growing number will do
        self.now.animals[self.row] = Animal([name], run, self.clock)
        return self.row

    def undo(self) -> None:
        if not self.past:
            raise RefusedError
        self.clock += 1
        self.now = self.past.pop()

    def rename(self, old: str, new: str) -> None:
        animal = self.find(old)
        new = new.strip()
        owner = self.owner(new)
        if new == self.name(animal) or (owner is None and new.lower() in self.given) or owner not in (None, animal):
            raise RefusedError
        before = copy.deepcopy(self.now)
        self.clock += 1
        self.now.animals[animal].names.append(new)
        self._push(before)

    def alias(self, name: str, other: str) -> None:
        animal = self.find(name)
        other = other.strip()
        if self.owner(other) is not None or other.lower() in self.given:
            raise RefusedError
        before = copy.deepcopy(self.now)
        self.clock += 1
        self.now.animals[animal].names.insert(1, other)
        if len(self.now.animals[animal].names) == 2:
            self.now.animals[animal].names.append(self.now.animals[animal].names[0])
        self._push(before)

    def merge(self, keep: str, gone: str) -> None:
        kept, other = self.find(keep), self.find(gone)
        if kept == other:
            raise RefusedError
        before = copy.deepcopy(self.now)
        self.clock += 1
        self.now.merged[other] = kept
        self._push(before)

    def _row_of(self, run: str, encounter: str) -> int:
        for (other, _), row in self.where().items():
            if other == run and self.now.rows[row][1] == encounter:
                return row
        raise RefusedError

    def _person(self, run: str, row: int, animal: int | None) -> None:
        kind = "unsure" if animal is None else "known" if self.born(animal) < self.first[run] else "new"
        self.now.human[row] = self._said(animal, kind, 1.0)

    def decide(self, run: str, encounter: str, identity: str | None) -> None:
        row = self._row_of(run, encounter)
        before = copy.deepcopy(self.now)
        animal = None if identity is None else None if identity == "new" else self.find(identity)
        self.clock += 1
        if identity == "new":
            animal = self._new(run)
        self._person(run, row, animal)
        self.past.append(before)  # saying the same again is an event too

    def move(self, crops: list[tuple[str, str]], identity: str | None) -> None:
        where = self.where()
        if not crops or any(key not in where for key in crops):
            raise RefusedError
        before = copy.deepcopy(self.now)
        animal = None if identity in (None, "new") else self.find(identity)
        self.clock += 1
        if identity == "new":
            animal = self._new(min((run for run, _ in crops), key=self.order.index))
        for row in sorted({where[key] for key in crops}):
            own = [key for key in crops if where[key] == row]
            if set(own) != {key for key, other in where.items() if other == row}:
                run, name = self.now.rows[row]
                number = 2
                while (run, f"{name}~{number}") in self.cut:
                    number += 1
                self.cut.add((run, f"{name}~{number}"))
                self.row += 1
                row = self.row
                self.now.rows[row] = (run, f"{name}~{number}")
                for key in own:
                    self.now.put[key] = row
            self._person(self.now.rows[row][0], row, animal)
        self.past.append(before)

    def encounters_of(self, name: str) -> list[tuple[str, str]]:
        animal = self.find(name)
        rows = {row for row in self.where().values() if self.root(self.standing(row).animal) == animal}
        return sorted(self.now.rows[row] for row in rows)

    def split(self, name: str, encounters: list[tuple[str, str]]) -> None:
        if not encounters or not set(encounters) < set(self.encounters_of(name)):
            raise RefusedError
        before = copy.deepcopy(self.now)
        self.clock += 1
        animal = self._new(min((run for run, _ in encounters), key=self.order.index))
        for run, encounter in encounters:
            self._person(run, self._row_of(run, encounter), animal)
        self._push(before)

    def record(
        self, run: str, crops: dict[str, list[str]], said: dict[str, str], probability: float, human: bool,
        keep: bool = False,
    ) -> dict[str, str]:  # fmt: skip
        strangers = {word for word in said.values() if word.startswith("new-")}
        # A crop that a person put somewhere stays there.
        moved: dict[str, list[str]] = {}
        for encounter, members in crops.items():
            for crop in members:
                put = self.now.put.get((run, crop))
                moved.setdefault(encounter if put is None else self.now.rows[put][1], []).append(crop)
        crops, said = moved, {e: word for e, word in said.items() if e in moved}
        known = {e: self.find(s) for e, s in said.items() if s != "?" and not s.startswith("new-")}
        before = copy.deepcopy(self.now)
        self.clock += 1
        now = self.now
        was = {crop: before.put.get((r, crop), row) for (r, crop), row in before.memory.items() if r == run}
        if run not in self.order:
            self.order.append(run)
        if keep:
            first = self.first.get(run, self.clock)
            keep = any(other != run and self.first[other] > first for other in self.recorded())
        rows: dict[str, int] = {}
        for encounter in sorted(crops):
            shared = Counter(was[c] for c in crops[encounter] if c in was and now.rows[was[c]][1] == encounter)
            if shared:
                most = max(shared.values())
                rows[encounter] = min(row for row, count in shared.items() if count == most)
            else:
                self.row += 1
                rows[encounter] = self.row
                now.rows[self.row] = (run, encounter)
                self.cut.add((run, encounter))
        for key in [key for key in now.place if key[0] == run]:
            del now.place[key]
        for encounter, members in crops.items():
            for crop in members:
                row = before.memory[run, crop] if (run, crop) in before.put else rows[encounter]
                now.place[run, crop] = now.memory[run, crop] = row
        earlier = {e: {was[c] for c in crops[e] if c in was} for e in crops}
        if now != before:
            self.first.setdefault(run, self.clock)

        held: dict[str, int | None] = {}
        if not human:
            for encounter in sorted(crops):
                words = [before.human[row] for row in earlier[encounter] if row in before.human]
                if not words:
                    continue
                wanted = {self.root(w.animal) for w in words} - {None}
                held[encounter] = wanted.pop() if len(wanted) == 1 else None
                own = before.human.get(rows[encounter])
                if own is None or self.root(own.animal) != held[encounter]:
                    self._carry(rows[encounter], held[encounter], words)
        level = now.human if human else now.machine
        old_level = before.human if human else before.machine
        groups = defaultdict(list)
        for encounter in said:
            if said[encounter].startswith("new-"):
                groups[said[encounter]].append(encounter)
        mine = {n for n, a in now.animals.items() if a.run == run and self.root(n) not in known.values()}
        counts = Counter(
            (label, animal)
            for label, group in groups.items()
            for e in group
            for animal in {old_level[row].animal for row in earlier[e] if row in old_level}
            if animal in mine
        )
        labels: dict[str, int | None] = {}
        while counts:
            label, animal = min(counts, key=lambda pair: (-counts[pair], pair))
            labels[label] = animal
            counts = Counter({pair: n for pair, n in counts.items() if pair[0] != label and pair[1] != animal})
        for label, group in groups.items():
            if label not in labels:
                agreed = {held[e] for e in group if e in held} - {None}
                labels[label] = agreed.pop() if len(agreed) == 1 else None
        kept = set()
        for encounter, word in said.items():
            stood = {
                self._root_in(before, row) for row in earlier[encounter] if row in before.machine or row in before.human
            }
            animal = labels[word] if word.startswith("new-") else known.get(encounter)
            fresh = word.startswith("new-") and animal is None
            if (
                keep
                and not human
                and encounter not in held
                and len(stood) == 1
                and (fresh or self.root(animal) not in stood)
            ):
                kept.add(encounter)
        for label, group in groups.items():
            if labels[label] is None and not set(group) <= set(held) | kept:
                labels[label] = self._new(run)
        for encounter, word in said.items():
            if encounter in held:
                continue
            if encounter in kept:
                if rows[encounter] not in old_level:
                    sources = [old_level[row] for row in earlier[encounter] if row in old_level]
                    level[rows[encounter]] = self._said(*max(sources, key=lambda s: s.order)[:3])
                continue
            animal = labels[word] if word.startswith("new-") else known.get(encounter)
            kind = "unsure" if animal is None else "new" if word.startswith("new-") else "known"
            if kind == "new" and now.animals[animal].born < self.first[run]:
                kind = "known"
            old = old_level.get(rows[encounter])
            if old and (self.root(old.animal), old.kind, old.probability) == (
                self.root(animal),
                kind,
                probability,
            ):
                continue
            level[rows[encounter]] = self._said(animal, kind, probability)
        self._push(before)
        return {**dict.fromkeys(strangers, "unknown"), **{label: self.name(animal) for label, animal in labels.items()}}

    def _root_in(self, state: State, row: int) -> int | None:
        animal = (state.human.get(row) or state.machine[row]).animal
        while animal in state.merged:
            animal = state.merged[animal]
        return animal

    def recorded(self) -> set[str]:
        """Runs with a recording that was not taken back."""
        return {run for run, _ in self.now.memory}

    def _said(self, animal: int | None, kind: str, probability: float) -> Said:
        self.row += 1
        return Said(animal, kind, probability, self.row)

    def _carry(self, row: int, animal: int | None, words: list[Said]) -> None:
        words = sorted(words, key=lambda w: w.order)
        if len({self.root(w.animal) for w in words} - {None}) > 1:
            self.now.human[row] = self._said(None, "unsure", 1.0)
        else:
            last = [w for w in words if self.root(w.animal) == animal][-1]
            self.now.human[row] = self._said(*last[:3])

"""Whose the encounters of a recorded run are: what the program says, what persons said, which names go on.

A person's decision is never overridden by the program. An individual that a run brought in keeps its name
when the run is recorded again, even if its encounters have changed a little. And where a later season has been
recorded since, an earlier one keeps what stood in it, and the difference is only proposed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reid.catalogue import names, state
from reid.catalogue.events import Event, is_human
from reid.catalogue.proposals import propose
from reid.catalogue.told_apart import respect
from reid.tables import UNKNOWN

__all__ = ["decide"]


def _carry_over(
    event: Event, encounters: Mapping[str, int], earlier: Mapping[str, list[int]], standing: Mapping[int, int]
) -> dict[str, int | None]:
    """Let persons' decisions follow their crops into encounters cut anew; returns whose those are."""
    connection = event.connection
    roots = {individual: animal.root for individual, animal in state.animals(connection).items()}
    said = {
        row[0]: row
        for row in connection.execute(
            "SELECT encounter, decision, individual, kind, probability, reason FROM said WHERE human"
        )
    }
    held: dict[str, int | None] = {}
    for name, encounter in sorted(encounters.items()):
        sources = [said[row] for row in earlier[name] if row in said]
        if not sources:
            continue
        # Someone who could not tell does not contradict someone who could.
        wanted = {roots[row[2]] for row in sources if row[2] is not None}
        held[name] = next(iter(wanted)) if len(wanted) == 1 else None
        own = said.get(encounter)
        if own is not None and (None if own[2] is None else roots[own[2]]) == held[name]:
            continue
        newest = max((row for row in sources if len(wanted) != 1 or row[2] is not None), key=lambda row: row[1])
        _, basis, individual, kind, probability, reason = newest
        if len(wanted) > 1:
            individual, kind, probability = None, "unsure", 1.0
            reason = "persons named several individuals for photos that are now one encounter"
        event.add(
            "decision", encounter=encounter, individual=individual, kind=kind, probability=probability,
            reason=reason, human=1, basis=basis, supersedes=standing.get(encounter),
        )  # fmt: skip
    return held


COLUMNS = ("decision", "individual", "kind", "probability", "query", "candidate", "reason", "model")


def decide(
    event: Event,
    run: int,
    decisions: pd.DataFrame,
    encounters: Mapping[str, int],
    earlier: Mapping[str, list[int]],
    pattern: str,
    model: str,
    keep: bool,
) -> dict[str, str]:
    """Append the decisions of a run that differ from what was said before.

    Args:
        event: They become part of it.
        run: Row of the run.
        decisions: `DECISIONS` rows; a "new" one has a local label, that several encounters may share.
        encounters: Row of each encounter.
        earlier: For each encounter, the rows of those that its crops were in before this recording.
        pattern: How a new individual is called.
        model: Fingerprint of the network behind the decisions.
        keep: Where whose an encounter is would change, propose it and leave what stands.

    Returns:
        The name of each local label; see `record`.
    """
    connection = event.connection
    human = int(is_human(event.by))
    before = {row[0]: row[1:] for row in connection.execute("SELECT encounter, decision, individual FROM standing")}
    standing = {encounter: decision for encounter, (decision, _) in before.items()}
    held = {} if human else _carry_over(event, encounters, earlier, standing)
    said = {
        row[0]: dict(zip(COLUMNS, row[1:], strict=True))
        for row in connection.execute(f"SELECT encounter, {', '.join(COLUMNS)} FROM said WHERE human = ?", (human,))
    }
    rows = [{str(name): _plain(value) for name, value in row.items()} for row in decisions.to_dict("records")]
    sources = {name: {said[e]["individual"] for e in earlier[name] if e in said} for name in encounters}
    whose = _individuals(event, run, rows, sources, held)
    free = [row for row in rows if row["encounter"] not in held]
    kept: dict[str, dict[str, Any]] = {}
    if keep and not human:
        was = {name: {before[e][1] for e in earlier[name] if e in before} for name in encounters}
        kept = _kept(connection, free, was, whose)
    for row in free:
        if row["encounter"] not in kept and whose.get((row["decision"], row["identity"]), 0) is None:
            whose["new", row["identity"]] = names.create(connection, event.number, run, pattern)
    animals = state.animals(connection)
    propose(event, kept, encounters, whose, model)
    first = connection.execute("SELECT min(event) FROM event WHERE run = ?", (run,)).fetchone()[0]
    contents: dict[int, dict[str, Any]] = {}
    for row in free:
        encounter = encounters[row["encounter"]]
        if row["encounter"] not in kept:
            contents[encounter] = _content(row, whose, animals, first, None if human else model)
        elif encounter not in said:  # cut anew; its crops were unanimous
            newest = max((said[e] for e in earlier[row["encounter"]] if e in said), key=lambda old: old["decision"])
            contents[encounter] = {name: newest[name] for name in COLUMNS[1:]}
    if not human:
        respect(connection, contents)
    for encounter, content in contents.items():
        if encounter not in said or not _alike(content, said[encounter], animals):
            event.add("decision", encounter=encounter, **content, human=human, supersedes=standing.get(encounter))
    labels = {identity: individual for (kind, identity), individual in whose.items() if kind == "new"}
    return {label: UNKNOWN if i is None else animals[i].name for label, i in labels.items()}


def _individuals(
    event: Event,
    run: int,
    rows: Sequence[Mapping[str, Any]],
    before: Mapping[str, set[int | None]],
    held: Mapping[str, int | None],
) -> dict[tuple[str, str], int | None]:
    """Which individual is meant by each kind of decision and identity; None for a "new" one that is nobody yet.

    Args:
        event: What is being recorded.
        run: Row of the run.
        rows: `DECISIONS` rows.
        before: For each encounter, which individuals it was decided to be before, by the same kind of signatory.
        held: Whose the encounters are that a person has decided about.
    """
    connection = event.connection
    animals = state.animals(connection)
    whose: dict[tuple[str, str], int | None] = {}
    groups: dict[str, list[str]] = {}
    for row in rows:
        if row["decision"] == "known":
            whose["known", row["identity"]] = names.find(connection, row["identity"])
        elif row["decision"] == "new":
            groups.setdefault(row["identity"], []).append(row["encounter"])
    query = "SELECT individual FROM individual WHERE run = ? AND event IN live"
    own = {row[0] for row in connection.execute(query, (run,))}
    # Who is known from elsewhere now was told apart from the strangers.
    own = {individual for individual in own if animals[individual].root not in whose.values()}
    again = _overlaps({label: [before[name] for name in group] for label, group in groups.items()}, own)
    for label, group in groups.items():
        agreed = {held[name] for name in group if name in held} - {None}
        whose["new", label] = again.get(label, agreed.pop() if len(agreed) == 1 else None)
    return whose


def _kept(
    connection: sqlite3.Connection,
    rows: Sequence[dict[str, Any]],
    was: Mapping[str, set[int | None]],
    whose: Mapping[tuple[str, str], int | None],
) -> dict[str, dict[str, Any]]:
    """The decisions, by encounter, that would make an encounter another individual's than all its crops were."""
    roots: dict[int | None, int | None] = {i: animal.root for i, animal in state.animals(connection).items()}
    out = {}
    for row in rows:
        before = {roots.get(individual) for individual in was[row["encounter"]]}
        now = roots.get(whose.get((row["decision"], row["identity"])))
        stranger = row["decision"] == "new" and now is None
        if len(before) == 1 and (stranger or now not in before):
            out[row["encounter"]] = row
    return out


def _content(
    row: Mapping[str, Any],
    whose: Mapping[tuple[str, str], int | None],
    animals: Mapping[int, state.Animal],
    first: int,
    model: str | None,
) -> dict[str, Any]:
    """The columns of a decision that a recording makes."""
    individual = whose.get((row["decision"], row["identity"]))
    kind = row["decision"]
    if kind == "new" and individual is not None and animals[individual].born < first:
        kind = "known"  # a person said so of another encounter with this label
    return {"individual": individual, "kind": kind, **{name: row[name] for name in COLUMNS[3:-1]}, "model": model}


def _alike(content: Mapping[str, Any], old: Mapping[str, Any], animals: Mapping[int, state.Animal]) -> bool:
    """Whether a decision says what was said before. Of the oldest it is not known by which network."""
    return (
        all(content[name] == old[name] for name in COLUMNS[2:-1])
        and old["model"] in (None, content["model"])
        and _same(old["individual"], content["individual"], animals)
    )


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value


def _same(one: int | None, other: int | None, animals: Mapping[int, state.Animal]) -> bool:
    if one is None or other is None:
        return one is other
    return animals[one].root == animals[other].root


def _overlaps(earlier: Mapping[str, list[set[int | None]]], own: set[int]) -> dict[str, int]:
    """Which of the run's own individuals each label meant before: the most shared encounters win.

    Args:
        earlier: For each label, for each of its encounters, the individuals it was decided to be before.
        own: Individuals that this run brought in and that may be given to a label.

    >>> _overlaps({"new-1": [{7}, {7}, {8}], "new-2": [{7}, {8}], "new-3": [set()]}, {7, 8})
    {'new-1': 7, 'new-2': 8}
    """
    counts: dict[tuple[str, int], int] = {}
    for label, sets in earlier.items():
        for individuals in sets:
            for individual in individuals:
                if individual is not None and individual in own:
                    counts[label, individual] = counts.get((label, individual), 0) + 1
    out: dict[str, int] = {}
    for label, individual in sorted(counts, key=lambda pair: (-counts[pair], pair)):
        if label not in out and individual not in out.values():
            out[label] = individual
    return out

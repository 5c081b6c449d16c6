"""Whose the encounters of a recorded run are: what the program says, what persons said, which names go on.

A person's decision is never overridden by the program. An individual that a run brought in keeps its name
when the run is recorded again, even if its encounters have changed a little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reid.catalogue import names, state
from reid.catalogue.events import Event, is_human
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


def decide(
    event: Event,
    run: int,
    decisions: pd.DataFrame,
    encounters: Mapping[str, int],
    earlier: Mapping[str, list[int]],
    pattern: str,
) -> dict[str, str]:
    """Append the decisions of a run that differ from what was said before.

    Args:
        event: They become part of it.
        run: Row of the run.
        decisions: `DECISIONS` rows; a "new" one has a local label, that several encounters may share.
        encounters: Row of each encounter.
        earlier: For each encounter, the rows of those that its crops were in before this recording.
        pattern: How a new individual is called.

    Returns:
        The name of each local label; see `record`.
    """
    connection = event.connection
    human = int(is_human(event.by))
    standing = dict(connection.execute("SELECT encounter, decision FROM standing").fetchall())
    held = {} if human else _carry_over(event, encounters, earlier, standing)
    columns = ("decision", "individual", "kind", "probability", "query", "candidate", "reason")
    said = {
        row[0]: dict(zip(columns, row[1:], strict=True))
        for row in connection.execute(f"SELECT encounter, {', '.join(columns)} FROM said WHERE human = ?", (human,))
    }
    rows = [{str(name): _plain(value) for name, value in row.items()} for row in decisions.to_dict("records")]
    before = {name: {said[e]["individual"] for e in earlier[name] if e in said} for name in encounters}
    whose = _individuals(event, run, rows, before, held, pattern)
    animals = state.animals(connection)
    first = connection.execute("SELECT min(event) FROM event WHERE run = ?", (run,)).fetchone()[0]
    for row in rows:
        encounter = encounters[row["encounter"]]
        if row["encounter"] in held:
            continue
        individual = whose.get((row["decision"], row["identity"]))
        if row["decision"] == "new" and individual is not None and animals[individual].born < first:
            row["decision"] = "known"  # a person said so of another encounter with this label
        content = {"kind": row["decision"], **{name: row[name] for name in columns[3:]}}
        old = said.get(encounter)
        if old and content.items() <= old.items() and _same(old["individual"], individual, animals):
            continue
        event.add(
            "decision", encounter=encounter, individual=individual, **content, human=human,
            supersedes=standing.get(encounter),
        )  # fmt: skip
    labels = {identity: individual for (kind, identity), individual in whose.items() if kind == "new"}
    return {label: UNKNOWN if i is None else animals[i].name for label, i in labels.items()}


def _individuals(
    event: Event,
    run: int,
    rows: Sequence[Mapping[str, Any]],
    before: Mapping[str, set[int | None]],
    held: Mapping[str, int | None],
    pattern: str,
) -> dict[tuple[str, str], int | None]:
    """Which individual is meant by each kind of decision and identity, new ones added.

    Args:
        event: New individuals become part of it.
        run: Row of the run.
        rows: `DECISIONS` rows.
        before: For each encounter, which individuals it was decided to be before, by the same kind of signatory.
        held: Whose the encounters are that a person has decided about.
        pattern: How a new individual is called.
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
        if label in again:
            whose["new", label] = again[label]
        elif len(agreed) == 1:
            whose["new", label] = agreed.pop()
        elif all(name in held for name in group):
            whose["new", label] = None
        else:
            whose["new", label] = names.create(connection, event.number, run, pattern)
    return whose


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

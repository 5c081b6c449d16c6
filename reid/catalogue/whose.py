"""Whose the encounters of a recorded run are: what the program says, what persons said, which names go on.

A person's decision is never overridden by the program. An individual that a run brought in keeps its name
when the run is recorded again, even if its encounters have changed a little.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        newest = max(
            (row for row in sources if len(wanted) != 1 or row[2] is not None), key=lambda row: row[1]
        )
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
    human = is_human(event.by)
    standing = dict(connection.execute("SELECT encounter, decision FROM standing").fetchall())
    held = {} if human else _carry_over(event, encounters, earlier, standing)
    animals = state.animals(connection)
    columns = ("decision", "individual", "kind", "probability", "query", "candidate", "reason")
    said = {
        row[0]: dict(zip(columns, row[1:], strict=True))
        for row in connection.execute(
            f"SELECT encounter, {', '.join(columns)} FROM said WHERE human = ?", (int(human),)
        )
    }
    rows = [{name: _plain(value) for name, value in row.items()} for row in decisions.to_dict("records")]
    known = {
        row["identity"]: names.find(connection, row["identity"]) for row in rows if row["decision"] == "known"
    }
    groups: dict[str, list[str]] = {}
    for row in rows:
        if row["decision"] == "new":
            groups.setdefault(row["identity"], []).append(row["encounter"])
    earlier_of = {
        label: [{said[e]["individual"] for e in earlier[name] if e in said} for name in group]
        for label, group in groups.items()
    }
    own = {
        row[0]
        for row in connection.execute(
            "SELECT individual FROM individual WHERE run = ? AND event IN live", (run,)
        )
    }
    own = {individual for individual in own if animals[individual].root not in known.values()}
    labels: dict[str, int | None] = dict(_overlaps(earlier_of, own))
    for label, group in groups.items():
        if label in labels:
            continue
        agreed = {held[name] for name in group if name in held}
        if len(agreed - {None}) == 1:
            labels[label] = next(iter(agreed - {None}))
        elif all(name in held for name in group):
            labels[label] = None
        else:
            labels[label] = names.create(connection, event.number, run, pattern)
    animals = state.animals(connection)
    born = connection.execute("SELECT min(event) FROM event WHERE run = ?", (run,)).fetchone()[0]
    for row in rows:
        if row["encounter"] in held:
            continue
        individual = labels[row["identity"]] if row["decision"] == "new" else known.get(row["identity"])
        kind = (
            "known"
            if row["decision"] == "new" and individual and animals[individual].born < born
            else row["decision"]
        )
        old = said.get(encounters[row["encounter"]])
        content = {"kind": kind, **{name: row[name] for name in columns[3:]}}
        if (
            old
            and all(old[name] == value for name, value in content.items())
            and _same(old["individual"], individual, animals)
        ):
            continue
        event.add(
            "decision", encounter=encounters[row["encounter"]], individual=individual, **content,
            human=int(human), supersedes=standing.get(encounters[row["encounter"]]),
        )  # fmt: skip
    return {
        label: animals[individual].name if individual else UNKNOWN for label, individual in labels.items()
    }


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

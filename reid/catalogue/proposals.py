"""What a recording would change in an earlier season: kept as proposals until a person accepts or dismisses them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from reid.catalogue import names, state
from reid.catalogue.edit import assign
from reid.catalogue.events import Event, person
from reid.catalogue.views import STANDS
from reid.errors import CatalogueError
from reid.tables import UNKNOWN, Column, Table, from_rows

__all__ = ["CHANGES", "changes", "propose", "propose_merges", "settle"]

LIKELY = 0.5
"""Two individuals may be one where an encounter is linked to each of them with at least this probability."""

_c = Column

CHANGES = Table(
    "catalogue's proposed changes",
    ("change",),
    (
        _c("change", "int", "its number, to accept or dismiss it by", True),
        _c(
            "what",
            "str",
            "'identity' of an encounter, or 'merge' of two individuals",
            True,
            values=("identity", "merge"),
        ),
        _c("run", "str", "the season with the evidence; of an identity, the one that would change", True),
        _c("encounter", "str", "the encounter with the evidence", True),
        _c("before", "str", "whose it is now, or the individual that would be gone", True),
        _c("after", "str", "whose it would be, 'unknown', or 'new' with a mark of which", True),
        _c("probability", "float", "that the change is right", True, low=0, high=1),
        _c("reason", "str", "in words", True),
        _c("model", "str", "fingerprint of the network behind it"),
        _c("event", "int", "the recording that proposed it", True),
    ),
)

COLUMNS = ("individual", "other", "label", "probability", "query", "candidate", "reason", "model")


def _standing(connection: sqlite3.Connection) -> dict[tuple[int, bool], tuple[Any, ...]]:
    """The newest standing proposal on each encounter's identity, and on a merge that it speaks for."""
    rows = connection.execute(
        f"SELECT encounter, other IS NOT NULL, proposal, event, {', '.join(COLUMNS)} FROM proposal "
        f"WHERE {STANDS.format('proposal')} ORDER BY proposal"
    )
    return {(encounter, bool(merge)): tuple(rest) for encounter, merge, *rest in rows}


def propose(
    event: Event,
    kept: Mapping[str, Mapping[str, Any]],
    encounters: Mapping[str, int],
    whose: Mapping[tuple[str, str], int | None],
    model: str,
) -> None:
    """Append what was not changed, where it is not proposed already; what is no longer said is withdrawn.

    Args:
        event: The recording; the proposals become part of it.
        kept: `DECISIONS` row of each encounter whose identity was left as it stood.
        encounters: Row of each encounter.
        whose: The individual of each kind of decision and identity; None for one that is not there yet.
        model: Fingerprint of the network behind them.
    """
    connection = event.connection
    present = _standing(connection)
    for name, row in sorted(kept.items()):
        individual = whose.get((row["decision"], row["identity"]))
        values = {
            "individual": individual, "other": None,
            "label": row["identity"] if row["decision"] == "new" and individual is None else None,
            **{column: row[column] for column in ("probability", "query", "candidate", "reason")}, "model": model,
        }  # fmt: skip
        if present.get((encounters[name], False), ())[2:] != tuple(values.values()):
            event.add("proposal", encounter=encounters[name], **values)
    for name, encounter in sorted(encounters.items()):
        old = present.get((encounter, False))
        if old is None or name in kept:
            continue
        query = "SELECT individual, probability, human FROM standing WHERE encounter = ?"
        row = connection.execute(query, (encounter,)).fetchone()
        if row is not None and not row[2] and (old[2] != row[0] or old[4] is not None):
            event.add(
                "proposal", encounter=encounter, individual=row[0], probability=row[1],
                reason="the recording agrees with what stands", model=model,
            )  # fmt: skip


def propose_merges(event: Event, links: pd.DataFrame, encounters: Mapping[str, int], model: str) -> None:
    """Append pairs of individuals that an encounter resembles both, where they are not proposed already.

    Args:
        event: The recording.
        links: `LINKS` table.
        encounters: Row of each encounter of the recording.
        model: Fingerprint of the network behind them.
    """
    connection = event.connection
    present = _standing(connection)
    likely = links[(links["kind"] == "individual") & (links["probability"] >= LIKELY)]
    likely = likely.sort_values(["probability", "other"], ascending=[False, True], kind="stable")
    for name, group in sorted(likely.groupby("encounter"), key=lambda pair: str(pair[0])):
        best: dict[int, dict[Any, Any]] = {}
        for row in group.to_dict("records"):
            best.setdefault(names.find(connection, row["other"]), row)
        if len(best) < 2 or name not in encounters:
            continue
        (one, first), (other, second) = list(best.items())[:2]
        values = {
            "individual": one, "other": other, "label": None,
            "probability": round(first["probability"] * second["probability"], 6),
            "query": first["query"], "candidate": second["candidate"],
            "reason": f"encounter {name} resembles both ({first['probability']:.2f} and {second['probability']:.2f})",
            "model": model,
        }  # fmt: skip
        if present.get((encounters[str(name)], True), ())[2:] != tuple(values.values()):
            event.add("proposal", encounter=encounters[str(name)], **values)


def _open(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Proposals that nobody has settled and that would still change something."""
    roots = dict(connection.execute("SELECT individual, root FROM root").fetchall())
    settled = {
        row[0]: row[1:]
        for row in connection.execute(
            "SELECT proposal, p.individual, p.other FROM settling JOIN proposal p USING (proposal) "
            f"WHERE {STANDS.format('settling')}"
        )
    }
    refused = {frozenset((roots.get(a), roots.get(b))) for a, b in settled.values() if b is not None}
    out = []
    for (encounter, merge), (number, event, *rest) in sorted(_standing(connection).items()):
        values = dict(zip(COLUMNS, rest, strict=True))
        one, other = roots.get(values["individual"]), roots.get(values["other"])
        row = connection.execute("SELECT individual, human FROM standing WHERE encounter = ?", (encounter,)).fetchone()
        there = connection.execute("SELECT 1 FROM present WHERE encounter = ? LIMIT 1", (encounter,)).fetchone()
        if number in settled or row is None or there is None:
            continue
        now = roots.get(row[0])
        if merge:
            if one is None or other is None or one == other or frozenset((one, other)) in refused:
                continue
        elif row[1] or (values["label"] is None and one == now):
            continue  # a person has decided since, or it is so already
        out.append(
            {**values, "number": number, "event": event, "encounter": encounter, "one": one, "two": other, "now": now}
        )
    return out


def changes(connection: sqlite3.Connection) -> pd.DataFrame:
    """The `CHANGES` table: what awaits a person's word."""
    called = {i: animal.name for i, animal in state.animals(connection).items()}
    rows = []
    for change in _open(connection):
        run, name = connection.execute(
            "SELECT run_id, name FROM encounter JOIN run USING (run) WHERE encounter = ?", (change["encounter"],)
        ).fetchone()
        merge = change["other"] is not None
        after = f"new ({change['label']})" if change["label"] else called.get(change["one"], UNKNOWN)
        rows.append(
            {
                "change": change["number"], "what": "merge" if merge else "identity", "run": run, "encounter": name,
                "before": called[change["two"]] if merge else called.get(change["now"], UNKNOWN), "after": after,
                **{key: change[key] for key in ("probability", "reason", "model", "event")},
            }
        )  # fmt: skip
    return from_rows(sorted(rows, key=lambda row: row["change"]), CHANGES)


def settle(
    connection: sqlite3.Connection, chosen: Collection[int], accepted: bool, by: str, reason: str, pattern: str
) -> int:
    """Make proposed changes, or keep what stands for good; returns how many.

    Either way it is a person's decision from then on, and no recording proposes it again.
    """
    person(by)
    waiting = {change["number"]: change for change in _open(connection)}
    numbers = sorted({int(number) for number in chosen})
    unknown = sorted(set(numbers) - set(waiting))
    if unknown or not numbers:
        raise CatalogueError(
            f"no change {unknown[0] if unknown else ''} is waiting; there are {len(waiting)}: "
            f"{', '.join(map(str, sorted(waiting)[:10])) or 'none'}."
        )
    event = Event(connection, "accept" if accepted else "dismiss", by, reason=reason)
    created: dict[tuple[int, str], int] = {}
    for number in numbers:
        change = waiting[number]
        roots = dict(connection.execute("SELECT individual, root FROM root").fetchall())
        event.add("settling", proposal=number, accepted=int(accepted))
        run = connection.execute("SELECT run FROM encounter WHERE encounter = ?", (change["encounter"],)).fetchone()[0]
        if change["other"] is not None:
            one, other = roots[change["one"]], roots[change["two"]]
            if accepted and one != other:
                event.add("merging", keep=one, gone=other)
            continue
        individual = change["one"] if accepted else change["now"]
        if accepted and change["label"]:
            key = change["event"], change["label"]
            if key not in created:
                created[key] = _created(connection, *key) or names.create(connection, event.number, run, pattern)
            individual = created[key]
        assign(event, [(run, change["encounter"])], individual)
    return len(numbers)


def _created(connection: sqlite3.Connection, proposed: int, label: str) -> int | None:
    """The individual that another encounter of this label became when its proposal was accepted."""
    row = connection.execute(
        "SELECT d.individual FROM proposal p JOIN settling s USING (proposal) "
        "JOIN decision d ON d.event = s.event AND d.encounter = p.encounter JOIN root ON root.individual = d.individual "
        f"WHERE p.event = ? AND p.label = ? AND s.accepted AND {STANDS.format('s')} LIMIT 1",
        (proposed, label),
    ).fetchone()
    return row[0] if row else None

"""Who is who, as people correct it: decide, rename, merge, split, move. Call inside a writing transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from reid.catalogue import names
from reid.catalogue.events import Event, insert, person
from reid.catalogue.revisions import refuse_stale
from reid.catalogue.subjects import Crop, crops_of_encounter, crops_of_individual, find_encounter, gather
from reid.errors import CatalogueError

__all__ = ["alias", "assign", "decide", "merge", "move", "rename", "set_apart", "split", "take_out", "whom"]


def whom(event: Event, run: int, identity: str | None, pattern: str) -> int | None:
    """The individual that a person means: by a name, "new" for one that is added, None or "unknown" for nobody."""
    if identity is None or names.fold(identity) == names.UNKNOWN:
        return None
    if names.fold(identity) == names.NEW:
        return names.create(event.connection, event.number, run, pattern)
    return names.find(event.connection, identity)


def assign(event: Event, encounters: Iterable[tuple[int, int]], individual: int | None) -> None:
    """Append a person's decision on each encounter, given as rows of its run and itself."""
    connection = event.connection
    born = None
    if individual is not None:
        born = connection.execute("SELECT born FROM animal WHERE individual = ?", (individual,)).fetchone()[0]
    for run, encounter in sorted(set(encounters)):
        old = connection.execute("SELECT decision FROM standing WHERE encounter = ?", (encounter,)).fetchone()
        first = connection.execute("SELECT min(event) FROM event WHERE run = ?", (run,)).fetchone()[0]
        kind = "unsure" if born is None else "known" if born < first else "new"
        event.add(
            "decision", encounter=encounter, individual=individual, kind=kind, probability=1.0,
            reason=event.reason or f"decided by {event.by}", human=1, supersedes=old[0] if old else None,
        )  # fmt: skip


def set_apart(event: Event, crops: Sequence[Crop]) -> list[tuple[int, int]]:
    """Give crops encounters without any others in them; returns the rows of their runs and encounters.

    An encounter that is named whole stays as it is. Of another one, the named crops go into a new encounter.
    """
    connection = event.connection
    named: dict[int, list[Crop]] = {}
    for crop in crops:
        named.setdefault(crop.encounter, []).append(crop)
    out = []
    for encounter, own in sorted(named.items()):
        run = own[0].run
        if {crop.crop for crop in crops_of_encounter(connection, encounter)} - {crop.crop for crop in own}:
            base = connection.execute("SELECT name FROM encounter WHERE encounter = ?", (encounter,)).fetchone()[0]
            taken = {r[0] for r in connection.execute("SELECT name FROM encounter WHERE run = ?", (run,))}
            number = next(n for n in range(2, len(taken) + 3) if f"{base}~{n}" not in taken)
            encounter = insert(connection, "encounter", run=run, name=f"{base}~{number}")
            for crop in own:
                event.add("placing", crop=crop.crop, encounter=encounter)
        out.append((run, encounter))
    return out


def decide(
    connection: sqlite3.Connection,
    run_id: str,
    encounter: str,
    identity: str | None,
    by: str,
    reason: str,
    pattern: str,
    revision: int | None,
) -> str | None:
    """Say whose an encounter is; returns that individual's name."""
    person(by)
    crops = find_encounter(connection, run_id, encounter)
    event = Event(connection, "decide", by, crops[0].run, reason)
    return _give(event, crops, identity, pattern, revision)


def move(
    connection: sqlite3.Connection,
    parts: Sequence[str | tuple[str, str]],
    identity: str | None,
    by: str,
    reason: str,
    pattern: str,
    revision: int | None,
) -> str | None:
    """Say whose single sightings are, whatever their encounters are; returns that individual's name."""
    person(by)
    crops = gather(connection, parts)
    if not crops:
        raise CatalogueError("no sighting was named to be moved; nothing was changed.")
    event = Event(connection, "move", by, crops[0].run, reason)
    return _give(event, crops, identity, pattern, revision)


def _give(event: Event, crops: Sequence[Crop], identity: str | None, pattern: str, revision: int | None) -> str | None:
    connection = event.connection
    known = identity is not None and names.fold(identity) not in (names.UNKNOWN, names.NEW)
    target = [names.find(connection, identity)] if known and identity is not None else []
    encounters, rows = {crop.encounter for crop in crops}, {crop.crop for crop in crops}
    refuse_stale(connection, revision, target, ("merge",), encounters, rows)
    individual = whom(event, min(crop.run for crop in crops), identity, pattern)
    assign(event, set_apart(event, crops), individual)
    return None if individual is None else names.present(connection, individual)


def rename(connection: sqlite3.Connection, old: str, new: str, by: str, reason: str, revision: int | None) -> None:
    """Give an individual another name, in every run at once."""
    individual = names.find(connection, old)
    refuse_stale(connection, revision, [individual], ("name", "merge"))
    before, after = names.present(connection, individual), names.clean(new)
    if after == before:
        raise CatalogueError(f"{before!r} is already called that; nothing was changed.")
    _refuse_taken(connection, individual, after)
    event = Event(connection, "rename", by, reason=reason)
    event.add("naming", individual=individual, before=before, after=after, folded=names.fold(after))


def alias(connection: sqlite3.Connection, identity: str, name: str, by: str, reason: str, revision: int | None) -> None:
    """Let another name find an individual, whose present name stays."""
    individual = names.find(connection, identity)
    refuse_stale(connection, revision, [individual], ("name", "merge"))
    present, other = names.present(connection, individual), names.clean(name)
    if names.owner(connection, other) == individual:
        raise CatalogueError(f"{other!r} finds {present!r} already; nothing was changed.")
    _refuse_taken(connection, individual, other)
    event = Event(connection, "alias", by, reason=reason)
    event.add("naming", individual=individual, before=present, after=other, folded=names.fold(other), alias=1)


def _refuse_taken(connection: sqlite3.Connection, individual: int, name: str) -> None:
    taken = names.owner(connection, name)
    if taken == individual or names.is_free(connection, name):
        return
    present = names.present(connection, taken) if taken is not None else None
    if present is None:
        whose = "was given before"
    elif names.fold(present) == names.fold(name):
        whose = f"is the name of {present!r}"
    elif taken is not None and names.fold(name) in map(names.fold, names.known_as(connection, taken)):
        whose = f"is an earlier name of {present!r}"
    else:
        whose = f"is the number of {present!r}"
    raise CatalogueError(
        f"the name {name!r} {whose}, and no name is given twice. Choose another one, or merge the two."
    )


def merge(
    connection: sqlite3.Connection,
    keep: str,
    gone: str,
    by: str,
    reason: str,
    revision: int | None,
    kind: str = "merge",
) -> str:
    """Make two individuals one, under the name of the first, which is returned."""
    person(by)
    kept, other = names.find(connection, keep), names.find(connection, gone)
    if kept == other:
        raise CatalogueError(f"{keep!r} and {gone!r} are one individual already; nothing was changed.")
    refuse_stale(connection, revision, [kept, other], ("whose", "merge"))
    Event(connection, kind, by, reason=reason).add("merging", keep=kept, gone=other)
    return names.present(connection, kept)


def split(
    connection: sqlite3.Connection,
    identity: str,
    parts: Sequence[str | tuple[str, str]],
    by: str,
    reason: str,
    pattern: str,
    revision: int | None,
) -> str:
    """Make some encounters or sightings of an individual a new individual; returns its name."""
    person(by)
    root = names.find(connection, identity)
    crops = gather(connection, parts)
    own = crops_of_individual(connection, root)
    if not crops or not set(crops) < set(own):
        raise CatalogueError(
            f"to split {identity!r} name some of its {len({crop.encounter for crop in own})} encounters or "
            f"{len(own)} sightings, not all and no others; of the {len(crops)} sightings named, "
            f"{len(set(crops) & set(own))} are its own."
        )
    return take_out(Event(connection, "split", by, reason=reason), root, crops, pattern, revision)


def take_out(event: Event, root: int, crops: Sequence[Crop], pattern: str, revision: int | None) -> str:
    """Make crops of an individual a new individual; returns its name."""
    refuse_stale(event.connection, revision, [root], ("whose", "merge"), crops={crop.crop for crop in crops})
    created = names.create(event.connection, event.number, min(crop.run for crop in crops), pattern)
    assign(event, set_apart(event, crops), created)
    return names.present(event.connection, created)

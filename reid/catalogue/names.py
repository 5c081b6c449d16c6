"""Names of individuals: which are allowed, whose they are, and the next free number.

A name belongs to its individual for good, also after a renaming or a merge: an old name in an old report
still finds the animal, and can never mean another one. Names that differ only in case, spaces or invisible
characters are one. A number is a name too: "7" is individual number 7 and can be nobody else's name.
"""

from __future__ import annotations

import difflib
import sqlite3
import unicodedata
from collections.abc import Collection

from reid.catalogue import state
from reid.errors import CatalogueError, ConfigError
from reid.tables import UNKNOWN

__all__ = [
    "LONGEST",
    "NEW",
    "NOBODY",
    "check_pattern",
    "clean",
    "create",
    "find",
    "fold",
    "is_free",
    "known_as",
    "members",
    "owner",
    "present",
]

NOBODY = frozenset({UNKNOWN, "na", "n/a", "nan", "____"})
"""Folded, what stands for no name in tables of labels."""

NEW = "new"
"""Given instead of a name, it asks for a new individual."""

LONGEST = 300


def fold(name: str) -> str:
    """What two spellings of one name have in common.

    >>> fold(" Bella  Luna") == fold("bella luna")
    True
    """
    letters = [(c, unicodedata.category(c)) for c in unicodedata.normalize("NFKC", name)]
    visible = "".join("\ufffd" if kind == "Cs" else c for c, kind in letters if kind != "Cf")
    return " ".join(visible.casefold().split())


def clean(name: str) -> str:
    """The name as it will be written, spaces tidied.

    Raises:
        CatalogueError: it is empty, too long, reserved, or holds control characters.
    """
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    if not fold(name):
        raise CatalogueError("the new name is empty; give at least one visible character.")
    if len(name) > LONGEST:
        raise CatalogueError(f"the name {name[:20]!r}... has {len(name)} characters; at most {LONGEST} are allowed.")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise CatalogueError(f"the name {name!r} holds a control character; use letters, digits, signs and spaces.")
    if fold(name) in {*NOBODY, NEW}:
        raise CatalogueError(
            f"the name {name!r} has a meaning of its own and can be no individual's; choose another one."
        )
    return name


def _number(folded: str) -> int | None:
    """The number that a name is, if it is one and small enough to have been given."""
    return int(folded) if folded.isascii() and folded.isdecimal() and len(folded) < 18 else None


def owner(connection: sqlite3.Connection, name: str) -> int | None:
    """The individual that a present or earlier name, or a number, belongs to; merges followed."""
    folded = fold(name)
    row = connection.execute(
        "SELECT root FROM root WHERE individual IN ("
        "SELECT individual FROM individual WHERE folded = ?1 AND event IN live UNION "
        "SELECT individual FROM naming WHERE folded = ?1 AND event IN live)",
        (folded,),
    ).fetchone()
    if row is None and _number(folded) is not None:
        row = connection.execute(
            "SELECT root FROM root WHERE individual = (SELECT individual FROM individual WHERE number = ?)",
            (_number(folded),),
        ).fetchone()
    return row[0] if row else None


def members(connection: sqlite3.Connection, roots: Collection[int]) -> list[int]:
    """All individuals that these are made of, themselves included."""
    marks = ", ".join("?" * len(roots))
    return [r[0] for r in connection.execute(f"SELECT individual FROM root WHERE root IN ({marks})", tuple(roots))]


def present(connection: sqlite3.Connection, individual: int) -> str:
    """The present name of an individual, merges followed."""
    return str(connection.execute("SELECT name FROM animal WHERE individual = ?", (individual,)).fetchone()[0])


def known_as(connection: sqlite3.Connection, root: int) -> list[str]:
    """Every name that finds an individual: the present one first, then the others in the order they were given."""
    rows = connection.execute(
        "SELECT name, event, 0 AS part, individual AS row FROM individual WHERE individual IN "
        "(SELECT individual FROM root WHERE root = ?1) UNION ALL "
        "SELECT after, event, 1, naming FROM naming WHERE event IN live AND individual IN "
        "(SELECT individual FROM root WHERE root = ?1) ORDER BY event, part, row",
        (root,),
    )
    return list(dict.fromkeys([present(connection, root), *(row[0] for row in rows)]))


def find(connection: sqlite3.Connection, name: str) -> int:
    """Like `owner`, for a name that must be there.

    Raises:
        CatalogueError: no individual has or had that name; names the closest ones.
    """
    individual = owner(connection, name)
    if individual is not None:
        return individual
    called = sorted({animal.name for animal in state.animals(connection).values()})
    close = difflib.get_close_matches(fold(name), map(fold, called), n=3, cutoff=0.5)
    close = [name for name in called if fold(name) in close] or called[:3]
    hint = f"Close to it: {', '.join(map(repr, close))}." if close else "The catalogue is empty."
    raise CatalogueError(f"no individual is called {name!r}. {hint}")


def is_free(connection: sqlite3.Connection, name: str) -> bool:
    """Whether nobody has or had the name. One given with a number stays taken even if that was undone."""
    folded = fold(name)
    born = connection.execute(
        "SELECT 1 FROM individual WHERE folded = ? OR number = ?", (folded, _number(folded))
    ).fetchone()
    return born is None and owner(connection, name) is None


def check_pattern(pattern: str) -> str:
    """The pattern itself, if it makes a different valid name of each number.

    Raises:
        ConfigError: it does not.
    """
    try:
        made = [clean(pattern.format(number)) for number in (1, 2, 10, 11, 12, 100, 101, 1000, 10**6)]
    except (ValueError, LookupError, AttributeError, CatalogueError) as error:
        raise ConfigError(
            f"name_pattern {pattern!r} makes no names of numbers: {error} An example: 'ind-{{:03d}}'."
        ) from None
    if len(set(map(fold, made))) < len(made):
        raise ConfigError(
            f"name_pattern {pattern!r} gives several numbers one name, for example {made[0]!r}; "
            "it needs a place for the whole number, as in 'ind-{:03d}'."
        )
    return pattern


def create(connection: sqlite3.Connection, event: int, run: int, pattern: str) -> int:
    """Add an individual under the next free number; call inside a transaction that writes."""
    number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM individual").fetchone()[0]
    while not is_free(connection, pattern.format(number)) or owner(connection, str(number)) is not None:
        number += 1
    name = clean(pattern.format(number))
    added = connection.execute(
        "INSERT INTO individual (event, run, number, name, folded) VALUES (?, ?, ?, ?, ?)",
        (event, run, number, name, fold(name)),
    )
    return int(added.lastrowid or 0)

"""Sound files made hostile: a recipe of bytes says what is done to a file, so that any fuzzer can steer it.

The same recipe does the same to the same file. An empty one leaves it as it is.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

__all__ = ["VALUES", "Recipe", "bent_bytes", "bent_csv", "bent_json", "bent_text", "bent_value"]


def _deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 1.5, -0.0, 1e308, math.inf, -math.inf, math.nan, 2**31, 2**63, -(2**63) - 1, 10**400,
    "", " ", "a", "\0", "\ud800", "\u202e", "e\u0301", "9" * 5000, "²", "١٢", "1_0", "0x10", "1e999", "-", "NaN", "null",
    "true", "../../../../tmp/escaped", "/tmp/escaped", "..\\..\\escaped", "C:\\escaped", "http://127.0.0.1:9/x", "a/./../b",
    "=1+1", "'; DROP TABLE event; --", "<script>alert(1)</script>", "{{7*7}}", "${oc.env:HOME}", "!!python/object:os.system",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2012-02-30", "2015-06-01T00:00:00+23:59:59", "99999", "12345.5",
    "31/12/2012", "2012-13-13", "[1, 2, 3, 4]", "[nan, 1, 2, 3]", "1,5", "x" * 70_000, [], {}, [[]], [None], [1, 2, 3],
    [1e308, 1e308, 1e308, 1e308], [0.1, 0.1, 0.0, 0.1], {"": ""}, {"a": {"a": {}}}, _deep(60),
)  # fmt: skip
"""What stands where something else was expected."""

PIECES = (
    b"", b"\0", b"\xff", b"\xff\xd8\xff", b"\xff\xd9", b"\x1f\x8b", b"PK\x03\x04", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff",
    b"\r", b"\n", b'"', b",", b";", b"\t", b"\xef\xbb\xbf", b"\xff\xfe", b"[" * 3000, b"{" * 40, b"]", b"}", b":", b"&a", b"*a",
    b"\x80\x04\x95", b"cos\nsystem\n(S'true'\ntR.", b"\xe2\x80\xa8", b"9" * 400, b"1e999", b"NaN", b"!!python/name:os.system ",
)  # fmt: skip
"""What is put among bytes."""


class Recipe:
    """Choices out of bytes; zeros once they are used up."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._content)

    def number(self, below: int) -> int:
        """A number from 0 to `below` - 1."""
        size = 1 if below <= 256 else 3
        part = self._content[self._at : self._at + size]
        self._at += size
        return int.from_bytes(part, "big") % max(below, 1)

    def pick(self, things: Any) -> Any:
        return things[self.number(len(things))]


def bent_bytes(sound: bytes, recipe: Recipe) -> bytes:
    """Bytes flipped, cut, doubled, and strange ones put in."""
    content = bytearray(sound)
    while recipe:
        at = recipe.number(len(content) + 1)
        what = recipe.number(6)
        if what == 0 and content:
            content[min(at, len(content) - 1)] ^= 1 << recipe.number(8)
        elif what == 1:
            del content[at:]
        elif what == 2:
            content[at:at] = recipe.pick(PIECES)
        elif what == 3:
            del content[at : at + 1 + recipe.number(64)]
        elif what == 4:
            piece = recipe.pick(PIECES)
            content[at : at + len(piece)] = piece
        else:
            other = recipe.number(len(content) + 1)
            content[at:at] = content[other : other + 1 + recipe.number(200)]
    return bytes(content)


def bent_text(sound: bytes, recipe: Recipe) -> bytes:
    """Lines of a text left out, doubled, or bent byte by byte."""
    lines = sound.split(b"\n")
    while recipe:
        at, what = recipe.number(len(lines)), recipe.number(4)
        if what == 0 and len(lines) > 1:
            del lines[at]
        elif what == 1:
            lines.insert(at, lines[recipe.number(len(lines))])
        else:
            lines[at] = bent_bytes(lines[at], Recipe(bytes([recipe.number(256) for _ in range(5)])))
    return b"\n".join(lines)


def bent_value(value: Any, recipe: Recipe) -> Any:
    """A JSON value in which some values are others, keys are missing or new, and lists are longer or shorter."""
    holder = [json.loads(json.dumps(value))]
    while recipe:
        parent: Any = holder
        key: Any = 0
        for _ in range(recipe.number(8)):
            inner = parent[key]
            if isinstance(inner, dict) and inner:
                parent, key = inner, sorted(inner, key=str)[recipe.number(len(inner))]
            elif isinstance(inner, list) and inner:
                parent, key = inner, recipe.number(len(inner))
            else:
                break
        what = recipe.number(5)
        if what == 0 and parent is not holder:
            del parent[key]
        elif what == 1 and isinstance(parent, dict):
            parent[str(recipe.pick(VALUES))] = copy.deepcopy(
                parent[key]
            )  # another one: no value may come to hold itself
        elif what == 2 and isinstance(parent, list) and parent is not holder:
            parent.insert(key, copy.deepcopy(parent[recipe.number(len(parent))]))
        else:
            parent[key] = copy.deepcopy(recipe.pick(VALUES))
    return holder[0]


def bent_json(sound: bytes, recipe: Recipe) -> bytes:
    """A JSON file whose values are others; or, now and then, whose bytes are."""
    if recipe.number(8) == 7:
        return bent_bytes(sound, recipe)
    return json.dumps(bent_value(json.loads(sound), recipe)).encode("utf-8", "surrogatepass")


def bent_csv(sound: bytes, recipe: Recipe) -> bytes:
    """A CSV file whose cells, rows and columns are others; or, now and then, whose bytes are."""
    if recipe.number(8) == 7:
        return bent_bytes(sound, recipe)
    rows = list(csv.reader(io.StringIO(sound.decode("utf-8-sig"))))
    while recipe and rows:
        row = recipe.pick(rows)
        what = recipe.number(8)
        if what == 0:
            rows.remove(row)
        elif what == 1:
            rows.insert(recipe.number(len(rows) + 1), list(row))
        elif what == 2 and row:
            del row[recipe.number(len(row))]
        elif what == 3:
            row.insert(recipe.number(len(row) + 1), str(recipe.pick(VALUES)))
        elif row:
            row[recipe.number(len(row))] = str(recipe.pick(VALUES))
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


Bend = Callable[[bytes, Recipe], bytes]

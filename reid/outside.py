"""Files from outside: read whole, only if they are files at all, and only up to a stated size.

A pipe or a device among the files of a stranger would keep a reader waiting for ever, a packed file can be a thousand
times its size, and JSON may be nested deeper than Python goes. Every reader of outside data comes through here. What
cannot be read is an `OSError` whose `strerror` is a short reason, and JSON that is none a `ValueError`, so that each
reader says it in its own words.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import zlib
from pathlib import Path
from typing import Any, BinaryIO

__all__ = [
    "CARD",
    "LARGEST",
    "gunzip",
    "is_plain",
    "open_regular",
    "parse_json",
    "parse_yaml",
    "read_bytes",
    "read_json",
    "read_text",
]

LARGEST = 2 << 30
"""Bytes of a table or list of a season, at most. As Python holds them, values of JSON take up to 25 times their text."""
CARD = 64 << 20
"""Bytes of what describes one thing, at most: settings, a network's card, a calibration, a page of facts."""
CHUNK = 1 << 20
HALVES = re.compile(r"\\u[dD][89a-fA-F]")
"""How JSON escapes what may be half a character."""


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file for reading; links are followed.

    Raises:
        OSError: it is not there, may not be read, or is a folder, a pipe, a socket or a device. None of those is
            waited for.
    """
    path = str(path)
    if "\0" in path:
        raise FileNotFoundError(errno.ENOENT, "no file can have this name", path.replace("\0", "?"))
    # opening a device may already do something, so its kind is asked first; and once more of what was opened
    _need_regular(Path(path).stat().st_mode, path)
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _need_regular(os.fstat(handle).st_mode, path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _need_regular(mode: int, path: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", path)


def read_bytes(path: str | Path, most: int = LARGEST) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: see `open_regular`; or it has more than `most` bytes, and is not read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # Python takes as much memory at once as it is asked to read
        content = file.read(min(size + CHUNK, most + 1)) if size <= most else None
    if content is None or len(content) > most:
        raise _too_large(most, path)
    return content


def read_text(path: str | Path, most: int = CARD) -> str:
    """The text of a regular UTF-8 file; a byte order mark is dropped.

    Raises:
        OSError: see `read_bytes`.
        UnicodeDecodeError: it is not UTF-8.
    """
    return read_bytes(path, most).decode("utf-8-sig")


def parse_json(text: str | bytes) -> Any:
    r"""A JSON value. Halves of characters, which JSON can escape and no other file can hold, become question marks.

    Raises:
        ValueError: it is none, not UTF-8, or nested too deeply to be read.

    >>> parse_json(r'["\ud83d\ude00", "half\ud800"]')[1]
    'half?'
    """
    text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    try:
        value = json.loads(text)
        return _whole(value) if HALVES.search(text) else value
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(inner) for key, inner in value.items()}
    return value


def is_plain(value: Any) -> bool:
    """Whether a JSON value is no list and no object, so that it can be looked up among others.

    >>> is_plain("7"), is_plain(None), is_plain([7])
    (True, True, False)
    """
    return not isinstance(value, (list, dict))


def read_json(path: str | Path, most: int = CARD) -> Any:
    """The JSON value of a file.

    Raises:
        OSError: see `read_bytes`.
        ValueError: see `parse_json`.
    """
    return parse_json(read_bytes(path, most))


def parse_yaml(text: str) -> Any:
    """Plain YAML: values, lists and mappings. No tags, and no aliases, with which a few lines stand for a billion.

    Raises:
        ValueError: it is none.

    >>> parse_yaml("a: [1, two]")
    {'a': [1, 'two']}
    """
    import yaml

    class Plain(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError(
                    f"line {self.peek_event().start_mark.line + 1} has an alias, which is not read here"
                )
            return super().compose_node(parent, index)

    try:
        return yaml.load(text, Plain)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def gunzip(content: bytes, most: int = LARGEST) -> bytes:
    """What gzip packed, members one after another.

    Raises:
        OSError: it is damaged or cut short, or would have more than `most` bytes; no more than those are unpacked.
    """
    out: list[bytes] = []
    size = 0
    while content:
        member = zlib.decompressobj(wbits=31)
        rest = content
        while not member.eof:
            try:
                part = member.decompress(rest, CHUNK)
            except zlib.error:
                raise OSError(errno.EINVAL, "damaged gzip data") from None
            rest = member.unconsumed_tail
            if not part and not rest and not member.eof:
                raise OSError(errno.EINVAL, "gzip data that is cut short")
            out.append(part)
            size += len(part)
            if size > most:
                raise _too_large(most)
        content = member.unused_data.lstrip(b"\0")  # tapes and some writers fill up with zeros
    return b"".join(out)


def _too_large(most: int, path: str | Path | None = None) -> OSError:
    what = f"larger than the {most >> 20} MB that are read"
    return OSError(errno.EFBIG, what, None if path is None else str(path))

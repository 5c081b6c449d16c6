"""Walking through folders, and telling cheaply whether what lies in them has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

__all__ = ["SYSTEM_FOLDERS", "looks", "walk"]

SYSTEM_FOLDERS = {"@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information"}
"""Made by file servers and operating systems; they hold thumbnails and deleted files."""


def walk(top: Path, below: str = "", above: tuple[tuple[int, int], ...] = ()) -> Iterator[tuple[str, str | None]]:
    """Files below a folder as (path, None), and folders that cannot be listed as (path, reason).

    Hidden files and folders are passed over. Linked folders are followed, unless they lead back to a folder they lie in.

    Args:
        top: The folder.
        below: Where in it to begin; paths are given from `top` on, with `/`.
        above: The folders (device, inode) that lead here.
    """
    try:
        here = (top / below).stat()
        identity = (here.st_dev, here.st_ino)
        if identity in above:
            return
        with os.scandir(top / below) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield below, (error.strerror or "unknown reason").lower()
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = f"{below}/{entry.name}" if below else entry.name
        try:
            is_folder = entry.is_dir()
        except OSError:  # a link that leads to itself
            is_folder = False
        if not is_folder:
            yield path, None
        elif entry.name not in SYSTEM_FOLDERS:
            yield from walk(top, path, (*above, identity))


def looks(path: str | Path, without: tuple[str, ...] = ()) -> str:
    """A short hash of a file's size and times of change; of a folder, of all files in it with their names.

    What is not there has one too. No file is opened. The second time is that of the entry itself, which also tells of new
    rights, and of a file that was changed and had its time set back.

    Args:
        path: The file or folder.
        without: Beginnings of paths in the folder, and names of folders, that do not count.
    """
    top = Path(path)
    state = sha256()
    names = [("", None)] if not top.is_dir() else walk(top)
    for name, reason in names:
        if without and (name.startswith(without) or not set(without).isdisjoint(name.split("/"))):
            continue
        try:
            found = (top / name).stat()
            facts = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
        except OSError as error:
            facts = str(error.errno)
        state.update(f"{name}\0{reason}\0{facts}\n".encode("utf-8", "surrogateescape"))
    return state.hexdigest()[:24]

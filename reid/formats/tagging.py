"""Individuals into the metadata of the photos themselves: of copies, or of the originals where that is asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from reid.errors import ConfigError, FormatError, InputError
from reid.formats.jpeg import put_xmp, scan_of, xmp_of
from reid.formats.model import Note, Survey
from reid.formats.xmp import new_packet, with_subjects
from reid.outside import read_bytes
from reid.photos.stations import natural
from reid.progress import track
from reid.tables import records

__all__ = ["tag_photos"]

TAG = "Individual"


def tag_photos(
    survey: Survey, root: str | Path, folder: str | Path | None = None, inplace: bool = False, tag: str = TAG
) -> tuple[int, list[Note]]:
    """Write the names of a photo's animals into its XMP as `Individual|NAME`, one subject each.

    Subjects below another first level stay, as do all other metadata and every byte of the picture. Only photos with a
    named animal are touched. A file is written whole or not at all, and checked before it takes its place. In place,
    its content hash changes, so that a later scan sees another file of the same name.

    Args:
        survey: Whose names to write.
        root: The photo folder.
        folder: Where copies go, by the same paths; needed unless `inplace`.
        inplace: Write into the photos themselves.
        tag: First level of the subject.

    Returns:
        How many photos were written, and notes on those that cannot hold it: not JPEG, damaged, missing.

    Raises:
        ConfigError: neither a folder nor `inplace`, or a tag with a bar in it.
        InputError: there is no photo folder, or the copies would lie in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"photos={root}: no such folder. Check the path; it is taken from {Path.cwd()}.")
    if not tag.strip() or "|" in tag:
        raise ConfigError(f"tag={tag!r} must be a name without the sign |, such as Individual.")
    if folder is None and not inplace:
        raise ConfigError("photos are not written to unless inplace=true; else name a folder for copies.")
    if folder is not None and Path(folder).resolve().is_relative_to(root.resolve()):
        raise InputError(f"the copies would lie in {folder}, inside the photo folder {root}; name a folder outside it.")
    names: dict[str, set[str]] = {}
    for animal in records(survey.named):
        if animal.category == "animal":
            names.setdefault(animal.path, set()).add(animal.identity)
    done, notes = 0, []
    for path in track(sorted(names), "tag"):
        try:
            source = _inside(root, path)
            content = _tagged(read_bytes(source), tag, sorted(names[path], key=natural))
            target = source.resolve() if inplace else _inside(Path(str(folder)), path)
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, content, source)
            done += 1
        except (FormatError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            notes.append(Note("photos", None, "path", path, "left out", reason.lower()))
    return done, notes


def _inside(folder: Path, path: str) -> Path:
    target = folder / path
    if Path(path).is_absolute() or ".." in Path(path).parts or "://" in path:
        raise FormatError("its path leads out of the folder")
    return target


def _tagged(content: bytes, tag: str, names: list[str]) -> bytes:
    """The file with its names, checked: the picture and all metadata but the XMP are as before."""
    safe = [name.replace("|", "/") for name in names]
    packet = xmp_of(content)
    subjects = [f"{tag}|{name}" for name in safe]
    fresh = put_xmp(content, new_packet(subjects) if packet is None else with_subjects(packet, tag, safe))
    empty = b""
    if scan_of(fresh) != scan_of(content) or put_xmp(fresh, empty) != put_xmp(content, empty):
        raise FormatError("writing would change more than its XMP")
    return fresh


def _replace(target: Path, content: bytes, source: Path) -> None:
    """Put the content in place of a file, whole or not at all, with the source's times and rights."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".reid-", suffix=".part")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copystat(source, partial)
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise

"""Facts of a photo file, read once and kept: content hash, size, orientation, EXIF time, or its fault.

Errors are found as far as they show cheaply. A JPEG must have a readable header and its end-of-image marker;
files of other formats are decoded. What only shows when a JPEG's pixels are decoded comes up when they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from reid.errors import InputError
from reid.photos.header import CHUNK, UnreadableError, open_file, opened, read_header
from reid.progress import track
from reid.store import RowStore, digest

__all__ = ["UNREADABLE", "PhotoFile", "file_key", "image_id", "inspect", "inspect_all"]

UNREADABLE = "unreadable00"
"""Stands for the hash in the image_id of a file whose bytes could not be read."""

RULES = "photo-1"
"""Part of every cache key; another name makes all files be read again."""
PART = 256
THREADS = 4
SCHEMA = pa.schema(
    [
        ("content_hash", pa.string()),
        ("bytes", pa.int64()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("orientation", pa.int64()),
        ("taken", pa.timestamp("us")),
        ("error", pa.string()),
    ]
)


@dataclass(frozen=True)
class PhotoFile:
    """Facts of one file; all but `error` may be None where there is one."""

    content_hash: str | None = None
    """SHA-256, hex."""
    bytes: int | None = None
    width: int | None = None
    """Pixels, upright."""
    height: int | None = None
    orientation: int | None = None
    taken: datetime | None = None
    """Capture time from EXIF."""
    error: str | None = None


def image_id(path: str, content_hash: str | None) -> str:
    """The key of a photo: its path and the first 12 digits of its content hash.

    >>> image_id("RL_5/a.jpg", None)
    'RL_5/a.jpg@unreadable00'
    """
    return f"{path}@{content_hash[:12] if content_hash else UNREADABLE}"


def inspect(path: str | Path) -> PhotoFile:
    """Read one file's facts; what is wrong with it goes into `error`."""
    hashed = size = None
    try:
        hashed, size = _hash(path)
        with opened(path) as image:
            header = read_header(image)
            if image.format not in ("JPEG", "MPO"):
                image.load()
    except UnreadableError as error:
        return PhotoFile(error=str(error))
    except InputError as error:
        return PhotoFile(hashed, size, error=str(error))
    return PhotoFile(hashed, size, header.width, header.height, header.orientation, header.taken)


def _hash(path: str | Path) -> tuple[str, int]:
    """SHA-256 and number of bytes."""
    total, size = sha256(), 0
    with open_file(path) as file:
        try:
            while chunk := file.read(CHUNK):
                total.update(chunk)
                size += len(chunk)
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror})") from None
    return total.hexdigest(), size


def inspect_all(paths: Sequence[Path], cache: str | Path | None = None, stage: str = "scan") -> list[PhotoFile]:
    """The facts of many files, in their order, with a progress bar.

    Args:
        paths: The files.
        cache: Folder that keeps the facts by path, size and modification time; what is there is not read
            again. Files whose bytes could not be read are tried anew each time.
        stage: Name on the progress bar.
    """
    store = RowStore(cache, SCHEMA) if cache is not None else None
    keys = [file_key(path) for path in paths]
    kept = store.get(key for key in keys if key) if store else {}
    found = {key: PhotoFile(**row) for key, row in kept.items()}
    facts: list[PhotoFile | None] = [found.get(key) if key else None for key in keys]
    todo = [number for number, fact in enumerate(facts) if fact is None]
    for number, fact in track(_fresh(paths, keys, todo, store), stage, total=len(paths), done=len(paths) - len(todo)):
        facts[number] = fact
    return [fact for fact in facts if fact is not None]


def _fresh(
    paths: Sequence[Path], keys: list[str | None], todo: list[int], store: RowStore | None
) -> Iterator[tuple[int, PhotoFile]]:
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(todo), PART):
            part = todo[start : start + PART]
            done: dict[str, dict] = {}
            for number, fact in zip(part, pool.map(inspect, [paths[n] for n in part]), strict=True):
                key = keys[number]
                if key and fact.content_hash:
                    done[key] = asdict(fact)
                yield number, fact
            if store:
                store.add(done)


def file_key(path: Path) -> str | None:
    """What facts are kept under: a file's path, size and time of change; None for one that is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return digest(RULES, str(path.absolute()), found.st_size, found.st_mtime_ns)

"""Photos and results on any file system that fsspec knows: a folder, `s3://bucket/season`, `gs://...`, `sftp://...`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reid.errors import InputError, MissingPartError, OutputError
from reid.folders import SYSTEM_FOLDERS
from reid.store import digest

__all__ = ["Mirror", "Place", "is_url", "working_copy"]

THREADS = 8
"""Files that are fetched at once."""


def is_url(text: str) -> bool:
    """Whether a setting names another file system than this machine's.

    >>> is_url("s3://bucket/season"), is_url("season/2015")
    (True, False)
    """
    return "://" in text


@dataclass(frozen=True)
class Place:
    """A folder, here or elsewhere.

    Attributes:
        url: A path, or a URL of a protocol that fsspec has a file system for.
    """

    url: str

    def _system(self) -> tuple[Any, str]:
        """The file system, and the folder's path on it."""
        import fsspec

        try:
            system, path = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            raise MissingPartError(
                f"{self.url} needs a package that is not installed ({error}); pip install 'reid[cluster]' brings S3's."
            ) from None
        except ValueError as error:
            raise InputError(f"{self.url} is on no file system that fsspec knows ({error}).") from None
        return system, path.rstrip("/")

    def photos(self, extensions: Sequence[str]) -> list[tuple[str, str]]:
        """Paths of the photos below the folder, sorted, each with a key that changes when the file does.

        Raises:
            InputError: the folder cannot be listed, or holds no photos.
        """
        system, top = self._system()
        try:
            system.invalidate_cache()
            found = system.find(top, detail=True)
        except Exception as error:  # each file system has errors of its own
            raise InputError(
                f"{self.url} cannot be listed: {type(error).__name__}: {error}. Check the address and your rights."
            ) from None
        out = []
        for name, about in sorted(found.items()):
            path = name[len(top) :].lstrip("/")
            hidden = any(part.startswith(".") or part in SYSTEM_FOLDERS for part in path.split("/"))
            if path and not hidden and path.lower().endswith(tuple(extensions)):
                stamp = [
                    about.get(key) for key in ("size", "ETag", "mtime", "LastModified", "last_modified", "updated")
                ]
                out.append((path, digest(self.url, path, [str(value) for value in stamp])))
        if not out:
            raise InputError(f"no photos in {self.url}; looked for files ending in {', '.join(extensions)}.")
        return out

    @contextmanager
    def at_hand(self, paths: Sequence[str]) -> Iterator[Path]:
        """A folder in which these of its files lie: itself, or one that is gone afterwards."""
        if not is_url(self.url):
            yield Path(self.url)
            return
        with tempfile.TemporaryDirectory(prefix="reid-photos-") as folder:
            self.fetch(paths, Path(folder))
            yield Path(folder)

    def fetch(self, paths: Sequence[str], folder: Path) -> None:
        """Copy files to this machine; one that is not there, or may not be read, is left out.

        Raises:
            InputError: the file system cannot be reached.
        """
        system, top = self._system()

        def one(path: str) -> None:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(target.name + ".part")
            try:
                system.get_file(f"{top}/{path}", str(partial))
                partial.replace(target)
            except (FileNotFoundError, PermissionError):
                partial.unlink(missing_ok=True)
            except Exception as error:  # each file system has errors of its own
                raise InputError(
                    f"{self.url}/{path} cannot be fetched: {type(error).__name__}: {error}. The same command goes on from here."
                ) from None

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(one, dict.fromkeys(paths)))

    def fetch_folder(self, below: str, folder: Path) -> None:
        """Copy all files of a folder in it, or of all of it, that are not in `folder` yet."""
        system, top = self._system()
        system.invalidate_cache()
        start = f"{top}/{below}".rstrip("/")
        there = [name[len(start) + 1 :] for name in system.find(start)]
        missing = [name for name in there if not (folder / name).exists()]
        Place(f"{self.url.rstrip('/')}/{below}".rstrip("/")).fetch(missing, folder)

    def put(self, folder: Path, paths: Sequence[str]) -> None:
        """Copy files of a folder of this machine into it.

        Raises:
            OutputError: it cannot be written.
        """
        system, top = self._system()
        try:
            for path in paths:
                system.makedirs(f"{top}/{path}".rpartition("/")[0], exist_ok=True)
                system.put_file(str(folder / path), f"{top}/{path}")
        except Exception as error:  # each file system has errors of its own
            raise OutputError(
                f"{self.url} cannot be written: {type(error).__name__}: {error}. Check the address and your rights."
            ) from None


class Mirror:
    """Copies what is new in a folder of this machine to another place.

    Args:
        folder: The folder.
        url: The place.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.place = folder, Place(url)
        self.done: dict[str, tuple[int, int]] = {}

    def push(self, below: str = "cache") -> None:
        """Copy the files of a part of the folder that are new or changed since they were last copied; "" for all."""
        found = {}
        for path in sorted((self.folder / below).rglob("*")):
            if path.is_file() and path.suffix != ".part" and path.name != "run.lock":
                about = path.stat()
                found[path.relative_to(self.folder).as_posix()] = (about.st_size, about.st_mtime_ns)
        self.place.put(self.folder, [name for name, state in found.items() if self.done.get(name) != state])
        self.done.update(found)


def working_copy(url: str) -> Path:
    """The folder of this machine in which results for another place are made."""
    return Path(tempfile.gettempdir()) / "reid-work" / digest(url)

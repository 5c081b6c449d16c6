"""What a machine may refuse while a run goes on (room on a disk, the right to write, memory), said in words."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reid.errors import MachineError, OutputError, ReidError

__all__ = ["in_words", "no_room", "refusal"]

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
FIXED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)
GONE = (errno.EIO, errno.ENODEV, errno.ENXIO, getattr(errno, "ESTALE", errno.EIO), errno.ENOTCONN)
HANDLES = (errno.EMFILE, errno.ENFILE)
NO_ROOM = ("no space left", "disk is full", "disk full", "quota exceeded")
"""What libraries that write files themselves say when the disk is full."""
LEAST_ROOM = 1 << 20
"""Bytes; where less is free, a writer that failed without saying why failed for want of room."""
AGAIN = "What was done is kept; the same command goes on from here"


def refusal(error: BaseException, folder: Path | None = None) -> ReidError | None:
    """What to tell a user about an error that is the machine's doing; None for any other.

    Args:
        error: As it came up.
        folder: Where the run writes, as far as it is known.
    """
    where = folder or _named(error)
    if isinstance(error, MemoryError):
        return MachineError(
            f"the memory of this machine is used up. {AGAIN}: close other programs first, or take another machine."
        )
    number = error.errno if isinstance(error, OSError) else None
    if number in HANDLES:
        return MachineError(f"this system lets no more files be open (ulimit -n). {AGAIN} with a higher limit.")
    if number in FULL or any(words in str(error).lower() for words in NO_ROOM) or _silent(error, where):
        return OutputError(f"the disk that holds {where or 'the output'} is full. {AGAIN} once there is room.")
    if number in FIXED:
        return OutputError(
            f"{_named(error) or where or 'the output'} cannot be written: {_reason(error)}. {AGAIN} once it can."
        )
    if number in GONE:
        return OutputError(f"the drive of {_named(error) or where or 'the output'} failed: {_reason(error)}. {AGAIN}.")
    if folder is not None and not folder.exists():
        return OutputError(f"the output folder {folder} was removed while the run went on. Start it again.")
    return None


def _silent(error: BaseException, where: Path | None) -> bool:
    """Whether an error that does not say so came of a full disk: torch and FAISS give no reason."""
    if where is None or not isinstance(error, (RuntimeError, OSError)) or isinstance(error, FileNotFoundError):
        return False
    return no_room(where)


def no_room(where: Path) -> bool:
    """Whether next to nothing is free on the disk that holds a place."""
    try:
        return shutil.disk_usage(where).free < LEAST_ROOM
    except OSError:
        return False


def _named(error: BaseException) -> Path | None:
    name = getattr(error, "filename", None)
    return Path(str(name)) if isinstance(name, (str, Path)) and str(name) else None


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


@contextmanager
def in_words(folder: Path) -> Iterator[None]:
    """Turn what the machine refuses inside into an error for the user, whatever library met it.

    Raises:
        OutputError, MachineError: see `refusal`.
    """
    try:
        yield
    except ReidError:
        raise
    except Exception as error:
        said = refusal(error, folder)
        if said is None:
            raise
        raise said from error

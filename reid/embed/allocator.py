"""Memory that large tensors leave behind is kept for the next ones."""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["keep_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
"""Numbers that glibc's malloc.h gives these parameters."""
NEVER, LARGEST = -1, 2**31 - 1
CHOSEN_BY_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def keep_memory() -> bool:
    """Let the C library keep freed memory in this process for its next tensors; call before the first large one.

    By default glibc gives every block of more than 32 MiB back to the system when it is freed. The next tensor of
    that size then gets fresh pages, and the system clears each of them once more at its first touch: a step of
    training on the CPU spends a large part of its time on that. In return the memory that was used at the peak stays with the
    process until it ends, and the peak is higher, in a training by about a quarter: see `benchmarks/allocator.py`.

    Nothing happens where the C library is another one, or where the user's environment sets glibc's own variables.

    Returns:
        Whether it was done.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in CHOSEN_BY_USER):
        return False
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  other libraries have a mallopt too, and mean something else by it
        mallopt = libc.mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    # older versions refuse a threshold above 32 MiB; they can be told to map no block at all
    kept = mallopt(MMAP_THRESHOLD, LARGEST) or mallopt(MMAP_MAX, 0)
    return bool(kept and mallopt(TRIM_THRESHOLD, NEVER))

"""Freed memory stays with the process: measured by the pages that the system must hand out anew."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from reid.embed import allocator
from reid.embed.allocator import CHOSEN_BY_USER, keep_memory

GLIBC = platform.libc_ver()[0] == "glibc"
PROBE = """
import ctypes, importlib.util, resource, sys
spec = importlib.util.spec_from_file_location("allocator", sys.argv[1])
allocator = importlib.util.module_from_spec(spec)
spec.loader.exec_module(allocator)
done = allocator.keep_memory() if sys.argv[2] == "keep" else None
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes, libc.memset.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def use(count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        block = libc.malloc(64 << 20)
        libc.memset(block, 1, 64 << 20)
        libc.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
use(2)
print(done, use(10))
"""


def faults(way: str, **variables: str) -> tuple[str, int]:
    """What `keep_memory` said, and pages handed out anew while 64 MiB are taken, filled and freed ten times."""
    clean = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_USER}
    words = [sys.executable, "-c", PROBE, str(Path(allocator.__file__)), way]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env=clean | variables).stdout.split()
    return said[0], int(said[1])


@pytest.mark.skipif(not GLIBC, reason="only glibc gives memory back in this way")
def test_blocks_are_used_again_and_not_faulted_in_again() -> None:
    plain, kept = faults("leave"), faults("keep")
    assert kept[0] == "True" and kept[1] < plain[1] / 20


@pytest.mark.skipif(not GLIBC, reason="only glibc gives memory back in this way")
def test_what_the_user_chose_stands() -> None:
    said, pages = faults("keep", MALLOC_MMAP_THRESHOLD_="1048576")
    assert said == "False" and pages > faults("keep")[1]


def test_nothing_is_told_to_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHOSEN_BY_USER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=lambda *_: pytest.fail("told")))
    monkeypatch.setattr(sys, "platform", "linux")
    assert not keep_memory()  # musl has no gnu_get_libc_version
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("asked"))
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_memory()


def test_an_older_library_that_refuses_the_threshold_maps_no_block_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def mallopt(parameter: int, value: int) -> int:
        told.append((parameter, value))
        return int(not (parameter == -3 and value > 32 << 20))

    for name in CHOSEN_BY_USER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt, gnu_get_libc_version=None))
    monkeypatch.setattr(sys, "platform", "linux")
    assert keep_memory()
    assert told[1:] == [(-4, 0), (-1, -1)]

"""Work on many items by a few threads, in their order, never far ahead of what is taken."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

__all__ = ["UNPINNED", "ahead", "workers_for"]

UNPINNED = {"ENABLE_CPU_PINNING": False}
"""For OpenVINO, which would tie its threads to processors: two processes then choose the same ones and leave others idle."""


def workers_for() -> int:
    """How many threads: as many as the processors of this process, or as `OMP_NUM_THREADS` says."""
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if told.isdigit() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ahead(work: Callable[[T], R], items: Iterable[T], workers: int = 0) -> Iterator[R]:
    """What `work` makes of each item, in the items' order.

    Twice as many items as there are threads are begun at most, however many there are, so that memory stays bounded. An error
    comes up where its item stands; what was begun after it is finished and dropped.

    Args:
        work: Safe to be called by several threads at once; it should spend its time in code that leaves Python's lock alone.
        items: Taken one by one.
        workers: Threads; 0 for `workers_for`.

    >>> list(ahead(lambda n: n * n, range(5), workers=2))
    [0, 1, 4, 9, 16]
    """
    workers = workers or workers_for()
    left = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        begun: deque[Future[R]] = deque(pool.submit(work, item) for item in islice(left, 2 * workers))
        try:
            while begun:
                done = begun.popleft().result()
                begun.extend(pool.submit(work, item) for item in islice(left, 1))
                yield done
        finally:
            for future in begun:
                future.cancel()

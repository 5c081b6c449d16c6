"""Reading and seeing overlapped: a few threads do whichever is due, so that no core waits for another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Item = TypeVar("Item")
Picture = TypeVar("Picture")
Seen = TypeVar("Seen")

__all__ = ["flow"]


def flow(
    photos: Sequence[T],
    read: Callable[[T], Sequence[tuple[Item, Picture | str]]],
    see: Callable[[Sequence[tuple[Item, Picture]]], Sequence[tuple[Item, Seen | str]]],
    batch: int,
    workers: int,
    parallel: bool,
) -> Iterator[tuple[Item, Seen | str]]:
    """Everything on some photos, seen in batches.

    Never more than a few photos are decoded at once, and never more than a few batches of pictures wait, however many
    photos there are.

    Args:
        photos: What is read.
        read: A photo to its items, each with a picture, or with a text that says why there is none.
        see: A batch of items with pictures to what is seen on them; the last batch may be shorter.
        batch: Pictures in a batch.
        workers: Threads.
        parallel: Whether batches are seen by these threads too, several at once; else by the caller's, one at a time, while
            the others read.

    Yields:
        Each item with what is seen, or with its text; texts at once, the others batch by batch, in order.
    """
    waiting: list[tuple[Item, Picture]] = []
    seeing: deque[Future[Sequence[tuple[Item, Seen | str]]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        ahead = workers + 2 * batch if parallel else workers + batch
        left = iter(photos)
        reading = deque(pool.submit(read, photo) for _, photo in zip(range(ahead), left, strict=False))
        while reading:
            pictures = reading.popleft().result()
            for photo in left:
                reading.append(pool.submit(read, photo))
                break
            for item, picture in pictures:
                if isinstance(picture, str):
                    yield item, picture
                    continue
                waiting.append((item, picture))
                if len(waiting) < batch:
                    continue
                if not parallel:
                    yield from see(waiting)
                else:
                    seeing.append(pool.submit(see, waiting))
                waiting = []
            while seeing and (seeing[0].done() or len(seeing) > 2 * workers):
                yield from seeing.popleft().result()
        while seeing:
            yield from seeing.popleft().result()
        if waiting:
            yield from see(waiting)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

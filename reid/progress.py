"""One look for every progress bar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")

__all__ = ["track"]


def track(items: Iterable[T], stage: str, total: int | None = None, unit: str = "photo", done: int = 0) -> Iterator[T]:
    """Yield `items` while a bar on standard error shows how far the stage is.

    Args:
        items: What is worked on.
        stage: Name of the stage, for example `"embed"`.
        total: Number of items, finished ones included; taken from `len(items)` where it has one.
        unit: What one item is called.
        done: How many were finished by an earlier run and are not among `items`.
    """
    from tqdm import tqdm

    if total is None and isinstance(items, Sized):
        total = len(items) + done
    with tqdm(total=total, initial=done, desc=f"{stage:>8}", unit=unit, dynamic_ncols=True) as bar:
        for item in items:
            yield item
            bar.update()

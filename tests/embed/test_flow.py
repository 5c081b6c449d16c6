"""Reading ahead and seeing in batches: everything once, in order, bounded, and an error comes out."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from reid.embed.flow import flow


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(("photos", "batch", "workers"), [(0, 4, 2), (1, 4, 2), (37, 4, 2), (40, 8, 1), (23, 1, 3)])
def test_everything_comes_once_and_in_order(photos: int, batch: int, workers: int, parallel: bool) -> None:
    sizes: list[int] = []

    def read(photo: int) -> list[tuple[int, int | str]]:
        if photo % 10 == 7:
            return [(photo, "cannot be read")]
        return [(photo, photo), (photo, -photo)] if photo % 3 == 0 else [(photo, photo)]

    def see(items: Sequence[tuple[int, int]]) -> list[tuple[int, str | int]]:
        sizes.append(len(items))
        return [(item, picture * 2) for item, picture in items]

    found = list(flow(range(photos), read, see, batch, workers, parallel))
    expected = [
        (p, picture if isinstance(picture, str) else picture * 2) for n in range(photos) for p, picture in read(n)
    ]
    seen = [pair for pair in found if not isinstance(pair[1], str)]
    assert seen == [pair for pair in expected if not isinstance(pair[1], str)]
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert all(size == batch for size in sorted(sizes, reverse=True)[:-1])


@pytest.mark.parametrize("parallel", [False, True])
def test_only_a_few_photos_are_ahead(parallel: bool) -> None:
    lock, read_so_far = threading.Lock(), [0]

    def read(photo: int) -> list[tuple[int, int | str]]:
        with lock:
            read_so_far[0] += 1
        return [(photo, photo)]

    for taken, _ in enumerate(flow(range(500), read, lambda items: list(items), 4, 2, parallel)):
        assert read_so_far[0] - taken <= 60


@pytest.mark.parametrize("parallel", [False, True])
def test_an_error_comes_out_and_nothing_hangs(parallel: bool) -> None:
    def see(items: Sequence[tuple[int, int]]) -> list[tuple[int, int | str]]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(flow(range(100), lambda n: [(n, n)], see, 4, 2, parallel))
    stopped = flow(range(100), lambda n: [(n, n)], lambda items: list(items), 4, 2, parallel)
    next(stopped)
    stopped.close()

"""Work ahead: in order, bounded, and errors where their item stands."""

from __future__ import annotations

import threading
import time

import pytest

from reid.threads import ahead, workers_for


def test_results_come_in_the_items_order_whatever_takes_longest() -> None:
    def slow_first(n: int) -> int:
        time.sleep(0.02 if n % 3 == 0 else 0)
        return n * 10

    assert list(ahead(slow_first, range(20), workers=4)) == [n * 10 for n in range(20)]


def test_no_more_is_begun_than_twice_the_threads() -> None:
    begun: list[int] = []
    results = ahead(lambda n: begun.append(n), range(1000), workers=3)
    for taken in range(1, 20):
        next(results)
        time.sleep(0.002)
        assert len(begun) <= taken + 2 * 3
    results.close()
    assert len(begun) < 40


def test_several_threads_work_at_once() -> None:
    both = threading.Barrier(2, timeout=20)
    assert list(ahead(lambda n: both.wait() >= 0, range(2), workers=2)) == [True, True]


def test_an_error_comes_up_where_its_item_stands() -> None:
    results = ahead(lambda n: 6 // n, [3, 2, 0, 1], workers=2)
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_threads_are_as_many_as_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert workers_for() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    assert workers_for() >= 1

"""Arrays put down in a file: what is taken up again is what a dictionary would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.match.shelf import Shelf


@settings(max_examples=40, deadline=None)
@given(
    put=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 1000)), max_size=30),
    asked=st.lists(st.integers(0, 7), max_size=12),
)
def test_a_shelf_is_a_dictionary(put: list[tuple[str, int]], asked: list[int]) -> None:
    shelf, plain = Shelf((3, 5), np.float16), {}
    for name, seed in put:
        array = np.random.default_rng(seed).normal(size=(5, 3)).astype(np.float16).T  # not in one piece of memory
        shelf.put(name, array)
        plain.setdefault(name, array)
    assert len(shelf) == len(plain)
    assert {name for name in "abcdefgh" if name in shelf} == plain.keys()
    names = [sorted(plain)[n % len(plain)] for n in asked] if plain else []
    np.testing.assert_array_equal(
        shelf.take(names), np.stack([plain[name] for name in names]) if names else np.zeros((0, 3, 5))
    )


def test_its_file_has_no_name_and_refuses_strangers(tmp_path: Path) -> None:
    shelf = Shelf((2,), np.float32, tmp_path / "cache")
    shelf.put("a", np.array([1, 2], np.float32))
    assert shelf.take(iter(["a", "a"])).tolist() == [[1, 2], [1, 2]]
    assert not list((tmp_path / "cache").iterdir())
    with pytest.raises(KeyError):
        shelf.take(["b"])
    for wrong in (np.zeros(3, np.float32), np.zeros(2, np.float64)):
        with pytest.raises(ValueError, match="among those of float32"):
            shelf.put("b", wrong)
    assert "b" not in shelf

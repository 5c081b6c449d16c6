"""A time budget shortens every crop's list alike, once for a run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid.errors import ConfigError
from reid.match import IndexSettings, within_budget
from reid.match.budget import affordable


@given(
    counts=st.lists(st.integers(0, 50), min_size=1, max_size=30),
    seconds=st.floats(0, 10, allow_nan=False),
    budget=st.floats(0.1, 500, allow_nan=False),
)
def test_it_is_the_longest_list_that_fits(counts: list[int], seconds: float, budget: float) -> None:
    totals = [sum(counts[: n + 1]) for n in range(len(counts))]
    found = affordable(lambda candidates: totals[candidates - 1], seconds, budget, len(totals))
    fits = [n + 1 for n, total in enumerate(totals) if total * seconds <= budget]
    assert found == max(fits, default=1)


class Verifier:
    """Takes a stated time."""

    def __init__(self, seconds: float) -> None:
        self.matcher = SimpleNamespace(fingerprint="made up")
        self.seconds, self.asked = seconds, 0

    def seconds_per_pair(self, pairs: list[tuple[str, str]]) -> float:
        self.asked += 1
        assert 0 < len(pairs) <= 16
        return self.seconds


def cut(candidates: int) -> pd.DataFrame:
    rows = [(f"q{a}", f"c{b}") for a in range(10) for b in range(candidates)]
    return pd.DataFrame(rows, columns=["query", "candidate"])


def test_the_choice_is_kept_for_the_run_and_made_anew_for_another_budget(tmp_path: Path) -> None:
    slow: Any = Verifier(0.5)
    assert within_budget(cut, slow, 20, 20, tmp_path) == 4
    fast: Any = Verifier(0.001)
    assert within_budget(cut, fast, 20, 20, tmp_path) == 4 and fast.asked == 0
    assert within_budget(cut, fast, 30, 20, tmp_path) == 20 and fast.asked == 1
    (tmp_path / "budget.json").write_text("{")
    assert within_budget(cut, slow, 20, 20, tmp_path) == 4
    assert json.loads((tmp_path / "budget.json").read_text())["seconds_per_pair"] == 0.5


def test_nothing_to_compare_needs_no_choice(tmp_path: Path) -> None:
    verifier: Any = Verifier(1.0)
    assert within_budget(lambda candidates: cut(0), verifier, 1, 20, tmp_path) == 20
    assert not list(tmp_path.iterdir())


def test_a_budget_is_a_number_of_seconds() -> None:
    with pytest.raises(ConfigError, match=r"index\.budget_s=-1"):
        IndexSettings(budget_s=-1)
    with pytest.raises(ConfigError, match=r"index\.budget_s=inf"):
        IndexSettings(budget_s=float("inf"))

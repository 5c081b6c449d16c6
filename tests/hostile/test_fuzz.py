"""Whatever a file from outside holds, its reader takes it or refuses it with an error of its own kind."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import hostile_review
import pytest
from hostile_mutate import Recipe
from hostile_targets import TARGETS, tried
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = sorted((Path(__file__).parent / "cases").iterdir())
EXAMPLES = 12
"""Of each target. `benchmarks/fuzz.py` tries millions."""
WRONG = 200
"""Of some 20,000 requests to the review page in which one value is wrong."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")
    warnings.simplefilter("ignore")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_what_was_found(case: Path, tmp_path: Path) -> None:
    name = case.name.partition("--")[0]
    tried(TARGETS[name], case.read_bytes(), tmp_path)


@pytest.mark.parametrize("name", TARGETS)
def test_sound_files_are_read(name: str, tmp_path: Path) -> None:
    assert tried(TARGETS[name], TARGETS[name].sound(), tmp_path) == "read"


@pytest.mark.parametrize("name", TARGETS)
def test_bent_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.binary(min_size=4, max_size=40))
    def bent(recipe: bytes) -> None:
        tried(target, target.bend(target.sound(), Recipe(recipe)), tmp_path)

    bent()


def test_requests_with_one_wrong_value(tmp_path: Path) -> None:
    """Some of all: random recipes seldom reach the one value that matters."""
    for request in hostile_review.one_wrong_value()[:WRONG]:
        with contextlib.suppress(hostile_review.RefusedRequestError):
            hostile_review.asked(hostile_review.sound([request]), tmp_path)

"""Makes what the tests share importable, and a browser where there is one."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("fastapi", reason="the extra 'review' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'review' is not installed")

from review_makers import Made, make

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory, paint_coat: Callable[..., np.ndarray]) -> Made:
    """A season of 25 pairs of encounters, each of one photo; to be copied, not changed."""
    return make(tmp_path_factory.mktemp("painted"), paint_coat)


@pytest.fixture
def made(painted: Made, tmp_path: Path) -> Made:
    """A copy of it."""
    return painted.copy(tmp_path / "season")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = next((found for name in NAMES if (found := shutil.which(name))), None)
    if chromium is None:
        pytest.skip(f"no Chromium is installed (looked for {', '.join(NAMES)})")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()

"""The benchmark of the decision stage, whose made-up worlds the tests use too."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def bench() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "decisions.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_decisions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

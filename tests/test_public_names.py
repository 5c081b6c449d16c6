"""The public names: each is there, and none that was promised goes away unsaid.

`public_names.txt` lists what has been promised. A name may be added to a package's `__all__` at any time; to take one away,
take it off the list too, and say so in CHANGELOG.md.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LISTED = {
    package: names.split()
    for package, _, names in (
        line.partition(": ") for line in (ROOT / "tests" / "public_names.txt").read_text("utf-8").splitlines()
    )
}
ROOMS = [f"reid.{path.parent.name}" for path in sorted(ROOT.glob("reid/*/__init__.py"))]
WITHOUT = {"reid.train", "reid.verbs"}
"""Rooms whose modules are named in full, since importing all of them takes long."""


@pytest.mark.parametrize("package", LISTED)
def test_promised_names_are_there(package: str) -> None:
    module = importlib.import_module(package)
    assert not set(LISTED[package]) - set(module.__all__), f"{package} lost public names"
    for name in LISTED[package]:
        value = getattr(module, name)
        assert value is not None
        assert not callable(value) or value.__doc__, f"{package}.{name} has no docstring"


def test_every_room_says_what_is_public() -> None:
    assert set(LISTED) == {"reid", "reid.api", "reid.errors", *ROOMS} - WITHOUT
    for package in LISTED:
        names = list(importlib.import_module(package).__all__)
        assert len(names) == len(set(names)), f"{package}.__all__ names something twice"
        assert not [name for name in names if name.startswith("_") and name != "__version__"]

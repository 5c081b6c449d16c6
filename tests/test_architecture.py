"""The house keeps its shape: a room imports only from rooms before it, and nothing is written to be thrown away."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = [
    [
        "schemas",
        "tables",
        "errors",
        "store",
        "threads",
        "progress",
        "resources",
        "outside",
        "machine",
        "folders",
        "unchanged",
        "_version",
    ],
    ["photos"],
    ["synthetic"],
    ["detect"],
    ["embed"],
    ["cluster"],
    ["match"],
    ["identify"],
    ["catalogue"],
    ["counts"],
    ["formats"],
    ["abundance"],
    ["exchange"],
    ["evaluate"],
    ["train"],
    ["review"],
    ["verbs", "config"],
    ["cli", "scripting"],
    ["api"],
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(ROOT.glob("reid/**/*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "reid").with_suffix("").parts
    return parts[0]


def imported(path: Path) -> set[str]:
    """Rooms that a module imports anywhere in it, type checking aside."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "reid" else [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms.update(name.split(".")[1] for name in names if name.startswith("reid."))
    return rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    # within verbs, the verb of the command line reaches down only
    later = {other for other in imported(path) if FLOOR[other] > FLOOR[room]}
    assert not later, f"{path} imports from {later}, which come after {room}"


def test_every_room_is_packaged() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    found = {"reid", "reid.configs"} | {f"reid.{path.parent.name}" for path in ROOT.glob("reid/*/__init__.py")}
    assert listed == found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_readable(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= 430
    asserts = [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    assert not asserts, f"{path} asserts in lines {asserts}; users get typed errors"


def test_import_is_light() -> None:
    code = "import sys, reid; print([m for m in ('torch', 'faiss', 'pandas', 'timm', 'cv2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_public_names_are_there() -> None:
    import reid

    assert all(getattr(reid, name) is not None for name in reid.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = reid.no_such_name

"""What reid depends on is free, listed, and locked; and the lower bounds are those that were tried."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def supply() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply", ROOT / "scripts" / "supply.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_dependency_is_free(supply: ModuleType) -> None:
    rows = supply.table()
    assert {"torch", "numpy", "faiss-cpu", "hydra-core"} <= {name for name, _, _ in rows}
    assert [f"{name}: {licence}" for name, licence, _ in rows if supply.refused(name, licence)] == []


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="the list is made under a newer Python, which needs fewer packages"
)
def test_every_dependency_is_listed(supply: ModuleType) -> None:
    rows = supply.table()
    text = (ROOT / "docs" / "licences.md").read_text()
    core = [name for name, _, needed in rows if needed == "core" and not supply.is_driver(name)]
    assert [name for name in core if f"| {name} |" not in text] == [], "run python scripts/supply.py licences"


@pytest.mark.parametrize(
    ("licence", "bad"),
    [
        ("MIT", False), ("Apache-2.0 OR BSD-3-Clause", False), ("LGPL-2.1", False), ("MPL-2.0 AND MIT", False),
        ("Artistic or GNU General Public License (GPL)", False), ("BSD-3-Clause AND MIT AND CC0-1.0", False),
        ("AGPL-3.0", True), ("GNU Affero General Public License v3", True), ("GPL-3.0-only", True), ("GPLv2+", True),
        ("CC-BY-NC-4.0", True), ("Proprietary", True), ("not stated", True), ("GPL-3.0 OR AGPL-3.0", True),
    ],
)  # fmt: skip
def test_what_is_free(supply: ModuleType, licence: str, bad: bool) -> None:
    assert supply.refused("some-package", licence) is bad


def test_the_lock_covers_what_is_asked_for(supply: ModuleType) -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    text = (ROOT / "requirements" / "dev.lock").read_text()
    locked: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.M):
        locked.setdefault(canonicalize_name(name), []).append(Version(version))
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.M)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    setup = supply.configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for part in (setup["options"]["install_requires"], setup["options.extras_require"]["dev"]):
        for line in filter(None, map(str.strip, part.splitlines())):
            asked = Requirement(line)
            found = locked.get(canonicalize_name(asked.name), [])
            assert found and all(version in asked.specifier for version in found), f"{line}: run make lock"

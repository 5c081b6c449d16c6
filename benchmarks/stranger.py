"""How long a stranger's path takes: from an empty folder to a census, and on to a network of one's own.

    python benchmarks/stranger.py --folder FOLDER [--source URL] [--environment PYTHON] [--out FILE]

Clones the project into an empty folder and gives there, one after the other, the commands that README.md and
docs/tutorial-train.md show: `make census`, with its installation timed for itself, then animals are made up, a network is
trained on them, and judged. The commands are read out of the pages, so that a page which promises something else fails
here. After each step what it should have made must be there. Writes commands, minutes and what came out into
benchmarks/results/stranger.json; the folder is left for you to look at.

`--environment` names a Python that has everything installed: nothing is installed then, and the steps are tried quickly.
Such a run is no measurement: it writes only where `--out` says.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "stranger.json"
INSTALLED = ".venv/installed"
STEPS = (
    ("install", "Makefile", INSTALLED, f"make {INSTALLED}"),
    ("census", "README.md", "runs/jaguars/report.html", r"make census"),
    ("animals", "docs/tutorial-train.md", "runs/cats/annotations.csv", r"reid synthesise output=runs/cats .*"),
    ("train", "docs/tutorial-train.md", "runs/mine/weights.safetensors", r"reid train .*output=runs/mine .*"),
    ("evaluate", "docs/tutorial-train.md", "runs/judged/report.html", r"reid evaluate .*output=runs/judged"),
)
"""Each: its name, the page that shows its command, what must be there afterwards, and the command or a pattern of it."""


def command_of(clone: Path, page: str, pattern: str) -> str:
    """The one line of a page that fits a pattern.

    Raises:
        SystemExit: No line of the page does, or several do.
    """
    if page == "Makefile":
        return pattern
    lines = (clone / page).read_text(encoding="utf-8").splitlines()
    found = [line.strip() for line in lines if line.startswith("    ") and re.fullmatch(pattern, line.strip())]
    if len(found) != 1:
        raise SystemExit(f"{page} shows {len(found)} commands like {pattern!r}; one was expected.")
    return found[0]


def borrow(clone: Path, python: str) -> None:
    """Make `.venv` of a clone out of an environment that is there, for trying the steps without installing."""
    bin_folder = clone / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    place = shlex.quote(str(clone))
    for name, module in (("python", ""), ("reid", "-m reid.cli ")):
        script = f'#!/bin/sh\nPYTHONPATH={place} exec {shlex.quote(python)} {module}"$@"\n'
        (bin_folder / name).write_text(script)
        (bin_folder / name).chmod(0o755)
    (clone / INSTALLED).touch()


def run(clone: Path, command: str, log: Path) -> float:
    """Give a command in the clone as a person does who has its environment in use; seconds that it took.

    Raises:
        SystemExit: It failed; says the end of what it said.
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment["PATH"] = f"{clone / '.venv' / 'bin'}{os.pathsep}{environment['PATH']}"
    began = time.monotonic()
    with log.open("ab") as said:
        code = subprocess.run(shlex.split(command), cwd=clone, env=environment, stdout=said, stderr=said, check=False)
    if code.returncode:
        raise SystemExit(f"`{command}` ended with {code.returncode}: {log.read_text(errors='replace')[-2000:]}")
    return time.monotonic() - began


def found_by(clone: Path) -> dict[str, Any]:
    """What the steps came to, out of the files that they left."""
    census = json.loads((clone / "runs/jaguars/census.json").read_text(encoding="utf-8"))
    judged = json.loads((clone / "runs/judged/metrics.json").read_text(encoding="utf-8"))
    return {"census": census.get("individuals"), "judged": judged}


def bytes_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink() and path.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="empty, or not there yet; a temporary one by default")
    parser.add_argument("--source", default=str(ROOT), help="what to clone: an address, or a folder")
    parser.add_argument("--environment", help="a Python with everything installed, to be used instead of a new one")
    parser.add_argument("--until", choices=[name for name, *_ in STEPS], default=STEPS[-1][0], help="the last step")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="reid-stranger-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty; a stranger begins with an empty folder.")
    clone, log = folder.resolve() / "reid", folder.resolve() / "said.txt"
    rows = []

    def note(step: str, command: str, seconds: float) -> None:
        rows.append({"step": step, "command": command, "minutes": round(seconds / 60, 2)})
        print(f"{step:<10}{seconds / 60:>7.2f} min  {command}", flush=True)

    began = time.monotonic()
    subprocess.run(["git", "clone", "--quiet", given.source, str(clone)], check=True)
    note("clone", "git clone URL reid", time.monotonic() - began)
    if given.environment:
        borrow(clone, given.environment)
    for name, page, made, pattern in STEPS:
        command = command_of(clone, page, pattern)
        if not (given.environment and name == "install"):
            note(name, command, run(clone, command, log))
        if not (clone / made).exists():
            raise SystemExit(f"`{command}` left no {made}.")
        if name == given.until:
            break
    result = {
        "minutes": round(sum(row["minutes"] for row in rows), 2),
        "steps": rows,
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, {platform.system()}",
        "commit": subprocess.run(["git", "-C", str(clone), "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip(),
        "environment": "borrowed" if given.environment else f"new, {bytes_of(clone / '.venv') / 2**30:.1f} GB",
        "came to": found_by(clone) if given.until == STEPS[-1][0] else None,
    }  # fmt: skip
    print(f"{result['minutes']:.2f} minutes in all; everything lies in {clone}")
    out = given.out or (None if given.environment else RESULT)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

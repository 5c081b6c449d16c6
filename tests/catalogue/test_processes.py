"""Several processes, and processes that die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from catalogue_makers import dump, identities, record

from reid.catalogue import Catalogue

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

MANY = {f"e{i:03d}": [f"c{i:03d}-{j}" for j in range(3)] for i in range(40)}
SAID = {encounter: "?" if i % 4 == 0 else f"new-{i % 9}" for i, encounter in enumerate(MANY)}
CHANGED = {encounter: [*crop_ids[1:], "x" + crop_ids[0]] for encounter, crop_ids in MANY.items()}
SAID_THEN = {**SAID, "e000": "new-8", "e001": "?"}

# Records again, with changes, and is killed at statement number `at`; counts the statements if that is 0.
DIES = """
import os, signal, sys
from catalogue_makers import record
from test_processes import CHANGED, SAID_THEN
from reid.catalogue import Catalogue

path, at = sys.argv[1], int(sys.argv[2])
count = 0
def trace(statement):
    global count
    count += 1
    if count == at:
        os.kill(os.getpid(), signal.SIGKILL)
with Catalogue(path) as catalogue:
    catalogue._connection.execute("PRAGMA cache_size = 5")  # pages reach the file before the end
    catalogue._connection.set_trace_callback(trace)
    record(catalogue, "r1", CHANGED, SAID_THEN)
print(count)
"""

NAMES = """
import json, sys
from catalogue_makers import record
from reid.catalogue import Catalogue

with Catalogue(sys.argv[1]) as catalogue:
    sys.stdin.readline()
    for i in range(8):
        found = {"e1": [f"{i}"], "e2": [f"{i}b"]}
        names = record(catalogue, f"{sys.argv[2]}-{i}", found, {"e1": "new-1", "e2": "new-2"})
        print(json.dumps(names))
"""


def start(script: str, *args: object) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, args)],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_recording_leaves_the_former_state(tmp_path):
    first = tmp_path / "first.sqlite"
    with Catalogue(first) as catalogue:
        record(catalogue, "r1", MANY, SAID)
        catalogue.rename("ind-001", "Bella", "Anna")
        catalogue.decide("r1", "e002", "Bella", "Anna")
        before = dump(catalogue)

    def copy(name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(first.read_bytes())
        return path

    whole = start(DIES, copy("whole.sqlite"), 0)
    total = int(whole.communicate(timeout=120)[0])
    with Catalogue(tmp_path / "whole.sqlite") as catalogue:
        wanted, names = dump(catalogue), identities(catalogue, "r1")
    assert len(wanted) > len(before) + 100 and names["e002"] == "Bella"

    points = [total // 4, total // 2, total - 1, total]  # the last statement is the COMMIT
    paths = [copy(f"{at}.sqlite") for at in points]
    killed = [start(DIES, path, at) for path, at in zip(paths, points, strict=True)]
    journals = 0
    for process, path in zip(killed, paths, strict=True):
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        journal = path.with_name(path.name + "-journal")
        journals += journal.exists() and journal.stat().st_size > 0
        with Catalogue(path, create=False) as catalogue:
            assert dump(catalogue) == before
            assert catalogue._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert not catalogue._connection.execute("PRAGMA foreign_key_check").fetchall()
            # Started again, it ends as if nothing had happened.
            record(catalogue, "r1", CHANGED, SAID_THEN)
            assert identities(catalogue, "r1") == names
    assert journals == len(points)  # each was killed while its changes were half in the file


@pytest.mark.slow
def test_processes_that_name_individuals_at_once_give_each_number_once(tmp_path):
    path = tmp_path / "a.sqlite"  # not there yet: they make it at once, too
    processes = [start(NAMES, path, name) for name in ("one", "two", "three")]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    given = [name for out in outputs for line in out.splitlines() for name in json.loads(line).values()]
    assert sorted(given) == [f"ind-{i:03d}" for i in range(1, 49)]
    with Catalogue(path) as catalogue:
        assert catalogue.individuals()["identity"].tolist() == sorted(given)
        assert catalogue.last_event == 24

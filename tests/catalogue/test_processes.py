"""Several processes, and processes that die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
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
    logs = 0
    for process, path in zip(killed, paths, strict=True):
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        log = path.with_name(path.name + "-wal")
        logs += log.exists() and log.stat().st_size > 0
        with Catalogue(path, create=False) as catalogue:
            assert dump(catalogue) == before
            assert catalogue._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert not catalogue._connection.execute("PRAGMA foreign_key_check").fetchall()
            # Started again, it ends as if nothing had happened.
            record(catalogue, "r1", CHANGED, SAID_THEN)
            assert identities(catalogue, "r1") == names
    assert logs == len(points)  # each was killed while its changes were half on the disk


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


# Edits without end, and says of each that it is done.
EDITS = """
import itertools, sys
from reid.catalogue import open_catalogue

with open_catalogue(sys.argv[1], by=sys.argv[2]) as catalogue:
    print("ready", flush=True)
    for i in itertools.count():
        name = catalogue.move("r1:c001-0", "new", reason=f"{sys.argv[2]} {i}")
        print(catalogue.revision, flush=True)
        catalogue.merge("ind-002", name)
        print(catalogue.revision, flush=True)
        catalogue.rename("ind-002", f"{sys.argv[2]} {catalogue.revision}")
        print(catalogue.revision, flush=True)
        catalogue.undo()
        print(catalogue.revision, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_kills_between_and_during_edits_lose_nothing_that_was_done(tmp_path):
    path = tmp_path / "a.sqlite"
    with Catalogue(path) as catalogue:
        record(catalogue, "r1", MANY, SAID)
    last = 1
    for seconds in (0.0, 0.05, 0.3):
        process = start(EDITS, path, "Anna")
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        said = [int(process.stdout.readline()) for _ in range(5)]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.communicate(timeout=120)[0].splitlines() if line.strip()]
        assert process.returncode == -signal.SIGKILL
        with Catalogue(path, create=False) as catalogue:
            # Everything it said was done is there, and at most the one that it was about to say.
            assert said[0] == last + 1 and catalogue.last_event in (said[-1], said[-1] + 1)
            last = catalogue.last_event
            assert catalogue.check().problems == ()
            assert catalogue.history()["event"].max() == last


# Renames one animal again and again, each time on what it saw; says what it did and what was refused.
RIVALS = """
import sys
from reid.catalogue import LostUpdateError, open_catalogue

with open_catalogue(sys.argv[1], by=sys.argv[2]) as catalogue:
    sys.stdin.readline()
    done = lost = 0
    while done < 15:
        seen, revision = catalogue.resolve("1"), catalogue.revision
        try:
            catalogue.rename(seen, f"{sys.argv[2]} {done}", reason=seen, revision=revision)
            done += 1
        except LostUpdateError:
            lost += 1
print(lost)
"""


@pytest.mark.slow
def test_no_update_of_rivals_is_lost(tmp_path):
    path = tmp_path / "a.sqlite"
    with Catalogue(path) as catalogue:
        record(catalogue, "r1", MANY, SAID)
    rivals = [start(RIVALS, path, name) for name in ("Anna", "Bo")]
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.write("go\n")
        rival.stdin.flush()
    lost = [int(rival.communicate(timeout=300)[0]) for rival in rivals]
    with Catalogue(path) as catalogue:
        frame = catalogue.history("1").query("what == 'renamed'")
        assert len(frame) == 30 and catalogue.last_event == 31
        # Each was based on the one before it: what its author saw is what it replaced.
        assert frame["before"].tolist() == frame["reason"].tolist()
        assert frame["before"].tolist() == ["ind-001", *frame["after"].tolist()[:-1]]
        assert catalogue.check().problems == ()
    assert min(lost) >= 0


def test_a_reader_is_not_kept_waiting_and_sees_one_state(tmp_path):
    path = tmp_path / "a.sqlite"
    with Catalogue(path, by="Anna") as writer, Catalogue(path) as reader:
        record(writer, "r1", MANY, SAID)
        with writer._writing() as connection:
            connection.execute("INSERT INTO event (at, who, kind) VALUES ('', 'Anna', 'x')")
            began = time.monotonic()
            assert reader.last_event == 1 and len(reader.individuals()) == 9
            assert time.monotonic() - began < 5
        with reader._reading() as connection:
            assert connection.execute("SELECT max(event) FROM event").fetchone() == (2,)
            writer.rename("ind-001", "Bella")
            assert connection.execute("SELECT max(event) FROM event").fetchone() == (2,)
        assert reader.resolve("1") == "Bella"


def test_threads_share_one_catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        record(catalogue, "r1", MANY, SAID)

        def work(number: int) -> int:
            for i in range(4):
                catalogue.rename(str(number), f"{number}-{i}")
                assert catalogue.find(text=f"{number}-{i}").total == 1
            return number

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(work, range(1, 9))) == list(range(1, 9))
        assert catalogue.last_event == 33
        assert catalogue.check().problems == ()

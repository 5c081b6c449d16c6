"""Runs that their machine lets down keep the work done, resume the rest, and say what happened."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from reid.errors import InputError, MachineError, OutputError
from reid.machine import in_words, refusal
from reid.store import open_run

ROOT = Path(__file__).resolve().parents[2]


def bench(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", ROOT / "benchmarks" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked")
def test_every_long_verb_under_every_fault(tmp_path: Path) -> None:
    """One kill of each verb, each other fault once on the quickest; `benchmarks/faults.py` tries many."""
    trials = [
        ["--kills", "1", "--faults", "kills"],
        ["--only", "embed", "--times", "1", "--faults", "full disk", "folder fixed", "photos vanish", "two at once"],
    ]
    for number, words in enumerate(trials):
        found = tmp_path / f"{number}.json"
        command = [sys.executable, str(ROOT / "benchmarks" / "faults.py"), *words, "--work", str(tmp_path / f"{number}"), "--json", str(found)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stdout + done.stderr
        rows = json.loads(found.read_text())
        assert all(outcome["lost"] == 0 for faults in rows.values() for outcome in faults.values())
    rows = json.loads((tmp_path / "0.json").read_text())
    assert {"census", "embed", "detect", "train", "export", "match", "review"} <= set(rows)
    assert all(rows[verb]["kills"]["tried"] >= 1 for verb in rows)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError, "is full"),
        (RuntimeError("write error: No space left on device"), OutputError, "is full"),
        (OSError(errno.EROFS, "Read-only file system", "/a/b"), OutputError, "/a/b cannot be written: read-only file system"),
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), OutputError, "/a/b cannot be written: permission denied"),
        (OSError(errno.EIO, "Input/output error"), OutputError, "failed: input/output error"),
        (OSError(errno.EMFILE, "Too many open files"), MachineError, "ulimit -n"),
        (MemoryError(), MachineError, "memory of this machine is used up"),
    ],
)  # fmt: skip
def test_what_the_machine_refuses_is_said_in_words(
    error: Exception, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match="same command") as said, in_words(tmp_path):
        raise error
    assert words in str(said.value)


def test_a_defect_stays_a_defect(tmp_path: Path) -> None:
    assert refusal(ValueError("x"), tmp_path) is None
    assert refusal(FileNotFoundError(errno.ENOENT, "No such file"), tmp_path) is None
    with pytest.raises(InputError, match="own words"), in_words(tmp_path):
        raise InputError("own words")
    with pytest.raises(RuntimeError, match="ours"), in_words(tmp_path):
        raise RuntimeError("ours")


def test_a_folder_that_was_removed_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="was removed while the run went on"), in_words(tmp_path / "gone"):
        raise FileNotFoundError(errno.ENOENT, "No such file", str(tmp_path / "gone" / "a"))


def test_a_folder_that_cannot_be_claimed_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="is full"):
        patch.setattr("reid.store.write_json", full)
        open_run(tmp_path / "run", {"verb": "census"})
    open_run(tmp_path / "run", {"verb": "census"}).release()


def test_the_command_line_says_it_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from reid import cli

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", "park.sqlite")

    monkeypatch.setattr(cli, "run_verb", full)
    assert cli.main(["census"]) == 2
    assert capsys.readouterr().err.startswith("reid: the disk that holds park.sqlite is full. What was done is kept")


def test_some_seasons_leave_nothing_behind(tmp_path: Path) -> None:
    soak = bench("soak")
    rows = soak.soak(16, tmp_path, 4)
    assert len({row["handles"] for row in rows[1:]}) == 1
    assert rows[-1]["memory_mb"] - rows[1]["memory_mb"] < 8

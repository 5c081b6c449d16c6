"""`reid review` from the command line."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from review_makers import Made

from reid.catalogue import Catalogue
from reid.cli import main
from reid.errors import ConfigError
from reid.review import ReviewSettings
from reid.verbs.review import ReviewConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.name != "posix", reason="stops the page with SIGINT")
def test_it_serves_until_it_is_stopped(made: Made) -> None:
    words = [f"catalogue={made.file}", f"census={made.census}", "browser=false", "by=Anna"]
    process = subprocess.Popen(
        [sys.executable, "-m", "reid.cli", "review", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        address = process.stdout.readline().removeprefix("Review: ").strip()
        home, _, token = address.partition("/enter?token=")
        connection = http.client.HTTPConnection(home.removeprefix("http://"), timeout=30)
        connection.request("GET", f"/enter?token={token}")
        answer = connection.getresponse()
        assert answer.status == 200 and token
        cookie = answer.getheader("set-cookie").partition(";")[0]
        answer.read()
        connection.request("GET", "/individuals", headers={"cookie": cookie})
        assert b"1 individual" in connection.getresponse().read()
        connection.close()
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in err
    assert out.rstrip().endswith(f"Nothing was changed in {made.file}.")


def test_mistakes_are_told_in_a_line(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.sqlite"
    Catalogue(other).close()
    for words, message in [
        (["catalogue=nowhere.sqlite"], "no catalogue at nowhere.sqlite"),
        ([f"catalogue={made.file}", "census=nowhere"], "no such folder"),
        ([f"catalogue={made.file}", f"census={made.root}"], "no folder of a finished census"),
        ([f"catalogue={other}", f"census={made.census}"], "does not hold the census"),
        ([f"catalogue={made.file}", f"census=[{made.census},{made.census}]"], "name each season once"),
        ([f"catalogue={made.file}", f"census={made.census}", "photos=nowhere"], "photos=nowhere: no such folder"),
        ([f"catalogue={made.file}", "port=99999"], "port=99999"),
        ([f"catalogue={made.file}", "reviewer=0.4"], "reviewer=0.4"),
        ([f"catalogue={made.file}", "by=reid 3"], "signs as the program"),
    ]:
        assert main(["review", *words, "browser=false"]) == 2
        line = capsys.readouterr().err
        assert message in line and line.count("\n") == 1, words


def test_settings() -> None:
    assert ReviewConfig("a", ["b", "c"]).folders == ["b", "c"] and ReviewConfig("a", "b").folders == ["b"]
    with pytest.raises(ConfigError, match="draws=0"):
        ReviewSettings(draws=0)

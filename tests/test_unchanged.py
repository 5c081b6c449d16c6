"""A command said again only looks whether anything has changed; whatever could matter makes it work anew."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reid import cli
from reid.folders import looks
from reid.unchanged import FINISHED, keep, outputs, rests_on

VISITS = [("north", 10, [1]), ("north", 300, [2]), ("south", 700, [1])]
STANDS = "Nothing has changed"


@pytest.fixture
def ran(make_season: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    season = make_season(tmp_path / "photos", VISITS)
    monkeypatch.chdir(tmp_path)
    words = [f"photos={season}", "output=out", f"scan.stations={tmp_path / 'stations.csv'}"]
    (tmp_path / "stations.csv").write_text("camera,location\nnorth,N\nsouth,S\n")
    assert STANDS not in cli.run_verb("scan", words)
    return words


def test_the_same_command_does_nothing(ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = looks(tmp_path / "out")
    monkeypatch.setattr(cli, "import_verb", None)  # nothing heavy is even loaded
    said = cli.run_verb("scan", ran)
    assert STANDS in said
    assert "3 photos of 2 cameras" in said
    assert looks(tmp_path / "out") == before


def rewritten(path: Path) -> None:
    """Other bytes of the same length, with the time of the old ones."""
    found = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda at: (at / "photos" / "new.jpg").write_bytes(b"x"), id="a new photo"),
        pytest.param(lambda at: (at / "photos" / "north" / "20150601_001000.jpg").unlink(), id="a photo gone"),
        pytest.param(lambda at: rewritten(at / "photos" / "north" / "20150601_001000.jpg"), id="a photo's bytes"),
        pytest.param(lambda at: (at / "photos" / "north").rename(at / "photos" / "west"), id="a folder's name"),
        pytest.param(lambda at: (at / "stations.csv").write_text("camera,location\nnorth,N\nsouth,N\n"), id="stations"),
        pytest.param(lambda at: (at / "out" / "photos.csv").unlink(), id="a result gone"),
        pytest.param(lambda at: (at / "out" / "photos.csv").write_text("mine"), id="a result's bytes"),
        pytest.param(lambda at: (at / "out" / FINISHED).write_text("half a"), id="a damaged note"),
    ],
)
def test_what_could_matter_makes_it_work_anew(change: Callable[[Path], None], ran: list[str], tmp_path: Path) -> None:
    change(tmp_path)
    try:
        assert STANDS not in cli.run_verb("scan", ran)
    except cli.ReidError as error:  # a camera that the stations do not name
        assert "west" in str(error)


def test_other_words_another_folder_and_another_program_work_anew(
    ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert STANDS not in cli.run_verb("scan", [*ran, "scan.sequence_gap_s=30"])
    assert STANDS not in cli.run_verb("scan", ran)
    assert STANDS in cli.run_verb("scan", ran)
    monkeypatch.setattr("reid.unchanged._program", lambda: "another")
    assert STANDS not in cli.run_verb("scan", ran)
    shutil.copytree(tmp_path / "out", tmp_path / "elsewhere" / "out")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert STANDS not in cli.run_verb("scan", ran)


def test_a_run_that_fails_leaves_no_note(ran: list[str], tmp_path: Path) -> None:
    (tmp_path / "stations.csv").write_text("nonsense\n")
    with pytest.raises(cli.ReidError):
        cli.run_verb("scan", ran)
    assert not (tmp_path / "out" / FINISHED).exists()


def test_settings_from_a_file_are_never_taken_for_known(tmp_path: Path) -> None:
    assert outputs(["config=a.yaml", "output=out"]) is None
    assert outputs(["output='a b'"]) == Path("a b")
    assert outputs(["photos=x"]) is None


@dataclass
class Embed:
    input: str
    output: str = "out"


def test_photos_out_of_sight_are_never_taken_for_unchanged(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,identity\na.jpg,x\n")
    assert rests_on(Embed(str(tmp_path / "labels.csv"))) == {}
    assert rests_on(Embed("s3://park/season")) == {}
    assert list(rests_on(Embed(str(tmp_path)))) == [str(tmp_path)]
    (tmp_path / "out").mkdir()
    keep("embed", [f"output={tmp_path / 'out'}"], {}, "done")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_census_rests_on_its_catalogue(make_season: Callable[..., Path], tmp_path: Path) -> None:
    import reid

    season = make_season(tmp_path / "photos", VISITS)
    words = [f"photos={season}", f"output={tmp_path / 'out'}", f"detections={season / 'detections.json'}"]
    words += ["matcher=sift", "decision.needs_flank=false", "count.draws=50", f"catalogue={tmp_path / 'park.sqlite'}"]
    first = cli.run_verb("census", words)
    assert "Took " in first
    assert cli.run_verb("census", words).startswith(first)
    stages = [row["stage"] for row in json.loads((tmp_path / "out" / "profile.json").read_text())["stages"]]
    assert stages == ["scan", "detect", "embed", "match", "decide", "report"]
    with reid.Catalogue(tmp_path / "park.sqlite") as catalogue:
        catalogue.rename(catalogue.individuals()["identity"].iloc[0], "Narva", by="someone")
    again = cli.run_verb("census", words)
    assert STANDS not in again
    assert "Narva" in (tmp_path / "out" / "sightings.csv").read_text()
    assert STANDS in cli.run_verb("census", words)

"""`reid catalogue` from the command line: each action does what it says and says what it did."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from catalogue_makers import crops, decisions, record, vector

from reid.catalogue import Catalogue
from reid.cli import main
from reid.errors import ConfigError
from reid.tables import CROPS
from reid.verbs.catalogue import ACTIONS, run
from reid.verbs.catalogue_care import kept_crops


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.sqlite"
    with Catalogue(path) as catalogue:
        record(catalogue, "r1", {"e1": ["a", "b"], "e2": ["c"], "e3": ["d"]}, {"e1": "new-1", "e2": "new-2", "e3": "?"})
        record(catalogue, "r2", {"e1": ["f"]}, {"e1": "ind-001"})
    return str(path)


def opened(file: str) -> Catalogue:
    return Catalogue(file, create=False)


def test_lists(file):
    assert "ind-002" in run(["list", file]) and "ind-002" not in run(["list", file, "season=r2"])
    assert run(["list", file, "sex=male"]) == "No individual is like that."
    assert "r1:d" in run(["unknown", file]) and "sighting" in run(["unknown", file, "flank=right"])
    shown = run(["show", file, "2"])
    assert "ind-002" in shown and "r1:c" in shown and "created" in shown
    assert "recorded" in run(["history", file]) and "recorded" not in run(["history", file, "1"])
    assert "photos" in run(["runs", file])
    assert run(["changes", file]) == "No recording would change an earlier season."
    with opened(file) as catalogue:
        record(
            catalogue, "r1", {"e1": ["a", "b"], "e2": ["c"], "e3": ["d"]}, {"e1": "new-1", "e2": "?", "e3": "ind-001"}
        )
    assert "Nothing of this is done" in run(["changes", file])


def test_long_listings_have_pages(tmp_path):
    path = tmp_path / "b.sqlite"
    with Catalogue(path) as catalogue:
        found = {f"e{i}": [f"c{i}"] for i in range(101)}
        record(catalogue, "r1", found, {e: f"new-{e}" for e in found})
    assert "page 1 of 2, 101 in all; page=2 shows the next" in run(["list", str(path)])
    assert "ind-101" in run(["list", str(path), "page=2"])


def test_every_edit_is_done_signed_and_told(file):
    edits = [
        (["rename", "ind-001", "Bella Luna"], "ind-001 is now Bella Luna."),
        (["alias", "1", "F=12"], "F=12 finds Bella Luna now."),
        (["move", "2", "r1:e3"], "They are ind-002 now."),
        (["flank", "left", "r1:d"], "1 sightings show the left flank now."),
        (["sex", "2", "male"], "The sex of 2 is male now."),
        (["age", "2", "cub"], "The age of 2 is cub now."),
        (["note", "2", "a torn ear"], "Noted, as event 9."),
        (["tag", "2", "collared"], "2 has the tag collared now."),
        (["untag", "2", "collared"], "2 has the tag collared no more."),
        (["split", "2", "r1:d"], "They are ind-003 now."),
        (["part", "1", "right"], "The right flank is ind-004 now."),
        (["join", "3", "4"], "Both flanks are ind-003 now."),
        (["merge", "F=12", "3"], "3 and F=12 are one individual now, Bella Luna."),
        (["unusable", "r1:d"], "1 sightings are marked unusable now."),
        (["usable", "r1:d"], "1 sightings are marked usable now."),
        (["answer", "r1:c", "r1:a", "not sure"], "Kept, as event 18."),
        (["undo"], "Event 18 (answered by Bo) was taken back."),
        (["undo", "15"], "Event 15 (merged by Bo) was taken back."),
    ]
    for number, ((action, *words), told) in enumerate(edits, 3):
        assert run([action, file, *words, "by=Bo"]) == told
        with opened(file) as catalogue:
            assert catalogue.last_event == number
            assert set(catalogue.history().query("event == @number")["by"]) == {"Bo"}
            assert catalogue.check().problems == ()
    run(["rename", file, "2", "Kito", "why=an old friend", "revision=20"])
    with opened(file) as catalogue:
        assert catalogue.history()["reason"].tolist()[-1] == "an old friend"


def test_changes_are_accepted_and_dismissed(file):
    with opened(file) as catalogue:
        record(catalogue, "r1", {"e1": ["a", "b"], "e2": ["c"], "e3": ["d"]}, {"e1": "new-1", "e2": "?", "e3": "new-1"})
        first, second = catalogue.changes()["change"]
    assert run(["accept", file, str(first)]) == "1 changes were made."
    assert "person's decision now" in run(["dismiss", file, str(second), "by=Bo", "why=looked"])


def test_care(file, tmp_path):
    assert run(["check", file]).startswith("The catalogue is sound.")
    assert "with 5 pictures" in run(["backup", file, str(tmp_path / "b.sqlite")])
    assert "with 0 pictures" in run(["backup", file, str(tmp_path / "c.sqlite"), "pictures=false"])
    rows = run(["export", file, str(tmp_path / "a.jsonl")]).split()[0]
    assert run(["import", str(tmp_path / "a.jsonl"), str(tmp_path / "d.sqlite")]).startswith(f"{rows} rows")
    assert run(["list", str(tmp_path / "d.sqlite")]) == run(["list", file])
    with opened(file) as catalogue:
        catalogue.decide("r1", "e3", "ind-002", "Anna")
    told = run(["labels", file, f"output={tmp_path / 'labels.csv'}"])
    assert told.startswith("1 sightings") and f"reid train data={tmp_path / 'labels.csv'}" in told


def test_a_catalogue_that_is_not_sound_is_told_with_the_exit_status(file, capsys):
    with opened(file) as catalogue:
        catalogue._connection.execute("DROP TRIGGER crop_update")
    assert main(["catalogue", "check", file]) == 2
    assert "is not sound: the trigger crop_update is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "an action is missing"),
        (["fly"], "'fly' is unknown"),
        (["list"], "write: reid catalogue list FILE"),
        (["list", "FILE", "more"], "Given were 2 words"),
        (["rename", "FILE", "a", "b", "c"], "quotes"),
        (["split", "FILE", "1"], "write: reid catalogue split FILE NAME RUN:WHAT..."),
        (["list", "nowhere.sqlite"], "no catalogue at nowhere.sqlite"),
        (["list", "FILE", "why=x"], "no setting 'why'"),
        (["list", "FILE", "certainty=high"], "no range"),
        (["list", "FILE", "page=x"], "no whole number"),
        (["list", "FILE", "sex=tom"], "none of female"),
        (["show", "FILE", "ind-9"], "no individual is called 'ind-9'"),
        (["sex", "FILE", "1", "tom"], "choose one of"),
        (["undo", "FILE", "-1"], "no whole number"),
        (["undo", "FILE", "77"], "no event 77"),
        (["rename", "FILE", "1", "x", "revision=99"], "none of this catalogue's"),
        (["rename", "FILE", "1", "x", "by= "], "signed"),
        (["accept", "FILE", "1"], "is waiting"),
        (["labels", "FILE"], "output=labels.csv"),
        (["embed", "FILE"], "model=runs/train"),
        (["backup", "FILE", "b.sqlite", "pictures=maybe"], "true or false"),
        (["import", "nowhere.jsonl", "b.sqlite"], "no file at"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(file, capsys, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    assert main(["catalogue", *(file if word == "FILE" else word for word in words)]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    with opened(file) as catalogue:
        assert catalogue.last_event == 2


def test_help_names_every_action(capsys):
    assert main(["catalogue", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"reid catalogue {name} " in text for name in ACTIONS)
    with pytest.raises(ConfigError, match=", ".join(sorted(ACTIONS))):
        run(["fly"])


def test_hostile_names_are_shown_harmless(file):
    run(["rename", file, "1", "\u202e<b>" + "x" * 290])
    shown = run(["list", file])
    assert "\u202e" not in shown and max(map(len, shown.splitlines())) < 250


def test_kept_pictures_are_what_another_network_is_given(tmp_path):
    def picture(crop_id: str) -> bytes:
        return cv2.imencode(".jpg", np.full((20, 30, 3), 90, np.uint8))[1].tobytes()

    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        frame = crops({"e1": ["a"], "e2": ["b"]})
        values = np.array([vector("a"), vector("b")])
        catalogue.record_run("r1", "p", frame, values, "net", decisions({"e1": "new-1", "e2": "?"}), picture, "reid 1")
        catalogue.set_flank(["r1:a"], "front")
        catalogue.picture("r1:b").unlink()
        table, missing = kept_crops(catalogue)
        catalogue.picture("r1:a").write_bytes(b"damaged")
        assert kept_crops(catalogue)[1] == 2
    assert missing == 1 and list(table.columns) == CROPS.names
    row = table.iloc[0]
    assert (row["crop_id"], row["orientation"], list(row["bbox"])) == ("r1:a", "front", [0, 0, 30, 20])
    assert (tmp_path / "a.sqlite.data" / row["path"]).is_file()

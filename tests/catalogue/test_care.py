"""Check, backup, export and import: damage is found, copies are whole, what goes out comes back equal."""

from __future__ import annotations

import base64
import json
import sqlite3
import threading

import pytest
from catalogue_makers import dump, record

from reid.catalogue import Catalogue
from reid.catalogue.exchange import BARE, PARTS
from reid.catalogue.layout import TABLES
from reid.errors import CatalogueError, FormatError, InputError, OutputError


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        record(catalogue, "r1", {"e1": ["a", "b"], "e2": ["c"]}, {"e1": "new-1", "e2": "new-2"})
        catalogue.rename("ind-001", "Бэлла \"<'&>")
        catalogue.merge("ind-002", "1")
        catalogue.undo(event=2)
        catalogue.undo(event=3)
        record(catalogue, "r2", {"e1": ["d", "f"]}, {"e1": "ind-001"})
        catalogue.move("r2:f", "new", reason='a, "b"\nc')
        catalogue.set_flank(["r2:f"], "left")
        catalogue.set_sex("ind-001", "male")
        catalogue.tag("x", sighting="r1:a")
        catalogue.note("y", sighting="r1:a")
        catalogue.answer("r1:a", "r1:c", "different", probability=0.1 + 0.2)
        record(catalogue, "r1", {"e1": ["a", "b"], "e2": ["c"]}, {"e1": "?", "e2": "ind-001"})
        catalogue.dismiss(catalogue.changes()["change"].tolist()[:1])
        catalogue.set_usable(["r1:c"], False)
        yield catalogue


def harm(catalogue: Catalogue, *statements: str) -> None:
    """Change rows as no program of ours can: the triggers are taken away first, and put back."""
    connection = catalogue._connection
    triggers = connection.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'").fetchall()
    connection.execute("PRAGMA foreign_keys = OFF")
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for _, sql in triggers:
        connection.execute(sql)


def test_a_sound_catalogue(catalogue):
    report = catalogue.check()
    assert report.sound and report.problems == ()
    assert report.notes == ("5 sightings of 2 runs, 3 individuals, 15 events",)
    picture = catalogue.picture("r1:a")
    assert picture is not None
    picture.unlink()
    assert catalogue.check().sound and "1 of 5 pictures are missing" in catalogue.check().notes[1]


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DELETE FROM decision WHERE encounter = 2"], "nothing says whose sighting 'r1:c' is"),
        (["UPDATE decision SET individual = 99 WHERE encounter = 1"], "refers to a row of individual"),
        (["UPDATE event SET undoes = 1 WHERE event = 4"], "individual that was undone"),
        (["INSERT INTO merging (event, keep, gone) VALUES (6, 1, 2), (6, 2, 1)"], "merged into itself"),
        (["INSERT INTO merging (event, keep, gone) VALUES (6, 1, 2), (6, 3, 2)"], "merged into two others"),
        (
            ["INSERT INTO naming (event, individual, before, after, folded) VALUES (6, 2, 'x', 'ind-001', 'ind-001')"],
            "'ind-001' belongs to two individuals",
        ),
        (["UPDATE event SET undoes = 5, kind = 'undo' WHERE event = 9"], "event '9' takes back an event"),
        (["UPDATE decision SET human = 0 WHERE event = 7"], "is a person's and signed by the program"),
        (["UPDATE vector SET data = x'00000000' WHERE vector = 1"], "another length"),
        (["UPDATE placing SET encounter = 1"], "crop of one run into an encounter of another"),
        (["DROP INDEX decision_encounter"], "index decision_encounter is missing"),
        (["CREATE TABLE more (x)"], "table more that is none of reid's"),
    ],
)
def test_harm_is_found(catalogue, statements, words):
    harm(catalogue, *statements)
    problems = catalogue.check().problems
    assert any(words in problem for problem in problems), problems


def test_a_missing_trigger_is_found(catalogue):
    catalogue._connection.execute("DROP TRIGGER event_update")
    assert catalogue.check().problems == ("the trigger event_update is missing from the file",)


def test_bytes_turned_over_are_found(catalogue):
    catalogue.close()
    data = bytearray(catalogue.path.read_bytes())
    for place in range(len(data) // 2, len(data), 977):
        data[place] ^= 0x5A
    catalogue.path.write_bytes(data)
    try:
        with Catalogue(catalogue.path, create=False) as again:
            assert not again.check().sound
    except CatalogueError as error:
        assert "Restore it from a copy" in str(error)


def test_a_backup_is_the_catalogue(catalogue, tmp_path):
    assert catalogue.backup(tmp_path / "copy.sqlite") == 5
    assert sorted(p.name for p in tmp_path.glob("copy*")) == ["copy.sqlite", "copy.sqlite.data"]
    with Catalogue(tmp_path / "copy.sqlite", create=False) as copy:
        assert dump(copy) == dump(catalogue) and copy.check().problems == ()
        assert copy.picture("r1:a").read_bytes() == b"picture of a"
        copy.rename("ind-001", "Bella", "Bo")
    catalogue.rename("ind-001", "Luna")
    assert catalogue.backup(tmp_path / "copy.sqlite") == 0  # over the former copy, pictures as they are
    with Catalogue(tmp_path / "copy.sqlite", create=False) as copy:
        assert copy.resolve("1") == "Luna"
    with pytest.raises(CatalogueError, match="the catalogue itself"):
        catalogue.backup(catalogue.path)
    with pytest.raises(OutputError, match="no folder"):
        catalogue.backup(tmp_path / "nowhere" / "copy.sqlite")
    with pytest.raises(OutputError, match="is a folder"):
        catalogue.backup(tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_a_backup_while_another_writes_is_one_state(tmp_path):
    path = tmp_path / "a.sqlite"
    with Catalogue(path, by="Anna") as catalogue:
        record(catalogue, "r1", {f"e{i}": [f"c{i}"] for i in range(30)}, {f"e{i}": f"new-{i}" for i in range(30)})
        done = threading.Event()

        def write() -> None:
            with Catalogue(path, by="Bo") as other:
                for i in range(1, 15):
                    other.merge("ind-030", f"ind-{i:03d}")
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        copies = 0
        while not done.is_set() or not copies:
            copies += 1
            catalogue.backup(tmp_path / f"copy{copies}.sqlite", pictures=False)
        thread.join()
    for number in range(1, copies + 1):
        with Catalogue(tmp_path / f"copy{number}.sqlite", create=False) as copy:
            assert copy.check().problems == ()
            assert len(copy.individuals()) == 31 - copy.last_event


def test_every_table_goes_out():
    assert {"event", *BARE, *PARTS} == set(TABLES)


def test_what_goes_out_comes_back_equal(catalogue, tmp_path):
    lines = tmp_path / "a.jsonl"
    count = catalogue.export(lines)
    assert Catalogue.load(lines, tmp_path / "b.sqlite") == count == len(lines.read_text().splitlines()) - 1
    with Catalogue(tmp_path / "b.sqlite", create=False, by="Anna") as again:
        assert sorted(dump(again)) == sorted(dump(catalogue))
        again.export(tmp_path / "b.jsonl")
        assert (tmp_path / "b.jsonl").read_bytes() == lines.read_bytes()
        # And goes on alike.
        for each in (again, catalogue):
            assert each.decide("r2", "e1", "new") == "ind-004"
            assert each.undo() == 16
    assert sorted(p.name for p in tmp_path.glob("b.sqlite*")) == ["b.sqlite"]


def test_any_program_can_read_it(catalogue, tmp_path):
    catalogue.export(tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[0]["format"] == "reid catalogue" and rows[0]["events"] == 15
    events = [row["event"] for row in rows if row.get("table") == "event"]
    assert events == list(range(1, 16))
    vector = next(row for row in rows if row.get("table") == "vector")
    assert len(base64.b64decode(vector["data"]["base64"])) == 4 * 8
    assert next(row["after"] for row in rows if row.get("table") == "naming") == "Бэлла \"<'&>"


def change(**values):
    return lambda row: {**row, **values}


@pytest.mark.parametrize(
    ("pick", "edit", "words"),
    [
        (lambda r: "format" in r, change(format="other"), "no exported catalogue"),
        (lambda r: "format" in r, change(version=99), "version 99"),
        (lambda r: "format" in r, change(events=99), "cut short"),
        (lambda r: r.get("table") == "event", change(who=""), "cannot hold this row"),
        (lambda r: r.get("table") == "crop", change(run=77), "cannot"),
        (lambda r: r.get("table") == "crop", change(table="sqlite_master"), "no row of a catalogue's table"),
        (lambda r: r.get("table") == "crop", change(table=["crop"]), "no row of a catalogue's table"),
        (lambda r: r.get("table") == "crop", change(**{"x) VALUES (1); --": 1}), "no row of a catalogue's table"),
        (lambda r: r.get("table") == "vector", change(data="text"), "cannot hold this row"),
        (lambda r: r.get("table") == "vector", change(data={"base64": "!"}), "cannot hold this row"),
        (lambda r: r.get("table") == "vector", change(data=[1]), "cannot hold this row"),
        (lambda r: r.get("table") == "decision", change(probability=7), "cannot hold this row"),
        (lambda r: r.get("table") == "decision", lambda r: None, "cannot hold|contradicts"),
        (lambda r: r.get("table") == "sighting", change(crop=10**30), "cannot hold this row"),
    ],
)
def test_what_is_no_whole_export_makes_no_catalogue(catalogue, tmp_path, pick, edit, words):
    catalogue.export(tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    place = next(i for i, row in enumerate(rows) if pick(row))
    rows[place] = edit(rows[place])
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(row) for row in rows if row is not None))
    with pytest.raises(FormatError, match=words) as caught:
        Catalogue.load(tmp_path / "c.jsonl", tmp_path / "c.sqlite")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("c.sqlite*"))


@pytest.mark.parametrize("text", [b"", b"\n", b"[1]\n", b"{}\n", b"\xff\xfe", b"path,identity\n", b"[" * 100_000])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "c.jsonl").write_bytes(text)
    with pytest.raises(FormatError):
        Catalogue.load(tmp_path / "c.jsonl", tmp_path / "c.sqlite")
    assert not list(tmp_path.glob("c.sqlite*"))


def test_an_import_replaces_nothing(catalogue, tmp_path):
    catalogue.export(tmp_path / "a.jsonl")
    with pytest.raises(CatalogueError, match="there already"):
        Catalogue.load(tmp_path / "a.jsonl", catalogue.path)
    with pytest.raises(InputError, match="no file"):
        Catalogue.load(tmp_path / "z.jsonl", tmp_path / "c.sqlite")
    with pytest.raises(CatalogueError, match="no folder"):
        Catalogue.load(tmp_path / "a.jsonl", tmp_path / "nowhere" / "c.sqlite")
    with pytest.raises(OutputError, match="no folder"):
        catalogue.export(tmp_path / "nowhere" / "a.jsonl")
    with pytest.raises(OutputError, match="is a folder"):
        catalogue.export(tmp_path)


# Rows that a person at a prompt, or another program, cannot write either; event 15 is the last one.
FORBIDDEN = {
    "an undo of an undo": "INSERT INTO event (at, who, kind, undoes) VALUES ('', 'Anna', 'undo', 4)",
    "an undo of what is undone": "INSERT INTO event (at, who, kind, undoes) VALUES ('', 'Anna', 'undo', 2)",
    "an undo under a decision": "INSERT INTO event (at, who, kind, undoes) VALUES ('', 'Anna', 'undo', 1)",
    "a row of an older event": "INSERT INTO naming (event, individual, before, after, folded) VALUES (6, 1, 'a', 'b', 'b')",
    "a decision for an individual that is gone": "INSERT INTO merging (event, keep, gone) VALUES (15, 1, 77)",
    "a merge of one with itself": "INSERT INTO merging (event, keep, gone) VALUES (15, 1, 1)",
    "a machine's word as a person's": "INSERT INTO decision (event, encounter, individual, kind, probability, reason, human) "
    "VALUES (15, 1, 1, 'known', 1, '', 0)",
    "a crop in another run's encounter": "INSERT INTO placing (event, crop, encounter) VALUES (15, 1, 3)",
    "a vector of another length": "INSERT INTO vector (event, crop, embedding, data) VALUES (15, 1, 1, x'00000000')",
    "an odd sex": "INSERT INTO trait (event, individual, kind, value) VALUES (15, 1, 'sex', 'adult')",
    "an odd age": "INSERT INTO trait (event, individual, kind, value) VALUES (15, 1, 'age', 'male')",
    "an odd trait": "INSERT INTO trait (event, individual, kind, value) VALUES (15, 1, 'size', 'male')",
    "a note on nothing": "INSERT INTO note (event, words) VALUES (15, 'x')",
    "a note on two things": "INSERT INTO note (event, individual, crop, words) VALUES (15, 1, 1, 'x')",
    "an empty note": "INSERT INTO note (event, individual, words) VALUES (15, 1, ' ')",
    "an odd answer": "INSERT INTO answer (event, query, candidate, said) VALUES (15, 1, 2, 'maybe')",
    "an answer about one crop": "INSERT INTO answer (event, query, candidate, said) VALUES (15, 1, 1, 'same')",
    "an answer about nothing": "INSERT INTO answer (event, query, said) VALUES (15, 1, 'same')",
    "an odd flank": "INSERT INTO facing (event, crop, orientation) VALUES (15, 1, 'top')",
    "an odd use": "INSERT INTO marking (event, crop, usable) VALUES (15, 1, 2)",
    "a proposal settled twice": "INSERT INTO settling (event, proposal, accepted) VALUES (15, 1, 1)",
    "a proposal of everything": "INSERT INTO proposal (event, encounter, individual, label, probability, reason) "
    "VALUES (15, 1, 1, 'new-1', 1, '')",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_wrong_states_cannot_be_written_by_anyone(catalogue, what):
    catalogue.close()
    connection = sqlite3.connect(catalogue.path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    before = list(connection.iterdump())
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(FORBIDDEN[what])
    assert list(connection.iterdump()) == before
    connection.close()


@pytest.mark.parametrize(
    "table", ["placing", "marking", "facing", "trait", "note", "tag", "answer", "settling", "merging"]
)
def test_what_is_a_persons_the_program_cannot_write(catalogue, table):
    connection = catalogue._connection
    values = {
        "placing": "(crop, encounter, event) VALUES (1, 1, 16)",
        "marking": "(crop, usable, event) VALUES (1, 1, 16)",
        "facing": "(crop, orientation, event) VALUES (1, 'left', 16)",
        "trait": "(individual, kind, value, event) VALUES (1, 'sex', 'male', 16)",
        "note": "(individual, words, event) VALUES (1, 'x', 16)",
        "tag": "(individual, name, folded, given, event) VALUES (1, 'x', 'x', 1, 16)",
        "answer": "(query, candidate, said, event) VALUES (1, 2, 'same', 16)",
        "settling": "(proposal, accepted, event) VALUES (2, 1, 16)",
        "merging": "(keep, gone, event) VALUES (1, 2, 16)",
    }
    for who, allowed in (("reid 9.9", False), ("Reid Smith", True)):
        connection.execute("BEGIN")
        connection.execute("INSERT INTO event (at, who, kind) VALUES ('', ?, 'x')", (who,))
        statement = f"INSERT INTO {table} {values[table]}"
        if allowed:
            connection.execute(statement)
        else:
            with pytest.raises(sqlite3.IntegrityError, match="a person's to say"):
                connection.execute(statement)
        connection.execute("ROLLBACK")

"""The file itself: what is refused at the door, and that its rows cannot be changed."""

from __future__ import annotations

import os
import sqlite3
import stat

import pytest
from catalogue_makers import dump, record

from reid.catalogue import Catalogue, schema
from reid.errors import CatalogueError

DECISION = "INSERT INTO decision (event, encounter, individual, kind, probability, reason, human) VALUES "


@pytest.fixture
def path(tmp_path):
    with Catalogue(tmp_path / "a.sqlite") as catalogue:
        record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, {"e1": "new-1", "e2": "?"})
        record(catalogue, "r1", {"e1": ["a"]}, {"e1": "new-1"})
        catalogue.rename("ind-001", "Bella", "Anna")
        catalogue.decide("r1", "e1", "new", "Anna")
        catalogue.merge("Bella", "ind-002", "Anna")
        # One of everything else.
        record(catalogue, "r2", {"e1": ["c", "d"]}, {"e1": "Bella"})
        catalogue.move("r2:c", "new", "Anna")
        catalogue.set_flank(["r2:c"], "right", "Anna")
        catalogue.set_usable(["r2:c"], False, "Anna")
        catalogue.set_sex("Bella", "female", "Anna")
        catalogue.note("a torn ear", "Bella", by="Anna")
        catalogue.tag("collared", "Bella", by="Anna")
        catalogue.answer("r2:c", "r2:d", "not sure", "Anna")
        record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, {"e1": "?", "e2": "Bella"})
        catalogue.accept(catalogue.changes()["change"].tolist(), "Anna")
    return tmp_path / "a.sqlite"


def test_a_catalogue_opens_again_with_all_it_held(path):
    with Catalogue(path, create=False) as catalogue:
        assert catalogue.individuals()["identity"].tolist() == ["Bella", "ind-003"]
        assert catalogue.last_event == 15


def test_the_file_says_what_it_is(path):
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA application_id").fetchone()[0].to_bytes(4, "big") == b"reid"
    assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def other_application(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (id)")
    connection.close()


def newer(path):
    Catalogue(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()


def truncated(path):
    with Catalogue(path) as catalogue:
        record(catalogue, "r1", {"e1": ["a"]}, {"e1": "new-1"})
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"path,identity\n" * 100), "not an SQLite file"),
        (lambda path: path.write_bytes(b"x"), "not an SQLite file"),
        (lambda path: path.mkdir(), "is a folder"),
        (other_application, "another program"),
        (newer, rf"newer reid \(schema {schema.VERSION + 1}, this one knows {schema.VERSION}\). Update reid"),
        (truncated, "damaged"),
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path, make, words):
    path = tmp_path / "b.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(CatalogueError, match=words) as caught, Catalogue(path) as catalogue:
        catalogue.individuals()
    assert "\n" not in str(caught.value) and "b.sqlite" in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_missing_file_is_made_only_when_asked(tmp_path):
    path = tmp_path / "b.sqlite"
    with pytest.raises(CatalogueError, match="no catalogue at"):
        Catalogue(path, create=False)
    assert not path.exists()
    with pytest.raises(CatalogueError, match="no folder"):
        Catalogue(tmp_path / "nowhere" / "b.sqlite")
    path.touch()
    with pytest.raises(CatalogueError, match="empty file"):
        Catalogue(path, create=False)
    with Catalogue(path) as catalogue:  # an empty file is as good as none
        assert catalogue.last_event == 0


def test_a_file_that_cannot_be_written_can_be_read(path):
    with Catalogue(path) as catalogue:
        # What SQLite answers for a read-only file too; the next test needs a user without all rights.
        catalogue._connection.execute("PRAGMA query_only = ON")
        assert len(catalogue.individuals()) == 2
        with pytest.raises(CatalogueError, match=r"cannot be written.*read-only"):
            catalogue.rename("Bella", "Luna", "Anna")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="file rights do not bind this user")
def test_a_read_only_file_is_refused_in_words(path):
    path.chmod(stat.S_IREAD)
    with Catalogue(path, create=False) as catalogue:
        assert len(catalogue.individuals()) == 2
        with pytest.raises(CatalogueError, match="read-only"):
            catalogue.rename("Bella", "Luna", "Anna")


def test_a_catalogue_in_use_is_waited_for_then_refused(path, monkeypatch):
    monkeypatch.setattr(schema, "WAIT_S", 0.2)
    with Catalogue(path) as catalogue:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert len(catalogue.individuals()) == 2  # reading goes on
        with pytest.raises(CatalogueError, match="in use"):
            catalogue.rename("Bella", "Luna", "Anna")
        other.execute("ROLLBACK")
        other.close()
        catalogue.rename("Bella", "Luna", "Anna")


def test_no_row_can_be_changed_or_deleted(path):
    connection = sqlite3.connect(path)
    tables = [
        row[0]
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    assert len(tables) == 20
    for table in tables:
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, table
        first = connection.execute(f"SELECT * FROM {table}").description[0][0]
        for statement in (f"UPDATE {table} SET {first} = {first}", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        DECISION + "(1, 99, 1, 'known', 1, '', 0)",
        DECISION + "(2, 1, 99, 'known', 1, '', 0)",
        DECISION + "(2, 1, NULL, 'known', 1, '', 0)",
        DECISION + "(2, 1, 1, 'unsure', 1, '', 0)",
        DECISION + "(2, 1, 1, 'known', 2, '', 0)",
        "INSERT INTO individual (event, run, number, name, folded) VALUES (1, 1, 1, 'x', 'x')",
        "INSERT INTO individual (event, run, number, name, folded) VALUES (1, 1, 9, 'ind-001', 'ind-001')",
        "INSERT INTO event (at, who, kind) VALUES ('', ' ', 'decide')",
        "INSERT INTO event (at, who, kind) VALUES ('', 'Anna', 'undo')",
        "INSERT INTO event (at, who, kind, undoes) VALUES ('', 'Anna', 'undo', 99)",
        "INSERT INTO merging (event, keep, gone) VALUES (1, 1, 1)",
        "INSERT INTO sighting (event, crop, withdrawn) VALUES (3, 1, 0)",
        "INSERT INTO run (run_id, photos) VALUES ('r1', '')",
        "INSERT INTO run (run_id, photos) VALUES ('a:b', '')",
    ],
)
def test_wrong_rows_are_impossible(path, statement):
    with Catalogue(path) as catalogue:
        before = dump(catalogue)
        with pytest.raises(sqlite3.IntegrityError):
            catalogue._connection.execute(statement)
        assert dump(catalogue) == before


def test_the_same_event_cannot_be_undone_twice(path):
    with Catalogue(path) as catalogue:
        catalogue.undo("Anna")
        with pytest.raises(sqlite3.IntegrityError):
            catalogue._connection.execute("INSERT INTO event (at, who, kind, undoes) VALUES ('', 'Anna', 'undo', 15)")

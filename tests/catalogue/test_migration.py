"""A file of the first version opens, holds what it held, and becomes a file like any other."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from catalogue_makers import identities, record

from reid.catalogue import Catalogue, schema

FILES = Path(__file__).parent / "files"


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "old.sqlite"
    path.write_bytes(gzip.decompress((FILES / "version1.sqlite.gz").read_bytes()))
    return path


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(frame.to_json(orient="records", date_format="iso", date_unit="us"))


def test_it_holds_what_the_first_version_said_of_it(old):
    # Written by the program of that version, about the same file.
    wanted = json.loads((FILES / "version1.json").read_text(encoding="utf-8"))
    with Catalogue(old, create=False) as catalogue:
        found: dict[str, Any] = {
            "individuals": plain(catalogue.individuals()),
            "sightings": plain(catalogue.sightings()),
            "runs": plain(catalogue.runs()),
            "history": plain(catalogue.history().query("what != 'embedded'")),
        }
        for name, rows in found.items():
            # Later versions say more, never less.
            assert [
                {key: row[key] for key in old_row} for row, old_row in zip(rows, wanted[name], strict=True)
            ] == wanted[name]
        for run in ("2018", "2019"):
            assert plain(catalogue.decisions(run)) == wanted["decisions"][run]
        assert catalogue.vectors()[1] == wanted["vectors"]
        assert (catalogue.fingerprint, catalogue.last_event) == (wanted["fingerprint"], wanted["last_event"])
        assert catalogue.check().problems == ()


def test_its_layout_is_that_of_a_new_file(old, tmp_path):
    Catalogue(old, create=False).close()
    Catalogue(tmp_path / "new.sqlite").close()
    layouts = []
    for path in (old, tmp_path / "new.sqlite"):
        connection = sqlite3.connect(path)
        layouts.append(connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall())
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()
    assert layouts[0] == layouts[1]


def test_it_can_be_worked_on_and_taken_back_to_the_start(old):
    with Catalogue(old, create=False, by="Anna") as catalogue:
        state = identities(catalogue, "2018")
        catalogue.merge("Bella", "Kito")
        catalogue.set_sex("Bella", "female")
        record(catalogue, "2018", {"e9": ["a"], "e2": ["c", "b"], "e7": ["d"]}, {"e9": "new-1", "e2": "?", "e7": "?"})
        assert identities(catalogue, "2018")["e9"] == "Bella"
        while catalogue.last_event > 11 and catalogue.undo() > 12:
            pass
        assert identities(catalogue, "2018") == state
        with pytest.raises(Exception, match="nothing to undo"):
            while True:
                catalogue.undo()
        assert len(catalogue.sightings()) == 0


def test_a_move_to_this_version_that_fails_leaves_the_file_as_it_was(old, monkeypatch):
    before = old.read_bytes()
    monkeypatch.setattr(schema, "STEPS", (schema.STEPS[0], schema.STEPS[1] + "CREATE TABLE run (again);\n"))
    with pytest.raises(Exception, match="already exists"):
        Catalogue(old, create=False)
    assert old.read_bytes() == before

"""Answers about two sightings: what follows at once, what recordings must respect, and the labels they become."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pandas as pd
import pytest
from catalogue_makers import MACHINE, crops, decisions, identities, record, vector

from reid.catalogue import Catalogue
from reid.catalogue.answers import verdicts
from reid.errors import CatalogueError
from reid.photos import read_labelled

FOUND = {"e1": ["a", "b"], "e2": ["c"], "e3": ["d"], "e4": ["e"]}
SAID = {"e1": "new-1", "e2": "new-1", "e3": "new-2", "e4": "?"}


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        record(catalogue, "r1", FOUND, SAID)
        record(catalogue, "r2", {"e1": ["g"], "e2": ["h"]}, {"e1": "ind-002", "e2": "?"})
        yield catalogue


def test_same(catalogue):
    catalogue.answer("r1:e", "r1:a", "same")  # nobody, and somebody
    assert identities(catalogue, "r1")["e4"] == "ind-001"
    catalogue.answer("r2:g", "r1:e", "same")  # two: the elder stays
    assert identities(catalogue, "r1") == dict.fromkeys(FOUND, "ind-001")
    catalogue.undo()
    assert identities(catalogue, "r1")["e3"] == "ind-002"
    record(catalogue, "r3", {"e1": ["x"], "e2": ["y"]}, {"e1": "?", "e2": "?"})
    catalogue.answer("r3:x", "r3:y", "same")  # nobody and nobody
    assert identities(catalogue, "r3") == {"e1": "ind-003", "e2": "ind-003"}
    catalogue.answer("r3:x", "r3:y", "same", by="Bo")  # said again, by another
    assert len(catalogue.labelled_pairs()) == 3


def test_same_is_a_persons_word_on_both_encounters(catalogue):
    catalogue.answer("r1:a", "r1:c", "same")
    record(catalogue, "r1", FOUND, {"e1": "new-1", "e2": "new-2", "e3": "?", "e4": "?"}, change_earlier=True)
    assert identities(catalogue, "r1") == {"e1": "ind-001", "e2": "ind-001", "e3": "unknown", "e4": "unknown"}


def test_two_of_one_photo_are_never_the_same(tmp_path):
    with Catalogue(tmp_path / "b.sqlite", by="Anna") as catalogue:
        frame = crops({"e1": ["a"], "e2": ["b"]}).assign(image_id="one.jpg@0")
        values = np.array([vector("a"), vector("b")])
        catalogue.record_run("r1", "p", frame, values, "net", decisions({"e1": "?", "e2": "?"}), None, MACHINE)
        with pytest.raises(CatalogueError, match=r"both stand in the photo 'one.jpg@0'"):
            catalogue.answer("r1:a", "r1:b", "same")
        assert catalogue.last_event == 1


def test_different(catalogue):
    catalogue.answer("r1:c", "r1:b", "different")
    assert identities(catalogue, "r1")["e2"] == "unknown" and identities(catalogue, "r1")["e1"] == "ind-001"
    catalogue.answer("r1:a", "r1:b", "different")  # of one burst
    assert identities(catalogue, "r1")["e1~2"] == "unknown"
    before = catalogue.sightings()
    catalogue.answer("r1:d", "r1:b", "different")  # were different anyhow
    pd.testing.assert_frame_equal(catalogue.sightings(), before)


@pytest.mark.parametrize("said", ["not sure", "other flank"])
def test_other_answers_change_nothing(catalogue, said):
    before = catalogue.sightings()
    catalogue.answer("r1:c", "r1:b", said, probability=0.4, model="net-1")
    pd.testing.assert_frame_equal(catalogue.sightings(), before)
    row = catalogue.labelled_pairs().iloc[0]
    assert (row["answer"], row["probability"], row["model"], row["by"]) == (said, 0.4, "net-1", "Anna")
    assert pd.isna(row["same"])


def test_bad_answers_are_refused(catalogue):
    for call, words in (
        (lambda: catalogue.answer("r1:c", "r1:b", "maybe"), "no answer"),
        (lambda: catalogue.answer("r1:c", "r1:c", "same"), "with itself"),
        (lambda: catalogue.answer("r1:c", None, "same"), "name the second"),
        (lambda: catalogue.answer("r1:c", "r1:b", "same", probability=1.5), "between 0 and 1"),
        (lambda: catalogue.answer("c", "r1:b", "same"), "RUN:CROP"),
        (lambda: catalogue.answer("r1:zz", "r1:b", "same"), "no sighting 'zz'"),
    ):
        with pytest.raises(CatalogueError, match=words):
            call()
    assert catalogue.last_event == 2


class TestRecordingsRespectThem:
    """What a person told apart no recording joins."""

    def test_two_encounters_of_one_run(self, catalogue):
        catalogue.answer("r1:d", "r1:e", "different")
        for _ in range(2):
            record(catalogue, "r1", FOUND, {**SAID, "e3": "new-2", "e4": "new-2"}, change_earlier=True)
            found = identities(catalogue, "r1")
            assert (found["e3"], found["e4"]) == ("ind-002", "unknown")
            assert catalogue.last_event <= 4  # the second time nothing is new
        assert "a person said" in catalogue.decisions("r1").set_index("encounter").loc["e4", "reason"]

    def test_with_an_individual_from_another_run(self, catalogue):
        catalogue.answer("r2:h", "r1:a", "different")
        record(catalogue, "r2", {"e1": ["g"], "e2": ["h"]}, {"e1": "ind-002", "e2": "ind-001"})
        assert identities(catalogue, "r2")["e2"] == "unknown"
        catalogue.undo()
        catalogue.answer("r1:a", "r2:h", "not sure")  # taken back by a later answer about the two
        record(catalogue, "r2", {"e1": ["g"], "e2": ["h"]}, {"e1": "ind-002", "e2": "ind-001"})
        assert identities(catalogue, "r2")["e2"] == "ind-001"

    def test_it_follows_the_photos_into_other_encounters(self, catalogue):
        catalogue.answer("r2:h", "r1:a", "different")
        record(catalogue, "r2", {"n7": ["h"], "n8": ["g"]}, {"n8": "ind-002", "n7": "ind-001"})
        assert identities(catalogue, "r2") == {"n7": "unknown", "n8": "ind-002"}

    def test_they_are_told_beforehand(self, catalogue):
        catalogue.answer("r2:h", "r1:a", "different")
        catalogue.answer("r2:h", "r2:g", "different")
        catalogue.answer("r1:d", "r1:e", "different")
        catalogue.answer("r1:d", "r2:g", "same")
        assert catalogue.told_apart("r2") == {frozenset(("e2", "ind-001")), frozenset(("e2", "e1"))}
        assert catalogue.told_apart("r1") == {frozenset(("e3", "e4"))}  # h is nobody: nothing to keep a from
        assert catalogue.told_same("r2") == {frozenset(("e1", "ind-002"))}
        assert catalogue.told_apart("r9") == set()

    def test_the_last_answer_about_two_counts_whoever_asked(self, catalogue):
        for said in ("same", "different"):
            catalogue.answer("r1:a", "r1:d", said)
        catalogue.answer("r1:d", "r1:a", "not sure", by="Bo")
        with catalogue._reading() as connection:
            assert [verdict.said for verdict in verdicts(connection)] == ["not sure"]


def picture(crop_id: str) -> bytes:
    pixels = np.full((20, 30, 3), sum(crop_id.encode()) % 200, np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def test_labels_are_read_as_any_labelled_table(tmp_path):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        frame = crops(FOUND, station="S,1")
        values = np.array([vector(c) for c in frame["crop_id"]])
        catalogue.record_run("r1", "p", frame, values, "net", decisions(SAID), picture, MACHINE)
        catalogue.rename("ind-001", 'Bella, "the 1st"')
        catalogue.answer("r1:a", "r1:c", "same", probability=0.7)
        catalogue.answer("r1:d", "r1:c", "different", probability=0.2, model="net")
        catalogue.answer("r1:b", None, "unusable")
        catalogue.decide("r1", "e4", "new")
        (tmp_path / "out").mkdir()
        path = catalogue.picture("r1:e")
        assert path is not None
        path.unlink()
        assert catalogue.write_labels(tmp_path / "out" / "labels.csv") == (2, 3, 1)
    # a and c were named by a person; b is of no use, e has no picture, d is the program's.
    table, problems = read_labelled(tmp_path / "out" / "labels.csv")
    assert len(problems) == 0
    assert table["identity"].tolist() == ['Bella, "the 1st"'] * 2
    assert table["sighting"].tolist() == ["r1:a", "r1:c"]
    assert table["encounter"].tolist() == ["r1:e1", "r1:e2"]
    assert table["orientation"].tolist() == ["left", "left"]
    assert table["station"].tolist() == ["S,1"] * 2
    assert table["date"].notna().all() and [list(box) for box in table["bbox"]] == [[0, 0, 30, 20]] * 2
    with (tmp_path / "out" / "labels.pairs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["query"], row["candidate"], row["same"], row["answer"]) for row in rows] == [
        ("r1:a", "r1:c", "1", "same"),
        ("r1:d", "r1:c", "0", "different"),
        ("r1:b", "", "", "unusable"),
    ]
    assert [row["probability"] for row in rows] == ["0.7", "0.2", ""]


def test_an_empty_catalogue_has_no_labels(tmp_path):
    with Catalogue(tmp_path / "a.sqlite") as catalogue:
        assert catalogue.write_labels(tmp_path / "labels.csv") == (0, 0, 0)
    assert (tmp_path / "labels.csv").read_text().startswith("path,identity,")

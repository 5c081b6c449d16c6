"""What people do: decide, merge, split, take back; and the history of it."""

from __future__ import annotations

import pytest
from catalogue_makers import identities, record

from reid.catalogue import Catalogue
from reid.errors import CatalogueError


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite") as catalogue:
        record(
            catalogue,
            "r1",
            {"e1": ["a"], "e2": ["b"], "e3": ["c"]},
            {"e1": "new-1", "e2": "new-2", "e3": "?"},
        )
        record(catalogue, "r2", {"e1": ["d"], "e2": ["f"]}, {"e1": "ind-001", "e2": "new-1"})
        yield catalogue


def test_a_person_decides(catalogue):
    assert catalogue.decide("r1", "e3", "IND-001", "Anna") == "ind-001"
    assert catalogue.decide("r1", "e2", None, "Anna") is None
    assert catalogue.decide("r2", "e1", "new", "Anna") == "ind-004"
    assert catalogue.decide("r2", "e2", "ind-002", "Anna") == "ind-002"
    assert identities(catalogue, "r1") == {"e1": "ind-001", "e2": "unknown", "e3": "ind-001"}
    frame = catalogue.decisions("r2")
    assert frame["identity"].tolist() == ["ind-004", "ind-002"]
    assert frame["decision"].tolist() == ["new", "known"]  # ind-002 was known before r2
    assert frame["reason"].tolist() == ["decided by Anna"] * 2


def test_merging_moves_all_encounters_and_a_later_animal_becomes_known(catalogue):
    catalogue.merge("ind-002", "ind-003", "Anna")
    assert catalogue.individuals()["identity"].tolist() == ["ind-001", "ind-002"]
    frame = catalogue.decisions("r2").set_index("encounter")
    assert frame.loc["e2", ["identity", "decision"]].tolist() == ["ind-002", "known"]
    with pytest.raises(CatalogueError, match="one individual already"):
        catalogue.merge("ind-003", "ind-002", "Anna")
    catalogue.merge("ind-001", "ind-003", "Anna")  # a chain
    assert catalogue.individuals()["encounters"].tolist() == [4]
    assert catalogue.undo("Anna") == 4
    assert catalogue.undo("Anna") == 3
    assert catalogue.individuals()["identity"].tolist() == ["ind-001", "ind-002", "ind-003"]


def test_splitting_what_was_merged_wrongly(catalogue):
    catalogue.merge("ind-001", "ind-002", "Anna")
    catalogue.merge("ind-001", "ind-003", "Anna")
    name = catalogue.split("ind-001", [("r1", "e2"), ("r2", "e1")], "Bo", "other spots")
    assert name == "ind-004"
    assert identities(catalogue, "r1") == {"e1": "ind-001", "e2": "ind-004", "e3": "unknown"}
    assert identities(catalogue, "r2") == {"e1": "ind-004", "e2": "ind-001"}
    for wrong in ([], [("r1", "e3")], [("r1", "e2"), ("r2", "e1")], [("r1", "e1"), ("r2", "e2")]):
        with pytest.raises(CatalogueError, match="to split 'ind-001' name some of its 2 encounters"):
            catalogue.split("ind-001", wrong, "Bo")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda c: c.decide("r9", "e1", None, "Anna"), "no run 'r9'; it has r1, r2"),
        (lambda c: c.decide("r1", "e9", None, "Anna"), "no encounter 'e9'"),
        (lambda c: c.decide("r1", "e1", "ind-9", "Anna"), "no individual is called 'ind-9'"),
        (lambda c: c.decide("r1", "e1", None, "reid 0.1"), "a person's"),
        (lambda c: c.decide("r1", "e1", None, ""), "signed"),
        (lambda c: c.merge("ind-001", "ind-9", "Anna"), "'ind-9'"),
        (lambda c: c.merge("ind-001", "IND-001", "Anna"), "one individual already"),
        (lambda c: c.rename("ind-001", "Bella", " "), "signed"),
        (lambda c: c.sightings("ind-9"), "'ind-9'"),
        (lambda c: c.history("ind-9"), "'ind-9'"),
        (
            lambda c: c.undo("Anna", event=1),
            r"event 1 \(record by reid 0.1\) cannot be taken back while these stand on it: 2 \(record",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(catalogue, what, words):
    with pytest.raises(CatalogueError, match=words):
        what(catalogue)
    assert catalogue.last_event == 2


def test_undoing_is_itself_kept_and_goes_back_to_the_start(catalogue):
    catalogue.rename("ind-001", "Bella", "Anna")
    assert catalogue.undo("Bo", event=3) == 3
    assert [catalogue.undo("Bo") for _ in range(2)] == [2, 1]
    assert len(catalogue.sightings()) == 0 and catalogue.fingerprint is None
    with pytest.raises(CatalogueError, match="nothing to undo"):
        catalogue.undo("Bo")
    frame = catalogue.history()
    assert frame.query("what == 'undone'")["before"].tolist() == ["event 3", "event 2", "event 1"]
    assert frame.groupby("event")["undone"].first().tolist() == [True, True, True, False, False, False]


def test_history_tells_who_did_what(catalogue):
    catalogue.rename("ind-001", "Bella", "Anna")
    catalogue.decide("r1", "e3", "Bella", "Bo", "same ear")
    catalogue.merge("Bella", "ind-002", "Anna")
    columns = ["by", "what", "run", "encounter", "before", "after", "reason"]
    frame = catalogue.history("Bella")
    rows = frame[columns].astype(object).where(frame[columns].notna(), None).to_numpy().tolist()
    spots = "by its spots"
    assert rows == [
        ["reid 0.1", "created", "r1", None, None, "ind-001", None],
        ["reid 0.1", "created", "r1", None, None, "ind-002", None],
        ["reid 0.1", "decided", "r1", "e1", None, "Bella", spots],
        ["reid 0.1", "decided", "r1", "e2", None, "ind-002", spots],
        ["reid 0.1", "decided", "r2", "e1", None, "Bella", spots],
        ["Anna", "renamed", None, None, "ind-001", "Bella", None],
        ["Bo", "decided", "r1", "e3", "unknown", "Bella", "same ear"],
        ["Anna", "merged", None, None, "ind-002", "Bella", None],
    ]
    assert not catalogue.history("ind-003")["after"].isin(["Bella"]).any()
    assert frame["at"].is_monotonic_increasing and frame["at"].str.endswith("Z").all()
    whole = catalogue.history()
    assert whole["event"].is_monotonic_increasing
    assert whole.query("what == 'recorded'")["after"].tolist() == ["3 crops", "2 crops"]

"""Recording runs: what is kept, that nothing changes the second time, and what happens to changed results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from catalogue_makers import DIMENSION, crops, decisions, dump, identities, record, vector

from reid import tables
from reid.catalogue import Catalogue
from reid.errors import CatalogueError, FingerprintError, TableError
from reid.tables import CROPS, DECISIONS

FOUND = {"e1": ["a", "b"], "e2": ["c"], "e3": ["d"], "e4": ["f"]}
SAID = {"e1": "new-1", "e2": "new-1", "e3": "?", "e4": "new-2"}


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite") as catalogue:
        yield catalogue


def test_an_empty_catalogue_has_empty_tables(catalogue):
    assert catalogue.fingerprint is None
    assert len(catalogue.individuals()) == len(catalogue.sightings()) == len(catalogue.runs()) == 0
    assert list(catalogue.decisions("r1").columns) == DECISIONS.names
    assert len(catalogue.history()) == 0
    values, keys = catalogue.vectors()
    assert values.shape == (0, 0) and values.dtype == np.float32 and keys == []
    assert catalogue.picture("r1:a") is None


def test_a_run_is_given_back_as_it_was_recorded(catalogue):
    assert record(catalogue, "r1", FOUND, SAID) == {"new-1": "ind-001", "new-2": "ind-002"}
    frame = catalogue.sightings()
    assert frame["sighting"].tolist() == ["r1:a", "r1:b", "r1:c", "r1:d", "r1:f"]
    assert frame["identity"].tolist() == ["ind-001"] * 3 + ["unknown", "ind-002"]
    assert frame["decision"].tolist() == ["new", "new", "new", "unsure", "new"]
    given = crops(FOUND).drop(columns="identity")
    pd.testing.assert_frame_equal(frame[given.columns], given)
    pd.testing.assert_frame_equal(
        catalogue.decisions("r1").drop(columns="identity"), decisions(SAID).drop(columns="identity")
    )
    values, keys = catalogue.vectors()
    assert keys == ["r1:a", "r1:b", "r1:c", "r1:f"]
    np.testing.assert_array_equal(values, [vector(c) for c in "abcf"])
    assert catalogue.fingerprint == "net-1"


def test_nulls_come_back_as_nulls(catalogue):
    frame = crops({"e1": ["a"]}).assign(date=pd.NaT, camera=None, station=None, sequence=None, confidence=np.nan)
    frame = tables.check(frame, CROPS)
    for _ in range(2):
        catalogue.record_run("r1", "p", frame, vector("a")[None], "net-1", decisions({"e1": "?"}), None, "reid 0.1")
        pd.testing.assert_frame_equal(catalogue.sightings()[CROPS.names[:-1]], frame[CROPS.names[:-1]])
    assert catalogue.last_event == 1


def test_individuals_are_summed_up(catalogue):
    record(
        catalogue,
        "r1",
        {"e1": ["a", "b"], "e2": ["c"], "e3": ["d"]},
        {"e1": "new-1", "e2": "new-1", "e3": "new-2"},
    )
    record(catalogue, "r2", {"e1": ["a"], "e9": ["d"]}, {"e1": "ind-001", "e9": "?"})
    frame = catalogue.individuals().set_index("identity")
    # The made-up crops show left flanks for odd letters (a, c) and moves dates by the letter's code modulo 50 days.
    assert frame.loc["ind-001", ["encounters", "crops", "runs", "flanks"]].tolist() == [
        3,
        4,
        2,
        "left, right",
    ]
    assert frame.loc["ind-002", ["encounters", "crops", "runs", "flanks"]].tolist() == [1, 1, 1, "right"]
    assert frame.loc["ind-001", "first_seen"] == pd.Timestamp("2024-06-17 12:00:00.25")  # a: 97 days, that is 47
    assert frame.loc["ind-001", "last_seen"] == pd.Timestamp("2024-06-19 12:00:00.25")  # c: 99, that is 49
    assert catalogue.runs().to_numpy().tolist() == [["r1", "photos", 3, 4, 2], ["r2", "photos", 2, 2, 1]]
    assert catalogue.sightings("ind-001")["sighting"].tolist() == ["r1:a", "r1:b", "r1:c", "r2:a"]
    assert catalogue.sightings("ind-001", exclude_run="r1")["sighting"].tolist() == ["r2:a"]
    assert catalogue.sightings("unknown")["sighting"].tolist() == ["r2:d"]
    assert catalogue.vectors(exclude_run="r1")[1] == ["r2:a"]


def test_recording_again_changes_no_byte(catalogue):
    record(catalogue, "r1", FOUND, SAID)
    before, state = catalogue.path.read_bytes(), dump(catalogue)
    for by in ("reid 0.1", "reid 0.2"):
        assert record(catalogue, "r1", FOUND, SAID, by=by) == {"new-1": "ind-001", "new-2": "ind-002"}
    assert dump(catalogue) == state
    assert catalogue.path.read_bytes() == before


def test_the_order_of_rows_and_labels_does_not_matter(catalogue):
    record(catalogue, "r1", FOUND, SAID)
    state = dump(catalogue)
    frame = crops(FOUND).sample(frac=1, random_state=3).reset_index(drop=True)
    other = decisions({"e4": "new-8", "e3": "?", "e2": "new-5", "e1": "new-5"})
    values = np.array([vector(c) for c in frame["crop_id"]])
    names = catalogue.record_run("r1", "photos", frame, values, "net-1", other, None, "reid 0.1")
    assert names == {"new-8": "ind-002", "new-5": "ind-001"}
    assert dump(catalogue) == state


def test_vectors_that_differ_by_rounding_are_the_same(catalogue):
    frame = crops({"e1": ["a"]})
    said = decisions({"e1": "new-1"})
    for shift, events in ((0, 1), (1e-6, 1), (1e-2, 2)):
        value = vector("a")[None] + np.float32(shift)
        catalogue.record_run("r1", "p", frame, value / np.linalg.norm(value), "net-1", said, None, "reid 0.1")
        assert catalogue.last_event == events
    np.testing.assert_allclose(catalogue.vectors()[0], value / np.linalg.norm(value), atol=1e-6)


def test_changed_decisions_are_appended_and_names_stay_with_the_greatest_overlap(catalogue):
    one = {f"e{i}": [f"c{i}"] for i in range(6)}
    record(
        catalogue,
        "r1",
        one,
        {"e0": "new-1", "e1": "new-1", "e2": "new-1", "e3": "new-2", "e4": "new-2", "e5": "?"},
    )
    said = {"e0": "new-1", "e1": "new-2", "e2": "new-2", "e3": "new-3", "e4": "new-3", "e5": "new-4"}
    names = record(catalogue, "r1", one, said)
    # Of ind-001 (e0, e1, e2) the larger part is now new-2; of ind-002 (e3, e4) all is new-3.
    assert names == {"new-1": "ind-003", "new-2": "ind-001", "new-3": "ind-002", "new-4": "ind-004"}
    rows = catalogue._connection.execute("SELECT count(*), sum(supersedes IS NOT NULL) FROM decision WHERE event = 2")
    assert rows.fetchone() == (2, 2)


def test_an_animal_recognised_from_elsewhere_does_not_lend_its_name_to_a_stranger(catalogue):
    record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, {"e1": "new-1", "e2": "new-1"})
    record(catalogue, "r2", {"e1": ["c"]}, {"e1": "ind-001"})
    # Now e1 is recognised through r2, and e2 is told apart from it.
    said = {"e1": "ind-001", "e2": "new-1"}
    assert record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, said, change_earlier=True) == {"new-1": "ind-002"}
    assert identities(catalogue, "r1") == {"e1": "ind-001", "e2": "ind-002"}


def test_what_is_gone_is_withdrawn_not_deleted_and_can_return(catalogue):
    record(catalogue, "r1", FOUND, SAID)
    count = "SELECT count(*) FROM sighting"
    before = catalogue._connection.execute(count).fetchone()[0]
    less = {"e1": ["a"], "e3": ["d"], "e4": ["f"]}
    record(catalogue, "r1", less, {e: SAID[e] for e in less})
    assert catalogue.sightings()["crop_id"].tolist() == ["a", "d", "f"]
    assert sorted(identities(catalogue, "r1")) == ["e1", "e3", "e4"]
    assert catalogue._connection.execute(count).fetchone()[0] == before + 2
    record(catalogue, "r1", less, {e: SAID[e] for e in less})
    assert catalogue.last_event == 2
    gone = catalogue.history().query("what == 'withdrawn'")
    assert gone["before"].tolist() == ["b", "c"] and set(gone["run"]) == {"r1"}
    assert record(catalogue, "r1", FOUND, SAID) == {"new-1": "ind-001", "new-2": "ind-002"}
    assert catalogue.sightings()["crop_id"].tolist() == list("abcdf")


def test_a_run_that_finds_nothing_any_more_is_withdrawn_whole(catalogue):
    assert record(catalogue, "r0", {}, {}) == {}
    assert catalogue.last_event == 0
    record(catalogue, "r1", FOUND, SAID)
    record(catalogue, "r1", {}, {})
    assert len(catalogue.sightings()) == len(catalogue.individuals()) == 0


def test_the_same_photo_in_two_runs_is_two_sightings(catalogue):
    record(catalogue, "r1", {"e1": ["a"]}, {"e1": "new-1"})
    record(catalogue, "r2", {"e1": ["a"]}, {"e1": "ind-001"})
    assert catalogue.sightings()["sighting"].tolist() == ["r1:a", "r2:a"]
    assert catalogue.picture("r1:a") == catalogue.picture("r2:a")


def test_pictures_are_asked_for_once(catalogue):
    asked = []

    def picture(crop_id: str) -> bytes:
        asked.append(crop_id)
        return b"jpeg of " + crop_id.encode()

    frame, values, said = (
        crops({"e1": ["a", "b"]}),
        np.array([vector("a"), vector("b")]),
        decisions({"e1": "?"}),
    )
    for run in ("r1", "r2", "r1"):
        catalogue.record_run(run, "p", frame, values, "net-1", said, picture, "reid 0.1")
    assert asked == ["a", "b"]
    path = catalogue.picture("r2:b")
    assert path is not None and path.read_bytes() == b"jpeg of b" and path.suffix == ".jpg"
    assert path.parent == catalogue.path.with_name("a.sqlite.data") / "pictures"
    path.unlink()
    assert catalogue.picture("r2:b") is None
    catalogue.record_run("r1", "p", frame, values, "net-1", said, picture, "reid 0.1")
    assert asked == ["a", "b", "b"]
    assert not list(path.parent.glob("*.part"))


def test_vectors_of_another_fingerprint_are_refused_by_name(catalogue):
    record(catalogue, "r1", {"e1": ["a"]}, {"e1": "new-1"})
    state = dump(catalogue)
    with pytest.raises(FingerprintError, match=r"'net-1'.*'net-2'"):
        record(catalogue, "r2", {"e1": ["b"]}, {"e1": "new-1"}, fingerprint="net-2")
    assert dump(catalogue) == state


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"run_id": "a:b"}, CatalogueError, "colon"),
        ({"run_id": ""}, CatalogueError, "empty"),
        ({"by": " "}, CatalogueError, "signed"),
        ({"vectors": np.zeros((2, DIMENSION))}, TableError, "1 crops need as many vectors"),
        ({"vectors": np.zeros((1, DIMENSION))}, TableError, "unit length"),
        ({"vectors": np.full((1, DIMENSION), np.nan)}, TableError, "finite"),
        (
            {"decisions": decisions({"e1": "new-1", "e2": "?"})},
            TableError,
            "'e2' has a decision but no crops",
        ),
        ({"decisions": decisions({})}, TableError, "'e1' has no decision"),
        ({"decisions": decisions({"e1": "nobody"})}, CatalogueError, "'nobody'.*catalogue is empty"),
        ({"decisions": decisions({"e1": "?"}).assign(decision="known")}, TableError, "'known' and 'unknown'"),
        (
            {"decisions": decisions({"e1": "new-1"}).assign(decision="unsure")},
            TableError,
            "'unsure' and 'new-1'",
        ),
        ({"crops": crops({"e1": ["a"]}).assign(encounter=None)}, TableError, "no encounter"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_nothing_is_written(catalogue, change, error, words):
    given = {
        "run_id": "r1", "photos_name": "p", "crops": crops({"e1": ["a"]}), "vectors": vector("a")[None],
        "fingerprint": "net-1", "decisions": decisions({"e1": "new-1"}), "pictures": None, "by": "reid 0.1",
    }  # fmt: skip
    state = dump(catalogue)
    with pytest.raises(error, match=words):
        catalogue.record_run(**{**given, **change})
    assert dump(catalogue) == state


class TestPersons:
    """A person's word stands, whatever the program says later."""

    def test_it_is_not_overridden_and_the_rest_is_updated(self, catalogue):
        record(catalogue, "r1", FOUND, SAID)
        catalogue.decide("r1", "e3", "ind-002", "Anna", "I know her")
        record(catalogue, "r1", FOUND, {**SAID, "e3": "new-1", "e4": "?"})
        assert identities(catalogue, "r1") == {
            "e1": "ind-001",
            "e2": "ind-001",
            "e3": "ind-002",
            "e4": "unknown",
        }
        row = catalogue.decisions("r1").set_index("encounter").loc["e3"]
        assert (row["probability"], row["reason"], row["decision"]) == (1.0, "I know her", "new")

    def test_it_follows_the_photos_when_encounters_are_numbered_anew(self, catalogue):
        record(
            catalogue,
            "r1",
            {"e1": ["a"], "e2": ["b"], "e3": ["c"]},
            {"e1": "new-1", "e2": "?", "e3": "new-2"},
        )
        catalogue.decide("r1", "e2", "ind-001", "Anna")
        for _ in range(2):
            # Another gap setting: a and the first photo are one encounter less, every number moves up by one.
            record(
                catalogue,
                "r1",
                {"e1": ["b"], "e2": ["c"], "e3": ["a"]},
                {"e1": "?", "e2": "?", "e3": "new-1"},
            )
            assert identities(catalogue, "r1") == {"e1": "ind-001", "e2": "unknown", "e3": "ind-001"}
        assert catalogue.last_event == 3
        carried = catalogue.history().query("what == 'carried over'")
        assert carried[["encounter", "after"]].to_numpy().tolist() == [["e1", "ind-001"]]

    def test_it_survives_that_the_photos_were_gone_for_a_while(self, catalogue):
        record(catalogue, "r1", FOUND, SAID)
        catalogue.decide("r1", "e3", "ind-002", "Anna")
        record(catalogue, "r1", {"e1": ["a"]}, {"e1": "new-1"})
        record(catalogue, "r1", FOUND, SAID)
        assert identities(catalogue, "r1")["e3"] == "ind-002"

    def test_two_persons_decisions_that_meet_in_one_encounter_make_it_unsure(self, catalogue):
        record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, {"e1": "?", "e2": "?"})
        one, other = (catalogue.decide("r1", e, "new", "Anna") for e in ("e1", "e2"))
        assert one != other
        record(catalogue, "r1", {"e1": ["a", "b"]}, {"e1": "new-1"})
        assert identities(catalogue, "r1") == {"e1": "unknown"}
        assert "several individuals" in catalogue.decisions("r1")["reason"][0]
        # Once the person has said that the two are one, it is clear again.
        catalogue.undo("Anna")
        catalogue.merge(one, other, "Anna")
        record(catalogue, "r1", {"e1": ["a", "b"]}, {"e1": "new-1"})
        assert identities(catalogue, "r1") == {"e1": one}

    def test_a_stranger_whom_a_person_has_named_gets_no_second_name(self, catalogue):
        record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, {"e1": "?", "e2": "?"})
        catalogue.decide("r1", "e1", "new", "Anna")
        assert record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, {"e1": "new-1", "e2": "new-1"}) == {
            "new-1": "ind-001"
        }
        assert catalogue.individuals()["identity"].tolist() == ["ind-001"]

    def test_a_stranger_of_whom_a_person_could_not_tell_gets_no_name(self, catalogue):
        record(catalogue, "r1", {"e1": ["a"]}, {"e1": "?"})
        catalogue.decide("r1", "e1", None, "Anna")
        assert record(catalogue, "r1", {"e1": ["a"]}, {"e1": "new-1"}) == {"new-1": "unknown"}
        assert record(catalogue, "r2", {"e1": ["b"]}, {"e1": "new-1"}) == {"new-1": "ind-001"}

    def test_who_could_not_tell_does_not_contradict_who_could(self, catalogue):
        record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, {"e1": "?", "e2": "?"})
        catalogue.decide("r1", "e1", "new", "Anna")
        catalogue.decide("r1", "e2", None, "Bo")
        record(catalogue, "r1", {"e2": ["a", "b"]}, {"e2": "?"})
        assert identities(catalogue, "r1") == {"e2": "ind-001"}

    def test_a_run_recorded_by_a_person_stands_against_the_program(self, catalogue):
        record(catalogue, "r1", FOUND, SAID, by="Anna")
        record(catalogue, "r1", FOUND, {"e1": "?", "e2": "?", "e3": "new-1", "e4": "?"})
        assert identities(catalogue, "r1") == {
            "e1": "ind-001",
            "e2": "ind-001",
            "e3": "unknown",
            "e4": "ind-002",
        }
        record(catalogue, "r1", FOUND, {**SAID, "e4": "?"}, by="Bo")
        assert identities(catalogue, "r1")["e4"] == "unknown"


def test_reading_grows_with_the_rows_and_not_with_their_square(catalogue):
    def steps(run: str, count: int) -> int:
        done = 0

        def count_up() -> int:
            nonlocal done
            done += 1
            return 0

        found = {f"e{i}": [f"{run}-{i}"] for i in range(count)}
        record(catalogue, run, found, {e: f"new-{i % 9}" for i, e in enumerate(found)})
        catalogue._connection.set_progress_handler(count_up, 100)  # called every 100 instructions of SQLite
        catalogue.sightings()
        catalogue.decisions(run)
        record(catalogue, run, found, {e: f"new-{i % 9}" for i, e in enumerate(found)})
        catalogue._connection.set_progress_handler(None, 0)
        return done

    few = steps("r1", 200)
    assert steps("r2", 600) < 5 * few  # four times as many rows

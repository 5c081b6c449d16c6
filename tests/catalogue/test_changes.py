"""A later season changes no earlier one unseen: differences wait for a person's word. And other networks."""

from __future__ import annotations

import numpy as np
import pytest
from catalogue_makers import DIMENSION, crops, decisions, dump, identities, record, vector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reid import tables
from reid.catalogue import Catalogue
from reid.errors import CatalogueError, FingerprintError
from reid.tables import LINKS

FOUND = {"e1": ["a"], "e2": ["b"], "e3": ["c"], "e4": ["d"]}
SAID = {"e1": "new-1", "e2": "new-2", "e3": "?", "e4": "new-2"}
LATER = {"e1": "ind-002", "e2": "new-9", "e3": "ind-001", "e4": "?"}


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        record(catalogue, "2018", FOUND, SAID)
        record(catalogue, "2019", {"e1": ["x"]}, {"e1": "ind-001"})
        yield catalogue


def waiting(catalogue: Catalogue) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in catalogue.changes()[["encounter", "before", "after"]].to_numpy().tolist()]


OPEN = [
    ("e1", "ind-001", "ind-002"),
    ("e2", "ind-002", "new (new-9)"),
    ("e3", "unknown", "ind-001"),
    ("e4", "ind-002", "unknown"),
]


def test_an_earlier_season_stays_and_the_differences_are_listed(catalogue):
    before = identities(catalogue, "2018")
    assert record(catalogue, "2018", FOUND, LATER, probability=0.8) == {"new-9": "unknown"}
    assert identities(catalogue, "2018") == before
    assert waiting(catalogue) == OPEN
    row = catalogue.changes().iloc[0]
    assert (row["run"], row["what"], row["probability"], row["reason"]) == ("2018", "identity", 0.8, "by its spots")
    assert (row["model"], row["event"]) == ("net-1", 3)
    # No number was spent on an individual that is only proposed.
    assert catalogue.individuals()["number"].tolist() == [1, 2]


def test_the_latest_season_is_simply_taken_up(catalogue):
    record(catalogue, "2019", {"e1": ["x"]}, {"e1": "ind-002"})
    assert identities(catalogue, "2019") == {"e1": "ind-002"} and not waiting(catalogue)


def test_who_wants_it_takes_an_earlier_one_up_too(catalogue):
    record(catalogue, "2018", FOUND, LATER, change_earlier=True)
    assert identities(catalogue, "2018") == {"e1": "ind-002", "e2": "ind-003", "e3": "ind-001", "e4": "unknown"}
    assert not waiting(catalogue)


def test_the_same_again_proposes_nothing_again(catalogue):
    record(catalogue, "2018", FOUND, LATER)
    state = dump(catalogue)
    record(catalogue, "2018", FOUND, LATER)
    assert dump(catalogue) == state


def test_what_is_no_longer_said_is_no_longer_proposed(catalogue):
    record(catalogue, "2018", FOUND, LATER)
    record(catalogue, "2018", FOUND, {**LATER, "e1": "ind-001"})
    # And e2, told apart from nobody now, is who it was.
    assert waiting(catalogue) == OPEN[2:]


def test_new_photos_of_an_earlier_season_are_taken_up(catalogue):
    record(catalogue, "2018", {**FOUND, "e5": ["n"], "e6": ["m"]}, {**SAID, "e5": "new-7", "e6": "new-1"})
    assert identities(catalogue, "2018")["e5"] == "ind-003" and identities(catalogue, "2018")["e6"] == "ind-001"
    assert not waiting(catalogue)


def test_what_is_cut_differently_keeps_its_names(catalogue):
    record(catalogue, "2018", {"n1": ["a"], "n2": ["b", "d"], "n3": ["c"]}, {"n1": "?", "n2": "ind-001", "n3": "?"})
    assert identities(catalogue, "2018") == {"n1": "ind-001", "n2": "ind-002", "n3": "unknown"}
    assert waiting(catalogue) == [("n1", "ind-001", "unknown"), ("n2", "ind-002", "ind-001")]
    # Photos of two animals that are one encounter now have no name to keep.
    record(
        catalogue, "2018", {"m1": ["a", "b"], "m2": ["c"], "m3": ["d"]}, {"m1": "ind-001", "m2": "?", "m3": "ind-002"}
    )
    assert identities(catalogue, "2018") == {"m1": "ind-001", "m2": "unknown", "m3": "ind-002"}


def test_changes_are_accepted_one_by_one(catalogue):
    record(catalogue, "2018", {**FOUND, "e5": ["n"]}, {**SAID, "e5": "ind-002"})
    record(catalogue, "2018", {**FOUND, "e5": ["n"]}, {**LATER, "e5": "new-9"})
    numbers = dict(zip(catalogue.changes()["encounter"], catalogue.changes()["change"], strict=True))
    assert catalogue.accept([numbers["e2"]]) == 1
    assert identities(catalogue, "2018")["e2"] == "ind-003"
    catalogue.accept([numbers["e5"], numbers["e3"]])  # the same stranger, so the same new individual
    assert identities(catalogue, "2018") == {
        "e1": "ind-001", "e2": "ind-003", "e3": "ind-001", "e4": "ind-002", "e5": "ind-003",
    }  # fmt: skip
    assert [row[0] for row in waiting(catalogue)] == ["e1", "e4"]
    with pytest.raises(CatalogueError, match="is waiting; there are 2"):
        catalogue.accept([numbers["e2"]])
    with pytest.raises(CatalogueError, match="is waiting"):
        catalogue.accept([])
    catalogue.undo()
    assert len(waiting(catalogue)) == 4


def test_a_dismissed_change_is_not_proposed_again(catalogue):
    record(catalogue, "2018", FOUND, LATER)
    assert catalogue.dismiss(catalogue.changes()["change"].tolist(), reason="looked at them") == 4
    assert not waiting(catalogue)
    record(catalogue, "2018", FOUND, {**LATER, "e1": "?"}, probability=0.7)
    assert not waiting(catalogue) and identities(catalogue, "2018")["e1"] == "ind-001"


def test_what_a_person_decides_meanwhile_settles_it(catalogue):
    record(catalogue, "2018", FOUND, LATER)
    catalogue.decide("2018", "e1", "ind-001")
    catalogue.merge("ind-002", "ind-001")
    assert [row[0] for row in waiting(catalogue)] == ["e2", "e3", "e4"]
    catalogue.undo(event=5)
    assert [row[0] for row in waiting(catalogue)] == ["e2", "e3", "e4"]


def links(*rows: tuple[str, str, float]):
    columns = ("encounter", "other", "probability")
    return tables.from_rows(
        [
            {**dict(zip(columns, row, strict=True)), "kind": "individual", "query": "q", "candidate": "c"}
            for row in rows
        ],
        LINKS,
    )


def test_two_that_one_encounter_resembles_are_proposed_as_one(catalogue):
    evidence = links(("e1", "ind-001", 0.9), ("e1", "ind-002", 0.8), ("e2", "ind-001", 0.9), ("e2", "ind-002", 0.4))
    for _ in range(2):
        record(catalogue, "2020", {"e1": ["y"], "e2": ["z"]}, {"e1": "ind-001", "e2": "ind-001"}, links=evidence)
    frame = catalogue.changes()
    assert frame[["what", "encounter", "before", "after"]].to_numpy().tolist() == [
        ["merge", "e1", "ind-002", "ind-001"]
    ]
    assert frame["probability"].tolist() == [pytest.approx(0.72)]
    assert len(catalogue.individuals()) == 2  # nothing was done
    catalogue.accept(frame["change"].tolist())
    assert catalogue.individuals()["identity"].tolist() == ["ind-001"]
    catalogue.undo()
    catalogue.dismiss(frame["change"].tolist())
    assert len(catalogue.individuals()) == 2
    record(catalogue, "2021", {"e9": ["w"]}, {"e9": "?"}, links=links(("e9", "ind-002", 0.7), ("e9", "ind-001", 0.6)))
    assert not waiting(catalogue)  # a person said that they are two


CUTS = st.lists(st.sampled_from(["e1", "e2", "e3", None]), min_size=5, max_size=5)
WORDS = st.lists(st.sampled_from(["?", "new-1", "new-2", "ind-001", "ind-002"]), min_size=3, max_size=3)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(first=CUTS, words=WORDS, cuts=st.lists(st.tuples(CUTS, WORDS), min_size=1, max_size=3))
def test_whatever_is_recorded_later_unanimous_photos_keep_their_names(tmp_path_factory, first, words, cuts):
    def found(where):
        out: dict[str, list[str]] = {}
        for crop, encounter in zip("abcde", where, strict=True):
            if encounter:
                out.setdefault(encounter, []).append(crop)
        return out

    with Catalogue(tmp_path_factory.mktemp("c") / "a.sqlite") as catalogue:
        record(catalogue, "2017", {"e0": ["p"], "e9": ["q"]}, {"e0": "new-1", "e9": "new-2"})
        given_first = found(first)
        record(catalogue, "2018", given_first, {e: words[int(e[1]) - 1] for e in given_first})
        record(catalogue, "2019", {"e1": ["x"]}, {"e1": "?"})
        for where, said in cuts:
            frame = catalogue.sightings(exclude_run="2019")
            before = dict(zip(frame["sighting"], frame["identity"], strict=True))
            now = found(where)
            record(catalogue, "2018", now, {e: said[int(e[1]) - 1] for e in now})
            frame = catalogue.sightings(exclude_run="2019")
            after = dict(zip(frame["sighting"], frame["identity"], strict=True))
            for members in now.values():
                whose = {before.get(f"2018:{crop}") for crop in members} - {None}
                if len(whose) == 1 and all(f"2018:{crop}" in before for crop in members):
                    assert {after[f"2018:{crop}"] for crop in members} == whose
            assert all(before[key] == after[key] for key in before if key.startswith("2017"))


class TestAnotherNetwork:
    """New vectors and new results; every human decision stays."""

    def test_vectors_are_replaced_and_decisions_stay(self, catalogue):
        catalogue.decide("2018", "e3", "ind-002")
        before = catalogue.sightings()
        keys = before["sighting"].tolist()
        other = np.array([vector("other" + key, 6) for key in keys])
        assert catalogue.replace_vectors(keys[:-1], other[:-1], "net-2") == 1
        assert catalogue.fingerprint == "net-2"
        assert catalogue.vectors()[1] == [key for key in catalogue.vectors()[1] if key in keys[:-1]]
        np.testing.assert_allclose(catalogue.vectors()[0][0], other[0], atol=1e-6)
        assert catalogue.index()[0].d == 6
        assert catalogue.sightings().equals(before)
        assert "1 sightings have no vector" in " ".join(catalogue.check().notes)
        with pytest.raises(CatalogueError, match="already"):
            catalogue.replace_vectors(keys, other, "net-2")
        with pytest.raises(FingerprintError, match="reid catalogue embed"):
            record(catalogue, "2020", {"e1": ["y"]}, {"e1": "new-1"}, fingerprint="net-1")
        catalogue.undo()
        assert catalogue.fingerprint == "net-1" and catalogue.index()[0].d == DIMENSION

    def test_identified_anew_a_persons_decisions_and_moves_hold(self, catalogue):
        record(catalogue, "2018", {"e1": ["a", "g", "h"], **{e: FOUND[e] for e in ("e2", "e3", "e4")}}, SAID)
        catalogue.decide("2018", "e3", "ind-002")
        catalogue.move("2018:g", "new")
        catalogue.set_flank(["2018:a"], "front")
        catalogue.set_usable(["2018:h"], False)
        keys = catalogue.sightings()["sighting"].tolist()
        catalogue.replace_vectors(keys, np.array([vector("n" + key) for key in keys]), "net-2")
        state = {
            row.sighting: (row.identity, row.orientation, row.usable) for row in catalogue.sightings().itertuples()
        }
        found = crops({"n1": ["a", "g", "h", "c"], "n2": ["b"], "n4": ["d"]})
        values = np.array([vector("n2018:" + c) for c in found["crop_id"]])
        kept, vectors = catalogue.as_decided("2018", found, values)
        assert kept["crop_id"].tolist() == ["a", "g", "c", "b", "d"] and len(vectors) == 5
        assert kept.set_index("crop_id")["encounter"].to_dict() == {
            "a": "n1",
            "g": "e1~2",
            "c": "n1",
            "b": "n2",
            "d": "n4",
        }
        assert kept.set_index("crop_id").loc["a", ["orientation", "orientation_probability"]].tolist() == ["front", 1.0]
        said = decisions({"n1": "ind-001", "e1~2": "ind-001", "n2": "?", "n4": "ind-001"})
        catalogue.record_run("2018", "photos", kept, vectors, "net-2", said, None, "reid 0.2", change_earlier=True)
        after = {
            row.sighting: (row.identity, row.orientation, row.usable) for row in catalogue.sightings().itertuples()
        }
        for sighting in ("2018:c", "2018:g"):
            assert after[sighting][0] == state[sighting][0]
        assert after["2018:a"][1] == "front" and after["2018:h"] == state["2018:h"]
        # Recorded without asking what persons said, it ends alike.
        event = catalogue.last_event
        catalogue.record_run(
            "2018", "photos", found, values, "net-2", decisions({"n1": "ind-001", "n2": "?", "n4": "ind-001"}), None,
            "reid 0.2", change_earlier=True,
        )  # fmt: skip
        again = {
            row.sighting: (row.identity, row.orientation, row.usable) for row in catalogue.sightings().itertuples()
        }
        assert {k: v for k, v in again.items() if k != "2018:h"} == {k: v for k, v in after.items() if k != "2018:h"}
        assert again["2018:h"][2] is False or not again["2018:h"][2]
        assert catalogue.last_event <= event + 1
        assert catalogue.check().problems == ()
        # What the person said of the flank can be taken back to what was found.
        catalogue.set_flank(["2018:a"], "unknown")
        catalogue.undo()
        flank = next(e for e in catalogue.history().query("what == 'flank'")["event"])
        catalogue.undo(event=int(flank))
        assert catalogue.sightings().set_index("sighting").loc["2018:a", "orientation"] == "left"

    def test_the_network_behind_each_decision_is_kept(self, catalogue):
        models = catalogue.sightings().set_index("sighting")["model"]
        assert models["2018:a"] == "net-1"
        catalogue.decide("2018", "e1", "ind-002")
        row = catalogue.sightings().set_index("sighting").loc["2018:a"]
        assert row["human"] and row["model"] is not row["decision"]

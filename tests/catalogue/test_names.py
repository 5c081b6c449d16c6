"""Names: given once, changed in one place, never given twice."""

from __future__ import annotations

import pytest
from catalogue_makers import identities, record

from reid.catalogue import Catalogue
from reid.catalogue.names import LONGEST
from reid.errors import CatalogueError, ConfigError


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite") as catalogue:
        record(catalogue, "2018", {"e1": ["a"], "e2": ["b"]}, {"e1": "new-1", "e2": "new-2"})
        record(catalogue, "2019", {"e1": ["c"]}, {"e1": "ind-001"})
        yield catalogue


def test_a_rename_reaches_every_season_by_one_row(catalogue):
    catalogue.rename("ind-001", "Bella", "Anna")
    assert identities(catalogue, "2018")["e1"] == identities(catalogue, "2019")["e1"] == "Bella"
    assert catalogue.individuals()["identity"].tolist() == ["Bella", "ind-002"]
    assert catalogue._connection.execute("SELECT count(*) FROM naming").fetchone() == (1,)


def test_an_old_name_still_finds_its_animal(catalogue):
    catalogue.rename("ind-001", "Bella", "Anna")
    assert catalogue.resolve("ind-001") == catalogue.resolve(" bella ") == "Bella"
    assert len(catalogue.sightings("ind-001")) == 2
    # A census that was under way while the name changed.
    record(catalogue, "2020", {"e1": ["d"]}, {"e1": "ind-001"})
    assert identities(catalogue, "2020") == {"e1": "Bella"}


def test_a_name_can_go_back_to_its_own_animal(catalogue):
    for name in ("Bella", "ind-001", "BELLA", "Bella"):
        catalogue.rename("ind-001", name, "Anna")
        assert catalogue.resolve("ind-001") == name


@pytest.mark.parametrize("name", ["Bella", "BELLA", " bella", "Bel\u200bla", "ind-001", "IND-001", "ｉｎｄ-001"])
def test_a_name_once_given_is_nobody_elses(catalogue, name):
    catalogue.rename("ind-001", "Bella", "Anna")
    with pytest.raises(CatalogueError, match=r"name of 'Bella', and no name is given twice"):
        catalogue.rename("ind-002", name, "Anna")


def test_numbers_are_never_used_again(catalogue):
    catalogue.rename("ind-002", "Luna", "Anna")
    catalogue.rename("ind-001", "ind-004", "Anna")
    assert record(catalogue, "r3", {"e1": ["x"]}, {"e1": "new-1"}) == {"new-1": "ind-003"}
    # 4 was given by hand.
    assert record(catalogue, "r4", {"e1": ["y"]}, {"e1": "new-1"}) == {"new-1": "ind-005"}
    catalogue.undo("Anna")
    with pytest.raises(CatalogueError, match="given before"):
        catalogue.rename("Luna", "ind-005", "Anna")
    assert record(catalogue, "r4", {"e1": ["y"]}, {"e1": "new-1"}) == {"new-1": "ind-006"}


def test_a_name_taken_back_is_free(catalogue):
    catalogue.rename("ind-001", "Bella", "Anna")
    catalogue.undo("Anna")
    catalogue.rename("ind-002", "Bella", "Anna")
    assert identities(catalogue, "2018") == {"e1": "ind-001", "e2": "Bella"}


def test_a_merged_name_leads_to_the_other(catalogue):
    catalogue.rename("ind-001", "Bella", "Anna")
    catalogue.merge("ind-002", "Bella", "Anna")
    assert catalogue.resolve("ind-001") == catalogue.resolve("Bella") == "ind-002"
    catalogue.rename("ind-002", "Bella", "Anna")
    assert catalogue.resolve("ind-001") == "Bella"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ind-01", "Bella", r"no individual is called 'ind-01'. Close to it: 'ind-001'"),
        ("", "Bella", "no individual is called"),
        ("ind-001", "", "empty"),
        ("ind-001", " \t", "empty"),
        ("ind-001", "\u200b", "empty"),
        ("ind-001", "ind-001", "already called that"),
        ("ind-001", "ind-002", "is the name of 'ind-002'"),
        ("ind-001", "Unknown", "meaning of its own"),
        ("ind-001", "new", "meaning of its own"),
        ("ind-001", "a\x00b", "control character"),
        ("ind-001", "\ud800", "control character"),
        ("ind-001", "x" * (LONGEST + 1), f"at most {LONGEST}"),
    ],
)
def test_bad_renames_are_refused_in_words(catalogue, old, new, words):
    before = catalogue.last_event
    with pytest.raises(CatalogueError, match=words) as caught:
        catalogue.rename(old, new, "Anna")
    assert "\n" not in str(caught.value)
    assert catalogue.last_event == before


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "'; DROP TABLE run; --",
        'a"b',
        "نمر",
        "x" * LONGEST,
        "{0}",
        "%s",
    ],
)
def test_strange_names_are_only_names(catalogue, name):
    catalogue.rename("ind-001", name, "Anna")
    assert name in catalogue.individuals()["identity"].tolist()
    assert len(catalogue.sightings(name)) == 2


@pytest.mark.parametrize(("pattern", "first"), [("L{}", "L1"), ("Panthera onca {:05d}", "Panthera onca 00001")])
def test_the_pattern_names_new_individuals(tmp_path, pattern, first):
    with Catalogue(tmp_path / "b.sqlite", name_pattern=pattern) as catalogue:
        assert record(catalogue, "r1", {"e1": ["a"]}, {"e1": "new-1"}) == {"new-1": first}


@pytest.mark.parametrize("pattern", ["leopard", "", "{:x<3.1}", "{0!s:.1}", "{1}", "{", "{0.imag}", "{name}"])
def test_patterns_that_do_not_tell_numbers_apart_are_refused(tmp_path, pattern):
    with pytest.raises(ConfigError, match="name_pattern"):
        Catalogue(tmp_path / "b.sqlite", name_pattern=pattern)

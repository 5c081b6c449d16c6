"""Moves, flanks, names, marks, notes: what each changes, and that undoing it brings back what was."""

from __future__ import annotations

import pytest
from catalogue_makers import identities, record

from reid.catalogue import Catalogue
from reid.errors import CatalogueError

# The makers show left flanks for crops of odd letters (a, c, e, g) and right ones for even (b, d, f, h).


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        record(
            catalogue,
            "r1",
            {"e1": ["a", "b", "c"], "e2": ["d"], "e3": ["e"]},
            {"e1": "new-1", "e2": "new-2", "e3": "?"},
        )
        record(catalogue, "r2", {"e1": ["g"], "e2": ["h", "j"]}, {"e1": "ind-001", "e2": "new-1"})
        yield catalogue


def whose(catalogue: Catalogue) -> dict[str, str]:
    frame = catalogue.sightings()
    return dict(zip(frame["sighting"], frame["identity"], strict=True))


def everything(catalogue: Catalogue) -> list[object]:
    """All that a reader can see of the present."""
    frames = [catalogue.sightings(), catalogue.individuals(), catalogue.runs(), catalogue.changes()]
    names = catalogue.individuals()["identity"]
    about = [{k: v for k, v in catalogue.about(name).items() if k != "revision"} for name in names]
    return [frame.to_json(orient="records", date_format="iso") for frame in frames] + about


EDITS = {
    "decide": lambda c: c.decide("r1", "e3", "ind-002"),
    "decide new": lambda c: c.decide("r1", "e1", "new"),
    "decide nobody": lambda c: c.decide("r1", "e1", None),
    "move one": lambda c: c.move("r1:a", "ind-002"),
    "move some": lambda c: c.move(["r1:a", "r1:b", "r1:d", "r2:h"], "new"),
    "move all": lambda c: c.move([("r1", "e1")], "ind-003"),
    "move to nobody": lambda c: c.move("r2:j", "unknown"),
    "rename": lambda c: c.rename("ind-001", "Bella"),
    "alias": lambda c: c.alias("ind-001", "F12"),
    "merge": lambda c: c.merge("ind-003", "ind-001"),
    "split encounters": lambda c: c.split("ind-001", [("r2", "e1")]),
    "split sightings": lambda c: c.split("ind-001", ["r1:a", "r2:g"]),
    "part": lambda c: c.part("ind-001", "right"),
    "flank": lambda c: c.set_flank(["r1:a", "r1:d"], "front"),
    "unusable": lambda c: c.set_usable(["r1:a"], False),
    "sex": lambda c: c.set_sex("ind-001", "female"),
    "age": lambda c: c.set_age("ind-001", "cub"),
    "note": lambda c: c.note("a torn ear", "ind-001"),
    "note on a sighting": lambda c: c.note("blurred", sighting="r1:a"),
    "tag": lambda c: c.tag("collared", "ind-001"),
    "tag on a sighting": lambda c: c.tag("best", sighting="r1:a"),
    "same": lambda c: c.answer("r1:e", "r1:d", "same"),
    "same of two": lambda c: c.answer("r2:h", "r1:a", "same"),
    "different": lambda c: c.answer("r2:g", "r1:a", "different"),
    "different in one burst": lambda c: c.answer("r1:a", "r1:b", "different"),
    "not sure": lambda c: c.answer("r2:g", "r1:a", "not sure"),
    "other flank": lambda c: c.answer("r2:g", "r1:b", "other flank"),
    "useless": lambda c: c.answer("r2:g", None, "unusable"),
}
SILENT = {"note on a sighting", "tag on a sighting", "not sure", "other flank"}


@pytest.mark.parametrize("edit", EDITS)
def test_each_is_one_event_signed_and_undone_whole(catalogue, edit):
    before = everything(catalogue)
    EDITS[edit](catalogue)
    assert catalogue.last_event == 3
    history = catalogue.history().query("event == 3")
    assert len(history) >= 1 and set(history["by"]) == {"Anna"}
    assert (everything(catalogue) != before) == (edit not in SILENT)
    assert catalogue.check().problems == ()
    assert catalogue.undo("Bo") == 3
    assert everything(catalogue) == before
    assert catalogue.history().query("event == 3")["undone"].all()


@pytest.mark.parametrize("edit", EDITS)
def test_none_is_the_programs_to_make_but_a_new_name(catalogue, edit):
    catalogue.by = "reid 0.1"
    if edit in ("rename", "alias"):
        return
    with pytest.raises(CatalogueError, match="a person's"):
        EDITS[edit](catalogue)
    assert catalogue.last_event == 2


def test_a_sighting_is_moved_out_of_its_burst_alone(catalogue):
    assert catalogue.move("r1:b", "ind-002", reason="two cats") == "ind-002"
    assert whose(catalogue)["r1:a"] == whose(catalogue)["r1:c"] == "ind-001"
    assert whose(catalogue)["r1:b"] == "ind-002"
    assert identities(catalogue, "r1") == {"e1": "ind-001", "e1~2": "ind-002", "e2": "ind-002", "e3": "unknown"}
    # One more of the burst: a place of its own, for it is not said to be with the first.
    assert catalogue.move("r1:a", "new") == "ind-004"
    assert identities(catalogue, "r1")["e1~3"] == "ind-004"
    # The last one left is the whole encounter now.
    catalogue.move("r1:c", "unknown")
    assert identities(catalogue, "r1")["e1"] == "unknown"
    assert "two cats" in set(catalogue.history("ind-002")["reason"].dropna())


def test_encounters_can_be_named_in_one_word(catalogue):
    catalogue.move(["r1:e3", "r2:e2"], "ind-001")
    assert whose(catalogue)["r1:e"] == whose(catalogue)["r2:h"] == "ind-001"


def test_names_aliases_and_numbers_are_one_individual(catalogue):
    catalogue.rename("ind-001", "Bella")
    catalogue.alias("1", "F12")
    for name in ("Bella", "ind-001", "f12", "1", " 1 ", "01"):
        assert catalogue.resolve(name) == "Bella"
    assert catalogue.about("1")["names"] == ["Bella", "ind-001", "F12"]
    with pytest.raises(CatalogueError, match="finds 'Bella' already"):
        catalogue.alias("Bella", "1")
    with pytest.raises(CatalogueError, match="an earlier name of 'Bella'"):
        catalogue.rename("ind-002", "F12")
    with pytest.raises(CatalogueError, match="is the number of 'Bella'"):
        catalogue.rename("ind-002", "1")
    # A number that was given by hand is skipped when its turn comes.
    catalogue.rename("ind-002", "4")
    assert catalogue.decide("r1", "e3", "new") == "ind-005"
    assert catalogue.resolve("4") == "4" and catalogue.resolve("5") == "ind-005"
    catalogue.merge("ind-003", "1")
    assert catalogue.resolve("F12") == catalogue.resolve("1") == "ind-003"


def test_flanks_are_joined_only_where_they_complete_each_other(catalogue):
    left = catalogue.move("r1:e", "new")  # left
    right = catalogue.resolve("ind-002")  # d, right
    assert catalogue.join(left, right) == left
    assert catalogue.about(left)["flanks"] == ["left", "right"]
    assert catalogue.part(left, "right", reason="another tail") == "ind-005"
    assert whose(catalogue)["r1:d"] == "ind-005" and whose(catalogue)["r1:e"] == left
    with pytest.raises(CatalogueError, match=r"'ind-001' shows left and right, 'ind-005' shows right"):
        catalogue.join("ind-001", "ind-005")
    with pytest.raises(CatalogueError, match="0 sightings of the left flank and 1 others"):
        catalogue.part("ind-005", "left")
    with pytest.raises(CatalogueError, match="neither"):
        catalogue.part("ind-001", "front")


def test_a_burst_that_shows_both_flanks_is_parted_too(catalogue):
    name = catalogue.part("ind-001", "right")
    assert whose(catalogue)["r1:b"] == name
    assert whose(catalogue)["r1:a"] == whose(catalogue)["r2:g"] == "ind-001"


def test_a_flank_that_a_person_names_is_sure(catalogue):
    catalogue.set_flank(["r1:a"], "right")
    row = catalogue.sightings().set_index("sighting").loc["r1:a"]
    assert (row["orientation"], row["orientation_probability"]) == ("right", 1.0)
    with pytest.raises(CatalogueError, match="already"):
        catalogue.set_flank(["r1:a"], "right")
    with pytest.raises(CatalogueError, match="no flank"):
        catalogue.set_flank(["r1:a"], "top")


def test_what_is_of_no_use_is_kept_and_compared_with_nothing(catalogue):
    catalogue.set_usable(["r1:a"], False)
    assert "r1:a" not in catalogue.vectors()[1] and "r1:a" in whose(catalogue)
    assert catalogue.index()[0].ntotal == len(catalogue.vectors()[1])
    with pytest.raises(CatalogueError, match="marked unusable already"):
        catalogue.set_usable(["r1:a"], False)
    catalogue.set_usable(["r1:a"], True)
    assert "r1:a" in catalogue.vectors()[1]


def test_sex_and_age_follow_a_merge_and_its_undoing(catalogue):
    catalogue.set_sex("ind-001", "female")
    catalogue.set_age("ind-001", "cub")
    catalogue.merge("ind-002", "ind-001")
    frame = catalogue.individuals().set_index("identity")
    assert frame.loc["ind-002", ["sex", "age"]].tolist() == ["female", "cub"]
    catalogue.set_sex("ind-002", "male")
    assert catalogue.about("ind-001")["sex"] == "male"
    catalogue.undo(event=5)  # the merge; what was said of ind-002 since stays with it
    frame = catalogue.individuals().set_index("identity")
    assert frame["sex"].to_dict() == {"ind-001": "female", "ind-002": "male", "ind-003": "unknown"}
    for wrong in (lambda: catalogue.set_sex("ind-001", "tom"), lambda: catalogue.set_age("ind-001", "old")):
        with pytest.raises(CatalogueError, match="choose one of"):
            wrong()
    with pytest.raises(CatalogueError, match="already"):
        catalogue.set_sex("ind-001", "female")


def test_notes_and_tags(catalogue):
    event = catalogue.note("a torn ear\nleft side", "ind-001")
    catalogue.tag("Collared ", "ind-001")
    with pytest.raises(CatalogueError, match="has the tag 'collared' already"):
        catalogue.tag("collared", "1")
    about = catalogue.about("ind-001")
    assert about["tags"] == ["Collared"] and about["notes"][0]["words"] == "a torn ear\nleft side"
    catalogue.merge("ind-003", "ind-001")
    assert catalogue.about("ind-003")["tags"] == ["Collared"]
    catalogue.untag("collared", "ind-003")
    assert catalogue.about("ind-001")["tags"] == []
    with pytest.raises(CatalogueError, match="does not have"):
        catalogue.untag("collared", "ind-003")
    catalogue.undo(event=event)
    assert catalogue.about("ind-001")["notes"] == []
    for words in ("", " \n", "a\x00b", "x" * 10_001, "\ud800"):
        with pytest.raises(CatalogueError):
            catalogue.note(words, "ind-001")


HOSTILE = ["<script>alert(1)</script>", "'; DROP TABLE run; --", 'a"b,c\nd', "نمر ‮ abc", "%s{0}", "x" * 300]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_words(catalogue, words, tmp_path):
    name = " ".join(words.split())
    catalogue.rename("ind-001", name, by=name, reason=words)
    catalogue.alias("ind-002", name[:150] + " II")
    catalogue.note(words, name)
    catalogue.tag(words[:100], name)
    catalogue.set_sex(name, "male")
    assert name in {row["identity"] for row in catalogue.find(text=name[:40]).rows}
    assert catalogue.about(name)["notes"][0]["words"] == words.strip()
    assert catalogue.check().problems == ()
    catalogue.export(tmp_path / "a.jsonl")
    Catalogue.load(tmp_path / "a.jsonl", tmp_path / "b.sqlite")
    with Catalogue(tmp_path / "b.sqlite") as again:
        assert again.resolve("1") == name


@pytest.mark.parametrize("word", ["a\x00b", "\ud800", "\x1b[31m"])
def test_what_is_no_text_is_refused_everywhere(catalogue, word):
    calls = [
        lambda: catalogue.rename("ind-001", word),
        lambda: catalogue.rename(word, "Bella"),
        lambda: catalogue.alias("ind-001", word),
        lambda: catalogue.merge("ind-001", "ind-002", by=word),
        lambda: catalogue.merge("ind-001", "ind-002", reason=word),
        lambda: catalogue.tag(word, "ind-001"),
        lambda: catalogue.note(word, "ind-001"),
        lambda: catalogue.move(f"r1:{word}", "new"),
        lambda: catalogue.move(f"{word}:a", "new"),
        lambda: catalogue.decide("r1", word, "new"),
        lambda: catalogue.answer("r1:a", f"r1:{word}", "same"),
        lambda: catalogue.answer("r1:a", "r1:b", word),
        lambda: catalogue.gallery(word),
    ]
    for call in calls:
        with pytest.raises(CatalogueError) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert catalogue.last_event == 2


@pytest.mark.parametrize("name", ["NA", "n/a", "NaN", "____"])
def test_names_that_tables_take_for_nobody_are_refused(catalogue, name):
    with pytest.raises(CatalogueError, match="meaning of its own"):
        catalogue.rename("ind-001", name)


def test_nobody_signs_for_somebody_else(catalogue, monkeypatch):
    catalogue.by = None
    monkeypatch.setattr("getpass.getuser", lambda: "ranger")
    catalogue.rename("ind-001", "Bella")
    assert catalogue.history()["by"].tolist()[-1] == "ranger"

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", nobody)
    with pytest.raises(CatalogueError, match="by=NAME"):
        catalogue.undo()

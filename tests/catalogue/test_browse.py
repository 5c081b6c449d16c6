"""Listings, against the same questions asked of the whole table in pandas; previews, against what then happens."""

from __future__ import annotations

import itertools
from pathlib import Path

import pandas as pd
import pytest
from catalogue_makers import record

from reid.catalogue import Catalogue, Filter
from reid.errors import CatalogueError


def fill(catalogue: Catalogue) -> None:
    for number, run in enumerate(["2018", "2019", "2020"]):
        found = {f"e{i}": [f"{run}-{i}-{j}" for j in range(1 + i % 3)] for i in range(12)}
        said = {
            e: "?" if i % 5 == 4 else f"new-{i % 4}" if number == 0 else f"ind-{1 + i % 4:03d}"
            for i, e in enumerate(found)
        }
        record(catalogue, run, found, said, probability=0.6 + number / 10, station=f"S{number}", by="reid 0.1")
    catalogue.decide("2018", "e0", "ind-002")
    catalogue.decide("2019", "e1", "ind-002")
    catalogue.rename("ind-003", "Łucja")
    catalogue.set_sex("ind-001", "female")
    catalogue.set_sex("Łucja", "male")
    catalogue.tag("collared", "ind-001")
    catalogue.note("seen near the WATERHOLE", "ind-002")
    catalogue.set_usable(["2018:2018-4-0"], False)


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite", by="Anna") as catalogue:
        fill(catalogue)
        yield catalogue


CHOICES = {
    "season": [None, "2018", "2020", "1999"],
    "station": [None, "S0", "S1"],
    "sex": [None, "female", "unknown"],
    "flank": [None, "left", "front"],
    "certainty": [None, (0.0, 0.65), (0.65, 1.0)],
}


def test_individuals_are_filtered_as_the_whole_table_would_be(catalogue):
    whole = catalogue.sightings()
    individuals = catalogue.individuals().set_index("identity")
    for values in itertools.product(*CHOICES.values()):
        wanted = dict(zip(CHOICES, values, strict=True))
        part = whole[whole["identity"] != "unknown"]
        for column, value in (
            ("run", wanted["season"]),
            ("station", wanted["station"]),
            ("orientation", wanted["flank"]),
        ):
            part = part if value is None else part[part[column] == value]
        expected = set(part["identity"])
        if wanted["sex"]:
            expected = {name for name in expected if individuals.loc[name, "sex"] == wanted["sex"]}
        if wanted["certainty"]:
            low, high = wanted["certainty"]
            least = whole.groupby("identity")["probability"].min()
            expected = {name for name in expected if low <= least[name] <= high}
        page = catalogue.find(**wanted)
        assert [row["identity"] for row in page.rows] == sorted(expected), wanted
        assert page.total == len(expected)


def test_a_row_sums_up_the_whole_individual(catalogue):
    whole = catalogue.sightings()
    for row in catalogue.find(season="2019").rows:
        own = whole[whole["identity"] == row["identity"]]
        assert row["sightings"] == len(own)
        assert row["encounters"] == len(own[["run", "encounter"]].drop_duplicates())
        assert (
            pd.Timestamp(row["first_seen"]) == own["date"].min() and pd.Timestamp(row["last_seen"]) == own["date"].max()
        )
        assert row["certainty"] == own["probability"].min() and row["confirmed"] == own["human"].all()
        assert row["flanks"] == [flank for flank in ("left", "right") if flank in set(own["orientation"])]
        assert row["seasons"] == sorted(set(own["run"])) and row["stations"] == own["station"].nunique()
        assert row["cover"] in set(own["sighting"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lucja", []),
        ("łUC", ["Łucja"]),
        ("IND-003", ["Łucja"]),
        ("3", ["ind-001", "ind-002", "ind-004", "Łucja"][3:]),
        ("#collar", ["ind-001"]),
        ("waterhole", ["ind-002"]),
        ("%", []),
        ("'", []),
        ("  ", ["ind-001", "ind-002", "ind-004", "Łucja"]),
    ],
)
def test_text_is_sought_in_names_notes_and_tags(catalogue, text, names):
    assert {row["identity"] for row in catalogue.find(text=text).rows} >= set(names)
    if text.strip() and text != "3":
        assert [row["identity"] for row in catalogue.find(text=text).rows] == names


def test_pages_make_up_the_whole(catalogue):
    for order in ("name", "number", "sightings", "encounters", "last seen", "first seen", "certainty"):
        whole = catalogue.find(order=order)
        pages = [catalogue.find(order=order, page=n, size=3) for n in (1, 2, 3)]
        assert [row for page in pages for row in page.rows] == whole.rows
        assert [page.pages for page in pages] == [2, 2, 2] and pages[0].total == 4
    counts = [row["sightings"] for row in catalogue.find(order="sightings").rows]
    assert counts == sorted(counts, reverse=True)
    for wrong in (
        {"order": "age"},
        {"page": 0},
        {"size": 0},
        {"size": 5000},
        {"sex": "tom"},
        {"flank": "up"},
        {"certainty": (1, 0)},
    ):
        with pytest.raises(CatalogueError):
            catalogue.find(**wrong)


def test_sightings_without_identity(catalogue):
    whole = catalogue.sightings("unknown")
    page = catalogue.unidentified()
    assert {row["sighting"] for row in page.rows} == set(whole["sighting"]) and page.total == len(whole)
    assert [row["date"] for row in page.rows] == sorted(row["date"] for row in page.rows)
    assert catalogue.unidentified(usable=False).total == 1
    assert catalogue.unidentified(season="2019", flank="left").total == len(
        whole[(whole["run"] == "2019") & (whole["orientation"] == "left")]
    )
    first = catalogue.unidentified(size=2).rows + catalogue.unidentified(size=2, page=2).rows
    assert first == page.rows[:4]
    row = page.rows[0]
    given = whole.set_index("sighting").loc[row["sighting"]]
    assert row["bbox"] == given["bbox"] and row["path"] == given["path"]
    assert catalogue.unidentified(text=row["path"].upper().replace(".JPG", ".jpg")).total >= 1


def test_a_gallery_and_what_is_said(catalogue):
    page = catalogue.gallery("3", flank="left", season="2018")
    whole = catalogue.sightings("Łucja")
    wanted = whole[(whole["run"] == "2018") & (whole["orientation"] == "left")]
    assert {row["sighting"] for row in page.rows} == set(wanted["sighting"])
    about = catalogue.about("ind-002")
    assert about["identity"] == "ind-002" and about["notes"][0]["who"] == "Anna"
    facets = catalogue.facets()
    assert facets["sightings"] == len(catalogue.sightings()) == sum(facets["seasons"].values())
    assert facets["individuals"] == 4 and facets["unidentified"] == len(catalogue.sightings("unknown"))


def test_an_individual_that_lost_all_its_sightings_can_be_looked_up(catalogue):
    name = catalogue.decide("2020", "e4", "new")
    catalogue.decide("2020", "e4", None)
    assert catalogue.about(name) == {
        "identity": name, "number": 5, "sex": "unknown", "age": "unknown", "sightings": 0, "names": [name],
        "notes": [], "tags": [], "revision": catalogue.revision,
    }  # fmt: skip
    assert catalogue.gallery(name).rows == []


def test_an_empty_catalogue_lists_nothing(tmp_path):
    with Catalogue(tmp_path / "b.sqlite") as empty:
        assert empty.find().rows == empty.unidentified().rows == [] and empty.find().pages == 1
        assert empty.facets()["sightings"] == empty.facets()["unidentified"] == 0


def same_as_the_views(catalogue: Catalogue) -> bool:
    """Whether the tables in memory are what the views say."""
    catalogue.facets()
    with catalogue._reading() as connection:
        shown = connection.execute(
            "SELECT s.sighting, s.run, s.encounter, p.name, s.probability, s.human, s.usable, s.orientation, s.station, "
            "s.date FROM shown s LEFT JOIN person p ON p.individual = s.individual ORDER BY s.sighting"
        ).fetchall()
        seen = connection.execute(
            "SELECT sighting, run, encounter, nullif(identity, 'unknown'), probability, human, usable, orientation, station, "
            "date FROM seen ORDER BY sighting"
        ).fetchall()
    return shown == seen


def test_listings_follow_every_change_of_this_process_and_of_others(catalogue):
    assert same_as_the_views(catalogue)
    with Catalogue(catalogue.path, by="Bo") as other:
        steps = [
            lambda c: c.merge("ind-001", "ind-002"),
            lambda c: c.move("2018:2018-1-0", "new"),
            lambda c: c.split("ind-001", [("2019", "e1")]),
            lambda c: c.merge("Łucja", "ind-001"),
            lambda c: c.set_flank(["2018:2018-1-1"], "front"),
            lambda c: c.answer("2020:2020-9-0", "2018:2018-2-0", "same"),
            lambda c: c.answer("2020:2020-9-0", None, "unusable"),
            lambda c: c.decide("2018", "e3", None),
            lambda c: c.rename("Łucja", "Luna"),
            lambda c: record(c, "2021", {"e1": ["new"]}, {"e1": "ind-004"}),
            lambda c: record(c, "2018", {"e0": ["2018-0-0"]}, {"e0": "?"}),
        ]
        for step in steps:
            step(other)
            assert same_as_the_views(catalogue) and same_as_the_views(other)
        for _ in steps:
            catalogue.undo()
            assert same_as_the_views(catalogue) and same_as_the_views(other)


def summary(catalogue: Catalogue, name: str) -> dict[str, object]:
    frame = catalogue.sightings(name)
    return {
        "identity": catalogue.resolve(name),
        "sightings": len(frame),
        "encounters": len(frame[["run", "encounter"]].drop_duplicates()),
        "flanks": [flank for flank in ("left", "right") if flank in set(frame["orientation"])],
        "seasons": sorted(set(frame["run"])),
        "stations": sorted(set(frame["station"])),
    }


def counts(catalogue: Catalogue) -> dict[str, int]:
    return dict(zip(catalogue.runs()["run"], catalogue.runs()["individuals"], strict=True))


def test_a_merge_is_shown_before_it_is_done(catalogue):
    before = counts(catalogue)
    preview = catalogue.preview_merge("ind-001", "Łucja")
    assert preview.warnings == ["ind-001 is female, Łucja is male."]
    catalogue.merge("ind-001", "Łucja", revision=preview.revision)
    assert preview.individuals == (4, 3) and len(catalogue.individuals()) == 3
    assert preview.seasons == {run: (before[run], counts(catalogue)[run]) for run in before}
    result = preview.results[0]
    assert {key: result[key] for key in summary(catalogue, "ind-001")} == summary(catalogue, "ind-001")
    with pytest.raises(CatalogueError, match="one individual already"):
        catalogue.preview_merge("ind-001", "Łucja")


def test_what_speaks_against_a_merge_is_said(tmp_path):
    with Catalogue(tmp_path / "c.sqlite", by="Anna") as catalogue:
        record(catalogue, "r1", {"e1": ["a"], "e2": ["b"]}, {"e1": "new-1", "e2": "new-2"}, image_id="one.jpg@0")
        catalogue.answer("r1:a", "r1:b", "different")
        preview = catalogue.preview_merge("ind-001", "ind-002")
        assert len(preview.warnings) == 3
        words = " ".join(preview.warnings)
        assert "one photo, one.jpg@0" in words and "called different" in words and "share no flank" in words


def test_a_split_is_shown_before_it_is_done(catalogue):
    before, parts = counts(catalogue), ["2018:2018-2-0", ("2020", "e6"), "2019:2019-2-1"]
    preview = catalogue.preview_split("Łucja", parts)
    assert preview.warnings == ["Encounter e2 is cut in two."]
    name = catalogue.split("Łucja", parts, revision=preview.revision)
    assert preview.individuals == (4, 5)
    assert preview.seasons == {run: (before[run], counts(catalogue)[run]) for run in before}
    for result, identity in zip(preview.results, ("Łucja", name), strict=True):
        given = {**summary(catalogue, identity), "identity": result["identity"]}
        assert {key: result[key] for key in given} == given
    assert preview.results[1]["identity"] == "new"
    with pytest.raises(CatalogueError, match="not all and no others"):
        catalogue.preview_split("Łucja", ["2018:2018-0-0"])


def test_a_filter_can_be_kept(catalogue):
    wanted = Filter(season="2018", sex="female")
    assert catalogue.find(wanted).rows == catalogue.find(season="2018", sex="female").rows


def test_a_page_beyond_all_numbers_is_refused(tmp_path: Path) -> None:
    with (
        Catalogue(tmp_path / "c.sqlite") as catalogue,
        pytest.raises(CatalogueError, match="larger than a catalogue can hold"),
    ):
        catalogue.unidentified(page=10**20)

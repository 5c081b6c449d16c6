"""A season's estimates and several seasons, against counts made by hand, and refused by name where they cannot be made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reid import api
from reid.abundance import PopulationSettings, estimate, estimate_population, growth
from reid.abundance.several import follow_seasons
from reid.abundance.words import population_sections, short_section
from reid.catalogue import Catalogue
from reid.cli import main, run_verb
from reid.errors import ConfigError, TableError
from reid.tables import (
    CROPS,
    DECISIONS,
    LINKS,
    PHOTOS,
    SIGHTINGS,
    STATIONS,
    UNKNOWN,
    check,
    from_rows,
    write,
    write_csv,
)

START = pd.Timestamp("2015-06-01")
QUICK = PopulationSettings(draws=20, spatial_draws=2, occasion_days=5, spacing=1500)


def season(
    animals: int = 25,
    days: int = 50,
    hazard: float = 0.06,
    unsure: float = 0.0,
    seed: int = 3,
    year: str = "2015",
    around: float = 0.0,
) -> dict[str, pd.DataFrame]:
    """Tables of a census: 9 stations in a square of 12 km, animals met near their middles, links between encounters.

    `around` is how many km beyond the square animals live.
    """
    rng = np.random.default_rng(seed)
    places = np.array([(x, y) for x in (2.0, 6.0, 10.0) for y in (2.0, 6.0, 10.0)])
    middles = rng.uniform(-around, 12 + around, (animals, 2))
    chance = hazard * np.exp(-((middles[:, None] - places[None]) ** 2).sum(axis=2) / 18)
    rows: list[dict[str, Any]] = []
    for a, s, d in np.argwhere(rng.random((animals, 9, days)) < chance[..., None]):
        encounter = f"e{len(rows)}"
        for flank in (("left",), ("right",), ("left", "right"))[rng.integers(3)]:
            path = f"{year}/st{s}{flank[0]}/{encounter}.jpg"
            date = pd.Timestamp(f"{year}-06-01") + pd.Timedelta(days=int(d), hours=int(rng.integers(24)))
            rows.append(
                {
                    "path": path, "bbox": [0.0, 0.0, 9.0, 9.0], "orientation": flank, "station": f"st{s}", "date": date,
                    "encounter": encounter, "identity": f"ind-{a:03d}", "decision": "new", "probability": 0.97,
                    "camera": f"st{s}{flank[0]}", "confidence": 0.9, "crop_id": f"{path}@0#0",
                }
            )  # fmt: skip
    sightings = pd.DataFrame(rows)
    truth = sightings.drop_duplicates("encounter").set_index("encounter")["identity"]
    open_ones = set(rng.choice(truth.index, int(unsure * len(truth)), replace=False))
    sightings.loc[sightings["encounter"].isin(open_ones), ["identity", "decision"]] = [UNKNOWN, "unsure"]
    links = [
        {"encounter": min(x, y), "other": max(x, y), "kind": "encounter", "query": "q", "candidate": "c",
         "probability": 0.5 if {x, y} & open_ones else 0.999}
        for _, group in truth.groupby(truth)
        for i, x in enumerate(group.index)
        for y in group.index[i + 1 :]
    ]  # fmt: skip
    stations = [
        {"camera": f"st{s}{f}", "station": f"st{s}", "latitude": y / 111, "longitude": x / 111, "source": "table"}
        for s, (x, y) in enumerate(places)
        for f in "lr"
    ]
    photos = [{"image_id": f"{p}@0", "path": p, "date": d, "camera": c} for p, d, c in zip(sightings["path"], sightings["date"], sightings["camera"], strict=True)]  # fmt: skip
    return {
        "sightings": check(sightings, SIGHTINGS),
        "links": from_rows(links, LINKS),
        "stations": from_rows(stations, STATIONS),
        "photos": from_rows(photos, PHOTOS),
    }


def estimated(tables: dict[str, pd.DataFrame], settings: PopulationSettings = QUICK) -> Any:
    return estimate_population(tables["sightings"], tables["links"], tables["stations"], None, settings)


def row(found: Any, model: str, flanks: str, identities: str) -> pd.Series:
    rows = found.estimates.set_index(["model", "flanks", "identities"])
    return rows.loc[(model, flanks, identities)]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return season()


@pytest.fixture(scope="module")
def found(tables: dict[str, pd.DataFrame]) -> Any:
    return estimated(tables)


def test_each_flank_is_its_own_capture_matrix(tables: dict[str, pd.DataFrame], found: Any) -> None:
    """The same captures laid out by pandas alone."""
    for flank in ("left", "right"):
        rows = tables["sightings"][tables["sightings"]["orientation"] == flank]
        occasion = (rows["date"] - START).dt.days // 5
        matrix = (pd.crosstab(rows["identity"], occasion) > 0).reindex(columns=range(10), fill_value=False)
        for model in ("minimum", "M0", "Mh-chao", "Mh-jackknife"):
            by_hand = estimate(matrix.to_numpy(int), model)
            row_of = row(found, model, flank, "as named")
            assert row_of["n"] == pytest.approx(by_hand.n)
            assert row_of["captured"] == len(matrix)
        captures = found.captures.set_index("flank").loc[flank]
        assert captures["captures"] == matrix.to_numpy().sum()
        assert captures["recaptures"] == matrix.to_numpy().sum() - len(matrix)


def test_sure_names_are_drawn_as_they_are(found: Any) -> None:
    for flank in ("left", "right"):
        named, drawn = (row(found, "M0", flank, kind) for kind in ("as named", "drawn"))
        assert drawn["n"] == pytest.approx(named["n"], rel=0.02)


def test_undecided_identities_widen_the_interval() -> None:
    open_ones = estimated(season(unsure=0.25))
    named, drawn = (row(open_ones, "M0", "left", kind) for kind in ("as named", "drawn"))
    assert drawn["se"] > named["se"]
    assert drawn["high"] - drawn["low"] > named["high"] - named["low"]


def test_the_truth_lies_in_the_intervals(found: Any) -> None:
    """25 animals, all within reach of a station."""
    assert found.headline.low <= 25 <= found.headline.high * 1.1
    both = found.estimates[found.estimates["flanks"].str.startswith("joined")].set_index("flanks")["n"]
    assert both["joined, fewest"] <= both["joined, most"]


def test_the_density_is_that_of_the_land_around() -> None:
    """90 animals on 900 km2, most of them out of reach of any station."""
    settings = PopulationSettings(models=["Mh-chao"], draws=0, spatial_draws=0, spacing=1500, occasion_days=5)
    found = estimated(season(animals=90, around=9), settings)
    assert found.density.low <= 10 <= found.density.high
    assert found.density.high < 3 * found.density.low


def test_one_error_goes_both_ways(found: Any) -> None:
    rows = found.errors.set_index(["flanks", "error"])
    for flank in ("left", "right"):
        assert rows.loc[(flank, "merge"), "mean"] < rows.loc[(flank, "merge"), "n"] < rows.loc[(flank, "split"), "mean"]


def test_too_few_recaptures_are_refused_by_name() -> None:
    few = estimated(season(animals=6, hazard=0.01))
    assert not few.stands
    assert not len(few.estimates)
    for flank in ("left", "right"):
        assert "at least 5 recaptures are needed" in few.refusals[f"from {flank} flanks"]
    text = short_section(few, "Mh-chao").text[-1]
    assert text.startswith("Here it has no answer: from left flanks")
    sections = population_sections(few, "Mh-chao", 0.95)
    assert "There is no estimate" in sections[0].text[0]


def test_sightings_without_dates_or_of_nobody(tables: dict[str, pd.DataFrame]) -> None:
    undated = tables["sightings"].assign(date=pd.NaT)
    found = estimate_population(undated, tables["links"], tables["stations"], None, QUICK)
    assert "no sighting has a date" in found.refusals["the population"]
    nobody = tables["sightings"].assign(identity=UNKNOWN, decision="unsure")
    found = estimate_population(nobody, tables["links"], tables["stations"], None, QUICK)
    assert found.refusals["from left flanks"] == "no named animal was met with this flank"


def test_stations_without_coordinates_have_no_density(tables: dict[str, pd.DataFrame]) -> None:
    without = tables["stations"].assign(latitude=None, longitude=None)
    found = estimate_population(tables["sightings"], tables["links"], without, None, QUICK)
    assert found.density is None
    assert "9 of 9 stations have no coordinates" in found.refusals["density"]
    with pytest.raises(TableError, match="no coordinates"):
        estimate_population(tables["sightings"], tables["links"], without, None, PopulationSettings(spatial="yes"))


def test_days_when_nothing_watched_are_told(tables: dict[str, pd.DataFrame]) -> None:
    late = tables["stations"].assign(start=START + pd.Timedelta(days=20), end=START + pd.Timedelta(days=60))
    found = estimate_population(tables["sightings"], tables["links"], late, None, QUICK)
    early = (tables["sightings"]["date"] < START + pd.Timedelta(days=20)).sum()
    assert any(f"{early} sightings of a flank are in no capture: nothing watched then" in c for c in found.cautions)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"models": ["M9"]}, "no 'M9'"),
        ({"models": ["M0"]}, "headline='Mh-chao' is none of"),
        ({"spatial": "maybe"}, "choose one of auto, no, yes"),
        ({"confidence": 1.5}, "between 0 and 1"),
        ({"draws": 1}, "at least 2"),
        ({"buffer": -1.0}, "at least 0"),
    ],
)
def test_wrong_settings(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PopulationSettings(**wrong)


def census(folder: Path, tables: dict[str, pd.DataFrame], name: str) -> Path:
    """The tables as a census leaves them."""
    folder.mkdir()
    for table in (PHOTOS, LINKS, STATIONS):
        write(tables[table.name], folder / f"{table.name}.parquet", table)
    write_csv(tables["sightings"], folder / "sightings.csv")
    (folder / "census.json").write_text(json.dumps({"season": name}))
    return folder


def test_the_verb_on_two_seasons(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    folders = [census(tmp_path / "a", tables, "2015"), census(tmp_path / "b", season(seed=8, year="2012"), "2012")]
    words = [f"census=[{folders[0]},{folders[1]}]", "population.draws=10", "population.spatial_draws=0", "population.models=[M0,Mh-chao]", "population.spacing=1500"]  # fmt: skip
    told = run_verb("estimate", [*words, f"output={tmp_path / 'out'}"])
    assert told.index("2012:") < told.index("2015:"), "the earlier season first, whatever the order of the folders"
    assert re.search(r"2012 to 2015, estimates: \d+ to \d+, times", told)
    out = tmp_path / "out"
    for name in ("estimates", "density", "one_error", "captures", "seasons", "individuals", "discovery", "residency", "growth"):  # fmt: skip
        assert len(pd.read_csv(out / f"{name}.csv")), name
    names = {path.name for path in (out / "plots").iterdir()}
    assert names >= {"estimates_2012.svg", "estimates_2015.png", "seasons.svg", "discovery.png", "residency.svg"}
    page = (out / "estimates.html").read_text(encoding="utf-8")
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert not re.findall(r"""(?:src|href)=["']https?:""", page)
    assert "About" in page
    facts = json.loads((out / "estimates.json").read_text())
    assert [s["season"] for s in facts["seasons"]] == ["2012", "2015"]


def park(path: Path) -> Path:
    """A catalogue with 30 animals in 2007, of which 18 live on among the 57 of 2015."""
    with Catalogue(path) as catalogue:
        names: dict[str, str] = {}
        for run, animals in (("2007", range(30)), ("2015", range(12, 69))):
            rows, decisions = [], []
            for a in animals:
                crop = f"{run}/{a}.jpg@0#0"
                rows.append(
                    {"crop_id": crop, "image_id": crop[:-2], "path": f"{run}/{a}.jpg", "content_hash": f"{a:064d}", "bbox": [0.0, 0.0, 9.0, 9.0],
                     "orientation": "left", "orientation_probability": 1.0, "date": pd.Timestamp(f"{run}-06-01") + pd.Timedelta(days=a % 30),
                     "station": f"st{a % 5}", "encounter": f"e{a}"}
                )  # fmt: skip
                known = names.get(f"new-{a}")
                decisions.append({"encounter": f"e{a}", "identity": known or f"new-{a}", "decision": "known" if known else "new", "probability": 0.97, "reason": "spots"})  # fmt: skip
            vectors = np.eye(4, dtype=np.float32)[[a % 4 for a in animals]]
            names |= catalogue.record_run(run, "photos", from_rows(rows, CROPS), vectors, "net", from_rows(decisions, DECISIONS), None, "reid 0")  # fmt: skip
        catalogue.set_sex(names["new-12"], "female", by="Anna")
        catalogue.set_age(names["new-12"], "adult", by="Anna")
    return path


def test_thirty_in_2007_and_fifty_seven_in_2015(tmp_path: Path) -> None:
    catalogue = park(tmp_path / "park.sqlite")
    told = run_verb("estimate", [f"catalogue={catalogue}", f"output={tmp_path / 'out'}"])
    assert "69 individuals over 2 seasons" in told
    assert "30 to 57, times 1.90 (1.22 to 2.96)" in told
    known = pd.read_csv(tmp_path / "out" / "seasons.csv").set_index("season")
    assert known.loc[2015, ["met", "new", "survived", "gone", "known"]].tolist() == [57, 39, 18, 12, 69]
    grown = pd.read_csv(tmp_path / "out" / "growth.csv").iloc[0]
    by_hand = growth(30, 57, 8)
    assert grown["ratio"] == pytest.approx(by_hand.ratio)
    assert grown["low"] == pytest.approx(by_hand.low)
    assert grown["years"] == pytest.approx(8, abs=0.01)
    fates = pd.read_csv(tmp_path / "out" / "individuals.csv")
    assert fates["fate"].value_counts().to_dict() == {"new": 39, "survived": 18, "not met": 12}
    assert (fates["sex"] == "female").sum() == (fates["age"] == "adult").sum() == 1
    page = (tmp_path / "out" / "estimates.html").read_text(encoding="utf-8")
    assert "Sex: 1 female; of 68 it is not known." in page
    assert "+8.4 % a year" in page
    files = [
        *(tmp_path / "out").glob("*.csv"),
        tmp_path / "out" / "estimates.html",
        tmp_path / "out" / "plots" / "seasons.png",
    ]
    before = [file.read_bytes() for file in files]
    facts = api.estimate(tmp_path / "out", catalogue=catalogue)
    assert facts["followed"]["growth"][0]["last"] == 57
    assert before == [file.read_bytes() for file in files], "the same data gives the same bytes"


def test_the_growth_of_estimates_finds_the_catalogues_seasons(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    folders = [census(tmp_path / "a", season(seed=8, year="2007"), "2007"), census(tmp_path / "b", tables, "2015")]
    settings = {"population.models": ["Mh-chao"], "population.draws": 0, "population.spatial": "no"}
    facts = api.estimate(tmp_path / "out", folders, park(tmp_path / "park.sqlite"), settings)
    assert [(row["from"], row["to"], row["of"]) for row in facts["followed"]["growth"]] == [
        ("2007", "2015", "animals met"),
        ("2007", "2015", "estimates"),
    ]


def test_a_stations_table_brings_places_and_working_days(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    bare = tables["stations"].assign(latitude=None, longitude=None)
    folder = census(tmp_path / "a", {**tables, "stations": bare}, "2015")
    rows = [
        f"{r.camera},{r.station},{r.latitude},{r.longitude},2015-06-11,2015-07-31"
        for r in tables["stations"].itertuples()
    ]
    (tmp_path / "s.csv").write_text("\n".join(["camera,location,latitude,longitude,start,end", *rows]) + "\n")
    settings = {"population.models": ["Mh-chao"], "population.draws": 0, "population.spatial_draws": 0, "population.spacing": 1500, "stations": str(tmp_path / "s.csv")}  # fmt: skip
    facts = api.estimate(tmp_path / "out", folder, settings=settings)["seasons"][0]
    assert facts["density_per_100_km2"]["n"] > 0
    early = int((tables["sightings"]["date"] < pd.Timestamp("2015-06-11")).sum())
    assert any(f"{early} sightings of a flank are in no capture: nothing watched then" in c for c in facts["cautions"])
    (tmp_path / "s.csv").write_text("camera,location,latitude,longitude\nst0l,st0,123,45\n")
    with pytest.raises(TableError, match=r"row 2.*swapped"):
        api.estimate(tmp_path / "b", folder, settings=settings)


def test_three_seasons_with_a_gap() -> None:
    rows = pd.DataFrame(
        {
            "identity": ["A", "A", "B", "C", "C", "A"],
            "season": ["s1", "s2", "s1", "s2", "s3", "s3"],
            "date": pd.to_datetime(
                ["2010-01-01", "2012-01-01", "2010-01-05", "2012-01-05", "2014-01-01", "2014-01-03"]
            ),
            "station": ["x", "x", "y", "x", "y", "x"],
            "encounter": list("abcdef"),
        }
    )
    found = follow_seasons(rows)
    assert list(found.known.index) == ["s1", "s2", "s3"]
    assert found.known["gone"].tolist() == [0, 1, 0]
    assert list(zip(found.growth["from"], found.growth["to"], strict=True)) == [
        ("s1", "s2"),
        ("s2", "s3"),
        ("s1", "s3"),
    ]
    assert found.fates.set_index("identity")["station"].to_dict() == {"A": "x", "B": "y", "C": "x"}
    with pytest.raises(TableError, match="lacks s3"):
        follow_seasons(rows, order=["s1", "s2"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is nothing to estimate from"),
        (["census=nowhere"], "no such folder"),
        (["catalogue=nowhere"], "no such file"),
        (["census=.", "population.models=[M0]"], "headline"),
        (["census=."], "no sightings.csv"),
    ],
)
def test_mistakes(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["estimate", f"output={tmp_path / 'out'}", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("content", ["[[1", "{}", "7", "[[1]]", '["ab"]'])
def test_what_persons_told_apart_is_never_guessed(
    content: str, tables: dict[str, pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = census(tmp_path / "a", tables, "2015")
    (folder / "told_apart.json").write_text(content)
    words = [f"census={folder}", f"output={tmp_path / 'out'}", "population.draws=2", "population.spatial='no'"]
    assert main(["estimate", *words]) == 2
    error = capsys.readouterr().err
    assert "told_apart.json is no list of pairs of encounters" in error and error.count("\n") == 1

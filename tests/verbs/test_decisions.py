"""The decision in the verbs: named rates, copied files, far stations, and odd input, each with a stated outcome."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import reid
from reid.resources import configs_folder

Season = Callable[..., Path]
QUICK = {"matcher": "sift", "decision.needs_flank": False, "count.draws": 50, "index.flank_sure": 1.0}


def census(season: Path, output: Path, **settings: object) -> reid.api.Census:  # type: ignore[name-defined]
    return reid.census(season, output, season / "detections.json", settings={**QUICK, **settings})


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped calibration for SIFT, with held-out encounters enough for 1 %."""
    values = json.loads((configs_folder() / "calibration" / "sift.json").read_text(encoding="utf-8"))
    values["protocol"]["evidence"] = {
        "unit": "encounter", "what": "made up", "vote": "all",
        "probability": [0.999] * 400 + [0.62] * 30 + [0.02] * 100,
        "same": [True] * 400 + [False] * 130,
        "known": [True] * 420 + [False] * 110,
    }  # fmt: skip
    path = tmp_path_factory.mktemp("calibration") / "with-evidence.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def test_copied_files_and_far_stations(make_season: Season, calibration: Path, tmp_path: Path) -> None:
    """One animal at two stations ten minutes and 50 km apart, its first photo copied into a third camera's folder."""
    season = make_season(tmp_path / "photos", [("north", 10, [1]), ("south", 20, [1]), ("west", 3000, [2])])
    first = next((season / "north").iterdir())
    shutil.copy(first, season / "west" / first.name)
    found = json.loads((season / "detections.json").read_text())
    found["images"].append({**found["images"][0], "file": f"west/{first.name}"})
    (season / "detections.json").write_text(json.dumps(found))
    (tmp_path / "stations.csv").write_text(
        "camera,location,latitude,longitude\nnorth,north,0,20\nsouth,south,0.45,20\nwest,west,0,20.3\n"
    )
    settings = {"scan.stations": str(tmp_path / "stations.csv"), "calibration.file": str(calibration), "coats": "none"}
    plain = census(season, tmp_path / "plain", **settings)
    who = plain.sightings.set_index("path")["identity"]
    # the copy is its original's animal, by a link that is certain
    assert who[f"north/{first.name}"] == who[f"west/{first.name}"] != "unknown"
    links = pd.read_parquet(plain.folder / "links.parquet")
    copies = links[links["query"].str.contains(first.name) & links["candidate"].str.contains(first.name)]
    assert copies["probability"].tolist() == [1.0]
    assert links["probability"].notna().all()
    assert who[who.index.str.startswith("south")].iloc[0] == who[f"north/{first.name}"]
    # the thresholds come from the calibration's evidence, and are said
    assert plain.counts["settings"]["accept"] > 0.62
    assert "of 400 held-out encounters above it, 0 were given wrongly" in " ".join(plain.counts["thresholds"])
    html = (plain.folder / "report.html").read_text(encoding="utf-8")
    assert "held-out encounters" in html
    # the copy's encounter is surely its original's animal: three encounters, two of them first meetings at most
    meetings = plain.counts["first_meetings"]
    assert 1 <= meetings["low"] <= meetings["expected"] <= 2.5 and meetings["held_out_encounters"] == 530
    assert "Counted by first meetings" in html
    # with a speed limit, nobody walks 50 km in ten minutes; the copy still is no animal that ran
    limited = census(season, tmp_path / "plain", **settings, **{"decision.speed_limit_kmh": 20})
    who = limited.sightings.set_index("path")["identity"]
    assert who[f"north/{first.name}"] == who[f"west/{first.name}"] != "unknown"
    assert who[who.index.str.startswith("south")].iloc[0] != who[f"north/{first.name}"]


def test_a_budget_of_time_shortens_the_lists_and_is_told(make_season: Season, tmp_path: Path) -> None:
    season = make_season(tmp_path / "photos", [(f"c{n}", 10 + 700 * n, [1 + n % 2]) for n in range(6)])
    whole = census(season, tmp_path / "whole", coats="none")
    short = census(season, tmp_path / "short", coats="none", **{"index.budget_s": 1e-6})
    pairs = [pd.read_parquet(one.folder / "matches.parquet") for one in (whole, short)]
    assert 0 < len(pairs[1]) < len(pairs[0])
    together = pairs[1].merge(pairs[0], on=["query", "candidate"], suffixes=("", "_whole"))
    assert len(together) == len(pairs[1])
    assert (together["local_score"] == together["local_score_whole"]).all()
    page = (short.folder / "report.html").read_text(encoding="utf-8")
    assert "1 nearest crop of the same flank (of 20 wanted, what 1e-06 seconds allow)" in page
    assert "wanted, what" not in (whole.folder / "report.html").read_text(encoding="utf-8")
    # said again, the same pairs
    again = census(season, tmp_path / "short", coats="none", **{"index.budget_s": 1e-6})
    assert pd.read_parquet(again.folder / "matches.parquet").equals(pairs[1])


def test_one_photo_is_one_animal(make_season: Season, tmp_path: Path) -> None:
    result = census(make_season(tmp_path / "photos", [("north", 10, [1])]), tmp_path / "out")
    assert result.counts["individuals"] == 1
    assert result.counts["interval"]["low"] == result.counts["interval"]["high"] == 1
    assert result.counts["unsure_share"] == 0
    assert result.sightings["probability"].tolist() == [1.0]
    assert "no held-out encounters" in result.counts["thresholds"][0]


def test_a_gallery_of_one(make_season: Season, tmp_path: Path) -> None:
    folder = make_season(tmp_path / "photos", [("north", 10, [1]), ("south", 700, [1]), ("south", 1500, [2])])
    paths = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.jpg"))
    boxes = {
        i["file"]: i["detections"][0]["bbox"] for i in json.loads((folder / "detections.json").read_text())["images"]
    }

    def table(name: str, chosen: list[str], identity: str) -> Path:
        rows = [
            {"path": p, "identity": identity, "orientation": "left",
             "bbox": json.dumps([round(v * s, 1) for v, s in zip(boxes[p], (640, 400, 640, 400), strict=True)])}
            for p in chosen
        ]  # fmt: skip
        pd.DataFrame(rows).to_csv(folder / name, index=False)
        return folder / name

    gallery, queries = table("gallery.csv", paths[:1], "Narva"), table("queries.csv", paths[1:], "")
    from reid.cli import run_verb

    words = [f"gallery={gallery}", f"queries={queries}", f"output={tmp_path / 'out'}", "matcher=sift"]
    said = run_verb("identify", words)
    decisions = pd.read_csv(tmp_path / "out" / "decisions.csv")
    assert sorted(decisions["decision"]) == ["known", "new"]
    assert decisions["probability"].notna().all()
    assert "0 unsure (0%)" in str(said)
    assert "Joined from the usual probability" in str(said)

"""The verbs as functions, and their files, agree with the parts called one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import reid
from reid.api import detect, embed, identify, scan

VISITS = [("cam", 60 * n, [n % 3]) for n in range(6)]


@pytest.fixture(scope="module")
def season(make_season: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_season(tmp_path_factory.mktemp("photos"), VISITS)


def test_scan_and_detect(season: Path, tmp_path: Path) -> None:
    photos = scan(season, tmp_path / "scan")
    pd.testing.assert_frame_equal(photos, reid.scan(season)[0])
    boxes = detect(season, tmp_path / "boxes", season / "detections.json")
    assert len(boxes) == 6
    # what was written for other programs reads back as the same boxes
    again = detect(season, tmp_path / "again", tmp_path / "boxes" / "megadetector.json")
    np.testing.assert_allclose(np.stack(list(again["bbox"])), np.stack(list(boxes["bbox"])), atol=0.1)


def test_embed_writes_what_it_promises(season: Path, tmp_path: Path) -> None:
    vectors, crops = embed(season, tmp_path / "out", season / "detections.json")
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    embedder = reid.load()
    assert (meta["fingerprint"], meta["model"]) == (embedder.fingerprint, embedder.name)
    assert meta["preprocessing"]["height"] == embedder.spec.height
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(embedder.embed(crops, season), vectors, atol=1e-6)


def test_embed_takes_a_labelled_table(season: Path, tmp_path: Path) -> None:
    rows = pd.DataFrame({"path": [p.relative_to(season).as_posix() for p in sorted(season.rglob("*.jpg"))]})
    rows.to_csv(season / "labels.csv", index=False)
    vectors, crops = embed(season / "labels.csv", tmp_path / "out")
    assert len(vectors) == len(crops) == 6
    (season / "labels.csv").unlink()


def test_identify_names_queries_by_the_gallery(season: Path, tmp_path: Path) -> None:
    boxes = {
        row["file"]: [round(v * side) for v, side in zip(row["detections"][0]["bbox"], (640, 400) * 2, strict=True)]
        for row in json.loads((season / "detections.json").read_text())["images"]
    }
    files = sorted(boxes)
    table = pd.DataFrame(
        {"path": files, "identity": [f"animal {n % 3}" for n in range(6)], "bbox": [str(boxes[f]) for f in files]}
    )
    table.iloc[:2].to_csv(season / "gallery.csv", index=False)
    table.iloc[2:].drop(columns="identity").to_csv(season / "queries.csv", index=False)
    options = {"matcher": "sift", "decision.needs_flank": False, "index.flank_sure": 1.0}
    matches, decisions = identify(season / "gallery.csv", season / "queries.csv", tmp_path / "out", options)
    assert list(matches.columns) == [
        "query",
        "rank",
        "candidate",
        "identity",
        "similarity",
        "local_score",
        "probability",
    ]
    # animal 2 is not in the gallery; 0 and 1 come back as photos 3 and 4
    named = decisions.set_index(decisions["encounter"].str.split("@").str[0])
    assert named.loc[files[3], "identity"] == "animal 0"
    assert named.loc[files[4], "identity"] == "animal 1"
    assert named.loc[[files[2], files[5]], "decision"].tolist() == ["new", "new"]
    best = matches[matches["rank"] == 1].set_index("query")["identity"]
    assert best[[q for q in best.index if q.startswith(files[3])]].tolist() == ["animal 0"]
    with pytest.raises(reid.ReidError, match="identity"):
        identify(season / "queries.csv", season / "queries.csv", tmp_path / "other", options)


def test_catalogue_words(season: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from reid.cli import main

    options = {"matcher": "sift", "decision.needs_flank": False, "index.flank_sure": 1.0, "count.draws": 50}
    reid.census(season, tmp_path / "out", season / "detections.json", tmp_path / "park.sqlite", options)
    file = str(tmp_path / "park.sqlite")
    assert main(["catalogue", "list", file]) == 0
    assert "ind-001" in capsys.readouterr().out
    assert main(["catalogue", "rename", file, "ind-001", "Leo 7M"]) == 0
    assert main(["catalogue", "show", file, "Leo 7M"]) == 0
    text = capsys.readouterr().out
    assert "Leo 7M" in text
    assert "renamed" in text
    for words, message in (
        (["catalogue"], "an action is missing"),
        (["catalogue", "list"], "write: reid catalogue list FILE"),
        (["catalogue", "list", "none.sqlite"], "no catalogue at"),
        (["catalogue", "rename", file, "nobody", "x"], "nobody"),
    ):
        assert main(words) == 2
        assert message in capsys.readouterr().err


def test_names_of_digits_stay_text(season: Path, tmp_path: Path) -> None:
    (tmp_path / "stations.csv").write_text("camera,station\ncam,01\n")
    options = {"matcher": "sift", "decision.needs_flank": False, "index.flank_sure": 1.0, "count.draws": 50}
    options |= {"scan.stations": str(tmp_path / "stations.csv"), "name_pattern": "00{}"}
    found = reid.census(season, tmp_path / "out", season / "detections.json", settings=options)
    assert set(found.sightings["station"]) == {"01"}
    named = set(found.sightings["identity"]) - {"unknown"}
    assert named == set(found.individuals["identity"])
    assert all(name.startswith("00") for name in named)
    assert found.sightings["probability"].dtype.kind == "f"
    assert found.sightings["date"].dtype.kind == "M"

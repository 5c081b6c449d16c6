"""Real snow leopards, from photos to a package that validates, to secr files, to an estimate, or to why there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import reid
from reid.abundance import capture_history, estimate
from reid.cli import run_verb
from reid.formats import validate_package


def test_the_labels_make_an_estimate(shared_data: Path) -> None:
    """By the names that people gave to all 113 photos: two cats met often are two cats."""
    photos = pd.read_csv(shared_data / "snow_leopards" / "photos.csv", parse_dates=["date"])
    history = capture_history(photos, occasion_days=10)
    assert history.animals == ("Cat21", "Cat23")
    days = (photos["date"] - photos["date"].min().normalize()).dt.days // 10
    np.testing.assert_array_equal(history.caught, pd.crosstab(photos["identity"], days).reindex(columns=range(history.occasions), fill_value=0).to_numpy() > 0)  # fmt: skip
    found = estimate(history, "M0")
    assert found.captured == 2
    assert 2 <= found.n < 2.6
    assert found.low == 2


@pytest.mark.slow
def test_from_photos_to_a_package_to_secr_and_to_an_estimate(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "snow_leopards"
    photos = root / "photos"
    boxes: dict[str, list[dict[str, object]]] = {str(p.relative_to(photos)): [] for p in sorted(photos.rglob("*.jpg"))}
    # recorded boxes stand for a detector; of the labels, nothing else is used
    for row in pd.read_csv(root / "crops.csv").itertuples():
        path = str(row.path).removeprefix("photos/")
        width, height = Image.open(photos / path).size
        box = np.array(json.loads(str(row.bbox)), float) / [width, height, width, height]
        boxes[path].append({"category": "1", "conf": 0.9, "bbox": box.round(6).tolist()})
    recorded = {"info": {"format_version": "1.4"}, "detection_categories": {"1": "animal"},
                "images": [{"file": path, "detections": found} for path, found in boxes.items()]}  # fmt: skip
    (tmp_path / "boxes.json").write_text(json.dumps(recorded))
    cameras = sorted(path.name for path in photos.iterdir())
    # where the cameras stood is not known; these places are made up, so no density is looked at
    lines = [f"{c},{c},{43.2 + n / 50},{76.9 + n / 30},2012-06-01,2012-09-30" for n, c in enumerate(cameras)]
    (tmp_path / "stations.csv").write_text("\n".join(["camera,location,latitude,longitude,start,end", *lines]) + "\n")
    (tmp_path / "placed.csv").write_text("\n".join(["camera,station,latitude,longitude,start,end", *lines]) + "\n")
    census = reid.census(photos, tmp_path / "census", tmp_path / "boxes.json", settings={"matcher": "sift", "scan.stations": str(tmp_path / "stations.csv"), "count.draws": 50})  # fmt: skip
    assert census.counts["photos"]["with_animal"] == 29
    assert census.counts["individuals"] >= 2
    run_verb("convert", [f"source={tmp_path / 'census'}", f"output={tmp_path / 'out'}", "to=[camtrapdp,secr]", f"stations={tmp_path / 'placed.csv'}", "time_zone=Asia/Almaty", "species=Panthera uncia"])  # fmt: skip
    assert validate_package(tmp_path / "out" / "camtrapdp") == []
    named = census.sightings[census.sightings["identity"] != "unknown"]
    rows = [line.split() for line in (tmp_path / "out/secr/secr_joined_captures.txt").read_text().splitlines() if line[0] != "#"]  # fmt: skip
    assert {row[1] for row in rows} == set(named["identity"])
    assert all(1 <= int(row[2]) <= 122 for row in rows)
    told = run_verb(
        "estimate", [f"census={tmp_path / 'census'}", f"output={tmp_path / 'est'}", "population.spatial='no'"]
    )
    # the boxes are of four bursts: nobody was met on two occasions, and the refusal says so
    assert "no estimate from left flanks" in told
    assert "at least 5 recaptures are needed" in told
    facts = json.loads((tmp_path / "est" / "estimates.json").read_text())["seasons"][0]
    assert facts["headline"]["n"] is None
    assert facts["headline"]["captured"] >= 2

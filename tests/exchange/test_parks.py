"""Two made-up parks with animals in common: from photos to the joint count, as two parks would do it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import reid
from reid.cli import run_verb
from reid.errors import ConfigError
from reid.exchange import names_of, read_key
from reid.synthetic import PictureSettings, SurveySettings, SynthesisSettings, make_parks

CLEAR = PictureSettings(480, 360, 95, ("day",), (0.6, 0.75), 5, 0.0, 0.0, 0.0)
SETTINGS = SynthesisSettings(3, 3, 5, survey=SurveySettings(stations=4, cameras=1, burst=2), picture=CLEAR)
QUICK = {"matcher": "sift", "coats": "none", "population.draws": 0, "count.draws": 50}


def test_parks_share_the_animals_that_they_should(tmp_path: Path) -> None:
    small = SynthesisSettings(2, 1, 1, survey=SurveySettings(stations=2, burst=1), picture=PictureSettings(160, 120))
    west, east = make_parks(tmp_path, small, common=1)
    here, there = (set(park.annotations["identity"]) for park in (west, east))
    assert len(here & there) == 1
    assert len(here) == len(there) == 2
    assert not set(west.annotations["station"]) & set(east.annotations["station"])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}
    again, _ = make_parks(tmp_path, small, common=1)
    assert again.annotations.equals(west.annotations)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")} == before
    with pytest.raises(ConfigError, match="common=3"):
        make_parks(tmp_path, small, common=3)


@pytest.mark.slow
def test_from_photos_to_the_joint_count(tmp_path: Path) -> None:
    parks = make_parks(tmp_path / "photos", SETTINGS, common=2)
    truth: list[dict[str, str]] = []
    for park, partner in zip(parks, ("east", "west"), strict=True):
        name = park.folder.name
        run_verb("exchange", ["key", f"output={tmp_path / name}.key"])
        done = reid.census(park.folder, tmp_path / name, park.folder / "megadetector.json", settings=QUICK)
        run_verb("exchange", ["export", f"catalogue={tmp_path / name / 'catalogue.sqlite'}", f"key={tmp_path / name}.key", f"output={tmp_path / name}-bundle", f"partner={partner}", "matcher=sift", "flank_sure=0.5"])  # fmt: skip
        seen = done.sightings.merge(park.annotations[["path", "identity"]], on="path", suffixes=("", "_true"))
        who = dict(zip(seen["identity"], seen["identity_true"], strict=True))
        with reid.Catalogue(tmp_path / name / "catalogue.sqlite") as catalogue:
            names = names_of(catalogue, read_key(f"{tmp_path / name}.key"), partner)
        truth.append({alias: who[animal] for alias, animal in names.items()})
    for here, there in (("west", "east"), ("east", "west")):
        run_verb("exchange", ["match", f"mine={tmp_path / here}-bundle/bundle.reidx", f"theirs={tmp_path / there}-bundle/bundle.reidx", f"their_key={tmp_path / there}.key.pub", f"output={tmp_path / here}-match", "matcher=sift", "reject=0.2"])  # fmt: skip
        side = ("west", "east").index(here)
        table = pd.read_csv(tmp_path / f"{here}-match" / "proposals.csv", dtype=str)
        same = [
            truth[side].get(a) == truth[1 - side].get(b) for a, b in zip(table["mine"], table["theirs"], strict=True)
        ]
        likely = table["verdict"] == "likely"
        assert all(right for right, sure in zip(same, likely, strict=True) if sure), "a likely pair is false"
        assert {truth[side][a] for a, right in zip(table["mine"], same, strict=True) if right} == {"cat-001", "cat-002"}
        table.assign(answer=["yes" if right else "no" for right in same]).to_csv(tmp_path / f"{here}.csv", index=False)
        run_verb("exchange", ["confirm", f"proposals={tmp_path / here}-match", f"key={tmp_path / here}.key", "by=Anna", f"answers={tmp_path / here}.csv", f"output={tmp_path / here}.answers"])  # fmt: skip
    run_verb("exchange", ["join", f"proposals={tmp_path}/west-match", f"mine={tmp_path}/west.answers", f"theirs={tmp_path}/east.answers", f"output={tmp_path / 'joint'}"])  # fmt: skip
    joint = json.loads((tmp_path / "joint" / "joint.json").read_text())
    table = pd.read_csv(tmp_path / "joint" / "joint.csv", keep_default_na=False)
    both = table[(table["mine"] != "") & (table["theirs"] != "")]
    assert {(truth[0][a], truth[1][b]) for a, b in zip(both["mine"], both["theirs"], strict=True)} == {("cat-001", "cat-001"), ("cat-002", "cat-002")}  # fmt: skip
    assert joint["open"] == 0
    assert joint["total"] == table["joint"].nunique() <= joint["mine"] + joint["theirs"] - 2
    assert joint["interval"]["low"] == joint["interval"]["high"] == joint["total"]

"""The census of a small season, worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from reid import tables
from reid.counts import INDIVIDUALS, census_tables, count, encounter_flanks, interval_meaning
from reid.errors import TableError


def crop(name: str, number: int, encounter: str, flank: str, station: str | None, date: str | None) -> dict[str, Any]:
    return {
        "crop_id": f"{name}@0#{number}",
        "image_id": f"{name}@0",
        "path": name,
        "content_hash": "0",
        "bbox": [0.0, 0.0, 10.0, 5.0],
        "confidence": 0.9,
        "orientation": flank,
        "date": date,
        "camera": station,
        "station": station,
        "encounter": encounter,
        "identity": "whoever the labels say",
    }


CROPS = [
    crop("b.jpg", 1, "e2", "right", "S2", "2020-05-02 10:00:00"),
    crop("a.jpg", 1, "e1", "left", "S1", "2020-05-01 10:00:00"),
    crop("a.jpg", 2, "e3", "front", "S1", "2020-05-01 10:00:00"),
    crop("c.jpg", 1, "e2", "unknown", "S2", "2020-05-02 10:00:05"),
    crop("d.jpg", 1, "e4", "left", None, None),
]
DECISIONS = [
    {"encounter": "e1", "identity": "Mara", "decision": "known", "probability": 0.9, "reason": "r"},
    {"encounter": "e2", "identity": "Mara", "decision": "known", "probability": 0.7, "reason": "r"},
    {"encounter": "e3", "identity": "unknown", "decision": "unsure", "probability": 0.5, "reason": "r"},
    {"encounter": "e4", "identity": "new-1", "decision": "new", "probability": 0.8, "reason": "r"},
]
TAKEN = [
    ("a", "S1", "2020-05-01 10:00:00"),
    ("b", "S2", "2020-05-02 10:00:00"),
    ("c", "S2", "2020-05-02 10:00:05"),
    ("d", None, None),
    ("empty", "S3", "2020-06-30 23:59:59"),
]
PHOTOS = [
    *({"image_id": f"{n}.jpg@0", "path": f"{n}.jpg", "station": s, "date": d} for n, s, d in TAKEN),
    {"image_id": "bad.jpg@0", "path": "bad.jpg", "station": "S1", "error": "no picture"},
]
PROBLEMS = [
    {"stage": "scan", "path": "bad.jpg", "reason": "no picture"},
    {"stage": "embed", "path": "b.jpg", "reason": "box outside"},
    {"stage": "embed", "path": "c.jpg", "reason": "box outside"},
]


def build(crops: list[dict[str, Any]] | None = None, decisions: list[dict[str, Any]] | None = None) -> Any:
    crop_table = tables.from_rows(CROPS if crops is None else crops, tables.CROPS)
    decision_table = tables.from_rows(DECISIONS if decisions is None else decisions, tables.DECISIONS)
    groups = dict(zip(decision_table["encounter"], decision_table["identity"], strict=True))
    number = count(groups, encounter_flanks(crop_table), tables.empty(tables.LINKS))
    photos, problems = tables.from_rows(PHOTOS, tables.PHOTOS), tables.from_rows(PROBLEMS, tables.PROBLEMS)
    return census_tables(
        crop_table, decision_table, number, photos, problems, {"accept": 0.9}, "abc123", "fitted elsewhere"
    )


def test_census() -> None:
    census, _, _ = build()
    assert census.pop("version")
    assert set(census["interval"].pop("means")) == {"covers", "does_not_cover"}
    assert census == {
        "individuals": 2,
        "interval": {"low": 2, "high": 3, "confidence": 0.9},
        "by_flank": {"left_only": 1, "right_only": 0, "both": 1, "neither": 0},
        "known": 1,
        "new": 1,
        "unsure": 1,
        "encounters": 4,
        "photos": {"found": 6, "unreadable": 1, "with_animal": 4, "without_animal": 1},
        "stations": 3,
        "period": {"first": "2020-05-01 10:00:00", "last": "2020-06-30 23:59:59"},
        "problems": {"embed": 2, "scan": 1},
        "settings": {"accept": 0.9},
        "fingerprint": "abc123",
        "calibration": "fitted elsewhere",
    }
    assert sum(census["photos"][kind] for kind in ("unreadable", "with_animal", "without_animal")) == 6


def test_census_is_json() -> None:
    census, _, _ = build()
    assert json.loads(json.dumps(census)) == census


def test_sightings_are_a_row_a_crop_with_its_encounters_decision() -> None:
    _, sightings, _ = build()
    assert list(sightings.columns) == tables.SIGHTINGS.names
    assert list(sightings["crop_id"]) == ["a.jpg@0#1", "a.jpg@0#2", "b.jpg@0#1", "c.jpg@0#1", "d.jpg@0#1"]
    assert list(sightings["identity"]) == ["Mara", "unknown", "Mara", "Mara", "new-1"]
    assert list(sightings["decision"]) == ["known", "unsure", "known", "known", "new"]
    assert list(sightings["probability"]) == [0.9, 0.5, 0.7, 0.7, 0.8]


def test_individuals() -> None:
    _, _, individuals = build()
    mara, new = tables.check(individuals, INDIVIDUALS).to_dict("records")
    assert (mara["identity"], mara["decision"], mara["flanks"], mara["stations"]) == (
        "Mara", "known", "left; right; other", "S1; S2",
    )  # fmt: skip
    assert (mara["encounters"], mara["crops"], mara["photos"]) == (2, 3, 3)
    assert (mara["first_seen"], mara["last_seen"]) == (
        pd.Timestamp("2020-05-01 10:00:00"), pd.Timestamp("2020-05-02 10:00:05"),
    )  # fmt: skip
    assert mara["probability"] == 0.7
    assert mara["mean_probability"] == pytest.approx(0.8)
    assert (new["identity"], new["decision"], new["flanks"], new["encounters"]) == ("new-1", "new", "left", 1)
    assert pd.isna(new["stations"])
    assert pd.isna(new["first_seen"])


def test_row_order_does_not_matter() -> None:
    first, second = build(), build(CROPS[::-1], DECISIONS[::-1])
    assert first[0] == second[0]
    for a, b in zip(first[1:], second[1:], strict=True):
        pd.testing.assert_frame_equal(a, b)


def test_a_season_without_an_animal() -> None:
    census, sightings, individuals = build([], [])
    assert (census["individuals"], census["encounters"], census["photos"]["without_animal"]) == (0, 0, 5)
    assert len(sightings) == len(individuals) == 0


@pytest.mark.parametrize(
    ("encounter", "message"),
    [("e9", "'e9', which has no decision"), (None, "has no encounter; every crop needs")],
)
def test_a_crop_is_never_lost(encounter: str | None, message: str) -> None:
    with pytest.raises(TableError, match=message):
        build([*CROPS, {**CROPS[0], "crop_id": "z#1", "encounter": encounter}])


def test_the_meaning_names_the_confidence() -> None:
    number = count({"e": "A"}, {"e": {"left"}}, tables.empty(tables.LINKS), confidence=0.95)
    assert "95 %" in interval_meaning(number)["covers"]

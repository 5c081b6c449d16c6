"""Any survey, written in a format and read back, is the survey that was written, as far as the format can say it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reid.formats import PackageSettings, Survey, Wanted, make_survey, read_survey, validate_package, write_survey
from reid.tables import UNKNOWN

ALPHABET = st.characters(categories=("L", "N", "Zs"), include_characters="-_.'&,;\"#()")
WORD = st.text(ALPHABET, min_size=1, max_size=10).map(lambda s: " ".join(s.split())).filter(
    lambda s: s and s.casefold() not in ("na", "n/a", "nan", "null", "none", "-", "?") and not s.startswith(("-", "?")) and any(c.isalpha() for c in s) and "unknown" not in s.casefold()
)  # fmt: skip
IDENTITY = st.one_of(st.just(UNKNOWN), st.from_regex(r"[A-Z][a-zé]{1,5}[ _-][0-9]{1,2}", fullmatch=True))
TIME = st.datetimes(pd.Timestamp("2002-01-01").to_pydatetime(), pd.Timestamp("2030-01-01").to_pydatetime()).map(
    lambda t: pd.Timestamp(t.replace(microsecond=0))
)
PART = st.integers(1, 98).map(lambda n: n / 128)


@st.composite
def surveys(draw: Callable[..., Any], dated: bool = False, unit: str | None = None) -> Survey:
    cameras = draw(st.lists(WORD, min_size=1, max_size=3, unique_by=str.casefold))
    places = [
        {
            "camera": camera,
            "station": draw(st.one_of(st.just(camera), WORD)),
            "latitude": draw(st.floats(-60, 60).map(lambda x: round(x, 5)).filter(bool)),
            "longitude": draw(st.floats(91, 170).map(lambda x: round(x, 5))),
            "start": pd.Timestamp("2001-01-01"),
            "end": pd.Timestamp("2031-01-01"),
            "camera_id": draw(st.one_of(st.none(), st.just(f"device {n}"))),
            "utc_offset": draw(st.sampled_from(["+05:45", "+00:00", "-03:30"])),
        }
        for n, camera in enumerate(cameras)
    ]
    station = {place["camera"]: place["station"] for place in places}
    photos = []
    for n in range(draw(st.integers(1, 4))):
        camera = draw(st.sampled_from(cameras))
        photos.append(
            {
                "path": f"c{n}/{draw(st.from_regex(r'[A-Za-z0-9 é]{1,6}', fullmatch=True)).strip() or 'x'}.jpg",
                "camera": camera,
                "station": station[camera],
                "date": draw(TIME if dated else st.one_of(st.none(), TIME)),
                "width": 1280,
                "height": 960,
            }
        )
    animals = []
    for n in range(draw(st.integers(0, 5))):
        kind = unit or draw(st.sampled_from(["pixel", "relative"]))
        sides = (1280, 960) * 2 if kind == "pixel" else (1, 1, 1, 1)
        box = [draw(PART) * 0.5 * side for side in sides]
        who = draw(IDENTITY)
        animals.append(
            {
                "animal_id": f"a{n}",
                "path": draw(st.sampled_from(photos))["path"],
                "bbox": draw(st.one_of(st.none(), st.just(box))),
                "bbox_unit": kind,
                "identity": who,
                "orientation": draw(st.sampled_from(["left", "right", "front", "back", "unknown"])),
                "encounter": draw(st.one_of(st.none(), st.sampled_from(["e 1", "e/2"]))),
                "confidence": draw(st.one_of(st.none(), PART)),
                "probability": None if who == UNKNOWN else draw(st.one_of(st.none(), PART)),
                "species": draw(st.one_of(st.none(), st.just("Panthera pardus"))),
                "sex": draw(st.sampled_from([None, "female", "male"])),
                "life_stage": draw(st.sampled_from([None, "adult", "juvenile"])),
                "method": draw(st.sampled_from([None, "human", "machine"])),
                "by": draw(st.one_of(st.none(), WORD)),
            }
        )
    return make_survey(photos, places, animals)


def back(survey: Survey, folder: Path, to: str, name: str, **how: Any) -> Survey:
    write_survey(survey, folder, to, Wanted(PackageSettings(), **how))
    return read_survey(folder / name)


def same(one: pd.DataFrame, other: pd.DataFrame, *columns: str, by: str = "path") -> None:
    keys = list(columns)
    a, b = (frame.sort_values(by, kind="stable")[keys].reset_index(drop=True) for frame in (one, other))
    pd.testing.assert_frame_equal(a, b, check_dtype=False)


def boxed(survey: Survey) -> pd.DataFrame:
    """Animals with boxes in parts of the photo, to eight decimals; without one, no unit."""
    frame = survey.animals.copy()
    sides = [(1, 1, 1, 1) if unit == "relative" else (1280, 960) * 2 for unit in frame["bbox_unit"].fillna("relative")]
    frame["bbox"] = [
        None if box is None else tuple(round(x / side, 7) for x, side in zip(box, place, strict=True))
        for box, place in zip(frame["bbox"], sides, strict=True)
    ]
    return frame


ANY = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@ANY
@given(survey=surveys())
def test_csv(survey: Survey, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("csv")
    again = back(survey, folder, "csv", "csv")
    same(survey.photos, again.photos, *survey.photos.columns)
    same(survey.deployments, again.deployments, *survey.deployments.columns, by="camera")
    same(survey.animals, again.animals, *survey.animals.columns, by="animal_id")
    assert again.notes == ()


@ANY
@given(survey=surveys())
def test_coco(survey: Survey, tmp_path_factory: pytest.TempPathFactory) -> None:
    again = back(survey, tmp_path_factory.mktemp("coco"), "coco", "coco.json")
    same(survey.photos, again.photos, "path", "date", "width", "height", "camera")
    frame = survey.animals.assign(bbox_unit=survey.animals["bbox_unit"].where(survey.animals["bbox"].notna()))
    same(frame, again.animals, *survey.animals.columns, by="animal_id")


@ANY
@given(survey=surveys())
def test_megadetector(survey: Survey, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("md")
    again = back(survey, folder, "megadetector", "megadetector.json")
    assert again.photos["path"].tolist() == survey.photos["path"].tolist()
    before = boxed(survey)
    whole = [box or (0.0, 0.0, 1.0, 1.0) for box in before["bbox"]]
    key = ["path", "bbox", "identity", "confidence"]
    one = before.assign(bbox=whole, confidence=before["confidence"].fillna(1.0))[key].sort_values(key).values.tolist()
    other = boxed(again)[key].sort_values(key).values.tolist()
    assert one == other
    # what Timelapse takes: categories of every detection and classification are listed
    content = json.loads((folder / "megadetector.json").read_text())
    assert content["info"]["format_version"] == "1.6"
    for image in content["images"]:
        for row in image["detections"]:
            assert row["category"] in content["detection_categories"]
            assert all(key in content["classification_categories"] for key, _ in row.get("classifications", []))


@ANY
@given(survey=surveys(unit="pixel"))
def test_wildlife(survey: Survey, tmp_path_factory: pytest.TempPathFactory) -> None:
    again = back(survey, tmp_path_factory.mktemp("wd"), "wildlife", "wildlife.csv")
    frame = survey.animals.assign(bbox_unit="pixel")
    same(
        frame,
        again.animals,
        "animal_id",
        "path",
        "bbox",
        "identity",
        "orientation",
        "species",
        "encounter",
        by="animal_id",
    )
    seen = survey.photos[survey.photos["path"].isin(survey.animals["path"])]
    same(seen, again.photos, "path", "date", "camera", "station")
    places = survey.deployments[survey.deployments["camera"].isin(seen["camera"])]
    same(places, again.deployments, "camera", "station", "latitude", "longitude", by="camera")


@pytest.mark.slow
@ANY
@given(survey=surveys(dated=True))
def test_camtrapdp(survey: Survey, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("dp")
    again = back(survey, folder, "camtrapdp", "camtrapdp")
    assert validate_package(folder / "camtrapdp") == []
    same(survey.photos, again.photos, "path", "date", "camera", "station")
    same(survey.deployments, again.deployments, "camera", "station", "latitude", "longitude", "start", "end", "camera_id", "utc_offset", by="camera")  # fmt: skip
    columns = ("animal_id", "path", "bbox", "identity", "orientation", "encounter", "species", "sex", "life_stage", "probability", "method", "by")  # fmt: skip
    same(boxed(survey), boxed(again), *columns, by="animal_id")
    # and a second time, from the package, to the same bytes
    write_survey(again, folder / "twice", "camtrapdp")
    for file in (folder / "camtrapdp").iterdir():
        if file.name != "individuals.csv":
            assert file.read_bytes() == (folder / "twice" / "camtrapdp" / file.name).read_bytes(), file.name

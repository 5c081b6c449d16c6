"""Captures: worked by hand from a season small enough to count on fingers, and read back by readers of our own that are
as strict as R's."""

from __future__ import annotations

import csv
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.errors import ConfigError, InputError, TableError
from reid.formats.camtrapr import write_camtrapr
from reid.formats.captures import captures_of
from reid.formats.effort import effort_of
from reid.formats.model import Survey, make_survey
from reid.formats.oscr import write_oscr
from reid.formats.projection import project
from reid.formats.secr import write_secr
from reid.formats.settings import CaptureSettings
from reid.formats.twoflank import complete, encounter_matrix, spim_cells, write_two_flank

GOLDEN = Path(__file__).parent / "golden"
Day = pd.Timestamp

# camera, time, animal, flank, encounter, decision
SEEN = [
    ("N_1", "2012-06-01 22:00:00", "M 01", "left", "e1", "known"),
    ("N_2", "2012-06-01 22:00:05", "M 01", "right", "e1", "known"),
    ("N_1", "2012-06-01 22:40:00", "M 01", "left", "e2", "known"),
    ("N_1", "2012-06-01 23:20:00", "M 01", "left", "e3", "known"),
    ("S", "2012-06-03 00:00:00", "M 01", "right", "e4", "known"),
    ("S", "2012-06-04 10:00:00", "F02", "left", "e5", "new"),
    ("N_1", "2012-06-05 10:00:00", "F02", "left", "e6", "new"),
    ("W", "2012-06-02 10:00:00", "F03", "right", "e7", "new"),
    ("W", "2012-06-03 10:00:00", "F03", "unknown", "e8", "new"),
    ("W", "2012-06-03 12:00:00", "F04", "left", "e9", "unsure"),
]


BUILT: dict[str, Survey] = {}


def season(seen: list[tuple] = SEEN, **changes: dict) -> Survey:
    key = repr((seen, changes))
    if key not in BUILT:
        BUILT[key] = build(seen, changes)
    return BUILT[key]


def build(seen: list[tuple], changes: dict[str, dict]) -> Survey:
    places = {
        "N_1": {"station": "North_ridge", "latitude": 27.5, "longitude": 90.25},
        "N_2": {"station": "North_ridge", "latitude": 27.5, "longitude": 90.25},
        "S": {"latitude": 27.41, "longitude": 90.31},
        "W": {"latitude": 27.45, "longitude": 90.2},
    }
    rows = [
        {
            "camera": name,
            "start": Day("2012-06-01"),
            "end": Day("2012-06-06 23:59:59"),
            **place,
            **changes.get(name, {}),
        }
        for name, place in places.items()
    ]
    photos = [
        {
            "path": f"{camera}/{i}.jpg",
            "camera": camera,
            "station": places[camera].get("station", camera),
            "date": Day(date),
        }
        for i, (camera, date, *_) in enumerate(seen)
    ]
    animals = [
        {"animal_id": f"a{i}", "path": f"{camera}/{i}.jpg", "identity": who, "orientation": side, "encounter": encounter,
         "decision": decision, "species": "Panthera pardus", "sex": "male" if who == "M 01" else None}
        for i, (camera, _, who, side, encounter, decision) in enumerate(seen)
    ]  # fmt: skip
    return make_survey(photos, rows, animals)


def tokens(text: str) -> list[list[str]]:
    """What R's read.table makes of white-space text: comments cut, no quotes allowed, equal numbers of fields."""
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    rows = [line for line in lines if line]
    assert not any(mark in value for row in rows for value in row for mark in "'\"")
    assert len({len(row) for row in rows}) <= 1
    return rows


def read_secr(folder: Path, side: str) -> tuple[list[tuple], dict[str, tuple[float, float, list[int]]]]:
    """Captures and detectors, checked as secr's make.capthist and verify do."""
    captures = [(s, i, int(o), d) for s, i, o, d in tokens((folder / f"secr_{side}_captures.txt").read_text())]
    traps = {name: (float(x), float(y), [int(u) for u in usage])
             for name, x, y, usage in tokens((folder / f"secr_{side}_traps.txt").read_text())}  # fmt: skip
    assert len({len(usage) for _, _, usage in traps.values()}) == 1
    assert all("_" not in name for name in traps)
    for _, animal, occasion, detector in captures:
        assert detector in traps and 1 <= occasion <= len(traps[detector][2])
        assert animal == "NONE" or traps[detector][2][occasion - 1] == 1
    return captures, traps


def shown(survey: Survey, side: str = "joined", **how: object) -> list[tuple]:
    history = captures_of(survey, CaptureSettings(**how), side)  # type: ignore[arg-type]
    return [(c.identity, c.detector, c.occasion, "".join(sorted(s[0] for s in c.flanks))) for c in history.captures]


def test_records_by_hand() -> None:
    assert shown(season()) == [
        ("F02", "S", 4, "l"),
        ("F02", "North_ridge", 5, "l"),
        ("F03", "W", 2, "r"),
        ("F03", "W", 3, ""),
        ("M 01", "North_ridge", 1, "lr"),
        ("M 01", "North_ridge", 1, "l"),
        ("M 01", "North_ridge", 1, "l"),
        ("M 01", "S", 3, "r"),
    ]
    assert [who for who, *_ in shown(season(), "left")] == ["F02", "F02", "M 01", "M 01", "M 01"]
    assert [who for who, *_ in shown(season(), "right")] == ["F03", "M 01", "M 01"]


def test_a_record_at_the_very_start_is_of_the_first_occasion() -> None:
    seen = [
        ("S", "2012-06-01 00:00:00", "A", "left", "e", "new"),
        ("S", "2012-06-06 23:59:59", "A", "left", "f", "new"),
    ]
    assert [occasion for _, _, occasion, _ in shown(season(seen))] == [1, 6]
    assert [occasion for _, _, occasion, _ in shown(season(seen), occasion_days=4)] == [1, 2]


@pytest.mark.parametrize(
    ("minutes", "compared", "left"),
    [
        (0, "last_independent", 3),
        (30, "last_independent", 3),
        (60, "last_independent", 2),
        (60, "last", 1),
        (90, "last", 1),
    ],
)
def test_the_independence_interval(minutes: int, compared: str, left: int) -> None:
    # records at 22:00, 22:40, 23:20: with an hour, the third is independent of the first but not of the second
    found = [row for row in shown(season(), independence_min=minutes, compared_to=compared) if row[1] == "North_ridge" and row[0] == "M 01"]  # fmt: skip
    assert len(found) == left
    assert found[0][3] == "lr"


def test_occasions_are_counted_from_the_stated_start() -> None:
    history = captures_of(season(), CaptureSettings(start="2012-06-02", occasion_days=2, occasions=2))
    assert [(c.identity, c.occasion) for c in history.captures] == [
        ("F02", 2),
        ("F02", 2),
        ("F03", 1),
        ("F03", 1),
        ("M 01", 1),
    ]
    outside = [note for note in history.notes if "none of the 2 occasions" in note.reason]
    assert [note.found for note in outside] == ["M 01 N_1/0.jpg", "M 01 N_2/1.jpg", "M 01 N_1/2.jpg", "M 01 N_1/3.jpg"]
    assert [note.row for note in outside] == [1, 2, 3, 4]
    assert history.usage.tolist() == [[2, 2], [2, 2], [2, 2]]


def test_photos_on_days_without_effort_are_reported_row_by_row(tmp_path: Path) -> None:
    table = tmp_path / "off.csv"
    table.write_text("camera,from,to\nN_1,2012-06-01,2012-06-02\nW,2012-06-03,2012-06-04\n")
    survey = season(S={"end": Day("2012-06-03 12:00:00")})
    history = captures_of(survey, CaptureSettings(inactive=str(table)))
    reported = [(note.row, note.found) for note in history.notes if note.file == "photos"]
    assert reported == [
        (1, "N_1/0.jpg 2012-06-01 22:00:00 N_1"), (2, "N_1/2.jpg 2012-06-01 22:40:00 N_1"),
        (3, "N_1/3.jpg 2012-06-01 23:20:00 N_1"), (7, "S/5.jpg 2012-06-04 10:00:00 S"),
        (9, "W/8.jpg 2012-06-03 10:00:00 W"), (10, "W/9.jpg 2012-06-03 12:00:00 W"),
    ]  # fmt: skip
    lost = {note.found for note in history.notes if note.file == "animals" and note.done == "left out"}
    assert lost == {"M 01 N_1/0.jpg", "M 01 N_1/2.jpg", "M 01 N_1/3.jpg", "F02 S/5.jpg", "F03 W/8.jpg"}
    # every named sighting is in a capture or in a note
    kept = {path for capture in history.captures for path in capture.paths}
    assert kept | {found.split()[-1] for found in lost} == set(survey.named["path"])
    assert history.usage.tolist() == [[1, 1, 1, 1, 1, 1], [1, 1, 0.5, 0, 0, 0], [1, 1, 0, 0, 1, 1]]
    proved = captures_of(survey, CaptureSettings(inactive=str(table), inactive_photos="extend"))
    assert not [note for note in proved.notes if note.done == "left out"]
    assert proved.usage.tolist() == [[1, 1, 1, 1, 1, 1], [1, 1, 0.5, 1, 0, 0], [1, 1, 1, 0, 1, 1]]


def test_wrong_tables_of_inactive_days_are_refused(tmp_path: Path) -> None:
    for rows, message in [
        ("X,2012-06-01,2012-06-02", "'X' is none of the cameras"),
        ("S,2012-06-05,2012-06-02", "row 2"),
    ]:
        (tmp_path / "off.csv").write_text(f"camera,from,to\n{rows}\n")
        with pytest.raises(TableError, match=message):
            effort_of(season(), CaptureSettings(inactive=str(tmp_path / "off.csv")))


def test_effort_without_dates_comes_from_the_photos_and_says_so() -> None:
    effort = effort_of(season(W={"start": None, "end": None}), CaptureSettings())
    assert np.nan_to_num(effort.active[3]).tolist() == [0, 1, 1, 0, 0, 0]
    assert [note.column for note in effort.notes if note.done == "repaired"] == ["start", "end"]


def test_nothing_to_count_is_refused() -> None:
    with pytest.raises(InputError, match="no animal"):
        captures_of(make_survey([{"path": "a/b.jpg", "camera": "a", "date": Day("2012-06-01")}], [{"camera": "a"}]))
    with pytest.raises(InputError, match="no effort"):
        captures_of(make_survey([{"path": "a/b.jpg", "camera": "a"}], [{"camera": "a"}]))
    with pytest.raises(InputError, match="a date is wrong"):
        captures_of(season(S={"start": Day("1900-01-01")}))
    for wrong in (
        {"start": "June"},
        {"occasion_days": 0},
        {"unit": "grid"},
        {"session": "wet season"},
        {"independence_min": -1},
    ):
        with pytest.raises(ConfigError):
            CaptureSettings(**wrong)  # type: ignore[arg-type]


def test_utm_agrees_with_published_points() -> None:
    # CN Tower, Toronto: 17T 630084 4833438; the equator at a zone's middle: 500000 0
    (x, y), = project([43 + 38 / 60 + 33.24 / 3600], [-(79 + 23 / 60 + 13.7 / 3600)])[0]  # fmt: skip
    assert (x, y) == (pytest.approx(630084, abs=1), pytest.approx(4833438, abs=1))
    assert project([0.0], [3.0]) == ([(500000.0, 0.0)], 32631, False)
    assert project([-0.0001], [3.0])[1] == 32731 and project([-0.0001], [3.0])[0][0][1] > 9_999_900
    assert project([27.0, 27.0, 27.0], [90.0, 90.1, 97.9])[1:] == (32646, True)


def test_secr_files_read_back(tmp_path: Path) -> None:
    survey = season()
    for side, animals in (("joined", 3), ("left", 2), ("right", 2)):
        history = captures_of(survey, side=side)
        notes = write_secr(history, tmp_path)
        captures, traps = read_secr(tmp_path, side)
        assert len(captures) == len(history.captures)
        assert len({animal for _, animal, _, _ in captures}) == animals
        assert set(traps) == {"North-ridge", "S", "W"}
        assert {(note.found, note.column) for note in notes} >= {("North_ridge", "detector"), ("M 01", "individual")}
    # distances in metres agree with the sphere's within half a per cent
    traps = read_secr(tmp_path, "joined")[1]
    a, b = (np.array(traps[name][:2]) for name in ("North-ridge", "S"))
    north, east = 0.09 * 111_195, 0.06 * 111_195 * np.cos(np.radians(27.455))
    assert np.hypot(*(a - b)) == pytest.approx(np.hypot(north, east), rel=0.005)


def test_proximity_has_one_row_an_occasion(tmp_path: Path) -> None:
    history = captures_of(season(), CaptureSettings(detector="proximity"))
    write_secr(history, tmp_path, CaptureSettings(detector="proximity"))
    captures, _ = read_secr(tmp_path, "joined")
    assert len(captures) == len(set(captures)) == 6


def test_a_session_without_captures_has_its_row(tmp_path: Path) -> None:
    seen = [row for row in SEEN if row[2] != "M 01" and row[3] == "left"]
    write_secr(captures_of(season(seen), side="right"), tmp_path)
    captures, traps = read_secr(tmp_path, "right")
    assert captures == [("1", "NONE", 6, "North-ridge")] and len(traps) == 3


def test_a_detector_without_coordinates_is_left_out_and_its_captures_named(tmp_path: Path) -> None:
    history = captures_of(season(W={"latitude": None, "longitude": None}))
    notes = write_secr(history, tmp_path)
    assert [note.found for note in notes if note.done == "left out"] == ["F03 W 2012-06-02 10:00:00", "F03 W 2012-06-03 10:00:00"]  # fmt: skip
    captures, traps = read_secr(tmp_path, "joined")
    assert set(traps) == {"North-ridge", "S"} and len(captures) == 6
    assert [note.found for note in write_two_flank(history, tmp_path) if note.column == "trap"] == [None]


def test_oscr_files_read_back(tmp_path: Path) -> None:
    history = captures_of(season())
    write_oscr(history, tmp_path, sexes={"M 01": "male"})
    with (tmp_path / "oscr_joined_edf.csv").open() as file:
        edf = list(csv.reader(file))
    with (tmp_path / "oscr_joined_tdf.csv").open() as file:
        tdf = list(csv.reader(file))
    assert edf[0] == ["session", "individual", "occasion", "trap", "sex"]
    assert {(row[1], row[4]) for row in edf[1:]} == {("M-01", "M"), ("F02", "NA"), ("F03", "NA")}
    assert tdf[0] == ["TrapID", "X", "Y", "1", "2", "3", "4", "5", "6", "/", "days"]
    assert all(row[9] == "/" and set(row[3:9]) == {"1"} for row in tdf[1:])
    assert {row[3] for row in edf[1:]} <= {row[0] for row in tdf[1:]}


def test_camtrapr_tables(tmp_path: Path) -> None:
    (tmp_path / "off.csv").write_text("camera,from,to\nN_2,2012-06-02,2012-06-03\n")
    survey = season(S={"start": Day("2012-06-02 12:00:00")})
    history = captures_of(survey, CaptureSettings(inactive=str(tmp_path / "off.csv"), independence_min=30))
    write_camtrapr(history, survey, tmp_path)
    records = pd.read_csv(tmp_path / "camtrapr_joined_records.csv")
    assert records["Individual"].tolist() == ["F02", "M 01", "M 01", "M 01", "F02", "M 01", "F03", "F03"]
    mine = records[(records["Individual"] == "M 01") & (records["Station"] == "North_ridge")]
    assert mine["delta.time.mins"].tolist() == [0, 40, 40]
    assert mine["DateTimeOriginal"].tolist()[0] == "2012-06-01 22:00:00"
    assert (mine["Directory"].iloc[0], mine["FileName"].iloc[0], mine["n_images"].iloc[0]) == ("N_1", "0.jpg", 2)
    operation = pd.read_csv(tmp_path / "camtrapr_operation.csv", index_col=0)
    assert operation.index.tolist() == ["North_ridge__CAM_N_1", "North_ridge__CAM_N_2", "S", "W"]
    assert operation.loc["North_ridge__CAM_N_2"].tolist() == [1, 0, 0, 1, 1, 1]
    assert operation.loc["S"].isna().tolist() == [True] + [False] * 5
    assert operation.loc["S", "2012-06-02"] == 0.5
    cameras = pd.read_csv(tmp_path / "camtrapr_cameras.csv").set_index("Camera")
    assert cameras.loc["N_2", ["Problem1_from", "Problem1_to"]].tolist() == ["2012-06-02", "2012-06-03"]
    assert cameras.loc["S", ["Setup_date", "Retrieval_date"]].tolist() == ["2012-06-02", "2012-06-06"]
    # a camera operation matrix made from the camera table alone, as camtrapR makes it, has the same working days
    for camera, row in cameras.iterrows():
        name = f"{row['Station']}__CAM_{camera}" if row["Station"] == "North_ridge" else camera
        for day in operation.columns:
            up = row["Setup_date"] <= day <= row["Retrieval_date"]
            off = up and isinstance(row["Problem1_from"], str) and row["Problem1_from"] <= day <= row["Problem1_to"]
            expected = np.nan if not up else 0 if off else 1
            value = operation.loc[name, day]
            assert (np.isnan(value) and np.isnan(expected)) or np.ceil(value) == expected


def test_two_flanks(tmp_path: Path) -> None:
    history = captures_of(season())
    assert complete(history) == {"M 01": "simultaneous"}
    order, cells = spim_cells(history)
    assert order == {"both": ["M 01"], "left": ["M 01", "F02"], "right": ["M 01", "F03"]}
    # traps in natural order: North_ridge 1, S 2, W 3
    assert cells == [
        ("both", 1, 1, 1, 1), ("left", 1, 2, 1, 1), ("left", 2, 2, 4, 2), ("left", 2, 2, 5, 1),
        ("right", 1, 3, 3, 2), ("right", 2, 3, 2, 3),
    ]  # fmt: skip
    data_type, rows, _ = encounter_matrix(history)
    assert data_type == "sometimes"
    assert rows == [("F02", 0, [0, 0, 0, 1, 1, 0]), ("F03", 0, [0, 2, 0, 0, 0, 0]), ("M 01", 1, [4, 0, 2, 0, 0, 0])]
    notes = write_two_flank(history, tmp_path)
    assert [note.found for note in notes] == ["F03 W 2012-06-03 10:00:00"]
    table = pd.read_csv(tmp_path / "flanks.csv").set_index("identity")
    assert table["evidence"].to_dict() == {"F02": "left only", "F03": "right only", "M 01": "simultaneous"}
    assert table.loc["M 01", ["left", "right", "both_at_once"]].tolist() == [3, 2, 1]
    assert pd.read_csv(tmp_path / "spim_traps.csv")["cameras"].tolist() == [2, 1, 1]


R_READS = r"""
captures <- read.table("secr_left_captures.txt", as.is = TRUE, colClasses = c("character", "character", NA, "character"))
traps <- read.table("secr_left_traps.txt", row.names = 1, as.is = TRUE, colClasses = c("character", NA, NA, "character"))
days <- read.table("secr_left_traps_days.txt", row.names = 1)
stopifnot(all(captures[, 4] %in% row.names(traps)), is.numeric(traps[, 1]), all(nchar(traps[, 3]) == max(captures[, 3])))
stopifnot(ncol(days) == 2 + nchar(traps[1, 3]), identical(row.names(days), row.names(traps)))
source("spim.R")
stopifnot(sum(data$both) == 1, sum(data$left) == 3, sum(data$right) == 2, data$left[1, 2, 1, 1] == 1, data$right[2, 3, 1, 3] == 1)
tdf <- read.csv("oscr_left_tdf.csv", check.names = FALSE)
stopifnot(which(names(tdf) == "/") == 7, all(tdf[, 7] == "/"))
enc <- as.matrix(read.csv("multimark.csv", comment.char = "#")[, -(1:2)])
stopifnot(all(enc %in% 0:4), enc[3, 1] == 4)
cat("read", nrow(captures), "of", length(unique(captures[, 2])))
"""


def test_r_itself_reads_the_files() -> None:
    if not shutil.which("Rscript"):
        pytest.skip("R is not installed; the golden files and the strict reader stand in for it")
    out = subprocess.run(["Rscript", "-e", R_READS], cwd=GOLDEN, capture_output=True, text=True, timeout=60)
    assert out.stdout == "read 5 of 2", out.stderr


def test_flanks_joined_by_a_person_are_two_histories_for_multimark() -> None:
    seen = [
        ("S", "2012-06-01 10:00:00", "A", "left", "e", "new"),
        ("S", "2012-06-02 10:00:00", "A", "right", "f", "new"),
    ]
    history = captures_of(season(seen))
    assert complete(history) == {"A": "linked"}
    data_type, rows, notes = encounter_matrix(history)
    assert data_type == "never"
    assert rows == [("A (left)", 0, [1, 0, 0, 0, 0, 0]), ("A (right)", 0, [0, 2, 0, 0, 0, 0])]
    assert len(notes) == 1


@pytest.mark.parametrize("name", ["secr_left_captures.txt", "secr_left_traps_days.txt", "secr_left_traps.txt", "oscr_left_edf.csv",
    "oscr_left_tdf.csv", "camtrapr_left_records.csv", "camtrapr_cameras.csv", "camtrapr_operation.csv", "flanks.csv",
    "spim_cells.csv", "spim_individuals.csv", "spim_traps.csv", "spim.R", "multimark.csv"])  # fmt: skip
def test_golden_files(name: str, tmp_path: Path) -> None:
    survey = season(S={"start": Day("2012-06-02 12:00:00")})
    how = CaptureSettings(occasion_days=2)
    write_secr(captures_of(survey, how, "left"), tmp_path)
    write_oscr(captures_of(survey, how, "left"), tmp_path, sexes={"M 01": "male"})
    write_camtrapr(captures_of(survey, how, "left"), survey, tmp_path)
    write_two_flank(captures_of(survey, how), tmp_path)
    assert (tmp_path / name).read_text() == (GOLDEN / name).read_text()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["N_1", "N_2", "S", "W"]),
            st.integers(0, 6 * 1440 - 1).map(lambda m: str(Day("2012-06-01") + pd.Timedelta(minutes=m))),
            st.sampled_from(["A", "B_1", "B-1"]),
            st.sampled_from(["left", "right", "unknown"]),
            st.integers(0, 5).map(str),
            st.just("known"),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 7),
    st.sampled_from([0.0, 60.0, 5000.0]),
)
def test_nothing_is_lost_and_secr_reads_it(
    tmp_path_factory: pytest.TempPathFactory, seen: list, days: int, gap: float
) -> None:
    folder = tmp_path_factory.mktemp("any")
    # an encounter is of one animal
    seen = [(c, t, who, side, f"{who}{e}", d) for c, t, who, side, e, d in seen]
    survey = season(seen)
    history = captures_of(survey, CaptureSettings(occasion_days=days, independence_min=gap))
    write_secr(history, folder)
    captures, _ = read_secr(folder, "joined")
    assert len(captures) == len(history.captures)
    assert len({animal for _, animal, _, _ in captures}) == survey.named["identity"].nunique()
    assert {path for capture in history.captures for path in capture.paths} == set(survey.named["path"])
    for capture in history.captures:
        assert capture.occasion == (capture.time - datetime(2012, 6, 1)).days // days + 1
    if gap == 0:
        assert len(captures) == len(
            survey.animals.merge(survey.photos, on="path").groupby(["identity", "station", "encounter"])
        )
    fewer = captures_of(survey, replace(CaptureSettings(occasion_days=days), independence_min=gap + 60))
    assert len(fewer.captures) <= len(history.captures)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["N_1", "N_2", "S", "W"]),
            st.integers(0, 6 * 1440 - 1).map(lambda m: str(Day("2012-06-01") + pd.Timedelta(minutes=m))),
            st.sampled_from(["A", "B_1", "C d"]),
            st.sampled_from(["left", "right", "unknown"]),
            st.integers(0, 5).map(str),
            st.just("known"),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 7),
)
def test_every_writer_says_the_same_captures(tmp_path_factory: pytest.TempPathFactory, seen: list, days: int) -> None:
    """oSCR's tables, camtrapR's records and the two-flank arrays, read back, hold the captures that were written."""
    folder = tmp_path_factory.mktemp("every")
    seen = [(c, t, who, side, f"{who}{e}", d) for c, t, who, side, e, d in seen]
    survey = season(seen)
    history = captures_of(survey, CaptureSettings(occasion_days=days))
    write_oscr(history, folder)
    write_camtrapr(history, survey, folder)
    edf = pd.read_csv(folder / "oscr_joined_edf.csv", dtype=str)
    tdf = pd.read_csv(folder / "oscr_joined_tdf.csv", dtype=str)
    assert len(edf) == len(history.captures)
    assert set(edf["trap"]) <= set(tdf["TrapID"])
    assert sorted(edf["occasion"].astype(int)) == sorted(c.occasion for c in history.captures)
    assert edf["individual"].nunique() == len({c.identity for c in history.captures})
    records = pd.read_csv(folder / "camtrapr_joined_records.csv")
    assert sorted(records["Individual"]) == sorted(c.identity for c in history.captures)
    assert sorted(records["DateTimeOriginal"]) == sorted(str(c.time) for c in history.captures)
    _, cells = spim_cells(history)
    flanks = {("left", c.identity, c.detector, c.occasion) for c in history.captures if c.flanks == {"left"}}
    assert len({cell for cell in cells if cell[0] == "left"}) == len(flanks)
    _, rows, _ = encounter_matrix(history)
    for _, _, codes in rows:
        assert len(codes) == history.usage.shape[1]
        assert set(codes) <= {0, 1, 2, 3, 4}

"""Golden files of the writers of folders and of photo metadata, and downloads that come back as they were."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reid.formats import PackageSettings, Survey, Wanted, make_survey, read_survey, validate_package, write_survey
from reid.formats.xmp import new_packet, with_subjects

GOLDEN = Path(__file__).parent / "golden"
Day = pd.Timestamp


def placed() -> Survey:
    """A station of two cameras that saw one animal from both sides, a second animal, and a blank."""
    cameras = [
        {"camera": name, "station": "Ridge", "latitude": 27.5, "longitude": 90.25, "start": Day("2015-06-01"), "end": Day("2015-06-30"),
         "utc_offset": "+06:00"}
        for name in ("R_1", "R_2")
    ]  # fmt: skip
    photos = [
        {"path": f"R_1/{n}.jpg", "camera": "R_1", "station": "Ridge", "date": Day("2015-06-03 14:22:05") + pd.Timedelta(days=n), "width": 100, "height": 80}
        for n in range(3)
    ] + [{"path": "R_2/0.jpg", "camera": "R_2", "station": "Ridge", "date": Day("2015-06-03 14:22:06"), "width": 100, "height": 80}]  # fmt: skip
    animals = [
        {"animal_id": "a1", "path": "R_1/0.jpg", "bbox": [25.0, 20.0, 50.0, 40.0], "bbox_unit": "pixel", "identity": "M01", "orientation": "left",
         "encounter": "e1", "decision": "known", "probability": 0.97, "method": "machine", "by": "somebody", "species": "Panthera pardus", "sex": "male"},
        {"animal_id": "a2", "path": "R_2/0.jpg", "bbox": [0.25, 0.25, 0.5, 0.5], "bbox_unit": "relative", "identity": "M01", "orientation": "right",
         "encounter": "e1", "decision": "known", "probability": 0.97, "method": "human", "by": "Ugyen", "species": "Panthera pardus", "sex": "male"},
        {"animal_id": "a3", "path": "R_1/1.jpg", "identity": "unknown", "encounter": "e2", "species": "Panthera pardus"},
    ]  # fmt: skip
    return make_survey(photos, cameras, animals)


PACKAGE = ("datapackage.json", "deployments.csv", "media.csv", "observations.csv", "individuals.csv")


def test_golden_camtrap_dp(tmp_path: Path) -> None:
    write_survey(placed(), tmp_path, "camtrapdp", Wanted(PackageSettings()))
    assert validate_package(tmp_path / "camtrapdp") == []
    assert {path.name for path in (tmp_path / "camtrapdp").iterdir()} == set(PACKAGE)
    for name in PACKAGE:
        written = (tmp_path / "camtrapdp" / name).read_text(encoding="utf-8")
        assert written == (GOLDEN / "camtrapdp" / name).read_text(encoding="utf-8"), name


def test_golden_xmp() -> None:
    packet = new_packet(["Species|Leopard", "Individual|old"])
    assert with_subjects(packet, "Individual", ["M 01 & <co>", "Zoë"]) == (GOLDEN / "subjects.xmp").read_bytes()


COLUMNS = ["project_id", "deployment_id", "image_id", "filename", "location", "is_blank", "identified_by", "genus", "species", "common_name", "timestamp", "age", "sex", "individual_id", "sequence_id", "highlighted"]  # fmt: skip


def download(folder: Path, rows: list[list[str]]) -> Path:
    folder.mkdir(parents=True)
    (folder / "deployments.csv").write_text("project_id,deployment_id,placename,longitude,latitude,start_date,end_date,camera_id\n1,D1,North,90.25,27.5,2015-06-01,2015-08-31,c1\n")  # fmt: skip
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    (folder / "images_1.csv").write_text(out.getvalue(), encoding="utf-8")
    return folder


ROWS = [
    ["1", "D1", "i1", "1.JPG", "gs://x/1", "0", "Ugyen", "Panthera", "pardus", "Leopard", "2015-06-03 14:22:05", "Adult", "Male", "M01", "s1", "a, \"b\""],
    ["1", "D1", "i2", "2.JPG", "gs://x/2", "0", "Computer vision", "Panthera", "pardus", "Leopard", "2015-06-03 14:22:06", "", "", "", "s1", ""],
    ["1", "D1", "i3", "3.JPG", "gs://x/3", "1", "Ugyen", "", "", "Blank", "2015-06-04 10:00:00", "", "", "", "", "é"],
]  # fmt: skip


def test_golden_wildlife_insights(tmp_path: Path) -> None:
    survey = read_survey(download(tmp_path / "in", ROWS))
    animals = survey.animals.copy()
    animals.loc[1, ["identity", "decision"]] = ["F02", "new"]
    write_survey(Survey(survey.photos, survey.deployments, animals, survey.notes, survey.source), tmp_path, "insights")
    written = (tmp_path / "insights" / "images_1.csv").read_text(encoding="utf-8")
    assert written == (GOLDEN / "insights_images_1.csv").read_text(encoding="utf-8")


WORD = st.text(st.characters(categories=("L", "N"), include_characters=" ,;\"'é|"), max_size=8).map(str.strip)
IMAGE = st.tuples(
    st.sampled_from(["Ugyen", "Computer vision", ""]),
    st.sampled_from(["0", "1"]),
    st.sampled_from(["", "M01", "F-2", "unidentified", "Unknown"]),
    st.sampled_from(["", "Adult", "Juvenile", "old"]),
    st.sampled_from(["", "Male", "Female", "both"]),
    WORD,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(images=st.lists(IMAGE, min_size=1, max_size=6))
def test_a_download_comes_back_as_it_was(images: list[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory) -> None:  # fmt: skip
    """Written again without a new name, every cell is what it was; with one, that cell alone is another."""
    folder = tmp_path_factory.mktemp("wi")
    rows = [
        ["1", "D1", f"i{n}", f"{n}.JPG", f"gs://x/{n}", blank, by, "Panthera", "pardus", "Leopard", f"2015-06-03 14:22:{n:02d}", age, sex, who, "s1", note]
        for n, (by, blank, who, age, sex, note) in enumerate(images)
    ]  # fmt: skip
    survey = read_survey(download(folder / "in", rows))
    write_survey(survey, folder / "same", "insights")

    def cells(path: Path) -> list[list[str]]:
        return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))

    assert cells(folder / "same" / "insights" / "images_1.csv") == cells(folder / "in" / "images_1.csv")
    if len(survey.animals):
        animals = survey.animals.copy()
        animals.loc[0, ["identity", "decision"]] = ["Z99", "new"]
        named = Survey(survey.photos, survey.deployments, animals, survey.notes, survey.source)
        write_survey(named, folder / "named", "insights")
        before, after = cells(folder / "in" / "images_1.csv"), cells(folder / "named" / "insights" / "images_1.csv")
        changed = [(r, c) for r, (x, y) in enumerate(zip(before, after, strict=True)) for c, (a, b) in enumerate(zip(x, y, strict=True)) if a != b]  # fmt: skip
        assert [c for _, c in changed] == [COLUMNS.index("individual_id")]
        again = read_survey(_with_deployments(folder / "named" / "insights", folder / "in"))
        assert again.animals["identity"].tolist() == animals["identity"].tolist()


def _with_deployments(images: Path, download_folder: Path) -> Path:
    (images / "deployments.csv").write_bytes((download_folder / "deployments.csv").read_bytes())
    return images

"""Golden files, one of each dialect: all say the same of the same photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reid.detect import DetectorSettings, detect, read_detections
from reid.detect.recorded import RecordedBoxes
from reid.errors import FormatError, InputError, ReidError

FILES = [
    ("megadetector-1.6.json", "MegaDetector", "md_v5a.0.1.pt"),
    ("megadetector-1.0.json", "MegaDetector", "MegaDetector"),
    ("megadetector-own-ids.json", "MegaDetector", "retrained"),
    ("pytorchwildlife-timelapse.json", "PytorchWildlife timelapse", "megadetector_v5"),
    ("pytorchwildlife-timelapse-no-names.json", "PytorchWildlife timelapse", "megadetector_v5"),
    ("pytorchwildlife.json", "PytorchWildlife", "PytorchWildlife"),
    ("pytorchwildlife-classified.json", "PytorchWildlife", "PytorchWildlife"),
    ("microsoft.json", "microsoft/MegaDetector", "microsoft/MegaDetector"),
    ("speciesnet.json", "SpeciesNet", "SpeciesNet"),
]
SAYS_NOTHING_OF_D4 = {name for name, dialect, _ in FILES if "Wildlife" in dialect or "micro" in dialect}
EXPECTED = [
    ("A/1.jpg@0123456789ab#0", "animal", 0.9, [20, 10, 100, 50]),
    ("A/1.jpg@0123456789ab#1", "person", 0.8, [150, 0, 50, 100]),
    ("C/3.jpg@0123456789ab#0", "vehicle", 0.7, [100, 75, 200, 150]),
    ("C/3.jpg@0123456789ab#1", "animal", 0.25, [0, 0, 40, 30]),
]


def rows(found: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(found[["detection_id", "category", "confidence", "bbox"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(("name", "dialect", "detector"), FILES)
def test_every_dialect_says_the_same(
    name: str, dialect: str, detector: str, golden: Path, season: pd.DataFrame
) -> None:
    recorded = read_detections(golden / name)
    assert (recorded.dialect, recorded.detector) == (dialect, detector)
    found, problems = RecordedBoxes(golden / name).detect(season, Path())
    expected = [(i, "human" if c == "person" and dialect == "SpeciesNet" else c, p, b) for i, c, p, b in EXPECTED]
    assert rows(found) == expected
    assert set(found["detector"]) == {detector}
    reasons = problems[problems["path"] == "D/4.jpg"]["reason"].tolist()
    if name in SAYS_NOTHING_OF_D4:
        assert reasons == [f"not in the detections file {name}"]
    else:
        failure = "CLASSIFIER, DETECTOR" if dialect == "SpeciesNet" else "Failure image access"
        assert len(reasons) == 1 and failure in reasons[0]
    others = problems[problems["path"] != "D/4.jpg"]
    videos = [["D/clip.mp4", "a video; only photographs are read"]] if name == "megadetector-1.6.json" else []
    assert others[["path", "reason"]].values.tolist() == videos


def test_a_failed_classifier_loses_no_box(golden: Path) -> None:
    entry = read_detections(golden / "speciesnet.json").entries[2]
    assert json.loads((golden / "speciesnet.json").read_text())["predictions"][2]["failures"] == ["CLASSIFIER"]
    assert len(entry.boxes) == 2 and entry.failure is None


@pytest.mark.parametrize(("name", "dialect", "_"), FILES)
def test_the_name_of_the_file_does_not_matter(name: str, dialect: str, _: str, golden: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    path.write_bytes(b"\xef\xbb\xbf" + (golden / name).read_bytes())  # with a byte order mark
    assert read_detections(path).dialect == dialect
    assert read_detections(path).entries == read_detections(golden / name).entries


def test_ids_of_pytorchwildlife_start_at_zero(golden: Path) -> None:
    entry = read_detections(golden / "pytorchwildlife-timelapse-no-names.json").entries[0]
    assert [box.category for box in entry.boxes] == ["animal", "person"]


def test_names_come_from_the_files_own_mapping_in_lower_case(golden: Path) -> None:
    entries = read_detections(golden / "megadetector-own-ids.json").entries
    assert [box.category for entry in entries for box in entry.boxes] == [
        "animal",
        "person",
        "vehicle",
        "animal",
    ]


def test_an_unlisted_category_is_no_detection_and_no_problem(golden: Path) -> None:
    entry = read_detections(golden / "megadetector-1.6.json").entries[2]
    assert [box.number for box in entry.boxes] == [0, 1]
    assert entry.broken == () and entry.failure is None


def bad(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "bad.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("not JSON", "not JSON"),
        ('{"info": ', "not JSON"),
        ('{"file": "a.jpg"}\n{"file": "b.jpg"}', "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("\xe9".encode("latin-1"), "not UTF-8"),
        ('{"images": []}'.encode("utf-16"), "not UTF-8"),
        ("{}", "an empty object"),
        ("[]", "a list of 0"),
        ("[[[]]]", "a list of 1"),
        ("3", "the value 3"),
        ("null", "the value null"),
        ('"text"', "the value text"),
        ('{"images": []}', "the keys images"),
        ('{"images": {}, "info": {"format_version": "1.6"}}', "the keys images, info"),
        (
            '[{"file": "a.jpg", "detections": [{"conf": 0.5}]}]',
            "a list of 1, the first an object with the keys detections, file",
        ),
        (
            '{"info": {"format_version": "2.0"}, "detection_categories": {}, "images": []}',
            "format_version is 2.0",
        ),
        (
            '{"info": {"format_version": null}, "detection_categories": {}, "images": []}',
            "format_version is null",
        ),
        ('{"info": {"format_version": "1.6"}, "images": []}', "lacks detection_categories"),
        ('{"detection_categories": 5, "images": []}', "its categories are 5"),
    ],
)
def test_what_is_no_detections_file(content: str | bytes, says: str, tmp_path: Path) -> None:
    path = bad(tmp_path, content)
    with pytest.raises(FormatError) as error:
        read_detections(path)
    message = str(error.value)
    assert says in message and str(path) in message and "\n" not in message


def test_an_unknown_form_is_answered_with_the_known_ones(golden: Path) -> None:
    with pytest.raises(FormatError, match="annotations, categories, images, info") as error:
        read_detections(golden / "coco.json")
    for _, dialect, _ in FILES:
        assert dialect in str(error.value)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no detections file at"):
        read_detections(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_detections(tmp_path)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def mutated(data: Any, draw: st.DrawFn) -> Any:
    """The same content with one value, anywhere, replaced by something else, or left out."""
    if isinstance(data, (dict, list)) and data and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(data) if isinstance(data, dict) else range(len(data))))
        copy = data.copy()
        if draw(st.integers(0, 8)):
            copy[key] = mutated(copy[key], draw)
        else:
            del copy[key]
        return copy
    return draw(values)


def damaged(data: st.DataObject, golden: Path, folder: Path) -> Path:
    """A golden file with one thing changed."""
    name = data.draw(st.sampled_from([name for name, _, _ in FILES]))
    content = mutated(json.loads((golden / name).read_text()), data.draw)
    return bad(folder, json.dumps(content))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(data: st.DataObject, golden: Path, tmp_path: Path) -> None:
    path = damaged(data, golden, tmp_path)
    try:
        entries = read_detections(path).entries
    except FormatError as error:
        assert "\n" not in str(error)
        return
    for entry in entries:
        assert all(0 <= box.confidence <= 1 and box.category for box in entry.boxes)
        assert all("\n" not in reason for reason in (entry.failure or "", *entry.broken))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_an_error_of_one_line_or_rows_with_reasons(
    data: st.DataObject, golden: Path, season: pd.DataFrame, tmp_path: Path
) -> None:
    path = damaged(data, golden, tmp_path)
    try:
        found, problems = detect(season, tmp_path, DetectorSettings(file=str(path), min_side=1, confidence=0))
    except ReidError as error:
        assert isinstance(error, (FormatError, InputError)) and "\n" not in str(error)
        return
    # No photo is lost: all are there, or have a reason, or the file says that they are empty.
    silent = set(season["path"]) - set(problems["path"]) - {i.split("@")[0] for i in found["image_id"]}
    empty = {e.file for e in read_detections(path).entries if e.failure is None}
    assert silent <= empty

"""The report, read back with a parser: it holds everything, asks for nothing, and trusts no name."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid.counts import (
    Individual,
    MatchFigure,
    Problem,
    ReportData,
    Sighting,
    StationEntry,
    UnsureEncounter,
    render_report,
    write_report,
)
from reid.counts.words import headline, summary
from reid.errors import OutputError

EVIL = "<script>alert(1)</script>\" onload='x' &amp; \u202egpj"
PICTURE = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)


class Page(HTMLParser):
    """Every element's name and attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def census(**changes: Any) -> dict[str, Any]:
    return {
        "individuals": 12,
        "interval": {
            "low": 8, "high": 16, "confidence": 0.9,
            "means": {"covers": "It covers.", "does_not_cover": "It leaves."},
        },
        "by_flank": {"left_only": 3, "right_only": 2, "both": 7, "neither": 0},
        "known": 4, "new": 8, "unsure": 2, "encounters": 30,
        "photos": {"found": 100, "unreadable": 1, "with_animal": 60, "without_animal": 39},
        "stations": 5,
        "period": {"first": "2005-09-13 12:20:00", "last": "2005-10-29 00:45:00"},
        "problems": {}, "settings": {"decision": {"accept": 0.95}}, "fingerprint": "abc123",
        "calibration": "Fitted elsewhere.", "version": "1.2",
        **changes,
    }  # fmt: skip


def sighting(i: int, picture: bool = True, **changes: Any) -> Sighting:
    base = Sighting(
        path=f"S1/{i}.jpg",
        encounter=f"e{i}",
        station="S1",
        camera="S1a",
        date=pd.Timestamp("2005-10-03") + pd.Timedelta(days=i),
        flank="left",
        probability=0.9,
        picture=PICTURE if picture else None,
    )
    return replace(base, **changes)


def report(**changes: Any) -> ReportData:
    base = ReportData(
        title="A season",
        census=census(),
        individuals=[
            Individual(
                "Mara",
                "known",
                0.87,
                ("left",),
                tuple(sighting(i) for i in range(43)),
                (MatchFigure("Two nights", PICTURE, 0.98, 41.25, 90),),
            ),
            Individual("new-1", "new", 0.9996, (), (sighting(50, station=None, date=None),)),
        ],
        unsure=[UnsureEncounter("e99", "Too blurred.", "S2", None, (PICTURE,), "Mara", 0.41)],
        problems=[Problem("scan", "S1/bad.jpg", "the file is empty")],
        stations=[
            StationEntry("S1", ("S1a", "S1b"), "inferred", 90, 12),
            StationEntry("S2", ("S2",), "table"),
        ],
        method={"Detections": "Boxes."},
        limits=["Not trained on this species."],
    )
    return replace(base, **changes)


def test_it_says_everything() -> None:
    text = " ".join(Page(render_report(report())).text.split())
    for expected in [
        "12 individuals", "between 8 and 16", "It covers.", "It leaves.", "Mara", "new-1", "And 31 more.",
        "Two nights", "probability 98 %", "90 spots matched", "score 41.2", "over 99 % sure", "87 % sure",
        "Too blurred.", "Best candidate: Mara, probability 41 %", "S1/bad.jpg", "the file is empty",
        "inferred from times", "(pair)", "the stations table", "Boxes.", "Fitted elsewhere.", "abc123",
        "decision.accept", "0.95", "Not trained on this species.", "13 Sep 2005 to 29 Oct 2005",
        "time not known",
        "no station", "100 found, 60 with an animal, 39 without, 1 unreadable", "3 Oct 2005, 00:00",
    ]:  # fmt: skip
        assert expected in text, expected


def test_it_asks_for_nothing() -> None:
    html = render_report(report())
    page = Page(html)
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/jpeg;base64,", "#")), value
    assert "url(" not in html and "@import" not in html
    assert not re.search(r"https?://", html)


def test_inner_links_lead_somewhere() -> None:
    page = Page(render_report(report()))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"] for tag in ("a", "use") for a in page.all(tag)]
    assert {str(link)[1:] for link in links} <= set(ids)


def test_every_picture_has_a_description_and_a_size() -> None:
    pictures = Page(render_report(report())).all("img")
    assert len(pictures) == 12 + 1 + 1 + 1  # Mara's, her match, the other's, the unsure one's
    assert all(picture["alt"] for picture in pictures)
    assert {(picture["width"], picture["height"]) for picture in pictures} == {("90", "60")}


def test_names_are_text_whatever_they_hold() -> None:
    evil = report(
        title=EVIL,
        individuals=[
            Individual(
                EVIL, "new", 0.5, (EVIL,), (sighting(1, path=EVIL, station=EVIL, camera=EVIL, flank=EVIL),),
                (MatchFigure(EVIL, PICTURE, kind=EVIL),),
            )
        ],
        unsure=[UnsureEncounter(EVIL, EVIL, EVIL, None, (), EVIL, 0.3, MatchFigure(EVIL))],
        problems=[Problem(EVIL, EVIL, EVIL)],
        stations=[StationEntry(EVIL, (EVIL, EVIL), EVIL)],
        method={EVIL: EVIL},
        limits=[EVIL],
        census=census(fingerprint=EVIL, calibration=EVIL, settings={EVIL: EVIL}, version=EVIL),
    )  # fmt: skip
    page = Page(render_report(evil))
    assert not page.all("script")
    assert not any("onload" in attributes for _, attributes in page.elements)
    assert EVIL in page.text


def test_names_that_are_no_valid_text_are_shown_and_written(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", report(problems=[Problem("scan", "caf\udce9.jpg", "unreadable")]))
    assert "caf\\udce9.jpg" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_report(tmp_path / name, report())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(tmp_path / "nowhere" / "report.html", report())


def test_nothing_found() -> None:
    bare = ReportData(
        "Empty",
        census(individuals=0, known=0, new=0, unsure=0, encounters=0, stations=0, settings={},
               period={"first": None, "last": None},
               by_flank={"left_only": 0, "right_only": 0, "both": 0, "neither": 0},
               interval={"low": 0, "high": 0, "confidence": 0.9,
                         "means": {"covers": "", "does_not_cover": ""}}),
    )  # fmt: skip
    text = Page(render_report(bare)).text
    assert "no individuals" in text
    assert "No photo shows an animal" in text
    assert "None: every file that was found could be used." in text


def test_a_row_of_the_timeline_for_each_and_a_mark_for_each_encounter() -> None:
    page = Page(render_report(report()))
    marks = [use for use in page.all("use") if str(use["x"]).endswith("%")]
    assert len(marks) == 43 + 1
    assert [a["href"] for a in page.all("a")] == ["#individual-1", "#individual-2"]


def test_photos_and_matches_are_limited() -> None:
    many = report(
        individuals=[
            Individual("A", "new", 0.9, ("left",), tuple(sighting(i) for i in range(5)),
                       tuple(MatchFigure(f"m{i}", PICTURE) for i in range(5)))
        ],
        unsure=[UnsureEncounter(f"u{i}", "Blurred.", pictures=(PICTURE,)) for i in range(70)],
        problems=[Problem("scan", f"{i}.jpg", "empty") for i in range(230)],
    )  # fmt: skip
    html = render_report(many, photos_per_individual=3)
    text = " ".join(Page(html).text.split())
    assert len(Page(html).all("img")) == 3 + 3 + 60
    assert "And 2 more." in text
    assert "And 2 matches more, not drawn." in text
    assert text.count("Blurred.") == 70
    assert text.count("1 photo, not shown.") == 10
    assert "And 30 more in the table of problems." in text


def test_large_pictures_are_reduced() -> None:
    big = np.random.default_rng(1).integers(0, 255, (800, 1600, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(big).save(buffer, "JPEG")
    one = Individual("A", "new", 0.9, (), (sighting(0, picture=True),), (MatchFigure("m", buffer.getvalue()),))
    one = replace(one, sightings=(replace(one.sightings[0], picture=big),))
    sizes = {(p["width"], p["height"]) for p in Page(render_report(report(individuals=[one], unsure=[]))).all("img")}
    assert sizes == {("480", "240"), ("1000", "500")}


FLAT = {"left_only": 0, "right_only": 0, "both": 5, "neither": 0}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "28 of 30 encounters were told apart as 12 individuals, 5 of them known from one side only, so "
            "that some may be the same animal, and 2 encounters stay undecided: LIKELY 8 and 16 "
            "(90\xa0% interval).",
        ),
        (
            {"by_flank": {**FLAT, "left_only": 7}, "unsure": 0},
            "30 encounters were told apart as 12 individuals: LIKELY 8 and 16 (90\xa0% interval).",
        ),
        (
            {
                "by_flank": {**FLAT, "both": 0, "neither": 1},
                "individuals": 1,
                "unsure": 1,
                "encounters": 2,
                "interval": {"low": 1, "high": 2, "confidence": 0.95},
            },
            "1 of 2 encounters was told apart as 1 individual, it is known from neither side and may be "
            "among the others, and 1 encounter stays undecided: LIKELY 1 and 2 (95\xa0% interval).",
        ),
        (
            {
                "by_flank": {**FLAT, "both": 1},
                "individuals": 1,
                "unsure": 0,
                "encounters": 1,
                "interval": {"low": 1, "high": 1, "confidence": 0.9},
            },
            "1 encounter was told apart as 1 individual: the 90\xa0% interval holds no other number.",
        ),
        (
            {
                "by_flank": {**FLAT, "both": 0},
                "individuals": 0,
                "unsure": 3,
                "encounters": 3,
                "interval": {"low": 0, "high": 3, "confidence": 0.9},
            },
            "None of the encounters could be decided: LIKELY 0 and 3 (90\xa0% interval).",
        ),
    ],
)
def test_the_sentence_about_the_number(changes: dict[str, Any], expected: str) -> None:
    likely = "the number of animals photographed most likely lies between"
    assert summary(census(**changes)) == expected.replace("LIKELY", likely)


@pytest.mark.parametrize(
    ("best", "low", "high", "expected"),
    [(12, 8, 16, ("12 individuals", "between 8 and 16")), (1, 1, 1, ("1 individual", "exactly 1")),
     (0, 0, 0, ("no individuals", "none")), (0, 0, 2, ("no individuals", "between 0 and 2"))],
)  # fmt: skip
def test_the_headline(best: int, low: int, high: int, expected: tuple[str, str]) -> None:
    assert headline({"individuals": best, "interval": {"low": low, "high": high, "confidence": 0.9}}) == expected

"""The reliability diagram is read back from its picture; intervals are SciPy's."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest
from scipy.stats import binomtest

from reid.counts import reliability_section
from reid.counts.reliability import EDGE, SIDE, _wilson, diagram

BINS = [
    {"from": 0.0, "to": 0.3, "pairs": 80, "said": 0.1, "true": 0.05},
    {"from": 0.3, "to": 0.95, "pairs": 20, "said": 0.6, "true": 0.75},
    {"from": 0.95, "to": 1.0, "pairs": 50, "said": 0.99, "true": 0.98},
]
HELD = {
    "pairs": 150,
    "same": 68,
    "individuals": 12,
    "auroc": 0.9512,
    "ece": 0.0423,
    "brier": 0.081,
    "reliability": BINS,
}


def test_points_stand_where_the_bins_say() -> None:
    kind, content = diagram(BINS).split(",", 1)
    assert kind == "data:image/svg+xml;base64"
    picture = ElementTree.fromstring(base64.b64decode(content))
    circles = picture.findall("{http://www.w3.org/2000/svg}circle")
    places = [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in circles]
    shares = [((x - EDGE) / SIDE, 1 - (y - EDGE / 2) / SIDE) for x, y in places]
    for (said, true), row in zip(shares, BINS, strict=True):
        assert said == pytest.approx(row["said"], abs=1e-3) and true == pytest.approx(row["true"], abs=1e-3)
    sizes = [float(c.get("r", "")) for c in circles]
    assert sizes[0] > sizes[2] > sizes[1]
    assert diagram(BINS) == diagram(list(BINS))


@pytest.mark.parametrize(("right", "many"), [(0, 5), (5, 5), (3, 40), (39, 40), (500, 1000)])
def test_intervals_are_wilsons(right: int, many: int) -> None:
    expected = binomtest(right, many).proportion_ci(0.95, "wilson")
    assert _wilson(right / many, many) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_what_the_section_says() -> None:
    section = reliability_section({"held_out": HELD})
    assert section is not None
    assert "150 pairs of photos, 68 of them of one individual, of 12 individuals" in section.text[0]
    assert "AUROC 0.951, expected calibration error 0.042, Brier score 0.081" in section.text[0]
    assert section.text[1] == "Of 50 pairs that were given 0.95 or more, 1 showed two individuals."
    assert [row[2] for row in section.tables[0].rows] == ["4 of 80", "15 of 20", "49 of 50"]


def test_older_calibrations_say_what_they_know_and_none_says_nothing() -> None:
    old = {key: value for key, value in HELD.items() if key not in ("ece", "brier")}
    section = reliability_section({"held_out": old})
    assert section is not None and section.text[0].endswith("AUROC 0.951.")
    assert reliability_section({}) is None
    assert reliability_section({"held_out": {"note": "too few individuals to hold any out"}}) is None

"""The mean of places, against the mean direction from the middle of the earth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reid.photos import positions


def by_direction(latitude: np.ndarray, longitude: np.ndarray) -> tuple[float, float]:
    phi, lam = np.radians(latitude), np.radians(longitude)
    x, y, z = (np.cos(phi) * np.cos(lam)).mean(), (np.cos(phi) * np.sin(lam)).mean(), np.sin(phi).mean()
    return float(np.degrees(np.arctan2(z, np.hypot(x, y)))), float(np.degrees(np.arctan2(y, x)))


@pytest.mark.parametrize("middle", [(43.1, 131.3), (66.0, 180.0), (-17.0, -179.999), (0.0, 0.0)])
def test_the_mean_lies_in_the_middle_everywhere(middle: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    latitude = middle[0] + rng.uniform(-0.02, 0.02, 12)
    longitude = (middle[1] + rng.uniform(-0.02, 0.02, 12) + 180) % 360 - 180
    table = pd.DataFrame({"station": ["B", "A", "A"] * 4, "latitude": latitude, "longitude": longitude})
    found = positions(table)
    assert list(found) == ["A", "B"]
    for name, (north, east) in found.items():
        here = (table["station"] == name).to_numpy()
        expected = by_direction(latitude[here], longitude[here])
        assert -180 <= east <= 180
        assert north == pytest.approx(expected[0], abs=1e-4)
        assert (east - expected[1] + 180) % 360 - 180 == pytest.approx(0, abs=1e-4)


def test_one_place_keeps_its_digits_and_rows_without_one_say_nothing() -> None:
    table = pd.DataFrame(
        {
            "camera": ["c1", "c2", "c3", None],
            "station": ["A", "A", "B", "B"],
            "latitude": [43.123457, 43.123457, None, 43.0],
            "longitude": [131.987654, 131.987654, 131.0, None],
        }
    )
    assert positions(table) == {"A": (43.123457, 131.987654)}
    assert list(positions(table, "camera")) == ["c1", "c2"]
    assert positions(table[:0]) == {}

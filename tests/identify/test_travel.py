"""The speed limit: distances that are known, cases worked by hand, and the plain way to find the same pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from reid.identify import too_far
from reid.identify.travel import haversine_km
from reid.tables import CROPS, STATIONS, from_rows


def stations(**places: tuple[float, float] | None) -> pd.DataFrame:
    return from_rows(
        [
            {"camera": name, "station": name, "latitude": p[0] if p else None, "longitude": p[1] if p else None,
             "source": "table"}
            for name, p in places.items()
        ],
        STATIONS,
    )  # fmt: skip


def crops(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    return from_rows(
        [
            {"crop_id": str(n), "image_id": str(n), "path": "p", "content_hash": "h", "bbox": [0, 0, 9, 9],
             "orientation": "left", "encounter": encounter, "camera": camera, "station": camera,
             "date": None if when is None else pd.Timestamp(f"2024-05-01 {when}")}
            for n, (encounter, camera, when) in enumerate(rows)
        ],
        CROPS,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((52.5200, 13.4050), (48.8566, 2.3522), 877.5),  # Berlin, Paris
        ((-1.2921, 36.8219), (-4.0435, 39.6682), 439.2),  # Nairobi, Mombasa
        ((0.0, 179.5), (0.0, -179.5), 111.2),  # across the date line
        ((10.0, 20.0), (10.0, 20.0), 0.0),
    ],
)
def test_known_distances(one: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert float(haversine_km(*map(np.array, (*one, *other)))) == pytest.approx(km, abs=0.03 + km * 0.002)


def test_worked_examples() -> None:
    # on the equator a tenth of a degree is 11.12 km
    places = stations(A=(0.0, 0.0), B=(0.0, 0.1), C=None)
    met = crops(
        ("a", "A", "10:00:00"), ("b", "B", "10:30:00"), ("c", "B", "11:00:00"), ("d", "C", "10:00:00"), ("e", "B", None)
    )
    # 11.12 km in 30 and 15 minutes' grace are 14.8 km/h; in an hour and a quarter, 8.9
    assert too_far(met, places, 15) == set()
    assert too_far(met, places, 14) == {frozenset("ab")}
    assert too_far(met, places, 14, clock_error_min=60) == set()
    assert too_far(met, places, 8) == {frozenset("ab"), frozenset("ac")}
    assert too_far(met, places, 0) == set()
    assert too_far(met, stations(A=None, B=None, C=None), 1) == set()


def test_an_encounter_lasts_from_its_first_photo_to_its_last() -> None:
    places = stations(A=(0.0, 0.0), B=(0.0, 0.1))
    long = crops(("a", "A", "08:00:00"), ("a", "A", "12:00:00"), ("b", "B", "10:00:00"), ("c", "B", "13:00:00"))
    assert too_far(long, places, 20) == {frozenset("ab")}


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_what_the_plain_way_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    where = {f"S{n}": (float(random.uniform(-0.3, 0.3)), float(random.uniform(20, 20.6))) for n in range(6)}
    rows = []
    for n in range(40):
        camera, start = f"S{random.integers(6)}", int(random.integers(0, 20 * 3600))
        for second in (start, start + int(random.integers(0, 1800))):
            rows.append((f"e{n:02d}", camera, f"{second // 3600:02d}:{second % 3600 // 60:02d}:{second % 60:02d}"))
    met, limit, grace = crops(*rows), 18.0, 10.0
    spans = met.groupby("encounter").agg(first=("date", "min"), last=("date", "max"), camera=("camera", "first"))
    expected = set()
    for one, other in itertools.combinations(spans.itertuples(), 2):
        gap = max(one.first - other.last, other.first - one.last, pd.Timedelta(0)).total_seconds() / 3600 + grace / 60
        km = float(haversine_km(*map(np.array, (*where[one.camera], *where[other.camera]))))
        if km > limit * gap:
            expected.add(frozenset((one.Index, other.Index)))
    assert expected
    assert too_far(met, stations(**where), limit, grace) == expected

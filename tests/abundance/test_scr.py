"""Spatial capture–recapture against the published estimates of secr, a slow plain likelihood, and known truth."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, factorial, log

import numpy as np
import pytest

from reid.abundance import History, fit_spatial, make_mask, mask_of
from reid.abundance.detection import captures
from reid.abundance.spatial import SpatialModel
from reid.errors import ConfigError, TableError

PER_HECTARE = 1e4  # animals per 100 km² for one per hectare


def test_the_demonstration_data_of_secr(published: Callable[[str], History]) -> None:
    """secr, `captdata`, buffer 100 m: log-likelihood -759.02575, D 5.4798 per ha (error 0.64455), g0 0.2732,
    sigma 29.3658 m."""
    found = fit_spatial(published("grid"), "multi", buffer=100)
    assert found.log_likelihood == pytest.approx(-759.02575, abs=1e-3)
    assert found.density.n / PER_HECTARE == pytest.approx(5.4798, abs=2e-4)
    assert found.density.se / PER_HECTARE == pytest.approx(0.64455, abs=1e-3)
    g0, sigma = found.detection
    assert (g0.value, sigma.value) == pytest.approx((0.2732, 29.3658), abs=1e-3)
    assert not found.warnings


def test_the_snowshoe_hares_of_the_secr_book(published: Callable[[str], History]) -> None:
    """secr 4.6.6, buffer 250 m: log-likelihood -607.988, AIC 1221.98, D 1.465986 (1.13636 to 1.89123) per ha,
    g0 0.061584 (0.04569 to 0.08254), sigma 68.3458 (60.1324 to 77.6810), mask 104.595 ha."""
    found = fit_spatial(published("hare"), "multi", buffer=250)
    assert found.log_likelihood == pytest.approx(-607.988, abs=1e-3)
    assert found.aic == pytest.approx(1221.98, abs=0.01)
    density = np.array([found.density.n, found.density.low, found.density.high]) / PER_HECTARE
    assert density == pytest.approx([1.465986, 1.1363604, 1.8912274], rel=5e-4)
    g0, sigma = found.detection
    assert [g0.value, g0.low, g0.high] == pytest.approx([0.061584, 0.0456855, 0.0825366], rel=5e-4)
    assert [sigma.value, sigma.low, sigma.high] == pytest.approx([68.345782, 60.1324236, 77.6809846], rel=5e-4)
    assert found.mask.area_km2 * 100 == pytest.approx(104.595, abs=0.01)
    assert found.expected.n == pytest.approx(1.465986 * 104.595, rel=1e-3)


def test_profile_interval_of_the_stoats(published: Callable[[str], History]) -> None:
    """secr, `stoatCH`, buffer 1000 m: log-likelihood -144.0015, profile interval of D 0.01275125 to 0.04055662."""
    found = fit_spatial(published("stoat"), "multi", buffer=1000, interval="profile")
    assert found.log_likelihood == pytest.approx(-144.0015, abs=1e-3)
    assert found.density.low / PER_HECTARE == pytest.approx(0.01275125, rel=1e-3)
    assert found.density.high / PER_HECTARE == pytest.approx(0.04055662, rel=1e-3)


def plain(
    counts: np.ndarray,
    effort: np.ndarray,
    stations: np.ndarray,
    points: np.ndarray,
    cell: float,
    detector: str,
    function: str,
    density: float,
    intercept: float,
    sigma: float,
) -> float:
    """The likelihood by loops: every animal, point, occasion and station."""

    def hazard(point: np.ndarray, k: int, s: int) -> float:
        shape = exp(-((point - stations[k]) ** 2).sum() / (2 * sigma**2))
        h = intercept * shape if function == "hazard" else -log(1 - intercept * shape)
        return h * effort[k, s]

    total, area = 0.0, 0.0
    seen: dict[bytes, int] = {}
    for point in points:
        missed = exp(-sum(hazard(point, k, s) for k in range(len(stations)) for s in range(effort.shape[1])))
        area += (1 - missed) * cell
    for animal in counts:
        integral = 0.0
        for point in points:
            chance = 1.0
            for s in range(effort.shape[1]):
                hs = [hazard(point, k, s) for k in range(len(stations))]
                if detector == "multi":
                    caught = np.flatnonzero(animal[s])
                    if len(caught):
                        chance *= (1 - exp(-sum(hs))) * hs[caught[0]] / sum(hs)
                    else:
                        chance *= exp(-sum(hs))
                    continue
                for k, h in enumerate(hs):
                    y = int(animal[s, k])
                    if detector == "count":
                        chance *= exp(-h) * h**y / factorial(y)
                    else:
                        chance *= 1 - exp(-h) if y else exp(-h)
            integral += chance * cell
        total += log(integral) + log(density)
        key = (animal if detector == "count" else animal > 0).tobytes()
        seen[key] = seen.get(key, 0) + 1
    return total - density * area - sum(log(factorial(v)) for v in seen.values())


@pytest.mark.parametrize("function", ["halfnormal", "hazard"])
@pytest.mark.parametrize("detector", ["proximity", "count", "multi"])
def test_likelihood_is_the_plain_one(detector: str, function: str) -> None:
    random = np.random.default_rng(2)
    stations = np.array([[0.0, 0], [400, 0], [0, 500]])
    effort = np.array([[1.0, 1, 0.5], [1, 0, 2.5], [1, 1, 0.5]])
    counts = random.poisson(0.5, (6, 3, 3)) * (effort.T > 0)[None]
    if detector == "multi":
        counts[:] = 0
        for i, s, k in [(0, 0, 0), (0, 1, 2), (1, 2, 1), (2, 0, 0), (2, 1, 2), (3, 1, 0), (4, 2, 2), (5, 0, 1)]:
            counts[i, s, k] = 1
    counts = counts[counts.any(axis=(1, 2))]
    mask = make_mask(stations, 600, 200)
    model = SpatialModel(captures(counts, effort, detector), stations, mask, function)
    first = log(0.3 / 0.7) if function == "halfnormal" else log(0.3)
    found = model.log_likelihood(log(2.5), np.array([first, log(250.0)]))
    expected = plain(counts, effort, stations, mask.points, mask.cell_km2, detector, function, 2.5, 0.3, 250.0)
    assert found == pytest.approx(expected, abs=1e-9)


def test_the_estimate_is_the_top(published: Callable[[str], History]) -> None:
    hares = published("hare")
    found = fit_spatial(hares, "multi", buffer=250, spacing=40)
    model = SpatialModel(captures(hares.counts, None, "multi"), hares.coordinates, found.mask, "halfnormal")
    g0, sigma = (p.value for p in found.detection)
    top = np.array([log(found.density.n / 100), log(g0 / (1 - g0)), log(sigma)])
    best = model.log_likelihood(top[0], top[1:])
    assert best == pytest.approx(found.log_likelihood, abs=1e-9)
    for i in range(3):
        for step in (-0.05, -0.005, 0.005, 0.05):
            at = top + step * np.eye(3)[i]
            assert model.log_likelihood(at[0], at[1:]) <= best + 1e-9


def simulate(seed: int, detector: str = "proximity", animals: int = 57) -> tuple[History, float]:
    random = np.random.default_rng(seed)
    stations = np.array([(x, y) for x in range(5, 30, 5) for y in range(5, 30, 5)]) * 1000.0
    centres = random.uniform(0, 30000, (animals, 2))
    hazard = 0.06 * np.exp(-((centres[:, None] - stations[None]) ** 2).sum(axis=2) / (2 * 3500.0**2))
    draws = random.poisson(np.repeat(hazard[:, None], 8, axis=1))
    counts = draws if detector == "count" else (draws > 0).astype(int)
    counts = counts[counts.any(axis=(1, 2))]
    names = tuple(str(i) for i in range(len(counts)))
    return History(counts, names, tuple(map(str, range(25))), None, stations), 900.0


SQUARE = mask_of(np.array([(x, y) for x in range(750, 30000, 1500) for y in range(750, 30000, 1500)]), 1500)


def test_order_of_animals_occasions_and_stations_does_not_matter() -> None:
    history, _ = simulate(4)
    random = np.random.default_rng(0)
    a, s, k = (random.permutation(n) for n in history.counts.shape)
    other = History(history.counts[a][:, s][:, :, k], history.animals, history.stations, None, history.coordinates[k])
    one, two = (fit_spatial(h, "proximity", mask=SQUARE) for h in (history, other))
    assert two.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
    assert two.density.n == pytest.approx(one.density.n, rel=1e-4)


def test_units_do_not_matter() -> None:
    """A survey moved elsewhere, or with its effort in other units, is the same survey."""
    history, _ = simulate(4)
    days = np.full((25, 8), 7.0)
    moved = History(history.counts, history.animals, history.stations, days, history.coordinates + np.array([5e5, 4e6]))
    one = fit_spatial(history, "proximity", "hazard", buffer=12000, spacing=2000)
    two = fit_spatial(moved, "proximity", "hazard", buffer=12000, spacing=2000)
    assert two.density.n == pytest.approx(one.density.n, rel=1e-4)
    assert two.detection[0].value * 7 == pytest.approx(one.detection[0].value, rel=1e-3)


def test_stations_that_never_watched_do_not_matter() -> None:
    history, _ = simulate(4)
    idle = np.vstack([np.ones((25, 8)), np.zeros((1, 8))])
    counts = np.concatenate([history.counts, np.zeros((len(history.animals), 8, 1), dtype=int)], axis=2)
    more = History(counts, history.animals, (*history.stations, "idle"), idle, np.vstack([history.coordinates, [0, 0]]))
    one, two = (fit_spatial(h, "proximity", mask=SQUARE) for h in (history, more))
    assert two.density.n == pytest.approx(one.density.n, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["proximity", "count"])
def test_known_truth_is_found(detector: str) -> None:
    found = [fit_spatial(simulate(i, detector)[0], detector, "hazard", mask=SQUARE) for i in range(40)]
    realised = [f.realised for f in found]
    assert np.mean([e.n for e in realised]) == pytest.approx(57, rel=0.05)
    assert np.mean([f.detection[1].value for f in found]) == pytest.approx(3500, rel=0.05)
    assert np.mean([e.low <= 57 <= e.high for e in realised]) >= 0.87
    density = 100 * 57 / 900
    assert np.mean([f.density.low <= density <= f.density.high for f in found]) >= 0.87


def test_a_small_buffer_is_said_and_a_buffer_is_found() -> None:
    history, _ = simulate(3)
    small = fit_spatial(history, "proximity", buffer=3000)
    assert "below three times sigma" in small.warnings[0] and small.warnings == small.density.warnings
    grown = fit_spatial(history, "proximity")
    assert grown.mask.buffer >= 3.7 * grown.detection[1].value and not grown.warnings
    assert small.density.n > grown.density.n
    assert any(
        "coarser than sigma" in w for w in fit_spatial(history, "proximity", buffer=15000, spacing=6000).warnings
    )


def test_undefined_says_why() -> None:
    stations = np.array([[0.0, 0], [1000, 0]])
    nobody = History(np.zeros((0, 3, 2), dtype=int), (), ("a", "b"), None, stations)
    assert "no animal was met" in fit_spatial(nobody).density.text()
    stay = np.zeros((2, 3, 2), dtype=int)
    stay[0, :, 0] = stay[1, :, 1] = 1
    found = fit_spatial(History(stay, ("A", "B"), ("a", "b"), None, stations))
    assert not found.density.defined and found.density.low == 2 and "at two stations" in found.density.text()
    alone = fit_spatial(History(stay[:1, :, :1], ("A",), ("a",), None, stations[:1]))
    assert "one station" in alone.density.text()


def test_bad_input_is_refused() -> None:
    history, _ = simulate(1)
    nowhere = History(history.counts, history.animals, history.stations)
    with pytest.raises(TableError, match="25 of 25 stations have no coordinates"):
        fit_spatial(nowhere)
    lost = history.coordinates.copy()
    lost[3] = np.nan
    with pytest.raises(TableError, match="1 of 25 stations"):
        fit_spatial(History(history.counts, history.animals, history.stations, None, lost))
    with pytest.raises(TableError, match="where its effort is 0"):
        fit_spatial(History(history.counts, history.animals, history.stations, np.eye(25, 8), history.coordinates))
    with pytest.raises(ConfigError, match="no detector 'camera'"):
        fit_spatial(history, "camera")
    with pytest.raises(ConfigError, match="detection function"):
        fit_spatial(history, function="exponential")
    with pytest.raises(ConfigError, match="above 0"):
        fit_spatial(history, buffer=-1.0)
    with pytest.raises(ConfigError, match="wider spacing"):
        fit_spatial(history, buffer=10000, spacing=10)


def test_one_occasion_is_enough_in_space() -> None:
    history, _ = simulate(6, "count")
    once = History(
        history.counts.sum(axis=1, keepdims=True), history.animals, history.stations, None, history.coordinates
    )
    # Poisson counts add up, so summing the occasions changes nothing but the unit of lambda0.
    one, many = (fit_spatial(h, "count", "hazard", mask=SQUARE) for h in (once, history))
    assert one.density.n == pytest.approx(many.density.n, rel=1e-4)
    assert one.detection[0].value == pytest.approx(8 * many.detection[0].value, rel=1e-3)


@pytest.mark.parametrize("function", ["halfnormal", "hazard"])
@pytest.mark.parametrize("place", [(-2, -50), (-2, 800), (-900, 6), (900, 6), (-30, -30)])
def test_a_search_that_steps_far_off_comes_back(function: str, place: tuple[float, float]) -> None:
    """Where nobody could be met the likelihood is 0, and its logarithm no error."""
    stations = np.array([[0.0, 0.0], [1000.0, 0.0]])
    data = captures(np.ones((2, 3, 2), int), None, "proximity")
    model = SpatialModel(data, stations, make_mask(stations, 4000, 200), function)
    for value in (model.concentrated(np.array(place, float)), model.log_likelihood(0.0, np.array(place, float))):
        assert value < 0  # not a number would not be

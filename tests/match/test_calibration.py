"""A calibration's probabilities mean what they say, and its files are checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reid.errors import FormatError, InputError
from reid.match import Calibrations, fit_calibration, load_calibration, load_calibrations
from reid.match.calibration import COAT, LOCAL, at_prior, expected_error, reliability
from reid.store import write_json


def made_up(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of one animal score high, but a third of them no higher than strangers."""
    rng = np.random.default_rng(seed)
    same = rng.uniform(size=n) < share
    found = same & (rng.uniform(size=n) < 0.67)
    return np.exp(rng.normal(np.where(found, 4.0, 2.0), 0.7)), same


def test_said_is_true_on_fresh_pairs_at_another_prior() -> None:
    scores, same = made_up(6000, 0.4, 0)
    fitted = at_prior(fit_calibration(scores, same, "aliked", {}), same, 0.1)
    fresh, truth = made_up(40_000, 0.1, 1)
    for row in reliability(fitted.probability(fresh), truth, (0.0, 0.2, 0.5, 0.8, 1.0)):
        assert row["said"] == pytest.approx(row["true"], abs=0.1)


def test_more_spots_are_never_less_probable() -> None:
    for name in ("aliked", "sift"):
        calibration = load_calibration(name)
        said = calibration.probability(np.linspace(0, 300, 60))
        assert said[0] < 0.05
        assert said[-1] > 0.95
        assert (np.diff(said) >= 0).all()


def test_round_trip_and_refusals(tmp_path: Path) -> None:
    scores, same = made_up(500, 0.5, 0)
    fitted = fit_calibration(scores, same, "sift", {"summary": "made up"})
    write_json(fitted.to_json(), tmp_path / "c.json")
    assert load_calibration("sift", tmp_path / "c.json") == fitted
    with pytest.raises(FormatError, match="fitted for the matcher sift"):
        load_calibration("aliked", tmp_path / "c.json")
    (tmp_path / "d.json").write_text("{}")
    with pytest.raises(FormatError, match="is no calibration"):
        load_calibration("sift", tmp_path / "d.json")
    with pytest.raises(InputError, match=r"e\.json: No such file or directory\. Give the calibration\.json"):
        load_calibration("sift", tmp_path / "e.json")
    with pytest.raises(InputError, match="of one kind"):
        fit_calibration(scores, np.ones(500, bool), "sift", {})


def two_scores(n: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Spots and coats that each see part of it, and err apart."""
    rng = np.random.default_rng(seed)
    spots, same = made_up(n, 0.3, seed)
    coats = np.clip(np.exp(rng.normal(np.where(same, -2.0, -3.0), 0.5)), 0, 1)
    return {COAT: coats, LOCAL: spots}, same


def test_two_scores_say_more_than_one_and_mean_what_they_say() -> None:
    scores, same = two_scores(6000, 0)
    fresh, truth = two_scores(20_000, 1)
    both = fit_calibration(scores, same, "coat+sift", coat="f").probability(fresh)
    for name in scores:
        alone = fit_calibration({name: scores[name]}, same, "x").probability(fresh)
        assert np.mean((both - truth) ** 2) < np.mean((alone - truth) ** 2)
    assert expected_error(both, truth) < 0.02


def test_the_isotonic_step_is_scikit_learns_up_to_its_smoothing() -> None:
    from sklearn.isotonic import IsotonicRegression

    scores, same = two_scores(4000, 0)
    fresh, _ = two_scores(4000, 1)
    fitted = fit_calibration(scores, same, "coat+sift", method="isotonic")
    said = fitted.probability(fresh)
    plain = fit_calibration(scores, same, "coat+sift")
    theirs = IsotonicRegression(out_of_bounds="clip").fit(plain.log_odds(scores), same.astype(float))
    assert np.abs(said - theirs.predict(plain.log_odds(fresh))).mean() < 0.02
    order = np.argsort(plain.log_odds(fresh))
    assert (np.diff(said[order]) >= -1e-12).all()
    assert said.min() > 0 and said.max() < 1
    moved = at_prior(fitted, same, 0.05)
    assert moved.probability(fresh).mean() < said.mean()


def test_a_calibration_belongs_to_one_network_of_coats(tmp_path: Path) -> None:
    scores, same = two_scores(500, 0)
    fitted = fit_calibration(scores, same, "coat+sift", {"summary": "made up"}, "isotonic", "abc")
    write_json(fitted.to_json(), tmp_path / "c.json")
    assert load_calibration("sift", tmp_path / "c.json", "abc") == fitted
    with pytest.raises(FormatError, match="for the coats' network abc, this run uses def"):
        load_calibration("sift", tmp_path / "c.json", "def")
    with pytest.raises(FormatError, match="fitted for the matcher coat"):
        load_calibration("sift", tmp_path / "c.json")
    with pytest.raises(InputError, match="reads the score coat"):
        fitted.probability(scores[LOCAL])
    with pytest.raises(InputError, match="1 pairs have no number"):
        fitted.probability({COAT: np.array([np.nan, 0.1]), LOCAL: np.array([1.0, 2.0])})


def test_files_from_before_coats_are_still_read(tmp_path: Path) -> None:
    old = {"matcher": "sift", "intercept": -3.0, "slope": 0.5, "steeper": 1.0, "bend": 2.0, "protocol": {}}
    write_json(old, tmp_path / "old.json")
    said = load_calibration("sift", tmp_path / "old.json").probability(np.array([0.0, np.e**3 - 1]))
    assert said == pytest.approx(1 / (1 + np.exp([3.0, 3.0 - 1.5 - 1.0])))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"intercept": float("nan")}, "finite"),
        ({"terms": {"other": {"slope": 1, "steeper": 1, "bend": 1}}}, "terms"),
        ({"steps": {"from": [1, 2], "to": [2, 1]}}, "rise"),
        ({"steps": {"from": [1, 2], "to": [2]}}, "length"),
        ({"steps": {"from": [1, float("nan")], "to": [1, 2]}}, "finite"),
        ({"protocol": {"prior": 1.5}}, "between 0 and 1"),
        ({"protocol": {"prior": "rare"}}, "no calibration"),
        ({"terms": []}, "no calibration"),
    ],
)
def test_damaged_calibrations_are_refused(tmp_path: Path, change: dict[str, object], why: str) -> None:
    scores, same = two_scores(300, 0)
    values = fit_calibration(scores, same, "coat+sift", coat="abc").to_json() | change
    write_json(values, tmp_path / "c.json")
    with pytest.raises(FormatError, match=why):
        load_calibration("sift", tmp_path / "c.json", "abc")


def test_pairs_whose_coats_say_nothing_are_judged_by_their_spots() -> None:
    scores, same = two_scores(600, 0)
    both = fit_calibration(scores, same, "coat+sift", {"summary": "of both"}, coat="f")
    spots = fit_calibration(scores[LOCAL], same, "sift", {"summary": "of spots"})
    silent = np.arange(600) % 3 == 0
    mixed = {LOCAL: scores[LOCAL], COAT: np.where(silent, np.nan, scores[COAT])}
    said = Calibrations(spots, both).probability(mixed)
    np.testing.assert_array_equal(said[silent], spots.probability(scores[LOCAL])[silent])
    np.testing.assert_array_equal(said[~silent], both.probability(scores)[~silent])
    assert Calibrations(spots, both).used(mixed[COAT]) is both
    assert Calibrations(spots, both).used(pd.Series([pd.NA, pd.NA], dtype="Float64")) is spots
    assert Calibrations(spots).used(mixed[COAT]) is spots
    with pytest.raises(InputError, match="coats say nothing of some pairs"):
        Calibrations(None, both).probability(mixed)
    assert len(Calibrations(None, both).probability({LOCAL: np.zeros(0), COAT: np.zeros(0)})) == 0


def test_a_run_without_coats_reads_the_spots_calibration() -> None:
    assert load_calibrations("sift").coats is None
    assert load_calibrations("sift").spots == load_calibration("sift")

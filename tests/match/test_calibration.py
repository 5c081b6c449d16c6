"""A calibration's probabilities mean what they say, and its files are checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reid.errors import FormatError, InputError
from reid.match import fit_calibration, load_calibration
from reid.match.calibration import at_prior, reliability
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
    with pytest.raises(InputError, match="no calibration can be read"):
        load_calibration("sift", tmp_path / "e.json")
    with pytest.raises(InputError, match="of one kind"):
        fit_calibration(scores, np.ones(500, bool), "sift", {})

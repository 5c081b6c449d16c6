"""`reid calibrate`: its file is the regression of its pairs, and its held-out decisions are those of a plain loop."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from reid.config import compose
from reid.errors import InputError
from reid.identify import read_evidence
from reid.match import Calibration, load_calibration
from reid.match.calibration import LOCAL, at_prior, fit_calibration
from reid.match.coat import CoatNetwork, save_coat
from reid.verbs import calibrate as calibrate_module
from reid.verbs.calibrate import CalibrateConfig, run
from reid.verbs.held_out import evidence

QUICK = ["matcher=sift", "model=lite0-imagenet", "coats=none", "photos=30", "same=2", "others=2"]


@pytest.fixture(scope="module")
def labels(paint_coat: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight animals, four photos of each, each of an encounter of its own and a little other than the last."""
    folder, rows = tmp_path_factory.mktemp("labels"), []
    rng = np.random.default_rng(0)
    for animal in range(8):
        for photo in range(4):
            picture = np.roll(paint_coat(animal), tuple(rng.integers(-12, 12, 2)), (0, 1))
            name = f"{animal}_{photo}.png"
            cv2.imwrite(str(folder / name), np.clip(picture + rng.normal(0, 12, picture.shape), 0, 255))
            rows.append({"path": name, "identity": f"cat{animal}", "orientation": "left", "encounter": f"e{len(rows)}"})
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


def calibrate(output: Path, data: str, *words: str) -> str:
    return run(compose("calibrate", CalibrateConfig, [f"data={data}", f"output={output}", *QUICK, *words]))


def test_the_file_is_the_regression_of_the_pairs(labels: Path, tmp_path: Path) -> None:
    said = calibrate(tmp_path / "run", f"[{labels}]")
    pairs = pd.read_csv(tmp_path / "run" / "pairs.csv")
    same, score = pairs["same"].to_numpy(bool), pairs["local_score"].to_numpy(float)
    found = load_calibration("sift", tmp_path / "run" / "calibration.json")
    fitted = at_prior(fit_calibration(score, same, "sift"), same, 0.05)
    np.testing.assert_allclose(found.probability(score), fitted.probability(score))
    judged = found.protocol["held_out"]
    assert judged["auroc"] > 0.9
    assert f"AUROC {judged['auroc']:.3f}, expected calibration error {judged['ece']:.3f}" in said
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Calibration of sift" in page and f"Brier score {judged['brier']:.3f}" in page and "image/svg+xml" in page
    assert [len(value) for value in found.protocol["data"].values()] == [64]
    assert f"fitted on {len(pairs)} pairs of crops ({int(same.sum())} of one individual" in said
    held = read_evidence(found.protocol)
    assert held is not None and held.vote == "all"
    assert 0 < held.known.sum() < len(held.known)
    assert (held.same <= held.known).all()
    # animals this plain are found again, and nobody else is taken for them
    assert held.same[held.known].mean() > 0.8
    assert held.probability[held.same].mean() > held.probability[~held.same].mean()


def test_held_out_decisions_are_those_of_a_plain_loop() -> None:
    """One photo an encounter, so that a link is its pair; each half is judged by the regression of the other."""
    rng = np.random.default_rng(1)
    crops = pd.DataFrame({"crop_id": [f"c{n:02d}" for n in range(24)], "identity": [f"a{n % 8}" for n in range(24)]})
    crops = crops.assign(encounter=crops["crop_id"], orientation="left", orientation_probability=1.0)
    who = dict(zip(crops["crop_id"], crops["identity"], strict=True))
    rows = [(a, b, who[a], who[b]) for a in who for b in who if a < b]
    pairs = pd.DataFrame(rows, columns=["query", "candidate", "individual", "other"])
    pairs["same"] = pairs["individual"] == pairs["other"]
    scores = {LOCAL: np.where(pairs["same"], 30, 5) * rng.lognormal(0, 0.7, len(pairs))}
    same = pairs["same"].to_numpy(bool)
    fits: list[np.ndarray] = []

    def fit(chosen: np.ndarray) -> Calibration:
        fits.append(chosen)
        return fit_calibration(scores[LOCAL][chosen], same[chosen], "sift")

    found = evidence(pairs, scores, crops, fit, 0.05, 0.9, seed=0)
    assert found is not None and len(found.probability) == 24
    for chosen in fits:
        fitted_on = set(pairs["individual"][chosen]) | set(pairs["other"][chosen])
        own = [name for name in who if who[name] not in fitted_on]
        made = at_prior(fit_calibration(scores[LOCAL][chosen], same[chosen], "sift"), same[chosen], 0.05)
        expected = []
        for n, name in enumerate(own):
            met = [
                (float(made.probability(scores[LOCAL][row : row + 1])[0]), pairs["individual"][row])
                for row in range(len(pairs))
                if pairs["candidate"][row] == name and pairs["query"][row] in own[:n]
            ]
            best = max(met, default=(0.0, ""))
            expected.append((best[0], best[1] == who[name], who[name] in {who[other] for other in own[:n]}))
        start = 0 if chosen is fits[0] else 24 - len(own)
        part = slice(start, start + len(own))
        np.testing.assert_allclose(found.probability[part], [row[0] for row in expected], atol=1e-6)
        assert found.same[part].tolist() == [row[1] for row in expected]
        assert found.known[part].tolist() == [row[2] for row in expected]


def test_coats_that_say_nothing_are_refused(labels: Path, tmp_path: Path) -> None:
    """A network that learned nothing finds all coats alike."""
    torch.manual_seed(0)
    save_coat(CoatNetwork().eval(), tmp_path / "coat", {})
    with pytest.raises(InputError, match=r"coats say nothing of these animals.*coats=none"):
        calibrate(tmp_path / "run", f"[{labels}]", "coats=places", f"coats.weights={tmp_path / 'coat'}")


def test_photos_that_cannot_be_read_are_told_and_left_out(
    labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One broken in the table, and one whose spots cannot be sought although its vector is known."""
    shutil.copytree(labels.parent, tmp_path / "own")
    (tmp_path / "own" / "0_0.png").write_bytes(b"broken")
    whole = calibrate_module.crop_picture

    def unsteady(root: Path, row: dict[str, object], longest: int) -> np.ndarray:
        if row["path"] == "1_1.png":
            raise InputError("the disk went away")
        return whole(root, row, longest)

    monkeypatch.setattr(calibrate_module, "crop_picture", unsteady)
    said = calibrate(tmp_path / "run", f"[{tmp_path / 'own' / 'labels.csv'}]")
    assert "2 problems" in said
    problems = pd.read_csv(tmp_path / "run" / "problems.csv")
    assert problems["path"].tolist() == ["0_0.png", "1_1.png"]
    assert problems["reason"].tolist()[1] == "the disk went away"
    assert pd.read_csv(tmp_path / "run" / "pairs.csv")["local_score"].notna().all()


def test_two_tables_of_one_name_are_refused(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rename one of their folders"):
        calibrate(tmp_path / "run", f"[{labels},{labels}]")

"""What the probability of a pair is worth on individuals that it was not fitted on, by spots, by coats and by both.

    python benchmarks/calibration.py runs/matching/calibration/pairs.csv [--draws 10]

`pairs.csv` is what `reid calibrate` leaves. Each draw parts the individuals into halves, fits on the pairs of either and judges the
pairs of the other; pairs across are left out. Prints the means over the draws, of the ECE also its lowest and highest, and how many
pairs of a draw were accepted at 0.95 and how many of those were false.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from reid.match.calibration import COAT, LOCAL, at_prior, expected_error, fit_calibration
from reid.verbs.held_out import halves

KINDS = {
    "spots": ((LOCAL,), "logistic"),
    "coats": ((COAT,), "logistic"),
    "coats and spots": ((LOCAL, COAT), "logistic"),
    "coats and spots, isotonic": ((LOCAL, COAT), "isotonic"),
}


def judged(pairs: pd.DataFrame, names: tuple[str, ...], method: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and truth of the pairs within either half, each fitted on the other."""
    same = pairs["same"].to_numpy(bool)
    said, true = [], []
    for fitted_on, asked in halves(pairs, seed):
        given = {name: pairs[name].to_numpy(float) for name in names}
        fitted = fit_calibration(
            {name: values[fitted_on] for name, values in given.items()}, same[fitted_on], "any", method=method
        )
        fitted = at_prior(fitted, same[fitted_on], float(same[asked].mean()))
        said.append(fitted.probability({name: values[asked] for name, values in given.items()}))
        true.append(same[asked])
    return np.concatenate(said), np.concatenate(true)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    chosen = parser.parse_args()
    pairs = pd.read_csv(chosen.pairs)
    print(f"{len(pairs)} pairs, {int(pairs['same'].sum())} of one individual, {chosen.draws} draws")
    print(
        "| | pairs a draw | AUROC | Brier | ECE | accepted at 0.95, false ones |\n| --- | --- | --- | --- | --- | --- |"
    )
    for kind, (names, method) in KINDS.items():
        if not set(names) <= set(pairs.columns):
            continue
        known = pairs.dropna(subset=list(names))
        rows = []
        for seed in range(chosen.draws):
            said, true = judged(known, names, method, seed)
            sure = said >= 0.95
            rows.append(
                (
                    len(true),
                    roc_auc_score(true, said),
                    np.mean((said - true) ** 2),
                    expected_error(said, true),
                    sure.sum(),
                    (sure & ~true).sum(),
                )
            )
        count, auroc, brier, ece, accepted, wrong = np.array(rows).T
        print(
            f"| {kind} | {count.mean():.0f} | {auroc.mean():.3f} | {brier.mean():.3f} | {ece.mean():.3f} ({ece.min():.3f} to {ece.max():.3f}) "
            f"| {accepted.mean():.0f}, {wrong.mean():.1f} |"
        )


if __name__ == "__main__":
    main()

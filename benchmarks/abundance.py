"""Bias and coverage of the estimates of abundance, with and without the error of identification carried along.

`python benchmarks/abundance.py [--runs 100] [--draws 50] [--spatial-runs 100] [--spatial-draws 10] [--out FOLDER]`
writes `abundance.md`, `abundance.json` and `abundance.png`.

57 animals live at random places of a square of 30 km with 36 stations, watched for 12 occasions. How often an animal
is met depends on where it lives, on itself, and on the occasion. A photo shows its left flank, its right, or both.
Each flank is its own question of who is who: most encounters are named rightly; of the undecided ones, two look-alikes
and "a new animal" get scores, of which the right answer's is higher on average. Bayes' rule makes probabilities of
them, so these are calibrated. Decided names follow a candidate from 0.5 on, or else a new animal. The share of
undecided encounters is set so that 0, 5 or 12.5 % of the decided names are wrong. In a last case 12.5 % of the
encounters are taken for new animals without a doubt: there is nothing to carry, and the ghosts stay.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reid.abundance import Estimate, History, Mask, carry_error, draw_by_table, estimate, fit_spatial, mask_of
from reid.abundance.flanks import average, by_flank

ANIMALS, OCCASIONS, SIDE, SIGMA, HAZARD = 57, 12, 30.0, 3.5, 0.07
ERRORS = {"0 %": 0.0, "5 %": 0.05, "12.5 %": 0.125}
UNNOTICED = "12.5 % split, unnoticed"
SEPARATION = 1.5
MODELS = ("minimum", "M0", "Mt", "Mb", "Mh-jackknife", "Mh-chao", "Mt-chao")
STATIONS = np.array([(x, y) for x in np.arange(2.5, SIDE, 5) for y in np.arange(2.5, SIDE, 5)])


@dataclass(frozen=True)
class Survey:
    """Encounters of a season: who was met when and where, and which flanks were seen."""

    animal: np.ndarray
    occasion: np.ndarray
    station: np.ndarray
    left: np.ndarray
    right: np.ndarray


def survey(random: np.random.Generator) -> Survey:
    centres = random.uniform(0, SIDE, (ANIMALS, 2))
    squared = ((centres[:, None] - STATIONS[None]) ** 2).sum(axis=2)
    animal, occasion = np.exp(random.normal(0, 0.4, ANIMALS)), np.exp(random.normal(0, 0.3, OCCASIONS))
    hazard = HAZARD * np.exp(-squared / (2 * SIGMA**2))
    met = random.random((ANIMALS, OCCASIONS, len(STATIONS))) < -np.expm1(
        -hazard[:, None] * animal[:, None, None] * occasion[None, :, None]
    )
    a, o, s = np.nonzero(met)
    sides = random.choice(3, len(a), p=[0.35, 0.35, 0.3])
    return Survey(a, o, s, sides != 1, sides != 0)


def posteriors(truth: np.ndarray, undecided: float, random: np.random.Generator) -> pd.DataFrame:
    """What each encounter may be, with calibrated probabilities: columns encounter, identity, probability."""
    names, times = np.unique(truth, return_counts=True)
    seen = dict(zip(names, times, strict=True))
    alone = float((times == 1).sum() / max(len(truth), 1))
    prior = np.array([(1 - alone) / 2, (1 - alone) / 2, alone])
    rows = []
    for i, a in enumerate(truth):
        if random.random() >= undecided or len(names) < 4:
            rows.append((i, f"a{a}", 1.0))
            continue
        others = random.choice(names[names != a], 2, replace=False)
        listed = [int(a), int(others[0])] if seen[a] > 1 else [int(others[0]), int(others[1])]
        right = 0 if seen[a] > 1 else 2
        scores = random.normal(0, 1, 3)
        scores[right] += SEPARATION
        weight = prior * np.exp(SEPARATION * scores)
        weight /= weight.sum()
        rows += [(i, f"a{name}", float(p)) for name, p in zip(listed, weight[:2], strict=True)]
    return pd.DataFrame(rows, columns=["encounter", "identity", "probability"])


def decided(table: pd.DataFrame) -> list[str]:
    best = table.sort_values(["encounter", "probability"]).groupby("encounter").last()
    return [
        n if p >= 0.5 else f"new: {i}"
        for i, n, p in zip(best.index, best["identity"], best["probability"], strict=True)
    ]


def wrong(truth: np.ndarray, names: list[str]) -> float:
    """Share of encounters named wrongly. A new name is right for an animal met once."""
    _, where, times = np.unique(truth, return_inverse=True, return_counts=True)
    right = [
        name == f"a{a}" or (name.startswith(("new", "ghost")) and times[k] == 1)
        for a, name, k in zip(truth, names, where, strict=True)
    ]
    return 1 - float(np.mean(right))


def share_undecided(random: np.random.Generator) -> dict[str, float]:
    """How many encounters to leave undecided for each rate of wrong names."""
    rates = []
    for _ in range(40):
        s = survey(random)
        truth = s.animal[s.left]
        rates.append(wrong(truth, decided(posteriors(truth, 1.0, random))))
    return {name: min(1.0, error / float(np.mean(rates))) for name, error in ERRORS.items()} | {UNNOTICED: 0.0}


def encounters_of(s: Survey, flank: np.ndarray) -> History:
    """One row for each encounter that shows the flank."""
    n = int(flank.sum())
    counts = np.zeros((n, OCCASIONS, len(STATIONS)), dtype=np.int64)
    counts[np.arange(n), s.occasion[flank], s.station[flank]] = 1
    return History(
        counts, tuple(str(i) for i in range(n)), tuple(map(str, range(len(STATIONS)))), None, STATIONS * 1000
    )


def spatial(history: History, mask: Mask) -> Estimate:
    found = fit_spatial(history, "proximity", "hazard", mask=mask)
    return found.realised or found.density


def joined(s: Survey, names: dict[str, list[str]], rows: dict[str, History]) -> dict[str, History]:
    """Histories of both flanks, in which an animal has one name only where one encounter shows both."""
    numbers = {side: np.flatnonzero(getattr(s, side)) for side in ("left", "right")}
    shown = {side: dict(zip(numbers[side].tolist(), names[side], strict=True)) for side in names}
    linked = {
        shown["left"][i] for i in np.flatnonzero(s.left & s.right).tolist() if shown["left"][i] == shown["right"][i]
    }
    return {side: rows[side].regrouped([n if n in linked else f"{n} {side}" for n in names[side]]) for side in names}


def one_run(run: int, undecided: dict[str, float], draws: int, spatial_draws: int | None) -> list[dict[str, object]]:
    """Every estimate of one simulated season."""
    s = survey(np.random.default_rng((1, run)))
    step = SIDE * 1000 / 20
    axis = np.arange(step / 2, SIDE * 1000, step)
    mask = mask_of(np.array([(x, y) for x in axis for y in axis]), step)
    rows: list[dict[str, object]] = []
    for error, share in undecided.items():
        random = np.random.default_rng((2, run))
        found: dict[tuple[str, str, bool], Estimate] = {}
        history, names = {}, {}
        for side in ("left", "right"):
            flank = getattr(s, side)
            history[side] = encounters_of(s, flank)
            table = posteriors(s.animal[flank], share, random)
            names[side] = decided(table)
            if error == UNNOTICED:
                ghost = random.random(len(names[side])) < 0.125
                names[side] = [
                    f"ghost {side} {i}" if g else n for i, (n, g) in enumerate(zip(names[side], ghost, strict=True))
                ]
            labels = draw_by_table(list(range(int(flank.sum()))), table)  # type: ignore[arg-type]
            rows.append({"error": error, "kind": "wrong", "value": wrong(s.animal[flank], names[side])})
            as_named = history[side].regrouped(names[side])
            for model in MODELS:
                found[model, side, False] = estimate(as_named, model)
                found[model, side, True] = (
                    carry_error(history[side], labels, lambda h, m=model: estimate(h, m, interval="none"), draws, run)
                    if share
                    else found[model, side, False]
                )
            if spatial_draws and side == "left":
                found["spatial", side, False] = spatial(as_named, mask)
                found["spatial", side, True] = (
                    carry_error(history[side], labels, lambda h: spatial(h, mask), spatial_draws, run)
                    if share
                    else found["spatial", side, False]
                )
        for model in MODELS:
            for carried in (False, True):
                found[model, "averaged", carried] = average(
                    found[model, "left", carried], found[model, "right", carried]
                )
        both = joined(s, names, history)
        ends = by_flank(both["left"], both["right"], lambda h: estimate(h, "Mh-jackknife"), pairings=5)
        found["Mh-jackknife", "joined, fewest", False] = ends.fewest
        found["Mh-jackknife", "joined, most", False] = ends.most
        for (model, flanks, carried), e in found.items():
            rows.append({"error": error, "kind": "estimate", "model": model, "flanks": flanks, "carried": carried,
                         "n": e.n, "low": e.low, "high": e.high})  # fmt: skip
    return rows


def summary(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Bias, spread and coverage of each estimate."""
    groups: dict[tuple[object, ...], list[dict[str, object]]] = defaultdict(list)
    for row in rows:
        if row["kind"] == "estimate":
            groups[row["error"], row["model"], row["flanks"], row["carried"]].append(row)
    out = []
    for (error, model, flanks, carried), found in groups.items():
        n = np.array([r["n"] for r in found if r["n"] is not None], dtype=float)
        covered = [r["low"] <= ANIMALS and (r["high"] is None or r["high"] >= ANIMALS) for r in found]  # type: ignore[operator]
        widths = [r["high"] - r["low"] for r in found if r["high"] is not None]  # type: ignore[operator]
        out.append(
            {
                "error": error,
                "model": model,
                "flanks": flanks,
                "carried": carried,
                "runs": len(found),
                "undefined": len(found) - len(n),
                "mean": n.mean() if len(n) else None,
                "bias_percent": 100 * (n.mean() / ANIMALS - 1) if len(n) else None,
                "sd": n.std(ddof=1) if len(n) > 1 else None,
                "coverage": float(np.mean(covered)) if model != "minimum" else None,
                "width": float(np.median(widths)) if widths and model != "minimum" else None,
            }
        )
    order = {name: i for i, name in enumerate((*MODELS, "spatial"))}
    frame = pd.DataFrame(out)
    frame["order"] = frame["model"].map(order)
    frame["case"] = frame["error"].map({name: i for i, name in enumerate((*ERRORS, UNNOTICED))})
    return frame.sort_values(["flanks", "order", "case", "carried"], kind="stable").drop(columns=["order", "case"])


LEGEND = """"As named" takes the decided names as right; "carried" draws the undecided ones. Bias is against 57 animals, sd is the spread of the
estimates over the runs, coverage the share of 95 % intervals that hold 57. Each flank is a sample of its own; "averaged" is the
mean of both, "joined" one history of both, with left-only and right-only animals paired as far as they go or not at all.
Plot: abundance.png.
"""


def markdown(table: pd.DataFrame, wrong_names: dict[str, float], runs: int, draws: int) -> str:
    shares = ", ".join(f"{100 * w:.1f} % ({name})" for name, w in wrong_names.items())
    lines = [
        f"Simulated: {ANIMALS} animals, {runs} runs, {draws} draws of identities. Names wrong: {shares}.",
        "",
        LEGEND,
        "| flanks | estimate | names wrong | as named: bias | sd | coverage | carried: bias | sd | coverage | runs |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (flanks, model, error), rows in table.groupby(["flanks", "model", "error"], sort=False):
        cells = [str(flanks), str(model), str(error)]
        for carried in (False, True):
            row = rows[rows["carried"] == carried]
            if not len(row) or row.iloc[0]["mean"] is None or pd.isna(row.iloc[0]["mean"]):
                cells += ["", "", ""]
                continue
            r = row.iloc[0]
            coverage = "" if pd.isna(r["coverage"]) else f"{100 * r['coverage']:.0f} %"
            cells += [f"{r['bias_percent']:+.1f} %", f"{r['sd']:.1f}", coverage]
        lines.append("| " + " | ".join([*cells, str(int(rows["runs"].iloc[0]))]) + " |")
    return "\n".join(lines) + "\n"


def draw(table: pd.DataFrame, path: Path) -> None:
    from matplotlib.figure import Figure

    from reid.abundance import save_figure

    left = table[table["flanks"] == "left"]
    models = list(dict.fromkeys(left["model"]))
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    colours = dict(zip(ERRORS, ("#4c78a8", "#f2a541", "#c44e52"), strict=True))
    for error in ERRORS:
        for carried, fill in ((False, "none"), (True, "full")):
            rows = left[(left["error"] == error) & (left["carried"] == carried)].set_index("model").reindex(models)
            y = np.arange(len(models)) + (list(ERRORS).index(error) - 1) * 0.24 + (0.09 if carried else 0)
            label = f"{error} wrong, {'carried' if carried else 'as named'}"
            style = {"marker": "o", "linestyle": "", "color": colours[error], "fillstyle": fill, "markersize": 5}
            panels[0].plot(rows["bias_percent"], y, label=label, **style)
            panels[1].plot(100 * rows["coverage"].astype(float), y, **style)
    panels[0].axvline(0, color="#333333", linewidth=0.8)
    panels[1].axvline(95, color="#333333", linewidth=0.8)
    panels[0].set_yticks(range(len(models)), models)
    panels[0].invert_yaxis()
    panels[0].set_xlabel("bias, % of 57 animals (one flank)")
    panels[1].set_xlabel("intervals that hold 57, %")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8
    )
    save_figure(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--spatial-runs", type=int, default=100)
    parser.add_argument("--spatial-draws", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    undecided = share_undecided(np.random.default_rng(0))
    rows: list[dict[str, object]] = []
    for run in range(chosen.runs):
        rows += one_run(run, undecided, chosen.draws, chosen.spatial_draws if run < chosen.spatial_runs else None)
    table = summary(rows)
    found = {
        e: float(np.mean([r["value"] for r in rows if r["kind"] == "wrong" and r["error"] == e])) for e in undecided
    }  # type: ignore[misc]
    chosen.out.mkdir(parents=True, exist_ok=True)
    text = markdown(table, found, chosen.runs, chosen.draws)
    (chosen.out / "abundance.md").write_text(text, encoding="utf-8")
    records = json.loads(table.round(4).to_json(orient="records"))
    settings = {
        "animals": ANIMALS,
        "runs": chosen.runs,
        "draws": chosen.draws,
        "names_wrong": found,
        "undecided": undecided,
    }
    (chosen.out / "abundance.json").write_text(json.dumps({"settings": settings, "rows": records}, indent=1) + "\n")
    draw(table, chosen.out / "abundance.png")
    print(text)


if __name__ == "__main__":
    main()

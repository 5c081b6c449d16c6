"""How soon answers settle a census: in the page's order, at random, the lowest score first, the least certain first.

`python benchmarks/review_order.py [--seeds 10] [--answers 60] [--out FOLDER]` writes `review_order.md`, `.json`, `.png`.

A made-up season has 25 animals in 90 encounters, 30 % of them seen from both sides. Pairs of encounters have scores
that are calibrated by construction (see `made_up_season.py`): of the pairs that are given a probability p, a share p
is one animal. The census is taken by the real code, and entered into a real catalogue. A simulated reviewer then
answers "same" or "different", and is right 96 times in a hundred, as people were who compared zebras and giraffes
(Parham 2021). Asked about an encounter that is like nobody, the reviewer finds whose it is among the named ones or says
that it is new, and is right as often. Each answer goes through the catalogue; the questions are asked anew after each,
and every order chooses among the same ones.

The census is counted after every fourth answer. What is told of each moment: how far the census's number is from the truth, the middle of its interval from the
truth, how wide the interval is, and whether it holds the truth.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from made_up_season import MadeUp, make

from reid.catalogue import Catalogue
from reid.progress import track
from reid.review import Desk, Question, ReviewSettings, gain, read_season
from reid.tables import UNKNOWN

ANIMALS, ENCOUNTERS, RIGHT, DRAWS, EVERY = 25, 90, 0.96, 200, 4
Order = Callable[[Desk, str, list[Question], np.random.Generator], Question]


def ours(desk: Desk, run: str, questions: list[Question], random: np.random.Generator) -> Question:
    return questions[0]


def at_random(desk: Desk, run: str, questions: list[Question], random: np.random.Generator) -> Question:
    return questions[int(random.integers(len(questions)))]


def lowest_first(desk: Desk, run: str, questions: list[Question], random: np.random.Generator) -> Question:
    """The pair with the lowest score that is still open."""
    return min(questions, key=lambda q: (q.probability or 0.0, q.key))


def doubtful_first(desk: Desk, run: str, questions: list[Question], random: np.random.Generator) -> Question:
    """The encounter whose decision the census itself gives the lowest probability, and its best candidate."""
    standing, _ = desk.state(run)
    decided = {name: one.probability for name, one in standing.encounters.items()}
    return min(questions, key=lambda q: (decided[q.encounter], -(q.probability or 0.0), q.key))


def nearest_half(desk: Desk, run: str, questions: list[Question], random: np.random.Generator) -> Question:
    return min(questions, key=lambda q: (abs((q.probability or 0.0) - 0.5), q.key))


ORDERS: dict[str, Order] = {
    "the page's order": ours,
    "random": at_random,
    "lowest score first": lowest_first,
    "least certain decision first": doubtful_first,
    "nearest to 50 % first": nearest_half,
}
COLOURS = ("#b5761a", "#777777", "#c0504d", "#7a5aa6", "#3b7dbd")


def review(made: MadeUp, order: Order, answers: int, seed: int) -> list[dict[str, float]]:
    """The census after each answer."""
    truth = len(set(made.truth.values()))
    random, person = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "catalogue.sqlite"
        shutil.copy(made.catalogue, copy)
        with Catalogue(copy, create=False, by="Simulated reviewer") as catalogue:
            desk = Desk(catalogue, [read_season(made.census)], ReviewSettings(reviewer=RIGHT, draws=DRAWS))
            for number in range(answers + 1):
                if number % EVERY == 0:
                    found = desk.count(made.run)[1]
                    rows.append(
                        {
                            "error": abs(found.best - truth), "middle": abs((found.low + found.high) / 2 - truth),
                            "width": found.high - found.low, "holds": float(found.low <= truth <= found.high),
                            "bias": found.best - truth,
                        }
                    )  # fmt: skip
                questions = list(desk.queue(made.run).questions)
                if not questions:
                    break
                asked = order(desk, made.run, questions, random)
                answer(catalogue, made, asked, person.random() < RIGHT)
    return rows + [rows[-1]] * (answers // EVERY + 1 - len(rows))


def answer(catalogue: Catalogue, made: MadeUp, asked: Question, right: bool) -> None:
    """What the reviewer says and does."""
    animal = made.truth[asked.encounter]
    other = catalogue.sighting(asked.candidate) if asked.candidate else None
    same = other is not None and made.truth[other["encounter"]] == animal
    undecided = catalogue.sighting(asked.query)["identity"] is None
    if other is not None and (asked.open or same or not right):
        said = "same" if same == right else "different"
        catalogue.answer(asked.query, asked.candidate, said, probability=asked.probability)
        return
    named = catalogue.decisions(made.run).set_index("encounter")["identity"]
    own = [name for encounter, name in named.items() if name != UNKNOWN and made.truth[encounter] == animal]
    if right or not undecided:
        catalogue.decide(made.run, asked.encounter, own[0] if own else "new")
    else:
        catalogue.decide(made.run, asked.encounter, "new" if own else None)


def draw(curves: dict[str, dict[str, list[float]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4), constrained_layout=True)
    words = {
        "error": "error of the number of animals",
        "middle": "error of the interval's middle",
        "width": "width of the 90 % interval",
    }
    for axis, (key, title) in zip(axes, words.items(), strict=True):
        for (name, curve), colour in zip(curves.items(), COLOURS, strict=True):
            at = EVERY * np.arange(len(curve[key]))
            axis.plot(at, curve[key], label=name, color=colour, linewidth=2.4 if name == "the page's order" else 1.5)
            low, high = np.array(curve[f"{key} low"]), np.array(curve[f"{key} high"])
            if name in ("the page's order", "random"):
                axis.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
        axis.set(xlabel="answers", title=title, ylim=(0, None))
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)


def summarise(runs: list[list[dict[str, float]]]) -> dict[str, list[float]]:
    out = {}
    for key in ("error", "middle", "width", "holds", "bias"):
        values = np.array([[row[key] for row in run] for run in runs])
        mean, half = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1)) / np.sqrt(len(values))
        out[key] = mean.round(4).tolist()
        out[f"{key} low"], out[f"{key} high"] = (mean - half).round(4).tolist(), (mean + half).round(4).tolist()
    return out


def table(curves: dict[str, dict[str, list[float]]], key: str, at: list[int]) -> list[str]:
    rows = [f"| order | {' | '.join(str(n) for n in at)} |", "| --- |" + " --- |" * len(at)]
    rows += [
        f"| {name} | {' | '.join(f'{curve[key][n // EVERY]:.2f}' for n in at)} |" for name, curve in curves.items()
    ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--answers", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    runs: dict[str, list[list[dict[str, float]]]] = {name: [] for name in ORDERS}
    for seed in track(range(given.seeds), "seasons", unit="season"):
        with tempfile.TemporaryDirectory() as folder:
            made = make(Path(folder), ANIMALS, ENCOUNTERS, 2, seed, photos=False, compared=12, apart=2.6)
            for name, order in ORDERS.items():
                # only one order looks at the gains; the others need not wait for good ones
                gain.DRAWS = 300 if order is ours else 1
                runs[name].append(review(made, order, given.answers, seed))
        _write(runs, seed + 1, given.answers, given.out)


def _write(runs: dict[str, list[list[dict[str, float]]]], seeds: int, answers: int, out: Path) -> None:
    """Write what there is so far, so that a run that is stopped has not been in vain."""
    curves = {name: summarise(found) for name, found in runs.items()}
    at = [n for n in (0, 4, 8, 12, 20, 28, 40, 60, 80, 100) if n <= answers]
    area = {name: float(np.mean(curve["error"])) for name, curve in curves.items()}
    lines = [
        "# How soon answers settle a census", "",
        f"{seeds} made-up seasons (seeds 0 to {seeds - 1}), {ANIMALS} animals, {ENCOUNTERS} encounters, a reviewer who is right "
        f"{RIGHT:.0%} of the time; the count drawn {DRAWS} times after each answer. Means over the seasons; `benchmarks/review_order.py` says more.", "",
        "Error of the number of animals, after so many answers:", "", *table(curves, "error", at), "",
        "Error of the middle of the interval:", "", *table(curves, "middle", at), "",
        "Width of the 90 % interval:", "", *table(curves, "width", at), "",
        "Share of seasons whose interval holds the truth:", "", *table(curves, "holds", at), "",
        "Mean error over the whole curve: " + "; ".join(f"{name} {value:.2f}" for name, value in area.items()) + ".", "",
        "![Curves](review_order.png)", "",
    ]  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "review_order.md").write_text("\n".join(lines), encoding="utf-8")
    (out / "review_order.json").write_text(json.dumps({"seeds": seeds, "curves": curves}), encoding="utf-8")
    draw(curves, out / "review_order.png")


if __name__ == "__main__":
    main()

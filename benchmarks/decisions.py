"""The whole decision stage on pairs of crops whose truth is known, or on made-up seasons.

`python benchmarks/decisions.py --pairs pairs.csv --crops crops.csv [--prior 0.05] [--seeds 20] [--out FOLDER]` reads

- pairs: `query`, `candidate` (crop_id), `probability`, and as an option `same`, which must then agree with the crops;
- crops: `crop_id`, `identity`, `encounter`, and as options `orientation`, `orientation_probability`, `content_hash`, and
  `date` or the order of the rows, which say in which order the encounters were met.

Without `--pairs` it makes seasons up (`make_world`), a new one for each seed.

Each seed splits the animals by chance. Half of them set the thresholds, as a calibration's held-out encounters would; the
other half are judged, with only the pairs among themselves. It prints, as means over the seeds with the lowest and the
highest: the log loss of the links by either vote; AUROC of animals met before against new ones; the false-match and
false-new rates at the named rates, and the share left to a person; the error of the count of the animals without a
gallery, by our grouping, by connected components and by average linkage (SciPy) of the same links; and how often the
interval of the count holds the truth.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.counts import count, first_meetings
from reid.evaluate import census_error
from reid.evaluate.openset import OpenSet, auroc
from reid.identify import (
    DecisionSettings,
    Evidence,
    Thresholds,
    choose_thresholds,
    crop_sides,
    decide,
    gather_evidence,
    group_encounters,
    link_encounters,
)
from reid.tables import MATCHES, UNKNOWN, from_rows

FLOOR = 1e-3


@dataclass(frozen=True)
class World:
    """Pairs of crops with their probabilities, and who the crops show.

    Attributes:
        matches: `query`, `candidate`, `probability`.
        crops: `crop_id`, `identity`, `encounter`, `orientation`, in the order in which they were met.
    """

    matches: pd.DataFrame
    crops: pd.DataFrame

    def encounters(self) -> dict[str, str]:
        """Encounter of each crop."""
        return dict(zip(self.crops["crop_id"], self.crops["encounter"], strict=True))

    def truth(self) -> dict[str, str]:
        """Animal of each encounter, in the order in which they were met."""
        return dict(zip(self.crops["encounter"], self.crops["identity"], strict=True))

    def only(self, animals: set[str]) -> World:
        """These animals, and the pairs among them."""
        crops = self.crops[self.crops["identity"].isin(animals)].reset_index(drop=True)
        kept = set(crops["crop_id"])
        inside = self.matches["query"].isin(kept) & self.matches["candidate"].isin(kept)
        return World(self.matches[inside].reset_index(drop=True), crops)


def make_world(
    seed: int,
    animals: int = 40,
    met: float = 4.0,
    hard: float = 0.15,
    apart: float = 8.0,
    echo: float = 0.7,
    compared: int = 20,
) -> World:
    """A made-up season: animals met a few times, seen from one side or both, and compared by their spots.

    What the pairs of two encounters on one side show is a log-likelihood ratio: normal with the mean `apart` for one animal,
    `-apart` for two, and the variance `2 apart`, as such a ratio must have. But a share `hard` of the pairs of one animal
    looks as two animals do. A share `echo` of the variance is the same for all pairs of crops of these two encounters and
    this side. Probabilities are calibrated: by the true density of what a pair shows, at the share of pairs of one animal
    among those compared.

    Args:
        seed: Of everything.
        animals: How many.
        met: Mean number of encounters of an animal, at least one each.
        hard: Share of hopeless pairs.
        apart: Mean of what a pair of one animal shows.
        echo: How much the pairs of two encounters repeat each other.
        compared: Encounters of other animals that each one is compared with on a side, at most.
    """
    random = np.random.default_rng(seed)
    rows = []
    for animal in range(animals):
        for visit in range(1 + int(random.geometric(1 / met) - 1)):
            seen = random.choice(["left", "right", "both"], p=[0.3, 0.3, 0.4])
            name = f"{animal:03d}-{visit:02d}"
            when = float(random.random())
            for side in ("left", "right") if seen == "both" else (seen,):
                for shot in range(int(random.integers(1, 4))):
                    rows.append((when, f"{name}{side[0]}{shot}", f"a{animal:03d}", name, side))
    crops = pd.DataFrame(sorted(rows), columns=["when", "crop_id", "identity", "encounter", "orientation"])
    pairs = []
    for _, seen in crops.groupby("orientation", sort=True):
        by = {name: list(group["crop_id"]) for name, group in seen.groupby("encounter", sort=True)}
        who = dict(zip(seen["encounter"], seen["identity"], strict=True))
        names = list(by)
        for n, one in enumerate(names):
            others = list(names[n + 1 :])
            same = [m for m in others if who[m] == who[one]]
            strangers = [m for m in others if who[m] != who[one]]
            near = random.permutation(len(strangers))[:compared]
            for other in [*same, *(strangers[k] for k in near)]:
                alike = who[other] == who[one]
                level = apart if alike and random.random() >= hard else -apart
                shared = random.normal(0, np.sqrt(2 * apart * echo))
                for a in by[one]:
                    for b in by[other]:
                        value = level + shared + random.normal(0, np.sqrt(2 * apart * (1 - echo)))
                        pairs.append((a, b, value, alike))
    table = pd.DataFrame(pairs, columns=["query", "candidate", "value", "same"])
    share = table["same"].mean()

    def density(mean: float) -> np.ndarray:
        return np.asarray(np.exp(-((table["value"] - mean) ** 2) / (4 * apart)))

    one, two = share * ((1 - hard) * density(apart) + hard * density(-apart)), (1 - share) * density(-apart)
    table["probability"] = (one / (one + two)).round(6)
    table["similarity"] = 0.5
    matches = from_rows(table[["query", "candidate", "similarity", "probability"]].to_dict("records"), MATCHES)
    return World(matches, crops)


def read_world(pairs: Path, crops: Path) -> World:
    """Read a table of pairs and one of crops; see above."""
    table = pd.read_csv(crops, dtype={"crop_id": str, "identity": str, "encounter": str})
    if "date" in table:
        table = table.sort_values("date", kind="stable")
    if "orientation" not in table:
        table["orientation"] = UNKNOWN
    found = pd.read_csv(pairs, dtype={"query": str, "candidate": str})
    who = dict(zip(table["crop_id"], table["identity"], strict=True))
    alike = found["query"].map(who) == found["candidate"].map(who)
    if "same" in found and not (found["same"].astype(bool) == alike).all():
        raise SystemExit(f"{pairs}: the column 'same' does not agree with the identities of {crops}.")
    rows = [
        {"query": a, "candidate": b, "similarity": 0.0, "probability": p}
        for a, b, p in zip(found["query"], found["candidate"], found["probability"], strict=True)
    ]
    return World(from_rows(rows, MATCHES), table.reset_index(drop=True))


def links_of(world: World, vote: str, prior: float) -> pd.DataFrame:
    """Links of a world's encounters."""
    crops = world.crops.copy()
    if "orientation_probability" not in crops:
        crops["orientation_probability"] = 1.0
    return link_encounters(world.matches, world.encounters(), {}, vote, crop_sides(crops, 0.9), prior)


def log_loss(links: pd.DataFrame, truth: Mapping[str, str]) -> float:
    """Mean log loss of the links' probabilities."""
    same = (links["encounter"].map(truth) == links["other"].map(truth)).to_numpy(bool)
    p = links["probability"].to_numpy(float).clip(FLOOR, 1 - FLOOR)
    return float(-np.mean(np.where(same, np.log(p), np.log(1 - p))))


def components(names: list[str], links: pd.DataFrame, accept: float) -> list[int]:
    """Groups by connected components of the links from `accept` on."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = {name: n for n, name in enumerate(names)}
    sure = links[links["probability"] >= accept]
    one, other = ([place[name] for name in sure[end]] for end in ("encounter", "other"))
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(names),) * 2)
    return [int(n) for n in connected_components(graph, directed=False)[1]]


def linkage_groups(names: list[str], links: pd.DataFrame, accept: float) -> list[int]:
    """Groups by average linkage: the mean probability of two groups' pairs; pairs that were not compared count 0."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(names) < 2:
        return [0] * len(names)
    place = {name: n for n, name in enumerate(names)}
    distance = np.ones((len(names),) * 2) - np.eye(len(names))
    for a, b, p in zip(links["encounter"], links["other"], links["probability"], strict=True):
        distance[place[a], place[b]] = distance[place[b], place[a]] = 1 - p
    tree = linkage(squareform(distance, checks=False), "average")
    # half as far as a sure link: the other half of two groups' pairs may never have been compared
    return [int(n) for n in fcluster(tree, 1 - accept / 2, "distance")]


def rates(evidence: Any, thresholds: Thresholds) -> dict[str, float]:
    """What the thresholds do to encounters one by one: shares of the accepted, of the known, and of all."""
    p, same, known = evidence.probability, evidence.same, evidence.known
    accepted, rejected = p >= thresholds.accept, p < thresholds.reject
    return {
        "false_match": float((accepted & ~same).sum() / max(1, accepted.sum())),
        "false_new": float((rejected & known).sum() / max(1, known.sum())),
        "undecided": float((~accepted & ~rejected).mean()),
        "accepted": float(accepted.mean()),
    }


def count_errors(world: World, links: pd.DataFrame, thresholds: Thresholds, prior: float) -> dict[str, float]:
    """How far the number of groups is from the number of animals, and whether the interval of the count holds it."""
    truth = world.truth()
    names = list(truth)
    flanks = world.crops.groupby("encounter")["orientation"].agg(set).to_dict()
    groups = group_encounters(names, links, thresholds.accept, flanks=flanks)
    ours = {name: n for n, group in enumerate(groups) for name in group.encounters}
    decided = decide(groups, links, {}, thresholds)
    named = decided[decided["identity"] != UNKNOWN]
    found = count(
        dict(zip(named["encounter"], named["identity"], strict=True)), flanks, links,
        set(decided.loc[decided["identity"] == UNKNOWN, "encounter"]), draws=400, prior=prior,
    )  # fmt: skip
    out: dict[str, float] = {}
    for label, groups_of in (
        ("grouping", [ours[name] for name in names]),
        ("components", components(names, links, thresholds.accept)),
        ("average_linkage", linkage_groups(names, links, thresholds.accept)),
    ):
        error = census_error([truth[name] for name in names], groups_of)
        out[f"{label}_error"] = error["relative_error"]
        out[f"{label}_splits"], out[f"{label}_merges"] = error["splits"], error["merges"]
    animals = len(set(truth.values()))
    by_name = named.assign(truth=named["encounter"].map(truth)).groupby("identity")["truth"].agg(["size", lambda t: t.value_counts().iloc[0]])  # fmt: skip
    joined = by_name[by_name["size"] > 1]
    out["wrongly_joined"] = float(1 - joined.iloc[:, 1].sum() / max(1, joined["size"].sum())) if len(joined) else 0.0
    out["count_error"] = (found.best - animals) / animals
    out["interval_holds"] = float(found.low <= animals <= found.high)
    out["interval_width"] = (found.high - found.low) / animals
    out["unsure_encounters"] = len(set(decided.loc[decided["identity"] == UNKNOWN, "encounter"])) / len(names)
    return out


def meetings_error(links: pd.DataFrame, order: list[str], animals: int, held: Evidence) -> dict[str, float]:
    """How far the count by first meetings is from the number of animals."""
    found = first_meetings(links, order, held)
    if found is None:
        return {}
    error = found.expected / animals - 1
    return {
        "first_meetings_error": error,
        "first_meetings_error_size": abs(error),
        "first_meetings_holds": float(found.low <= animals <= found.high),
        "first_meetings_width": (found.high - found.low) / animals,
    }


def one_seed(world: World, seed: int, settings: DecisionSettings, prior: float) -> dict[str, float]:
    """Half of the animals set the thresholds, the others are judged."""
    animals = np.random.default_rng(seed).permutation(sorted(set(world.crops["identity"])))
    half = len(animals) // 2
    first, second = world.only(set(animals[:half])), world.only(set(animals[half:]))
    out: dict[str, float] = {"animals": len(animals) - half, "encounters": len(second.truth())}
    for vote in ("best", "all"):
        out[f"log_loss_{vote}"] = log_loss(links_of(second, vote, prior), second.truth())
    held = gather_evidence(
        links_of(first, settings.vote, prior), first.truth(), list(first.truth()), vote=settings.vote
    )
    thresholds = choose_thresholds(settings, {"evidence": held.to_json()})
    links = links_of(second, settings.vote, prior)
    judged = gather_evidence(links, second.truth(), list(second.truth()))
    score = auroc(OpenSet(judged.probability, judged.known, judged.same, np.array(list(second.truth().values()))))
    out |= {"auroc": float("nan") if score is None else score, "accept": thresholds.accept, "reject": thresholds.reject}
    out["promised"] = float("No threshold" not in " ".join(thresholds.notes))
    out |= rates(judged, thresholds) | count_errors(second, links, thresholds, prior)
    return out | meetings_error(links, list(second.truth()), len(animals) - half, held)


def summary(rows: pd.DataFrame) -> str:
    """Mean, lowest and highest of each figure, a line each."""
    lines = [f"| figure | mean of {len(rows)} | lowest | highest |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {rows[name].mean():.4f} | {rows[name].min():.4f} | {rows[name].max():.4f} |"
        for name in rows.columns
    ]
    return "\n".join(lines)


def page(rows: pd.DataFrame, about: Mapping[str, str]) -> str:
    """The figures with how they were come by."""
    data = (
        f"`{Path(about['pairs']).name}`"
        if about["pairs"] != "None"
        else f"made-up seasons of {about['animals']} animals"
    )
    return (
        f"# The decision stage on {data}\n\n"
        f"`benchmarks/decisions.py`, {len(rows)} seeds: half of the animals by chance set the thresholds, the other half are "
        f"judged. Named rates: {about['false_match']} of false matches, {about['false_new']} of false new ones; vote "
        f"{about['vote']}. `promised` is the share of seeds in which the held-out encounters were enough to promise the rates; "
        "elsewhere the stricter thresholds hold. `false_match` is the share of the accepted, `false_new` of the known, `undecided` of "
        "all encounters, each against those met before it. Errors of the count are shares of the true number of animals.\n\n"
        f"{summary(rows)}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--crops", type=Path)
    parser.add_argument("--prior", type=float, default=0.05)
    parser.add_argument("--false-match", type=float, default=0.01)
    parser.add_argument("--false-new", type=float, default=0.05)
    parser.add_argument("--vote", choices=("all", "best"), default="all")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--animals", type=int, default=80)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if bool(given.pairs) != bool(given.crops):
        parser.error("--pairs needs --crops, and the other way round.")
    settings = DecisionSettings(false_match=given.false_match, false_new=given.false_new, vote=given.vote)
    read = read_world(given.pairs, given.crops) if given.pairs else None
    rows = []
    for seed in range(given.seeds):
        world = read or make_world(seed, given.animals)
        share = float((world.matches["query"].str[:3] == world.matches["candidate"].str[:3]).mean())
        rows.append(one_seed(world, seed, settings, given.prior if read else share))
    frame = pd.DataFrame(rows)
    print(summary(frame))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        about = {name: str(value) for name, value in vars(given).items() if name != "out"}
        (given.out / "decisions.json").write_text(json.dumps({"settings": about, "seeds": rows}, indent=1) + "\n")
        (given.out / "decisions.md").write_text(page(frame, about))


if __name__ == "__main__":
    main()

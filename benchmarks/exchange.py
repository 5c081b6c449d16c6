"""Two simulated parks with eight animals in common, found by exchange: photos, census, bundle, match, answers, total.

`python benchmarks/exchange.py [--seeds 3] [--animals 20] [--common 8] [--photos 8] [--work FOLDER] [--out FOLDER]` writes
`exchange.md` and `exchange.json`.

Both parks are made by `reid.synthetic.make_parks`: stations, places and times of their own, the coats of `common`
animals on both sides. Each park takes a census of its photos, with the true boxes but no label, and exports a bundle. What
a person would answer is simulated: whoever owns the most photos behind a named animal is who it is. Runs are kept by
seed, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import beta

import reid
from reid.cli import run_verb
from reid.exchange import names_of, read_bundle, read_key
from reid.synthetic import SurveySettings, SynthesisSettings, make_parks

STATIONS = 16


def truth_of(folder: Path, labels: pd.DataFrame, key: Path, partner: str) -> tuple[dict[str, str], float]:
    """Who each id of a bundle is, by most of its photos; and the share of named photos whose name is that animal's."""
    sightings = pd.read_csv(folder / "census" / "sightings.csv")
    seen = sightings[sightings["identity"] != "unknown"].merge(labels[["path", "identity"]], on="path")
    who = seen.groupby("identity_x")["identity_y"].agg(lambda names: names.value_counts().index[0])
    pure = float((seen["identity_y"] == seen["identity_x"].map(who)).mean())
    with reid.Catalogue(folder / "census" / "catalogue.sqlite") as catalogue:
        names = names_of(catalogue, read_key(key), partner)
    return {alias: str(who[name]) for alias, name in names.items() if name in who.index}, pure


def one_seed(work: Path, seed: int, animals: int, common: int, photos: int, words: list[str]) -> dict[str, object]:
    """The whole way for one seed."""
    settings = SynthesisSettings(
        individuals=animals, photos=photos, seed=seed, survey=SurveySettings(stations=STATIONS, cameras=2, burst=4)
    )
    folder = work / f"seed-{seed}"
    parks = make_parks(folder / "photos", settings, common)
    keys, bundles, truths, pures, named = [], [], [], [], []
    for number, park in enumerate(parks):
        place = folder / park.folder.name
        key = folder / f"{park.folder.name}.key"
        if not key.is_file():
            run_verb("exchange", ["key", f"output={key}"])
        reid.census(
            park.folder, place / "census", park.folder / "megadetector.json",
            settings={"scan.stations": str(park.folder / "stations.csv"), **dict(w.split("=") for w in words)},
        )  # fmt: skip
        partner = parks[1 - number].folder.name
        run_verb(
            "exchange",
            ["export", f"catalogue={place / 'census' / 'catalogue.sqlite'}", f"key={key}", f"output={place / 'bundle'}",
             f"sender={park.folder.name}", f"partner={partner}", *words],
        )  # fmt: skip
        who, pure = truth_of(place, park.annotations, key, partner)
        keys.append(key)
        bundles.append(place / "bundle" / "bundle.reidx")
        truths.append(who)
        pures.append(pure)
        named.append(len(who))
    answers, tables = [], []
    for number in (0, 1):
        here, there = number, 1 - number
        place = folder / f"match-{parks[here].folder.name}"
        run_verb(
            "exchange",
            ["match", f"mine={bundles[here]}", f"theirs={bundles[there]}", f"their_key={keys[there]}.pub", f"output={place}", *words],
        )  # fmt: skip
        table = pd.read_csv(place / "proposals.csv", dtype={"mine": str, "theirs": str})
        table["same"] = [truths[here].get(a) == truths[there].get(b) for a, b in zip(table["mine"], table["theirs"], strict=True)]  # fmt: skip
        told = table[table["verdict"] != "unlikely"]
        yes, no = (told.loc[told["same"] == same, "number"].tolist() for same in (True, False))
        file = folder / f"{parks[here].folder.name}.answers"
        run_verb("exchange", ["confirm", f"proposals={place}", f"key={keys[here]}", "by=simulated", f"same={yes}", f"different={no}", f"output={file}"])  # fmt: skip
        answers.append(file)
        tables.append(table)
    run_verb("exchange", ["join", f"proposals={folder / 'match-west'}", f"mine={answers[0]}", f"theirs={answers[1]}", f"output={folder / 'joint'}"])  # fmt: skip
    joint = json.loads((folder / "joint" / "joint.json").read_text())
    facts = json.loads((folder / "match-west" / "proposals.json").read_text())
    table = tables[0]
    shared = set(truths[0].values()) & set(truths[1].values())
    likely, told = table[table["verdict"] == "likely"], table[table["verdict"] != "unlikely"]
    compared = [read_bundle(path) for path in bundles]
    return {
        "seed": seed,
        "animals": [park.annotations["identity"].nunique() for park in parks],
        "photos": [len(park.annotations) for park in parks],
        "named_by_census": named,
        "purity": [round(p, 4) for p in pures],
        "in_bundle": [len(set(b.owner.tolist())) for b in compared],
        "common": common,
        "common_named_on_both_sides": len(shared),
        "expected": facts["expected"],
        "likely": len(likely),
        "likely_true": int(likely["same"].sum()),
        "possible": len(told) - len(likely),
        "possible_true": int(told["same"].sum() - likely["same"].sum()),
        "found_likely": len({truths[0][a] for a in likely.loc[likely["same"], "mine"]}),
        "found_to_look_at": len({truths[0][a] for a in told.loc[told["same"], "mine"]}),
        "pairs_of_two_animals": named[0] * named[1] - sum(
            (list(truths[0].values()).count(a)) * (list(truths[1].values()).count(a)) for a in shared
        ),
        "probabilities": [[float(p), bool(s)] for p, s in zip(table["probability"], table["same"], strict=True)],
        "both_sides_propose_the_same": bool(
            {(a, b): p for a, b, p in zip(table["mine"], table["theirs"], table["probability"], strict=True)}
            == {(b, a): p for a, b, p in zip(tables[1]["mine"], tables[1]["theirs"], tables[1]["probability"], strict=True)}
        ),
        "true_total": len({*truths[0].values(), *truths[1].values()}),
        "joint": joint,
    }  # fmt: skip


def at_most(false: int, of: int) -> float:
    """The largest rate that so few false ones allow, 95 % sure (Clopper and Pearson 1934, one side)."""
    return 1.0 if false >= of else float(beta.ppf(0.95, false + 1, of - false))


def protocol_of(runs: list[dict[str, object]], photos: int, words: list[str]) -> str:
    first = runs[0]
    names = [n for r in runs for n in r["named_by_census"]]  # type: ignore[attr-defined]
    return (
        f"Simulated: {len(runs)} pairs of parks (seeds 0 to {len(runs) - 1}), {first['animals'][0]} animals in each, {first['common']} in "  # type: ignore[index]
        f"common, {photos} photos or more of an animal in a park, {STATIONS // 2} stations of two cameras each, pictures as camera traps "
        f"take them. Censuses, bundles and matching with the shipped network and calibration, which saw none of these animals"
        f"{' (' + ' '.join(words) + ')' if words else ''}. A likely pair has a probability of 0.95 or more, a possible one 0.3 or more. "
        "A named animal counts as whoever has most of its photos. Answers are simulated by the truth, on both sides alike, to likely "
        "and possible pairs. The total counts named animals, each confirmed pair once: the censuses gave the animals of a park "
        f"{min(names)} to {max(names)} names, and an exchange does not mend what a census took for two."
    )


def markdown(runs: list[dict[str, object]], protocol: str) -> str:
    lines = [
        protocol,
        "",
        "| seed | animals, west and east | named by the census | of these with a sure flank | common, named on both sides | likely: true of proposed | possible: true of proposed | found by likely | found by either | expected | total after answers (interval) | different animals named |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in runs:
        joint = r["joint"]
        interval = joint["interval"]  # type: ignore[index]
        lines.append(
            f"| {r['seed']} | {r['animals'][0]}, {r['animals'][1]} | {r['named_by_census'][0]}, {r['named_by_census'][1]} | "  # type: ignore[index]
            f"{r['in_bundle'][0]}, {r['in_bundle'][1]} | "  # type: ignore[index]
            f"{r['common_named_on_both_sides']} of {r['common']} | {r['likely_true']} of {r['likely']} | "
            f"{r['possible_true']} of {r['possible']} | {r['found_likely']} | {r['found_to_look_at']} | {r['expected']:.1f} | "
            f"{joint['total']} ({interval['low']} to {interval['high']}) | {r['true_total']} |"  # type: ignore[index]
        )
    total = {name: sum(int(r[name]) for r in runs) for name in ("likely", "likely_true", "possible", "possible_true", "found_likely", "found_to_look_at", "common_named_on_both_sides", "pairs_of_two_animals")}  # type: ignore[call-overload]  # fmt: skip
    false, pairs = total["likely"] - total["likely_true"], total["pairs_of_two_animals"]
    lines += [
        "",
        f"Likely pairs: {total['likely_true']} of {total['likely']} true, {false} false: a false-match rate of "
        f"{100 * false / max(total['likely'], 1):.1f} % of the likely pairs (95 % sure: at most {100 * at_most(false, total['likely']):.0f} %), and of "
        f"{100 * false / max(pairs, 1):.2f} % of the {pairs} pairs of two animals that could have been taken for one (at most "
        f"{100 * at_most(false, pairs):.2f} %). "
        f"Animals in common found: {total['found_likely']} of {total['common_named_on_both_sides']} by likely pairs, "
        f"{total['found_to_look_at']} with the possible ones ({total['possible_true']} of {total['possible']} true).",
        "",
        "| probability said | pairs | mean said | true |",
        "| --- | --- | --- | --- |",
    ]
    every = np.array([[p, s] for r in runs for p, s in r["probabilities"]], dtype=float).reshape(-1, 2)  # type: ignore[attr-defined]
    for low, high in ((0.01, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 0.95), (0.95, 1.01)):
        part = every[(every[:, 0] >= low) & (every[:, 0] < high)]
        if len(part):
            lines.append(
                f"| {low:g} to {min(high, 1):g} | {len(part)} | {part[:, 0].mean():.2f} | {part[:, 1].mean():.2f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--animals", type=int, default=20)
    parser.add_argument("--common", type=int, default=8)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--work", type=Path, default=Path("runs/exchange"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("words", nargs="*", help="settings of matching, such as matcher=sift")
    chosen = parser.parse_args()
    runs = []
    for seed in range(chosen.seeds):
        runs.append(one_seed(chosen.work, seed, chosen.animals, chosen.common, chosen.photos, chosen.words))
        print(json.dumps({k: v for k, v in runs[-1].items() if k != "probabilities"}), flush=True)
    text = markdown(runs, protocol_of(runs, chosen.photos, chosen.words))
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "exchange.md").write_text(text, encoding="utf-8")
    (chosen.out / "exchange.json").write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

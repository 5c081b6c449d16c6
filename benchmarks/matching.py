"""How well coats tell animals apart that were never trained on: tables of photos, of strangers, of pairs, and of a shortlist's length.

    python benchmarks/matching.py split --data ../shared/data --output runs/matching
    reid train recipe=coat model=lite0-imagenet data=[runs/matching/nyala/annotations.csv,runs/matching/atrw/annotations.csv] \
        output=runs/matching/coat
    python benchmarks/matching.py judge --data ../shared/data --split runs/matching --coat runs/matching/coat
    reid calibrate data=[runs/matching/strangers/nyala/annotations.csv,runs/matching/strangers/atrw/annotations.csv] gap=30 \
        photos=160 model=lite0-imagenet coats.weights=runs/matching/coat output=runs/matching/calibration

`split` draws a fifth of the animals of NyalaData and of the tigers of ATRW as strangers, and of the other nyala a fifth of the
photos as queries (`ClosedSetSplit(0.8, 666)` of the rows that are left); only the rest is trained on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

SETS = ("nyala", "atrw")
NEW = 0.2
SEED = 666
GAP = 30
"""NyalaData's encounters are numbered in time; photos of encounters nearer than this share a background, and are no pair here."""
LENGTHS = (1, 5, 10, 20, 50, 100, 200)


def split(data: Path, output: Path) -> None:
    """Write the training tables, and which row is of which part."""
    from reid.evaluate.splits import closed_set

    rng = np.random.default_rng(SEED)
    for name in SETS:
        frame = pd.read_csv(data / name / "annotations.csv", dtype=str)
        animals = np.array(sorted(frame["identity"].unique()))
        strangers = set(rng.permutation(animals)[: round(NEW * len(animals))])
        frame["part"] = np.where(frame["identity"].isin(strangers), "stranger", "train")
        if name == "nyala":
            known = frame[frame["part"] == "train"].reset_index()
            frame.loc[known["index"].iloc[closed_set(known, 0.8, SEED).queries], "part"] = "query"
        # some photos stand in the table twice: one that is trained on is no query
        frame.loc[frame["path"].isin(frame.loc[frame["part"] == "train", "path"]), "part"] = "train"
        frame = frame.drop_duplicates("path", ignore_index=True)
        for folder, part in ((output / name, "train"), (output / "strangers" / name, "stranger")):
            folder.mkdir(parents=True, exist_ok=True)
            images = folder / "images"
            if not images.is_symlink():
                images.symlink_to((data / name / "images").resolve())
            frame[frame["part"] == part].drop(columns="part").to_csv(folder / "annotations.csv", index=False)
        frame.to_csv(output / name / "parts.csv", index=False)
        print(f"{name}: {frame['part'].value_counts().to_dict()}, {len(strangers)} strangers of {len(animals)} animals")


class Photos:
    """A data set's photos, described.

    Attributes:
        frame: `path`, `part`, `identity`, `encounter`, `side`, a row a photo.
        vectors: Unit vectors (n, d).
        coats: float16 (n, PLACES, SIZE + 1).
    """

    def __init__(self, data: Path, parts: Path, name: str, coat: str, model: str, cache: Path) -> None:
        from reid.embed import embed_crops, load_network
        from reid.embed.crops import crop_picture
        from reid.match import Coats, load_coat
        from reid.photos import read_labelled

        crops, _ = read_labelled(data / name / "annotations.csv", True, cache=cache / "scan")
        crops = crops.drop_duplicates("path", ignore_index=True)
        done = embed_crops(data / name, crops, load_network(model), cache / "vectors")
        rows = {str(row["crop_id"]): {str(k): v for k, v in row.items()} for row in done.crops.to_dict("records")}
        self.network, self.fingerprint = load_coat(coat).network, load_coat(coat).fingerprint
        coats = Coats(
            load_coat(coat), rows, lambda crop_id, longest: crop_picture(data / name, rows[crop_id], longest), cache
        )
        coats.prepare(list(rows))
        part = pd.read_csv(parts / name / "parts.csv", dtype=str).set_index("path")["part"]
        self.frame = pd.DataFrame(
            {
                "path": done.crops["path"].to_numpy(dtype=object),
                "part": part.loc[done.crops["path"]].to_numpy(),
                "identity": done.crops["identity"].to_numpy(),
                "encounter": done.crops["encounter"].fillna(done.crops["path"]).to_numpy(),
                "side": done.crops["orientation"].to_numpy(dtype=object),
            }
        )
        self.vectors = done.vectors
        self.coats = np.stack([coats.places(str(crop_id)) for crop_id in done.crops["crop_id"]])

    def scores(self, rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cosines of the vectors and likeness of the coats, (r, o); NaN where the sides differ or the photo is the same."""
        side = self.frame["side"].to_numpy()
        off = (side[rows][:, None] != side[others]) | (rows[:, None] == others)
        cosine = self.vectors[rows] @ self.vectors[others].T
        return np.where(off, np.nan, cosine), np.where(off, np.nan, self.likeness(rows, others))

    def likeness(self, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        """How alike the coats of all pairs are, (r, o)."""
        from reid.match.coat import likeness
        from reid.progress import track

        return np.stack([likeness(self.coats[n], self.coats[others], self.network) for n in track(rows, "alike")])


def first(scores: np.ndarray, right: np.ndarray, barred: np.ndarray | None = None) -> tuple[float, float]:
    """Shares of the queries whose best, and one of whose best five, is right; what is barred is left out."""
    left = np.where(np.isnan(scores) | (barred if barred is not None else False), -np.inf, scores)
    order = np.argsort(-left, axis=1)[:, :5]
    hits = np.take_along_axis(right & np.isfinite(left), order, axis=1)
    return float(hits[:, 0].mean()), float(hits.any(1).mean())


def known(photos: Photos) -> dict[str, object]:
    """Known animals' new photos, and strangers, against the gallery."""
    from sklearn.metrics import roc_auc_score

    part, who, when = (photos.frame[c].to_numpy() for c in ("part", "identity", "encounter"))
    gallery, query, stranger = (np.flatnonzero(part == name) for name in ("train", "query", "stranger"))
    found: dict[str, object] = {"queries": len(query), "gallery": len(gallery), "strangers": len(stranger)}
    cosine, alike = photos.scores(query, gallery)
    right, together = who[query][:, None] == who[gallery], when[query][:, None] == when[gallery]
    for name, scores in (("vectors", cosine), ("coats", alike)):
        one, five = first(scores, right)
        found[name] = {"top1": one, "top5": five, "top1_other_encounters": first(scores, right, together)[0]}
    possible = (right & ~np.isnan(alike)).any(1)
    order = np.argsort(-np.nan_to_num(cosine, nan=-2.0), axis=1)
    found["a right photo among the nearest vectors"] = {
        str(k): float(np.take_along_axis(right, order[:, :k], axis=1).any(1)[possible].mean()) for k in LENGTHS
    }
    narrowed = {}
    for k in LENGTHS:
        near = np.zeros_like(right)
        np.put_along_axis(near, order[:, :k], True, axis=1)
        narrowed[str(k)] = first(alike, right, ~near)[0]
    found["top1 of coats on the nearest vectors"] = narrowed
    _, new = photos.scores(stranger, gallery)
    best = np.r_[np.nanmax(alike, axis=1), np.nanmax(new, axis=1)]
    found["auroc known against new, by the best likeness"] = float(
        roc_auc_score(np.r_[np.ones(len(query)), np.zeros(len(stranger))], best)
    )
    return found


def strangers(photos: Photos, gap: int) -> dict[str, object]:
    """Photos of animals never trained on, among themselves."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    rows = np.flatnonzero(photos.frame["part"].to_numpy() == "stranger")
    who = photos.frame["identity"].to_numpy()[rows]
    cosine, alike = photos.scores(rows, rows)
    when = pd.to_numeric(photos.frame["encounter"].iloc[rows], errors="coerce").to_numpy(float)
    near = np.abs(when[:, None] - when) < gap if np.isfinite(when).all() else np.zeros(alike.shape, bool)
    right = who[:, None] == who
    pair = np.triu(~np.isnan(alike) & ~near, 1)
    out: dict[str, object] = {"photos": len(rows), "animals": len(set(who)), "pairs": int(pair.sum())}
    asked = (right & ~near & ~np.isnan(alike)).any(1)
    for name, scores in (("vectors", cosine), ("coats", alike)):
        out[name] = {
            "top1": first(scores[asked], right[asked], near[asked])[0],
            "auroc": float(roc_auc_score(right[pair], scores[pair])),
            "average_precision": float(average_precision_score(right[pair], scores[pair])),
        }
    return out


def speed(photos: Photos) -> dict[str, float]:
    """Pairs a second: one coat against 200, the median of seven rounds."""
    from reid.match.coat import likeness

    rounds = []
    for _ in range(7):
        start = time.perf_counter()
        for query in range(5):
            likeness(photos.coats[query], photos.coats[:200], photos.network)
        rounds.append(1000 / (time.perf_counter() - start))
    return {"pairs a second": float(np.median(rounds))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("split", "judge"):
        one = verbs.add_parser(verb)
        one.add_argument("--data", type=Path, required=True, help="folder with nyala/ and atrw/")
        if verb == "split":
            one.add_argument("--output", type=Path, required=True, help="folder for the training tables")
    judge = verbs.choices["judge"]
    judge.add_argument("--split", type=Path, required=True, help="folder of `split`")
    judge.add_argument("--coat", required=True, help="folder of the training")
    judge.add_argument("--model", default="lite0-imagenet", help="network of the vectors, not trained on what is asked")
    chosen = parser.parse_args()
    if chosen.verb == "split":
        return split(chosen.data, chosen.output)
    from reid.match import load_coat

    found: dict[str, object] = {"coat": load_coat(chosen.coat).fingerprint, "model": chosen.model}
    for name in SETS:
        photos = Photos(chosen.data, chosen.split, name, chosen.coat, chosen.model, chosen.split / "cache")
        if name == "nyala":
            found["known nyala"] = known(photos)
            found["speed"] = speed(photos)
        found[f"strangers of {name}"] = strangers(photos, GAP)
    text = json.dumps(found, indent=1)
    print(text)
    results = Path(__file__).parent / "results" / "matching.json"
    results.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""From labelled animals to the pairs that LightGlue learns from, and those that it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reid.errors import ConfigError, InputError
from reid.match.glue import Glue
from reid.match.local import LocalMatcher
from reid.progress import track
from reid.store import RowStore, digest
from reid.tables import UNKNOWN
from reid.train.classes import LabelSettings, usable
from reid.train.datasets import labels_hash, read_data_sets
from reid.train.glue_module import Look, Pair
from reid.train.glue_pairs import drawn_animals, same_pairs, strangers
from reid.train.glue_settings import GlueSettings
from reid.train.glue_spots import Spots
from reid.train.glue_targets import agreed, of_copy
from reid.train.holdout import ValidationSettings, hold_out

__all__ = ["GlueMaterial", "prepare_glue"]

SCHEMA = pa.schema([("here", pa.binary()), ("there", pa.binary()), ("score", pa.float64())])
PART = 32
"""Pairs whose targets are written together: what a kill can cost."""
TARGETS = "targets-1"
"""Of how targets are found; kept ones of another are not used."""
JUDGED = 2
"""Most pairs of one flank that are judged."""
FEWEST = 2
"""Spots without which a crop has nothing to compare."""


@dataclass(frozen=True)
class GlueMaterial:
    """What LightGlue is trained on.

    Attributes:
        spots: Of all crops.
        pools: Pairs to learn from, by kind.
        judged: Pairs of held-out animals; empty where nothing is held out.
        same: bool, which of these show one animal.
        left_out: Table of dataset, path, reason.
        facts: JSON-like: each data set's hash and numbers, and how many pairs of each kind.
    """

    spots: Spots
    pools: dict[str, list[Pair]]
    judged: list[Pair]
    same: np.ndarray
    left_out: pd.DataFrame
    facts: dict[str, Any]


def prepare_glue(
    sources: Sequence[str],
    matcher: LocalMatcher,
    weak: Glue,
    settings: GlueSettings,
    labels: LabelSettings,
    validation: ValidationSettings,
    seed: int,
    cache: Path,
) -> GlueMaterial:
    """Read, divide by individuals, seek the spots, and find the targets.

    Args:
        sources: Data sets, as for `read_data_sets`.
        matcher: Seeks the spots; its fingerprint is that of the starting weights.
        weak: The starting weights, with the least confidence that may count.
        settings: Which pairs.
        labels: Which labels do.
        validation: How many individuals are held out.
        seed: Of what is drawn.
        cache: Folder for spots and targets; runs may share it.

    Raises:
        ConfigError: something else than individuals is to be held out.
        InputError: there is only one individual, no flank was seen in two encounters, or nothing is left to learn from.
        ReidError: the data do not do; the message says why.
    """
    if validation.share and validation.rules != ("identity",):
        raise ConfigError(
            f"validation.by={validation.by!r}: LightGlue is judged by pairs of animals that it never saw; set "
            "validation.by=identity, or hold nothing out by validation.share=0."
        )
    frame, unread = read_data_sets(sources, cache / "scan")
    known = frame[frame["identity"].notna() & (frame["identity"] != UNKNOWN)]
    if len(known[["dataset", "identity"]].drop_duplicates()) < 2:
        raise InputError(
            f"the labels name {known['identity'].nunique()} individual, and telling two apart needs two; add labelled photos of others."
        )
    rows, unused = usable(frame, labels)
    parts = hold_out(rows, validation, frame)
    train = parts.train[drawn_animals(rows.iloc[parts.train], settings.photos, seed)]
    chosen = rows.iloc[train].reset_index(drop=True)
    held = rows.iloc[parts.query].reset_index(drop=True)
    both = pd.concat([chosen, held], ignore_index=True)
    same = same_pairs(chosen, settings.gap, settings.most, seed)
    if not same:
        raise InputError(
            "no pair to learn from: no flank of an individual was seen in two encounters"
            + (f" {settings.gap} apart; lower glue.gap" if settings.gap else "; add photos of recaptures")
            + (", or take in more animals by glue.photos=0." if settings.photos else ".")
        )
    others = strangers(chosen, np.arange(len(chosen)), settings.gap, settings.hard * len(same), seed)
    judged, truth = _judged(held, len(chosen), settings, validation.seed)
    spots = Spots(matcher, both, seed, cache / "features")
    looks = [(row, view) for row in range(len(chosen)) for view in range(1 + settings.views)]
    bad = spots.prepare([*looks, *((look.row, 0) for pair in judged for look in pair[:2])])
    bare = [row for row in _rows(looks, judged) if row not in bad and _bare(spots, row)]
    bad |= dict.fromkeys(bare, "it shows hardly a spot")
    kept = np.array([not {pair.here.row, pair.there.row} & set(bad) for pair in judged], bool)
    good = [pair for pair, is_kept in zip(judged, kept, strict=True) if is_kept]
    pools = _pools(spots, weak, settings, same, others, len(chosen), bad, cache)
    if not any(pool and getattr(settings, kind) for kind, pool in pools.items()):
        raise InputError(
            f"no pair to learn from: of {len(same)} pairs of one flank none agrees on a map, and no other kind is drawn; lower "
            "glue.agree, or set glue.made and glue.others above 0."
        )
    lost = both.iloc[sorted(bad)][["dataset", "path"]].assign(reason=[bad[row] for row in sorted(bad)])
    left_out = pd.concat([unread, unused, lost], ignore_index=True).drop_duplicates(ignore_index=True)
    facts = {
        str(name): {
            "hash": labels_hash(own),
            "training_crops": int((chosen["dataset"] == name).sum()),
            "training_individuals": int(chosen.loc[chosen["dataset"] == name, "identity"].nunique()),
            "held_out_individuals": int(held.loc[held["dataset"] == name, "identity"].nunique()),
        }
        for name, own in frame.groupby("dataset")
    }
    counts = {"tried": len(same), **{kind: len(pool) for kind, pool in pools.items()}, "judged": len(good)}
    return GlueMaterial(spots, pools, good, truth[kept], left_out, {**facts, "pairs": counts})


def _judged(held: pd.DataFrame, first: int, settings: GlueSettings, seed: int) -> tuple[list[Pair], np.ndarray]:
    """Pairs of held-out animals, whose rows are numbered from `first`, and which show one animal."""
    if not len(held):
        return [], np.zeros(0, bool)
    same = same_pairs(held, settings.gap, JUDGED, seed)[: settings.judged]
    # the same photos, so that both kinds of pairs are as hard to see; of few animals all photos
    among = np.unique(np.array(same, int).ravel())
    others = strangers(held, among, settings.gap, 2 * settings.judged, seed)
    others = others or strangers(held, np.arange(len(held)), settings.gap, 2 * settings.judged, seed)
    if not same or not others:
        raise InputError(
            f"the {held['identity'].nunique()} individuals that were held out give {len(same)} pairs of one animal and {len(others)} "
            "of two; raise validation.share, lower glue.gap, or set validation.share=0."
        )
    pairs = [Pair(Look(first + a), Look(first + b)) for a, b in (*same, *others)]
    return pairs, np.arange(len(pairs)) < len(same)


def _rows(looks: Sequence[tuple[int, int]], judged: Sequence[Pair]) -> list[int]:
    return sorted({row for row, _ in looks} | {look.row for pair in judged for look in pair[:2]})


def _bare(spots: Spots, row: int) -> bool:
    return len(spots.get(row).points) < FEWEST


def _pools(
    spots: Spots,
    weak: Glue,
    settings: GlueSettings,
    same: Sequence[tuple[int, int]],
    others: Sequence[tuple[int, int]],
    crops: int,
    bad: dict[int, str],
    cache: Path,
) -> dict[str, list[Pair]]:
    """Pairs to learn from, by kind, with their targets."""
    same, others = ([pair for pair in pairs if not set(pair) & set(bad)] for pairs in (same, others))
    told = _told(spots, weak, settings, [*same, *others], cache)
    found = [(pair, told[n][0]) for n, pair in enumerate(same)]
    scores = [told[len(same) + n][1] for n in range(len(others))]
    hardest = [max(part, key=scores.__getitem__) for part in _parts(range(len(others)), settings.hard)]
    made = []
    for row in (row for row in range(crops) if row not in bad):
        for view in range(1, 1 + settings.views):
            copy = spots.get(row, view)
            if len(copy.points) >= FEWEST:
                targets = of_copy(spots.get(row), copy, spots.change(row, view))
                made.append(Pair(Look(row), Look(row, view), targets))
    return {
        "same": [Pair(Look(a), Look(b), targets) for (a, b), targets in found if targets is not None],
        "made": made,
        "others": [Pair(Look(others[n][0]), Look(others[n][1])) for n in hardest],
    }


def _told(
    spots: Spots, weak: Glue, settings: GlueSettings, pairs: Sequence[tuple[int, int]], cache: Path
) -> list[tuple[tuple[np.ndarray, np.ndarray] | None, float]]:
    """Of each pair what geometry tells of its spots, and how alike the starting weights find it; kept in the cache."""
    store = RowStore(cache / "targets", SCHEMA)
    how = [TARGETS, spots.matcher.fingerprint, weak.threshold, settings.geometry, settings.agree]
    keys = [digest(spots.key(a), spots.key(b), how, length=24) for a, b in pairs]
    rows = store.get(keys)
    todo = [n for n, key in enumerate(keys) if key not in rows]
    for part in track(_parts(todo, PART), "targets", unit="part"):
        features = [(spots.get(pairs[n][0]), spots.get(pairs[n][1])) for n in part]
        fresh = {}
        for n, shown, (matches, confidences) in zip(part, features, weak.match(features), strict=True):
            boxes = list(spots.rows[pairs[n][0]]["bbox"]), list(spots.rows[pairs[n][1]]["bbox"])
            targets = agreed(*shown, matches, boxes, settings.geometry, settings.agree)
            here, there = (t.astype(np.int32).tobytes() for t in targets) if targets else (b"", b"")
            fresh[keys[n]] = {"here": here, "there": there, "score": float(confidences.sum())}
        store.add(fresh)
        rows |= fresh
    return [(_unpacked(rows[key]), float(rows[key]["score"])) for key in keys]


def _parts(items: Sequence[int], size: int) -> list[Sequence[int]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _unpacked(row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    if not row["here"]:
        return None
    return np.frombuffer(row["here"], np.int32), np.frombuffer(row["there"], np.int32)

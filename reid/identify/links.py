"""From scored pairs of crops to links between encounters, and between encounters and known individuals."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from reid.identify.pictures import same_pictures
from reid.identify.vote import PRIOR, agreed, pair_side
from reid.tables import LINKS, from_rows, records

__all__ = ["link_encounters"]

SAME_PICTURE = 1.0


def link_encounters(
    matches: pd.DataFrame,
    encounter_of: Mapping[str, str],
    individual_of: Mapping[str, str] | None = None,
    vote: str = "best",
    side_of: Mapping[str, str] | None = None,
    prior: float = PRIOR,
    keys: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One link for each two that have a scored match.

    Args:
        matches: Matches table; queries are crops of this season.
        encounter_of: Encounter of every crop of this season.
        individual_of: Individual of every crop of the catalogue.
        vote: `best` takes the probability of the most probable pair; `all` that of all pairs (see `reid.identify.vote`).
        side_of: What each crop shows, from `reid.identify.vote.crop_sides`; for `all`.
        prior: Share of pairs of one animal that the probabilities expect; for `all`.
        keys: Of the pixels of each crop, from `picture_keys`: two that hold the same picture are linked for certain, and
            pairs that compare the same two pictures again do not count.

    Returns:
        Links table; a pair of encounters stands once, the name that sorts first as `encounter`. `query` and `candidate`
        are the most probable pair.
    """
    individual_of, side_of, keys = individual_of or {}, side_of or {}, keys or {}
    pairs: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    best: dict[tuple[str, str, str], tuple[str, str]] = {}
    compared: set[tuple[str, ...]] = set()
    rows = matches.sort_values(["probability", "query", "candidate"], ascending=[False, True, True], kind="stable")
    for row in records(rows):
        here, query, candidate = encounter_of[row.query], row.query, row.candidate
        if candidate in individual_of:
            other, kind = individual_of[candidate], "individual"
        else:
            other, kind = encounter_of[candidate], "encounter"
            if other == here:
                continue
            if other < here:
                here, other, query, candidate = other, here, candidate, query
        pixels = (here, kind, other, *sorted((keys.get(query, query), keys.get(candidate, candidate))))
        if pixels in compared:
            continue
        compared.add(pixels)
        best.setdefault((here, kind, other), (query, candidate))
        side = pair_side(side_of.get(query, ""), side_of.get(candidate, ""))
        pairs.setdefault((here, kind, other), []).append((float(row.probability), side))
    probability = {
        ends: found[0][0] if vote == "best" else round(agreed(found, prior), 6) for ends, found in pairs.items()
    }
    for ends, crops in same_pictures(keys, encounter_of, individual_of).items():
        best[ends], probability[ends] = crops, SAME_PICTURE
    return from_rows(
        [
            {
                "encounter": here,
                "other": other,
                "kind": kind,
                "probability": probability[here, kind, other],
                "query": best[here, kind, other][0],
                "candidate": best[here, kind, other][1],
            }
            for here, kind, other in sorted(best)
        ],
        LINKS,
    )

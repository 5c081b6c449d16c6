"""From scored pairs of crops to links between encounters, and between encounters and known individuals."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from reid.tables import LINKS, from_rows, records

__all__ = ["link_encounters"]


def link_encounters(
    matches: pd.DataFrame, encounter_of: Mapping[str, str], individual_of: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """One link for each pair that has a scored match: the most probable one is its evidence.

    Args:
        matches: Matches table; queries are crops of this season.
        encounter_of: Encounter of every crop of this season.
        individual_of: Individual of every crop of the catalogue.

    Returns:
        Links table; a pair of encounters stands once, the name that sorts first as `encounter`.
    """
    individual_of = individual_of or {}
    best: dict[tuple[str, str, str], dict[str, object]] = {}
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
        best.setdefault(
            (here, kind, other),
            {
                "encounter": here,
                "other": other,
                "kind": kind,
                "probability": row.probability,
                "query": query,
                "candidate": candidate,
            },
        )
    return from_rows([best[key] for key in sorted(best)], LINKS)

"""The census: what a season adds up to, as one dictionary and two tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reid._version import __version__
from reid.counts.interval import Count, encounter_flanks
from reid.errors import TableError
from reid.tables import (
    CROPS,
    DECISIONS,
    PHOTOS,
    PROBLEMS,
    SIGHTINGS,
    UNKNOWN,
    Column,
    Table,
    check,
    from_rows,
)

__all__ = ["INDIVIDUALS", "census_tables", "interval_meaning"]

INDIVIDUALS = Table(
    "individuals",
    ("identity",),
    (
        Column("identity", "str", "the individual's name", True),
        Column("decision", "str", "known to the catalogue before, or new", True, values=("known", "new")),
        Column("flanks", "str", "sides seen this season: left, right, other; joined by '; '", True),
        Column("encounters", "int", "how often it was met", True, low=1),
        Column("crops", "int", "boxes that show it", True, low=1),
        Column("photos", "int", "photos that show it", True, low=1),
        Column("stations", "str", "where it was seen, joined by '; '"),
        Column("first_seen", "time", "local time"),
        Column("last_seen", "time", "local time"),
        Column("probability", "float", "of its weakest decision", True, low=0, high=1),
        Column("mean_probability", "float", "over its encounters", True, low=0, high=1),
    ),
)


def interval_meaning(count: Count) -> dict[str, str]:
    """What the interval covers and what it does not, one sentence each."""
    return {
        "covers": (
            f"It spans {100 * count.confidence:g} % of random draws of what is still open: links between "
            "encounters that may be wrong or missed, undecided encounters that may be known animals or "
            "strangers, and animals known from one side only that may be the same."
        ),
        "does_not_cover": (
            "It leaves out animals that passed no camera, animals that no detection box shows, wrongly named "
            "flanks, wrong clocks or stations, and a calibration that does not fit this place: it counts the "
            "animals photographed and is no estimate of the population."
        ),
    }


def census_tables(
    crops: pd.DataFrame,
    decisions: pd.DataFrame,
    count: Count,
    photos: pd.DataFrame,
    problems: pd.DataFrame,
    settings: Mapping[str, Any] | None = None,
    fingerprint: str = "",
    calibration: str = "",
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Put a season together.

    Args:
        crops: A CROPS table; each with the encounter it belongs to.
        decisions: A DECISIONS table, one row for every encounter.
        count: The season's count, see `reid.counts.count`.
        photos: A PHOTOS table.
        problems: A PROBLEMS table.
        settings: What the run was asked to do, as JSON-like values; kept as given.
        fingerprint: Of the weights and preprocessing that made the vectors.
        calibration: In words, where the probabilities come from.

    Returns:
        The census (JSON-like, with times as text), the SIGHTINGS table, and the INDIVIDUALS table.

    Raises:
        TableError: a table breaks its rules, or a crop has no encounter or its encounter no decision.
    """
    crops, decisions = check(crops, CROPS), check(decisions, DECISIONS)
    photos, problems = check(photos, PHOTOS), check(problems, PROBLEMS)
    sightings = _sightings(crops, decisions)
    individuals = _individuals(sightings, decisions)
    unreadable = int(photos["error"].notna().sum())
    with_animal = int(crops["image_id"].nunique())
    dates = photos["date"].dropna()
    by_decision = individuals["decision"].value_counts()
    census = {
        "individuals": count.best,
        "interval": {
            "low": count.low,
            "high": count.high,
            "confidence": count.confidence,
            "means": interval_meaning(count),
        },
        "by_flank": {
            "left_only": count.left_only,
            "right_only": count.right_only,
            "both": count.both,
            "neither": count.neither,
        },
        "known": int(by_decision.get("known", 0)),
        "new": int(by_decision.get("new", 0)),
        "unsure": count.unsure_encounters,
        "encounters": len(decisions),
        "photos": {
            "found": len(photos),
            "unreadable": unreadable,
            "with_animal": with_animal,
            "without_animal": len(photos) - unreadable - with_animal,
        },
        "stations": int(photos["station"].nunique()),
        "period": {"first": _text(dates.min()), "last": _text(dates.max())},
        "problems": {str(stage): int(n) for stage, n in problems["stage"].value_counts().sort_index().items()},
        "settings": dict(settings or {}),
        "fingerprint": fingerprint,
        "calibration": calibration,
        "version": __version__,
    }
    return census, sightings, individuals


def _text(time: Any) -> str | None:
    return None if pd.isna(time) else f"{time:%Y-%m-%d %H:%M:%S}"


def _sightings(crops: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    by_encounter = decisions.set_index("encounter")[["identity", "decision", "probability"]]
    lost = crops.loc[~crops["encounter"].isin(by_encounter.index)]
    if len(lost):
        row = lost.iloc[0]
        what = (
            "no encounter"
            if pd.isna(row["encounter"])
            else f"the encounter {row['encounter']!r}, which has no decision"
        )
        raise TableError(
            f"the crop {row['crop_id']!r} has {what}; every crop needs an encounter, and each of those a decision."
        )
    rows = crops.drop(columns="identity").join(by_encounter, on="encounter")
    rows = rows.sort_values(["path", "crop_id"], kind="stable")
    return check(rows[SIGHTINGS.names], SIGHTINGS)


def _individuals(sightings: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    named = sightings[(sightings["identity"] != UNKNOWN) & (sightings["decision"] != "unsure")]
    by_name = dict(list(decisions.groupby("identity")))
    rows = []
    for identity, seen in named.groupby("identity", sort=True):
        decided = by_name[identity]
        flanks = set().union(*encounter_flanks(seen).values())
        rows.append(
            {
                "identity": identity,
                "decision": "known" if (decided["decision"] == "known").any() else "new",
                "flanks": "; ".join(sorted(flanks, key=("left", "right", "other").index)),
                "encounters": seen["encounter"].nunique(),
                "crops": len(seen),
                "photos": seen["path"].nunique(),
                "stations": "; ".join(sorted(seen["station"].dropna().unique())) or None,
                "first_seen": seen["date"].min(),
                "last_seen": seen["date"].max(),
                "probability": decided["probability"].min(),
                "mean_probability": decided["probability"].mean(),
            }
        )
    return from_rows(rows, INDIVIDUALS)

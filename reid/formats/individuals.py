"""The individuals of a survey, a row each: sides, first and last sight, where; and what is known of sex and age."""

from __future__ import annotations

import pandas as pd

from reid.formats.model import Survey
from reid.photos.stations import natural
from reid.tables import Column, Table, from_rows

__all__ = ["INDIVIDUALS", "individuals_of"]

INDIVIDUALS = Table(
    "individuals",
    ("identity",),
    (
        Column("identity", "str", "the individual's name", True),
        Column("species", "str", "scientific name; several are joined by '; '"),
        Column("sex", "str", "what its sightings say; nothing where they contradict each other"),
        Column("life_stage", "str", "at its last sighting that says one"),
        Column("flanks", "str", "sides seen: left, right, front, back; joined by '; '"),
        Column("first_seen", "time", "local time"),
        Column("last_seen", "time", "local time"),
        Column("encounters", "int", "how often it was met; photos without an encounter count one each", low=0),
        Column("photos", "int", "photos that show it", low=1),
        Column("stations", "str", "where it was seen, joined by '; '"),
    ),
)


def individuals_of(survey: Survey) -> pd.DataFrame:
    """The named animals of a survey as a table, in natural order of their names."""
    seen = survey.named.merge(survey.photos[["path", "date", "station"]], on="path", how="left")
    rows = []
    for name, group in sorted(seen.groupby("identity"), key=lambda item: natural(str(item[0]))):
        group = group.sort_values("date", kind="stable", na_position="first")
        sexes, stages = group["sex"].dropna().unique(), group["life_stage"].dropna()
        flanks = set(group["orientation"])
        rows.append(
            {
                "identity": name,
                "species": "; ".join(sorted(group["species"].dropna().unique())) or None,
                "sex": sexes[0] if len(sexes) == 1 else None,
                "life_stage": None if stages.empty else stages.iloc[-1],
                "flanks": "; ".join(side for side in ("left", "right", "front", "back") if side in flanks) or None,
                "first_seen": group["date"].min(),
                "last_seen": group["date"].max(),
                "encounters": group["encounter"].fillna(group["path"]).nunique(),
                "photos": group["path"].nunique(),
                "stations": "; ".join(sorted(group["station"].dropna().unique(), key=natural)) or None,
            }
        )
    return from_rows(rows, INDIVIDUALS)

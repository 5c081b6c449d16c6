"""Several seasons: who is known, who came, who stayed, who is gone, and how fast individuals are discovered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reid.abundance.times import local_times
from reid.errors import TableError
from reid.tables import UNKNOWN

__all__ = ["discovery", "fates", "known_by_season", "presence", "residency"]


def presence(sightings: pd.DataFrame) -> pd.DataFrame:
    """Who was met in which season.

    Args:
        sightings: Columns `identity` and `season`; a season is anything that sorts, such as a year. Rows without a
            name, or with "unknown", do not count.

    Returns:
        Individuals, sorted × seasons, sorted; true where met.

    Raises:
        TableError: a column is missing, or a named sighting has no season.

    >>> rows = pd.DataFrame({"identity": ["A", "A", "B"], "season": [2014, 2015, 2015]})
    >>> presence(rows).to_numpy().tolist()
    [[True, True], [False, True]]
    """
    rows = _named(sightings, ["identity", "season"])
    if rows["season"].isna().any():
        raise TableError(f"{int(rows['season'].isna().sum())} sightings have no season; fill it in or leave them out.")
    table = pd.crosstab(rows["identity"], rows["season"]) > 0
    return table.sort_index().sort_index(axis=1)


def known_by_season(met: pd.DataFrame) -> pd.DataFrame:
    """Known individuals by season.

    Args:
        met: Individuals × seasons, as `presence` makes it.

    Returns:
        One row per season: `met`; `new`, for the first time; `survived`, met in the season before as well;
        `returned`, met earlier but not in the season before; `not_met`, met earlier but not now; of those
        `alive_anyway`, as they were met later; `gone`, whose last season was the one before; `alive`, at least so
        many were (met now, or before and after); `known`, ever met up to then. The last seasons' `alive` is low, as
        nobody was met after them yet.
    """
    now = met.to_numpy(bool)
    if not now.size:
        raise TableError(
            "no individual was met in any season; there is nothing to follow. `reid review` names what a census left open."
        )
    before = np.cumsum(now, axis=1) - now > 0
    after = np.cumsum(now[:, ::-1], axis=1)[:, ::-1] - now > 0
    previous = np.hstack([np.zeros((len(now), 1), bool), now[:, :-1]])
    return pd.DataFrame(
        {
            "met": now.sum(axis=0),
            "new": (now & ~before).sum(axis=0),
            "survived": (now & previous).sum(axis=0),
            "returned": (now & before & ~previous).sum(axis=0),
            "not_met": (~now & before).sum(axis=0),
            "alive_anyway": (~now & before & after).sum(axis=0),
            "gone": (previous & ~now & ~after).sum(axis=0),
            "alive": (now | (before & after)).sum(axis=0),
            "known": (now | before).sum(axis=0),
        },
        index=pd.Index(met.columns, name="season"),
    )


def fates(met: pd.DataFrame) -> pd.DataFrame:
    """What became of each individual.

    Args:
        met: Individuals × seasons, as `presence` makes it.

    Returns:
        One row per individual: `first` and `last` season, `seasons` it was met in, and `fate` in the last season:
        "new", "survived" (met in the season before as well), "returned", or "not met".
    """
    seasons = list(met.columns)
    rows = []
    for name, row in zip(met.index, met.to_numpy(bool), strict=True):
        at = np.flatnonzero(row)
        if not len(at):
            continue
        if not row[-1]:
            fate = "not met"
        elif len(at) == 1:
            fate = "new"
        else:
            fate = "survived" if row[-2] else "returned"
        rows.append(
            {"identity": name, "first": seasons[at[0]], "last": seasons[at[-1]], "seasons": len(at), "fate": fate}
        )
    return pd.DataFrame(rows, columns=["identity", "first", "last", "seasons", "fate"])


def discovery(sightings: pd.DataFrame) -> pd.DataFrame:
    """How many individuals were known after each encounter, and how many chance alone would have.

    Args:
        sightings: Columns `identity` and `date`, and `encounter` where there is one; without it each row counts.

    Returns:
        One row per encounter, by date: `date`, `encounters` so far, `individuals` so far, and `expected`, the mean
        over all orders of the encounters (the sample rarefaction curve).
    """
    rows = _named(sightings, ["identity", "date"]).assign(date=lambda frame: local_times(frame["date"]))
    if "encounter" in rows.columns:
        rows = rows.sort_values(["date", "encounter"], kind="stable").drop_duplicates(["encounter", "identity"])
    rows = rows.dropna(subset=["date"]).sort_values(["date", "identity"], kind="stable")
    total = len(rows)
    so_far = (~rows["identity"].duplicated()).cumsum().to_numpy()
    times = rows["identity"].value_counts().to_numpy()
    return pd.DataFrame(
        {
            "date": rows["date"].to_numpy(),
            "encounters": np.arange(1, total + 1),
            "individuals": so_far,
            "expected": [_rarefied(times, total, m) for m in range(1, total + 1)],
        }
    )


def _rarefied(times: np.ndarray, total: int, drawn: int) -> float:
    """Individuals expected among `drawn` of `total` encounters."""
    from scipy.special import gammaln

    left = total - times
    with np.errstate(invalid="ignore"):
        log_missed = gammaln(left + 1) - gammaln(left - drawn + 1) - gammaln(total + 1) + gammaln(total - drawn + 1)
    return float((1 - np.where(left < drawn, 0.0, np.exp(log_missed))).sum())


def residency(sightings: pd.DataFrame) -> pd.DataFrame:
    """Where each individual lives.

    Args:
        sightings: Columns `identity`, `station`, `date`, and `encounter` where there is one.

    Returns:
        One row per individual and station: `encounters`, `share` of the individual's, `first` and `last` date,
        `days` between them, and `months` in which it was there.
    """
    rows = _named(sightings, ["identity", "station", "date"]).dropna(subset=["station"])
    rows = rows.assign(date=local_times(rows["date"]))
    if "encounter" not in rows.columns:
        rows = rows.assign(encounter=np.arange(len(rows)))
    grouped = rows.groupby(["identity", "station"], sort=True)
    out = grouped.agg(encounters=("encounter", "nunique"), first=("date", "min"), last=("date", "max")).reset_index()
    out.insert(3, "share", out["encounters"] / out.groupby("identity")["encounters"].transform("sum"))
    out["days"] = (out["last"] - out["first"]).dt.days
    out["months"] = grouped["date"].agg(lambda dates: dates.dt.to_period("M").nunique()).to_numpy()
    return out


def _named(sightings: pd.DataFrame, needed: list[str]) -> pd.DataFrame:
    missing = [name for name in needed if name not in sightings.columns]
    if missing:
        raise TableError(f"the sightings lack {', '.join(missing)}; needed are {', '.join(needed)}.")
    name = sightings["identity"].astype("string").str.strip()
    named = name.notna() & ~name.str.lower().isin([UNKNOWN, ""]).fillna(True)
    return sightings[named].assign(identity=name[named].astype(str)).reset_index(drop=True)

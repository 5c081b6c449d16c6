"""A season's population: every model by each flank and both, with the identification error carried, or why there is none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from reid.abundance.captured import FLANKS, Captured, capture_season
from reid.abundance.closed import estimate
from reid.abundance.density import SPATIAL_ROWS, spatial_estimates
from reid.abundance.flanks import average, by_flank
from reid.abundance.histories import History
from reid.abundance.misid import carry_error, one_error
from reid.abundance.result import Estimate, undefined
from reid.abundance.settings import PopulationSettings
from reid.errors import TableError

__all__ = ["ROWS", "Population", "estimate_population"]

ROWS = ("model", "flanks", "identities", "n", "se", "low", "high", "captured", "notes")
"""Columns of the closed estimates. `identities` is "as named", or "drawn" with the undecided ones carried."""
FEW = 20
"""Recaptures below which an estimate is warned of: the relative error is about one over their root (Efford and
Boulanger 2019), more than a fifth."""


@dataclass(frozen=True)
class Population:
    """What a season says of its population.

    Attributes:
        headline: The estimate that is named first; not defined where the captures do not allow one.
        density: Animals per 100 km², from the spatial model; None where there is none.
        estimates: Closed estimates, columns `ROWS`.
        spatial: Spatial estimates, columns `SPATIAL_ROWS`.
        errors: What one false merge or split would do to the headline's model, by flank.
        captures: By flank: animals, captures on different occasions, recaptures, stations with a capture.
        refusals: What is not estimated, and why.
        cautions: What to know before using the numbers, sentences.
        occasions: How many, of how many days, from when.
    """

    headline: Estimate
    density: Estimate | None
    estimates: pd.DataFrame
    spatial: pd.DataFrame
    errors: pd.DataFrame
    captures: pd.DataFrame
    refusals: dict[str, str]
    cautions: tuple[str, ...]
    occasions: int
    occasion_days: float
    start: pd.Timestamp | None

    @property
    def stands(self) -> bool:
        """Whether there is an estimate at all."""
        return self.headline.defined


def estimate_population(
    sightings: pd.DataFrame,
    links: pd.DataFrame,
    stations: pd.DataFrame,
    period: tuple[pd.Timestamp, pd.Timestamp] | None = None,
    settings: PopulationSettings | None = None,
    apart: Iterable[Collection[str]] = (),
) -> Population:
    """Estimate how many animals there are, met or not. See `capture_season` for the tables.

    Raises:
        TableError: the tables do not belong together.
        ConfigError: lengths of the state space that do not fit.
    """
    settings = settings or PopulationSettings()
    try:
        season = capture_season(sightings, links, stations, period, settings, apart)
    except TableError as error:
        if sightings["date"].notna().any():
            raise
        return _nothing(str(error), settings)
    captures = pd.DataFrame([_captures(flank, season.named[flank]) for flank in FLANKS])
    refusals = {
        f"from {row['flank']} flanks": why
        for row in captures.to_dict("records")
        if (why := _too_few(row, settings.least_recaptures))
    }
    fit = [flank for flank in FLANKS if f"from {flank} flanks" not in refusals]
    rows, headline = _closed(season, fit, settings)
    errors = [_errors(season.named[flank], flank, settings) for flank in fit]
    spatial, density, why = spatial_estimates(season, fit, settings)
    if why:
        refusals["density"] = why
    return Population(
        headline,
        density,
        pd.DataFrame(rows, columns=list(ROWS)),
        pd.DataFrame(spatial, columns=list(SPATIAL_ROWS)),
        pd.concat(errors, ignore_index=True) if errors else pd.DataFrame(columns=["flanks", "error"]),
        captures,
        refusals,
        (*season.cautions, *_cautions(captures, fit, season)),
        season.occasions,
        season.occasion_days,
        season.start,
    )


def _nothing(why: str, settings: PopulationSettings) -> Population:
    return Population(
        headline=undefined(settings.headline, 0, why, settings.confidence),
        density=None,
        estimates=pd.DataFrame(columns=list(ROWS)),
        spatial=pd.DataFrame(columns=list(SPATIAL_ROWS)),
        errors=pd.DataFrame(columns=["flanks", "error"]),
        captures=pd.DataFrame(columns=["flank", "animals", "captures", "recaptures", "met_again", "stations"]),
        refusals={"the population": why},
        cautions=(),
        occasions=0,
        occasion_days=0.0,
        start=None,
    )


def _captures(flank: str, history: History) -> dict[str, object]:
    caught = history.caught
    return {
        "flank": flank,
        "animals": len(history.animals),
        "captures": int(caught.sum()),
        "recaptures": int(caught.sum() - len(history.animals)),
        "met_again": int((caught.sum(axis=1) > 1).sum()),
        "stations": int(history.counts.any(axis=(0, 1)).sum()),
    }


def _too_few(row: dict[str, object], least: int) -> str:
    if not row["animals"]:
        return "no named animal was met with this flank"
    if int(str(row["recaptures"])) < least:
        again = int(str(row["recaptures"]))
        return (
            f"{row['animals']} animals were met with this flank and {again or 'none'} of them again on another occasion"
            if again < 2
            else f"there are {again} recaptures of {row['animals']} animals"
        ) + f"; at least {least} recaptures are needed"
    return ""


def _closed(season: Captured, fit: list[str], settings: PopulationSettings) -> tuple[list[dict[str, object]], Estimate]:
    rows: list[dict[str, object]] = []
    names = season.names(settings.draws, settings.seed)
    headline = undefined(settings.headline, _least(season), "too few recaptures", settings.confidence)
    for model in settings.models:
        of = partial(_estimate, model=model, confidence=settings.confidence)
        named = {flank: of(season.named[flank]) for flank in fit}
        drawn = {
            flank: carry_error(
                season.encounters[flank],
                season.labels(flank, names),
                partial(estimate, model=model, confidence=settings.confidence, interval="none"),
                settings.draws,
                settings.seed,
                settings.confidence,
            )
            for flank in fit
            if settings.draws
        }
        for identities, found in (("as named", named), ("drawn", drawn)):
            rows += [_row(model, flank, identities, one) for flank, one in found.items()]
            if len(found) == 2:
                least = _least(season) if identities == "as named" else 0
                bound = max(least, *(one.captured for one in found.values()))
                found["averaged"] = average(found["left"], found["right"], bound)
                rows.append(_row(model, "averaged", identities, found["averaged"]))
        if model == settings.headline and fit:
            best = drawn or named
            headline = best.get("averaged", best[fit[0]])
            if len(fit) == 2:
                ends = by_flank(season.named["left"], season.named["right"], of, seed=settings.seed)
                rows.append(_row(model, "joined, fewest", "as named", ends.fewest))
                rows.append(_row(model, "joined, most", "as named", ends.most))
    return rows, headline


def _least(season: Captured) -> int:
    """The fewest animals that the names of both flanks allow."""
    names = [set(season.named[flank].animals) for flank in FLANKS]
    both = names[0] & names[1]
    return len(both) + max(len(side - both) for side in names)


def _estimate(history: History, model: str, confidence: float) -> Estimate:
    return estimate(history, model, confidence)


def _row(model: str, flanks: str, identities: str, e: Estimate) -> dict[str, object]:
    return {
        "model": model, "flanks": flanks, "identities": identities, "n": e.n, "se": e.se, "low": e.low, "high": e.high,
        "captured": e.captured, "notes": "; ".join(e.warnings),
    }  # fmt: skip


def _errors(history: History, flank: str, settings: PopulationSettings) -> pd.DataFrame:
    of = partial(estimate, model=settings.headline, interval="none")
    found = one_error(history, of, seed=settings.seed)
    found.insert(0, "flanks", flank)
    return found


def _cautions(captures: pd.DataFrame, fit: list[str], season: Captured) -> list[str]:
    out = []
    few = captures[captures["flank"].isin(fit) & (captures["recaptures"] < FEW)]
    if len(few):
        said = " and ".join(f"{row['recaptures']} of {row['flank']} flanks" for row in few.to_dict("records"))
        out.append(
            f"Recaptures are few, {said}: with less than {FEW} an estimate errs by more than a fifth, and the interval "
            "itself is rough."
        )
    length = season.occasions * season.occasion_days
    if length > 90:
        out.append(
            f"The season has {length:.0f} days. A closed model takes for granted that nobody was born, died, came or "
            "left; over more than three months that is bold for a large cat."
        )
    return out

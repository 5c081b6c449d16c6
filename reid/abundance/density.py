"""A season's density: the spatial model by each flank and both, with the identification error carried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reid.abundance.captured import Captured
from reid.abundance.flanks import average
from reid.abundance.histories import History
from reid.abundance.misid import carry_error
from reid.abundance.result import Estimate
from reid.abundance.scr import SpatialEstimate, fit_spatial
from reid.abundance.settings import PopulationSettings
from reid.errors import TableError

__all__ = ["SPATIAL_ROWS", "spatial_estimates"]

SPATIAL_ROWS = ("quantity", "flanks", "identities", "value", "se", "low", "high", "notes")


def spatial_estimates(
    season: Captured, fit: list[str], settings: PopulationSettings
) -> tuple[list[dict[str, object]], Estimate | None, str]:
    """Fit the spatial model to the flanks that are fit for it.

    Returns:
        Rows of `SPATIAL_ROWS`; the density per 100 km², if there is one; and why there is none, empty where there is.

    Raises:
        TableError: a spatial model was asked for, and stations have no coordinates.
    """
    if settings.spatial == "no":
        return [], None, ""
    if season.without_place:
        if settings.spatial == "yes":
            raise TableError(season.without_place)
        return [], None, season.without_place
    if not fit:
        return [], None, "too few recaptures of either flank"
    rows: list[dict[str, object]] = []
    found: dict[str, dict[str, Estimate]] = {"as named": {}, "drawn": {}}
    why = ""
    names = season.names(settings.spatial_draws, settings.seed)
    for flank in fit:
        of = _spatial_model(settings)
        one = of(season.named[flank])
        if not one.density.defined:
            why = f"{flank} flanks: {'; '.join(one.density.warnings)}"
            continue
        found["as named"][flank] = one.density
        rows += _spatial_rows(flank, one)
        if settings.spatial_draws:
            # every draw on one state space, so that only who is who differs
            again = partial(fit_spatial, detector=settings.detector, function=settings.function, mask=one.mask)
            drawn = carry_error(
                season.encounters[flank],
                season.labels(flank, names),
                lambda h, again=again: again(h).density,  # type: ignore[misc]
                settings.spatial_draws,
                settings.seed,
                settings.confidence,
                floor_captured=False,
            )
            found["drawn"][flank] = drawn
            rows.append(_spatial_row("density per 100 km2", flank, "drawn", drawn))
    for identities, by in found.items():
        if len(by) == 2:
            by["averaged"] = average(by["left"], by["right"])
            rows.append(_spatial_row("density per 100 km2", "averaged", identities, by["averaged"]))
    best = found["drawn"] or found["as named"]
    if not best:
        return rows, None, why
    density = best.get("averaged") or next(iter(best.values()))
    return rows, replace(density, model="spatial, animals per 100 km2"), ""


def _spatial_model(settings: PopulationSettings) -> Callable[[History], SpatialEstimate]:
    return partial(
        fit_spatial,
        detector=settings.detector,
        function=settings.function,
        buffer=settings.buffer or None,
        spacing=settings.spacing or None,
        confidence=settings.confidence,
    )


def _spatial_rows(flank: str, one: SpatialEstimate) -> list[dict[str, object]]:
    rows = [_spatial_row("density per 100 km2", flank, "as named", one.density)]
    for name, found in (
        ("animals in the state space, met or missed", one.realised),
        ("animals expected there", one.expected),
    ):
        if found is not None:
            rows.append(_spatial_row(name, flank, "as named", found))
    for parameter in one.detection:
        unit = "sigma, metres" if parameter.name == "sigma" else parameter.name
        rows.append(
            {"quantity": unit, "flanks": flank, "identities": "as named", "value": parameter.value, "se": parameter.se,
             "low": parameter.low, "high": parameter.high, "notes": ""}
        )  # fmt: skip
    if one.mask is not None:
        rows.append({**dict.fromkeys(SPATIAL_ROWS), "quantity": "state space, km2", "flanks": flank,
                     "identities": "as named", "value": one.mask.area_km2, "notes": ""})  # fmt: skip
    return rows


def _spatial_row(quantity: str, flank: str, identities: str, e: Estimate) -> dict[str, object]:
    return {
        "quantity": quantity, "flanks": flank, "identities": identities, "value": e.n, "se": e.se, "low": e.low,
        "high": e.high, "notes": "; ".join(e.warnings),
    }  # fmt: skip

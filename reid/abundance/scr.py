"""Spatial capture–recapture by maximum likelihood: density, detection, and the animals of the state space.

Home ranges have their middles at random over the state space (a Poisson process of constant density), as in Borchers
and Efford (2008). The density is concentrated out, so the search is over the two parameters of detection alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from reid.abundance.detection import FUNCTIONS, Captures, captures
from reid.abundance.histories import History
from reid.abundance.mask import Mask, make_mask
from reid.abundance.result import Estimate, check_confidence, log_normal_limits, normal_quantile, undefined
from reid.abundance.spatial import SpatialModel, covariance_of, profile_density
from reid.errors import ConfigError, TableError, choices

__all__ = ["Parameter", "SpatialEstimate", "fit_spatial"]

PER_100_KM2 = 100.0


@dataclass(frozen=True)
class Parameter:
    """One number of the detection function, with its interval."""

    name: str
    value: float
    se: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class SpatialEstimate:
    """What a spatial model says. Where it says nothing, `density.defined` is False and `density.warnings` says why."""

    detector: str
    function: str
    density: Estimate
    """Animals per 100 km²."""
    expected: Estimate | None = None
    """Animals that a state space of this area has on average."""
    realised: Estimate | None = None
    """Animals that were in it: those met, and those that must have been missed."""
    detection: tuple[Parameter, ...] = ()
    """g0 or lambda0, and sigma in metres."""
    log_likelihood: float | None = None
    aic: float | None = None
    mask: Mask | None = None
    warnings: tuple[str, ...] = ()


def fit_spatial(
    history: History,
    detector: str = "proximity",
    function: str = "halfnormal",
    buffer: float | None = None,
    spacing: float | None = None,
    mask: Mask | None = None,
    confidence: float = 0.95,
    interval: str = "wald",
) -> SpatialEstimate:
    """Estimate density and abundance from captures in space.

    Args:
        history: With coordinates. Its effort, where there is any, scales the hazard of detection.
        detector: "proximity" (met or not on each occasion), "count" (Poisson counts), or "multi" (a trap that holds).
        function: "halfnormal" (g0) or "hazard" (lambda0).
        buffer: Metres of state space around the stations; by default four times sigma, found on the way.
        spacing: Metres between points of the state space.
        mask: A state space of your own, instead of both.
        confidence: Of the intervals.
        interval: Of the density: "wald" on the log scale, or "profile" of the likelihood, which takes longer.

    Raises:
        ConfigError: no such detector, function or interval, or a length not above 0.
        TableError: stations without coordinates, or captures where nothing watched.
    """
    confidence = check_confidence(confidence)
    if function not in FUNCTIONS:
        raise ConfigError(f"no detection function {function!r}; there are {choices(FUNCTIONS)}.")
    if interval not in ("wald", "profile"):
        raise ConfigError(f"no {interval!r} interval of a density; there are profile, wald.")
    stations = history.coordinates
    if stations is None or not np.isfinite(stations).all():
        lost = len(history.stations) if stations is None else int((~np.isfinite(stations)).any(axis=1).sum())
        raise TableError(
            f"{lost} of {len(history.stations)} stations have no coordinates; a spatial model needs them all. Fill them in, or leave the spatial model out."
        )
    data = captures(history.counts, history.effort, detector)
    reason = _why_not(history.counts)
    if reason:
        return SpatialEstimate(detector, function, undefined("scr", data.animals, reason, confidence))
    sigma = _moved(history.counts, stations)
    model, theta = _search(data, stations, function, sigma, buffer, spacing, mask)
    return _report(model, theta, detector, confidence, interval)


def _why_not(counts: np.ndarray) -> str:
    if not len(counts) or not counts.any():
        return "no animal was met"
    if counts.shape[2] < 2:
        return "there is one station; how far animals move cannot be seen"
    if (counts.any(axis=1).sum(axis=1) < 2).all():
        return "no animal was met at two stations, so how far animals move cannot be seen"
    return ""


def _moved(counts: np.ndarray, stations: np.ndarray) -> float:
    """A first sigma: how far captures lie from the middle of their animal's, pooled."""
    by_station = counts.sum(axis=1).astype(float)
    times = by_station.sum(axis=1)
    middles = (by_station @ stations) / times[:, None]
    spread = (by_station * ((stations[None] - middles[:, None]) ** 2).sum(axis=2)).sum()
    return max(sqrt(spread / (2 * max(float((times - 1).sum()), 1.0))), 1.0)


def _search(
    data: Captures,
    stations: np.ndarray,
    function: str,
    sigma: float,
    buffer: float | None,
    spacing: float | None,
    mask: Mask | None,
) -> tuple[SpatialModel, np.ndarray]:
    """The model and its best point; a buffer that was not given grows until it is four times sigma."""
    from scipy.optimize import minimize

    width = buffer or 4 * sigma
    start = np.array([-2.0, log(sigma)])
    for attempt in range(4):
        model = SpatialModel(data, stations, mask or make_mask(stations, width, spacing), function)

        def cost(theta: np.ndarray, model: SpatialModel = model) -> float:
            return -model.concentrated(theta)

        # A simplex finds the hill from afar, the gradient its top.
        if attempt == 0:
            start = minimize(cost, start, method="Nelder-Mead", options={"xatol": 0.05, "fatol": 0.05, "maxiter": 80}).x
        best = minimize(cost, start, method="BFGS", options={"gtol": 1e-4})
        theta = best.x if np.isfinite(best.fun) else start
        needed = 4 * exp(float(theta[1]))
        if mask is not None or buffer is not None or width >= 0.95 * needed:
            break
        width, start = 1.1 * needed, theta
    return model, theta


def _report(model: SpatialModel, theta: np.ndarray, detector: str, confidence: float, interval: str) -> SpatialEstimate:
    n = model.data.animals
    _, area = model.parts(theta)
    density = n / area
    point = np.array([log(density), *theta])
    covariance = covariance_of(lambda at: -model.log_likelihood(at[0], at[1:]), point)
    sigma = model.natural(theta)[1]
    warnings = _warnings(model.mask, sigma, covariance)
    z = normal_quantile(confidence)
    value = model.log_likelihood(point[0], theta)

    spread = None if covariance is None else sqrt(covariance[0, 0])
    low, high = (0.0, None) if spread is None else (density * exp(-z * spread), density * exp(z * spread))
    if interval == "profile":
        low, high = profile_density(model, point, confidence, spread or 0.3)
    area_km2 = model.mask.area_km2

    def scaled(name: str, factor: float) -> Estimate:
        return Estimate(
            name,
            density * factor,
            None if spread is None else density * factor * spread,
            low * factor,
            None if high is None else high * factor,
            n,
            confidence,
            tuple(warnings),
            {"interval": interval},
        )

    return SpatialEstimate(
        detector,
        model.function,
        scaled("scr density per 100 km2", PER_100_KM2),
        scaled("scr expected N", area_km2),
        _realised(model, point, covariance, confidence, warnings),
        _detection(model, theta, covariance, z),
        value,
        6 - 2 * value,
        model.mask,
        tuple(warnings),
    )


def _warnings(mask: Mask, sigma: float, covariance: np.ndarray | None) -> list[str]:
    warnings = []
    if mask.buffer is not None and mask.buffer < 3 * sigma:
        warnings.append(
            f"the buffer of {mask.buffer:.0f} m is below three times sigma ({sigma:.0f} m), so the density is too high; "
            f"give {4 * sigma:.0f} m or more"
        )
    if mask.spacing > sigma:
        warnings.append(
            f"the spacing of {mask.spacing:.0f} m is coarser than sigma ({sigma:.0f} m); give {sigma / 2:.0f} m"
        )
    if covariance is None:
        warnings.append("the likelihood is flat at its top; there are no standard errors")
    return warnings


def _detection(
    model: SpatialModel, theta: np.ndarray, covariance: np.ndarray | None, z: float
) -> tuple[Parameter, ...]:
    names = ("g0" if model.function == "halfnormal" else "lambda0", "sigma")
    values = model.natural(theta)
    if covariance is None:
        return tuple(Parameter(name, value, None, None, None) for name, value in zip(names, values, strict=True))
    out = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        spread = sqrt(covariance[i + 1, i + 1])
        ends = [model.natural(theta + sign * z * spread * np.eye(2)[i])[i] for sign in (-1, 1)]
        slope = value * (1 - value) if name == "g0" else value
        out.append(Parameter(name, value, slope * spread, *ends))
    return tuple(out)


def _realised(
    model: SpatialModel, point: np.ndarray, covariance: np.ndarray | None, confidence: float, warnings: list[str]
) -> Estimate:
    """Animals met and animals missed, with the error of both the parameters and the chance of being missed."""
    n = model.data.animals

    def missed(at: np.ndarray) -> float:
        return exp(at[0]) * model.missed(at[1:])

    unseen = missed(point)
    if covariance is None:
        return Estimate("scr realised N", n + unseen, None, float(n), None, n, confidence, tuple(warnings))
    steps = np.eye(3) * 1e-4
    slope = np.array([(missed(point + s) - missed(point - s)) / 2e-4 for s in steps])
    se = sqrt(float(slope @ covariance @ slope) + unseen)
    low, high = log_normal_limits(n, n + unseen, se, confidence)
    return Estimate(
        "scr realised N", n + unseen, se, low, high, n, confidence, tuple(warnings), {"interval": "log-normal"}
    )

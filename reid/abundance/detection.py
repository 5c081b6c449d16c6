"""How detection falls with distance, and how likely the captures are from each point of the state space.

Everything works on the hazard of detection per unit of effort, h. The half-normal function has
1 - exp(-h) = g0 exp(-d² / 2 sigma²); the hazard half-normal has h = lambda0 exp(-d² / 2 sigma²).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid.errors import ConfigError, TableError, choices

__all__ = ["DETECTORS", "FUNCTIONS", "Captures", "captures", "log_hazard", "log_probability", "never_met"]

DETECTORS = ("proximity", "count", "multi")
"""A camera that notes an animal or not on each occasion; one that counts its visits; a trap that holds it, so that
it is at one place an occasion."""

FUNCTIONS = ("halfnormal", "hazard")


@dataclass(frozen=True)
class Captures:
    """Captures and effort, summed up as far as the detector allows."""

    detector: str
    animals: int
    effort: np.ndarray
    """Total by station."""
    by_effort: tuple[tuple[float, np.ndarray], ...]
    """For each amount of effort other than 0, the captures made with it: animals × stations."""
    by_occasion: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    """For traps that hold, for each set of occasions with the same effort: that effort by station, captures animals ×
    stations, and occasions caught by animal."""
    constant: float
    """Part of the log-likelihood that holds no parameter."""


def captures(counts: np.ndarray, effort: np.ndarray | None, detector: str) -> Captures:
    """Sum captures up.

    Args:
        counts: Animals × occasions × stations.
        effort: Stations × occasions, in any unit; None where every station watched all the time.
        detector: One of `DETECTORS`.

    Raises:
        ConfigError: no such detector.
        TableError: a capture where nothing watched, two places an occasion for "multi", or effort that is negative,
            not finite, or 0 throughout.
    """
    if detector not in DETECTORS:
        raise ConfigError(f"no detector {detector!r}; there are {choices(DETECTORS)}.")
    animals, occasions, stations = counts.shape
    effort = np.ones((stations, occasions)) if effort is None else np.asarray(effort, dtype=float)
    if effort.shape != (stations, occasions) or not np.isfinite(effort).all() or (effort < 0).any() or not effort.any():
        raise TableError(
            f"effort of the shape {effort.shape} was given; expected are stations × occasions, {(stations, occasions)}, of "
            "numbers from 0, of which one is above 0."
        )
    idle = np.argwhere((counts.sum(axis=0).T > 0) & (effort == 0))
    if len(idle):
        station, occasion = idle[0]
        raise TableError(
            f"station {station + 1} has captures on occasion {occasion + 1}, where its effort is 0; correct one."
        )
    y = counts.astype(float) if detector == "count" else (counts > 0).astype(float)
    if detector == "multi" and (y.sum(axis=2) > 1).any():
        raise TableError("an animal is at two stations on one occasion; use the detector 'proximity'.")
    amounts = [float(t) for t in np.unique(effort[effort > 0])]
    by_effort = (
        tuple((t, (y * np.isclose(effort.T, t, rtol=0, atol=0)[None]).sum(axis=1)) for t in amounts)
        if detector != "multi"
        else ()
    )
    groups = []
    if detector == "multi":
        kinds, which = np.unique(effort.T, axis=0, return_inverse=True)
        for i, kind in enumerate(kinds):
            part = y[:, which.reshape(-1) == i]
            groups.append((kind, part.sum(axis=1), part.any(axis=2).sum(axis=1).astype(float)))
    return Captures(detector, animals, effort.sum(axis=1), by_effort, tuple(groups), _constant(y, detector))


def _constant(y: np.ndarray, detector: str) -> float:
    """Factorials of counts, and of animals that cannot be told apart by their captures."""
    from scipy.special import gammaln

    alike = np.unique(y.reshape(len(y), -1), axis=0, return_counts=True)[1] if len(y) else np.zeros(0)
    constant = -float(gammaln(alike + 1).sum())
    if detector == "count":
        constant -= float(gammaln(y + 1).sum())
    return constant


def log_hazard(squared: np.ndarray, intercept: float, sigma: float, function: str) -> np.ndarray:
    """Log of the hazard of detection.

    Args:
        squared: Squared distances, m².
        intercept: g0, between 0 and 1, for "halfnormal"; lambda0, above 0, for "hazard".
        sigma: Metres.
        function: One of `FUNCTIONS`.
    """
    log_g = np.log(intercept) - squared / (2 * sigma**2)
    if function == "hazard":
        return log_g
    # -log(1 - g) is g itself where g is small; there its logarithm would be lost to rounding.
    small = log_g < -18
    return np.where(small, log_g, np.log(-np.log1p(-np.exp(np.where(small, -1.0, np.minimum(log_g, -1e-12))))))


def never_met(data: Captures, log_h: np.ndarray) -> np.ndarray:
    """Log-probability that an animal is never met, by point.

    Args:
        log_h: Log-hazard, stations × points.
    """
    return -(data.effort @ np.exp(log_h))


def log_probability(data: Captures, log_h: np.ndarray) -> np.ndarray:
    """Log-probability of each animal's captures, animals × points, without `data.constant`."""
    h = np.exp(log_h)
    out = np.repeat(-(data.effort @ h)[None], data.animals, axis=0)
    if data.detector == "multi":
        for effort, seen, times in data.by_occasion:
            total = effort @ h
            log_effort = np.log(effort, out=np.zeros_like(effort), where=effort > 0)
            # Occasions caught trade "nowhere" for "somewhere", and then for the place.
            out += seen @ log_h + (seen @ log_effort)[:, None] + np.outer(times, _log_somewhere(total) + total)
            out -= np.outer(times, np.log(np.maximum(total, 1e-300)))
        return out
    for amount, seen in data.by_effort:
        if data.detector == "count":
            out += seen @ (log_h + np.log(amount))
        else:
            out += seen @ (_log_somewhere(amount * h, log_h + np.log(amount)) + amount * h)
    return out


def _log_somewhere(hazard: np.ndarray, log_hazard: np.ndarray | None = None) -> np.ndarray:
    """Log of 1 - exp(-hazard), also where the hazard is tiny."""
    small = np.log(np.maximum(hazard, 1e-300)) if log_hazard is None else log_hazard
    return np.where(hazard < 1e-8, small, np.log(-np.expm1(-np.maximum(hazard, 1e-8))))

"""The likelihood of captures in space, and what its shape says of the error of its best point."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, isfinite, log

import numpy as np

from reid.abundance.detection import Captures, log_hazard, log_probability, never_met
from reid.abundance.mask import Mask

__all__ = ["SpatialModel", "covariance_of", "profile_density"]


class SpatialModel:
    """The likelihood of captures over a state space.

    Args:
        data: Captures summed up.
        stations: Metres, stations × 2.
        mask: The state space.
        function: "halfnormal" or "hazard".
    """

    def __init__(self, data: Captures, stations: np.ndarray, mask: Mask, function: str) -> None:
        self.data, self.mask, self.function = data, mask, function
        self.squared = ((stations[:, None, :] - mask.points[None, :, :]) ** 2).sum(axis=2)

    def natural(self, theta: np.ndarray) -> tuple[float, float]:
        """Intercept and sigma of a point of the search: logit g0 or log lambda0, and log sigma."""
        # a search steps far off now and then: numbers stay such as floats hold
        first, second = (float(value) for value in np.clip(theta, -30, 30))
        return (1 / (1 + exp(-first)) if self.function == "halfnormal" else exp(first)), exp(second)

    def parts(self, theta: np.ndarray) -> tuple[float, float]:
        """Sum of the log-probabilities of the captures, integrated over the state space, and its effective area.

        Returns:
            The sum, and the km² in which every animal would be met if none were elsewhere.
        """
        log_h = log_hazard(self.squared, *self.natural(theta), self.function)
        by_point = log_probability(self.data, log_h)
        top = by_point.max(axis=1)
        sums = np.log(np.exp(by_point - top[:, None]).sum(axis=1)) + top + log(self.mask.cell_km2)
        area = -np.expm1(never_met(self.data, log_h)).sum() * self.mask.cell_km2
        return float(sums.sum()), float(area)

    def log_likelihood(self, log_density: float, theta: np.ndarray) -> float:
        """Log-likelihood at a density (log of animals per km²) and a point of the search; -inf where it is beyond floats."""
        captured, area = self.parts(theta)
        value = self.data.animals * log_density - exp(log_density) * area + captured + self.data.constant
        return value if isfinite(value) else -inf

    def concentrated(self, theta: np.ndarray) -> float:
        """Log-likelihood at the best density for a point of the search; -inf where nobody could be met."""
        n = self.data.animals
        captured, area = self.parts(theta)
        value = n * log(n / area) - n + captured + self.data.constant if area > 0 else -inf
        return value if isfinite(value) else -inf

    def missed(self, theta: np.ndarray) -> float:
        """km² of the state space, each point weighed by the chance that an animal there is never met."""
        log_h = log_hazard(self.squared, *self.natural(theta), self.function)
        return float(np.exp(never_met(self.data, log_h)).sum() * self.mask.cell_km2)


def covariance_of(cost: Callable[[np.ndarray], float], point: np.ndarray, step: float = 1e-3) -> np.ndarray | None:
    """Inverse of the curvature, by central differences; None where it is no hilltop."""
    size = len(point)
    hessian = np.empty((size, size))
    steps = np.eye(size) * step
    for i in range(size):
        for j in range(i, size):
            corners = [cost(point + a * steps[i] + b * steps[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            hessian[i, j] = hessian[j, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)
    if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian).min() <= 1e-6:
        return None
    return np.linalg.inv(hessian)


def profile_density(
    model: SpatialModel, point: np.ndarray, confidence: float, spread: float
) -> tuple[float, float | None]:
    """Densities where the likelihood, highest over detection, has fallen by half a chi-square."""
    from scipy.optimize import brentq, minimize
    from scipy.special import chdtri

    floor = model.log_likelihood(point[0], point[1:]) - float(chdtri(1, 1 - confidence)) / 2
    start = {"theta": point[1:]}

    def gap(log_density: float) -> float:
        best = minimize(
            lambda t: -model.log_likelihood(log_density, t), start["theta"], method="BFGS", options={"gtol": 1e-3}
        )
        start["theta"] = best.x
        return -best.fun - floor

    limits: list[float | None] = []
    for sign in (-1, 1):
        start["theta"] = point[1:]
        far = next(
            (point[0] + sign * k * spread for k in (2.2, 3, 4, 6, 9) if gap(point[0] + sign * k * spread) < 0), None
        )
        limits.append(None if far is None else exp(float(brentq(gap, point[0], far, xtol=1e-4))))
    return limits[0] or 0.0, limits[1]
